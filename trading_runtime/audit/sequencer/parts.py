"""What a sequencer is made of."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from trading_runtime.audit.keys import DIGEST, LOG, key_path, producer_name, read_key
from trading_runtime.audit.sequencer import intake
from trading_runtime.audit.sequencer.checkpoints import Checkpoints
from trading_runtime.audit.sequencer.digests import Digests
from trading_runtime.audit.sequencer.indexing import Indexing
from trading_runtime.audit.sequencer.recovery import MEMORY
from trading_runtime.audit.settings import AuditSettings
from trading_runtime.errors import Misread
from trading_runtime.evidence import notes
from trading_runtime.evidence.notes import SigningKey, Vkey
from trading_runtime.evidence.trust import Trust
from trading_runtime.journal.diary import Diary


class Keys(NamedTuple):
    """The private keys of the log: for checkpoints, for digests, and for what it says itself."""

    log: SigningKey
    digest: SigningKey
    voice: SigningKey


class Parts(Struct, frozen=True):
    audit: Path
    keys: Keys
    index: Indexing
    diary: Diary
    settings: AuditSettings
    checkpoints: Checkpoints
    digests: Digests
    verify: intake.Verify
    boot: str
    """Of the log itself, in this process."""

    @property
    def memory_path(self) -> Path:
        return self.audit / "sequencer" / MEMORY


def read_keys(audit: Path) -> Keys:
    """Read the log's own keys; raise :exc:`Refused` as :func:`read_key` does."""
    return Keys(
        read_key(key_path(audit, LOG)),
        read_key(key_path(audit, DIGEST)),
        read_key(key_path(audit, producer_name(LOG))),
    )


def verifier(trust: Trust) -> intake.Verify:
    """Give the judge of producers' signatures."""
    key_of: Callable[[str, str], Vkey | None] = lru_cache(maxsize=4096)(trust.producer_vkey)

    def verify(producer_id: str, boot: str, text: bytes, signature: str) -> str:
        key = key_of(producer_id, boot)
        if key is None:
            return f"trust.json names no key for producer {producer_id}"
        try:
            data = notes.decode_base64(signature)
        except Misread as error:
            return str(error)
        return "" if key.verifies(data, text) else f"it is not by the key of {producer_id}"

    return verify

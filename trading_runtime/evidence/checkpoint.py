"""Checkpoints (C2SP tlog-checkpoint): how large a log is and what its root is, in three lines.

Stricter than C2SP: there are no extension lines, for no one audits them, and a root has 32 bytes.
"""

import re

from msgspec import Struct

from trading_runtime.errors import Misread
from trading_runtime.evidence import notes
from trading_runtime.evidence.notes import Signature, SigningKey, Vkey
from trading_runtime.records.merkle import HASH_BYTES

SIZE_MAX = 2**63 - 1

_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_CONTROL = re.compile("[\x00-\x1f]")


class Checkpoint(Struct, frozen=True):
    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Give the three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{notes.encode_base64(self.root)}\n"


def parse_text(text: str) -> Checkpoint:
    """Read the text of a checkpoint; raise :exc:`Misread` (``checkpoint``, ``base64``)."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:  # noqa: PLR2004 -- three lines, and nothing behind the last
        raise Misread("checkpoint", f"{len(lines) - 1} lines where three belong")
    origin, size, root = lines[:3]
    check_origin(origin)
    found = Checkpoint(origin, parse_number(size), notes.decode_base64(root))
    if len(found.root) != HASH_BYTES:
        raise Misread("checkpoint", f"a root of {len(found.root)} bytes")
    return found


def parse_number(text: str) -> int:
    """Read a size or index: decimal without sign, leading zeroes, underscores or spaces."""
    if not _NUMBER.fullmatch(text) or (number := int(text)) > SIZE_MAX:
        raise Misread("checkpoint", f"{text[:40]!r} is no size")
    return number


def check_origin(origin: str) -> None:
    if not origin or _CONTROL.search(origin):
        raise Misread("checkpoint", f"{origin[:120]!r} names no log")


def sign(checkpoint: Checkpoint, *keys: SigningKey) -> bytes:
    """Give the note of a checkpoint, signed by the log's ``keys``."""
    return notes.sign_note(checkpoint.text(), *keys)


def cosign(text: str, key: SigningKey, time_s: int) -> Signature:
    """Sign a checkpoint's text as a witness that saw it at ``time_s`` seconds since 1970."""
    parse_text(text)
    return notes.cosignature_of(text, key, time_s)


def verify_cosignature(text: str, signature: Signature, key: Vkey) -> int:
    """Give the time of a witness's signature, in seconds since 1970.

    Raises :exc:`Misread` (``signature``) where it is not the key's, or wrong.
    """
    if (signature.name, signature.key_id) != (key.name, key.key_id):
        raise Misread("signature", f"{signature.name} is not {key.name}")
    if key.kind is not notes.Kind.COSIGNATURE:
        raise Misread("signature", f"{key.name} is no witness's key")
    notes.check_signature(text, signature, key)
    return signature.time


def unverified(data: bytes) -> tuple[Checkpoint, tuple[Signature, ...]]:
    """Read a checkpoint's note without believing it, to see whom it claims to be from."""
    text, signatures = notes.split(data)
    return parse_text(text), signatures

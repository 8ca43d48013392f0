"""What the log itself has to say, as the producer ``log``: numbered, chained, signed as any other.

Its first entry of each boot is ``LogOpened``, which names the boot before; all of them are of the
entity ``log:<origin>``. Each turn signs what it says, so that no entry stays uncovered.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import final

from msgspec import structs

from trading_runtime.audit.sequencer.intake import LOG, Arrived, Key
from trading_runtime.evidence import entry, notes, submission
from trading_runtime.evidence.canonical import JsonObject
from trading_runtime.evidence.notes import SigningKey
from trading_runtime.evidence.submission import Deed

SERVICE = "audit"

OPENED = "LogOpened"
CLOSED = "ProducerStopped"
ALIVE = "ProducerAlive"
TRUSTED = "TrustDeclared"
TAIL_CUT = "TailCut"
INDEX_REBUILT = "IndexRebuilt"
FORKED = "ForkDeclared"
PRUNED = "FramesPruned"
REPEATED = "EventRepeated"
REUSED = "EventIdReused"
SEQUENCE_REUSED = "SequenceReused"
BROKEN = "SequenceBroken"
WRONG = "SignatureWrong"
UNREADABLE = "SubmissionUnreadable"
DAMAGED = "StreamDamaged"

ALARMS = frozenset({REUSED, SEQUENCE_REUSED, BROKEN, WRONG, UNREADABLE, DAMAGED})
"""What a digest counts as alarms."""
OPERATIONS: Mapping[str, str] = {
    OPENED: "open",
    CLOSED: "close",
    ALIVE: "live",
    TRUSTED: "trust",
    TAIL_CUT: "cut",
    INDEX_REBUILT: "rebuild",
    FORKED: "fork",
    PRUNED: "prune",
    REPEATED: "repeat",
}
"""Of each kind of entry but the alarms, whose operation is ``refuse``."""


@final
class Voice:
    """Owned by the sequencer; one boot."""

    def __init__(self, origin: str, boot: str, key: SigningKey) -> None:
        self._chain = submission.Chain(LOG, boot)
        self._key = key
        self._entity = f"log:{origin}"

    @property
    def key(self) -> Key:
        return LOG, self._chain.boot

    def say(self, event_type: str, found: JsonObject, time_ns: int) -> Arrived:
        """Give the next entry, not signed yet."""
        chain = self._chain
        seq = chain.seq + 1
        deed = Deed(
            event_id=submission.event_id(chain.boot, seq, 0),
            event_time_ns=time_ns,
            service_name=SERVICE,
            event_type=event_type,
            trace_id=None,
            user_id=None,
            entity_id=self._entity,
            client_ip=None,
            operation=OPERATIONS.get(event_type, "refuse"),
            before_state=None,
            after_state=None,
            request_data=found,
        )
        raw = submission.write(deed, LOG, chain.boot, seq, None)
        chain.add(raw)
        read = entry.read_submission(raw)
        return Arrived(self.key, raw, read, sha256(raw).digest(), (), -1, None)

    def sign(self, last: Arrived) -> Arrived:
        """Give what was said last with a signature over all that was said."""
        signature = notes.encode_base64(self._key.sign(self._chain.signed_text()))
        raw = entry.signed(last.raw, signature)
        return structs.replace(last, raw=raw, read=entry.read_submission(raw))

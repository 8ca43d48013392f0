"""What the log itself has to say, as the producer ``log``: numbered, chained and signed like any other.

Its first entry of each boot is ``LogOpened``, which names the boot before; all of them are of the
entity ``log:<origin>``. Each turn signs what it says, so that no entry stays uncovered.
"""

from collections.abc import Mapping, Sequence
from typing import final

from trading_runtime.audit.sequencer.intake import LOG, Arrived, Chain, Key
from trading_runtime.evidence import notes, submission
from trading_runtime.evidence.entry import signed, unsigned_of
from trading_runtime.evidence.notes import SigningKey
from trading_runtime.evidence.submission import Deed
from hashlib import sha256

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

ALARMS = frozenset(
    {REUSED, "SequenceReused", "SequenceBroken", "SignatureWrong", "SubmissionUnreadable", "StreamDamaged"}
)
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


class Saying(tuple[str, Mapping[str, object]]):
    """An event type and its ``requestData``."""

    __slots__ = ()


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

    def say(self, event_type: str, found: Mapping[str, object], time_ns: int) -> Arrived:
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
        return Arrived(raw, submission.read(raw), sha256(raw).digest(), (), -1, None)

    def sign(self, last: Arrived) -> Arrived:
        """Give what was said last with a signature over all that was said."""
        signature = notes.encode_base64(self._key.sign(self._chain.signed_text()))
        raw = signed(last.raw, signature)
        return last._replace(raw=raw, read=submission.read(raw))

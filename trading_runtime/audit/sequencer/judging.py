"""What of a turn becomes entries, and what the log itself says about the rest.

Rules:
 * An event id stands in the log once. The same event under another boot or number is stepped over
   and told (``EventRepeated``); other content under its id is an alarm (``EventIdReused``).
 * A submission whose boot and number the log holds leaves no trace if it is the same one.
 * What is not taken in is kept, after the log has said so; what was kept before is no news.
"""

from collections.abc import Callable, Sequence
from typing import final

from trading_runtime.audit.sequencer import intake, voice
from trading_runtime.audit.sequencer.indexing import Indexing
from trading_runtime.audit.sequencer.intake import Alarm, Arrived
from trading_runtime.audit.sequencer.memory import Sealed
from trading_runtime.audit.sequencer.rejected import Rejected
from trading_runtime.audit.sequencer.voice import Voice
from trading_runtime.evidence import canonical, submission
from trading_runtime.evidence.canonical import JsonObject
from trading_runtime.records.envelope import Stamp
from trading_runtime.records.observations import AuditAlarmed

RECENT_MAX = 65_536
"""Event ids whose content is remembered, so that what is sent again needs no look at the frames."""


@final
class Judging:
    """Owned by the sequencer."""

    def __init__(
        self,
        index: Indexing,
        entry_at: Callable[[int], bytes],
        own: Voice,
        rejected: Rejected,
        tell: Callable[[AuditAlarmed], None],
    ) -> None:
        """``entry_at`` reads an entry from the frames, by its index."""
        self._index = index
        self._entry_at = entry_at
        self._voice = own
        self._rejected = rejected
        self._tell = tell
        self._recent: dict[str, bytes] = {}
        self._refused: list[bytes] = []
        self.alarms = 0
        self.repeated = 0

    def step_over(self, ready: Sequence[Arrived], now: Stamp) -> list[Arrived]:
        """Give what becomes entries: each event once, and a word for each that is not."""
        known = self._index.known([it.read.event_id for it in ready]) if ready else {}
        here: dict[str, Arrived] = {}
        taken = []
        for arrived in ready:
            event_id = arrived.read.event_id
            if event_id in here:
                before = here[event_id].raw
            elif event_id in known:
                before = self._entry_at(known[event_id])
            else:
                here[event_id] = arrived
                taken.append(arrived)
                continue
            taken.append(self._stepped_over(arrived, before, now))
        return taken

    def judge_again(self, again: Sequence[Arrived]) -> list[Alarm]:
        """Give an alarm for each submission that is not the one whose number it has."""
        self.repeated += len(again)
        ids = [it.read.event_id for it in again if not self._is_recent(it)]
        known = self._index.known(ids) if ids else {}
        alarms = []
        for arrived in again:
            index = known.get(arrived.read.event_id)
            same = self._is_recent(arrived) or (
                index is not None and content_of(arrived.raw) == content_of(self._entry_at(index))
            )
            if not same:
                alarms.append(intake.reused(arrived))
        return alarms

    def say(self, alarms: Sequence[Alarm], now: Stamp) -> list[Arrived]:
        """Give a word for each alarm that is about something that was not kept before."""
        said = []
        for alarm in alarms:
            if alarm.rejected and all(map(self._rejected.has, alarm.rejected)):
                continue
            self._refused += alarm.rejected
            event_id = str(alarm.found.get("eventId", ""))
            self.alarm(alarm.kind, alarm.producer_id, event_id, alarm.detail)
            found: JsonObject = {
                "boot": alarm.boot,
                "count": len(alarm.rejected),
                "detail": alarm.detail,
                "producerId": alarm.producer_id,
            }
            said.append(self._voice.say(alarm.kind, found | alarm.found, now.wall))
        return said

    def keep(self, entries: Sequence[Sealed]) -> None:
        """Remember what has become durable, and keep what the log has refused in it."""
        recent = self._recent
        for sealed in entries:
            recent[sealed.read.event_id] = sealed.digest
        while len(recent) > RECENT_MAX:
            del recent[next(iter(recent))]
        for content in self._refused:
            self._rejected.keep(content)
        self._refused.clear()

    def alarm(self, kind: str, producer_id: str, event_id: str, detail: str) -> None:
        self.alarms += 1
        self._tell(AuditAlarmed(alarm=kind, producer=producer_id, event_id=event_id, detail=detail))

    def _is_recent(self, arrived: Arrived) -> bool:
        return self._recent.get(arrived.read.event_id) == arrived.digest

    def _stepped_over(self, arrived: Arrived, before: bytes, now: Stamp) -> Arrived:
        """Say that a submission is not taken in because its event id is in the log."""
        producer = arrived.read.producer
        found: JsonObject = {
            "boot": producer.boot,
            "eventId": arrived.read.event_id,
            "producerId": producer.id,
            "seq": producer.seq,
            "sha256": arrived.digest.hex(),
            "signature": producer.signature,
        }
        if content_of(arrived.raw) == content_of(before):
            return self._voice.say(voice.REPEATED, found, now.wall)
        self._refused.append(submission.envelope(arrived.raw, arrived.blobs))
        self.alarm(
            voice.REUSED, producer.id, arrived.read.event_id, "other content has this event id"
        )
        return self._voice.say(voice.REUSED, found, now.wall)


def content_of(data: bytes) -> bytes:
    """Give what an entry or a submission says happened, without who sent it and where it stands."""
    members = canonical.decode(data)
    for name in ("producer", "previousHash", "version"):
        members.pop(name, None)
    return canonical.encode(members)

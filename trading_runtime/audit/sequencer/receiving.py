"""The streams' end: what they bring is put in order, and they are told what is done with."""

from collections.abc import Callable, Sequence
from typing import final

from trading_runtime.audit.sequencer import intake, voice
from trading_runtime.audit.sequencer.intake import Alarm, Arrived, Chain, Intake, Key
from trading_runtime.audit.streams.source import Damage, Delivery, Source, StreamDown
from trading_runtime.errors import Misread
from trading_runtime.evidence.canonical import JsonObject

TURN_MAX = 2_048
"""Deliveries of a stream in one turn: more would keep a checkpoint waiting."""


@final
class Receiving:
    """Owned by the sequencer."""

    def __init__(
        self, sources: Sequence[Source], ordered: Intake, chain: Callable[[Key], Chain]
    ) -> None:
        self._sources = sources
        self._intake = ordered
        self._chain = chain
        self._tokens: list[tuple[int, object]] = []
        self.alarms: list[Alarm] = []
        """What was found in this turn."""
        self.again: list[Arrived] = []
        """Submissions of this turn whose numbers the log holds already."""
        self.down = 0
        """How many streams did not answer in this turn."""

    @property
    def waiting(self) -> int:
        return self._intake.waiting

    def receive(self, now: int) -> list[Arrived]:
        """Look at each stream, and give the whole batches that are next, boot by boot."""
        self.down = 0
        for place, source in enumerate(self._sources):
            if self._intake.waiting >= intake.WAITING_MAX:
                break
            try:
                brought = source.poll(TURN_MAX)
                for delivery, read in zip(brought, intake.read(brought, place), strict=True):
                    self._look_at(delivery, read, place, now)
            except StreamDown:
                self.down += 1
            self.alarms += map(damaged, source.damages())
        ready = [it for run in self._intake.ready(self._chain, now) for it in run]
        self._intake.expire(self._chain, now)
        self.alarms += self._intake.alarms
        self._intake.alarms.clear()
        self._tokens += [(it.source, it.token) for it in ready]
        return ready

    def done_with(self, tokens: Sequence[tuple[int, object]]) -> None:
        """Let these be committed with what this turn takes in."""
        self._tokens += tokens

    def let_go(self) -> None:
        """Tell the streams what is durable; one that does not hear it brings it again."""
        for place, source in enumerate(self._sources):
            tokens = [token for its, token in self._tokens if its == place]
            if tokens:
                try:
                    source.commit(tokens)
                except StreamDown:
                    self.down += 1
        self._tokens.clear()

    def receipt(self, key: Key, text: bytes) -> bool:
        """Send a producer its receipt; False where a stream does not take it now."""
        try:
            for source in self._sources:
                source.receipt(*key, text)
        except StreamDown:
            return False
        return True

    def _look_at(self, delivery: Delivery, read: Arrived | Misread, place: int, now: int) -> None:
        if isinstance(read, Misread):
            self.alarms.append(unreadable(delivery, place, read))
        elif read.read.producer.seq <= self._chain(read.key).seq:
            self.again.append(read)
        elif not self._intake.offer(read, now):
            self._tokens.append((place, delivery.token))


def unreadable(delivery: Delivery, place: int, error: Misread) -> Alarm:
    return Alarm(
        voice.UNREADABLE,
        delivery.producer_id,
        delivery.boot,
        str(error),
        {"reason": error.reason, "seq": delivery.seq},
        (delivery.envelope,),
        ((place, delivery.token),),
    )


def damaged(damage: Damage) -> Alarm:
    found: JsonObject = {"reason": damage.reason}
    return Alarm(voice.DAMAGED, damage.producer_id, damage.boot, damage.detail, found, (), ())

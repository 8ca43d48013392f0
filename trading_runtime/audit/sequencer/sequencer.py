"""The sequencer: submissions in, entries out, in one order that is durable before it is told.

A turn, in this order: whole signed batches are put in order, sealed, framed and synced (one
``fdatasync``), put into the index, remembered, and only then is the stream told. A checkpoint is
signed between turns over what the index has settled; a digest is written before the first entry of
the next period. Whatever fails raises, nothing is retried here: the next start looks at the disk.

At least once comes in; exactly once stands in the log, by ``eventId``. A submission that came
before leaves no trace; one that cannot be is kept in ``rejected``, and the log says so.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, final

from trading_runtime.audit.index.rows import row_of
from trading_runtime.audit.sequencer import intake, voice
from trading_runtime.audit.sequencer.checkpoints import Checkpoints, Published, Unwitnessed
from trading_runtime.audit.sequencer.digests import Digests
from trading_runtime.audit.sequencer.frame_log import FrameLog
from trading_runtime.audit.sequencer.intake import Alarm, Arrived, Intake, Key
from trading_runtime.audit.sequencer.memory import Memory, Sealed, seal
from trading_runtime.audit.sequencer.parts import Parts
from trading_runtime.audit.sequencer.rejected import Rejected
from trading_runtime.audit.sequencer.tree import write_files
from trading_runtime.audit.sequencer.voice import Voice
from trading_runtime.audit.streams.source import Delivery, Source, StreamDown
from trading_runtime.errors import Misread
from trading_runtime.evidence import canonical, entry, layout, submission
from trading_runtime.evidence.canonical import JsonObject
from trading_runtime.evidence.frames import FrameReader
from trading_runtime.records.envelope import Kind, Stamp
from trading_runtime.records.observations import (
    AuditAlarmed,
    CheckpointPublished,
    DigestPublished,
    WitnessLagging,
)
from trading_runtime.records.units import Nanos

TURN_MAX = 2_048
"""Deliveries of a source in one turn: more would keep a checkpoint waiting."""
RECENT_MAX = 65_536
"""Event ids whose content is remembered, so that what is sent again needs no look at the frames."""
HEADS_MAX = 262_144
"""Entities whose head is remembered, some 60 MB; beyond that all are asked of the index again."""
DIGEST_WAIT_S = 3.0
"""How long the log takes nothing in at the end of a period while witnesses are asked."""


class Counters:
    """What the metrics tell; owned by the sequencer."""

    def __init__(self) -> None:
        self.entries = 0
        self.alarms = 0
        self.repeated = 0
        self.published_at = Nanos(0)
        self.streams_down = 0


class Saying(NamedTuple):
    """What the log has to say itself: an event type and its ``requestData``."""

    event_type: str
    found: JsonObject


@final
class Sequencer:
    """Owned by one thread, like all that it is given."""

    def __init__(
        self,
        parts: Parts,
        memory: Memory,
        sources: Sequence[Source],
        clock: Callable[[], Stamp],
        sayings: Iterable[Saying],
    ) -> None:
        """Go on with the log that was recovered; ``sayings`` are what its first turn says."""
        now = clock()
        self.memory = memory
        self.counters = Counters()
        self._parts = parts
        self._sources = sources
        self._clock = clock
        self._log = layout.log_folder(parts.audit)
        self._frames = FrameLog(self._log, memory.origin, memory.tree.size)
        self._intake = Intake(parts.verify, parts.settings.gap_wait_ns)
        self._voice = Voice(memory.origin, parts.boot, parts.keys.voice)
        self._rejected = Rejected(parts.audit / "rejected")
        self._reader: FrameReader | None = None
        self._sayings = list(sayings)
        self._said_ns = now.at
        self._alarms: list[Alarm] = []
        self._again: list[Arrived] = []
        self._tokens: list[tuple[int, object]] = []
        self._heads: dict[str, tuple[int, str]] = {}
        self._recent: dict[str, bytes] = {}
        self._due = {key for key in memory.lasts if key[0] != intake.LOG}
        self._behind_since = now.at
        self._lag_told = now.at
        self.counters.published_at = now.at

    @property
    def checkpoints(self) -> Checkpoints:
        return self._parts.checkpoints

    @property
    def digests(self) -> Digests:
        return self._parts.digests

    @property
    def unreceipted(self) -> int:
        """Count the entries that no published checkpoint covers."""
        return self.memory.tree.size - self._parts.checkpoints.size

    def turn(self) -> int:
        """Take in what the streams hold; give how many entries that made.

        Raises :exc:`Halt` or :exc:`OSError`: this process takes nothing more.
        """
        now = self._clock()
        if self.digests.due(now.wall):
            self.digest()
        self._receive(now.at)
        batch = self._assembled(now)
        if batch:
            self._store(batch)
        self._reject()
        self._let_go()
        return len(batch)

    def checkpoint(self) -> None:
        """Publish what witnesses have cosigned, and ask them about what is new."""
        now = self._clock()
        self._published(self.checkpoints.finish(0), now.at)
        if self.unreceipted or self._due:
            self._parts.index.settle()
            self.checkpoints.begin(self.memory, self._due)
            self._lag(now.at, "no witness has answered yet")
        else:
            self._behind_since = now.at

    def digest(self) -> None:
        """End the periods that are over: a checkpoint if witnesses answer soon, then digests."""
        self._wait_for_witnesses()
        self.checkpoints.sign(self.memory)
        self.memory.write(self._parts.memory_path)
        for found in self.digests.write(
            self.memory, self.checkpoints.published, self._clock().wall
        ):
            self._tell(
                DigestPublished(
                    number=found.digest_no, size=found.tree_size_to, entities=found.heads.count
                )
            )

    def say(self, event_type: str, found: JsonObject) -> None:
        """Let the next turn say this, as an entry of the log itself."""
        self._sayings.append(Saying(event_type, found))

    def close(self) -> None:
        """End the boot with a word, and ask once more for a checkpoint that covers it."""
        self.say(voice.CLOSED, {})
        self.turn()
        self._wait_for_witnesses()
        self._frames.close()

    def _wait_for_witnesses(self) -> None:
        """Ask for a checkpoint of all there is, and wait a little for it."""
        self._parts.index.settle()
        for _ in range(2):
            # The first answer may be to what was asked before.
            self.checkpoints.begin(self.memory, self._due)
            self._published(self.checkpoints.finish(DIGEST_WAIT_S), self._clock().at)
            if not self.unreceipted:
                break

    def _receive(self, now: int) -> None:
        self.counters.streams_down = 0
        for place, source in enumerate(self._sources):
            if self._intake.waiting >= intake.WAITING_MAX:
                break
            try:
                for delivery in source.poll(TURN_MAX):
                    self._look_at(delivery, place, now)
            except StreamDown:
                self.counters.streams_down += 1
            for damage in source.damages():
                found: JsonObject = {"reason": damage.reason}
                self._alarms.append(
                    Alarm(
                        voice.DAMAGED, damage.producer_id, damage.boot, damage.detail, found, (), ()
                    )
                )
        self._intake.expire(self.memory.chain, now)

    def _look_at(self, delivery: Delivery, place: int, now: int) -> None:
        try:
            arrived = intake.read(delivery, place)
        except Misread as error:
            found: JsonObject = {"reason": error.reason, "seq": delivery.seq}
            self._alarms.append(
                Alarm(
                    voice.UNREADABLE,
                    delivery.producer_id,
                    delivery.boot,
                    str(error),
                    found,
                    (delivery.envelope,),
                    ((place, delivery.token),),
                )
            )
            return
        if arrived.read.producer.seq <= self.memory.held(*arrived.key):
            self._again.append(arrived)
        elif not self._intake.offer(arrived, now):
            self._tokens.append((place, delivery.token))

    def _assembled(self, now: Stamp) -> list[Arrived]:
        """Give what this turn takes in, in its order, what the log says itself among it."""
        runs = list(self._intake.ready(self.memory.chain, now.at))
        ids = [arrived.read.event_id for run in runs for arrived in run]
        known = self._parts.index.known(ids) if ids else {}
        batch = [
            self._voice.say(saying.event_type, saying.found, now.wall) for saying in self._sayings
        ]
        self._sayings.clear()
        here: dict[str, Arrived] = {}
        for run in runs:
            for arrived in run:
                event_id = arrived.read.event_id
                self._tokens.append((arrived.source, arrived.token))
                if event_id in known or event_id in here:
                    same = self._same_but_producer(arrived, here.get(event_id), known.get(event_id))
                    batch.append(self._stepped_over(arrived, now, same=same))
                else:
                    here[event_id] = arrived
                    batch.append(arrived)
        self._judge_again()
        batch += [self._alarmed(alarm, now) for alarm in self._new_alarms()]
        if not batch and now.at - self._said_ns >= self._parts.settings.heartbeat_ns:
            batch.append(self._voice.say(voice.ALIVE, {}, now.wall))
        return self._signed(batch, now)

    def _signed(self, batch: list[Arrived], now: Stamp) -> list[Arrived]:
        """Sign the last of what the log said, for all of it."""
        for place in range(len(batch) - 1, -1, -1):
            if batch[place].read.producer.id == intake.LOG:
                batch[place] = self._voice.sign(batch[place])
                self._said_ns = now.at
                break
        return batch

    def _stepped_over(self, arrived: Arrived, now: Stamp, *, same: bool) -> Arrived:
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
        if same:
            return self._voice.say(voice.REPEATED, found, now.wall)
        self._rejected.keep(submission.envelope(arrived.raw, arrived.blobs))
        self._alarm(
            voice.REUSED, producer.id, arrived.read.event_id, "other content has this event id"
        )
        return self._voice.say(voice.REUSED, found, now.wall)

    def _same_but_producer(self, arrived: Arrived, here: Arrived | None, known: int | None) -> bool:
        if here is not None:
            return content_of(arrived.raw) == content_of(here.raw)
        return known is not None and content_of(arrived.raw) == content_of(self._entry(known))

    def _judge_again(self) -> None:
        """Look at what has a number that the log holds: it leaves no trace if it is the same."""
        ids = [
            it.read.event_id
            for it in self._again
            if self._recent.get(it.read.event_id) != it.digest
        ]
        known = self._parts.index.known(ids) if ids else {}
        self.counters.repeated += len(self._again)
        for arrived in self._again:
            event_id = arrived.read.event_id
            if self._recent.get(event_id) == arrived.digest or (
                event_id in known and self._same_but_producer(arrived, None, known[event_id])
            ):
                self._tokens.append((arrived.source, arrived.token))
            else:
                self._alarms.append(intake.reused(arrived))
        self._again.clear()

    def _new_alarms(self) -> list[Alarm]:
        """Give the alarms of this turn that are about something that was not kept before."""
        self._alarms += self._intake.alarms
        self._intake.alarms.clear()
        return [
            alarm
            for alarm in self._alarms
            if not alarm.rejected or not all(map(self._rejected.has, alarm.rejected))
        ]

    def _alarmed(self, alarm: Alarm, now: Stamp) -> Arrived:
        found: JsonObject = {
            "boot": alarm.boot,
            "count": len(alarm.rejected),
            "detail": alarm.detail,
            "producerId": alarm.producer_id,
        }
        self._alarm(
            alarm.kind, alarm.producer_id, str(alarm.found.get("eventId", "")), alarm.detail
        )
        return self._voice.say(alarm.kind, found | alarm.found, now.wall)

    def _alarm(self, kind: str, producer_id: str, event_id: str, detail: str) -> None:
        self.counters.alarms += 1
        self._tell(AuditAlarmed(alarm=kind, producer=producer_id, event_id=event_id, detail=detail))

    def _reject(self) -> None:
        """Keep what was rejected, after the log has said so."""
        for alarm in self._alarms:
            for content in alarm.rejected:
                self._rejected.keep(content)
            self._tokens += alarm.tokens
        self._alarms.clear()

    def _store(self, batch: Sequence[Arrived]) -> None:
        """Seal, and make durable: blobs, frames, index; then remember."""
        blobs = {
            layout.blob_path(self._log, name): blob
            for arrived in batch
            for name, blob in arrived.named_blobs()
        }
        if blobs:
            write_files({path: blob for path, blob in blobs.items() if not path.exists()})
        sealed = self._sealed(batch)
        self._frames.append([it.data for it in sealed])
        self._parts.index.append(
            [row_of(it.index, it.read, it.version, it.current_hash, it.data) for it in sealed]
        )
        self.memory.take(sealed)
        self.counters.entries += len(sealed)
        for it in sealed:
            if it.read.producer.id != intake.LOG:
                self._due.add((it.read.producer.id, it.read.producer.boot))
                self._recent[it.read.event_id] = it.digest
        while len(self._recent) > RECENT_MAX:
            del self._recent[next(iter(self._recent))]

    def _sealed(self, batch: Sequence[Arrived]) -> list[Sealed]:
        heads = self._heads
        if len(heads) > HEADS_MAX:
            heads.clear()
        unknown = {it.read.entity_id for it in batch if it.read.entity_id not in heads}
        if unknown:
            found = self._parts.index.heads(list(unknown))
            for entity in unknown:
                head = found.get(entity)
                heads[entity] = (
                    (0, entry.genesis(self.memory.origin, entity))
                    if head is None
                    else (head.version, head.current_hash)
                )
        sealed = []
        for index, arrived in enumerate(batch, self.memory.tree.size):
            version, previous = heads[arrived.read.entity_id]
            made = seal(arrived, index, previous, version + 1)
            heads[arrived.read.entity_id] = (made.version, made.current_hash)
            sealed.append(made)
        return sealed

    def _let_go(self) -> None:
        """Tell the streams what is durable; those that do not hear it send it again."""
        for place, source in enumerate(self._sources):
            tokens = [token for its, token in self._tokens if its == place]
            if tokens:
                try:
                    source.commit(tokens)
                except StreamDown:
                    self.counters.streams_down += 1
        self._tokens.clear()

    def _published(self, found: Published | Unwitnessed | None, now: Nanos) -> None:
        if found is None:
            return
        for name in found.set_back:
            self._alarm("WitnessSetBack", "log", "", f"{name} knew less than it had cosigned")
        if isinstance(found, Unwitnessed):
            self._lag(now, found.reason)
            return
        self._tell(
            CheckpointPublished(size=found.checkpoint.size, root=found.checkpoint.root.hex())
        )
        self.counters.published_at = self._behind_since = now
        for key, last, text in found.receipts:
            if self._receipt(key, text) and self.memory.lasts[key] == last:
                self._due.discard(key)

    def _receipt(self, key: Key, text: bytes) -> bool:
        try:
            for source in self._sources:
                source.receipt(*key, text)
        except StreamDown:
            return False
        return True

    def _lag(self, now: Nanos, reason: str) -> None:
        lag = Nanos(now - self._behind_since)
        if min(lag, now - self._lag_told) > self._parts.settings.witness_lag_max_ns:
            self._lag_told = now
            self._tell(WitnessLagging(lag_ns=lag, reason=reason))

    def _entry(self, index: int) -> bytes:
        if self._reader is None or index >= self._reader.size:
            self._reader = FrameReader(self._log, self.memory.origin)
        return self._reader.entry(index)

    def _tell(
        self, body: AuditAlarmed | WitnessLagging | CheckpointPublished | DigestPublished
    ) -> None:
        self._parts.diary.write(Kind.OBSERVATION, body)


def content_of(data: bytes) -> bytes:
    """Give what an entry or a submission says happened, without who sent it and where it stands."""
    members = canonical.decode(data)
    for name in ("producer", "previousHash", "version"):
        members.pop(name, None)
    return canonical.encode(members)

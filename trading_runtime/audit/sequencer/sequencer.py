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

from trading_runtime.audit.sequencer import intake, voice
from trading_runtime.audit.sequencer.checkpoints import Checkpoints, Published, Unwitnessed
from trading_runtime.audit.sequencer.digests import Digests
from trading_runtime.audit.sequencer.frame_log import FrameLog
from trading_runtime.audit.sequencer.intake import Arrived, Intake, Key
from trading_runtime.audit.sequencer.judging import Judging
from trading_runtime.audit.sequencer.memory import Memory, Sealed, seal
from trading_runtime.audit.sequencer.parts import Parts
from trading_runtime.audit.sequencer.receiving import Receiving
from trading_runtime.audit.sequencer.rejected import Rejected
from trading_runtime.audit.sequencer.tree import write_files
from trading_runtime.audit.sequencer.voice import Voice
from trading_runtime.audit.streams.source import Source
from trading_runtime.evidence import entry, layout
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

HEADS_MAX = 262_144
"""Entities whose head is remembered, some 60 MB; beyond that all are asked of the index again."""
DIGEST_WAIT_S = 3.0
"""How long the log takes nothing in at the end of a period while witnesses are asked."""


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
        self.taken = 0
        """Entries of this process."""
        self.published_ns = now.at
        self._parts = parts
        self._clock = clock
        self._log = layout.log_folder(parts.audit)
        self._frames = FrameLog(self._log, memory.origin, memory.tree.size)
        ordered = Intake(parts.verify, parts.settings.gap_wait_ns)
        self._receiving = Receiving(sources, ordered, memory.chain)
        self._voice = Voice(memory.origin, parts.boot, parts.keys.voice)
        self._rejected = Rejected(parts.audit / "rejected")
        self._judging = Judging(parts.index, self._entry, self._voice, self._rejected, self._tell)
        self._reader: FrameReader | None = None
        self._sayings = list(sayings)
        self._said_ns = now.at
        self._heads: dict[str, tuple[int, str]] = {}
        self._due = {key for key in memory.lasts if key[0] != intake.LOG}
        self._receipts: dict[Key, bytes] = {}
        """The newest of each boot that no stream has taken yet."""
        self._behind_since = now.at
        self._lag_told = now.at

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

    @property
    def waiting(self) -> int:
        """Count the submissions that wait for a number or a signature."""
        return self._receiving.waiting

    @property
    def rejected(self) -> int:
        """Count the submissions that were kept instead of taken in."""
        return self._rejected.count

    @property
    def alarms(self) -> int:
        """Count the alarms of this process."""
        return self._judging.alarms

    @property
    def repeated(self) -> int:
        """Count the submissions that came again, in this process."""
        return self._judging.repeated

    @property
    def streams_down(self) -> int:
        """Count the streams that did not answer in the last turn."""
        return self._receiving.down

    def lag_ns(self, now: Nanos) -> Nanos:
        """Say for how long there have been entries that no quorum of witnesses has seen."""
        return Nanos(now - self._behind_since if self.unreceipted else 0)

    def turn(self) -> int:
        """Take in what the streams hold; give how many entries that made.

        Raises :exc:`Halt` or :exc:`OSError`: this process takes nothing more.
        """
        now = self._clock()
        if self.digests.due(now.wall):
            self.digest()
        batch = self._batch(now)
        if batch:
            self._store(batch)
        self._receiving.let_go()
        return len(batch)

    def checkpoint(self) -> None:
        """Publish what witnesses have cosigned, and ask them about what is new."""
        now = self._clock()
        self._published(self.checkpoints.finish(0), now.at)
        self._send_receipts()
        if self.unreceipted:
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
            if self.unreceipted:
                self.checkpoints.begin(self.memory, self._due)
                self._published(self.checkpoints.finish(DIGEST_WAIT_S), self._clock().at)

    def _batch(self, now: Stamp) -> list[Arrived]:
        """Give what this turn takes in, in its order, what the log says itself among it."""
        ready = self._receiving.receive(now.at)
        batch = [self._voice.say(it.event_type, it.found, now.wall) for it in self._sayings]
        self._sayings.clear()
        batch += self._judging.step_over(ready, now)
        alarms, again = self._receiving.alarms, self._receiving.again
        if again:
            alarms += self._judging.judge_again(again)
            self._receiving.done_with([(it.source, it.token) for it in again])
            again.clear()
        if alarms:
            batch += self._judging.say(alarms, now)
            self._receiving.done_with([token for alarm in alarms for token in alarm.tokens])
            alarms.clear()
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
        self._parts.index.append([it.row() for it in sealed])
        self.memory.take(sealed)
        self._judging.keep(sealed)
        self.taken += len(sealed)
        self._due |= {it.key for it in batch if it.read.producer.id != intake.LOG}

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

    def _published(self, found: Published | Unwitnessed | None, now: Nanos) -> None:
        if found is None:
            return
        for name in found.set_back:
            self._judging.alarm(
                "WitnessSetBack", intake.LOG, "", f"{name} knew less than it had cosigned"
            )
        if isinstance(found, Unwitnessed):
            self._lag(now, found.reason)
            return
        self._tell(
            CheckpointPublished(size=found.checkpoint.size, root=found.checkpoint.root.hex())
        )
        self.published_ns = self._behind_since = now
        for key, last, text in found.receipts:
            self._receipts[key] = text
            if self.memory.lasts[key] == last:
                self._due.discard(key)
        self._send_receipts()

    def _send_receipts(self) -> None:
        sent = [key for key, text in self._receipts.items() if self._receiving.receipt(key, text)]
        for key in sent:
            del self._receipts[key]

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

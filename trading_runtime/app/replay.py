"""Play a recorded session back and hold every output against the recorded one.

The inputs are stepped through a core built from the session's own header; what it says must be,
byte for byte, what stands in the journal. Observations are passed over. A session that was cut off
may lack outputs of its very last input, nothing else.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from trading_runtime.app.bodies import as_texts
from trading_runtime.app.build import build_core
from trading_runtime.app.provenance import Provenance, differences
from trading_runtime.core.core import Core
from trading_runtime.errors import Refused
from trading_runtime.journal.reader import JournalDamaged, read_session, records_from_checkpoint
from trading_runtime.records.envelope import Kind, Record, decode_body, decode_input, encode_body
from trading_runtime.records.inputs import SessionOpened, StateCarried
from trading_runtime.records.units import Nanos, Seq


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """The first record that is not what the replay says: its sequence, and both bodies as text."""

    seq: Seq
    cause: Seq
    """The input that both come from."""
    recorded: str
    replayed: str


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay found. ``ok`` says that every output was equal; else ``difference`` is why."""

    session: str
    from_checkpoint: int
    inputs: int
    outputs: int
    checkpoints: int
    last_seq: Seq
    difference: Difference | None
    damage: str
    """Where and how the journal itself cannot be read, empty when all of it can."""
    header: tuple[str, ...]
    """What differs between this machine and the session's header."""

    @property
    def ok(self) -> bool:
        return self.difference is None and not self.damage


class Diverged(Exception):
    """Carries a :class:`Difference` out of the loop."""

    def __init__(self, difference: Difference) -> None:
        super().__init__(f"record {difference.seq} differs")
        self.difference = difference


def open_header(folder: Path) -> SessionOpened:
    """Give a session's header; raise :exc:`Refused` where its journal does not begin with one."""
    for record in read_session(folder):
        body = decode_body(record.body)
        if isinstance(body, SessionOpened):
            return body
        break
    raise Refused(f"{folder}: the journal does not begin with a session's header")


class Replay:
    """Steps a core with a session's inputs and compares; one use."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.inputs = self.outputs = self.checkpoints = 0
        self.last_seq = Seq(0)
        self._cause: Record | None = None
        self._expected: list[bytes] = []
        self._next = 0

    def run(self, records: Iterator[Record]) -> None:
        """Take every record; raise :exc:`Diverged` at the first that is not as replayed."""
        for record in records:
            self.last_seq = record.seq
            if record.kind is Kind.INPUT:
                self._check_complete(record)
                self._step(record)
            elif record.kind is Kind.OUTPUT:
                self._compare(record)

    def restore(self, checkpoint: Record) -> None:
        """Begin at a checkpoint instead of the session's start."""
        body = decode_body(checkpoint.body)
        if not isinstance(body, StateCarried):
            raise Refused(f"record {checkpoint.seq} is no checkpoint")
        self.core.restore(body)
        self.last_seq = checkpoint.seq

    def _step(self, record: Record) -> None:
        self.inputs += 1
        outputs = self.core.step(record.seq, record.stamp.at, decode_input(record.body))
        self._expected = [encode_body(output) for output in outputs]
        self._next = 0
        self._cause = record

    def _compare(self, record: Record) -> None:
        cause = self._cause
        if self._next < len(self._expected):
            expected = self._expected[self._next]
            self._next += 1
            # A checkpoint is asked for by the shell at its own moment; all else is the input's.
            same_stamp = cause is not None and cause.stamp == record.stamp
        else:
            expected = self._checkpoint(record)
            same_stamp = True
        if expected != record.body or not same_stamp:
            raise Diverged(self._difference(record.seq, record.body, expected))
        self.outputs += 1

    def _checkpoint(self, record: Record) -> bytes:
        """Between two inputs the shell may have asked for a checkpoint, and for nothing else."""
        if not isinstance(decode_body(record.body), StateCarried):
            return b""
        self.checkpoints += 1
        return encode_body(self.core.checkpoint(Nanos(record.stamp.at)))

    def _check_complete(self, record: Record) -> None:
        if self._next < len(self._expected):
            raise Diverged(self._difference(record.seq, b"", self._expected[self._next]))

    def _difference(self, seq: Seq, recorded: bytes, replayed: bytes) -> Difference:
        cause = self._cause.seq if self._cause is not None else Seq(0)
        texts = as_texts(recorded, replayed)
        return Difference(seq=seq, cause=cause, recorded=texts[0], replayed=texts[1])


def replay_session(folder: Path, from_checkpoint: int, here: Provenance) -> Replayed:
    """Replay a session from its start or from a checkpoint, up to its end or first difference."""
    header = open_header(folder)
    replay = Replay(build_core(header, here))
    difference: Difference | None = None
    damage = ""
    records = records_from_checkpoint(folder, from_checkpoint)
    try:
        if from_checkpoint:
            replay.restore(next(records))
        replay.run(records)
    except Diverged as diverged:
        difference = diverged.difference
    except JournalDamaged as damaged:
        damage = str(damaged)
    return Replayed(
        session=header.session,
        from_checkpoint=from_checkpoint,
        inputs=replay.inputs,
        outputs=replay.outputs,
        checkpoints=replay.checkpoints,
        last_seq=replay.last_seq,
        difference=difference,
        damage=damage,
        header=differences(header, here),
    )

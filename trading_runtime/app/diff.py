"""An open-loop diff of decisions: what other code would have said to the same inputs, step by step.

A difference is noted and the play goes on; at each checkpoint the recorded state is forced, so that
one difference does not colour all that follows.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from trading_runtime.app.bodies import as_text
from trading_runtime.app.build import build_core
from trading_runtime.app.provenance import Provenance
from trading_runtime.app.replay import Difference, open_header
from trading_runtime.core.core import Core
from trading_runtime.journal.reader import is_checkpoint, read_session
from trading_runtime.records.envelope import Kind, Record, decode_body, decode_input, encode_body
from trading_runtime.records.inputs import SessionOpened, StateCarried
from trading_runtime.records.units import Seq

SHOWN_MAX = 20
"""Differences that are kept whole; the rest is counted."""


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """What differs, counted by event, and the first of it in full."""

    session: str
    steps: int
    differing: int
    forced: int
    """Checkpoints at which the recorded state was taken."""
    recorded_only: dict[str, int]
    """Events that the record has and this code does not say, by name."""
    replayed_only: dict[str, int]
    first: tuple[Difference, ...]


class Step:
    """One input with the outputs that stand behind it in the journal."""

    __slots__ = ("cause", "checkpoint", "outputs")

    def __init__(self, cause: Record) -> None:
        self.cause = cause
        self.outputs: list[bytes] = []
        self.checkpoint: Record | None = None


def steps(records: Iterator[Record]) -> Iterator[Step]:
    """Group records by the input that caused them."""
    step: Step | None = None
    for record in records:
        if record.kind is Kind.INPUT:
            if step is not None:
                yield step
            step = Step(record)
        elif record.kind is Kind.OUTPUT and step is not None:
            if is_checkpoint(record):
                step.checkpoint = record
            else:
                step.outputs.append(record.body)
    if step is not None:
        yield step


def diff_session(folder: Path, running: Provenance) -> Compared:
    """Play all of a session's inputs through what runs here and note what is said differently."""
    header = open_header(folder)
    core = build_core(header, running)
    taken = differing = forced = 0
    gone: Counter[str] = Counter()
    added: Counter[str] = Counter()
    first: list[Difference] = []
    for step in steps(read_session(folder)):
        taken += 1
        replayed = _said(core, step)
        if replayed != step.outputs:
            differing += 1
            recorded_names, replayed_names = _names(step.outputs), _names(replayed)
            gone.update(recorded_names - replayed_names)
            added.update(replayed_names - recorded_names)
            if len(first) < SHOWN_MAX:
                first.append(_difference(step, replayed))
        if step.checkpoint is not None:
            forced += 1
            core = _forced(header, running, step.checkpoint)
    return Compared(
        session=header.session,
        steps=taken,
        differing=differing,
        forced=forced,
        recorded_only=dict(sorted(gone.items())),
        replayed_only=dict(sorted(added.items())),
        first=tuple(first),
    )


def _said(core: Core, step: Step) -> list[bytes]:
    cause = step.cause
    outputs = core.step(cause.seq, cause.stamp.at, decode_input(cause.body))
    return [encode_body(output) for output in outputs]


def _names(bodies: list[bytes]) -> Counter[str]:
    return Counter(decode_body(body).name() for body in bodies)


def _difference(step: Step, replayed: list[bytes]) -> Difference:
    """Name the first output of the step that is not the same, by its sequence."""
    recorded = step.outputs
    place = next(
        (i for i, pair in enumerate(zip(recorded, replayed, strict=False)) if pair[0] != pair[1]),
        min(len(recorded), len(replayed)),
    )
    return Difference(
        seq=Seq(step.cause.seq + 1 + place),
        cause=step.cause.seq,
        recorded=as_text(recorded[place] if place < len(recorded) else b""),
        replayed=as_text(replayed[place] if place < len(replayed) else b""),
    )


def _forced(header: SessionOpened, running: Provenance, checkpoint: Record) -> Core:
    core = build_core(header, running)
    body = decode_body(checkpoint.body)
    if isinstance(body, StateCarried):
        core.restore(body)
    return core

"""Frame in to command bytes out, on a real capture through the product's own session.

Each frame is a turn of its own: its bytes are appended, the core steps, the turn ends, the outputs
are appended and handed to the operating system, and each order's request, signed with HMAC-SHA256,
is written to a socket. The clock starts before the append and stops after the write of the order in
question. The journal is on disk, its sync thread runs, its segments are sealed; the garbage
collector is on as shipped. Frames come back to back, so the threads beside never rest.

What is measured:
 * one order: the first order of a grid of one level a side;
 * the tenth order: the last order of a grid of five levels a side, which all leave in one turn.
   So that a market frame leads to a whole grid, an operator pauses the session every few frames
   and resumes it once all orders have ended; the frame after that is the measured one;
 * the greatest frame of the capture, to the end of its turn.

The split by stage comes from runs of their own, with a clock around each call.
"""

import argparse
import gc
import json
import os
import socket
import statistics
from collections import defaultdict
from pathlib import Path
from time import perf_counter_ns

from benchmarks.rig import Grid, begin, percentile, planned, read_capture, scratch
from trading_runtime.app.feed import MARKET_CONNECTION
from trading_runtime.app.session import Session
from trading_runtime.core.core import Core
from trading_runtime.core.venues.registry import VENUES
from trading_runtime.gateway.capture import CaptureLine, LineKind
from trading_runtime.gateway.keys import ApiKey, KeyKind
from trading_runtime.gateway.signing import Signer
from trading_runtime.journal.writer import JournalWriter
from trading_runtime.records.commands import CancelOrder, Command, PlaceOrder
from trading_runtime.records.envelope import Body, Kind, Output, Stamp
from trading_runtime.records.inputs import (
    Action,
    AnswerReceived,
    FrameReceived,
    Input,
    OperatorCommanded,
)
from trading_runtime.records.instruments import Instrument, Scales
from trading_runtime.records.units import Nanos, Seq

ONE = Grid(levels=1, half_spread_ticks=5, spacing_ticks=10, size_lots=10, interval_ms=100)
TEN = Grid(levels=5, half_spread_ticks=5, spacing_ticks=10, size_lots=10, interval_ms=100)
CYCLE_FRAMES = 60
"""From one pause to the next: a fifth of a second of the capture, ten times the paper latency."""
COLD_FRAMES = 2_000
"""Left out at the start of each run: the signals and the caches warm up."""
MICRO = 1_000

Samples = dict[str, list[float]]


class Wire:
    """Writes requests to a socket that nobody answers, and notes when each had left."""

    def __init__(self, instrument: Instrument) -> None:
        self.left: list[int] = []
        """When each command of this turn had left, by ``perf_counter_ns``."""
        self.places = 0
        self.bytes_ns = 0
        """Spent on request bytes and writing in this turn."""
        self._scales = Scales(instrument)
        venue = VENUES[instrument.venue]
        self._requests = venue.requests
        self._signer = Signer(ApiKey("key", "secret", KeyKind.HMAC), venue.wiring.signing)
        self._near, self._far = socket.socketpair()
        self._out = self._near.fileno()

    def send(self, command: Command, stamp: Stamp) -> None:
        began = perf_counter_ns()
        if isinstance(command, PlaceOrder):
            self.places += 1
            request = self._requests.place(command, self._scales, stamp.at)
        elif isinstance(command, CancelOrder):
            request = self._requests.cancel(command, self._scales, stamp.at)
        else:
            return
        os.write(self._out, self._signer.message(request))
        ended = perf_counter_ns()
        self.left.append(ended)
        self.bytes_ns += ended - began

    def turn_over(self) -> None:
        """Read what was written, and forget it."""
        if self.left:
            self._far.recv(1 << 20)
            self.left.clear()
        self.places = self.bytes_ns = 0

    def close(self) -> None:
        self._near.close()
        self._far.close()


class Stages:
    """Nanoseconds of the current turn by stage."""

    def __init__(self) -> None:
        self.spent: dict[str, int] = defaultdict(int)


class TimedJournal:
    """The journal with a clock around its appends and its hand-over."""

    def __init__(self, journal: JournalWriter, stages: Stages) -> None:
        self.seal_due = journal.seal_due
        self.seal = journal.seal
        self._journal = journal
        self._stages = stages

    def append(self, kind: Kind, stamp: Stamp, body: Body) -> Seq:
        began = perf_counter_ns()
        seq = self._journal.append(kind, stamp, body)
        stage = "append input" if kind is Kind.INPUT else "append outputs"
        self._stages.spent[stage] += perf_counter_ns() - began
        return seq

    def hand_over(self) -> None:
        began = perf_counter_ns()
        self._journal.hand_over()
        self._stages.spent["hand over"] += perf_counter_ns() - began


class TimedCore:
    """The core with a clock around its step."""

    def __init__(self, core: Core, stages: Stages) -> None:
        self.engine = core.engine
        self.intake = core.intake
        self.checkpoint = core.checkpoint
        self._core = core
        self._stages = stages

    def step(self, seq: Seq, at: Nanos, body: Input) -> list[Output]:
        began = perf_counter_ns()
        outputs = self._core.step(seq, at, body)
        stage = "decode, book" if isinstance(body, FrameReceived) else "strategy, diff, risk"
        self._stages.spent[stage] += perf_counter_ns() - began
        return outputs


class Run:
    """One pass over the capture; ``samples`` are microseconds by what was measured."""

    def __init__(self, session: Session, wire: Wire, greatest: int, stages: Stages | None) -> None:
        self.samples: Samples = defaultdict(list)
        self.split: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self._session = session
        self._wire = wire
        self._greatest = greatest
        self._stages = stages
        self._paused = False
        self._resumed = False
        """Since the last measured frame."""

    def play(self, lines: list[CaptureLine]) -> Stamp:
        stamp = Stamp(lines[0].at_ns, lines[0].at_ns)
        for index, line in enumerate(lines):
            self._fire(line.at_ns)
            stamp = Stamp(line.at_ns, line.at_ns)
            self._operate(index, stamp)
            if line.kind is LineKind.FRAME:
                self._frame(index, line.payload, stamp)
            else:
                self._session.take(stamp, snapshot(line.payload))
                self._session.end_turn(stamp)
                self._wire.turn_over()
        return stamp

    def _fire(self, until: int) -> None:
        session = self._session
        due = session.next_timer()
        while due is not None and due < until:
            stamp = Stamp(due, due)
            session.fire_timers(stamp)
            session.end_turn(stamp)
            self._wire.turn_over()
            due = session.next_timer()

    def _operate(self, index: int, stamp: Stamp) -> None:
        """Pause at the start of each cycle; resume from its middle on, once no order is left."""
        place = index % CYCLE_FRAMES
        if place == 0 and not self._paused:
            self._command(Action.PAUSE, stamp)
            self._session.end_turn(stamp)
            self._wire.turn_over()
            self._paused = True
        elif place > CYCLE_FRAMES // 2 and self._paused and not self._open_orders():
            self._command(Action.RESUME, stamp)
            self._session.journal.hand_over()
            self._paused = False
            self._resumed = True

    def _open_orders(self) -> int:
        return self._session.core.engine.open_orders()

    def _command(self, action: Action, stamp: Stamp) -> None:
        body = OperatorCommanded(action=action, user="bench", reason="to quote anew")
        self._session.take(stamp, body)

    def _frame(self, index: int, frame: bytes, stamp: Stamp) -> None:
        session, wire, stages = self._session, self._wire, self._stages
        if stages is not None:
            stages.spent.clear()
        began = perf_counter_ns()
        session.take(stamp, FrameReceived(connection=MARKET_CONNECTION, frame=frame))
        session.end_turn(stamp)
        ended = perf_counter_ns()
        if index >= COLD_FRAMES:
            for name, end in self._measured(index, ended):
                self.samples[name].append((end - began) / MICRO)
                if stages is not None:
                    self._note_split(name, stages, end - began)
        self._resumed = False
        wire.turn_over()

    def _measured(self, index: int, ended: int) -> list[tuple[str, int]]:
        """Say what this frame was a measurement of, and when that was over."""
        left, found = self._wire.left, []
        if self._resumed and self._wire.places == len(left):
            if len(left) >= 1:
                found.append(("first order", left[0]))
            if len(left) >= 10:
                found.append(("tenth order", left[9]))
        if index == self._greatest:
            found.append(("greatest frame", ended))
        return found

    def _note_split(self, name: str, stages: Stages, whole: int) -> None:
        split = self.split[name]
        spent = {**stages.spent, "request bytes, write": self._wire.bytes_ns}
        for stage, nanos in spent.items():
            split[stage].append(nanos / MICRO)
        split["the rest"].append((whole - sum(spent.values())) / MICRO)


def snapshot(body: bytes) -> AnswerReceived:
    return AnswerReceived(request="depth-1", status=200, headers=(), body=body)


def levels(line: CaptureLine) -> int:
    return line.payload.count(b'["') if line.kind is LineKind.FRAME else 0


def run(lines: list[CaptureLine], grid: Grid, greatest: int, *, staged: bool) -> Run:
    """Play the capture once in a session of its own."""
    with scratch() as folder:
        wire = Wire(planned(grid).instruments[0])
        session = begin(grid, Path(folder), lines[0], wire.send)
        journal, core = session.journal, session.core
        stages = Stages() if staged else None
        if stages is not None:
            session.journal = TimedJournal(journal, stages)
            session.core = TimedCore(core, stages)
        gc.collect()
        played = Run(session, wire, greatest, stages)
        stamp = played.play(lines)
        session.journal, session.core = journal, core
        session.close(stamp)
        wire.close()
    return played


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    lines = read_capture()
    greatest = max(range(len(lines)), key=lambda index: levels(lines[index]))
    gc.collect()
    gc.freeze()
    samples: Samples = defaultdict(list)
    split: dict[str, dict[str, list[float]]] = {}
    for grid, wanted in ((ONE, "first order"), (TEN, "tenth order")):
        for _ in range(rounds):
            found = run(lines, grid, greatest, staged=False).samples
            for name in (wanted, "greatest frame"):
                samples[name] += found[name]
        staged = run(lines, grid, greatest, staged=True).split
        split |= {name: staged[name] for name in (wanted, "greatest frame")}
    for name, values in samples.items():
        print(f"{name}: {len(values)} samples, {told(values)}, most {max(values):,.0f} us")
    for name, stages in split.items():
        print(f"{name}, p50 by stage: {stage_text(stages)}")
    print(json.dumps(result(samples, split, levels(lines[greatest]))))


def told(values: list[float]) -> str:
    return f"p50 {percentile(values, 0.5):,.0f}, p99 {percentile(values, 0.99):,.0f} us"


def stage_text(stages: dict[str, list[float]]) -> str:
    return ", ".join(f"{stage} {statistics.median(each):,.0f}" for stage, each in stages.items())


def result(
    samples: Samples, split: dict[str, dict[str, list[float]]], greatest: int
) -> dict[str, object]:
    rows = [
        row("one order", samples["first order"], split["first order"], (100, 500)),
        row("the tenth order of a grid", samples["tenth order"], split["tenth order"], (250, 1000)),
        row(f"the {greatest:,}-level frame", samples["greatest frame"], split["greatest frame"]),
    ]
    counts = ", ".join(f"{len(each)} of the {name}" for name, each in samples.items())
    return {
        "benchmark": "latency",
        "how": (
            "Every frame of a real USDM BTCUSDT capture is a turn of its own, back to back, "
            "through the product's session; journal on disk, sync every 20 ms, garbage collector "
            "on. From before the append of the frame to after the write of the order's request to "
            "a socket; the frame is the first one after a pause, so that its turn places the whole "
            "grid (of 2 orders for the first row, of 10 for the second). Stages are medians, in "
            f"microseconds, of a run of their own. Samples: {counts}."
        ),
        "rows": rows,
    }


def row(
    what: str,
    values: list[float],
    stages: dict[str, list[float]],
    targets: tuple[int, int] | None = None,
) -> dict[str, object]:
    met = None
    if targets is not None:
        met = percentile(values, 0.5) <= targets[0] and percentile(values, 0.99) <= targets[1]
    return {
        "what": f"frame in to command bytes out: {what}",
        "measured": f"{told(values)} ({stage_text(stages)})",
        "target": f"p50 <= {targets[0]}, p99 <= {targets[1]:,} us" if targets else "reported",
        "met": met,
    }


if __name__ == "__main__":
    main()

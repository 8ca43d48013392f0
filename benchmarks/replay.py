"""A capture through core, grid and paper venue, outputs journaled; against nautilus_trader.

Ours: the frames as bytes, in the turns in which ``tapedeck feed`` would take them, with the paper
venue's timers between them, through the product's own session: decoded, checked, made into a book
and signals, quoted on, filled on paper. Every output is written to a journal on disk, handed over
at the end of its turn; the journal's sync thread runs and its segments are sealed. The inputs are
not written again, for a replay reads them from a record; a second figure has them journaled too,
as a live session would. Reading the capture and cutting it into turns is not counted.

The peer: ``peers/nautilus_replay.py``, with the same capture, grid and interval; the making of its
data objects is not counted. Both have a warm-up round and then take turns. An event is one frame of
the capture.
"""

import argparse
import gc
import json
import statistics
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.rig import CAPTURE, ROOT, Grid, begin, read_capture, scratch
from trading_runtime.app.feed import MARKET_CONNECTION, TURN_SPAN_NS
from trading_runtime.app.session import Session
from trading_runtime.gateway.capture import CaptureLine, LineKind
from trading_runtime.journal.reader import read_session
from trading_runtime.journal.writer import JournalWriter
from trading_runtime.records.commands import Command
from trading_runtime.records.envelope import Body, Kind, Stamp, decode_body
from trading_runtime.records.inputs import AnswerReceived, FrameReceived, Input
from trading_runtime.records.units import Seq

GRID = Grid(levels=5, half_spread_ticks=5, spacing_ticks=10, size_lots=10, interval_ms=1000)
PEER_PYTHON = ROOT / ".venv-bench/bin/python"
PEER = ROOT / "benchmarks/peers/nautilus_replay.py"
TARGET = 2.0


class Turn(NamedTuple):
    """The frames that were readable together, each with its stamp."""

    at: int
    inputs: list[tuple[Stamp, Input]]


class Ours(NamedTuple):
    """One round: how long it took, and what it left in the journal."""

    seconds: float
    cpu_seconds: float
    """Of the whole process, sync and sealing threads included."""
    records: int
    said: dict[str, int]
    """Outputs by name."""


class OutputsOnly:
    """A journal that numbers inputs and writes down outputs alone."""

    def __init__(self, journal: JournalWriter) -> None:
        self.journal = journal
        self.hand_over = journal.hand_over
        self.seal_due = journal.seal_due
        self.seal = journal.seal
        self._seq = 0

    def append(self, kind: Kind, stamp: Stamp, body: Body) -> Seq:
        self._seq += 1
        if kind is not Kind.INPUT:
            self.journal.append(kind, stamp, body)
        return Seq(self._seq)


def turns(lines: list[CaptureLine]) -> list[Turn]:
    """Cut the capture into turns by the rule of ``tapedeck feed``."""
    cut: list[Turn] = []
    for line in lines:
        if not cut or line.at_ns - cut[-1].at > TURN_SPAN_NS:
            cut.append(Turn(line.at_ns, []))
        cut[-1].inputs.append((Stamp(line.at_ns, line.at_ns), body_of(line)))
    return cut


def body_of(line: CaptureLine) -> Input:
    if line.kind is LineKind.SNAPSHOT:
        return AnswerReceived(request="depth-1", status=200, headers=(), body=line.payload)
    return FrameReceived(connection=MARKET_CONNECTION, frame=line.payload)


def play(session: Session, cut: list[Turn]) -> Stamp:
    """Take every turn, and every timer at its moment between them; give the last stamp."""
    take, end_turn = session.take, session.end_turn
    stamp = cut[0].inputs[0][0]
    for turn in cut:
        due = session.next_timer()
        while due is not None and due < turn.at:
            stamp = Stamp(due, due)
            session.fire_timers(stamp)
            end_turn(stamp)
            due = session.next_timer()
        for stamp, body in turn.inputs:
            take(stamp, body)
        end_turn(stamp)
    return stamp


def nowhere(command: Command, stamp: Stamp) -> None:
    """Paper orders leave no process."""
    del command, stamp


def check(session: Session) -> None:
    """A figure of a session that failed, or lost its book, would be worth nothing."""
    market = next(iter(session.core.intake.markets.values()))
    if session.failed or not market.synced:
        raise SystemExit(f"the session failed: {session.failed or market.reason}")


def ours(lines: list[CaptureLine], cut: list[Turn], *, inputs_too: bool) -> Ours:
    """Run one round in a fresh session, then read back what it wrote."""
    with scratch() as folder:
        session = begin(GRID, Path(folder), lines[0], nowhere)
        journal = session.journal
        if not inputs_too:
            session.journal = OutputsOnly(journal)
        gc.collect()
        began, began_cpu = time.perf_counter(), time.process_time()
        stamp = play(session, cut)
        seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - began_cpu
        check(session)
        session.journal = journal
        session.close(stamp)
        said: dict[str, int] = {}
        records = 0
        for record in read_session(journal.folder):
            records += 1
            if record.kind is Kind.OUTPUT:
                name = type(decode_body(record.body)).__name__
                said[name] = said.get(name, 0) + 1
    return Ours(seconds, cpu_seconds, records, said)


def peer() -> dict[str, object]:
    """One timed round of the peer, after a warm-up of its own."""
    done = subprocess.run(
        [
            str(PEER_PYTHON),
            str(PEER),
            str(CAPTURE),
            "--rounds=1",
            f"--levels={GRID.levels}",
            f"--half-spread-ticks={GRID.half_spread_ticks}",
            f"--spacing-ticks={GRID.spacing_ticks}",
            f"--size={GRID.size_lots / 1000:.3f}",
            f"--interval-ms={GRID.interval_ms}",
        ],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-peer", action="store_true", help="ours alone; no last line")
    chosen = parser.parse_args()
    lines = read_capture()
    cut = turns(lines)
    gc.collect()
    gc.freeze()
    ours(lines, cut, inputs_too=False)  # warm-up
    replayed: list[Ours] = []
    journaled: list[Ours] = []
    theirs: list[dict[str, object]] = []
    for _ in range(chosen.rounds):
        replayed.append(ours(lines, cut, inputs_too=False))
        print(f"ours, outputs journaled: {told(lines, replayed[-1])}", flush=True)
        if not chosen.no_peer:
            theirs.append(peer())
            print(f"peer: {theirs[-1]}", flush=True)
        journaled.append(ours(lines, cut, inputs_too=True))
        print(f"ours, inputs journaled too: {told(lines, journaled[-1])}", flush=True)
    print(replayed[-1].said)
    if theirs:
        print(json.dumps(result(lines, replayed, journaled, theirs)))


def told(lines: list[CaptureLine], one: Ours) -> str:
    rate = len(lines) / one.seconds
    return f"{rate:,.0f} events/s, {one.cpu_seconds:.2f} s of CPU, {one.records:,} records"


def rate_of(lines: list[CaptureLine], rounds: list[Ours]) -> float:
    return len(lines) / statistics.median(one.seconds for one in rounds)


def result(
    lines: list[CaptureLine],
    replayed: list[Ours],
    journaled: list[Ours],
    theirs: list[dict[str, object]],
) -> dict[str, object]:
    rate, whole_rate = rate_of(lines, replayed), rate_of(lines, journaled)
    peer_rate = statistics.median(one["events_per_s"] for one in theirs)
    ratio = rate / peer_rate
    last, other = replayed[-1], theirs[-1]
    return {
        "benchmark": "replay",
        "how": (
            f"{len(lines):,} frames of a real USDM BTCUSDT capture, median of {len(replayed)} "
            f"rounds a side, taken in turns. Ours from the venue's bytes, {last.records:,} records "
            f"of outputs written and synced ({last.said.get('PlaceOrder', 0):,} orders, "
            f"{last.said.get('OrderFilled', 0):,} fills, counting parts); nautilus_trader "
            f"{other['version']} from its own objects, nothing written ({other['placed']:,} "
            f"orders, {other['fills']:,} fills)."
        ),
        "rows": [
            {
                "what": "replay with a 10-quote grid and paper matcher, against nautilus_trader",
                "measured": f"{rate:,.0f} events/s against {peer_rate:,.0f}: {ratio:.1f} x",
                "target": f">= {TARGET:.0f} x",
                "met": ratio >= TARGET,
            },
            {
                "what": "the same with all inputs journaled too",
                "measured": f"{whole_rate:,.0f} events/s: {whole_rate / peer_rate:.1f} x",
                "target": "reported",
                "met": None,
            },
        ],
    }


if __name__ == "__main__":
    main()

"""Scribe's sinks, against bare reading, decoding, encoding and writing of the same journal.

The journal is one that a paper session wrote: the capture's frames with all that core, grid and
paper venue made of them; for lines alone, what of it production writes down, over and over. Bare
is the least that gives such files: the segment is read whole, records and frames are decoded by the
same decoders; for the logs each event that is a line is encoded as it is, which is not yet a line,
and written in large blocks; for the ticks the same buffers gather the rows, and each minute is one
Parquet file of the same encodings. Bare keeps no place, writes no segment, syncs nothing and could
not go on after a crash. Rounds take turns.
"""

import argparse
import gc
import os
import shutil
import statistics
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path
from threading import Event as Flag
from time import perf_counter, process_time
from typing import NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.replay import GRID, check, nowhere, play, turns
from benchmarks.rig import begin, read_capture, scratch
from trading_runtime.journal.follower import Follower
from trading_runtime.journal.settings import JournalSettings
from trading_runtime.journal.writer import JournalWriter
from trading_runtime.market.events import DepthChanged, TickerChanged, TradePrinted
from trading_runtime.records.envelope import Kind, Record, decode_body
from trading_runtime.records.inputs import FrameReceived, InstrumentRevised
from trading_runtime.records.lake_schema import Encoding, Table
from trading_runtime.records.segments import read_header, read_records
from trading_runtime.records.units import Level
from trading_runtime.scribe.decoding import Decoder
from trading_runtime.scribe.entry import Entry
from trading_runtime.scribe.logs import Logs, streams_of
from trading_runtime.scribe.place import LEARNED, Known
from trading_runtime.scribe.process import TOGETHER_MAX, run
from trading_runtime.scribe.rows import Arrival, DepthRows, Origin, Origins, TickerRows, TradeRows
from trading_runtime.scribe.settings import ScribeSettings
from trading_runtime.scribe.ticks import Ticks
from trading_runtime.store.hours import MINUTE_NS

SETTINGS = ScribeSettings()
BLOCK = SETTINGS.turn_records_max
ONE_SEGMENT = JournalSettings(segment_bytes_max=1 << 40)
TARGET = 0.5
FRAMES = 40_000
"""Up to before the hour that the capture turns: the journal is then one segment."""
LINES = 100_000


def records(data: Path) -> Iterator[Record]:
    (path,) = data.glob("journal/*/000001.tdj")
    content = path.read_bytes()
    _, offset = read_header(content)
    for record, _ in read_records(content, offset):
        yield record


def bare_logs(data: Path, out: Path) -> None:
    lowest = SETTINGS.levels.by_module()
    encode = msgspec.json.Encoder().encode
    descriptor = os.open(out / "bare.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    lines: list[bytes] = []
    for record in records(data):
        body = decode_body(record.body)
        event = type(body)
        if event.level is not Level.DEBUG:
            lines += [encode(body) for it in streams_of(event) if event.level >= lowest[it]]
        if len(lines) >= BLOCK:
            os.write(descriptor, b"\n".join(lines))
            lines.clear()
    os.write(descriptor, b"\n".join(lines))
    os.close(descriptor)


class BareRows:
    """Rows of one minute at a time, written when the next begins."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._minute = 0
        self._depth, self._trades, self._ticker = DepthRows(), TradeRows(), TickerRows()
        self._origins = Origins()

    def add(self, record: Record, event: DepthChanged | TradePrinted | TickerChanged) -> None:
        minute = record.stamp.at // MINUTE_NS
        if minute != self._minute:
            self.write()
            self._minute = minute
        number = self._origins.number(Origin("bare", event.revision, "bare"))
        arrival = Arrival(record.stamp.at, record.seq, number)
        match event:
            case DepthChanged():
                self._depth.change(arrival, event, 0)
            case TradePrinted():
                self._trades.add(arrival, event)
            case TickerChanged():
                self._ticker.add(arrival, event)

    def write(self) -> None:
        for rows in (self._depth, self._trades, self._ticker):
            if rows.count():
                path = self._out / f"{rows.table.minutes}-{self._minute}.parquet"
                write_parquet(path, rows.take(self._origins), rows.table)


def write_parquet(path: Path, batch: pa.RecordBatch, table: Table) -> None:
    split = {it.name: it.encoding for it in table.columns}
    pq.write_table(
        pa.Table.from_batches([batch]),
        path,
        compression="zstd",
        compression_level=3,
        use_dictionary=[name for name, it in split.items() if it is Encoding.DICT],
        column_encoding={name: it.value for name, it in split.items() if it is not Encoding.DICT},
    )


def bare_ticks(data: Path, out: Path) -> None:
    known = Known()
    decoder, rows = Decoder(known), BareRows(out)
    for record in records(data):
        body = decode_body(record.body)
        if type(body) in LEARNED:
            known.learn(body)
        elif isinstance(body, FrameReceived):
            event = decoder.event(body)
            if event is not None:
                rows.add(record, event)
    rows.write()


def sink_logs(_data: Path, out: Path) -> None:
    logs = Logs(out, SETTINGS)
    follow(out, lambda entries: logs.take(entries, pressed=False), logs.flush)
    logs.close()


def sink_ticks(_data: Path, out: Path) -> None:
    ticks = Ticks(out, SETTINGS)
    follow(out, ticks.take, ticks.flush)
    ticks.finish()
    ticks.close()


def follow(out: Path, take: Callable[[list[Entry]], None], flush: Callable[[], None]) -> None:
    follower = Follower(out, "bench", synced_only=False)
    taken = 0
    while polled := follower.poll(TOGETHER_MAX):
        take(
            [
                Entry(session, kind, seq, stamp[0], decode_body(body))
                for session, (kind, seq, stamp, body) in polled
            ]
        )
        taken += len(polled)
        if taken % BLOCK == 0 or len(polled) < TOGETHER_MAX:
            flush()
            follower.commit(polled[-1].session, polled[-1].record.seq)
    follower.close()


def whole(_data: Path, out: Path) -> None:
    run(out, SETTINGS, Flag(), once=True, finish=True)


def bare_whole(data: Path, out: Path) -> None:
    bare_logs(data, out)
    bare_ticks(data, out)


class Round(NamedTuple):
    """Seconds by the wall, in which a disk may be waited for, and of the processor."""

    wall: float
    cpu: float


def play_round(work: Callable[[Path, Path], None], data: Path) -> Round:
    """Time one round in a folder of its own that shows the journal of ``data``."""
    out = data / "out"
    out.mkdir()
    (out / "journal").symlink_to(data / "journal")
    gc.collect()
    wall, cpu = perf_counter(), process_time()
    work(data, out)
    took = Round(perf_counter() - wall, process_time() - cpu)
    shutil.rmtree(out)
    return took


class Measured(NamedTuple):
    """Medians: seconds of either, and what share of our time bare takes."""

    ours_s: float
    bare_s: float
    wall: float
    cpu: float


def measure(
    data: Path, ours: Callable[[Path, Path], None], bare: Callable[[Path, Path], None], rounds: int
) -> Measured:
    """Time rounds that take turns, after one of each that is not counted."""
    pairs = [(play_round(ours, data), play_round(bare, data)) for _ in range(rounds + 1)][1:]
    return Measured(
        statistics.median(mine.wall for mine, _ in pairs),
        statistics.median(theirs.wall for _, theirs in pairs),
        statistics.median(theirs.wall / mine.wall for mine, theirs in pairs),
        statistics.median(theirs.cpu / mine.cpu for mine, theirs in pairs),
    )


def write_lines(data: Path, source: Path) -> None:
    """Write a journal of nothing but what production writes down, from that of ``source``."""
    lowest = SETTINGS.levels.by_module()
    told = [(it, decode_body(it.body)) for it in records(source)]
    journal = JournalWriter.open(data, "lines", ONE_SEGMENT)
    begun = [pair for pair in told if isinstance(pair[1], InstrumentRevised)]
    kept = [
        (record, body)
        for record, body in told
        if body.level >= lowest[body.module] and record.kind is Kind.OUTPUT
    ]
    for record, body in [*begun, *islice(cycle(kept), LINES)]:
        journal.append(record.kind, record.stamp, body)
    journal.hand_over()


def count_rows(data: Path) -> int:
    out = data / "out"
    out.mkdir()
    bare_ticks(data, out)
    rows = sum(pq.read_metadata(path).num_rows for path in out.glob("*.parquet"))
    shutil.rmtree(out)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with scratch() as folder:
        data, lines = Path(folder) / "session", Path(folder) / "lines"
        capture = read_capture()[:FRAMES]
        session = begin(GRID, data, capture[0], nowhere, ONE_SEGMENT)
        play(session, turns(capture))
        check(session)
        write_lines(lines, data)
        total, ticks = sum(1 for _ in records(data)), count_rows(data)
        table = []
        print("what                                 ours         bare   wall    cpu")
        for what, count, unit, place, ours, bare in (
            ("log lines alone", LINES, "records", lines, sink_logs, bare_logs),
            ("logs of a session", total, "records", data, sink_logs, bare_logs),
            ("ticks of a session", ticks, "ticks", data, sink_ticks, bare_ticks),
            ("logs and ticks, whole process", total, "records", data, whole, bare_whole),
        ):
            found = measure(place, ours, bare, rounds)
            rate, floor = count / found.ours_s, count / found.bare_s
            print(f"{what:30} {rate:8,.0f}/s {floor:10,.0f}/s {found.wall:6.0%} {found.cpu:6.0%}")
            table.append(
                {
                    "what": f"scribe, {what}",
                    "measured": f"{rate:,.0f} {unit}/s, {found.wall:.0%} of bare ({floor:,.0f}/s); "
                    f"by processor time {found.cpu:.0%}",
                    "target": f">= {TARGET:.0%}",
                    "met": found.wall >= TARGET,
                }
            )
    result = {
        "benchmark": "scribe",
        "how": "a paper session's journal through each sink, fsync included, against reading, "
        "decoding, encoding and writing it with nothing else; medians of rounds that take turns",
        "rows": table,
    }
    print(msgspec.json.encode(result).decode())


if __name__ == "__main__":
    main()

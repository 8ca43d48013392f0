"""Append and hand over, against a bare ``os.write`` of the same bytes.

Both write the same records of 600 bytes to a growing file of the same disk, in short rounds that
take turns, so that both see the same machine; a ratio is the median over the rounds. Once a record
is handed over by itself, once twenty together; each without and with an ``fdatasync`` of either
file every 20 ms. Lines of the table are nanoseconds for one record.
"""

import argparse
import os
import statistics
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns

import msgspec

from trading_runtime.journal.settings import JournalSettings
from trading_runtime.journal.writer import JournalWriter
from trading_runtime.records.envelope import Kind, Stamp, encode_body, frame_record
from trading_runtime.records.inputs import FrameReceived
from trading_runtime.records.units import NANOS_PER_MILLI, NANOS_PER_SECOND, Connection, Nanos

FRAME_BYTES = 548
"""Of the venue's message: with its record around it, 600."""
RECORDS = 400
"""A round: short enough to end before the machine gives the core to somebody else. Each record
has bytes of its own, as messages have."""
ROUNDS = 500
BURSTS = (1, 20)
TARGET = 2.0
AT = 1_763_560_000_000_000_000
STAMP = Stamp(Nanos(AT), Nanos(AT + 1))
NEVER_NS = Nanos(1_000_000 * NANOS_PER_SECOND)
TIMER_NS = Nanos(20 * NANOS_PER_MILLI)

Round = Callable[[], int]


def bodies() -> list[FrameReceived]:
    return [
        FrameReceived(connection=Connection(1), frame=os.urandom(FRAME_BYTES))
        for _ in range(RECORDS)
    ]


class BareFile:
    """A file that grows by bare writes, with a thread that syncs it where a timer is asked for."""

    def __init__(self, path: Path, timer_ns: int) -> None:
        self.descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._sync, args=(timer_ns / NANOS_PER_SECOND,))
        self._thread.start()

    def _sync(self, interval_s: float) -> None:
        size = 0
        while not self._stopping.wait(interval_s):
            if (grown := os.fstat(self.descriptor).st_size) != size:
                os.fdatasync(self.descriptor)
                size = grown

    def close(self) -> None:
        self._stopping.set()
        self._thread.join()
        os.close(self.descriptor)


def journal_round(writer: JournalWriter, messages: list[FrameReceived], burst: int) -> int:
    append, hand_over, kind, stamp = writer.append, writer.hand_over, Kind.INPUT, STAMP
    bursts = [messages[place : place + burst] for place in range(0, len(messages), burst)]
    begun = perf_counter_ns()
    for together in bursts:
        for message in together:
            append(kind, stamp, message)
        hand_over()
    return perf_counter_ns() - begun


def bare_round(descriptor: int, blocks: list[bytes]) -> int:
    write = os.write
    begun = perf_counter_ns()
    for block in blocks:
        write(descriptor, block)
    return perf_counter_ns() - begun


def blocks_of(messages: list[FrameReceived], burst: int) -> list[bytes]:
    """Give the bytes that the journal writes, as many together as it hands over at once."""
    framed = [
        frame_record(Kind.INPUT, seq, STAMP, encode_body(message))
        for seq, message in enumerate(messages, 1)
    ]
    return [b"".join(framed[place : place + burst]) for place in range(0, len(framed), burst)]


def measure(folder: Path, burst: int, timer_ns: Nanos) -> tuple[float, float, float]:
    """Give the median nanoseconds of a record, journaled and bare, and their median ratio."""
    messages = bodies()
    blocks = blocks_of(messages, burst)
    settings = JournalSettings(segment_bytes_max=1 << 40, sync_interval_ns=timer_ns)
    writer = JournalWriter.open(folder, f"burst-{burst}-{timer_ns}", settings)
    bare = BareFile(folder / f"bare-{burst}-{timer_ns}", timer_ns)
    journaled, written = [], []
    for _ in range(ROUNDS):
        written.append(bare_round(bare.descriptor, blocks) / RECORDS)
        journaled.append(journal_round(writer, messages, burst) / RECORDS)
    bare.close()
    writer.close()
    ratios = [ours / theirs for ours, theirs in zip(journaled, written, strict=True)]
    return statistics.median(journaled), statistics.median(written), statistics.median(ratios)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", type=Path, help="a folder of the disk to be measured")
    chosen = parser.parse_args().dir
    rows = []
    ratios = {}
    print("handed over   fdatasync   journal ns   os.write ns   ratio")
    with tempfile.TemporaryDirectory(dir=chosen) as folder:
        for timer_ns, timer in ((NEVER_NS, "none"), (TIMER_NS, "20 ms")):
            for burst in BURSTS:
                ours, bare, ratio = measure(Path(folder), burst, timer_ns)
                ratios[burst, timer] = ratio
                print(f"{burst:11}   {timer:>9}   {ours:10.0f}   {bare:11.0f}   {ratio:5.2f}")
                rows.append(
                    {
                        "what": f"journal append + hand-over, {burst} at once, fdatasync {timer}",
                        "measured": f"{ours:.0f} ns, {ratio:.2f} x os.write ({bare:.0f} ns)",
                        "target": f"<= {TARGET:.0f} x",
                        "met": ratio <= TARGET,
                    }
                )
    result = {
        "benchmark": "journal_append",
        "how": "600-byte records with bytes of their own, appended and handed over, against "
        "os.write of the same bytes in rounds that take turns; medians, for one record",
        "ratio": round(ratios[1, "20 ms"], 2),
        "rows": rows,
    }
    print(msgspec.json.encode(result).decode())


if __name__ == "__main__":
    main()

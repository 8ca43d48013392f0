"""A process that writes a session until it is killed, and tells through a pipe what it handed over.

``python -m tests.journal.crashing DATA SESSION SEED`` writes as fast as it can: bursts of records
of which every byte follows from their number, segments of a few records, a sync each millisecond.
What it has handed over stands on its standard output, eight bytes for each hand-over.
"""

import os
import random
import struct
import sys
from pathlib import Path

from tests.journal.written import checkpoint, frame, stamp
from trading_runtime.journal.settings import JournalSettings
from trading_runtime.journal.writer import JournalWriter
from trading_runtime.records.envelope import Kind
from trading_runtime.records.units import NANOS_PER_MILLI, Nanos

HANDED = struct.Struct("<Q")
SETTINGS = JournalSettings(
    segment_bytes_max=8192,
    sync_interval_ns=Nanos(NANOS_PER_MILLI),
    emergency_bytes=4096,
)
BURSTS = 400


def frame_size(number: int) -> int:
    return number * 37 % 900


def write_bursts(data: Path, session: str, seed: int, report: int) -> None:
    """Write and close a session, unless somebody kills us first."""
    rng = random.Random(seed)  # noqa: S311 -- a test that can be repeated
    writer = JournalWriter.open(data, session, SETTINGS)
    number = 0
    for _ in range(BURSTS):
        for _ in range(rng.randint(1, 8)):
            number += 1
            seq = writer.append(Kind.INPUT, stamp(number), frame(number, frame_size(number)))
            assert seq == number
        writer.hand_over()
        os.write(report, HANDED.pack(number))
        if writer.seal_due(stamp().at):
            number += 1
            assert writer.seal(checkpoint(), stamp(number)) == number
            os.write(report, HANDED.pack(number))
    writer.close()


def handed_over(reported: bytes) -> int:
    """Give the last sequence number that a killed process reported."""
    whole = len(reported) // HANDED.size
    return HANDED.unpack_from(reported, (whole - 1) * HANDED.size)[0] if whole else 0


def main() -> None:
    data, session, seed = sys.argv[1:]
    write_bursts(Path(data), session, int(seed), sys.stdout.fileno())


if __name__ == "__main__":
    main()

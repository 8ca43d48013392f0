"""Generated flow written down as a recorder would have: one gzip file of stamped lines.

The same settings, start and length give the same file, byte for byte.
"""

import gzip
from collections.abc import Iterator
from pathlib import Path

from trading_runtime.records.units import NANOS_PER_MILLI, NANOS_PER_SECOND
from trading_runtime.simulator.flow import Flow
from trading_runtime.simulator.settings import FlowSettings

START_NS = 1_735_689_600 * NANOS_PER_SECOND
"""2025-01-01T00:00:00Z: generated flow lies at no real time, so any fixed one will do."""
SNAPSHOT_AFTER_NS = 350 * NANOS_PER_MILLI
"""The book is asked for when the streams have begun, in the middle of a diff (GW-2)."""
SLICE_NS = NANOS_PER_SECOND
COMPRESSION_LEVEL = 6


def recorded_lines(
    settings: FlowSettings, seconds: int, start_ns: int = START_NS
) -> Iterator[tuple[int, bytes]]:
    """Give each message with the time of its receipt; the book from REST stands among them."""
    flow = Flow(settings, start_ns)
    asked_ns = start_ns + SNAPSHOT_AFTER_NS
    yield from flow.advance(asked_ns)
    yield asked_ns, flow.snapshot()
    end_ns = start_ns + seconds * NANOS_PER_SECOND
    for until_ns in range(asked_ns + SLICE_NS, end_ns + SLICE_NS, SLICE_NS):
        yield from flow.advance(min(until_ns, end_ns))


def write_capture(
    path: Path, settings: FlowSettings, seconds: int, start_ns: int = START_NS
) -> int:
    """Write ``seconds`` of flow to ``path``, a gzip file; give the number of its lines."""
    count = 0
    with path.open("wb") as raw, gzip.GzipFile("", "wb", COMPRESSION_LEVEL, raw, 0) as out:
        for at_ns, message in recorded_lines(settings, seconds, start_ns):
            out.write(b"%d %s\n" % (at_ns, message))
            count += 1
    return count

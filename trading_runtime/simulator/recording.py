"""Generated flow written down as a recorder would have: one gzip file of stamped lines.

The same settings, start and length give the same file, byte for byte.
"""

import gzip
import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from trading_runtime.records.units import NANOS_PER_MILLI, NANOS_PER_SECOND
from trading_runtime.simulator.flow import Flow
from trading_runtime.simulator.measures import RANGES_FROM_S, Measures, Tape, check, measure
from trading_runtime.simulator.settings import FlowSettings, checked

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


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was written, and what it looks like."""

    file: str
    lines: int
    bytes: int
    sha256: str
    """Of the file; the same settings give the same."""
    seconds: int
    settings: FlowSettings
    measures: Measures | None
    """None where it is too short to measure."""
    out_of_range: list[str]
    """Judged only for default settings (but the seed) and a length that ranges are stated for."""


def write_capture(
    path: Path, settings: FlowSettings, seconds: int, start_ns: int = START_NS
) -> Report:
    """Write ``seconds`` of flow to ``path``, a gzip file; raise :exc:`Refused` for bad settings."""
    checked(settings)
    count = 0

    def written(out: gzip.GzipFile) -> Iterator[tuple[int, bytes]]:
        nonlocal count
        for line in recorded_lines(settings, seconds, start_ns):
            out.write(b"%d %s\n" % line)
            count += 1
            yield line

    with path.open("wb") as raw, gzip.GzipFile("", "wb", COMPRESSION_LEVEL, raw, 0) as out:
        tape = Tape(written(out), settings.tick)
    measures = measure(tape) if tape.measurable else None
    typical = msgspec.structs.replace(settings, seed=0) == FlowSettings(seed=0)
    judged = measures and typical and seconds >= RANGES_FROM_S
    return Report(
        file=str(path),
        lines=count,
        bytes=path.stat().st_size,
        sha256=file_sha256(path),
        seconds=seconds,
        settings=settings,
        measures=measures,
        out_of_range=check(measures) if measures and judged else [],
    )


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""What is kept beside the lines: the audit record, its verdict, the lake's hours, data quality.

The audit record is read from its frames, entry by entry; nothing here is believed without the
verifier, whose verdict of the day stands beside it.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow.parquet as pq

from data_platform.assets.reports.report import HourRow
from data_platform.days import Span, span_of
from trading_runtime.errors import Misread
from trading_runtime.evidence import frames
from trading_runtime.evidence import layout as evidence_layout
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import DEPTH, TRADES, Table
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos
from trading_runtime.store.commit import PARTIAL
from trading_runtime.store.condition import condition_of
from trading_runtime.store.hours import Hour

LATE_S = 3600
"""Entries stand in the order of their arrival, which is not later than this after their time."""


class Deed(msgspec.Struct, frozen=True, rename="camel"):
    """The members of an audit entry that a report speaks of."""

    event_time: str
    event_type: str
    operation: str
    entity_id: str
    user_id: str | None


class Verdicts(msgspec.Struct, frozen=True):
    """The verifier's report of a day, as the asset ``audit_verified`` keeps it."""

    integrity: str
    completeness: str
    freshness: str


class Audited(NamedTuple):
    """The span's entries: how many of each type, and the few that name a person's deed."""

    counts: Counter[str]
    deeds: tuple[Deed, ...]
    unreadable: str
    """Why not all of them could be read; empty where all were."""


class Marts(msgspec.Struct, frozen=True):
    """What the models came to of a day: sums over its instruments."""

    fills: int
    realized: Decimal
    fees: Decimal
    position: dict[str, Decimal]


class Kept(NamedTuple):
    audited: Audited | None
    """``None`` where no audit record lies below the data folder."""
    verdicts: dict[str, Verdicts | None]
    """By UTC day; ``None`` where that day was not verified."""
    docs: bool
    """Whether Data Docs are built."""
    hours: tuple[HourRow, ...]
    """Of each instrument and table that any hour of the span is known of."""
    marts: Marts | None
    """``None`` where the span is no UTC day, or its marts are not built."""


DEEDS = frozenset({"OperatorCommanded", "ParametersActivated", "ParametersRefused"})


def iso(at: int) -> str:
    moment = datetime.fromtimestamp(at // NANOS_PER_SECOND, tz=UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000000Z")


def entries_back(log: Path, start: str) -> Iterator[Deed]:
    """Give the entries of the blocks, the newest block first, as far back as ``start``."""
    decode = msgspec.json.Decoder(Deed).decode
    for block in reversed(evidence_layout.frame_blocks(log)):
        entries = frames.read_frames(evidence_layout.frames_path(log, block)).entries
        if not entries:
            continue
        first = decode(entries[0]).event_time
        yield from map(decode, entries)
        if first < start:
            return


def audited(data: Path, span: Span) -> Audited | None:
    log = evidence_layout.log_folder(Path(layout.audit(data)))
    if not log.is_dir():
        return None
    start, end = iso(span.start), iso(span.end)
    counts: Counter[str] = Counter()
    deeds = []
    unreadable = ""
    try:
        for it in entries_back(log, iso(span.start - LATE_S * NANOS_PER_SECOND)):
            if start <= it.event_time < end:
                counts[it.event_type] += 1
                if it.event_type in DEEDS:
                    deeds.append(it)
    except (Misread, OSError, msgspec.DecodeError) as error:
        unreadable = str(error)
    return Audited(counts, tuple(sorted(deeds, key=lambda it: it.event_time)), unreadable)


def utc_days(span: Span) -> list[str]:
    first = datetime.fromtimestamp(span.start // NANOS_PER_SECOND, tz=UTC)
    last = datetime.fromtimestamp(span.end // NANOS_PER_SECOND - 1, tz=UTC)
    count = (last.date() - first.date()).days + 1
    return [(first + timedelta(days=it)).strftime("%Y-%m-%d") for it in range(count)]


def verdicts(data: Path, day: str) -> Verdicts | None:
    path = Path(layout.reports(data)) / "audit" / f"{day}.json"
    return msgspec.json.decode(path.read_bytes(), type=Verdicts) if path.exists() else None


def docs_path(data: Path) -> Path:
    return data / "quality" / "docs" / "index.html"


def instruments(data: Path, span: Span) -> list[str]:
    """Give the instruments of which an hour of the span lies in the lake or in the quarantine."""
    days = {hour.day.replace("-", "/") for hour in span.hours}
    roots = (Path(layout.lake(data)), Path(layout.lake(data)) / PARTIAL, layout.quarantine(data))
    return sorted(
        {
            f"{folder.parent.name}:{folder.name}"
            for root in map(Path, roots)
            for folder in root.glob("[!_]*/*")
            if any((folder / day).is_dir() for day in days)
        }
    )


class Place(NamedTuple):
    lake: Path
    table: Table
    name: str


TO_COME = "to come"
"""Of an hour that has not begun: it is not missing."""


def condition(place: Place, hour: Hour, now: Nanos | None) -> str:
    if now is not None and hour.start > now:
        return TO_COME
    return condition_of(place.lake, place.table, place.name, hour, now).condition.value


def hours(data: Path, span: Span, now: Nanos | None) -> tuple[HourRow, ...]:
    places = (
        Place(Path(layout.lake(data)), table, name)
        for name in instruments(data, span)
        for table in (DEPTH, TRADES)
    )
    return tuple(
        HourRow(
            f"{it.table.published} {it.name}",
            tuple(condition(it, hour, now) for hour in span.hours),
        )
        for it in places
    )


def marts(data: Path, day: str, span: Span) -> Marts | None:
    """Read the day's profit by the models; their days are UTC's."""
    path = data / "marts" / "fct_pnl_daily" / f"{day.replace('-', '/')}.parquet"
    if span != span_of(day, "UTC") or not path.exists():
        return None
    columns = ["instrument_id", "fills", "realized", "fees", "position"]
    rows = pq.read_table(path, columns=columns).to_pylist()
    return Marts(
        fills=sum(int(it["fills"]) for it in rows),
        realized=sum((Decimal(it["realized"]) for it in rows), Decimal(0)),
        fees=sum((Decimal(it["fees"]) for it in rows), Decimal(0)),
        position={str(it["instrument_id"]): Decimal(it["position"]) for it in rows},
    )


def gather(data: Path, day: str, span: Span, now: Nanos | None) -> Kept:
    return Kept(
        audited=audited(data, span),
        verdicts={utc_day: verdicts(data, utc_day) for utc_day in utc_days(span)},
        docs=docs_path(data).exists(),
        hours=hours(data, span, now),
        marts=marts(data, day, span),
    )

"""What there is in a data folder, counted from the files alone."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from trading_runtime.records import layout
from trading_runtime.records.lake_schema import PUBLISHED, TABLES, HourSealed, Table
from trading_runtime.store import durable, manifest
from trading_runtime.store.condition import Condition, condition_of
from trading_runtime.store.hours import Hour


class Place(NamedTuple):
    """One dataset of the lake: a table's hour of one instrument."""

    table: str
    instrument_id: str
    hour: Hour


def instruments(data: Path) -> list[str]:
    """Give the instruments that the lake has published hours of."""
    lake = Path(layout.lake(data))
    own = {*TABLES, "_partial", "_staging"}
    return sorted(
        f"{venue.name}:{symbol.name}"
        for venue in lake.iterdir()
        if venue.is_dir() and venue.name not in own and not venue.name.startswith(("_", "."))
        for symbol in venue.iterdir()
        if symbol.is_dir()
    )


def conditions(data: Path, hours: Iterable[Hour]) -> dict[Place, Condition]:
    """Give how good each recorded table's hour of each instrument is."""
    lake, named = Path(layout.lake(data)), instruments(data)
    return {
        Place(name, instrument, hour): condition_of(lake, table, instrument, hour).condition
        for hour in hours
        for name, table in TABLES.items()
        for instrument in named
    }


def recorded_rows(data: Path, table: Table, hour: Hour) -> int:
    """Count the rows that the marker of an hour names; 0 where there is no marker."""
    path = Path(layout.lake(data)) / layout.hour_marker(table.minutes, hour.day, hour.of_day)
    if not path.exists():
        return 0
    sealed = msgspec.json.decode(path.read_bytes(), type=HourSealed)
    return sum(it.rows for it in sealed.minutes)


def published(data: Path, table: Table, hour: Hour) -> dict[str, manifest.Manifest]:
    """Give the manifests of a table's hour, by instrument."""
    lake = Path(layout.lake(data))
    found = {}
    for instrument in instruments(data):
        venue, _, symbol = instrument.partition(":")
        place = layout.dataset(venue, symbol, hour.day, hour.of_day, table.published)
        read = manifest.read(lake / place)
        if read is not None:
            found[instrument] = read
    return found


def digests(data: Path, paths: Iterable[Path]) -> dict[str, str]:
    """Give the digests of files, by their path below the data folder."""
    return {path.relative_to(data).as_posix(): durable.sha256(path) for path in sorted(paths)}


def lake_files(data: Path, hours: Iterable[Hour]) -> list[Path]:
    """Give the published files of all tables of some hours."""
    lake = Path(layout.lake(data))
    paths = []
    for hour in hours:
        for instrument in instruments(data):
            venue, _, symbol = instrument.partition(":")
            for table in PUBLISHED.values():
                place = layout.dataset(venue, symbol, hour.day, hour.of_day, table.published)
                paths.append(lake / place)
    return [path for path in paths if path.exists()]


def summed(found: Mapping[Place, Condition]) -> str:
    """Say how many datasets are in which condition."""
    counts = Counter(it.value for it in found.values())
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))

"""What else a local file waits for before it may go, however old it is: its basis.

Rules:
 * journal: every follower is through with the segment, and no start of the runtime may read it.
   Seals stay: they say that the session is known, and what the archive has of it.
 * minutes: every instrument in the file has a published hour that names the file as a source.
   Markers stay: they say that the hour was recorded.
 * logs: the index stays, so that a part's number is never given again.
 * The rest waits for nothing.
"""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

import pyarrow.parquet as pq

from data_platform.assets.archive import journals
from data_platform.assets.archive.retention import STAYS, Local
from trading_runtime.errors import Misread
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import TABLES, Table
from trading_runtime.store import manifest
from trading_runtime.store.archive.manifest import ArchivedFile
from trading_runtime.store.hours import Hour
from trading_runtime.store.lake import lake

Reason = Callable[[ArchivedFile], str]
"""Why a file may not go; empty where it may."""


def local(data: Path) -> Local:
    """Look at a data folder as it is now."""
    reasons: Mapping[str, Reason] = MappingProxyType(
        {"journal": followed(data), "minutes": published(data), "logs": compressed}
    )

    def held_back(dataset: str, file: ArchivedFile) -> str:
        reason = reasons.get(dataset)
        return "" if reason is None else reason(file)

    return Local(lambda file: (data / file.path).is_file(), held_back)


def followed(data: Path) -> Reason:
    sinks = journals.readers(data)
    needed = journals.needed_here(data)

    def reason(file: ArchivedFile) -> str:
        path = data / file.path
        if not file.path.endswith(layout.SEALED_SUFFIX):
            return STAYS
        number = int(path.name.partition(".")[0])
        try:
            seal = journals.read_seal(path.with_name(layout.seal_name(number)))
        except (FileNotFoundError, Misread):
            return "a segment without its seal is not judged"
        behind = [it.name for it in sinks if not it.has(seal)]
        if behind:
            return f"{', '.join(behind)} has not read it"
        return "a start of the runtime may read it" if path in needed else ""

    return reason


def compressed(file: ArchivedFile) -> str:
    return "" if file.path.endswith(".gz") else STAYS


def published(data: Path) -> Reason:
    root = Path(layout.lake(data))

    @cache
    def sources(table: Table, instrument: str, hour: Hour) -> frozenset[str]:
        """Give the digests of all that the published hour of one instrument was made of."""
        commit = manifest.read_commit(lake.dataset(root, table, instrument, hour).published)
        return frozenset(it.sha256 for it in commit.sources) if commit else frozenset()

    def reason(file: ArchivedFile) -> str:
        if not file.path.endswith(".parquet"):
            return STAYS
        _, name, day, hour, _ = file.path.split("/")
        column = pq.read_table(data / file.path, columns=["instrument_id"]).column(0)
        for instrument in sorted(map(str, column.unique().to_pylist())):
            known = sources(TABLES[name], instrument, Hour(day, int(hour)))
            if file.sha256 not in known:
                return f"the hour of {instrument} is not published with it"
        return ""

    return reason

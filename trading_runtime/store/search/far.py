"""What is archived: fetched only for what is not here, and of that only what may hold a match.

Of a compressed file its small index comes first; the file itself only where a member may match.
A store that does not answer is asked once: then the search goes on without it, and says so.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, NamedTuple

from trading_runtime.errors import Fault
from trading_runtime.records.units import Nanos
from trading_runtime.store.archive.manifest import MANIFESTS, ArchivedFile, place_of
from trading_runtime.store.hours import Hour
from trading_runtime.store.search import members
from trading_runtime.store.search.files import GzBytes, Hourly, Troubles, may_match
from trading_runtime.store.search.members import INDEX_SUFFIX, Indexed
from trading_runtime.store.search.order import Block, Opened
from trading_runtime.store.search.places import Parts, Table, part_of, table_of
from trading_runtime.store.search.query import Matcher

if TYPE_CHECKING:  # its threads take longer to load than most searches last
    from trading_runtime.store.archive.archive import Archive

LOGS = "logs"
LINES = "lines"
TABLE = re.compile(r".*/([a-z]+)/(\d{4})/(\d\d)/(\d\d)/(\d\d)(\.manifest\.json|\.parquet)")
DAY_LENGTH = len("YYYY-MM-DD")


class Store:
    """The archive as a search uses it; ``is_down`` once it did not answer."""

    def __init__(self, archive: "Archive", troubles: Troubles) -> None:
        self.archive = archive
        self.is_down = False
        self.troubles = troubles

    def failed(self, fault: Exception) -> None:
        """Go on without the store, and say so once."""
        if not self.is_down:
            self.is_down = True
            self.troubles.append(f"the archive was not searched: {fault}")

    def days(self) -> set[str]:
        """Give the days of which logs are archived."""
        try:
            keys = [
                it.key
                for dataset in (LOGS, LINES)
                for it in self.archive.objects.list(f"{MANIFESTS}{dataset}/")
            ]
        except (Fault, OSError) as fault:
            self.failed(fault)
            return set()
        return {place_of(key)[1][:DAY_LENGTH] for key in keys}

    def fetch(self, file: ArchivedFile) -> bytes | None:
        """Give the bytes of a file; null, and a trouble, where they do not come."""
        if self.is_down:
            return None
        try:
            return self.archive.fetch(file)
        except (Fault, OSError) as fault:
            self.troubles.append(f"{file.path} in the archive: {fault}")
            return None


class FarDay:
    """One day of the archive; asked for when it is first needed."""

    def __init__(self, store: Store, day: str) -> None:
        self._store = store
        self._day = day

    def parts(self) -> Mapping[Hourly, Parts]:
        return self._parts

    def tables(self) -> Mapping[Hourly, Table]:
        return self._tables

    @cached_property
    def _parts(self) -> dict[Hourly, Parts]:
        files = self._files(LOGS)
        found: dict[Hourly, Parts] = defaultdict(dict)
        for path, file in files.items():
            part = part_of(path.rpartition("/")[2])
            index = files.get(path.removesuffix(".gz") + INDEX_SUFFIX)
            if part is not None and index is not None:
                found[part.holds][part.number] = FarGz(part.holds, file, index, self._store)
        return found

    @cached_property
    def _tables(self) -> dict[Hourly, Table]:
        files = self._files(LINES)
        found = {}
        for path, file in files.items():
            name = TABLE.fullmatch(path)
            beside = files.get(path.removesuffix(".parquet") + ".manifest.json")
            if name is None or name[6] != ".parquet" or beside is None:
                continue
            told = self._store.fetch(beside)
            if told is not None:
                holds = Hourly(name[1], Hour(f"{name[2]}-{name[3]}-{name[4]}", int(name[5])))
                opening = partial(self._store.archive.fetch, file)
                found[holds] = table_of(holds, told, path, opening, self._store.troubles)
        return found

    def _files(self, dataset: str) -> dict[str, ArchivedFile]:
        if self._store.is_down:
            return {}
        try:
            told = list(self._store.archive.manifests(dataset, self._day, self._day))
        except (Fault, OSError) as fault:
            self._store.failed(fault)
            return {}
        return {file.path: file for manifest in told for file in manifest.files}


class FarGz(NamedTuple):
    """An archived compressed file, of which nothing was fetched yet."""

    holds: Hourly
    gz: ArchivedFile
    beside: ArchivedFile
    store: Store

    @property
    def low(self) -> Nanos:
        return self.holds.low

    @property
    def high(self) -> Nanos:
        return self.holds.high

    def opened(self, matcher: Matcher) -> Opened:
        content = self.store.fetch(self.beside)
        indexed = None if content is None else members.decode_index(content)
        if indexed is None:
            if content is not None:
                self.store.troubles.append(f"{self.beside.path} in the archive cannot be read")
            return (), ()
        wanted = [it for it in indexed.index.members if matcher.may_match(indexed, it)]
        if not wanted:
            return (), ()
        low, high = min(it.low for it in wanted), max(it.high for it in wanted)
        return [FarBody(self, indexed, low, high)], ()


class FarBody(NamedTuple):
    """A compressed file that has members which may match."""

    file: FarGz
    indexed: Indexed
    low: Nanos
    high: Nanos

    def opened(self, matcher: Matcher) -> Opened:
        gz, store = self.file.gz, self.file.store
        content = store.fetch(gz)
        if content is None:
            return (), ()
        blocks: list[Block] = list(
            may_match(
                GzBytes(self.file.holds, gz.path, content, store.troubles), self.indexed, matcher
            )
        )
        return blocks, ()

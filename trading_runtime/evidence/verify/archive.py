"""The cold copy as a verification sees it: objects under keys, wherever they are kept."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

from trading_runtime.errors import Fault, Refused
from trading_runtime.evidence.verify.checks import Check
from trading_runtime.evidence.verify.findings import Finding, Findings

Columns = Callable[[bytes, int, Sequence[bytes]], None]
"""Compares a Parquet object with the entries from an index on; ``Misread`` where they differ."""


class Held(Protocol):
    """An object in a listing; ``later`` counts what was written or deleted above it since."""

    @property
    def key(self) -> str: ...
    @property
    def later(self) -> int: ...


class Protection(Protocol):
    """What a store says about itself: where it is, and a sentence for each protection it lacks."""

    @property
    def store(self) -> str: ...
    @property
    def absent(self) -> Sequence[str]: ...


class Archive(Protocol):
    """Raises :exc:`Refused` for a key that is not there, another :exc:`Fault` for no answer."""

    @property
    def capabilities(self) -> Protection: ...

    def get(self, key: str) -> bytes: ...
    def list(self, prefix: str) -> Iterable[Held]: ...


class Listing(NamedTuple):
    """The keys below the three folders of the format."""

    keys: frozenset[str]


def read_listing(archive: Archive | None, findings: Findings) -> Listing:
    """List an archive; a meddled object and a silent store are findings."""
    keys = set()
    try:
        for prefix in ("blocks/", "digests/", "heads/"):
            for held in archive.list(prefix) if archive is not None else ():
                keys.add(held.key)
                if held.later:
                    said = f"it was deleted or overwritten {held.later} times"
                    findings.add(Finding(check=Check.ARCHIVE_LATER, said=said, where=held.key))
    except (Fault, OSError) as fault:
        findings.add(Finding(check=Check.UNREADABLE, said=f"the archive: {fault}"))
    return Listing(frozenset(keys))


def fetch(archive: Archive | None, key: str, listing: Listing, findings: Findings) -> bytes | None:
    """Give an object, None where it is not there or cannot be read; the latter is a finding."""
    if archive is None or key not in listing.keys:
        return None
    try:
        return archive.get(key)
    except Refused as fault:
        findings.add(Finding(check=Check.UNREADABLE, said=str(fault), where=key))
    except (Fault, OSError) as fault:
        findings.add(Finding(check=Check.UNREADABLE, said=f"the archive: {fault}", where=key))
    return None

"""The indices of the lake's years made again from its manifests; see ``store.lake.index``."""

import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from trading_runtime.records import layout
from trading_runtime.store.lake import index


class Indexed(NamedTuple):
    """One instrument's year; ``hours`` counts the published hours of all tables."""

    instrument_id: str
    year: str
    hours: int
    bytes: int
    content_sha256: str
    """Of what readers are told, without inode and time of the manifests."""


def content(path: Path) -> str:
    digest = hashlib.sha256()
    for (table, hour), it in sorted(index.read_index(path).items()):
        digest.update(f"{table} {hour} {it.version} {it.file_sha256} {it.is_whole}\n".encode())
    return digest.hexdigest()


def rebuild(data: Path, years: Collection[str]) -> list[Indexed]:
    """Make the index of every instrument's folder of one of ``years`` again."""
    root = Path(layout.lake(data))
    found = []
    for instrument_id, year in index.years(root):
        if year in years:
            hours = index.rebuild(root, instrument_id, year)
            path = index.index_path(root, instrument_id, year)
            size = path.stat().st_size
            found.append(Indexed(instrument_id, year, hours, size, content(path)))
    return found


def version(indexed: Collection[Indexed]) -> str:
    """Digest what all indices say."""
    told = "".join(f"{it.instrument_id} {it.year} {it.content_sha256}\n" for it in indexed)
    return hashlib.sha256(told.encode()).hexdigest()


def table(indexed: Collection[Indexed]) -> str:
    """Write the indices as a Markdown table."""
    lines = ["| instrument | year | hours | bytes |", "| --- | --- | --- | --- |"]
    lines += [f"| {it.instrument_id} | {it.year} | {it.hours:,} | {it.bytes:,} |" for it in indexed]
    return "\n".join(lines)

"""Sealed log files of an hour into gzip, one file each; the plain ones stay.

A plain file may go when its compressed form is archived, which is retention's to decide. The format
is of ``trading_runtime.store.search.members``; ``zcat`` and ``rg -z`` read it.
"""

from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import msgspec

from trading_runtime.records import layout
from trading_runtime.records.units import Module
from trading_runtime.store import durable
from trading_runtime.store.hours import Hour
from trading_runtime.store.search import members
from trading_runtime.store.search.members import Index
from trading_runtime.store.search.places import part_of


class LogHour(NamedTuple):
    """What :func:`compress_hour` is given, here or on another machine."""

    data: Path
    hour: Hour


class Part(NamedTuple):
    """A part of a stream's hour in its two places; the plain one may be gone."""

    number: int
    plain: Path
    gz: Path


class Squeezed(msgspec.Struct, frozen=True, kw_only=True):
    """One compressed file; ``path`` is relative to the data folder."""

    path: str
    lines: int
    unreadable: int
    plain_bytes: int
    bytes: int
    """Of the compressed file and its index."""
    plain_sha256: str


class Compressed(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an hour."""

    hour: str
    files: tuple[Squeezed, ...]
    seconds: float


def parts_of(data: Path, module: Module, hour: Hour) -> list[Part]:
    """Give the sealed parts of a stream's hour, plain or compressed, by number."""
    archived = Path(layout.archived_log(data, module, hour.name, 1)).parent
    sealed = Path(layout.sealed_logs(data))
    pattern = f"{module.value}-{hour.name}-*.jsonl"
    names = [*sealed.glob(pattern), *archived.glob(f"{pattern}.gz")]
    found = (part_of(it.name) for it in names)
    return [
        Part(
            number,
            Path(sealed / layout.sealed_log_name(module, hour.name, number)),
            Path(layout.archived_log(data, module, hour.name, number)),
        )
        for number in sorted({it.number for it in found if it is not None})
    ]


def compress_part(part: Part, hour: Hour) -> Index | None:
    """Compress a part, if it is not yet, and give its index; null where nothing whole is left."""
    # One at a time in a folder: what a crash left there is then nobody's.
    with durable.lock(part.gz.parent / ".lock"):
        durable.sweep(part.gz.parent)
        if part.plain.exists():
            return members.compress(part.plain, part.gz, hour.start)
        known = members.read_index(part.gz)
        return known.index if known is not None else None


def compress_hour(task: LogHour) -> Compressed:
    """Compress every sealed file of the hour; what is compressed already stays as it is.

    Raises :exc:`~trading_runtime.errors.Misread` where the disk gives back other bytes.
    """
    begun = perf_counter()
    files = tuple(_files(task))
    return Compressed(hour=task.hour.name, files=files, seconds=perf_counter() - begun)


def _files(task: LogHour) -> Iterator[Squeezed]:
    for module in Module:
        for part in parts_of(task.data, module, task.hour):
            index = compress_part(part, task.hour)
            if index is not None:
                beside = members.index_path(part.gz)
                yield Squeezed(
                    path=part.gz.relative_to(task.data).as_posix(),
                    lines=index.lines,
                    unreadable=index.unreadable,
                    plain_bytes=index.plain_bytes,
                    bytes=index.gz_bytes + beside.stat().st_size,
                    plain_sha256=index.plain_sha256,
                )

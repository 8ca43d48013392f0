"""A dataset's manifest: what the file beside it is, where it came from and whether it is good.

The file's footer holds all that the bytes follow from; the manifest adds what differs from one
build to the next: its digest, size, quality and who made it when. It is an index: :func:`rebuild`
makes it again from the file (without the quality, which has to be measured again).
"""

from pathlib import Path

import msgspec

from trading_runtime.records.lake_schema import KEY_COMMIT
from trading_runtime.records.units import Nanos
from trading_runtime.store import durable
from trading_runtime.store.parquet import metadata

SUFFIX = ".manifest.json"
DEGRADING = frozenset(
    {
        "book_trusted",
        "clock_offset_small",
        "clock_sane",
        "depth_silence",
        "holes_named",
        "line_readable",
        "no_line_lost",
        "receive_clock_good",
        "ticker_silence",
        "trade_ids_whole",
    }
)
"""Rules that do not block, and whose breach makes an hour less than whole."""


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An input file; ``path`` is relative to the data folder."""

    path: str
    sha256: str
    rows: int


class Commit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The commit record in the footer: all that the rows follow from.

    ``version`` counts the publications of this dataset from 1; late rows make the next one.
    ``sealed`` is false where the hour still grows: such a file is shown as partial, never scanned.
    ``first_ts`` and ``last_ts`` are ``ts_recv`` of the first and last row, 0 where there is none.
    """

    dataset: str
    version: int
    schema_id: str
    maker: str
    """The code that made it, with its own version."""
    sources: tuple[Source, ...]
    sealed: bool
    rows: int
    content_sha256: str
    first_ts: Nanos
    last_ts: Nanos


class RuleResult(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One expectation; ``rows`` are the first offending row numbers, ``found`` counts them all.

    What was ``measured`` (a count, a share in millionths, a span: its rule says which) was above
    ``limit``.
    """

    rule: str
    promise: str
    blocking: bool
    found: int
    rows: tuple[int, ...]
    measured: int = 0
    limit: int = 0


class Quality(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the checks found in the file whose bytes have the digest ``file_sha256``."""

    file_sha256: str
    expectations: int
    broken: tuple[RuleResult, ...]

    @property
    def passed(self) -> bool:
        return not any(it.blocking for it in self.broken)

    @property
    def degraded(self) -> bool:
        """Whether rows are missing, or may not be trusted, in what passed all the same."""
        return any(it.rule in DEGRADING for it in self.broken)


class Made(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """By which run, and when in UTC nanoseconds."""

    run_id: str
    at: Nanos


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    commit: Commit
    file_sha256: str
    size_bytes: int
    quality: Quality
    made: Made


def manifest_path(dataset: Path) -> Path:
    return dataset.with_name(dataset.stem + SUFFIX)


def read_commit(dataset: Path) -> Commit | None:
    """Give the commit record of a published file, ``None`` where there is no file."""
    if not dataset.exists():
        return None
    return msgspec.json.decode(metadata(dataset)[KEY_COMMIT], type=Commit)


def read(dataset: Path) -> Manifest | None:
    path = manifest_path(dataset)
    if not path.exists():
        return None
    return msgspec.json.decode(path.read_bytes(), type=Manifest)


def is_current(dataset: Path) -> bool:
    """Whether the manifest beside ``dataset`` tells of exactly its bytes."""
    known = read(dataset)
    return known is not None and known.file_sha256 == durable.sha256(dataset)


def rebuild(dataset: Path, quality: Quality, made: Made) -> Manifest:
    """Write the manifest of the file ``dataset`` from its footer and bytes."""
    commit = read_commit(dataset)
    if commit is None:
        raise FileNotFoundError(dataset)
    content = Manifest(
        commit=commit,
        file_sha256=durable.sha256(dataset),
        size_bytes=dataset.stat().st_size,
        quality=quality,
        made=made,
    )
    text = msgspec.json.format(msgspec.json.encode(content), indent=2)
    durable.write(manifest_path(dataset), text + b"\n")
    return content

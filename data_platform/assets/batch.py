"""What one run of one hour works on, from staging over the checks to publishing.

Staging, checking and publishing are separate steps, so that a failed check stands between them;
the batch, a small file in ``_staging/``, hands the list of datasets from one to the next.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from data_platform.checks import quarantine
from trading_runtime.records.lake_schema import Table
from trading_runtime.store import commit, durable, manifest
from trading_runtime.store.commit import Dataset, Rows
from trading_runtime.store.manifest import Made, Manifest


class Batch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Datasets by path: those with something new, those that stay, those that must not come in."""

    sealed: bool
    staged: tuple[str, ...]
    unchanged: tuple[str, ...]
    quarantined: tuple[str, ...] = ()


def batch_path(root: Path, name: str) -> Path:
    return root / commit.STAGING / f"{name}.json"


def read(root: Path, name: str) -> Batch:
    return msgspec.json.decode(batch_path(root, name).read_bytes(), type=Batch)


def write(root: Path, name: str, batch: Batch) -> None:
    durable.write(batch_path(root, name), msgspec.json.encode(batch))


def stage(
    root: Path, name: str, gathered: Iterable[tuple[Dataset, Rows]], *, sealed: bool
) -> Batch:
    """Stage each dataset that has something new; the caller holds the lock of ``name``."""
    staged: list[str] = []
    unchanged: list[str] = []
    for dataset, rows in gathered:
        (staged if commit.stage(dataset, rows) else unchanged).append(dataset.path)
    batch = Batch(sealed=sealed, staged=tuple(staged), unchanged=tuple(unchanged))
    durable.write(batch_path(root, name), msgspec.json.encode(batch))
    return batch


def to_judge(root: Path, name: str, table: Table) -> list[Dataset]:
    return [Dataset(root, path, table) for path in read(root, name).staged]


def set_aside(root: Path, name: str, bad: Sequence[str]) -> Batch:
    """Take quarantined datasets out of what is to be published; the caller holds the lock."""
    before = read(root, name)
    left = tuple(path for path in before.staged if path not in bad)
    batch = msgspec.structs.replace(before, staged=left, quarantined=tuple(bad))
    durable.write(batch_path(root, name), msgspec.json.encode(batch))
    return batch


def publish(root: Path, name: str, table: Table, made: Made) -> list[Manifest]:
    """Publish what is staged, if all of it passed; give the manifests of the whole batch."""
    with commit.locked(root, name):
        batch = read(root, name)
        published = [commit.publish(Dataset(root, path, table), made) for path in batch.staged]
        for path in batch.unchanged:
            dataset = Dataset(root, path, table)
            known = manifest.read(dataset.published if batch.sealed else dataset.partial)
            published += [known] if known else []
        for path in (*batch.staged, *batch.unchanged):
            quarantine.release(quarantine.data_of(root), Dataset(root, path, table))
        done = Batch(sealed=batch.sealed, staged=(), unchanged=(*batch.staged, *batch.unchanged))
        durable.write(batch_path(root, name), msgspec.json.encode(done))
        return published


def bytes_read(manifests: Sequence[Manifest], data: Path) -> int:
    """Sum the sizes of the sources that are still there, each once."""
    paths = {data / source.path for it in manifests for source in it.commit.sources}
    return sum(path.stat().st_size for path in sorted(paths) if path.exists())

"""Into the archive, off this disk, and back onto an empty one."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from data_platform.partitions import DAYS
from data_platform.rehearsal import counted
from data_platform.rehearsal.scene import (
    ARCHIVE,
    Finding,
    Scene,
    tapedeck,
    tapedeck_lines,
    told,
)
from trading_runtime.records import layout
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos
from trading_runtime.store.archive.archive import Archive
from trading_runtime.store.archive.manifest import ArchiveManifest
from trading_runtime.store.hours import hour_at
from trading_runtime.store.objects.opening import open_archive

LATER_NS = 10 * 86_400 * NANOS_PER_SECOND
"""So long after the days retention is played: longer than anything large stays on this disk."""
DATASETS_MIN = 6
PLATFORM = "platform"
SEGMENTS_KEPT = 3
"""Of each of the newest sessions: what a start of the runtime may read."""


def archive(scene: Scene) -> list[Finding]:
    """Bring every data set of every day to the archive, and read all of it back."""
    keys = scene.stage.groups_of(DAYS).get(ARCHIVE, [])
    outcome = scene.stage.run(keys, scene.story.every_day(), scene.now)
    store = opened(scene)
    manifests = list(held(store))
    problems = [it for manifest in manifests for it in store.problems(manifest)]
    names = sorted({it.dataset for it in manifests})
    files = {file.path for it in manifests for file in it.files}
    here = [scene.data / path for path in files if (scene.data / path).exists()]
    scene.archived.update(counted.digests(scene.data, here))
    size = sum(it.size for it in manifests)
    lost = sorted(path for path in files if not (scene.data / path).exists())
    said = f"{len(files):,} files, {size:,} bytes of {', '.join(names)}{such_as(lost)}"
    locks = store.objects.capabilities
    locked = "locks" if locks.retention_lock else "no locks: it offers none"
    return [
        told("data sets archived", [outcome]),
        Finding("the archive holds", said, len(names) >= DATASETS_MIN and not lost),
        Finding("read back", f"{len(problems)} objects are not what they were", not problems),
        Finding("the store", f"{locks.store}, {locked}", holds=True),
    ]


def retention(scene: Scene) -> list[Finding]:
    """Ten days later: what is old enough goes from this disk, and only what the archive holds."""
    before = on_disk(scene.data)
    keys = scene.stage.groups_of(None).get(ARCHIVE, [])
    outcome = scene.stage.run(keys, (), Nanos(scene.story.end + LATER_NS))
    after = on_disk(scene.data)
    gone = before.keys() - after.keys()
    unsaved = sorted(path for path in gone - scene.archived.keys() if not is_compressed(path))
    freed = sum(before[path] for path in gone)
    return [
        told("retention", [outcome]),
        Finding("gone from this disk", f"{len(gone):,} files, {freed:,} bytes", bool(gone)),
        Finding("gone without a copy", f"{len(unsaved)} files{such_as(unsaved)}", not unsaved),
        *left(scene),
    ]


def left(scene: Scene) -> list[Finding]:
    """Hold what is left on this disk against why: it waits for somebody, or is read at a start."""
    damaged = scene.story.hour(scene.story.damaged)
    place = "" if damaged is None else f"{damaged.day}/{damaged.of_day:02d}/"
    minutes = sorted(str(it) for it in scene.data.glob("lake/*/*-*-*/*/*.parquet"))
    others = [path for path in minutes if not place or place not in path]
    segments = list(scene.data.glob(f"journal/*/*{layout.SEALED_SUFFIX}"))
    logs = sorted(str(it) for it in scene.data.glob("logs/archive/**/*.gz"))
    kept = SEGMENTS_KEPT * len({it.parent for it in segments})
    quarantined = f"{len(minutes)} of the damaged hour wait, {len(others)} others"
    return [
        Finding("minutes left", f"{quarantined}{such_as(others)}", not others),
        Finding("segments left for the next start", str(len(segments)), len(segments) <= kept),
        Finding("logs left", f"{len(logs)}{such_as(logs)}", not logs),
    ]


def restore(scene: Scene) -> list[Finding]:
    """Restore all of it onto an empty folder: every file has the bytes that it had."""
    empty = scene.data.with_name(f"{scene.data.name}-restored")
    shutil.rmtree(empty, ignore_errors=True)
    where = ("--archive", str(scene.data / "archive"))
    status, last = tapedeck("archive", "restore", "--data", str(empty), *where, "--followed")
    paths = [empty / path for path in scene.archived]
    back = counted.digests(empty, [it for it in paths if it.exists()])
    different = [path for path, digest in scene.archived.items() if back.get(path) != digest]
    replayed, told_last = replay(scene, empty)
    if not different:
        shutil.rmtree(empty)
    said = f"{len(back):,} of {len(scene.archived):,} files, {len(different)} differ"
    return [
        Finding("restored", f"exit status {status}; {last}", status == 0),
        Finding("equal to what was archived", said, not different and bool(back)),
        Finding("a restored session plays back", told_last, replayed),
    ]


def deeds(scene: Scene) -> list[Finding]:
    """Let the audit record take in what the platform did: what it deleted stands there, proven."""
    at = hour_at(scene.story.end + LATER_NS).name
    status, last = tapedeck("days", "--data", str(scene.data), "--until", at)
    found = tapedeck_lines("audit", "search", "--data", str(scene.data), "--service", PLATFORM)
    # A witness cosigns today, whatever day the record has come to.
    when = ("--now", at, "--fresh-within", str(2 * LATER_NS // NANOS_PER_SECOND))
    proven, verdict = tapedeck("verify", "--data", str(scene.data), "--all", *when)
    return [
        Finding("taken in", last, status == 0),
        Finding("deeds of the platform", f"{len(found)} entries", bool(found)),
        Finding("the audit record", f"exit status {proven}; {verdict}", proven == 0),
    ]


def replay(scene: Scene, folder: Path) -> tuple[bool, str]:
    """Play the restored sessions and hold them against their own outputs."""
    sessions = scene.written.made.sessions
    told = [tapedeck("replay", str(folder), "--session", it, "--check") for it in sessions]
    return all(status == 0 for status, _ in told), "; ".join(last for _, last in told)


def opened(scene: Scene) -> Archive:
    settings = scene.stage.settings.archive
    folder = scene.data / ARCHIVE
    return Archive(open_archive(settings.location, folder, settings.endpoint, scene.now))


def held(store: Archive) -> Iterator[ArchiveManifest]:
    for dataset in store.datasets():
        yield from store.manifests(dataset)


def is_compressed(path: str) -> bool:
    """Whether its bytes are archived in another form: of a sealed log the compressed one."""
    return path.startswith(layout.sealed_logs(Path()).as_posix())


def such_as(paths: Sequence[str]) -> str:
    """Name the first of ``paths``, where there is one."""
    return f", such as {paths[0]}" if paths else ""


def on_disk(data: Path) -> dict[str, int]:
    """Give the sizes of the files of a data folder, by path, without its archive and its runs."""
    apart = {data / "archive" / "data", data / "archive" / "manifests", data / "dagster"}
    return {
        path.relative_to(data).as_posix(): path.stat().st_size
        for path in data.rglob("*")
        if path.is_file() and not apart & set(path.parents)
    }

"""Into the archive, and back onto an empty disk."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from data_platform.assets.archive import archiving
from data_platform.partitions import DAYS
from data_platform.rehearsal import counted, held
from data_platform.rehearsal.scene import (
    ARCHIVE,
    Finding,
    Scene,
    tapedeck,
    tapedeck_lines,
    told,
)
from trading_runtime.records.units import NANOS_PER_SECOND
from trading_runtime.store.archive.archive import Archive
from trading_runtime.store.archive.manifest import ArchiveManifest
from trading_runtime.store.hours import hour_at

LATER_NS = 10 * 86_400 * NANOS_PER_SECOND
"""So long after the days retention is played: longer than anything large stays on this disk."""
DATASETS_MIN = 6
PLATFORM = "platform"


def archive(scene: Scene) -> list[Finding]:
    """Bring every data set of every day to the archive, and read all of it back."""
    keys = scene.stage.groups_of(DAYS).get(ARCHIVE, [])
    outcome = scene.stage.run(keys, scene.story.every_day(), scene.now)
    store = opened(scene)
    manifests = list(every(store))
    problems = [it for manifest in manifests for it in store.problems(manifest)]
    names = sorted({it.dataset for it in manifests})
    files = {file.path for it in manifests for file in it.files}
    here = [scene.data / path for path in files if (scene.data / path).exists()]
    scene.archived.update(counted.digests(scene.data, here))
    size = sum(it.size for it in manifests)
    lost = sorted(path for path in files if not (scene.data / path).exists())
    said = f"{len(files):,} files, {size:,} bytes of {', '.join(names)}{such_as(lost)}"
    return [
        Finding("the store", store.objects.capabilities.store, holds=True),
        told("data sets archived", [outcome]),
        Finding("the archive holds", said, len(names) >= DATASETS_MIN and not lost),
        Finding("read back", f"{len(problems)} objects are not what they were", not problems),
        *held.shown(scene, store, manifests),
    ]


def restore(scene: Scene) -> list[Finding]:
    """Restore all of it onto an empty folder: every file has the bytes that it had."""
    empty = scene.data.with_name(f"{scene.data.name}-restored")
    shutil.rmtree(empty, ignore_errors=True)
    words = ("--data", str(empty), *scene.place.words, "--followed")
    status, last = tapedeck("archive", "restore", *words)
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
    return archiving.open_to_write(scene.stage.settings.archive, scene.data, scene.now)


def every(store: Archive) -> Iterator[ArchiveManifest]:
    for dataset in store.datasets():
        yield from store.manifests(dataset)


def such_as(paths: Sequence[str]) -> str:
    """Name the first of ``paths``, where there is one."""
    return f", such as {paths[0]}" if paths else ""

"""Ten days later: off this disk, once it is safe in the archive, and still to be read."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from data_platform.rehearsal import held
from data_platform.rehearsal.keeping import LATER_NS, every, opened, such_as
from data_platform.rehearsal.scene import ARCHIVE, Finding, Scene, tapedeck_lines, told
from data_platform.rehearsal.stage import Check, Outcome
from trading_runtime.records import layout
from trading_runtime.records.units import Nanos
from trading_runtime.store.archive.archive import Archive
from trading_runtime.store.archive.manifest import ArchivedFile, ArchiveManifest

SEGMENTS_KEPT = 3
"""Of each of the newest sessions: what a start of the runtime may read."""
MINUTES = "minutes"
STAYED = Check("retention", "only_what_is_safe_went", "ERROR")


def retention(scene: Scene) -> list[Finding]:
    """What is old enough goes from this disk, and only what the archive holds."""
    before, store = on_disk(scene.data), opened(scene)
    lines = searched(scene, scene.data)
    unsafe = without_a_copy(scene, store)
    outcome = play(scene)
    after = on_disk(scene.data)
    gone = before.keys() - after.keys()
    unsaved = sorted(path for path in gone - scene.archived.keys() if not is_compressed(path))
    freed = sum(before[path] for path in gone)
    return [
        *unsafe,
        told("retention", [outcome]),
        Finding("gone from this disk", f"{len(gone):,} files, {freed:,} bytes", bool(gone)),
        Finding("gone without a copy", f"{len(unsaved)} files{such_as(unsaved)}", not unsaved),
        *left(scene),
        held.tiers(scene),
        held.rolled_on(scene, store, every(store), later(scene)),
        still_there(scene, lines),
    ]


def play(scene: Scene) -> Outcome:
    keys = scene.stage.groups_of(None).get(ARCHIVE, [])
    return scene.stage.run(keys, (), later(scene))


def later(scene: Scene) -> Nanos:
    return Nanos(scene.story.end + LATER_NS)


def without_a_copy(scene: Scene, store: Archive) -> list[Finding]:
    """Lose one object: its file stays here, red, until it is put anew from the file."""
    manifests = list(every(store))
    file = to_be_lost(scene, manifests)
    store.objects.remove(file.key)
    outcome = play(scene)
    stayed, red = (scene.data / file.path).exists(), list(outcome.failed_checks)
    is_mended = store.mend(MINUTES, file, scene.data / file.path)
    said = f"{file.path} {'stayed' if stayed else 'went'}, {len(red)} check red"
    return [
        Finding("a file whose object is lost", said, stayed and red == [STAYED]),
        Finding("its object put anew", file.key, is_mended),
    ]


def to_be_lost(scene: Scene, manifests: Sequence[ArchiveManifest]) -> ArchivedFile:
    """Choose a recorded minute that nobody waits for, and whose bytes are no other's."""
    named = Counter(file.key for it in manifests for file in it.files)
    return next(
        file
        for it in manifests
        for file in it.files
        if it.dataset == MINUTES
        and file.path.endswith(".parquet")
        and damaged_hour(scene) not in file.path
        and named[file.key] == 1
    )


def damaged_hour(scene: Scene) -> str:
    """Give the end of the path of its folder, and what is in no path where there is none."""
    damaged = scene.story.hour(scene.story.damaged)
    return "//" if damaged is None else f"{damaged.day}/{damaged.of_day:02d}/"


def left(scene: Scene) -> list[Finding]:
    """Hold what is left on this disk against why: it waits for somebody, or is read at a start."""
    minutes = sorted(str(it) for it in scene.data.glob("lake/*/*-*-*/*/*.parquet"))
    others = [path for path in minutes if damaged_hour(scene) not in path]
    segments = list(scene.data.glob(f"journal/*/*{layout.SEALED_SUFFIX}"))
    logs = sorted(str(it) for it in scene.data.glob("logs/archive/**/*.gz"))
    kept = SEGMENTS_KEPT * len({it.parent for it in segments})
    waiting = f"{len(minutes) - len(others)} of the damaged hour wait, {len(others)} others"
    return [
        Finding("minutes left", f"{waiting}{such_as(others)}", not others),
        Finding("segments left for the next start", str(len(segments)), len(segments) <= kept),
        Finding("logs left", f"{len(logs)}{such_as(logs)}", not logs),
    ]


def searched(scene: Scene, folder: Path) -> list[str]:
    """Give every warning of the days, from a folder and the archive."""
    words = ("--data", str(folder), *scene.place.words)
    return tapedeck_lines("search", *words, "--level", "WARN+", "--limit", "0")


def still_there(scene: Scene, before: Sequence[str]) -> Finding:
    """What was found when all of it was here is found where nothing is but the archive."""
    with TemporaryDirectory() as nothing:
        now = searched(scene, Path(nothing))
    said = f"{len(now):,} warnings from the archive alone, {len(before):,} from here before"
    return Finding("a search", said, now == before and bool(now))


def is_compressed(path: str) -> bool:
    """Whether its bytes are archived in another form: of a sealed log the compressed one."""
    return path.startswith(layout.sealed_logs(Path()).as_posix())


def on_disk(data: Path) -> dict[str, int]:
    """Give the sizes of the files of a data folder, by path, without its archive and its runs."""
    apart = {data / "archive" / "data", data / "archive" / "manifests", data / "dagster"}
    return {
        path.relative_to(data).as_posix(): path.stat().st_size
        for path in data.rglob("*")
        if path.is_file() and not apart & set(path.parents)
    }

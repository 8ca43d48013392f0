"""Every hour to the lake: once, again, and once more where a minute came late."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from data_platform.partitions import HOURS, key_of
from data_platform.rehearsal import counted
from data_platform.rehearsal.scene import Finding, Scene, keys_of, tapedeck, told
from data_platform.rehearsal.stage import Outcome, in_runs
from data_platform.rehearsal.story import Capture
from data_platform.sealed import sealed_since
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import TABLES
from trading_runtime.store.condition import Condition
from trading_runtime.store.hours import Hour
from trading_runtime.store.manifest import Commit

HOURS_PER_RUN = 24
BUILT = frozenset({Condition.COMPLETE, Condition.DEGRADED})


def build_hours(scene: Scene, hours: Iterable[Hour]) -> list[Outcome]:
    keys = keys_of(scene.stage, HOURS)
    runs = in_runs([key_of(hour) for hour in hours], HOURS_PER_RUN)
    return [scene.stage.run(keys, run, scene.now) for run in runs]


def hours(scene: Scene) -> list[Finding]:
    """Take every hour to the lake and to the archive of lines, as a backfill does."""
    outcomes = build_hours(scene, scene.story.every_hour())
    return [told("hours built", outcomes), *conditions(scene), *rows(scene)]


def conditions(scene: Scene) -> list[Finding]:
    """Hold the condition of each hour against what was made up."""
    story, found = scene.story, counted.conditions(scene.data, scene.story.every_hour())
    findings = [Finding("conditions", counted.summed(found), holds=True)]
    for what, hour, expected in (
        ("the silent hour", story.hour(story.silent), Condition.EMPTY),
        ("the missing hour", story.hour(story.missing), Condition.MISSING),
    ):
        if hour is not None:
            of_it = {it for place, it in found.items() if place.hour == hour}
            said = f"{hour.name}: {', '.join(sorted(it.value for it in of_it))}"
            findings.append(Finding(what, said, of_it == {expected}))
    quarantined = [place for place, it in found.items() if it is Condition.QUARANTINED]
    findings.append(damaged(scene, quarantined))
    special = {story.hour(story.silent), story.hour(story.missing)}
    rest = [
        place
        for place, it in found.items()
        if it not in BUILT and place.hour not in special and place not in quarantined
    ]
    findings.append(
        Finding("all other hours are published", f"{len(rest)} are not", holds=not rest)
    )
    return findings


def damaged(scene: Scene, quarantined: Sequence[counted.Place]) -> Finding:
    """The damaged dataset, and none else, is kept out of the lake, and the row is named."""
    damage, hour = scene.written.made.damage, scene.story.hour(scene.story.damaged)
    if damage is None:
        return Finding("no hour is quarantined", f"{len(quarantined)} are", not quarantined)
    table = damage.path.partition("/")[0]
    names = [f"{it.table} of {it.instrument_id} at {it.hour.name}" for it in quarantined]
    holds = [(it.table, it.hour) for it in quarantined] == [(table, hour)]
    kept = sorted(Path(layout.quarantine(scene.data)).rglob("*.rows.parquet"))
    said = f"{', '.join(names) or 'nothing'}; {len(kept)} file of offending rows"
    return Finding("the damaged hour is quarantined", said, holds and len(kept) == 1)


def rows(scene: Scene) -> list[Finding]:
    """Each recorded row of an hour that is whole is in the lake once."""
    findings = []
    damage = scene.written.made.damage
    left_out = scene.story.hour(scene.story.damaged) if damage is not None else None
    for name, table in TABLES.items():
        of_table = [it for it in scene.story.every_hour() if it != left_out]
        recorded = sum(counted.recorded_rows(scene.data, table, it) for it in of_table)
        in_lake = sum(
            found.commit.rows
            for it in of_table
            for found in counted.published(scene.data, table, it).values()
        )
        said = f"{recorded:,} recorded, {in_lake:,} published"
        findings.append(Finding(f"rows of {name}", said, recorded == in_lake > 0))
    return findings


def again(scene: Scene) -> list[Finding]:
    """Build some hours a second time: nothing changes."""
    some = scene.story.every_hour()[:2]
    files = counted.lake_files(scene.data, some)
    before = counted.digests(scene.data, files)
    outcomes = build_hours(scene, some)
    after = counted.digests(scene.data, counted.lake_files(scene.data, some))
    changed = sum(before.get(path) != digest for path, digest in after.items())
    said = f"{len(after)} files of {len(some)} hours, {changed} changed"
    return [told("built again", outcomes), Finding("nothing changed", said, before == after)]


def late(scene: Scene) -> list[Finding]:
    """Deliver the minute that was kept back: its hour alone is built again, as a new version."""
    capture, hour = scene.written.made.late, scene.story.hour(late_hour(scene))
    if capture is None or hour is None:
        return []
    mark_ns = max(it.marked_ns for it in sealed_since(scene.data, 0, scene.story.hours).hours)
    deliver(scene.data, capture)
    touched = [it.hour for it in sealed_since(scene.data, mark_ns, scene.story.hours).hours]
    names = ", ".join(it.name for it in touched)
    others = [it for it in scene.story.every_hour() if it != hour]
    before = counted.digests(scene.data, counted.lake_files(scene.data, others[-4:]))
    commits = commits_of(scene, capture.symbol, hour)
    outcomes = build_hours(scene, touched)
    after = counted.digests(scene.data, counted.lake_files(scene.data, others[-4:]))
    now = commits_of(scene, capture.symbol, hour)
    # The minute may have been without a trade: its table is then as it was.
    grown = {name for name, it in now.items() if it.rows > commits[name].rows}
    versions = {name: it.version for name, it in now.items()}
    expected = {name: 2 if name in grown else 1 for name in TABLES}
    said = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    return [
        Finding("what the late minute touched", names, touched == [hour]),
        told("the late hour built again", outcomes),
        Finding("its versions", said, bool(grown) and versions == expected),
        Finding("other hours", f"{len(after)} files are as they were", before == after),
        *rows(scene),
    ]


def commits_of(scene: Scene, symbol: str, hour: Hour) -> dict[str, Commit]:
    """Give what is published of one market's hour, by table."""
    return {
        name: found.commit
        for name, table in TABLES.items()
        for instrument, found in counted.published(scene.data, table, hour).items()
        if instrument.endswith(f":{symbol}")
    }


def late_hour(scene: Scene) -> int | None:
    return None if scene.story.late is None else scene.story.late.hour


def deliver(data: Path, capture: Capture) -> None:
    """Play a capture into the folder, and let scribe merge its minute."""
    market = ("--venue", capture.venue, "--symbol", capture.symbol)
    grid = ("--tick", capture.tick, "--lot", capture.lot)
    tapedeck("feed", str(data / capture.path), *market, *grid, "--data", str(data))
    tapedeck("scribe", "--data", str(data), "--once", "--finish")

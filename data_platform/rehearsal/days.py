"""Each day: modelled, verified, reported."""

from pathlib import Path

from data_platform.assets.models import published
from data_platform.partitions import DAYS
from data_platform.rehearsal.scene import Finding, Scene, keys_of, tapedeck, told
from trading_runtime.records import layout
from trading_runtime.records.units import NANOS_PER_SECOND

MARTS_MIN = 8
REPORT = "report.txt"


def days(scene: Scene) -> list[Finding]:
    """Build what there is of each day, one after the other: ledgers go from day to day."""
    keys = keys_of(scene.stage, DAYS)
    every = scene.story.every_day()
    outcomes = [scene.stage.run(keys, [day], scene.now) for day in every]
    return [told("days built", outcomes), *reports(scene), *marts(scene), proof(scene)]


def reports(scene: Scene) -> list[Finding]:
    """Each day has its report; the one of a day with a missing hour says so."""
    texts = {}
    for day in scene.story.every_day():
        path = Path(layout.reports(scene.data)) / day / REPORT
        texts[day] = path.read_text(encoding="utf-8") if path.exists() else ""
    written = [day for day, text in texts.items() if text]
    findings = [Finding("reports", ", ".join(written), len(written) == len(texts))]
    missing = scene.story.hour(scene.story.missing)
    if missing is not None:
        words = f"{missing.of_day:02d} missing"
        holds = words in texts[missing.day]
        said = f"says {words}" if holds else f"says nothing of {missing.name}"
        findings.append(Finding("the report of the day with a missing hour", said, holds))
    return findings


def marts(scene: Scene) -> list[Finding]:
    """Each day has its marts."""
    built = {day: published.read(scene.data, day) for day in scene.story.every_day()}
    counts = {
        day: {name: mart.rows for name, mart in it.marts.items()} for day, it in built.items() if it
    }
    rows = sum(sum(it.values()) for it in counts.values())
    names = {name for it in counts.values() for name in it}
    said = f"{len(names)} marts of {len(counts)} days, {rows:,} rows"
    holds = len(counts) == len(built) and len(names) >= MARTS_MIN and rows > 0
    return [Finding("marts", said, holds)]


def proof(scene: Scene) -> Finding:
    """The audit record is whole, and was fresh when the days ended."""
    now = str(scene.story.end // NANOS_PER_SECOND)
    status, last = tapedeck("verify", "--data", str(scene.data), "--all", "--now", now)
    return Finding("audit record", f"exit status {status}; {last}", status == 0)

"""Some hours that are made up: they are recorded as real ones are, and the same each time."""

import hashlib
import json
import shutil
import threading
from pathlib import Path

import msgspec
import pytest

from trading_runtime.app.provenance import here
from trading_runtime.app.replay import replay_session
from trading_runtime.audit.keys import Charter
from trading_runtime.cli.audit_command import charter
from trading_runtime.cli.main import main
from trading_runtime.config import SHIPPED, load_settings
from trading_runtime.days.pace import paced
from trading_runtime.days.recording import Recorded, Whole, record
from trading_runtime.days.story import Late, Story, parse_start
from trading_runtime.evidence.verify.asked import Question
from trading_runtime.evidence.verify.report import Report
from trading_runtime.evidence.verify.verify import verify_folder
from trading_runtime.journal.folder import find_sessions
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import DEPTH, TABLES, TICKER, TRADES
from trading_runtime.records.units import NANOS_PER_SECOND, Module, Nanos
from trading_runtime.scribe import process
from trading_runtime.scribe.settings import ScribeSettings
from trading_runtime.store import durable, parquet

DAY = "2026-03-01"
STORY = Story(
    first=parse_start(DAY),
    hours=4,
    seed=11,
    silent=1,
    missing=2,
    late=Late(3, 24),
    damaged=3,
    drill=0,
)


def made(data: Path, audit: Charter | None, story: Story = STORY) -> Recorded:
    whole = Whole(
        data=data,
        story=story,
        settings=paced(load_settings(SHIPPED)),
        settings_path=SHIPPED,
        charter=audit,
    )
    return record(whole, lambda _: None)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Recorded]:
    data = tmp_path_factory.mktemp("days") / "data"
    return data, made(data, charter(3600))


def minutes_of(data: Path, table: str, hour: int) -> dict[int, int] | None:
    """Give the rows of each minute that the hour's marker names; None where there is none."""
    marker = Path(layout.lake(data)) / layout.hour_marker(table, DAY, hour)
    if not marker.exists():
        return None
    return {it["minute"]: it["rows"] for it in json.loads(marker.read_bytes())["minutes"]}


def proven(data: Path, at: Nanos) -> Report:
    """Verify the audit record of the folder as of ``at``."""
    return verify_folder(Path(layout.audit(data)), Question(now=at // NANOS_PER_SECOND))


def files_of(folder: Path) -> dict[str, str]:
    """Give the digests of all files below ``folder``, by path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_every_hour_is_sealed_but_the_one_in_which_nothing_ran(
    recorded: tuple[Path, Recorded],
) -> None:
    data, _ = recorded
    for table in TABLES:
        found = [minutes_of(data, table, hour) for hour in range(5)]
        assert len(found[0] or ()) > 50
        assert found[1] == {}  # silent: sealed, and without a row
        assert found[2] is None  # missing: nobody was there to seal it
        assert len(found[3] or ()) > 50
        assert found[4] is None


def test_all_six_streams_are_sealed_and_none_is_left_open(recorded: tuple[Path, Recorded]) -> None:
    data, _ = recorded
    for module in Module:
        sealed = Path(layout.sealed_logs(data)) / layout.sealed_log_name(module, f"{DAY}T00", 1)
        assert sealed.stat().st_size > 0
        assert Path(layout.live_log(data, module)).stat().st_size == 0
    assert not list(Path(layout.sealed_logs(data)).glob(f"*-{DAY}T02-*"))
    assert not list(Path(layout.sealed_logs(data)).glob("*-002.jsonl"))


def test_there_are_orders_fills_cancels_limits_and_what_a_person_did(
    recorded: tuple[Path, Recorded],
) -> None:
    data, _ = recorded
    lines = "".join(it.read_text() for it in sorted(Path(layout.sealed_logs(data)).iterdir()))
    events = ("PlaceOrder", "OrderFilled", "OrderCancelled", "QuotesDecided", "PanicStopTriggered")
    told = ("StrategyPaused", "ParametersActivated", "ConnectionLost", "DigestPublished")
    for event in (*events, *told):
        assert f'"event":"{event}"' in lines, event


def test_each_session_plays_back_byte_for_byte(recorded: tuple[Path, Recorded]) -> None:
    data, told = recorded
    folders = find_sessions(data)
    assert [it.name for it in folders] == list(told.sessions)
    assert len(folders) == 2
    for folder in folders:
        assert replay_session(folder, 0, here(None, None)).ok


def test_the_audit_record_is_whole_and_was_fresh_when_the_hours_ended(
    recorded: tuple[Path, Recorded],
) -> None:
    data, _ = recorded
    report = proven(data, STORY.end)
    assert (report.integrity, report.completeness) == ("ok", "ok"), report.first
    assert report.entries > 1_000
    assert report.exit_status == 0, report.first


def test_one_cell_is_damaged_and_the_marker_agrees_with_it(recorded: tuple[Path, Recorded]) -> None:
    data, told = recorded
    damaged = told.damage
    assert damaged is not None
    path = Path(layout.lake(data)) / damaged.path
    rows = parquet.read(path)
    assert rows.column("px").to_pylist()[damaged.row] == -1 < damaged.before
    marker = json.loads((path.parent / "_sealed.json").read_bytes())
    digests = {it["minute"]: it["sha256"] for it in marker["minutes"]}
    assert digests[int(path.stem)] == durable.sha256(path)


def test_the_same_story_gives_the_same_logs_and_ticks(
    recorded: tuple[Path, Recorded], tmp_path: Path
) -> None:
    """Its first hour is told again, up to where the second begins."""
    data, _ = recorded
    begun = msgspec.structs.replace(STORY, hours=2, missing=None, late=None, damaged=None)
    made(tmp_path, None, begun)
    for table in TABLES:
        hour = f"{table}/{DAY}/00"
        told, again = (files_of(Path(layout.lake(it)) / hour) for it in (data, tmp_path))
        assert len(told) > 50
        assert again == told
    # The audit services' own lines are left out: their keys are new each time.
    for module in set(Module) - {Module.AUDIT, Module.SYSTEM}:
        name = layout.sealed_log_name(module, f"{DAY}T00", 1)
        told_lines, lines = (Path(layout.sealed_logs(it)) / name for it in (data, tmp_path))
        assert lines.read_bytes() == told_lines.read_bytes() != b""


def test_the_minute_that_was_kept_back_comes_late_and_its_hour_is_marked_anew(
    recorded: tuple[Path, Recorded], tmp_path: Path
) -> None:
    whole, told = recorded
    data = tmp_path / "data"
    shutil.copytree(whole, data)
    late = told.late
    assert late is not None
    before = {table: minutes_of(data, table, 3) for table in TABLES}
    arguments = ["--venue", late.venue, "--symbol", late.symbol, "--tick", late.tick]
    arguments += ["--lot", late.lot, "--data", str(data)]
    assert main(["feed", str(data / late.path), *arguments]) == 0
    process.run(data, ScribeSettings(), threading.Event(), once=True, finish=True)
    for table in (DEPTH, TRADES, TICKER):
        was, now = before[table.minutes], minutes_of(data, table.minutes, 3)
        assert was is not None
        assert now is not None
        assert {minute for minute in now if now[minute] != was.get(minute)} == {24}
        assert now[24] > was[24]
    # Its session is taken into the audit record when that goes on.
    was_proven = proven(data, STORY.end)
    assert main(["days", "--data", str(data), "--until", f"{DAY}T06"]) == 0
    now_proven = proven(data, parse_start(f"{DAY}T06"))
    assert now_proven.exit_status == 0, now_proven.first
    assert now_proven.entries > was_proven.entries

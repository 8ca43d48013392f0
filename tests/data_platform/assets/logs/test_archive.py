from pathlib import Path

import pytest

from data_platform.assets import batch
from data_platform.assets.logs import archive
from data_platform.checks import lines as checks
from data_platform.checks.findings import Subject
from tests.data_platform.recorded import EVENTS, write_logs
from tests.store.lake_rows import HOUR
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import LOGS, TABLES
from trading_runtime.records.units import Module, Nanos
from trading_runtime.store import commit, durable, manifest, parquet
from trading_runtime.store.manifest import Made, Manifest, Quality
from trading_runtime.store.search import rows
from trading_runtime.store.search.line import entry

MADE = Made(run_id="run", at=Nanos(1))


def sealed_path(data: Path, module: Module, part: int = 1) -> Path:
    return Path(layout.sealed_logs(data) / layout.sealed_log_name(module, HOUR.name, part))


def mark_sealed(data: Path) -> None:
    for table in TABLES:
        marker = layout.lake(data) / layout.hour_marker(table, HOUR.day, HOUR.of_day)
        durable.write(Path(marker), b"{}")


def run(data: Path) -> dict[str, Manifest]:
    archive.stage_hour(data, HOUR)
    root, name = archive.archive_root(data), archive.batch_name(HOUR)
    for it in batch.to_judge(root, name, LOGS):
        digest = durable.sha256(it.candidate)
        commit.judge(it, Quality(file_sha256=digest, expectations=0, broken=()))
    told = batch.publish(root, name, LOGS, MADE)
    return {it.commit.dataset.partition("/")[0]: it for it in told}


def test_every_line_is_a_row_with_its_text_unchanged(tmp_path: Path) -> None:
    write_logs(tmp_path)
    mark_sealed(tmp_path)
    told = run(tmp_path)
    assert sum(it.commit.rows for it in told.values()) == len(EVENTS)
    for module in told:
        dataset = archive.dataset(tmp_path, Module(module), HOUR)
        texts = parquet.read(dataset.published).column("line").to_pylist()
        written = sealed_path(tmp_path, Module(module)).read_text().splitlines()
        assert texts == written


def test_what_lines_are_searched_by_is_typed(tmp_path: Path) -> None:
    write_logs(tmp_path)
    mark_sealed(tmp_path)
    run(tmp_path)
    rows = parquet.read(archive.dataset(tmp_path, Module.OMS, HOUR).published).to_pylist()
    fill = next(it for it in rows if it["event"] == "OrderFilled")
    assert fill["ts"] == HOUR.start + 5 * 10**9
    assert (fill["symbol"], fill["order_id"], fill["level"]) == ("BTCUSDC", "a", "INFO")
    assert (fill["session"], fill["seq"]) == ("s1", 5)


def test_all_parts_of_the_hour_are_one_file(tmp_path: Path) -> None:
    write_logs(tmp_path)
    mark_sealed(tmp_path)
    whole = sealed_path(tmp_path, Module.OMS).read_bytes().splitlines(keepends=True)
    sealed_path(tmp_path, Module.OMS).write_bytes(b"".join(whole[:3]))
    sealed_path(tmp_path, Module.OMS, 2).write_bytes(b"".join(whole[3:]))
    told = run(tmp_path)["oms"]
    assert [it.rows for it in told.commit.sources] == [3, len(whole) - 3]
    rows = parquet.read(archive.dataset(tmp_path, Module.OMS, HOUR).published)
    assert rows.column("line").to_pylist() == [it.decode().rstrip("\n") for it in whole]


def test_a_part_that_comes_late_is_version_two_and_nothing_is_twice(tmp_path: Path) -> None:
    write_logs(tmp_path)
    mark_sealed(tmp_path)
    whole = sealed_path(tmp_path, Module.OMS).read_bytes().splitlines(keepends=True)
    sealed_path(tmp_path, Module.OMS).write_bytes(b"".join(whole[:3]))
    assert run(tmp_path)["oms"].commit.rows == 3
    sealed_path(tmp_path, Module.OMS, 2).write_bytes(b"".join(whole[3:]))
    told = run(tmp_path)["oms"]
    assert (told.commit.version, told.commit.rows) == (2, len(whole))
    assert run(tmp_path)["oms"] == told


def test_an_open_hour_reads_the_live_file_up_to_its_last_whole_line(tmp_path: Path) -> None:
    write_logs(tmp_path)
    whole = sealed_path(tmp_path, Module.OMS).read_bytes().splitlines(keepends=True)
    sealed_path(tmp_path, Module.OMS).write_bytes(b"".join(whole[:3]))
    other_hour = whole[3].replace(b"T14:", b"T15:")
    live = Path(layout.live_log(tmp_path, Module.OMS))
    live.write_bytes(b"".join(whole[3:5]) + other_hour + whole[5][:30])
    told = run(tmp_path)["oms"]
    assert (told.commit.sealed, told.commit.rows) == (False, 5)
    dataset = archive.dataset(tmp_path, Module.OMS, HOUR)
    assert manifest.read(dataset.partial) == told
    assert not dataset.published.exists()


def broken(lines: list[bytes]) -> dict[str, list[int]]:
    """Give the rows that break each rule of an hour of OMS lines."""
    typed = rows.rows_of([entry(it, Module.OMS.value, HOUR.start) for it in lines])
    findings = checks.inspect(typed, Subject(HOUR, [])).findings
    return {it.rule.name: it.rows.tolist() for it in findings if len(it.rows)}


def lines_of(data: Path, module: Module) -> list[bytes]:
    write_logs(data)
    return sealed_path(data, module).read_bytes().splitlines()


@pytest.mark.parametrize(
    "line", [b"", b"{", b"\xff\xfe", b"null", b'{"ts":"2025-11-19T14:00:01Z","module":"oms"}']
)
def test_an_unreadable_line_is_kept_and_found(tmp_path: Path, line: bytes) -> None:
    assert broken([*lines_of(tmp_path, Module.OMS)[:2], line])["line_readable"] == [2]


def test_a_line_that_stands_twice_is_found(tmp_path: Path) -> None:
    lines = lines_of(tmp_path, Module.OMS)
    assert broken([*lines, lines[1]])["line_once"] == [len(lines)]


def test_a_line_of_another_stream_is_found(tmp_path: Path) -> None:
    lines = lines_of(tmp_path, Module.OMS)
    other = lines_of(tmp_path, Module.RISK)[0]
    assert broken([other, *lines])["module_one"]

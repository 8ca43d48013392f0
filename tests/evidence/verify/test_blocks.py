"""More than one block: by one process or two, from frames or the cold copy, in part or whole."""

import pytest

from tests.evidence.verify.building import PERIOD, START, Building, Named, put
from trading_runtime.evidence import layout
from trading_runtime.evidence.layout import BLOCK
from trading_runtime.evidence.verify.asked import Evidence, Question
from trading_runtime.evidence.verify.checks import Check
from trading_runtime.evidence.verify.report import Report
from trading_runtime.evidence.verify.spread import over
from trading_runtime.evidence.verify.verify import verify
from trading_runtime.store.objects.folder import Folder


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Building:
    """Give a log of two blocks; the first one is in the archive, which the last digest names."""
    made = Building(tmp_path_factory.mktemp("log"))
    made.start("log", "20261120T000000")
    made.declare()
    made.start("runtime", "20261120T000001")
    made.bulk(40_000)
    made.end_period()
    made.bulk(BLOCK - len(made.entries) + 500)
    made.objects.append(Named(0, BLOCK, 2))
    made.end_period()
    made.bulk(500)
    made.write()
    return made


def look(
    log: Building, jobs: int = 1, since: int | None = None, until: int | None = None
) -> Report:
    evidence = Evidence(
        log=log.log, trust=log.audit / "trust", archive=Folder(log.archive), pin=log.pin
    )
    with over(jobs) as spread:
        return verify(evidence, Question(now=log.now + 60, since=since, until=until), spread)


@pytest.mark.soak
def test_two_processes_see_what_one_sees(log: Building) -> None:
    one, two = look(log), look(log, jobs=2)
    assert one.exit_status == 0, one.text()
    assert one.entries == BLOCK + 1_000
    assert one.json() == two.json()


@pytest.mark.soak
def test_a_range_reads_only_its_blocks(log: Building) -> None:
    report = look(log, since=START + 2 * PERIOD)
    assert (report.exit_status, report.entries) == (0, 1_000)
    report = look(log, until=START + PERIOD - 1)
    assert (report.exit_status, report.entries) == (0, BLOCK)


@pytest.mark.soak
@pytest.mark.parametrize("kept", [True, False])
def test_a_block_without_frames_is_read_from_the_archive(
    log: Building,
    kept: bool,  # noqa: FBT001 -- pytest's parameter
) -> None:
    path = layout.frames_path(log.log, 0)
    content = path.read_bytes()
    archived = log.archive / layout.bundles_key(0)
    packed = archived.read_bytes()
    path.unlink()
    if not kept:
        archived.unlink()
    try:
        report = look(log)
    finally:
        put(path, content)
        archived.unlink(missing_ok=True)
        put(archived, packed)
    if kept:
        assert (report.exit_status, report.entries) == (0, BLOCK + 1_000)
        return
    assert report.exit_status == 2
    assert report.first is not None
    assert (report.first.check, report.first.index) == (Check.ENTRIES_MISSING, 0)
    assert set(report.counts) == {Check.ENTRIES_MISSING.value, Check.SEGMENT_MISSING.value}


@pytest.mark.soak
def test_a_tile_of_a_block_that_says_something_else(log: Building) -> None:
    path = layout.tile_path(log.log, 1, 0)
    content = path.read_bytes()
    path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    try:
        report = look(log)
    finally:
        path.write_bytes(content)
    assert report.first is not None
    assert report.first.check is Check.TILE_HASH


def test_one_entry_in_the_second_block_is_told_by_its_index(log: Building) -> None:
    path = layout.frames_path(log.log, 1)
    content = path.read_bytes()
    wanted = log.entries[BLOCK + 700]
    path.write_bytes(content.replace(wanted, wanted.replace(b'"qty":"0.01', b'"qty":"0.02')))
    try:
        report = look(log, jobs=2)
    finally:
        path.write_bytes(content)
    assert report.exit_status == 1
    assert report.first is not None
    assert report.first.index == BLOCK + 700

"""Published hours answer a search as the lines did that they were made of."""

from pathlib import Path
from shutil import rmtree

import pytest

from data_platform.assets import batch
from data_platform.assets.logs import archive, critical
from data_platform.assets.logs.archive import Piece, runs
from data_platform.assets.logs.condition import conditions
from data_platform.assets.logs.critical import LogDay
from tests.data_platform.assets.logs.test_archive import mark_sealed
from tests.store.search.lines import HOUR, NEXT, compressed, entries, found, line, sealed, some
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import LOGS
from trading_runtime.records.units import Module, Nanos
from trading_runtime.store import commit, durable, manifest, parquet
from trading_runtime.store.archive.archive import Archive, LocalFile
from trading_runtime.store.condition import Condition
from trading_runtime.store.hours import Hour
from trading_runtime.store.manifest import Made, Quality
from trading_runtime.store.objects.folder import Folder
from trading_runtime.store.search import members
from trading_runtime.store.search.far import Store
from trading_runtime.store.search.files import Troubles
from trading_runtime.store.search.line import UNREADABLE
from trading_runtime.store.search.query import Query
from trading_runtime.store.search.search import Search

MADE = Made(run_id="run", at=Nanos(1))
DAY_END = Hour("2025-11-19", 23).end
MIXED = [
    b"cut at the start",
    *some(5),
    b"\xff\xfe no UTF-8",
    line(6, HOUR.start + 6 * 10**9, "PanicStopTriggered", level="CRITICAL", orderId="o5x"),
    line(7, HOUR.start + 6 * 10**9, "OrderRejected", level="WARN", symbol="ETHUSDC", traceId="t-1"),
    b"base64:that looks like our own escape",
    line(8, HOUR.start + 9 * 10**9, "OrderAccepted", venue_order="v8", reason="d\u00e9j\u00e0"),
    b"",
]
QUERIES = (
    Query(),
    Query(text="cut"),
    Query(text="no UTF"),
    Query(text="d\u00e9j\u00e0"),
    Query(text="Order.*ed", is_regex=True),
    Query(order="o5x"),
    Query(order="v8"),
    Query(trace="t-1"),
    Query(trace="s1/7/0"),
    Query(events=frozenset({UNREADABLE})),
    Query(levels=frozenset({"CRITICAL", "ERROR"})),
    Query(symbols=frozenset({"ETHUSDC"})),
    Query(since=Nanos(HOUR.start + 3 * 10**9), until=Nanos(HOUR.start + 7 * 10**9)),
)


def publish(data: Path, hour: Hour = HOUR) -> None:
    root, name = archive.archive_root(data), archive.batch_name(hour)
    archive.stage_hour(data, hour)
    for it in batch.to_judge(root, name, LOGS):
        digest = durable.sha256(it.candidate)
        commit.judge(it, Quality(file_sha256=digest, expectations=0, broken=()))
    batch.publish(root, name, LOGS, MADE)


def prune(data: Path) -> None:
    """Take away every other form of the lines, as retention does."""
    rmtree(layout.log_archive(data))
    rmtree(layout.sealed_logs(data))


@pytest.fixture
def published(tmp_path: Path) -> Path:
    sealed(tmp_path, MIXED)
    mark_sealed(tmp_path)
    publish(tmp_path)
    return tmp_path


def test_a_published_hour_answers_every_query_as_its_lines_do(published: Path) -> None:
    before = [[it[:5] for it in entries(published, query)] for query in QUERIES]
    assert all(before)
    prune(published)
    assert [[it[:5] for it in entries(published, query)] for query in QUERIES] == before


def test_a_part_that_came_after_the_published_hour_is_found_beside_it(published: Path) -> None:
    prune(published)
    compressed(published, some(3, first=20), part=2)
    assert sorted(found(published)) == sorted([*MIXED, *some(3, first=20)])
    publish(published)
    prune(published)
    assert sorted(found(published)) == sorted([*MIXED, *some(3, first=20)])


def test_published_hours_are_searched_in_the_archive(published: Path, tmp_path: Path) -> None:
    lines = found(published)
    objects = Folder(tmp_path / "far")
    folder = Path(layout.log_tables(published)) / "oms" / "2025" / "11" / "19"
    files = [
        LocalFile(published, it.relative_to(published).as_posix())
        for it in sorted(folder.glob("14.*"))
    ]
    Archive(objects).commit("lines", HOUR.name, files)
    prune(published)
    rmtree(layout.log_tables(published))
    troubles = Troubles()
    store = Store(Archive(objects), troubles)
    search = Search(published, store, troubles, Nanos(NEXT.end))
    assert [it.line for it in search.entries(Query(), oldest=True)] == lines
    assert troubles == []
    search.close()


def test_unreadable_lines_keep_their_place_and_bytes(published: Path) -> None:
    rows = parquet.read(archive.dataset(published, Module.OMS, HOUR).published)
    unreadable = [it for it in rows.to_pylist() if it["event"] == UNREADABLE]
    assert [it["seq"] for it in rows.to_pylist()] == [-1, 1, 2, 3, 4, 5, -1, 6, 7, -1, 8, -1]
    assert [it["line"].startswith("base64:") for it in unreadable] == [False, True, True, False]
    assert [it["ts"] - HOUR.start for it in unreadable] == [0, 5 * 10**9, 6 * 10**9, 9 * 10**9]


def test_a_rebuild_has_the_same_bytes_with_and_without_the_plain_file(tmp_path: Path) -> None:
    def built(data: Path) -> bytes:
        mark_sealed(data)
        publish(data)
        return archive.dataset(data, Module.OMS, HOUR).published.read_bytes()

    sealed(tmp_path / "plain", MIXED)
    compressed(tmp_path / "compressed", MIXED)
    assert built(tmp_path / "plain") == built(tmp_path / "compressed")


def test_pieces_are_read_together_only_where_their_times_overlap() -> None:
    def piece(low: int, high: int) -> Piece:
        return Piece(Nanos(low), Nanos(high), Nanos(0), bytes)

    spans = [(0, 5), (6, 9), (9, 12), (13, 20), (14, 15), (30, 31), (16, 18), (40, 41)]
    grouped = [[(it.low, it.high) for it in run] for run in runs([piece(*it) for it in spans])]
    assert grouped == [[(0, 5)], [(6, 9), (9, 12)], [*spans[3:7]], [(40, 41)]]
    assert list(runs([])) == []


def test_lines_of_sessions_side_by_side_are_put_in_order(tmp_path: Path) -> None:
    """Many members, of which neighbours overlap: the rows are sorted all the same."""
    lines = [
        line(
            seq, HOUR.start + (seq + 40 * (seq % 3)) * 10**6, session=f"s{seq % 3}", note="x" * 900
        )
        for seq in range(1, 4_000)
    ]
    gz = compressed(tmp_path, lines)
    index = members.read_index(gz)
    assert index is not None
    assert len(index.index.members) > 2
    mark_sealed(tmp_path)
    publish(tmp_path)
    rows = parquet.read(archive.dataset(tmp_path, Module.OMS, HOUR).published)
    keys = list(zip(*(rows.column(it).to_pylist() for it in ("ts", "session", "seq")), strict=True))
    assert keys == sorted(keys)
    assert sorted(rows.column("line").to_pylist()) == sorted(it.decode() for it in lines)


def test_critical_lines_of_all_streams_are_a_data_set_of_their_own(published: Path) -> None:
    sealed(
        published,
        [line(1, NEXT.start, "LeaseEnded", "risk", level="CRITICAL")],
        1,
        NEXT,
        Module.RISK,
    )
    for table in ("depth", "trades", "ticker"):
        marker = Path(layout.lake(published) / layout.hour_marker(table, NEXT.day, NEXT.of_day))
        durable.write(marker, b"{}")
    publish(published, NEXT)
    told = critical.publish(LogDay(published, HOUR.day, DAY_END), MADE)
    assert told is not None
    assert (told.commit.dataset, told.commit.sealed) == ("2025/11/19.parquet", True)
    rows = parquet.read(critical.dataset(published, HOUR.day).published).to_pylist()
    assert [it["event"] for it in rows] == ["PanicStopTriggered", "LeaseEnded"]
    assert critical.publish(LogDay(published, HOUR.day, DAY_END), MADE) == told


def test_a_day_without_a_critical_line_is_an_empty_file_and_no_day_is_none(tmp_path: Path) -> None:
    sealed(tmp_path, some(3))
    mark_sealed(tmp_path)
    publish(tmp_path)
    told = critical.publish(LogDay(tmp_path, HOUR.day, DAY_END), MADE)
    assert told is not None
    assert told.commit.rows == 0
    assert [it.rows for it in told.commit.sources] == [0]
    assert critical.publish(LogDay(tmp_path, "2025-11-20", DAY_END), MADE) is None


def test_the_critical_lines_of_a_day_that_goes_on_are_partial(published: Path) -> None:
    told = critical.publish(LogDay(published, HOUR.day, Nanos(HOUR.end)), MADE)
    assert told is not None
    assert not told.commit.sealed
    assert manifest.read(critical.dataset(published, HOUR.day).partial) == told


def test_each_stream_of_an_hour_has_a_condition(published: Path) -> None:
    told = conditions(published, HOUR, Nanos(HOUR.end))
    assert (told[Module.OMS], told[Module.RISK]) == (Condition.COMPLETE, Condition.EMPTY)
    sealed(published, some(2, NEXT), hour=NEXT)
    told = conditions(published, NEXT, Nanos(NEXT.end))
    assert (told[Module.OMS], told[Module.RISK]) == (Condition.PARTIAL, Condition.MISSING)
    assert conditions(published, NEXT, Nanos(NEXT.start))[Module.RISK] is Condition.PARTIAL

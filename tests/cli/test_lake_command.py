import csv
import io
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.store.lake.published import ID, START, publish_all, seal
from tests.store.lake_rows import trade_rows
from trading_runtime.cli.lake_command import moment
from trading_runtime.cli.main import main
from trading_runtime.records import layout

SPAN = ("--from", "2025-11-19T14", "--to", "2025-11-19T16")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("data")
    for hours in range(2):
        publish_all(data / "lake", hours)
    seal(data / "lake", 1, minutes=12)
    return data


def lake(data: Path, verb: str, *words: str) -> int:
    return main(["lake", verb, str(data), *words])


def test_the_hours_are_listed_with_condition_and_rows(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lake(data, "ls", "--table", "trades") == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[:4] for line in lines] == [
        ["2025-11-19T14", ID, "trades", "complete"],
        ["2025-11-19T15", ID, "trades", "degraded"],
    ]
    assert lines[0][6:8] == ["400", "rows"]
    assert lake(data, "ls", "--instrument", "no:such") == 0
    assert capsys.readouterr().out == ""


def test_the_hours_that_are_not_published_are_listed_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "lake"
    publish_all(root, 0)
    publish_all(root, 3)
    findings = tmp_path / "quarantine" / layout.dataset(*ID.split(":"), "2025-11-19", 15, "trade")
    findings.parent.mkdir(parents=True)
    findings.with_suffix(".findings.json").touch()
    (root / "depth" / "2025-11-19" / "18").mkdir(parents=True)
    (root / "depth" / "2025-11-19" / "18" / "00.parquet").touch()
    assert lake(tmp_path, "ls", "--table", "trades") == 0
    lines = [line.split()[0:4:3] for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        ["2025-11-19T14", "complete"],
        ["2025-11-19T15", "quarantined"],
        ["2025-11-19T16", "missing"],
        ["2025-11-19T17", "complete"],
        ["2025-11-19T18", "partial"],
    ]


def test_a_lake_without_an_hour_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "lake").mkdir()
    assert lake(tmp_path, "ls") == 0
    assert "no hour is published" in capsys.readouterr().err


def test_a_query_prints_every_digit(data: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    asked = "select recv_at, price from trades order by ts_recv limit 1"
    assert lake(data, "query", asked, "--instrument", ID, *SPAN, "--allow", "all", "--csv") == 0
    rows = list(csv.reader(io.StringIO(capfdbinary.readouterr().out.decode())))
    first = trade_rows(1)[0]
    nanos = int(str(first["ts_recv"])) % 10**9
    assert rows[0] == ["recv_at", "price"]
    assert rows[1] == [f"2025-11-19 14:00:00.{nanos:09d}", f"{int(str(first['px'])) / 10:.1f}"]


def test_a_query_over_a_hole_says_which(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lake(data, "query", "select 1 from trades", "--instrument", ID, *SPAN) == 2
    assert "2025-11-19T15 is degraded (12 minutes recorded)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("selec 1", "Parser Error"),
        ("select * from nothing", "nothing does not exist"),
    ],
)
def test_what_is_no_query_is_refused(
    data: Path, capsys: pytest.CaptureFixture[str], sql: str, told: str
) -> None:
    assert lake(data, "query", sql, "--instrument", ID, *SPAN) == 2
    assert told in capsys.readouterr().err


def test_a_dataset_is_pinned_queried_and_written_out(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    span = ("--from", "2025-11-19T14", "--to", "2025-11-19T15")
    assert lake(data, "pin", "mine", "--instrument", ID, "--table", "trades", *span) == 0
    assert capsys.readouterr().out.startswith("ds:mine  1 files  400 rows  0 holes  ")
    out = tmp_path / "out.parquet"
    asked = ("select count(*) as n from trades", "--instrument", ID, "--dataset", "ds:mine")
    assert lake(data, "query", *asked, "--out", str(out)) == 0
    assert pq.read_table(out).to_pylist() == [{"n": 400}]
    assert lake(data, "query", *asked, "--out", str(tmp_path / "out.txt")) == 2
    assert lake(data, "query", *asked) == 0
    assert "400" in capsys.readouterr().out


def test_a_book_is_printed_or_said_to_be_unknown(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("--instrument", ID, "--levels", "2")
    assert lake(data, "book", *asked, "--at", "2025-11-19T14:00:00.000000005") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "2025-11-19T14:00:00.000000005Z  last id 1000  (ticks, lots)"
    assert [line.split()[:2] for line in lines[1:]] == [
        ["ask", "600,002"],
        ["ask", "600,001"],
        ["bid", "599,999"],
        ["bid", "599,998"],
    ]
    assert lake(data, "book", *asked, "--at", "2025-11-19T14:00:00.000000004") == 1
    assert "is not known" in capsys.readouterr().out


def test_a_number_of_levels_that_is_none_is_refused(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        lake(data, "book", "--instrument", ID, "--at", "2025-11-19T14:00:00", "--levels", "-1")
    assert ended.value.code == 2
    assert "is no number of levels: 1 or more" in capsys.readouterr().err


def test_the_index_is_made_again(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lake(data, "index") == 0
    assert capsys.readouterr().out == f"{ID}  2025  6 hours\n"


def test_what_cannot_be_done_is_one_line(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    query = ("query", "select 1", "--instrument", ID)
    assert lake(tmp_path, *query, *SPAN) == 2
    assert lake(data, *query) == 2
    assert lake(data, *query, *SPAN, "--allow", "rotten") == 2
    told = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[1] for line in told] == [
        f"there is no lake below {tmp_path}",
        "name a span",
        "'rotten' is no condition",
    ]


def test_a_time_is_read_to_the_nanosecond() -> None:
    assert moment("2025-11-19T14") == START
    assert moment("2025-11-19T14:05:06.1") == START + 306 * 10**9 + 10**8
    for text in ("2025-11-19 14", "2025-13-19", "14:00", "", "2025-11-19T14:00:00.1234567890"):
        with pytest.raises(Exception, match=r"is no time|month must be") as told:
            moment(text)
        assert type(told.value).__name__ == "ArgumentTypeError"

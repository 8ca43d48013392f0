"""Rows of the lake: what the frames said, exact, with what the core made of them."""

from decimal import Decimal
from pathlib import Path
from threading import Event

import msgspec
import pytest

from tests.scribe.journals import (
    MARKET,
    NOON,
    SECOND,
    Session,
    captured,
    depth,
    instrument,
    ticker,
    trade,
)
from tests.scribe.whole import assert_rows_whole, rows_of
from trading_runtime.records.commands import RequestSnapshot
from trading_runtime.records.envelope import Kind
from trading_runtime.records.facts_market import (
    BookDesynced,
    BookSynced,
    Desync,
    FrameQuarantined,
)
from trading_runtime.records.inputs import (
    AnswerReceived,
    ConnectionOpened,
    FrameReceived,
    InstrumentRevised,
    Purpose,
    TurnEnded,
)
from trading_runtime.records.lake_schema import KEY_INSTRUMENTS, Flag, HourSealed, read_instruments
from trading_runtime.records.units import Connection, Revision
from trading_runtime.scribe.process import run
from trading_runtime.scribe.settings import ScribeSettings
from trading_runtime.store import durable, parquet

NAME = "20240808T120000-aa"
BOOK = b'{"lastUpdateId":5,"bids":[["61800.20","1.5"]],"asks":[["61800.30","2"],["61800.40","3"]]}'


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path, NAME).open()


def drain(data: Path, session: Session, *, turn_records_max: int = 10_000) -> None:
    session.hand_over()
    settings = ScribeSettings(turn_records_max=turn_records_max)
    run(data, settings, Event(), once=True, finish=True)


def desynced(reason: Desync) -> BookDesynced:
    return BookDesynced(revision=Revision(1), reason=reason, expected_id=0, received_id=0)


def synced() -> BookSynced:
    return BookSynced(
        revision=Revision(1),
        snapshot_id=1,
        first_id=1,
        last_id=1,
        dropped=0,
        bid_levels=1,
        ask_levels=1,
    )


def flags(data: Path) -> list[Flag]:
    return [Flag(int(str(row["flags"]))) for row in rows_of(data, "depth")]


def test_a_delta_is_a_row_for_each_level_and_the_last_is_marked(
    tmp_path: Path, session: Session
) -> None:
    seq = session.frame(depth(5, 9, 4, "61800.20:1.5 61800.10:0", "61800.3:2"))
    drain(tmp_path, session)
    shared = {
        "ts_recv": NOON,
        "ts_exch": 1_723_118_400_100_000_000,
        "first_id": 5,
        "last_id": 9,
        "prev_id": 4,
        "instrument_id": "binance-usdm:BTCUSDT",
        "instrument_rev": 1,
        "session": NAME,
        "seq": seq,
    }
    assert rows_of(tmp_path, "depth") == [
        shared | {"side": 0, "flags": 0, "px": 618_002, "qty": 1500},
        shared | {"side": 0, "flags": 0, "px": 618_001, "qty": 0},
        shared | {"side": 1, "flags": Flag.LAST, "px": 618_003, "qty": 2000},
    ]


def test_a_delta_without_a_level_keeps_the_chain_of_ids(tmp_path: Path, session: Session) -> None:
    session.frame(depth(5, 9, 4))
    drain(tmp_path, session)
    (row,) = rows_of(tmp_path, "depth")
    assert (row["px"], row["qty"], row["last_id"]) == (0, 0, 9)
    assert row["flags"] == Flag.LAST | Flag.EMPTY


def test_a_trade_and_a_ticker_are_rows_of_their_tables(tmp_path: Path, session: Session) -> None:
    session.frame(trade(77))
    session.frame(ticker(88))
    drain(tmp_path, session)
    (print_,) = rows_of(tmp_path, "trades")
    assert (print_["trade_id"], print_["px"], print_["qty"]) == (77, 618_002, 4)
    assert print_["is_buyer_maker"] is True
    (best,) = rows_of(tmp_path, "ticker")
    assert [best[key] for key in ("update_id", "bid_px", "bid_qty", "ask_px", "ask_qty")] == [
        88,
        618_002,
        2507,
        618_003,
        2510,
    ]


def test_an_answer_with_a_book_is_rows_of_a_snapshot(tmp_path: Path, session: Session) -> None:
    session.tell(Kind.OUTPUT, RequestSnapshot(request="s1", revision=Revision(1)))
    session.input(AnswerReceived(request="s1", status=200, headers=(), body=BOOK))
    session.input(AnswerReceived(request="time", status=200, headers=(), body=b'{"serverTime":1}'))
    drain(tmp_path, session)
    assert flags(tmp_path) == [Flag.SNAPSHOT, Flag.SNAPSHOT, Flag.SNAPSHOT | Flag.LAST]
    rows = rows_of(tmp_path, "depth")
    assert [(row["side"], row["px"], row["qty"]) for row in rows] == [
        (0, 618_002, 1500),
        (1, 618_003, 2000),
        (1, 618_004, 3000),
    ]
    assert {(row["first_id"], row["last_id"], row["prev_id"]) for row in rows} == {(5, 5, None)}


@pytest.mark.parametrize("status", [429, 500])
def test_an_answer_that_is_no_book_is_no_row(tmp_path: Path, session: Session, status: int) -> None:
    session.tell(Kind.OUTPUT, RequestSnapshot(request="s1", revision=Revision(1)))
    session.input(AnswerReceived(request="s1", status=status, headers=(), body=BOOK))
    drain(tmp_path, session)
    assert rows_of(tmp_path, "depth") == []


@pytest.mark.parametrize("turn", [1, 2, 3, 1000])
def test_doubt_reaches_from_the_delta_that_broke_the_chain_to_the_one_that_joined_it(
    tmp_path: Path, session: Session, turn: int
) -> None:
    deltas = iter(range(1, 10))

    def delta() -> None:
        number = next(deltas)
        session.frame(depth(number, number, number - 1, "61800.2:1"))

    delta()
    delta()
    session.tell(Kind.OUTPUT, desynced(Desync.GAP))
    delta()
    delta()
    session.tell(Kind.OUTPUT, synced())
    delta()
    drain(tmp_path, session, turn_records_max=turn)
    bad = Flag.LAST | Flag.MAYBE_BAD_BOOK
    assert flags(tmp_path) == [Flag.LAST, bad, bad, bad, Flag.LAST]


def test_a_cold_book_is_no_broken_chain(tmp_path: Path, session: Session) -> None:
    session.tell(Kind.OUTPUT, desynced(Desync.COLD))
    session.frame(depth(1, 1, 0, "61800.2:1"))
    drain(tmp_path, session)
    assert flags(tmp_path) == [Flag.LAST]


def test_what_is_in_quarantine_is_no_row(tmp_path: Path, session: Session) -> None:
    seq = session.frame(depth(1, 1, 0, "61800.2:1"))
    refused = FrameQuarantined(
        input=seq, connection=MARKET, reason="time_backwards", detail="", frame=b""
    )
    session.tell(Kind.OUTPUT, refused)
    session.frame(b"not even JSON")
    session.frame(depth(2, 2, 1, "61800.25:1"))
    drain(tmp_path, session)
    assert rows_of(tmp_path, "depth") == []


def test_frames_of_other_connections_are_no_rows(tmp_path: Path, session: Session) -> None:
    paper = Connection(2)
    session.input(
        ConnectionOpened(connection=paper, venue="paper", purpose=Purpose.PAPER, channels=())
    )
    session.input(FrameReceived(connection=paper, frame=depth(1, 1, 0, "61800.2:1")))
    session.input(FrameReceived(connection=Connection(3), frame=depth(1, 1, 0, "61800.2:1")))
    drain(tmp_path, session)
    assert rows_of(tmp_path, "depth") == []


def test_of_two_streams_of_a_kind_the_first_is_kept(tmp_path: Path, session: Session) -> None:
    session.frame(depth(1, 1, 0, "61800.2:1"))
    session.frame(depth(1, 1, 0, "61800.2:1").replace(b"@0ms", b"@100ms"))
    drain(tmp_path, session)
    assert len(rows_of(tmp_path, "depth")) == 1


def test_a_changed_grid_is_a_new_revision_in_the_rows_and_in_the_footer(
    tmp_path: Path, session: Session
) -> None:
    session.frame(depth(1, 1, 0, "61800.2:1"))
    finer = instrument(2, tick_size="0.05")
    session.input(InstrumentRevised(instrument=finer))
    session.frame(depth(2, 2, 1, "61800.25:1"))
    drain(tmp_path, session)
    rows = rows_of(tmp_path, "depth")
    assert [(row["instrument_rev"], row["px"]) for row in rows] == [(1, 618_002), (2, 1_236_005)]
    path = tmp_path / "lake" / "depth" / "2024-08-08" / "12" / "00.parquet"
    assert read_instruments(parquet.metadata(path)[KEY_INSTRUMENTS]) == [instrument(), finer]


def test_a_minute_is_closed_when_its_session_has_gone_past_it(
    tmp_path: Path, session: Session
) -> None:
    session.frame(trade(1))
    session.at += 60 * SECOND
    session.input(TurnEnded())
    session.hand_over()
    run(tmp_path, ScribeSettings(), Event(), once=True)
    hour = tmp_path / "lake" / "trades" / "2024-08-08" / "12"
    assert [path.name for path in hour.iterdir()] == ["00.parquet"]
    assert (tmp_path / "lake" / "_watermark.json").read_bytes() == (
        b'{"session":"20240808T120000-aa","minute":"2024-08-08T12:01"}'
    )


def markers(data: Path, table: str) -> dict[str, HourSealed]:
    found = sorted((data / "lake" / table).glob("*/*/_sealed.json"))
    read = [msgspec.json.decode(path.read_bytes(), type=HourSealed) for path in found]
    return {it.hour: it for it in read}


def test_every_hour_that_is_over_has_a_marker_also_an_empty_one(
    tmp_path: Path, session: Session
) -> None:
    session.frame(trade(1))
    session.at += 2 * 3600 * SECOND
    session.frame(trade(2))
    session.hand_over()
    run(tmp_path, ScribeSettings(), Event(), once=True)
    for table in ("depth", "trades", "ticker"):
        assert list(markers(tmp_path, table)) == ["2024-08-08T12", "2024-08-08T13"]
    (minute,) = markers(tmp_path, "trades")["2024-08-08T12"].minutes
    path = tmp_path / "lake" / "trades" / "2024-08-08" / "12" / "00.parquet"
    assert (minute.minute, minute.rows) == (0, 1)
    assert minute.sha256 == durable.sha256(path)
    assert markers(tmp_path, "depth")["2024-08-08T12"].minutes == ()
    assert markers(tmp_path, "trades")["2024-08-08T13"].minutes == ()
    run(tmp_path, ScribeSettings(), Event(), once=True, finish=True)
    assert list(markers(tmp_path, "trades"))[-1] == "2024-08-08T14"


def test_rows_that_come_late_into_a_sealed_hour_rewrite_its_marker(
    tmp_path: Path, session: Session
) -> None:
    session.frame(trade(1))
    drain(tmp_path, session)
    late = Session(tmp_path, "20240809T000000-bb", NOON).open()
    late.frame(trade(2))
    drain(tmp_path, late)
    (minute,) = markers(tmp_path, "trades")["2024-08-08T12"].minutes
    path = tmp_path / "lake" / "trades" / "2024-08-08" / "12" / "00.parquet"
    assert (minute.rows, minute.sha256) == (2, durable.sha256(path))


def follow_capture(data: Path, path: Path, limit: int, tick: str) -> Session:
    """Journal the beginning of a capture, its book as the answer to a request."""
    session = Session(data, NAME)
    for at, payload in captured(path, limit):
        session.at = at if not session.told else max(session.at, at)
        if not session.told:
            symbol = path.name.partition("_")[0].upper()
            session.open((instrument(symbol=symbol, tick_size=tick),))
        if payload.startswith(b'{"lastUpdateId"'):
            session.tell(Kind.OUTPUT, RequestSnapshot(request="s", revision=Revision(1)))
            session.input(AnswerReceived(request="s", status=200, headers=(), body=payload))
        else:
            session.frame(payload)
    session.close()
    return session


@pytest.mark.parametrize(("symbol", "tick"), [("btcusdt", "0.10"), ("ethusdt", "0.01")])
def test_real_frames_become_the_rows_that_they_say(
    tmp_path: Path, shared_data: Path, symbol: str, tick: str
) -> None:
    folder = shared_data / "captures" / "hftbacktest_binance_20240808" / "usdm"
    session = follow_capture(tmp_path, folder / f"{symbol}_20240808.gz", 12_000, tick)
    run(tmp_path, ScribeSettings(), Event(), once=True, finish=True)
    assert_rows_whole(tmp_path, session.told, Decimal(tick))
    assert any(flag & Flag.SNAPSHOT for flag in flags(tmp_path))


def test_time_of_a_row_is_engine_time(tmp_path: Path, session: Session) -> None:
    session.at = NOON + 61 * SECOND
    session.frame(trade(1))
    drain(tmp_path, session)
    (row,) = rows_of(tmp_path, "trades")
    assert row["ts_recv"] == session.at

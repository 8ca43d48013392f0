"""Captures as moves of an exchange, held against what others found in them."""

from pathlib import Path

import msgspec
import pytest

from trading_runtime.errors import Refused
from trading_runtime.simulator.drive.listing import assets_of, listed
from trading_runtime.simulator.drive.recorded import REST_NS, Recorded, surveyed
from trading_runtime.simulator.drive.tape import Book, Diff, merged
from trading_runtime.simulator.exchange.amounts import text, units
from trading_runtime.simulator.exchange.exchange import Exchange
from trading_runtime.simulator.exchange.words import MarketKind, Printed
from trading_runtime.simulator.server.symbols import default_spot, default_usdm

AT = 1_700_000_000 * 10**9
MILLI = 10**6


def diff(at_ms: int, ids: tuple[int, int], bids: object, asks: object) -> str:
    event = {"e": "depthUpdate", "s": "BTCUSDT", "U": ids[0], "u": ids[1], "pu": ids[0] - 1}
    return line(at_ms, event | {"b": bids, "a": asks})


def trade(at_ms: int, price: str, quantity: str) -> str:
    return line(at_ms, {"e": "trade", "s": "BTCUSDT", "p": price, "q": quantity, "m": True})


def line(at_ms: int, event: object) -> str:
    return f"{AT + at_ms * MILLI} {msgspec.json.encode(event).decode()}\n"


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """Give a second: one change that the book has, one that it has not, then more."""
    book = {"lastUpdateId": 10, "bids": [["100.0", "1"], ["99.0", "1"]], "asks": [["101.0", "1"]]}
    path = tmp_path / "usdm"
    path.write_text(
        diff(0, (8, 9), [["90.0", "9"]], [])
        + diff(100, (10, 11), [["99.0", "0"]], [["102.0", "3"]])
        + line(200, book)
        + trade(300, "100.0", "0.4")
        + diff(400, (12, 12), [["101.0", "2"]], [["101.0", "0"]])
        + trade(450, "0.0", "0")
        + diff(1200, (13, 13), [["98.0", "1"]], [])
    )
    return path


def exchange(symbols: object, kind: MarketKind = MarketKind.USDM) -> Exchange:
    made = Exchange(kind)
    for rules in symbols:  # type: ignore[attr-defined]
        made.add_symbol(rules, 1)
    return made


def book(made: Exchange, symbol: str = "BTCUSDT") -> tuple[list[str], list[str]]:
    view = made.depth(symbol, 20)
    return (
        [f"{text(price)[:-7]} {text(size)[:-7]}" for price, size in view.bids],
        [f"{text(price)[:-7]} {text(size)[:-7]}" for price, size in view.asks],
    )


def test_a_capture_plays_with_its_gaps_from_its_first_book_on(capture: Path) -> None:
    made = exchange(default_usdm().symbols)
    recorded = Recorded(made, [capture])
    recorded.arrive(1)
    assert book(made) == (["100.0 1.0"], ["101.0 1.0", "102.0 3.0"])
    recorded.advance(100 * MILLI, 2)
    assert book(made)[0] == ["100.0 0.6"]
    recorded.advance(200 * MILLI, 3)
    assert book(made) == (["101.0 2.0", "100.0 0.6"], ["102.0 3.0"])
    prints = [event for event in made.take_events() if isinstance(event, Printed)]
    assert [(text(event.price), text(event.quantity)) for event in prints] == [
        ("100.00000000", "0.40000000")
    ]


def test_at_its_end_it_begins_again_with_a_fresh_book(capture: Path) -> None:
    made = exchange(default_usdm().symbols)
    recorded = Recorded(made, [capture])
    recorded.arrive(1)
    first = book(made)
    recorded.advance(1000 * MILLI + REST_NS - 1, 2)
    assert book(made)[0] == ["101.0 2.0", "100.0 0.6", "98.0 1.0"]
    recorded.advance(1000 * MILLI + REST_NS, 2)
    assert book(made) == first
    again = 1000 * MILLI + REST_NS
    recorded.advance(again + 200 * MILLI, 3)
    assert book(made)[0] == ["101.0 2.0", "100.0 0.6"]
    ids = [made.depth("BTCUSDT", 1).last_id]
    recorded.advance(again + 1000 * MILLI, 4)
    assert made.depth("BTCUSDT", 1).last_id > ids[0]


def test_a_capture_without_a_book_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "usdm"
    path.write_text(diff(0, (8, 9), [["90.0", "9"]], []))
    with pytest.raises(Refused, match="no whole book"):
        surveyed([path])


def test_a_symbol_keeps_its_filters_where_the_capture_fits_them(capture: Path) -> None:
    shipped = default_usdm()
    assert listed(MarketKind.USDM, [capture], shipped).symbols == (shipped.symbols[0],)
    assert assets_of("BLZETH") == ("BLZ", "ETH")
    with pytest.raises(Refused, match="known quote asset"):
        assets_of("BLZXYZ")


@pytest.mark.parametrize(
    ("folder", "kind"),
    [("usdm_20210722", MarketKind.USDM), ("spot_20211012", MarketKind.SPOT)],
)
def test_transcripts_of_thin_books_play(shared_data: Path, folder: str, kind: MarketKind) -> None:
    paths = sorted((shared_data / "captures" / f"cryptofeed_binance_{folder}").glob("*.?.0"))
    shipped = default_spot() if kind is MarketKind.SPOT else default_usdm()
    settings = listed(kind, paths, shipped)
    assert len(settings.symbols) == 4
    made = exchange(settings.symbols, kind)
    recorded = Recorded(made, paths)
    recorded.arrive(1)
    recorded.advance(29 * 10**9, 2)
    assert any(isinstance(event, Printed) for event in made.take_events())
    for rules in settings.symbols:
        view = made.depth(rules.symbol, 5000)
        assert view.bids[0][0] < view.asks[0][0]
        assert all(price % rules.tick == 0 for price, _ in (*view.bids, *view.asks))
        assert all(size % rules.lot == 0 for _, size in (*view.bids, *view.asks))


def touch_at(made: Exchange, recorded: Recorded, paths: list[Path], last_id: int) -> list[str]:
    """Play until the change with this id; give the best bid and ask then."""
    opened = next(line.at_ns for line in merged(paths) if isinstance(line.event, Book))
    at_ns = next(
        line.at_ns
        for line in merged(paths)
        if isinstance(line.event, Diff) and line.event.last_id == last_id
    )
    recorded.advance(at_ns - opened, 2)
    return [text(made.depth("ETHUSDT", 1).bids[0][0]), text(made.depth("ETHUSDT", 1).asks[0][0])]


def test_the_touch_is_the_one_that_others_found(shared_data: Path) -> None:
    captures = shared_data / "captures"
    oracle = msgspec.json.decode((captures / "ORACLES.json").read_bytes())["usdm_ethusdt"]
    paths = [captures / "hftbacktest_binance_20240808" / "usdm" / "ethusdt_20240808.gz"]
    made = exchange(listed(MarketKind.USDM, paths, default_usdm()).symbols)
    recorded = Recorded(made, paths)
    recorded.arrive(1)
    samples = [sample for sample in oracle["book"]["samples"] if "after_update_u" in sample][:3]
    for sample in samples:
        found = [f"{sample[side][0]}000000" for side in ("best_bid", "best_ask")]
        assert touch_at(made, recorded, paths, sample["after_update_u"]) == found
    assert len(samples) == 3


@pytest.mark.soak
def test_the_last_book_is_the_one_that_others_found(shared_data: Path) -> None:
    captures = shared_data / "captures"
    oracle = msgspec.json.decode((captures / "ORACLES.json").read_bytes())["usdm_ethusdt"]["book"]
    paths = [captures / "hftbacktest_binance_20240808" / "usdm" / "ethusdt_20240808.gz"]
    made = exchange(listed(MarketKind.USDM, paths, default_usdm()).symbols)
    recorded = Recorded(made, paths)
    recorded.arrive(1)
    touch_at(made, recorded, paths, oracle["final_u"])
    view = made.depth("ETHUSDT", 10_000)
    assert [len(view.bids), len(view.asks)] == oracle["final_levels"]
    for side, levels in (("bids", view.bids), ("asks", view.asks)):
        found = [(units(price), units(size)) for price, size in oracle[f"final_top20_{side}"]]
        assert list(levels[:20]) == found

"""``tapedeck simulator`` as a process: what it prints, plays and answers, and how it ends."""

import json
import signal
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.venue_process import COMMAND, STOPPED_WITHIN_S, Running, running

WITHIN_S = 120.0
USDM = {"market": "usdm", "symbol": "BTCUSDT"}


@pytest.fixture(scope="module")
def venue() -> Iterator[Running]:
    with running("--flow", "none") as started:
        yield started


@pytest.fixture(autouse=True)
def _healthy(venue: Running) -> Iterator[None]:
    yield
    venue.asked("DELETE", "/faults")


def answer(venue: Running, path: str) -> Any:
    with urllib.request.urlopen(venue.url(path), timeout=60) as body:  # noqa: S310 -- loopback
        return json.load(body)


def reached(look: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + WITHIN_S
    while not wanted(seen := look()):
        assert time.monotonic() < deadline, seen
    return seen


def book(venue: Running) -> Any:
    return answer(venue, "/fapi/v1/depth?symbol=BTCUSDT&limit=5")


def usdm_ledger(venue: Running) -> Any:
    return venue.asked("GET", "/ledger")["usdm"]["1"]


def test_one_line_tells_all_that_a_client_needs(venue: Running) -> None:
    ready = venue.ready
    assert ready["tls_port"] is ready["certificate"] is None
    assert ready["control"] == venue.url("/control")
    assert ready["api_key"] != ready["watchdog_key"]
    assert len(ready["api_secret"]) == len(ready["watchdog_secret"]) == 64


def test_levels_and_trades_by_hand_fill_an_order_of_the_account(venue: Running) -> None:
    levels = {"bids": [["100.0", "5"]], "asks": [["100.2", "5"]]}
    venue.asked("POST", "/external", USDM | levels)
    assert book(venue)["bids"][0] == ["100.00", "5.000"]
    venue.asked("POST", "/mark", {"symbol": "BTCUSDT", "price": "100.1"})
    order = {"side": "BUY", "price": "100.1", "quantity": "2"}
    placed = venue.asked("POST", "/order", USDM | order)
    assert placed["status"] == "NEW"
    venue.asked("POST", "/fault", {"kind": "partial_fill", **USDM, "part_ppm": 250_000})
    assert usdm_ledger(venue)["orders"][-1]["executed"] == "0.50000000"
    trade = {"side": "SELL", "price": "100.1", "quantity": "1.5"}
    venue.asked("POST", "/external", USDM | {"trades": [trade]})
    ledger = usdm_ledger(venue)
    assert ledger["orders"][-1]["status"] == "FILLED"
    assert [trade["quantity"] for trade in ledger["trades"]] == ["0.50000000", "1.50000000"]
    assert ledger["positions"][0]["quantity"] == "2.00000000"
    before = float(ledger["balances"][0]["wallet"])
    venue.asked("POST", "/funding", {"symbol": "BTCUSDT", "rate": "0.01"})
    assert float(usdm_ledger(venue)["balances"][0]["wallet"]) < before
    venue.asked("POST", "/liquidate", {"symbol": "BTCUSDT"})
    assert usdm_ledger(venue)["positions"][0]["quantity"] == "0.00000000"


def test_a_balance_changes_both_ways(venue: Running) -> None:
    before = float(usdm_ledger(venue)["balances"][0]["wallet"])
    for change in ("-1000.5", "0.5"):
        venue.asked("POST", "/balance", {"market": "usdm", "asset": "USDT", "change": change})
    assert float(usdm_ledger(venue)["balances"][0]["wallet"]) == pytest.approx(before - 1000)


def test_filters_change_and_are_told_to_clients(venue: Running) -> None:
    venue.asked("POST", "/filters", {"market": "spot", "symbol": "ETHUSDT", "status": "HALT"})
    (symbol,) = answer(venue, "/api/v3/exchangeInfo?symbol=ETHUSDT")["symbols"]
    assert symbol["status"] == "HALT"
    assert any(rule.get("tickSize") == "0.01000000" for rule in symbol["filters"])


def test_the_clock_can_be_set_wrong_and_right(venue: Running) -> None:
    venue.asked("POST", "/clock", {"skew_ms": -6000})
    assert answer(venue, "/api/v3/time")["serverTime"] < time.time() * 1000 - 5000
    venue.asked("DELETE", "/faults")
    assert answer(venue, "/api/v3/time")["serverTime"] > time.time() * 1000 - 5000


def test_an_answer_with_a_status_is_counted_and_then_over(venue: Running) -> None:
    fault = {"kind": "status", "route": "GET */time", "status": 429, "code": -1003, "count": 1}
    venue.asked("POST", "/fault", fault | {"message": "slow down", "retry_after_s": 9})
    with pytest.raises(urllib.error.HTTPError) as refused:
        answer(venue, "/api/v3/time")
    assert refused.value.status == 429
    assert refused.value.headers["Retry-After"] == "9"
    assert json.load(refused.value) == {"code": -1003, "msg": "slow down"}
    assert answer(venue, "/api/v3/time")


def test_maintenance_and_a_stale_book(venue: Running) -> None:
    venue.asked("POST", "/fault", {"kind": "maintenance", "market": "spot", "seconds": 60})
    with pytest.raises(urllib.error.HTTPError) as refused:
        answer(venue, "/api/v3/time")
    refused.value.close()
    assert answer(venue, "/fapi/v1/time")
    before = book(venue)["lastUpdateId"]
    venue.asked("POST", "/fault", {"kind": "stale_snapshot", "count": 1})
    venue.asked("POST", "/external", USDM | {"bids": [["99.0", "5"]]})
    assert book(venue)["lastUpdateId"] == before
    assert book(venue)["lastUpdateId"] > before


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/fault", {"kind": "unheard_of"}),
        ("/fault", {"kind": "gap", "cuont": 1}),
        ("/order", USDM | {"side": "BUY", "price": "100.05", "quantity": "1"}),
        ("/order", USDM | {"side": "BUY", "price": "100.0", "quantity": "1", "account": 9}),
        ("/balance", {"market": "usdm", "asset": "USDT", "change": "much"}),
        ("/mark", {"symbol": "NOSUCH", "price": "1"}),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_reason(
    venue: Running, path: str, body: object
) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        venue.asked("POST", path, body)
    assert refused.value.status == 400
    assert json.load(refused.value)["error"]


def test_a_path_that_is_none_is_not_found(venue: Running) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        venue.asked("GET", "/nothing")
    assert refused.value.status == 404
    refused.value.close()


def test_generated_flow_moves_prices_on_both_ports() -> None:
    with running("--tls-port", "0", "--seed", "3") as venue:
        first = book(venue)
        assert len(first["bids"]) == len(first["asks"]) == 5
        reached(lambda: book(venue)["bids"], lambda bids: bool(bids != first["bids"]))
        mark = answer(venue, "/fapi/v1/premiumIndex?symbol=BTCUSDT")["markPrice"]
        assert float(mark) == pytest.approx(float(first["bids"][0][0]), rel=0.01)
        trusted = ssl.create_default_context(cafile=venue.ready["certificate"])
        url = f"https://localhost:{venue.ready['tls_port']}/api/v3/ping"
        with urllib.request.urlopen(url, timeout=60, context=trusted) as body:
            assert json.load(body) == {}
        statistics = venue.asked("GET", "/statistics")
        assert {"orders", "frames", "orders_per_s", "frames_per_s"} <= statistics.keys()
        folder = Path(venue.ready["certificate"]).parent
        assert folder.exists()
    assert not folder.exists()


def test_a_capture_brings_its_symbols_and_its_book(shared_data: Path) -> None:
    captures = shared_data / "captures" / "cryptofeed_binance_usdm_20210722"
    with running("--capture", *map(str, sorted(captures.glob("*.?.0")))) as venue:
        symbols = answer(venue, "/fapi/v1/exchangeInfo")["symbols"]
        names = sorted(symbol["symbol"] for symbol in symbols)
        assert names == ["AKROUSDT", "CTKUSDT", "KEEPUSDT", "SUSHIUSDT"]
        depth = answer(venue, "/fapi/v1/depth?symbol=SUSHIUSDT&limit=1000")
        assert len(depth["bids"]) == 1000
        spot = answer(venue, "/api/v3/depth?symbol=BTCUSDT&limit=5")
        assert len(spot["bids"]) == 5


def test_an_interrupt_ends_it_as_well() -> None:
    with subprocess.Popen([*COMMAND, "--flow", "none"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(STOPPED_WITHIN_S) == 0


@pytest.mark.parametrize("options", [["--port", "70000"], ["--capture", "/nowhere"]])
def test_a_start_that_cannot_be_is_one_line(options: list[str]) -> None:
    ended = subprocess.run(
        [*COMMAND, *options], capture_output=True, text=True, check=False, timeout=180
    )
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert ended.stderr.startswith("tapedeck: ")

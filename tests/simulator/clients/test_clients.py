"""Clients that others wrote trade on the simulated venue, and see what its ledger says.

They live in an environment of their own (``make clients``), unmodified but for the addresses.
"""

import json
import os
import subprocess
import urllib.request
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.venue_process import Running, running

HERE = Path(__file__).parent
ENVIRONMENT = HERE.parents[2] / ".venv-clients"
PYTHON = ENVIRONMENT / "bin" / "python"
WITHIN_S = 150
CLIENTS = {
    "python_binance": "binance",
    "ccxt_pro": "ccxt",
    "sdk_spot": "binance_sdk_spot",
    "sdk_usdm": "binance_sdk_derivatives_trading_usds_futures",
    "crypto_feed": "cryptofeed",
    "nautilus": "nautilus_trader",
}
"""Script to the package that it proves."""

WORDS = {"closed": "FILLED", "canceled": "CANCELED", "open": "NEW", "ACCEPTED": "NEW"}
"""Clients' own words for the states of an order."""
PASSING = ("SUBMITTED", "PENDING_CANCEL")
"""States that a client goes through by itself."""
STATES = [
    ["proof-first", "NEW", Decimal(0)],
    ["proof-first", "PARTIALLY_FILLED", Decimal("0.05")],
    ["proof-first", "FILLED", Decimal("0.2")],
    ["proof-second", "NEW", Decimal(0)],
    ["proof-second", "CANCELED", Decimal(0)],
]
PARTS = {"spot": "/api/v3", "usdm": "/fapi/v1"}


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_sees_what_the_ledger_says(client: str) -> None:
    skip_unless_installed(CLIENTS[client])
    with running("--flow", "none", "--tls-port", "0") as venue:
        seen = verdict(client, venue)
        ledgers = venue.asked("GET", "/ledger")
        for market, view in seen.items():
            compare(view, ledgers[market]["1"])
            book = depth(venue, PARTS[market])
            assert numbers(view["book"]) == book
            if "touch" in view:
                assert numbers(view["touch"]) == [side[0][0] for side in book]
    assert seen


def skip_unless_installed(package: str) -> None:
    if not PYTHON.exists():
        pytest.skip("no .venv-clients: make clients")
    if not any(ENVIRONMENT.glob(f"lib/*/site-packages/{package}/__init__.py")):
        pytest.skip(f"{package} is not in .venv-clients: its Python is too old for it")


def verdict(client: str, venue: Running) -> Mapping[str, Any]:
    """Run a client's script; give what it says that it saw, by market."""
    ended = subprocess.run(
        [PYTHON, HERE / f"{client}.py", json.dumps(venue.ready)],
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN_S,
        env={name: value for name, value in os.environ.items() if "proxy" not in name.lower()},
    )
    assert ended.returncode == 0, ended.stderr[-4000:]
    answer: Mapping[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return answer


def compare(view: Mapping[str, Any], ledger: Mapping[str, Any]) -> None:
    """Hold each part of a client's view that it has against the venue's books."""
    orders = {one["order_id"]: one for one in ledger["orders"]}
    assert [one["status"] for one in orders.values()][:2] in ([], ["FILLED", "CANCELED"])
    if "orders" in view:
        assert {name: state(*what) for name, what in view["orders"].items()} == {
            one["client_id"]: [one["status"], Decimal(one["executed"])] for one in orders.values()
        }
    if "reports" in view:
        told = [[name, *state(*what)] for name, *what in view["reports"] if what[0] not in PASSING]
        assert told == STATES
    if "answers" in view:
        assert [state(*what) for _, *what in view["answers"]] == [
            what for _, *what in (STATES[0], STATES[1], STATES[3], STATES[3], STATES[4])
        ]
        assert {number for number, *_ in view["answers"]} == orders.keys()
    if "trades" in view:
        assert [[str(number), *numbers(rest)] for number, *rest in view["trades"]] == [
            [str(one["trade_id"]), *(Decimal(one[name]) for name in ("price", "quantity", "fee"))]
            for one in ledger["trades"]
        ]
    if "position" in view:
        assert Decimal(str(view["position"])) == Decimal(ledger["positions"][0]["quantity"])
    compare_balances(view.get("balances", {}), ledger)


def compare_balances(seen: Mapping[str, list[Any]], ledger: Mapping[str, Any]) -> None:
    """Spot balances are free and locked, usdm's the wallet alone."""
    books = {one["asset"]: one for one in ledger["balances"]}
    for asset, amounts in seen.items():
        names = ("free", "locked") if len(amounts) == 2 else ("wallet",)
        assert numbers(amounts) == [Decimal(books[asset][name]) for name in names]


def state(status: str, executed: object) -> list[object]:
    """Give a state in the venue's words."""
    filled = Decimal(str(executed))
    word = WORDS.get(status, status)
    return ["PARTIALLY_FILLED" if word == "NEW" and filled else word, filled]


def numbers(texts: Any) -> Any:
    """Give the same lists with exact numbers, however they were written."""
    if isinstance(texts, list):
        return [numbers(text) for text in texts]
    return Decimal(str(texts))


def depth(venue: Running, root: str) -> Any:
    url = venue.url(f"{root}/depth?symbol=BTCUSDT&limit=5")
    with urllib.request.urlopen(url, timeout=10) as body:  # noqa: S310 -- loopback
        book = json.load(body)
    return numbers([book["bids"][:4], book["asks"][:4]])

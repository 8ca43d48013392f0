"""What must hold after whatever was done to a venue, its lines and its runtime (I1 to I8).

The venue's own books are the truth; our journals are held against them. Call it when the last
session has ended and nothing is under way.
"""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

from tests.live.venue import Books, Row
from trading_runtime.journal.folder import find_sessions
from trading_runtime.journal.reader import read_session
from trading_runtime.journal.verify import verify_session
from trading_runtime.records.commands import PlaceOrder
from trading_runtime.records.envelope import Body, decode_body
from trading_runtime.records.facts_market import BookDesynced, BookSynced
from trading_runtime.records.facts_trading import (
    InventoryChanged,
    OrderFilled,
    PanicStopCleared,
    PanicStopTriggered,
)
from trading_runtime.records.facts_venue import OrderAdopted, PositionDrifted
from trading_runtime.records.inputs import InstrumentRevised
from trading_runtime.records.instruments import Scales
from trading_runtime.records.units import Revision

PREFIX = "td"
OPEN = ("NEW", "PARTIALLY_FILLED")


class Record:
    """What all journals of a data folder say, as far as the invariants ask."""

    def __init__(self, data: Path) -> None:
        self.known: Counter[str] = Counter()
        self.adopted: set[str] = set()
        self.fills: dict[str, OrderFilled] = {}
        self.booked_twice: list[str] = []
        self.positions: dict[str, int] = {}
        self.worst: dict[str, int] = {}
        self.unsynced: list[str] = []
        self.panics = 0
        self.latched_twice = 0
        self.drifted: list[PositionDrifted] = []
        self.scales: dict[Revision, Scales] = {}
        self._latched = False
        self._synced: set[Revision] = set()
        for folder in find_sessions(data):
            self._synced.clear()
            for record in read_session(folder):
                body = decode_body(record.body)
                self._note_market(body)
                self._note_order(body, f"{folder.name} {record.seq}")
                self._note_risk(body)

    def _note_market(self, body: Body) -> None:
        match body:
            case InstrumentRevised():
                self.scales[body.instrument.revision] = Scales(body.instrument)
            case BookSynced():
                self._synced.add(body.revision)
            case BookDesynced():
                self._synced.discard(body.revision)
            case _:
                pass

    def _note_order(self, body: Body, place: str) -> None:
        match body:
            case PlaceOrder():
                self.known[body.order] += 1
                if body.revision not in self._synced and not body.reduce_only:
                    self.unsynced.append(place)
            case OrderAdopted():
                self.adopted.add(body.order)
            case OrderFilled():
                self._book(body)
            case _:
                pass

    def _note_risk(self, body: Body) -> None:
        match body:
            case InventoryChanged():
                self._inventory(body)
            case PositionDrifted():
                self.drifted.append(body)
                self.positions[self._symbol(body.revision)] = body.venues
            case PanicStopTriggered():
                self.panics += 1
                self.latched_twice += self._latched
                self._latched = True
            case PanicStopCleared():
                self._latched = False
            case _:
                pass

    def _symbol(self, revision: Revision) -> str:
        return self.scales[revision].instrument.symbol

    def _book(self, fill: OrderFilled) -> None:
        trade = f"{self._symbol(fill.revision)} {fill.venue_trade}"
        if trade in self.fills:
            self.booked_twice.append(trade)
        self.fills[trade] = fill

    def _inventory(self, fact: InventoryChanged) -> None:
        symbol = self._symbol(fact.revision)
        self.positions[symbol] = fact.position
        worst = max(fact.position + fact.pending_buy, fact.pending_sell - fact.position)
        self.worst[symbol] = max(self.worst.get(symbol, 0), worst)


def own(rows: Iterable[Row]) -> list[Row]:
    """Give ours: with our letters, and nothing but letters and digits behind them."""
    found = ((row, str(row["client_id"])) for row in rows)
    return [row for row, name in found if name.startswith(PREFIX) and name.isalnum()]


def check(
    data: Path,
    books: Books,
    *,
    inventory_max: str = "0.05",
    stopped: bool = True,
    power_cut: bool = False,
) -> Record:
    """Hold the journals of ``data`` against the venue's ``books``; give what they say.

    A ``power_cut`` may take orders out of the record that have ended without a fill.
    """
    record = Record(data)
    orders = own(books["orders"])
    if power_cut:
        orders = [row for row in orders if matters(row) or row["client_id"] in record.known]
    check_orders(record, orders, stopped=stopped)
    check_fills(record, books)
    for symbol, worst in record.worst.items():
        scales = next(s for s in record.scales.values() if s.instrument.symbol == symbol)
        limit = Decimal(inventory_max) / Decimal(scales.instrument.lot_size)
        assert worst <= limit, f"I3: exposure of {symbol} was {worst} lots, {limit} are allowed"
    assert not record.unsynced, f"I5: placed on a book that was not in sync: {record.unsynced}"
    assert not record.latched_twice, "I8: a latched PanicStop was triggered again"
    check_replays(data)
    return record


def matters(row: Row) -> bool:
    """Whether an order stands, or has ever traded."""
    return row["status"] in OPEN or Decimal(str(row["executed"])) != 0


def check_orders(record: Record, orders: list[Row], *, stopped: bool) -> None:
    at_venue = Counter(str(row["client_id"]) for row in orders)
    unknown = set(at_venue) - set(record.known) - record.adopted
    assert not unknown, f"I1: at the venue and in no journal: {sorted(unknown)}"
    twice = [order for order, count in at_venue.items() if count > 1]
    assert not twice, f"I2: placed twice at the venue: {twice}"
    assert max(record.known.values(), default=1) == 1, "I2: an id was given twice"
    if stopped:
        left = [row["client_id"] for row in orders if row["status"] in OPEN]
        assert not left, f"I6: open after an orderly stop: {left}"


def check_fills(record: Record, books: Books) -> None:
    """I4: each own trade of the venue is booked once, by size, price and fee, and nothing else."""
    assert not record.booked_twice, f"I4: booked twice: {record.booked_twice}"
    theirs = {f"{row['symbol']} {row['trade_id']}": row for row in own(books["trades"])}
    missing = set(theirs) - set(record.fills)
    assert not missing, f"I4: traded and not booked: {sorted(missing)}"
    invented = set(record.fills) - set(theirs)
    assert not invented, f"I4: booked and never traded: {sorted(invented)}"
    for trade, row in theirs.items():
        fill = record.fills[trade]
        scales = record.scales[fill.revision]
        assert Decimal(str(row["price"])) == Decimal(scales.tick.text(fill.price)), trade
        assert Decimal(str(row["quantity"])) == Decimal(scales.lot.text(fill.size)), trade
        money = Decimal(fill.fee).scaleb(-scales.instrument.money_scale)
        assert Decimal(str(row["fee"])) == money, trade
    for row in books["positions"]:
        symbol = str(row["symbol"])
        if symbol not in {scales.instrument.symbol for scales in record.scales.values()}:
            continue
        scales = next(s for s in record.scales.values() if s.instrument.symbol == symbol)
        ours = record.positions.get(symbol, 0) * Decimal(scales.instrument.lot_size)
        assert ours == Decimal(str(row["quantity"])), f"I4: position of {symbol} is {ours} to us"


def check_replays(data: Path) -> None:
    """I7: every session is whole, and plays back to the same bytes as far as it goes."""
    folders = find_sessions(data)
    for folder in folders:
        verdict = verify_session(folder)
        assert verdict.problem == "", verdict
    done = subprocess.run(
        [sys.executable, "-m", "tests.live.replaying", *map(str, folders)],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONHASHSEED": "random", "PATH": "/usr/bin:/bin", "PYTHONWARNINGS": "error"},
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stdout + done.stderr

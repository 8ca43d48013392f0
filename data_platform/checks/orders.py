"""What an hour of our own orders promises, by the OMS lines alone.

Each order's life is run again through the table of ``records.lifecycle``; amounts are exact
decimals, as the lines have them. An order that was placed in an hour before is followed only in
what needs no memory of its placing.
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

import msgspec
import numpy as np
import pyarrow as pa

from data_platform.checks.findings import PPM, Inspected, Int64s, Rule, Subject
from trading_runtime.records.commands import Execution
from trading_runtime.records.lifecycle import Happening, OrderState, next_state
from trading_runtime.records.units import Side

ONCE = Rule("client_id_once", "a client order id is placed once")
ONE_TO_ONE = Rule("venue_order_one_to_one", "one client order id goes with one id of the venue's")
LEGAL = Rule("transitions_legal", "nothing happens to an order that its state does not allow")
WITHIN = Rule("fills_within_order", "the fills of an order are not more than its size")
REMAINING = Rule("remaining_agrees", "what remains is the order's size less its fills")
FILL_ONCE = Rule("fill_once", "a trade of the venue's fills an order once")
SIDE = Rule("fill_side", "a fill has the side of its order")
LIMIT = Rule("fill_at_limit_or_better", "a fill is at the order's price or better")
POSITIVE = Rule("amounts_positive", "orders and fills have a price and a size above zero")
IN_TIME = Rule("answer_after_send", "what a venue answers comes after what it was asked")
FEE = Rule("fee_sane", "a fee is a small part of the notional", False, "fee_ppm_max")
MAKER = Rule("maker_made", "a post-only order never takes", blocking=False)
ALARM = Rule("no_oms_alarm", "the OMS met nothing that it holds to be impossible", blocking=False)

ROW_RULES = (
    *(ONCE, ONE_TO_ONE, LEGAL, WITHIN, REMAINING, FILL_ONCE, SIDE, LIMIT, POSITIVE, IN_TIME),
    *(MAKER, ALARM),
)
NOTHING = Decimal(0)
HAPPENINGS: Mapping[str, Happening] = {
    "OrderAccepted": Happening.ACCEPTED,
    "OrderRejected": Happening.REJECTED,
    "OrderCancelled": Happening.CANCELLED,
    "OrderExpired": Happening.EXPIRED,
    "OrderAmended": Happening.AMENDED,
    "OrderUnknown": Happening.ANSWER_LOST,
    "CancelOrder": Happening.CANCEL_SENT,
    "CancelRefused": Happening.CANCEL_REFUSED,
    "AmendOrder": Happening.AMEND_SENT,
    "AmendRefused": Happening.AMEND_REFUSED,
}
ALARMS = frozenset({"TransitionImpossible", "FillsDisagree"})


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """What the OMS's lines say of orders; each event has some of these."""

    ts: str
    event: str
    session: str
    order: str = msgspec.field(default="", name="orderId")
    side: str = ""
    execution: str = ""
    price: Decimal = NOTHING
    size: Decimal = msgspec.field(default=NOTHING, name="qty")
    remaining: Decimal = NOTHING
    fee: Decimal = NOTHING
    latency_ms: Decimal = NOTHING
    maker: bool = True
    venue_order: str = ""
    venue_trade: str = ""


class Order:
    """One order as its lines tell of it; ``placed`` is missing where they do not begin with it."""

    __slots__ = ("filled", "placed", "size", "state", "trades", "venue_order")

    def __init__(self, placed: Line | None) -> None:
        self.placed = placed
        self.state = OrderState.PENDING_NEW
        self.size = placed.size if placed else NOTHING
        self.filled = NOTHING
        self.trades: set[str] = set()
        self.venue_order = ""


class Desk:
    """Follows the orders of one hour; ``rows`` collects the offending rows of each rule."""

    def __init__(self) -> None:
        self.rows: dict[Rule, list[int]] = {rule: [] for rule in ROW_RULES}
        self.fees: list[tuple[int, int]] = []
        self._orders: dict[str, Order] = {}
        self._owners: dict[tuple[str, str], str] = {}

    def _tell(self, rule: Rule, row: int, *, broken: bool) -> None:
        if broken:
            self.rows[rule].append(row)

    def on_line(self, row: int, line: Line) -> None:
        self._tell(ALARM, row, broken=line.event in ALARMS)
        if line.event == "PlaceOrder":
            self._tell(ONCE, row, broken=line.order in self._orders)
            self._tell(POSITIVE, row, broken=line.price <= 0 or line.size <= 0)
            self._orders[line.order] = Order(line)
        elif line.event == "OrderFilled":
            self._on_fill(row, line, self._order(line))
        elif line.event in HAPPENINGS:
            order = self._order(line)
            self._tell(IN_TIME, row, broken=line.latency_ms < 0 or is_before(line, order))
            if line.event == "OrderAccepted":
                self._on_acceptance(row, line, order)
            if line.event == "OrderAmended":
                order.size = line.size
            self._move(row, order, HAPPENINGS[line.event])

    def _order(self, line: Line) -> Order:
        return self._orders.setdefault(line.order, Order(None))

    def _move(self, row: int, order: Order, happening: Happening) -> None:
        if order.placed is None:
            return
        after = next_state(order.state, happening, filled=order.filled > 0)
        self._tell(LEGAL, row, broken=after is None)
        order.state = after or order.state

    def _on_acceptance(self, row: int, line: Line, order: Order) -> None:
        key = (line.session, line.venue_order)
        owner = self._owners.setdefault(key, line.order)
        other = order.venue_order not in {"", line.venue_order}
        self._tell(ONE_TO_ONE, row, broken=owner != line.order or other)
        order.venue_order = line.venue_order

    def _on_fill(self, row: int, line: Line, order: Order) -> None:
        self._tell(POSITIVE, row, broken=line.price <= 0 or line.size <= 0)
        self._tell(FILL_ONCE, row, broken=line.venue_trade in order.trades)
        order.trades.add(line.venue_trade)
        order.filled += line.size
        notional = line.price * line.size
        if notional > 0:
            self.fees.append((int(abs(line.fee) * PPM / notional), row))
        placed = order.placed
        if placed is None:
            return
        left = order.size - order.filled
        self._tell(IN_TIME, row, broken=is_before(line, order))
        self._tell(WITHIN, row, broken=left < 0)
        self._tell(REMAINING, row, broken=left >= 0 and line.remaining != left)
        self._tell(SIDE, row, broken=line.side != placed.side)
        self._tell(LIMIT, row, broken=is_worse(line, placed))
        took = placed.execution == Execution.POST_ONLY.value and not line.maker
        self._tell(MAKER, row, broken=took)
        whole = line.remaining == 0
        self._move(row, order, Happening.FILLED_WHOLE if whole else Happening.FILLED_IN_PART)


def is_before(line: Line, order: Order) -> bool:
    """Whether the line is older than the placing; all lines write their times alike."""
    return order.placed is not None and line.ts < order.placed.ts


def is_worse(fill: Line, placed: Line) -> bool:
    if placed.side == Side.BUY.value:
        return fill.price > placed.price
    return fill.price < placed.price


_decode: Callable[[str], Line] = msgspec.json.Decoder(Line).decode


def numbers(rows: Iterable[int]) -> Int64s:
    return np.array(list(rows), dtype=np.int64)


def inspect(rows: pa.Table, subject: Subject) -> Inspected:
    """Check the OMS's lines of one hour; the rows of each finding are numbers in the file.

    A line that cannot be read is passed over: the rules about lines name it.
    """
    desk = Desk()
    readable = rows.column("seq").to_numpy() >= 0
    for row, text in enumerate(rows.column("line").to_pylist()):
        if readable[row]:
            desk.on_line(row, _decode(str(text)))
    fees = numbers(it for it, _ in desk.fees)
    findings = [rule.broken_by(numbers(found)) for rule, found in desk.rows.items()]
    findings.append(FEE.most(fees, numbers(row for _, row in desk.fees), subject.limits))
    return Inspected(findings, {"rows": rows.num_rows, "fills": len(desk.fees)})

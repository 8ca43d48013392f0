"""Orders and tables for tests, with only the relevant field named."""

from trading_runtime.oms.order import Order
from trading_runtime.oms.orders import OrderTable
from trading_runtime.oms.reports import Filled
from trading_runtime.oms.settings import OmsSettings, RateSettings
from trading_runtime.records.lifecycle import Aim, OrderState
from trading_runtime.records.units import ClientId, Lots, Money, Nanos, Revision, Side, Ticks

RATE = RateSettings(per_second=10, burst=10)
SETTINGS = OmsSettings(
    owner_prefix="td",
    open_orders_max=10,
    orders=RATE,
    cancels=RATE,
    instrument_orders=RATE,
    instrument_cancels=RATE,
    cancels_reserved=2,
    answer_timeout_ns=Nanos(100),
    query_interval_ns=Nanos(50),
    absent_grace_ns=Nanos(1_000),
)


def order(
    name: str = "a",
    side: Side = Side.BUY,
    price: int = 100,
    size: int = 10,
    filled: int = 0,
    state: OrderState = OrderState.PENDING_NEW,
) -> Order:
    made = Order(
        ClientId(name), Revision(1), side, Ticks(price), Lots(size), Aim.QUOTE, Nanos(0), Nanos(0)
    )
    made.state = state
    made.filled = made.cumulative = Lots(filled)
    made.note_state()
    return made


def table(*orders: Order) -> OrderTable:
    made = OrderTable(SETTINGS)
    for each in orders:
        made.place(each)
    return made


def fill(trade: str, size: int, cumulative: int, name: str = "a") -> Filled:
    return Filled(
        ClientId(name),
        trade,
        Ticks(100),
        Lots(size),
        Lots(cumulative),
        Money(0),
        "USDT",
        True,
        Nanos(0),
    )

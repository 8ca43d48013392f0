"""The log lines that the report is made from, typed: the fields it needs, others are let be.

Numbers are read as exact decimals, as they stand in the line.
"""

from collections.abc import Iterator
from decimal import Decimal

import msgspec
import pyarrow as pa
import pyarrow.compute as pc


class Filled(msgspec.Struct, frozen=True):
    """``OrderFilled``: one execution of ours."""

    ts: str
    instrument_id: str
    side: str
    price: Decimal
    qty: Decimal
    fee: Decimal
    fee_asset: str
    venue_trade: str


class Latency(msgspec.Struct, frozen=True):
    """``OrderAccepted``, ``OrderCancelled``: from sending to the answer; 0 where none was asked."""

    latency_ms: float


class Quoted(msgspec.Struct, frozen=True):
    """``QuotesDecided``."""

    spread_ticks: int
    bid_levels: int
    ask_levels: int


class Limited(msgspec.Struct, frozen=True):
    """``RiskLimitTriggered``, ``IntentRefused``."""

    limit: str


class Funded(msgspec.Struct, frozen=True):
    """``FundingPaid``: positive when received."""

    amount: Decimal


class Marked(msgspec.Struct, frozen=True):
    """``PnlMarked``: the runtime's own conclusion, read only to disagree with it."""

    ts: str
    instrument_id: str
    position: Decimal
    equity: Decimal


class Silent(msgspec.Struct, frozen=True):
    """``ChannelSilent``: what was asked for and brings nothing."""

    channel: str


class Operated(msgspec.Struct, frozen=True):
    """``OperatorCommanded``."""

    action: str


class Opened(msgspec.Struct, frozen=True):
    """``SessionOpened``; ``settings`` is JSON."""

    settings: str


class AccountPart(msgspec.Struct, frozen=True):
    balance: Decimal
    quote_asset: str


class EnginePart(msgspec.Struct, frozen=True):
    account: AccountPart


class SettingsPart(msgspec.Struct, frozen=True):
    """Of a session's settings, what the account started with."""

    engine: EnginePart


def texts(rows: pa.Table, *events: str) -> list[str]:
    """Give the whole lines of these events, in their order."""
    wanted = pc.is_in(rows.column("event"), pa.array(events, pa.string()))
    return [str(it) for it in rows.column("line").filter(wanted).to_pylist()]


def count(rows: pa.Table, *events: str) -> int:
    return len(texts(rows, *events))


def filled(rows: pa.Table) -> Iterator[Filled]:
    return (msgspec.json.decode(it, type=Filled) for it in texts(rows, "OrderFilled"))


def start_of_account(rows: pa.Table) -> AccountPart | None:
    """Give what the first session started with, ``None`` where none has opened."""
    opened = texts(rows, "SessionOpened")
    if not opened:
        return None
    settings = msgspec.json.decode(opened[0], type=Opened).settings
    return msgspec.json.decode(settings, type=SettingsPart).engine.account

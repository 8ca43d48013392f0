"""Answers about the account, its terms and its instruments to what they tell.

The answer's form hangs on the market as much as on the question; each reader takes the instrument
that was asked about, where the question has one.
"""

import msgspec

from trading_runtime.account.reports import (
    AccountTold,
    Balance,
    FeesTold,
    InstrumentTold,
    PermissionsTold,
    ReferenceTold,
    TermsTold,
    Trading,
)
from trading_runtime.core.venues.amounts import units_down, units_up
from trading_runtime.core.venues.binance.events import ASSET_SCALE, NO_MONEY, AccountEvents
from trading_runtime.core.venues.binance.wire_account import (
    ExchangeInfo,
    Permissions,
    PositionRisk,
    SpotAccount,
    SpotFees,
    SpotReference,
    SpotTrade,
    SymbolWire,
    UsdmAccount,
    UsdmFees,
    UsdmReference,
    UsdmTrade,
)
from trading_runtime.core.venues.binance.wire_private import PositionWire
from trading_runtime.core.venues.filters import Filters, fitted
from trading_runtime.core.venues.symbols import Symbol
from trading_runtime.errors import Misread
from trading_runtime.oms.reports import OwnTrade
from trading_runtime.records.exact import NotDecimal
from trading_runtime.records.units import NANOS_PER_MILLI, Micro, Money, Nanos, Side, Ticks

MICRO_SCALE = 6
STATUSES = {"TRADING": Trading.OPEN, "CANCEL_ONLY": Trading.CANCEL_ONLY}
"""Every other status is a halt: breaks, settlement, before listing and after delisting."""

_spot_account = msgspec.json.Decoder(SpotAccount).decode
_usdm_account = msgspec.json.Decoder(UsdmAccount).decode
_permissions = msgspec.json.Decoder(Permissions).decode
# The venue writes the leverage as text.
_risks = msgspec.json.Decoder(list[PositionRisk], strict=False).decode
_spot_fees = msgspec.json.Decoder(SpotFees).decode
_usdm_fees = msgspec.json.Decoder(UsdmFees).decode
_spot_reference = msgspec.json.Decoder(SpotReference).decode
_usdm_reference = msgspec.json.Decoder(UsdmReference).decode
_spot_trades = msgspec.json.Decoder(list[SpotTrade]).decode
_usdm_trades = msgspec.json.Decoder(list[UsdmTrade]).decode
_exchange_info = msgspec.json.Decoder(ExchangeInfo).decode


def spot_account(request: str, venue: str, body: bytes) -> AccountTold:
    wire = _spot_account(body)
    balances = tuple(
        Balance(
            each.asset,
            Money(units_down(each.free, ASSET_SCALE)),
            Money(units_down(each.locked, ASSET_SCALE)),
        )
        for each in wire.balances
    )
    return AccountTold(
        request=request,
        venue=venue,
        whole=True,
        balances=balances,
        positions=(),
        maintenance_margin=NO_MONEY,
        margin_balance=NO_MONEY,
        reason="",
        venue_time=Nanos(wire.update_time * NANOS_PER_MILLI),
    )


def usdm_account(request: str, venue: str, body: bytes, events: AccountEvents) -> AccountTold:
    """Its time is not told, so it is 0."""
    wire = _usdm_account(body)
    balances = tuple(
        Balance(each.asset, Money(units_down(each.wallet_balance, ASSET_SCALE)), NO_MONEY)
        for each in wire.assets
    )
    positions = [
        PositionWire(each.symbol, each.position_amt, each.position_side) for each in wire.positions
    ]
    return AccountTold(
        request=request,
        venue=venue,
        whole=True,
        balances=balances,
        positions=events.positions(positions),
        maintenance_margin=Money(units_up(wire.total_maint_margin, ASSET_SCALE)),
        margin_balance=Money(units_down(wire.total_margin_balance, ASSET_SCALE)),
        reason="",
        venue_time=Nanos(0),
    )


def permissions(venue: str, body: bytes, *, futures: bool) -> PermissionsTold:
    wire = _permissions(body)
    may_trade = wire.enable_futures if futures else wire.enable_spot_and_margin_trading
    return PermissionsTold(venue, may_trade=may_trade, may_withdraw=wire.enable_withdrawals)


def usdm_terms(symbol: Symbol, body: bytes) -> TermsTold:
    risks = [each for each in _risks(body) if each.symbol == symbol.instrument.symbol]
    if not risks:
        raise Misread("malformed", f"no terms of {symbol.instrument.symbol}")
    one_way = all(each.position_side == "BOTH" for each in risks)
    leverage = max(each.leverage for each in risks)
    return TermsTold(symbol.instrument_id, one_way=one_way, leverage=leverage)


def spot_fees(symbol: Symbol, body: bytes) -> FeesTold:
    """All that may be charged: standard, special and tax, for the dearer side; no discount."""
    wire = _spot_fees(body)
    parts = (wire.standard_commission, wire.special_commission, wire.tax_commission)
    sides = sum(
        max(units_up(each.buyer, ASSET_SCALE), units_up(each.seller, ASSET_SCALE)) for each in parts
    )
    maker = sum(units_up(each.maker, ASSET_SCALE) for each in parts) + sides
    taker = sum(units_up(each.taker, ASSET_SCALE) for each in parts) + sides
    finer = 10 ** (ASSET_SCALE - MICRO_SCALE)
    return FeesTold(symbol.instrument_id, Micro(-(-maker // finer)), Micro(-(-taker // finer)))


def usdm_fees(symbol: Symbol, body: bytes) -> FeesTold:
    wire = _usdm_fees(body)
    return FeesTold(
        symbol.instrument_id,
        Micro(units_up(wire.maker_commission_rate, MICRO_SCALE)),
        Micro(units_up(wire.taker_commission_rate, MICRO_SCALE)),
    )


def spot_reference(symbol: Symbol, body: bytes) -> ReferenceTold:
    """Take the last trade's price for the index; there is no mark, and the time is not told."""
    index = _ticks(symbol, _spot_reference(body).price)
    return ReferenceTold(symbol.instrument_id, Ticks(0), index, Micro(0), Nanos(0))


def usdm_reference(symbol: Symbol, body: bytes) -> ReferenceTold:
    wire = _usdm_reference(body)
    return ReferenceTold(
        symbol.instrument_id,
        _ticks(symbol, wire.mark_price),
        _ticks(symbol, wire.index_price),
        # Empty for what has no funding.
        Micro(units_down(wire.last_funding_rate or "0", MICRO_SCALE)),
        Nanos(wire.time * NANOS_PER_MILLI),
    )


def own_trades(symbol: Symbol, body: bytes, *, futures: bool) -> tuple[OwnTrade, ...]:
    """Give the trades, oldest first."""
    wires: list[SpotTrade] | list[UsdmTrade]
    wires = _usdm_trades(body) if futures else _spot_trades(body)
    return tuple(
        OwnTrade(
            str(each.order_id),
            str(each.id),
            Side.BUY if each.is_buyer else Side.SELL,
            symbol.prices[each.price],
            symbol.lots[each.qty],
            Money(units_up(each.commission, symbol.money_scale)),
            each.commission_asset,
            each.is_maker,
            Nanos(each.time * NANOS_PER_MILLI),
        )
        for each in sorted(wires, key=_trade_id)
    )


def instrument(symbol: Symbol, body: bytes) -> InstrumentTold:
    filters = read_filters(body, symbol.instrument.symbol)
    try:
        return InstrumentTold(fitted(symbol.instrument, filters), filters.trading)
    except NotDecimal as error:
        raise Misread("not_decimal", str(error)) from error


def read_filters(body: bytes, symbol: str) -> Filters:
    """Read the filters of ``symbol`` out of the venue's list of instruments.

    Raises:
        Misread: it is no such list, or the symbol is not in it whole.
    """
    try:
        wires = _exchange_info(body).symbols
    except msgspec.DecodeError as error:
        raise Misread("malformed", str(error)[:200]) from error
    for wire in wires:
        if wire.symbol == symbol:
            return _filters(wire)
    raise Misread("unknown_symbol", symbol)


def _filters(wire: SymbolWire) -> Filters:
    tick_size, lot_size, notional = "", "", "0"
    for each in wire.filters:
        if each.filter_type == "PRICE_FILTER":
            tick_size = each.tick_size
        elif each.filter_type == "LOT_SIZE":
            lot_size = each.step_size
        elif each.filter_type in ("MIN_NOTIONAL", "NOTIONAL"):
            notional = each.notional or each.min_notional or notional
    if not tick_size.strip("0.") or not lot_size.strip("0."):
        raise Misread("malformed", f"{wire.symbol} has no steps")
    return Filters(
        symbol=wire.symbol,
        base_asset=wire.base_asset,
        quote_asset=wire.quote_asset,
        tick_size=_shortest(tick_size),
        lot_size=_shortest(lot_size),
        notional_min=_shortest(notional),
        trading=STATUSES.get(wire.status, Trading.HALTED),
    )


def _shortest(text: str) -> str:
    """Drop the zeros at the end, so that the same step is always the same text."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def _ticks(symbol: Symbol, text: str) -> Ticks:
    """Give a price that need not lie on the grid in whole ticks below it."""
    tick = symbol.scales.tick
    return Ticks(units_down(text, tick.scale) // tick.step_units)


def _trade_id(trade: SpotTrade | UsdmTrade) -> int:
    return trade.id

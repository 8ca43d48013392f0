"""A request to place against the symbol's filters: decimals in, integers out, or the refusal."""

import re
from dataclasses import dataclass

from trading_runtime.records.exact import NotDecimal, OffGrid
from trading_runtime.simulator.exchange.amounts import short_text, units
from trading_runtime.simulator.exchange.listing import Listing
from trading_runtime.simulator.exchange.refusals import missing, not_required, refusal
from trading_runtime.simulator.exchange.words import (
    PPM,
    UNIT,
    MarketKind,
    NewOrder,
    OrderType,
    Side,
    SymbolStatus,
    TimeInForce,
    VenueError,
)

_CLIENT_ID = {
    MarketKind.SPOT: re.compile(r"[a-zA-Z0-9-_]{1,36}", re.ASCII),
    MarketKind.USDM: re.compile(r"[.A-Z:/a-z0-9_-]{1,36}", re.ASCII),
}


@dataclass(frozen=True, slots=True)
class Draft:
    """What a request asks for, in units; each 0 where it was not asked."""

    price: int
    quantity: int
    quote_quantity: int


def drafted(listing: Listing, new: NewOrder) -> Draft:
    """Check ``new`` against all filters that need no account; raise :exc:`VenueError`."""
    kind = listing.kind
    if listing.rules.status is not SymbolStatus.TRADING:
        raise refusal(kind, "closed")
    if new.client_id is not None and not _CLIENT_ID[kind].fullmatch(new.client_id):
        raise refusal(kind, "client_id")
    if new.type is OrderType.MARKET:
        return _market_draft(listing, new)
    _check_words(kind, new)
    draft = Draft(
        price=parsed(listing, "price", new.price),
        quantity=parsed(listing, "quantity", new.quantity),
        quote_quantity=0,
    )
    check_price(listing, new.side, draft.price)
    check_quantity(listing, draft.quantity)
    check_notional(listing, draft.price * draft.quantity // UNIT, reduce_only=new.reduce_only)
    return draft


def _check_words(kind: MarketKind, new: NewOrder) -> None:
    spot = kind is MarketKind.SPOT
    if new.quote_quantity is not None:
        raise not_required("quoteOrderQty")
    if new.type is OrderType.LIMIT_MAKER:
        if not spot:
            raise VenueError(-1116, "Invalid orderType.")
        if new.time_in_force is not None:
            raise not_required("timeInForce")
    elif new.time_in_force is None:
        raise missing("timeInForce")
    elif spot and new.time_in_force is TimeInForce.GTX:
        raise VenueError(-1115, "Invalid timeInForce.")
    if spot and new.reduce_only:
        raise not_required("reduceOnly")


def _market_draft(listing: Listing, new: NewOrder) -> Draft:
    rules = listing.rules
    if new.price is not None:
        raise not_required("price")
    if new.time_in_force is not None and listing.kind is MarketKind.SPOT:
        raise not_required("timeInForce")
    if new.quote_quantity is None:
        quantity = parsed(listing, "quantity", new.quantity)
        check_quantity(listing, quantity)
        if rules.market_max_quantity and quantity > rules.market_max_quantity:
            raise refusal(listing.kind, "market_high")
        notional = quantity * listing.reference // UNIT
        # Without a reference price there is nothing to value a market order by.
        if listing.reference:
            check_notional(listing, notional, reduce_only=new.reduce_only)
        _check_market_band(listing, new.side)
        return Draft(price=0, quantity=quantity, quote_quantity=0)
    if listing.kind is MarketKind.USDM or new.quantity is not None:
        raise not_required("quoteOrderQty")
    quote = parsed(listing, "quoteOrderQty", new.quote_quantity)
    check_notional(listing, quote, reduce_only=False)
    return Draft(price=0, quantity=0, quote_quantity=quote)


def parsed(listing: Listing, parameter: str, value: str | None) -> int:
    """Read a decimal parameter, or refuse it as missing, malformed or too precise."""
    if value is None:
        raise missing(parameter)
    try:
        return units(value)
    except OffGrid:
        rule = "price_precision" if parameter == "price" else "quantity_precision"
        raise refusal(listing.kind, rule) from None
    except NotDecimal:
        raise VenueError(
            -1100,
            f"Illegal characters found in parameter '{parameter}'; legal range is "
            "'^([0-9]{1,20})(\\.[0-9]{1,20})?$'.",
        ) from None


def check_price(listing: Listing, side: Side, price: int) -> None:
    """PRICE_FILTER and PERCENT_PRICE(_BY_SIDE)."""
    rules = listing.rules
    if price < rules.min_price or not price:
        raise refusal(listing.kind, "price_low")
    if rules.max_price and price > rules.max_price:
        raise refusal(listing.kind, "price_high")
    if price % rules.tick:
        raise refusal(listing.kind, "tick")
    low, high = _band(listing, side)
    if high and price > high:
        raise refusal(listing.kind, "band_high", short_text(high))
    if price < low:
        raise refusal(listing.kind, "band_low", short_text(low))


def _band(listing: Listing, side: Side) -> tuple[int, int]:
    """Give the lowest and the highest price allowed, on the grid; 0 for none."""
    rules = listing.rules
    if side is Side.BUY:
        down, up = rules.bid_down_ppm, rules.bid_up_ppm
    else:
        down, up = rules.ask_down_ppm, rules.ask_up_ppm
    low = -(-listing.reference * down // PPM // rules.tick) * rules.tick
    return low, listing.reference * up // PPM // rules.tick * rules.tick


def _check_market_band(listing: Listing, side: Side) -> None:
    """Usdm: a market order must not start at a price that a limit order could not have."""
    best = listing.book.against(side).best()
    if listing.kind is MarketKind.SPOT or best is None:
        return
    low, high = _band(listing, side)
    if best.price < low or (high and best.price > high):
        raise refusal(listing.kind, "band_market")


def check_quantity(listing: Listing, quantity: int) -> None:
    """LOT_SIZE."""
    rules = listing.rules
    if not quantity:
        raise refusal(listing.kind, "quantity_zero")
    if quantity % rules.lot:
        finer = len(short_text(quantity).partition(".")[2]) > len(
            short_text(rules.lot).partition(".")[2]
        )
        precise = finer and listing.kind is MarketKind.USDM
        raise refusal(listing.kind, "quantity_precision" if precise else "lot")
    if quantity < rules.min_quantity:
        raise refusal(listing.kind, "quantity_low")
    if rules.max_quantity and quantity > rules.max_quantity:
        raise refusal(listing.kind, "quantity_high")


def check_notional(listing: Listing, notional: int, *, reduce_only: bool) -> None:
    """MIN_NOTIONAL or NOTIONAL; usdm lets reduce-only orders be smaller."""
    rules = listing.rules
    if (notional < rules.min_notional and not reduce_only) or (
        rules.max_notional and notional > rules.max_notional
    ):
        raise refusal(listing.kind, "notional", short_text(rules.min_notional))

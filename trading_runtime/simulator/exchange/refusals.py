"""The venue's refusals, word for word, where one rule has other words on spot than on usdm.

Sources: binance-spot-api-docs errors.md (error codes, "Messages for -1010, -2010, -2011, -2038",
filter failures) and the usdm error-code page.
"""

from trading_runtime.simulator.exchange.words import MarketKind, VenueError

_LEGAL_IDS = (
    "Illegal characters found in parameter 'newClientOrderId'; "
    "legal range is '^[a-zA-Z0-9-_]{1,36}$'."
)
_NOT_MAKER = (
    "Due to the order could not be executed as maker, the Post Only order will be rejected. "
    "The order will not be recorded in the order history"
)
_NOT_FILLED = (
    "Due to the order could not be filled immediately, the FOK order has been rejected. "
    "The order will not be recorded in the order history"
)
_SPOT: dict[str, tuple[int, str]] = {
    "closed": (-2010, "Market is closed."),
    "cancel_closed": (-2011, "Market is closed."),
    "duplicate": (-2010, "Duplicate order sent."),
    "balance": (-2010, "Account has insufficient balance for requested action."),
    "would_take": (-2010, "Order would immediately match and take."),
    "no_liquidity": (-2010, "Order book liquidity is less than symbol minimum quantity."),
    "client_id": (-1100, _LEGAL_IDS),
    "max_orders": (-1013, "Filter failure: MAX_NUM_ORDERS"),
    "tick": (-1013, "Filter failure: PRICE_FILTER"),
    "price_low": (-1013, "Filter failure: PRICE_FILTER"),
    "price_high": (-1013, "Filter failure: PRICE_FILTER"),
    "lot": (-1013, "Filter failure: LOT_SIZE"),
    "quantity_zero": (-1013, "Filter failure: LOT_SIZE"),
    "quantity_low": (-1013, "Filter failure: LOT_SIZE"),
    "quantity_high": (-1013, "Filter failure: LOT_SIZE"),
    "market_high": (-1013, "Filter failure: MARKET_LOT_SIZE"),
    "notional": (-1013, "Filter failure: NOTIONAL"),
    "band_high": (-1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
    "band_low": (-1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
    "price_precision": (-1111, "Parameter 'price' has too much precision."),
    "quantity_precision": (-1111, "Parameter 'quantity' has too much precision."),
}
_USDM: dict[str, tuple[int, str]] = {
    "closed": (-4141, "Symbol is closed."),
    "cancel_closed": (-4141, "Symbol is closed."),
    "duplicate": (-4116, "ClientOrderId is duplicated."),
    "balance": (-2019, "Margin is insufficient."),
    "would_take": (-5022, _NOT_MAKER),
    "fok": (-5021, _NOT_FILLED),
    "client_id": (-4015, "Client order id is not valid."),
    "max_orders": (-2025, "Reach max open order limit."),
    "tick": (-4014, "Price not increased by tick size."),
    "price_low": (-4013, "Price less than min price."),
    "price_high": (-4002, "Price greater than max price."),
    "lot": (-4023, "Qty not increased by step size."),
    "quantity_zero": (-4003, "Quantity less than or equal to zero."),
    "quantity_low": (-4004, "Quantity less than min quantity."),
    "quantity_high": (-4005, "Quantity greater than max quantity."),
    "market_high": (-4005, "Quantity greater than max quantity."),
    "notional": (
        -4164,
        "Order's notional must be no smaller than {} (unless you choose reduce only).",
    ),
    "band_high": (-4016, "Limit price can't be higher than {}."),
    "band_low": (-4024, "Limit price can't be lower than {}."),
    "band_market": (
        -4131,
        "The counterparty's best price does not meet the PERCENT_PRICE filter limit.",
    ),
    "price_precision": (-1111, "Precision is over the maximum defined for this asset."),
    "quantity_precision": (-1111, "Precision is over the maximum defined for this asset."),
    "reduce_only": (-2022, "ReduceOnly Order is rejected."),
}


def refusal(kind: MarketKind, rule: str, figure: str = "") -> VenueError:
    """Word the refusal by ``rule``; ``figure`` fills the blank of a usdm message."""
    code, message = (_SPOT if kind is MarketKind.SPOT else _USDM)[rule]
    return VenueError(code, message.format(figure) if "{}" in message else message)


def missing(parameter: str) -> VenueError:
    return VenueError(
        -1102, f"Mandatory parameter '{parameter}' was not sent, was empty/null, or malformed."
    )


def not_required(parameter: str) -> VenueError:
    return VenueError(-1106, f"Parameter '{parameter}' sent when not required.")


def no_such_order() -> VenueError:
    return VenueError(-2013, "Order does not exist.")


def unknown_order() -> VenueError:
    return VenueError(-2011, "Unknown order sent.")


def amend_refused(message: str) -> VenueError:
    return VenueError(-2038, message)


def unsupported() -> VenueError:
    return VenueError(-1020, "This operation is not supported.")


def bad_symbol() -> VenueError:
    return VenueError(-1121, "Invalid symbol.")

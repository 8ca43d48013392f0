"""USDM: market data, account reports, settings and listen keys, as REST and WS-API ask for them."""

from trading_runtime.simulator.exchange.amounts import short_text, text
from trading_runtime.simulator.exchange.words import PPM, UNIT, MarkView, VenueError
from trading_runtime.simulator.server import forms_usdm
from trading_runtime.simulator.server.actions import (
    Action,
    Call,
    Security,
    opened,
    order_limits,
    ping,
    rows,
    server_time,
    signed,
)
from trading_runtime.simulator.server.actions_spot import last_prices, one_or_all, touches
from trading_runtime.simulator.server.catalogue import usdm_info
from trading_runtime.simulator.server.parameters import Parameters

DEPTH_WEIGHTS = ((50, 2), (100, 5), (500, 10), (1000, 20))


def exchange_info(call: Call) -> object:
    """Answer exchangeInfo."""
    return usdm_info(list(call.venue.exchange.symbols()), call.venue.usage.published(), call.now_ms)


def depth_weight(parameters: Parameters) -> int:
    """The weight of a book grows with its depth."""
    limit = parameters.whole_or("limit", 500)
    return next((weight for most, weight in DEPTH_WEIGHTS if limit <= most), 20)


def depth(call: Call) -> object:
    """Answer the order book."""
    symbol = call.known_symbol()
    book = call.venue.exchange.depth(symbol, rows(call.parameters, 500))
    shown = call.venue.board.on_depth(call.venue.kind, book)
    return forms_usdm.depth(shown, call.venue.scales[symbol], call.now_ms)


def recent_trades(call: Call) -> object:
    """Answer the last public trades."""
    symbol = call.known_symbol()
    trades = call.venue.exchange.prints(symbol, rows(call.parameters, 500))
    return [forms_usdm.public_trade(trade, call.venue.scales[symbol]) for trade in trades]


def book_ticker(call: Call) -> object:
    """Answer the best bid and offer of one symbol, or of all."""
    return one_or_all(call, [{**row, "time": call.now_ms} for row in touches(call)])


def price_ticker(call: Call) -> object:
    """Answer the last price of one symbol, or of all."""
    return one_or_all(call, [{**row, "time": call.now_ms} for row in last_prices(call)])


def _marks(call: Call) -> list[MarkView]:
    return [call.venue.exchange.mark_view(rules.symbol) for rules in call.rules()]


def premium_index(call: Call) -> object:
    """Answer mark prices and funding."""
    found = [forms_usdm.premium(view, call.now_ms) for view in _marks(call)]
    return found[0] if "symbol" in call.parameters.sent else found


def funding_rates(call: Call) -> object:
    """Answer the rate in force as the last one settled: no older ones are kept."""
    call.parameters.ignore("startTime", "endTime", "limit")
    return [
        {
            "symbol": view.symbol,
            "fundingRate": text(view.funding_rate),
            "fundingTime": call.now_ms,
            "markPrice": text(view.mark),
        }
        for view in _marks(call)
    ]


def balance(call: Call) -> object:
    """Answer the balances."""
    exchange = call.venue.exchange
    totals = forms_usdm.Totals(exchange.positions(call.account))
    return [
        forms_usdm.balance(view, totals, call.now_ms) for view in exchange.balances(call.account)
    ]


def account_v2(call: Call) -> object:
    """Answer account information v2."""
    exchange = call.venue.exchange
    balances, positions = exchange.balances(call.account), exchange.positions(call.account)
    return forms_usdm.account_v2(balances, positions, call.venue.scales, call.now_ms)


def account_v3(call: Call) -> object:
    """Answer account information v3."""
    exchange = call.venue.exchange
    balances, positions = exchange.balances(call.account), exchange.positions(call.account)
    return forms_usdm.account(balances, positions, call.venue.scales, call.now_ms)


def risk_v2(call: Call) -> object:
    """Answer position risk v2: every symbol has its row."""
    symbol = call.maybe_symbol()
    return [
        forms_usdm.risk_v2(view, call.venue.scales[view.symbol])
        for view in call.venue.exchange.positions(call.account)
        if symbol in (None, view.symbol)
    ]


def risk_v3(call: Call) -> object:
    """Answer position risk v3: only symbols with a position or an open order."""
    symbol = call.maybe_symbol()
    return [
        forms_usdm.risk(view, call.venue.scales[view.symbol])
        for view in call.venue.exchange.positions(call.account)
        if symbol in (None, view.symbol) and (view.quantity or view.order_margin)
    ]


def account_config(_: Call) -> object:
    """Answer the account's settings."""
    return {
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": False,
        "dualSidePosition": False,
        "updateTime": 0,
        "multiAssetsMargin": False,
        "tradeGroupId": -1,
    }


def symbol_config(call: Call) -> object:
    """Answer the account's settings of one symbol or of all."""
    symbol = call.maybe_symbol()
    return [
        {
            "symbol": view.symbol,
            "marginType": "CROSSED",
            "isAutoAddMargin": False,
            "leverage": view.leverage,
            "maxNotionalValue": forms_usdm.MAX_NOTIONAL,
        }
        for view in call.venue.exchange.positions(call.account)
        if symbol in (None, view.symbol)
    ]


def commission_rate(call: Call) -> object:
    """Answer what trading a symbol costs."""
    rules = call.venue.exchange.rules(call.known_symbol())
    return {
        "symbol": rules.symbol,
        "makerCommissionRate": _rate(rules.maker_fee_ppm),
        "takerCommissionRate": _rate(rules.taker_fee_ppm),
        "rpiCommissionRate": _rate(rules.maker_fee_ppm),
    }


def _rate(ppm: int) -> str:
    return short_text(ppm * UNIT // PPM)


def brackets(call: Call) -> object:
    """Answer the margin brackets: one, without an upper end, for each symbol."""
    found = [
        {
            "symbol": rules.symbol,
            "notionalCoef": 1.0,
            "brackets": [
                {
                    "bracket": 1,
                    "initialLeverage": rules.max_leverage,
                    "notionalCap": int(forms_usdm.MAX_NOTIONAL),
                    "notionalFloor": 0,
                    "maintMarginRatio": rules.maintenance_ppm / PPM,
                    "cum": 0.0,
                }
            ],
        }
        for rules in call.rules()
    ]
    return found[0] if "symbol" in call.parameters.sent else found


def income(call: Call) -> object:
    """Answer what the account earned and paid, the oldest first."""
    parameters, symbol = call.parameters, call.maybe_symbol()
    kind = parameters.maybe("incomeType")
    start = parameters.whole_or("startTime", 0)
    end = parameters.whole_or("endTime", call.now_ms)
    parameters.ignore("page")
    found = []
    for row in call.venue.income(call.account):
        moment = row["time"]
        if (
            symbol in (None, row["symbol"])
            and kind in (None, row["incomeType"])
            and isinstance(moment, int)
            and start <= moment <= end
        ):
            found.append(row)
    return found[-rows(parameters, 100) :]


def position_mode(_: Call) -> object:
    """Accounts are one-way."""
    return {"dualSidePosition": False}


def set_position_mode(call: Call) -> object:
    """Accounts are one-way and stay so: setting what is set is refused (-4059)."""
    call.parameters.text("dualSidePosition")
    if call.parameters.flag("dualSidePosition"):
        raise VenueError(-4068, "Position side cannot be changed if there exists position.")
    raise VenueError(-4059, "No need to change position side.")


def asset_mode(_: Call) -> object:
    """Accounts are in single-asset mode."""
    return {"multiAssetsMargin": False}


def set_asset_mode(call: Call) -> object:
    """Accounts stay in single-asset mode."""
    call.parameters.text("multiAssetsMargin")
    if call.parameters.flag("multiAssetsMargin"):
        raise VenueError(-4167, "Unable to adjust to Multi-Assets mode.")
    raise VenueError(-4171, "No need to change asset mode.")


def margin_type(call: Call) -> object:
    """Positions are cross and stay so."""
    call.known_symbol()
    if call.parameters.text("marginType") == "CROSSED":
        raise VenueError(-4046, "No need to change margin type.")
    raise VenueError(-4047, "Margin type cannot be changed if there exists open orders.")


def start_stream(call: Call) -> object:
    """Give the account's listen key, for another hour."""
    return {"listenKey": call.venue.usdm_desk.keys.start(call.account, call.now_ms).text}


def keep_stream(call: Call) -> object:
    """Renew the account's listen key."""
    call.parameters.ignore("listenKey")
    return {"listenKey": call.venue.usdm_desk.keys.renew(call.account, call.now_ms).text}


def stop_stream(call: Call) -> object:
    """End the account's listen key."""
    call.parameters.ignore("listenKey")
    call.venue.usdm_desk.keys.drop(call.account)
    return {}


def fee_burn(_: Call) -> object:
    """No fee is paid in another asset."""
    return {"feeBurn": False}


DEPTH = Action(depth, Security.OPEN, 2, weigh=depth_weight)
START = Action(start_stream, Security.KEY, 1)
KEEP = Action(keep_stream, Security.KEY, 1)
STOP = Action(stop_stream, Security.KEY, 1)

REST: dict[tuple[str, str], Action] = {
    ("GET", "/fapi/v1/ping"): opened(ping, 1),
    ("GET", "/fapi/v1/time"): opened(server_time, 1),
    ("GET", "/fapi/v1/exchangeInfo"): opened(exchange_info, 1),
    ("GET", "/fapi/v1/depth"): DEPTH,
    ("GET", "/fapi/v1/trades"): opened(recent_trades, 5),
    ("GET", "/fapi/v1/ticker/bookTicker"): opened(book_ticker, 2),
    ("GET", "/fapi/v1/ticker/price"): opened(price_ticker, 1),
    ("GET", "/fapi/v2/ticker/price"): opened(price_ticker, 1),
    ("GET", "/fapi/v1/premiumIndex"): opened(premium_index, 1),
    ("GET", "/fapi/v1/fundingRate"): opened(funding_rates, 1),
    ("GET", "/fapi/v1/rateLimit/order"): signed(order_limits, 1),
    ("GET", "/fapi/v1/positionSide/dual"): signed(position_mode, 30),
    ("POST", "/fapi/v1/positionSide/dual"): signed(set_position_mode, 1),
    ("GET", "/fapi/v1/multiAssetsMargin"): signed(asset_mode, 30),
    ("POST", "/fapi/v1/multiAssetsMargin"): signed(set_asset_mode, 1),
    ("POST", "/fapi/v1/marginType"): signed(margin_type, 1),
    ("GET", "/fapi/v1/feeBurn"): signed(fee_burn, 30),
    ("GET", "/fapi/v1/commissionRate"): signed(commission_rate, 20),
    ("GET", "/fapi/v1/income"): signed(income, 30),
    ("GET", "/fapi/v1/leverageBracket"): signed(brackets, 1),
    ("GET", "/fapi/v1/accountConfig"): signed(account_config, 5),
    ("GET", "/fapi/v1/symbolConfig"): signed(symbol_config, 5),
    ("GET", "/fapi/v2/account"): signed(account_v2, 5),
    ("GET", "/fapi/v3/account"): signed(account_v3, 5),
    ("GET", "/fapi/v2/balance"): signed(balance, 5),
    ("GET", "/fapi/v3/balance"): signed(balance, 5),
    ("GET", "/fapi/v2/positionRisk"): signed(risk_v2, 5),
    ("GET", "/fapi/v3/positionRisk"): signed(risk_v3, 5),
    ("POST", "/fapi/v1/listenKey"): START,
    ("PUT", "/fapi/v1/listenKey"): KEEP,
    ("DELETE", "/fapi/v1/listenKey"): STOP,
}
METHODS: dict[str, Action] = {
    "ping": opened(ping, 1),
    "time": opened(server_time, 1),
    "exchangeInfo": opened(exchange_info, 1),
    "depth": DEPTH,
    "ticker.book": opened(book_ticker, 2),
    "ticker.price": opened(price_ticker, 1),
    "account.status": signed(account_v2, 5),
    "v2/account.status": signed(account_v3, 5),
    "account.balance": signed(balance, 5),
    "v2/account.balance": signed(balance, 5),
    "account.position": signed(risk_v2, 5),
    "v2/account.position": signed(risk_v3, 5),
    "userDataStream.start": START,
    "userDataStream.ping": KEEP,
    "userDataStream.stop": STOP,
}

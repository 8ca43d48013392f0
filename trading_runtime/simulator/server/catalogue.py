"""exchangeInfo of both markets, from the symbols' rules as they are in force."""

from trading_runtime.simulator.exchange.amounts import short_text, text
from trading_runtime.simulator.exchange.words import PPM, UNIT, MarketKind, StpMode, SymbolRules
from trading_runtime.simulator.server.scales import Scales, scales_for

STP_MODES = [mode.value for mode in StpMode]
SPOT_TYPES = ["LIMIT", "LIMIT_MAKER", "MARKET"]
USDM_TYPES = ["LIMIT", "MARKET"]
ONBOARDED_MS = 1_569_398_400_000
DELIVERED_MS = 4_133_404_800_000


def spot_info(
    symbols: list[SymbolRules], limits: list[dict[str, object]], now_ms: int
) -> dict[str, object]:
    """Spot's exchangeInfo."""
    return {
        "timezone": "UTC",
        "serverTime": now_ms,
        "rateLimits": limits,
        "exchangeFilters": [],
        "symbols": [_spot_symbol(rules) for rules in symbols],
    }


def _spot_symbol(rules: SymbolRules) -> dict[str, object]:
    return {
        "symbol": rules.symbol,
        "status": rules.status.value,
        "baseAsset": rules.base,
        "baseAssetPrecision": 8,
        "quoteAsset": rules.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": SPOT_TYPES,
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _spot_filters(rules),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": rules.default_stp.value,
        "allowedSelfTradePreventionModes": STP_MODES,
    }


def _spot_filters(rules: SymbolRules) -> list[dict[str, object]]:
    found: list[dict[str, object]] = [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": text(rules.min_price),
            "maxPrice": text(rules.max_price),
            "tickSize": text(rules.tick),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": text(rules.min_quantity),
            "maxQty": text(rules.max_quantity),
            "stepSize": text(rules.lot),
        },
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": text(0),
            "maxQty": text(rules.market_max_quantity),
            "stepSize": text(0),
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": text(rules.min_notional),
            "applyMinToMarket": True,
            "maxNotional": text(rules.max_notional),
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": rules.max_orders},
        {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": rules.max_amends},
    ]
    if rules.bid_up_ppm:
        found.append(
            {
                "filterType": "PERCENT_PRICE_BY_SIDE",
                "bidMultiplierUp": _multiplier(rules.bid_up_ppm),
                "bidMultiplierDown": _multiplier(rules.bid_down_ppm),
                "askMultiplierUp": _multiplier(rules.ask_up_ppm),
                "askMultiplierDown": _multiplier(rules.ask_down_ppm),
                "avgPriceMins": 5,
            }
        )
    return found


def usdm_info(
    symbols: list[SymbolRules], limits: list[dict[str, object]], now_ms: int
) -> dict[str, object]:
    """USDM's exchangeInfo: it always names every symbol."""
    assets: dict[str, None] = dict.fromkeys(rules.quote for rules in symbols)
    return {
        "timezone": "UTC",
        "serverTime": now_ms,
        "futuresType": "U_MARGINED",
        "rateLimits": limits,
        "exchangeFilters": [],
        "assets": [
            {"asset": asset, "marginAvailable": True, "autoAssetExchange": "0"} for asset in assets
        ],
        "symbols": [_usdm_symbol(rules) for rules in symbols],
    }


def _usdm_symbol(rules: SymbolRules) -> dict[str, object]:
    scales = scales_for(MarketKind.USDM, rules)
    return {
        "symbol": rules.symbol,
        "pair": rules.symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": DELIVERED_MS,
        "onboardDate": ONBOARDED_MS,
        "status": rules.status.value,
        "maintMarginPercent": f"{rules.maintenance_ppm / 10_000:.4f}",
        "requiredMarginPercent": "5.0000",
        "baseAsset": rules.base,
        "quoteAsset": rules.quote,
        "marginAsset": rules.quote,
        "pricePrecision": scales.price_decimals,
        "quantityPrecision": scales.quantity_decimals,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": ["PoW"],
        "settlePlan": 0,
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10_000,
        "filters": _usdm_filters(rules, scales),
        "orderTypes": USDM_TYPES,
        "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
        "permissionSets": ["GRID", "COPY"],
    }


def _usdm_filters(rules: SymbolRules, scales: Scales) -> list[dict[str, object]]:
    found: list[dict[str, object]] = [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": short_text(rules.min_price),
            "maxPrice": short_text(rules.max_price),
            "tickSize": scales.price(rules.tick),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": short_text(rules.min_quantity),
            "maxQty": short_text(rules.max_quantity),
            "stepSize": scales.quantity(rules.lot),
        },
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": short_text(rules.min_quantity),
            "maxQty": short_text(rules.market_max_quantity),
            "stepSize": scales.quantity(rules.lot),
        },
        {"filterType": "MAX_NUM_ORDERS", "limit": rules.max_orders},
        {"filterType": "MIN_NOTIONAL", "notional": short_text(rules.min_notional)},
    ]
    if rules.bid_up_ppm:
        found.append(
            {
                "filterType": "PERCENT_PRICE",
                "multiplierUp": _multiplier(rules.bid_up_ppm),
                "multiplierDown": _multiplier(rules.bid_down_ppm),
                "multiplierDecimal": "4",
            }
        )
    return found


def _multiplier(ppm: int) -> str:
    return text(ppm * UNIT // PPM)[:-4]

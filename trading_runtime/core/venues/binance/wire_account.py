"""The venue's answers about the account, its terms and its instruments, as little as is needed.

Field names are the venue's in snake case; of each filter only what differs from type to type.
"""

import msgspec

from trading_runtime.core.venues.binance.wire import Id, Millis


class SpotBalance(msgspec.Struct, gc=False):
    asset: str
    free: str
    locked: str


class SpotAccount(msgspec.Struct, gc=False, rename="camel"):
    balances: list[SpotBalance]
    update_time: Millis = 0


class UsdmAsset(msgspec.Struct, gc=False, rename="camel"):
    asset: str
    wallet_balance: str


class UsdmPosition(msgspec.Struct, gc=False, rename="camel"):
    symbol: str
    position_amt: str
    position_side: str = "BOTH"


class UsdmAccount(msgspec.Struct, gc=False, rename="camel"):
    total_maint_margin: str
    total_margin_balance: str
    assets: list[UsdmAsset]
    positions: list[UsdmPosition]


class Permissions(msgspec.Struct, gc=False, rename="camel"):
    enable_withdrawals: bool
    enable_spot_and_margin_trading: bool = False
    enable_futures: bool = False


class PositionRisk(msgspec.Struct, gc=False, rename="camel"):
    symbol: str
    leverage: int
    position_side: str


class Rates(msgspec.Struct, gc=False):
    maker: str = "0"
    taker: str = "0"
    buyer: str = "0"
    seller: str = "0"


class SpotFees(msgspec.Struct, gc=False, rename="camel"):
    standard_commission: Rates
    special_commission: Rates = msgspec.field(default_factory=Rates)
    tax_commission: Rates = msgspec.field(default_factory=Rates)


class UsdmFees(msgspec.Struct, gc=False, rename="camel"):
    maker_commission_rate: str
    taker_commission_rate: str


class SpotReference(msgspec.Struct, gc=False):
    price: str


class UsdmReference(msgspec.Struct, gc=False, rename="camel"):
    mark_price: str
    index_price: str
    last_funding_rate: str
    time: Millis


class SpotTrade(msgspec.Struct, gc=False, rename="camel"):
    id: Id
    order_id: Id
    price: str
    qty: str
    commission: str
    commission_asset: str
    time: Millis
    is_buyer: bool
    is_maker: bool


class UsdmTrade(msgspec.Struct, gc=False, rename="camel"):
    id: Id
    order_id: Id
    price: str
    qty: str
    commission: str
    commission_asset: str
    time: Millis
    is_buyer: bool = msgspec.field(name="buyer")
    is_maker: bool = msgspec.field(name="maker")


class FilterWire(msgspec.Struct, gc=False, rename="camel"):
    filter_type: str
    tick_size: str = ""
    step_size: str = ""
    min_notional: str = ""
    notional: str = ""


class SymbolWire(msgspec.Struct, gc=False, rename="camel"):
    symbol: str
    status: str
    base_asset: str
    quote_asset: str
    filters: list[FilterWire]


class ExchangeInfo(msgspec.Struct, gc=False, rename="camel"):
    symbols: list[SymbolWire]


class ListenKey(msgspec.Struct, gc=False, rename="camel"):
    listen_key: str

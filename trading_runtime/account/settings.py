"""The account's part of the settings: its money, its day."""

import msgspec

from trading_runtime.records.exact import DECIMAL_TEXT
from trading_runtime.records.units import Micro

MONEY_SCALE_LIMIT = 18
DAY_OFFSET_MINUTES_LIMIT = 14 * 60


class AccountSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One account, with all its money counted in one asset."""

    quote_asset: str
    balance: str
    """What the account starts with, in ``quote_asset``, as decimal text."""
    money_scale: int
    """Decimals of the account's money: no fewer than any of its instruments has."""
    day_offset_minutes: int
    """Local time of the business day minus UTC."""
    maintenance_margin: Micro
    """Of the positions' notional, in millionths: over the equity it is the account's risk rate."""

    def __post_init__(self) -> None:
        if not DECIMAL_TEXT.fullmatch(self.balance):
            raise ValueError(f"balance {self.balance!r} is not a plain decimal number")
        if not 0 < self.money_scale <= MONEY_SCALE_LIMIT:
            raise ValueError(f"money_scale {self.money_scale} is not 1 to {MONEY_SCALE_LIMIT}")
        if abs(self.day_offset_minutes) > DAY_OFFSET_MINUTES_LIMIT:
            raise ValueError(f"day_offset_minutes {self.day_offset_minutes} is more than 14 hours")
        if self.maintenance_margin < 0:
            raise ValueError("maintenance_margin is negative")

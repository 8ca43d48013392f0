"""The engine's settings: those of the rooms below it, and its own pace."""

import msgspec

from trading_runtime.account.settings import AccountSettings
from trading_runtime.oms.settings import OmsSettings
from trading_runtime.records.exact import DECIMAL_TEXT
from trading_runtime.records.units import Micro, Nanos
from trading_runtime.risk.limits import AccountLimits, InstrumentLimits


class HedgeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When and how inventory is brought back by force (STR-3). Sizes are decimal text."""

    band: str
    """Inventory on either side of flat that is left to the quotes."""
    clip: str
    """The most that one order takes."""
    slippage_max: Micro
    """How far beyond the best opposite price it may go, as a share of it."""
    cooldown_ns: Nanos
    """Between two hedges."""

    def __post_init__(self) -> None:
        for text in (self.band, self.clip):
            if not DECIMAL_TEXT.fullmatch(text):
                raise ValueError(f"{text!r} is not a plain decimal number")
        if self.slippage_max < 0 or self.cooldown_ns < 0:
            raise ValueError("slippage_max and cooldown_ns are not negative")


class InstrumentSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    limits: InstrumentLimits
    hedge: HedgeSettings | None = None


class EngineSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    account: AccountSettings
    oms: OmsSettings
    limits: AccountLimits
    instruments: dict[str, InstrumentSettings]
    """By instrument id; an instrument that is not named here is not traded."""
    on_venue: bool = False
    """Orders go to a venue, which has to be asked and reconciled with; set by the mode."""
    account_line: bool = False
    """What happens to the account comes by a line of its own (``Purpose.USER``)."""
    permissions_told: bool = True
    """The venue tells what the key may do; its test installations do not. Set by the mode."""
    dead_man_ns: Nanos = Nanos(0)
    """The venue cancels for us when it has not heard from us for so long; 0 where it cannot."""
    requote_interval_ns: Nanos = Nanos(0)
    """The strategy is asked no more often than this; 0 is at the end of each turn."""
    mark_interval_ns: Nanos = Nanos(1_000_000_000)
    """Profit is written down so often, and after a fill at the end of the turn."""
    close_interval_ns: Nanos = Nanos(200_000_000)
    """PanicStop sends its next closing order no sooner than this, unless the last one filled."""
    panic_ask_interval_ns: Nanos = Nanos(500_000_000)
    """In a PanicStop a cancel that is not answered for so long is asked about; then ever longer."""
    reference_interval_ns: Nanos = Nanos(10_000_000_000)
    """Mark and index price are asked for so often, where nothing tells them."""
    instrument_interval_ns: Nanos = Nanos(300_000_000_000)
    """Filters and trading status are asked for so often, and after each refused order."""

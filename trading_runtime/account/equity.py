"""The account over all its instruments: equity, the day's loss, the drawdown, the risk rate.

Everything is in the account's money. Ratios are millionths, rounded up, so that a ratio is above a
whole threshold exactly when the true quotient is.
"""

import msgspec

from trading_runtime.account.day import day_end, day_number, day_text
from trading_runtime.account.ledger import Ledger
from trading_runtime.account.settings import AccountSettings
from trading_runtime.errors import Refused
from trading_runtime.records.envelope import Output
from trading_runtime.records.exact import Grid, NotDecimal, OffGrid
from trading_runtime.records.facts_trading import AccountMarked, DayRolled
from trading_runtime.records.instruments import Instrument, Scales
from trading_runtime.records.units import MICROS_PER_UNIT, Micro, Money, Nanos

RATIO_MAX = Micro(10**15)
"""What a ratio to nothing is taken for: above every threshold, and still a 64-bit number."""


def ratio(part: int, whole: int) -> Micro:
    """Give ``part`` over ``whole`` in millionths, rounded up, within 0 and :data:`RATIO_MAX`."""
    if part <= 0:
        return Micro(0)
    if whole <= 0:
        return RATIO_MAX
    return Micro(min(-(-part * MICROS_PER_UNIT // whole), RATIO_MAX))


class AccountCarried(msgspec.Struct, frozen=True, array_like=True):
    day_end: Nanos
    """0 before the first day."""
    day_start_equity: Money
    peak_equity: Money
    transferred: Money = Money(0)
    """What came to the balance of the settings, or went, without trading."""


class Account:
    """Adds up the ledgers; keeps the day's first equity and the highest one."""

    __slots__ = (
        "_balance",
        "_day_end",
        "_ledgers",
        "_settings",
        "_transferred",
        "day_start_equity",
        "equity",
        "moved",
        "notional",
        "peak_equity",
    )

    def __init__(self, settings: AccountSettings) -> None:
        self._settings = settings
        step = "0." + "1".rjust(settings.money_scale, "0")
        try:
            self._balance = Money(Grid(step).count(settings.balance))
        except (NotDecimal, OffGrid) as error:
            raise Refused(f"balance: {error}") from error
        self._ledgers: list[tuple[Ledger, int]] = []
        self._day_end = Nanos(0)
        self._transferred = Money(0)
        self.equity = self._balance
        self.moved = True
        """Something has changed since the account's limits were last held."""
        self.notional = Money(0)
        """Of all positions at their last marks."""
        self.day_start_equity = self._balance
        self.peak_equity = self._balance

    def open_ledger(self, scales: Scales) -> Ledger:
        """Add an instrument; raise :exc:`Refused` if its money cannot be added to the account's."""
        factor = self._factor(scales.instrument)
        ledger = Ledger(scales)
        self._ledgers.append((ledger, factor))
        return ledger

    def revise(self, ledger: Ledger, scales: Scales) -> None:
        """Let ``ledger`` count on another grid; raise :exc:`Halt` where that is not exact."""
        ledger.revise(scales)
        factor = self._factor(scales.instrument)
        self._ledgers = [(each, factor if each is ledger else old) for each, old in self._ledgers]
        self.add_up()

    def money_per_tick_lot(self, scales: Scales) -> Money:
        """Give what one tick times one lot of an instrument is in the account's money."""
        return Money(scales.money_per_tick_lot * self._factor(scales.instrument))

    def notional_elsewhere(self, ledger: Ledger) -> Money:
        """Give the notional of all positions but that of ``ledger``, at their last marks."""
        if len(self._ledgers) == 1:
            return Money(0)
        others = [(each, factor) for each, factor in self._ledgers if each is not ledger]
        return Money(sum(each.notional() * factor for each, factor in others))

    def equity_of(self, scales: Scales) -> Money:
        """Give the account's equity in an instrument's money, rounded down."""
        return Money(self.equity // self._factor(scales.instrument))

    def value(self) -> None:
        """Add up the ledgers again after a mark, a fill or funding."""
        self.add_up()
        self.peak_equity = max(self.peak_equity, self.equity)

    def add_up(self) -> None:
        """Add up the ledgers while not all of them are there yet: no peak is taken from it."""
        equity: int = self._balance
        notional = 0
        for ledger, factor in self._ledgers:
            equity += ledger.total * factor
            if ledger.position:
                notional += ledger.notional() * factor
        self.moved = True
        self.equity = Money(equity)
        self.notional = Money(notional)

    def roll(self, at: Nanos, out: list[Output]) -> None:
        """Begin a new business day if ``at`` is past the old one; its loss counts from here."""
        if at < self._day_end:
            return
        offset = self._settings.day_offset_minutes
        day = day_number(at, offset)
        self._day_end = day_end(day, offset)
        self.moved = True
        self.day_start_equity = self.equity
        for ledger, _ in self._ledgers:
            ledger.roll_day()
        out.append(DayRolled(day=day_text(day), equity=self.equity))

    def restart_peak(self) -> None:
        """Let the drawdown count from here: an authorised person has accepted what was lost."""
        self.peak_equity = self.equity
        self.moved = True

    @property
    def money_scale(self) -> int:
        return self._settings.money_scale

    @property
    def quote_asset(self) -> str:
        return self._settings.quote_asset

    def cash(self, *, margin: bool) -> Money:
        """Give what the venue should hold of the quote asset: on spot less what positions cost."""
        cash = self._balance
        for ledger, factor in self._ledgers:
            own = ledger.realized - ledger.fees + ledger.funding
            cash = Money(cash + (own if margin else own - ledger.cost) * factor)
        return cash

    def transfer(self, amount: Money) -> None:
        """Count money that came or went without trading: neither profit nor loss."""
        self._transferred = Money(self._transferred + amount)
        self._balance = Money(self._balance + amount)
        self.day_start_equity = Money(self.day_start_equity + amount)
        self.peak_equity = Money(self.peak_equity + amount)
        self.add_up()

    @property
    def daily_loss(self) -> Micro:
        return ratio(self.day_start_equity - self.equity, self.day_start_equity)

    @property
    def drawdown(self) -> Micro:
        return ratio(self.peak_equity - self.equity, self.peak_equity)

    @property
    def risk_rate(self) -> Micro:
        """Maintenance margin of all positions over the equity (RSK-5)."""
        margin = -(-self.notional * self._settings.maintenance_margin // MICROS_PER_UNIT)
        return ratio(margin, self.equity)

    def marked(self) -> AccountMarked:
        return AccountMarked(
            equity=self.equity,
            day_start_equity=self.day_start_equity,
            peak_equity=self.peak_equity,
            daily_loss=self.daily_loss,
            drawdown=self.drawdown,
            risk_rate=self.risk_rate,
        )

    def carry(self) -> AccountCarried:
        return AccountCarried(
            self._day_end,
            self.day_start_equity,
            self.peak_equity,
            self._transferred,
        )

    def restore(self, carried: AccountCarried) -> None:
        """Take over a carried account, after its ledgers were restored."""
        self.day_start_equity = carried.day_start_equity
        self.peak_equity = carried.peak_equity
        self._day_end = carried.day_end
        self._balance = Money(self._balance + carried.transferred)
        self._transferred = carried.transferred
        self.add_up()

    def _factor(self, instrument: Instrument) -> int:
        if instrument.quote_asset != self._settings.quote_asset:
            raise Refused(
                f"{instrument.instrument_id} is quoted in {instrument.quote_asset},"
                f" the account in {self._settings.quote_asset}"
            )
        if instrument.money_scale > self._settings.money_scale:
            raise Refused(
                f"{instrument.instrument_id} needs {instrument.money_scale} decimals of money,"
                f" the account has {self._settings.money_scale}"
            )
        return int(10 ** (self._settings.money_scale - instrument.money_scale))

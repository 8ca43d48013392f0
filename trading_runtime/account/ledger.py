"""Position and profit of one instrument, by average cost, in whole units of money.

``cost`` is what the open position was bought for in all: positive for a long one, negative for a
short one, so the average price is ``cost / position`` and is never written down. Formulas, with
``n`` the notional of a size at a price (exact by the choice of the money scale)::

    opening      cost += sign * n
    reducing     removed = floor(cost * reduced / |position|); cost -= removed
                 realized += -sign * n - removed
    unrealized   floor(position * mark_micro * money_per_tick_lot / 10**6) - cost
    total        realized - fees + funding + unrealized

Where a reduction does not divide evenly, the rounding moves at most one unit of money between
realized and unrealized; their sum is exact, and a closed position leaves a cost of zero.
"""

from trading_runtime.errors import Halt
from trading_runtime.records.carried_trading import LedgerCarried
from trading_runtime.records.instruments import Scales
from trading_runtime.records.units import MICROS_PER_UNIT, Lots, Money, Side, Ticks


class Ledger:
    """Books fills and funding; says what they come to at a mark price."""

    __slots__ = (
        "_day_fees",
        "_day_funding",
        "_day_realized",
        "_scales",
        "cost",
        "fees",
        "funding",
        "mark_micro",
        "other_fees",
        "position",
        "realized",
        "unrealized",
    )

    def __init__(self, scales: Scales) -> None:
        self._scales = scales
        self.position = Lots(0)
        self.cost = Money(0)
        self.realized = Money(0)
        self.fees = Money(0)
        self.funding = Money(0)
        self.other_fees: dict[str, Money] = {}
        """Paid in assets that are neither quote nor base: no price of theirs is known here."""
        self.mark_micro = 0
        self.unrealized = Money(0)
        self._day_realized = Money(0)
        self._day_fees = Money(0)
        self._day_funding = Money(0)

    @property
    def total(self) -> Money:
        """Profit over all days, open position included, at the last mark."""
        return Money(self.realized - self.fees + self.funding + self.unrealized)

    @property
    def day_realized(self) -> Money:
        return Money(self.realized - self._day_realized)

    @property
    def day_fees(self) -> Money:
        return Money(self.fees - self._day_fees)

    @property
    def day_funding(self) -> Money:
        return Money(self.funding - self._day_funding)

    def book(self, side: Side, price: Ticks, size: Lots, fee: Money, fee_asset: str) -> None:
        """Book one execution of an order of ours on ``side``, and its fee."""
        if not self.mark_micro:
            self.mark(price * MICROS_PER_UNIT)
        sign = side.sign
        position = self.position
        reduced = min(size, abs(position)) if position * sign < 0 else 0
        opened = size - reduced
        notional = self._scales.notional
        if reduced:
            removed = self.cost * reduced // abs(position)
            self.cost = Money(self.cost - removed)
            self.realized = Money(self.realized - sign * notional(price, Lots(reduced)) - removed)
        if opened:
            self.cost = Money(self.cost + sign * notional(price, Lots(opened)))
        self.position = Lots(position + sign * size)
        self._charge(price, fee, fee_asset)
        self.mark(self.mark_micro)

    def fund(self, amount: Money) -> None:
        """Book funding in quote money, positive when received."""
        self.funding = Money(self.funding + amount)

    def rebase(self, position: Lots) -> None:
        """Take ``position`` for true, the difference as bought or sold at the mark: no profit.

        Without a mark yet, the whole position is valued at the first one.
        """
        difference = (position - self.position) * self.mark_micro * self._scales.money_per_tick_lot
        self.cost = Money(self.cost + difference // MICROS_PER_UNIT)
        self.position = position
        if not position:
            self.realized = Money(self.realized - self.cost)
            self.cost = Money(0)
        if self.mark_micro:
            self.mark(self.mark_micro)

    def mark(self, mark_micro: int) -> None:
        """Value the open position at ``mark_micro`` millionths of a tick."""
        if not self.mark_micro and self.position:
            value = self.position * mark_micro * self._scales.money_per_tick_lot
            self.cost = Money(value // MICROS_PER_UNIT)
        self.mark_micro = mark_micro
        value = self.position * mark_micro * self._scales.money_per_tick_lot // MICROS_PER_UNIT
        self.unrealized = Money(value - self.cost)

    def notional(self) -> Money:
        """The size of the position in money at the last mark, never negative."""
        micros = abs(self.position) * self.mark_micro * self._scales.money_per_tick_lot
        return Money(-(-micros // MICROS_PER_UNIT))

    def roll_day(self) -> None:
        """Let the day's profit count from here."""
        self._day_realized = self.realized
        self._day_fees = self.fees
        self._day_funding = self.funding

    def revise(self, scales: Scales) -> None:
        """Count on another grid from here on.

        Raises:
            Halt: the position is no whole number of new lots, or the money of new units.
        """
        old, self._scales = self._scales, scales
        self.position = Lots(
            _exactly(
                self.position * old.lot.step_units * 10**scales.lot.scale,
                scales.lot.step_units * 10**old.lot.scale,
            )
        )
        finer = scales.instrument.money_scale - old.instrument.money_scale
        up, down = (10**finer, 1) if finer >= 0 else (1, 10**-finer)
        self.cost = Money(_exactly(self.cost * up, down))
        self.realized = Money(_exactly(self.realized * up, down))
        self.fees = Money(_exactly(self.fees * up, down))
        self.funding = Money(_exactly(self.funding * up, down))
        self._day_realized = Money(_exactly(self._day_realized * up, down))
        self._day_fees = Money(_exactly(self._day_fees * up, down))
        self._day_funding = Money(_exactly(self._day_funding * up, down))
        self.other_fees = {
            asset: Money(_exactly(fee * up, down)) for asset, fee in self.other_fees.items()
        }
        mark = self.mark_micro * old.tick.step_units * 10**scales.tick.scale
        self.mark(mark // (scales.tick.step_units * 10**old.tick.scale))

    def carry(self) -> LedgerCarried:
        return LedgerCarried(
            revision=self._scales.instrument.revision,
            position=self.position,
            cost=self.cost,
            realized=self.realized,
            fees=self.fees,
            funding=self.funding,
            day_realized=self._day_realized,
            day_fees=self._day_fees,
            day_funding=self._day_funding,
            mark_micro=self.mark_micro,
            other_fees=tuple(self.other_fees.items()),
        )

    def restore(self, carried: LedgerCarried) -> None:
        self.position = carried.position
        self.cost = carried.cost
        self.realized = carried.realized
        self.fees = carried.fees
        self.funding = carried.funding
        self._day_realized = carried.day_realized
        self._day_fees = carried.day_fees
        self._day_funding = carried.day_funding
        self.other_fees = dict(carried.other_fees)
        self.mark_micro = carried.mark_micro
        self.mark(carried.mark_micro)

    def _charge(self, price: Ticks, fee: Money, asset: str) -> None:
        """Book a fee: quote money as it is, base money at the fill's price, rounded against us."""
        instrument = self._scales.instrument
        if asset == instrument.quote_asset:
            self.fees = Money(self.fees + fee)
        elif asset == instrument.base_asset:
            tick = self._scales.tick
            quote = -(-fee * price * tick.step_units // 10**tick.scale)
            self.fees = Money(self.fees + quote)
        elif fee:
            self.other_fees[asset] = Money(self.other_fees.get(asset, 0) + fee)


def _exactly(part: int, whole: int) -> int:
    count, rest = divmod(part, whole)
    if rest:
        raise Halt(f"{part}/{whole} is no whole number on the new grid")
    return count

"""What the venue holds for us, asset by asset, against what our fills say it should hold.

Amounts count 10 ** -8 of an asset, as venues account. An asset is expected from the first time that
the venue tells it; each fill, fee and funding of ours moves what is expected. What then differs by
more than rounding is a transfer, or somebody else's trade. On spot a fill moves base and quote; on
margin it moves the quote asset by what it realized, and the position is no balance.
"""

import msgspec

from trading_runtime.account.reports import AccountTold
from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_venue import BalanceChanged
from trading_runtime.records.instruments import Scales
from trading_runtime.records.units import Lots, Money, Side, Ticks

SCALE = 8
"""Decimals of a told amount."""
PRECISION = 10**7
"""A venue may round an average price so that its profit differs by this part of the turnover."""


class Drift(msgspec.Struct, frozen=True, array_like=True):
    asset: str
    expected: Money
    told: Money


class BalancesCarried(msgspec.Struct, frozen=True, array_like=True):
    told: tuple[tuple[str, Money, Money], ...] = ()
    """(asset, free, locked)"""
    expected: tuple[tuple[str, Money, Money], ...] = ()
    """(asset, amount, what rounding may differ by)"""
    margin: bool = False


class Balances:
    """Of one account; nothing is expected before the venue has told it once."""

    __slots__ = ("_expected", "_slack", "margin", "told")

    def __init__(self) -> None:
        self.told: dict[str, tuple[Money, Money]] = {}
        """Free and locked, as last told."""
        self._expected: dict[str, Money] = {}
        self._slack: dict[str, Money] = {}
        self.margin = False
        """The venue holds positions on margin, not base assets; known once it has told so."""

    def total(self, asset: str) -> Money:
        free, locked = self.told.get(asset, (0, 0))
        return Money(free + locked)

    def expects(self, asset: str) -> bool:
        return asset in self._expected

    def take(self, told: AccountTold, out: list[Output]) -> None:
        """Write down what the venue tells, and say what of it has changed."""
        if told.positions or told.margin_balance:
            self.margin = True
        amounts = {each.asset: (each.free, each.locked) for each in told.balances}
        if told.whole:
            for asset in self.told:
                amounts.setdefault(asset, (Money(0), Money(0)))
        for asset, (free, locked) in amounts.items():
            if self.told.get(asset, (0, 0)) == (free, locked):
                continue
            self.told[asset] = (free, locked)
            out.append(
                BalanceChanged(
                    venue=told.venue, asset=asset, free=free, locked=locked, reason=told.reason
                )
            )

    def on_fill(self, scales: Scales, side: Side, price: Ticks, size: Lots, result: Money) -> None:
        """Expect what a fill moves; ``result`` is what it realized before fees, in quote money."""
        instrument = scales.instrument
        notional = to_told(scales.notional(price, size), instrument.money_scale)
        if self.margin:
            self.move(instrument.quote_asset, to_told(result, instrument.money_scale))
            self._allow(instrument.quote_asset, 2 + notional // PRECISION)
            return
        bought = to_told(size * scales.lot.step_units, scales.lot.scale)
        self.move(instrument.base_asset, Money(side.sign * bought))
        self.move(instrument.quote_asset, Money(-side.sign * notional))
        self._allow(instrument.quote_asset, 1)

    def on_fee(self, scales: Scales, fee: Money, asset: str) -> None:
        """Expect what a fill's fee takes."""
        self.move(asset, Money(-to_told(fee, scales.instrument.money_scale)))
        self._allow(asset, 1)

    def move(self, asset: str, amount: Money) -> None:
        """Expect ``amount`` more of an asset that has been told."""
        if asset in self._expected:
            self._expected[asset] = Money(self._expected[asset] + amount)

    def drifts(self) -> list[Drift]:
        """Give what was told otherwise than expected, by more than rounding."""
        return [
            Drift(asset, expected, self.total(asset))
            for asset, expected in self._expected.items()
            if abs(self.total(asset) - expected) > self._slack[asset]
        ]

    def rebase(self, asset: str) -> None:
        """Expect what was told."""
        self._expected[asset] = self.total(asset)
        self._slack[asset] = Money(0)

    def carry(self) -> BalancesCarried:
        return BalancesCarried(
            told=tuple((asset, free, locked) for asset, (free, locked) in self.told.items()),
            expected=tuple(
                (asset, amount, self._slack[asset]) for asset, amount in self._expected.items()
            ),
            margin=self.margin,
        )

    def restore(self, carried: BalancesCarried) -> None:
        self.told = {asset: (free, locked) for asset, free, locked in carried.told}
        self._expected = {asset: amount for asset, amount, _ in carried.expected}
        self._slack = {asset: slack for asset, _, slack in carried.expected}
        self.margin = carried.margin

    def _allow(self, asset: str, units: int) -> None:
        if asset in self._slack:
            self._slack[asset] = Money(self._slack[asset] + units)


def to_told(amount: int, scale: int) -> Money:
    """Count 10 ** -scale of an asset in 10 ** -8 of it, rounded down."""
    if scale >= SCALE:
        return Money(amount // 10 ** (scale - SCALE))
    return Money(amount * 10 ** (SCALE - scale))


def from_told(amount: int, scale: int) -> Money:
    """Count 10 ** -8 of an asset in 10 ** -scale of it, rounded down."""
    if scale >= SCALE:
        return Money(amount * 10 ** (scale - SCALE))
    return Money(amount // 10 ** (SCALE - scale))

"""One account's one-way position in one symbol, and the open orders that weigh on its margin.

The cost of what is held is kept as one signed sum (``basis``) and not as a rounded entry price, so
that realised PnL = -(all signed notionals traded) + basis, to the last unit.
"""

from trading_runtime.simulator.exchange.listing import Listing
from trading_runtime.simulator.exchange.words import PPM, UNIT, PositionView, Side

DEFAULT_LEVERAGE = 20


class Position:
    __slots__ = (
        "asks",
        "basis",
        "bids",
        "fees",
        "leverage",
        "listing",
        "quantity",
        "realised",
        "updated_ns",
    )

    def __init__(self, listing: Listing) -> None:
        self.listing = listing
        self.leverage = min(DEFAULT_LEVERAGE, listing.rules.max_leverage)
        self.quantity = 0
        """Signed."""
        self.basis = 0
        """Signed quote amount that opening what is held cost: negative for a short."""
        self.fees = 0
        """Paid since the position was last flat."""
        self.bids = 0
        self.asks = 0
        """Notionals of the open orders that may add to the position."""
        self.realised = 0
        self.updated_ns = 0

    def trade(self, side: Side, quantity: int, quote: int) -> int:
        """Count one fill in and give the PnL that it realised."""
        sign = 1 if side is Side.BUY else -1
        closing = min(quantity, abs(self.quantity)) if self.quantity * sign < 0 else 0
        realised = 0
        if closing:
            released = self.basis * closing // abs(self.quantity)
            closing_quote = quote * closing // quantity
            realised = -(released + sign * closing_quote)
            self.quantity += sign * closing
            self.basis -= released
            self.realised += realised
            quantity -= closing
            quote -= closing_quote
            if not self.quantity:
                self.fees = 0
        self.quantity += sign * quantity
        self.basis += sign * quote
        return realised

    @property
    def held(self) -> int:
        """Signed notional at the reference price; at cost while there is none."""
        reference = self.listing.reference
        return self.quantity * reference // UNIT if reference else self.basis

    @property
    def unrealised(self) -> int:
        return self.held - self.basis

    @property
    def maintenance(self) -> int:
        return abs(self.held) * self.listing.rules.maintenance_ppm // PPM

    def initial_margin(self, bids: int = 0, asks: int = 0) -> int:
        """What position and open orders need, the latter with ``bids`` and ``asks`` added.

        The larger of what is held if all buys fill and if all sells fill, over the leverage.
        """
        held = self.held
        largest = max(abs(held + self.bids + bids), abs(held - self.asks - asks), abs(held))
        return -(-largest // self.leverage)

    def view(self, others: int) -> PositionView:
        """Show it; ``others`` is the equity less maintenance that the rest of the account has."""
        size = abs(self.quantity)
        position_margin = -(-abs(self.held) // self.leverage)
        signed_fees = self.fees if self.quantity > 0 else -self.fees
        return PositionView(
            symbol=self.listing.rules.symbol,
            quantity=self.quantity,
            entry_price=abs(self.basis) * UNIT // size if size else 0,
            break_even_price=abs(self.basis + signed_fees) * UNIT // size if size else 0,
            mark_price=self.listing.reference,
            liquidation_price=self._liquidation_price(others) if size else 0,
            unrealised=self.unrealised,
            realised=self.realised,
            notional=self.held,
            leverage=self.leverage,
            position_margin=position_margin,
            order_margin=self.initial_margin() - position_margin,
            maintenance_margin=self.maintenance,
            updated_ns=self.updated_ns,
        )

    def _liquidation_price(self, others: int) -> int:
        """The P at which others + quantity * P - basis = maintenance; 0 when there is none."""
        slope = self.quantity * PPM - abs(self.quantity) * self.listing.rules.maintenance_ppm
        return max(0, (self.basis - others) * UNIT * PPM // slope) if slope else 0

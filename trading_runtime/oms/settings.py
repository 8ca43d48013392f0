"""How our orders are named, paced and compared: the OMS's part of the settings."""

import msgspec

from trading_runtime.records.units import Lots, Nanos, Ticks

PREFIX_LENGTH_MAX = 5


class RateSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token bucket: so many a second in the long run, ``burst`` at once."""

    per_second: int
    burst: int

    def __post_init__(self) -> None:
        if self.per_second <= 0 or self.burst <= 0:
            raise ValueError("a rate and its burst are positive")


class OmsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits have no default: who trades says what is too much."""

    owner_prefix: str
    """Starts every client id of ours; other prefixes are foreign and never touched."""
    open_orders_max: int
    """Over all instruments."""
    orders: RateSettings
    """New orders and amendments, over all instruments."""
    cancels: RateSettings
    instrument_orders: RateSettings
    """The same for each instrument by itself."""
    instrument_cancels: RateSettings
    cancels_reserved: int
    """Tokens that requoting leaves for withdrawals and PanicStop."""
    price_tolerance: Ticks = Ticks(0)
    """An order this near to its quote stays where it is."""
    size_tolerance: Lots = Lots(0)
    answer_timeout_ns: Nanos = Nanos(5_000_000_000)
    """After this long without an answer an order is unknown."""
    query_interval_ns: Nanos = Nanos(2_000_000_000)
    absent_grace_ns: Nanos = Nanos(10_000_000_000)
    """A venue may still take an order this long after it was sent: until then "no such order"
    proves nothing."""

    request_timeout_ns: Nanos = Nanos(5_000_000_000)
    """A question to the venue that is not answered within this is asked again."""
    reconcile_interval_ns: Nanos = Nanos(30_000_000_000)
    """Our record is compared with the venue's so often, while quoting goes on."""
    clock_interval_ns: Nanos = Nanos(60_000_000_000)
    """The venue's clock is asked for so often."""
    fill_grace_ns: Nanos = Nanos(500_000_000)
    """A fill that the venue counts and does not tell within this is asked for."""

    def __post_init__(self) -> None:
        prefix = self.owner_prefix
        if not (prefix.isascii() and prefix.isalnum() and len(prefix) <= PREFIX_LENGTH_MAX):
            raise ValueError(f"owner_prefix {prefix!r} is not 1 to 5 letters and digits")
        if not 0 <= self.cancels_reserved < min(self.cancels.burst, self.instrument_cancels.burst):
            raise ValueError("cancels_reserved leaves no token for ordinary cancels")
        if min(self.price_tolerance, self.size_tolerance) < 0:
            raise ValueError("a tolerance is not negative")

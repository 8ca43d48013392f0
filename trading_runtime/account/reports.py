"""What a venue tells about the account, its terms and its instruments, decoded.

Amounts of an asset count ``10 ** -8`` of it, as venues account; ratios are millionths.
"""

from enum import Enum

import msgspec

from trading_runtime.records.instruments import Instrument
from trading_runtime.records.units import Lots, Micro, Money, Nanos, Ticks


class Balance(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """``free`` and ``locked`` of one asset; on futures the wallet is all free."""

    asset: str
    free: Money
    locked: Money


class Position(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A signed size; spot markets have none, there the base asset's balance is the position."""

    instrument_id: str
    position: Lots


class AccountTold(msgspec.Struct, frozen=True, array_like=True):
    """Balances and positions. Where ``whole``, what is not named is zero; else it is unchanged.

    ``maintenance_margin`` and ``margin_balance`` are the venue's own, and 0 where it names none.
    ``reason`` is why a stream tells it (``ORDER``, ``FUNDING_FEE``, ``DEPOSIT``, …), empty in an
    answer; ``request`` names what it answers, empty from a stream.
    """

    request: str
    venue: str
    whole: bool
    balances: tuple[Balance, ...]
    positions: tuple[Position, ...]
    maintenance_margin: Money
    margin_balance: Money
    reason: str
    venue_time: Nanos


class PermissionsTold(msgspec.Struct, frozen=True, array_like=True):
    venue: str
    may_trade: bool
    may_withdraw: bool


class TermsTold(msgspec.Struct, frozen=True, array_like=True):
    """``one_way``: one position per instrument; ``leverage`` as a plain number, 1 on spot."""

    instrument_id: str
    one_way: bool
    leverage: int


class FeesTold(msgspec.Struct, frozen=True, array_like=True):
    """Shares of the notional; negative is a rebate."""

    instrument_id: str
    maker: Micro
    taker: Micro


class Trading(Enum):
    """What an instrument's status lets us do."""

    OPEN = "open"
    CANCEL_ONLY = "cancel_only"
    HALTED = "halted"


class InstrumentTold(msgspec.Struct, frozen=True, array_like=True):
    """Filters as the venue has them now, on the known data grid; its revision is the known one."""

    instrument: Instrument
    trading: Trading


class ReferenceTold(msgspec.Struct, frozen=True, array_like=True):
    """Mark and index price in ticks (0 where there is none) and the next funding's rate."""

    instrument_id: str
    mark: Ticks
    index: Ticks
    funding_rate: Micro
    venue_time: Nanos


class LimitTold(msgspec.Struct, frozen=True, array_like=True):
    """One of the venue's rate limits: ``used`` of ``limit`` (0 where unknown) in ``window_ns``.

    ``kind`` is ``requests`` (weight) or ``orders``.
    """

    kind: str
    window_ns: Nanos
    used: int
    limit: int


class LimitsTold(msgspec.Struct, frozen=True, array_like=True):
    venue: str
    limits: tuple[LimitTold, ...]


class Barred(Enum):
    """How a venue turned a request away without reading it."""

    TOO_MANY = "too_many"
    """Of requests or of orders: 429 and its like."""
    BANNED = "banned"
    """418: nothing is answered until the ban is over."""
    FIREWALL = "firewall"
    """403: stop for minutes."""


class BarredTold(msgspec.Struct, frozen=True, array_like=True):
    """``request`` was not executed; ``retry_after_ns`` is 0 where the venue names no wait."""

    request: str
    venue: str
    barred: Barred
    retry_after_ns: Nanos


class StreamEnded(msgspec.Struct, frozen=True, array_like=True):
    """The account's stream tells no more (expired key, terminated subscription)."""

    venue: str
    reason: str


AccountReport = (
    AccountTold
    | PermissionsTold
    | TermsTold
    | FeesTold
    | InstrumentTold
    | ReferenceTold
    | LimitsTold
    | BarredTold
    | StreamEnded
)

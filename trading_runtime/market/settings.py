"""What the market half may be told: bounds, patience, and the memory of its signals."""

import msgspec

from trading_runtime.records.units import NANOS_PER_MILLI, NANOS_PER_SECOND, Nanos


class MarketSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Spans are nanoseconds of engine time."""

    frame_bytes_max: int = 4 * 1024 * 1024
    """A longer frame is quarantined unread; the largest real snapshot is below 1 MiB."""
    held_max: int = 2_000
    """Deltas held back for a snapshot: over three minutes of the fastest stream on record."""
    snapshot_timeout_ns: Nanos = Nanos(10 * NANOS_PER_SECOND)
    """An answer that has not come by then is asked for again."""
    snapshot_retry_first_ns: Nanos = Nanos(250 * NANOS_PER_MILLI)
    """After a refused snapshot; each further refusal doubles the wait up to the maximum."""
    snapshot_retry_max_ns: Nanos = Nanos(30 * NANOS_PER_SECOND)
    silence_busy_ns: Nanos = Nanos(10 * NANOS_PER_SECOND)
    """For channels that never rest on a live market: depth and ticker."""
    silence_quiet_ns: Nanos = Nanos(120 * NANOS_PER_SECOND)
    """For channels that may rest, such as trades."""
    silence_check_min_ns: Nanos = Nanos(100 * NANOS_PER_MILLI)
    """Staleness is not looked at more often than this."""
    ticker_mismatches_max: int = 3
    """So many mismatches in a row, with no match between them, and the book is not believed."""
    clock_round_trip_max_ns: Nanos = Nanos(NANOS_PER_SECOND)
    """A time answer that took longer says too little about the venue's clock."""
    imbalance_levels: int = 5
    volatility_memory_ns: Nanos = Nanos(60 * NANOS_PER_SECOND)
    trend_memory_ns: Nanos = Nanos(30 * NANOS_PER_SECOND)
    warm_after_ns: Nanos = Nanos(5 * NANOS_PER_SECOND)
    """Signals mean nothing before the mid has been watched for so long."""

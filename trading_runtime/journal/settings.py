"""What can be set about the journal."""

from typing import Annotated

import msgspec

from trading_runtime.records.units import NANOS_PER_MILLI, Nanos

MEBIBYTE = 1024 * 1024


class JournalSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    segment_bytes_max: Annotated[int, msgspec.Meta(ge=4096)] = 64 * MEBIBYTE
    """A segment that has reached this is due to be sealed; one turn may take it over."""
    sync_interval_ns: Annotated[Nanos, msgspec.Meta(ge=NANOS_PER_MILLI)] = Nanos(
        20 * NANOS_PER_MILLI
    )
    """Between two group syncs: the most that a power cut can take."""
    emergency_bytes: Annotated[int, msgspec.Meta(ge=4096)] = 4 * MEBIBYTE
    """Room for the cancels and the PanicStop of a full disk, taken when the session opens."""

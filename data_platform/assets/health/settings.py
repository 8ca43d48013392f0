"""Thresholds of the hourly look: ``[platform.health]``."""

from typing import Annotated

import msgspec

Share = Annotated[float, msgspec.Meta(ge=0)]
Count = Annotated[int, msgspec.Meta(ge=0)]


class HealthSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value above its threshold is an anomaly, and told as a warning at once (P1)."""

    silence_s_max: Share = 120
    """The longest span of the hour in which nothing was recorded."""
    gaps_max: Count = 0
    """Of the trade stream and of log lines; a book that was synchronised anew is no gap."""
    lag_ms_max: Share = 500
    """The 99th percentile of receive time minus the venue's."""
    reconnects_max: Count = 5
    errors_max: Count = 0
    """Lines of level ERROR and CRITICAL."""
    cpu_percent_max: Share = 80
    memory_mib_max: Share = 1024
    witness_lag_s_max: Share = 60
    """Age of the newest checkpoint that witnesses have cosigned."""
    disk_used_percent_max: Annotated[float, msgspec.Meta(ge=0, le=100)] = 90

"""Thresholds of the daily inspection (MON-4): ``[platform.reports]``."""

from typing import Annotated

import msgspec

Percent = Annotated[float, msgspec.Meta(ge=0)]
Days = Annotated[int, msgspec.Meta(ge=1)]


class ReportSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value above its threshold needs attention."""

    module_cpu_percent_max: Percent = 50
    """CPU of one process, of one core, on average over the day."""
    ws_lag_ms_max: Percent = 200
    api_error_percent_max: Percent = 1
    cancel_percent_max: Percent = 20
    inventory_over_limit_max: Annotated[int, msgspec.Meta(ge=0)] = 0
    pnl_loss_percent_max: Percent = 2
    """A day's loss, of the equity that it began with."""
    pnl_deviations_max: Percent = 4
    """A day's profit away from the median of the days before, in robust standard deviations."""
    pnl_days: Days = 30
    """The days before that a day's profit is held against."""
    pnl_days_min: Days = 7
    """With fewer of them nothing is said about deviations."""

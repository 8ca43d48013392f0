"""Outcomes of notices that were told long ago are removed; what a report told stays."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from data_platform.notices import delivery
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos


def purge(data: Path, kept_days: int, now: Nanos) -> int:
    """Remove the outcomes of alarms of days before; give how many.

    Those of reports say that a report was told, however late it is made again.
    """
    first = datetime.fromtimestamp(now // NANOS_PER_SECOND, tz=UTC) - timedelta(days=kept_days)
    old = [
        path
        for path in delivery.folder(data).glob("[0-9]*/*.json")
        if path.parent.name < first.strftime("%Y-%m-%d")
        and not path.name.startswith(delivery.REPORTS)
    ]
    for path in old:
        path.unlink()
    return len(old)

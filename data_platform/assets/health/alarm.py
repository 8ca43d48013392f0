"""What is told at once of an hour that was not well (P1; with an event of level CRITICAL, P0)."""

from data_platform.assets.health.hour import Health
from data_platform.notices.notice import Notice, Severity
from trading_runtime.records.units import Nanos


def alarm(health: Health, now: Nanos) -> Notice | None:
    """Give the notice, ``None`` where all is well; the same anomalies again have the same key."""
    found = health.anomalies
    if not found:
        return None
    names = ", ".join(it.name for it in found)
    critical = f"Critical events: {', '.join(health.critical)}\n" if health.critical else ""
    return Notice(
        key=f"health {names} {' '.join(it.split()[0] for it in health.critical)}".strip(),
        severity=Severity.CRITICAL if health.critical else Severity.WARNING,
        title=f"{health.hour}: {names}",
        text=f"The hour {health.hour} (UTC) was not well.\n{critical}\n{health.text()}"
        "\nWhat each line means and what to do: docs/platform.md, Alarms.\n",
        at=now,
    )

"""What a store may do by itself: lifecycle rules as code.

It may move bytes to a colder class, end uploads that nobody goes on with, and clear away what the
probe of a bucket left. It never deletes what was archived: only ``expiry`` knows whether another
partition still names an object, and an object's age says nothing of that.
"""

from collections.abc import Mapping

from trading_runtime.store.archive.manifest import DATA
from trading_runtime.store.objects.objects import Rule

ABORT_DAYS = 7
"""A run that archives goes on with an upload the next day, or the day after a failure is mended."""
PROBES = "probe/"
INFREQUENT = "_IA"
INFREQUENT_DAYS_MIN = 30
"""Amazon refuses all rules of a bucket where one moves to such a class sooner ("Transitioning
objects using Amazon S3 Lifecycle": minimum days)."""


def rules_of(hot_days: Mapping[str, int], cold_class: str) -> list[Rule]:
    """Give the rules: ``hot_days`` by data set, without those that stay hot."""
    least = INFREQUENT_DAYS_MIN if cold_class.endswith(INFREQUENT) else 0
    rules = [
        Rule(name="uploads", prefix=DATA, abort_days=ABORT_DAYS),
        Rule(name="probes", prefix=PROBES, expire_days=1),
    ]
    if cold_class:
        rules += [
            Rule(
                name=f"cold-{it}",
                prefix=DATA,
                label=it,
                cold_days=max(days, least),
                cold_class=cold_class,
            )
            for it, days in sorted(hot_days.items())
            if days
        ]
    return rules

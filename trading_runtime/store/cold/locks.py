"""How long the archive stays locked: looked at each day, and lengthened where it is too short.

An object of the cold copy is locked for the retention from the day that it was written. Digests and
heads prove what comes after them as well, so theirs are lengthened for as long as the log goes on.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from trading_runtime.records.units import NANOS_PER_SECOND, Nanos
from trading_runtime.store.objects.objects import Head, Objects

DAY_NS = 86_400 * NANOS_PER_SECOND
SLACK_NS = 30 * DAY_NS
"""A running lock is lengthened when it has become this much too short: once a month, not daily."""
THREADS = 8
"""Requests at a time: they wait for the store, and a store throttles many."""
BLOCKS = "blocks/"
RUNNING = ("digests/", "heads/")


class Seen(NamedTuple):
    """What the daily look found."""

    objects: int
    extended: int
    unlocked: tuple[str, ...]
    """Keys without a lock; all of them where the store has none."""
    meddled: tuple[str, ...]
    """Keys that were overwritten or deleted; their first versions are still there."""


def wanted(head: Head, now: Nanos, retention: Nanos) -> Nanos:
    """Give until when the object has to be locked at least."""
    if head.key.startswith(RUNNING):
        return Nanos(now + max(0, retention - SLACK_NS))
    return Nanos(head.written + retention)


def target(head: Head, now: Nanos, retention: Nanos) -> Nanos | None:
    """Give until when its lock is to be lengthened; null where it is long enough."""
    if head.locked_until is not None and head.locked_until >= wanted(head, now, retention):
        return None
    until = now if head.key.startswith(RUNNING) else head.written
    # What should be free already is left alone: a lock cannot end in the past.
    return Nanos(until + retention) if until + retention > now else None


def keys(objects: Objects) -> Iterator[str]:
    for prefix in (*RUNNING, BLOCKS):
        for it in objects.list(prefix):
            yield it.key


def extend(objects: Objects, now: Nanos, retention: Nanos) -> Seen:
    """Look at every object and lengthen the locks that are too short; raises as the archive does.

    Where the store has no locks it only looks.
    """
    is_lockable = objects.capabilities.retention_lock

    def look(key: str) -> tuple[Head, bool]:
        head = objects.head(key)
        until = target(head, now, retention) if is_lockable else None
        if until is None:
            return head, False
        objects.extend_lock(key, until)
        return objects.head(key), True

    with ThreadPoolExecutor(THREADS) as pool:
        looked = list(pool.map(look, keys(objects)))
    return Seen(
        objects=len(looked),
        extended=sum(changed for _, changed in looked),
        unlocked=tuple(head.key for head, _ in looked if is_short(head, now, retention)),
        meddled=tuple(head.key for head, _ in looked if head.later),
    )


def is_short(head: Head, now: Nanos, retention: Nanos) -> bool:
    """Whether an object that has to be locked now is not."""
    is_locked = head.locked_until is not None and head.locked_until > now
    return not is_locked and wanted(head, now, retention) > now

"""Find out what a bucket really protects, with a throw-away object and nothing else.

Stores that call themselves S3 differ where it hurts: some take a conditional PUT and overwrite,
some take ``PutObjectRetention`` for a PUT and put the request in the object's place, some let a
lock be shortened. So each step is tried on ``probe/<random>``, and only when the one before it
held. A bucket that overwrites is refused; one whose locks do not hold is used, and says so.
"""

import secrets
from collections.abc import Callable
from contextlib import suppress

from trading_runtime.errors import Refused
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos
from trading_runtime.store.objects.bucket import COMPLIANCE, Bucket, Lock
from trading_runtime.store.objects.objects import AlreadyThere, Capabilities, NotThere

PROBES = "probe/"
LOCK_NS = 120 * NANOS_PER_SECOND
"""Of the throw-away object; long enough for a busy store, and it is free again soon."""
CONTENT = b"tapedeck: first\n"
OTHER = b"tapedeck: second\n"
SECOND_TAKEN = (
    "a second write of a key is not refused (If-None-Match is dropped where versions are kept):"
    " the first version stays, is what is read, and later ones are told of"
)


def survey(bucket: Bucket, now: Nanos) -> Capabilities:
    """Try create-once and, where the bucket says that it has them, locks.

    A lock ends by the store's clock; ``now`` is ours, for a store that does not tell its own.
    Raises :exc:`Refused` where it would overwrite; :exc:`Denied` and :exc:`Unreachable` as ever.
    """
    key = PROBES + secrets.token_hex(16)
    fault = lock_absent(bucket)
    until = None if fault else Nanos((bucket.clock() or now) + LOCK_NS)
    first = bucket.put(key, CONTENT, until)
    absent = overwriting_absent(bucket, key)
    if until is None:
        discard(bucket, key, first)
    else:
        fault = lock_fault(bucket, key, until)
    return found(bucket, fault, *absent)


def found(bucket: Bucket, fault: str, *absent: str) -> Capabilities:
    no_lock = (f"no retention lock: {fault}",) if fault else ()
    return Capabilities(str(bucket.place), retention_lock=not fault, absent=(*no_lock, *absent))


def lock_absent(bucket: Bucket) -> str:
    """Say why the bucket's configuration gives no lock; empty where it does. Only reads."""
    try:
        is_lockable = bucket.is_lockable()
    except Refused as said:
        return str(said)
    return "" if is_lockable else "the bucket was made without Object Lock"


def overwriting_absent(bucket: Bucket, key: str) -> tuple[str, ...]:
    """Write the key again; refuse the bucket unless what was written first is still there."""
    try:
        second = bucket.put(key, OTHER, None)
    except AlreadyThere:
        second = ""
    first = bucket.first(key)
    if first.id == second or bucket.get(key, first.id) != CONTENT:
        raise Refused(
            f"{bucket.place} overwrites an object although it was asked to write only a new one"
            " (If-None-Match: *): evidence would be lost; use another store"
        )
    if not second:
        return ()
    discard(bucket, key, second)
    return (SECOND_TAKEN,)


def discard(bucket: Bucket, key: str, version: str) -> None:
    """Clear a throw-away version away; one who may not delete leaves it."""
    with suppress(Refused):
        bucket.delete(key, version)


def is_refused(act: Callable[[], None]) -> bool:
    try:
        act()
    except Refused:
        return True
    return False


def lock_fault(bucket: Bucket, key: str, until: Nanos) -> str:
    """Say how the lock of the throw-away object fails; empty where it holds."""
    version = bucket.first(key).id
    lock = Lock(COMPLIANCE, until)
    if not is_as_put(bucket, key, version, lock):
        return "the store takes a lock and does not keep it"
    if not is_refused(lambda: bucket.delete(key, version)):
        return "a locked version can be deleted"
    if not is_refused(lambda: bucket.set_lock(key, version, Nanos(until - LOCK_NS // 2))):
        return "a lock can be shortened, or asking for that replaces the object"
    if not is_as_put(bucket, key, version, lock):
        return "a refused change of a lock changed the object"
    return ""


def is_as_put(bucket: Bucket, key: str, version: str, lock: Lock) -> bool:
    try:
        told = bucket.lock(key, version)
        content = bucket.get(key, version)
    except NotThere:
        return False
    return (
        content == CONTENT
        and told is not None
        and told.mode == lock.mode
        and 0 <= told.until - lock.until < NANOS_PER_SECOND
    )

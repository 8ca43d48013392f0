"""An archive in an S3 bucket: conditional puts, versions, and Object Lock in COMPLIANCE mode.

Rules:
 * Each object is one PUT with ``If-None-Match: *`` and its lock in the same request, so that there
   is no moment without the lock. Stores ignore the condition when a multipart upload completes, so
   only a large file whose key follows from its bytes is one (:mod:`multipart`).
 * A lock protects versions and not names, so the first version is what is read: who overwrites or
   deletes a name leaves it where it was, and is counted in ``later``.
 * Locks are asked for, and lengthened, only where :mod:`probe` saw that they hold.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from hashlib import sha256

from trading_runtime.errors import Misread, Refused
from trading_runtime.records.units import Nanos
from trading_runtime.store.objects import lifecycle, probe
from trading_runtime.store.objects.bucket import COMPLIANCE, Bucket
from trading_runtime.store.objects.keys import checked
from trading_runtime.store.objects.multipart import PART_BYTES, send
from trading_runtime.store.objects.objects import (
    AlreadyThere,
    Capabilities,
    Head,
    Listed,
    NotThere,
    Rule,
    Source,
)
from trading_runtime.store.objects.place import Access, Place

NOT_TRIED = "the store's word for its locks was taken: whoever may only read cannot try them"


class S3:
    """The archive below one prefix of a bucket."""

    def __init__(self, bucket: Bucket, capabilities: Capabilities) -> None:
        self._bucket = bucket
        self.capabilities = capabilities

    def put_new(self, key: str, content: bytes, retain_until: Nanos | None) -> None:
        self._put(key, content, retain_until, "")

    def _put(self, key: str, content: bytes, retain_until: Nanos | None, label: str) -> None:
        try:
            # The condition sees the name alone: below a delete marker the object is still there.
            self._bucket.first(checked(key))
        except NotThere:
            is_locked = self.capabilities.retention_lock
            until = retain_until if is_locked else None
            version = self._bucket.put(key, content, until, label)
            # There are stores that drop the condition where a bucket keeps versions.
            is_first = self._bucket.first(key).id == version
        else:
            is_first = False
        if not is_first:
            raise AlreadyThere(f"{key} of {self.capabilities.store} is there already")

    def put_file(self, key: str, source: Source, retain_until: Nanos | None) -> None:
        if source.size <= PART_BYTES:
            content = b"".join(source.pieces(PART_BYTES))
            if sha256(content).hexdigest() != source.sha256:
                raise Misread("changed", f"{source.path} is not what it was when it was hashed")
            self._put(key, content, retain_until, source.label)
            return
        with suppress(NotThere):
            self._bucket.first(checked(key))
            raise AlreadyThere(f"{key} of {self.capabilities.store} is there already")
        send(self._bucket, key, source, retain_until if self.capabilities.retention_lock else None)

    def get(self, key: str) -> bytes:
        return self._bucket.get(checked(key), self._bucket.first(key).id)

    def chunks(self, key: str) -> Iterator[bytes]:
        yield from self._bucket.chunks(checked(key), self._bucket.first(key).id)

    def head(self, key: str) -> Head:
        found = self._bucket.first(checked(key))
        lock = self._bucket.lock(key, found.id) if self.capabilities.retention_lock else None
        until = lock.until if lock is not None and lock.mode == COMPLIANCE else None
        return Head(key, found.size, found.written, until, found.later)

    def list(self, prefix: str) -> Iterator[Listed]:
        for key, found in sorted(self._bucket.versions(prefix).items()):
            yield Listed(key, found.size, found.later)

    def remove(self, key: str) -> None:
        for version in self._bucket.all_versions(checked(key)):
            self._bucket.delete(key, version)

    def set_rules(self, rules: Sequence[Rule]) -> tuple[str, ...]:
        return lifecycle.set_rules(self._bucket, rules)

    def extend_lock(self, key: str, until: Nanos) -> None:
        if not self.capabilities.retention_lock:
            raise Refused(f"{key} cannot be locked: {'; '.join(self.capabilities.absent)}")
        self._bucket.set_lock(checked(key), self._bucket.first(key).id, until)


def open_to_write(place: Place, access: Access | None, now: Nanos) -> S3:
    """Open a bucket that was tried; raises as :func:`probe.survey` does."""
    bucket = Bucket(place, access)
    return S3(bucket, probe.survey(bucket, now))


def open_to_read(place: Place, access: Access | None) -> S3:
    """Open a bucket and write nothing to it."""
    bucket = Bucket(place, access)
    told = probe.found(bucket, probe.lock_absent(bucket))
    return S3(bucket, told._replace(absent=(*told.absent, NOT_TRIED)))

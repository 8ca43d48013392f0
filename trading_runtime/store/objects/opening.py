"""The archive that the settings name: a bucket, or a folder below the data folder."""

from pathlib import Path
from urllib.parse import urlsplit

from trading_runtime.errors import Refused
from trading_runtime.records.units import Nanos
from trading_runtime.store.objects import probe
from trading_runtime.store.objects.bucket import Access, Bucket, Place
from trading_runtime.store.objects.folder import Folder
from trading_runtime.store.objects.objects import Capabilities, Objects
from trading_runtime.store.objects.s3 import S3

NOT_TRIED = "the store's word for its locks was taken: whoever may only read cannot try them"


def place_of(location: str, endpoint: str) -> Place:
    """Read ``s3://bucket/prefix``; raise :exc:`Refused` where it is something else."""
    url = urlsplit(location)
    if url.scheme != "s3" or not url.netloc or url.query or url.fragment:
        raise Refused(f"{location!r} names no archive: it is s3://bucket or s3://bucket/prefix")
    prefix = url.path.strip("/")
    return Place(url.netloc, f"{prefix}/" if prefix else "", endpoint)


def open_archive(
    location: str, folder: Path, endpoint: str, now: Nanos, access: Access | None = None
) -> Objects:
    """Open an archive to write to: ``folder`` where ``location`` is empty, else a probed bucket.

    Raises :exc:`Refused` where the bucket would overwrite or we have no right, and
    :exc:`Unreachable` where it does not answer.
    """
    if not location:
        return Folder(folder)
    bucket = Bucket(place_of(location, endpoint), access)
    return S3(bucket, probe.survey(bucket, now))


def open_for_reading(
    location: str, folder: Path, endpoint: str, access: Access | None = None
) -> Objects:
    """Open an archive for one who may only read; nothing is written, so locks are not tried."""
    if not location:
        return Folder(folder)
    bucket = Bucket(place_of(location, endpoint), access)
    fault = probe.lock_absent(bucket)
    told = probe.found(bucket, fault)
    return S3(bucket, Capabilities(told.store, told.retention_lock, (*told.absent, NOT_TRIED)))

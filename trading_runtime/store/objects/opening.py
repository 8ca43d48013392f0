"""The archive that the settings name: a bucket, a folder elsewhere, or one below the data folder.

What speaks S3 is loaded only where a bucket is named: boto3 takes a second.
"""

from pathlib import Path

from trading_runtime.records.units import Nanos
from trading_runtime.store.objects.folder import Folder
from trading_runtime.store.objects.objects import Objects
from trading_runtime.store.objects.place import Access, place_of


def open_archive(
    location: str, folder: Path, endpoint: str, now: Nanos, access: Access | None = None
) -> Objects:
    """Open an archive to write to: ``folder`` where ``location`` is empty, a folder, or a bucket.

    Raises :exc:`Refused` where the bucket would overwrite or we have no right, and
    :exc:`Unreachable` where it does not answer.
    """
    if is_folder(location):
        return Folder(Path(location or folder))
    from trading_runtime.store.objects import s3  # noqa: PLC0415 -- boto3 takes a second

    return s3.open_to_write(place_of(location, endpoint), access, now)


def is_folder(location: str) -> bool:
    """Whether it is a path: another disk, or a network's file system."""
    return not location or location.startswith(("/", "."))


def open_for_reading(
    location: str, folder: Path, endpoint: str, access: Access | None = None
) -> Objects:
    """Open an archive for one who may only read; nothing is written, so locks are not tried."""
    if is_folder(location):
        return Folder(Path(location or folder))
    from trading_runtime.store.objects import s3  # noqa: PLC0415 -- boto3 takes a second

    return s3.open_to_read(place_of(location, endpoint), access)

"""Which bucket, whose S3, and who we are there."""

from typing import NamedTuple
from urllib.parse import urlsplit

from trading_runtime.errors import Refused


class Access(NamedTuple):
    key: str
    secret: str


class Place(NamedTuple):
    """A bucket, the prefix of all keys in it (empty, or ending in ``/``), and whose S3 it is."""

    bucket: str
    prefix: str
    endpoint: str
    """Empty: Amazon's."""

    def __str__(self) -> str:
        at = f" at {self.endpoint}" if self.endpoint else ""
        return f"s3://{self.bucket}/{self.prefix}{at}"


def place_of(location: str, endpoint: str) -> Place:
    """Read ``s3://bucket/prefix``; raise :exc:`Refused` where it is something else."""
    url = urlsplit(location)
    if url.scheme != "s3" or not url.netloc or url.query or url.fragment:
        raise Refused(f"{location!r} names no archive: it is s3://bucket or s3://bucket/prefix")
    prefix = url.path.strip("/")
    return Place(url.netloc, f"{prefix}/" if prefix else "", endpoint)

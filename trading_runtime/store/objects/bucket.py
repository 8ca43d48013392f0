"""The verbs of an S3 bucket that an archive needs, and its answers as our errors.

Who we are is boto3's own affair (environment, ``~/.aws``, role) unless :class:`Access` says it.
"""

import hashlib
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, Literal, NamedTuple, TypedDict

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    PartialCredentialsError,
)

from trading_runtime.errors import Fault, Refused
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos
from trading_runtime.store.objects.objects import AlreadyThere, Denied, NotThere, Unreachable
from trading_runtime.store.objects.place import Access, Place

COMPLIANCE: Final = "COMPLIANCE"
LABEL = "tapedeck"
"""The tag that carries an object's label."""
NO_RULES = "NoSuchLifecycleConfiguration"
UNVERSIONED = "null"
"""The version that S3 names where it keeps none."""
ATTEMPTS_MAX = 4
"""Of one request, with boto3's growing pauses: for a throttled second, not for an outage."""
CONNECT_TIMEOUT_S = 10
READ_TIMEOUT_S = 60
CHUNK_BYTES = 1 << 20
"""Of an object that is read piece by piece."""
STATUS_LATER = frozenset({408, 409, 429})
"""Timed out, another write under way, throttled: worth another attempt, as is every 5xx but 501."""
STATUS_FAILED_MIN = 500
STATUS_NOT_IMPLEMENTED = 501
MEANINGS: dict[int, type[Refused]] = {
    401: Denied,
    403: Denied,
    404: NotThere,
    412: AlreadyThere,
}

LifecycleRule = dict[str, object]
"""As S3 writes it."""


class Version(NamedTuple):
    """The first version of a key."""

    id: str
    size: int
    written: Nanos
    later: int
    """Delete markers, and versions with other bytes, above it."""


class Lock(NamedTuple):
    mode: str
    until: Nanos


def nanos(moment: datetime) -> Nanos:
    return Nanos(round(moment.timestamp()) * NANOS_PER_SECOND)


def moment(at: Nanos) -> datetime:
    """Round up to the second, which is what S3 keeps: a lock may end later and never earlier."""
    return datetime.fromtimestamp(-(-at // NANOS_PER_SECOND), UTC)


def meaning(problem: ClientError, what: str) -> Fault:
    """Say what the catcher has to do about an answer that is an error."""
    status = problem.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    error = problem.response.get("Error", {})
    code = error.get("Code", "")
    said = f"{what}: {status} {code} {error.get('Message', '')}".rstrip()
    if code == "NoSuchBucket":
        return Refused(f"{said}: make the bucket, with Object Lock, before it is used")
    is_failing = status >= STATUS_FAILED_MIN and status != STATUS_NOT_IMPLEMENTED
    if is_failing or status in STATUS_LATER or code in {"RequestTimeout", "SlowDown"}:
        return Unreachable(said)
    return MEANINGS.get(status, Refused)(said)


class Extras(TypedDict, total=False):
    """What goes with the request that writes an object; a key is left out where it is not asked."""

    ObjectLockMode: Literal["COMPLIANCE"]
    ObjectLockRetainUntilDate: datetime
    Tagging: str


def extras(locked_until: Nanos | None, label: str) -> Extras:
    """Give lock and label. Never a request of its own: there are stores that take one for a PUT."""
    found: Extras = {}
    if locked_until is not None:
        found["ObjectLockMode"] = COMPLIANCE
        found["ObjectLockRetainUntilDate"] = moment(locked_until)
    if label:
        found["Tagging"] = f"{LABEL}={label}"
    return found


class Bucket:
    """One prefix of one bucket; keys are relative to it. May be used by several threads."""

    def __init__(self, place: Place, access: Access | None) -> None:
        self.place = place
        self._s3 = boto3.client(
            "s3",
            endpoint_url=place.endpoint or None,
            aws_access_key_id=access.key if access else None,
            aws_secret_access_key=access.secret if access else None,
            config=Config(
                connect_timeout=CONNECT_TIMEOUT_S,
                read_timeout=READ_TIMEOUT_S,
                retries={"mode": "standard", "total_max_attempts": ATTEMPTS_MAX},
                # Others' S3 knows no checksum trailers; each PUT carries its Content-MD5.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                s3={"addressing_style": "path"} if place.endpoint else {},
            ),
        )

    @contextmanager
    def _told(self, key: str) -> Iterator[None]:
        what = f"{key} of {self.place}"
        try:
            yield
        except ClientError as problem:
            raise meaning(problem, what) from problem
        except (NoCredentialsError, PartialCredentialsError) as problem:
            raise Denied(f"{what}: {problem}: set AWS_ACCESS_KEY_ID and its secret") from problem
        except BotoCoreError as problem:
            raise Unreachable(f"{what}: {problem}") from problem

    def put(self, key: str, content: bytes, locked_until: Nanos | None, label: str = "") -> str:
        """Write a key that nobody has; with a lock in COMPLIANCE mode unless null.

        Gives the id of the version. A bucket with versions may take a second one all the same.
        """
        digest = b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
        bucket, path = self.place.bucket, self.place.prefix + key
        with self._told(key):
            told: Mapping[str, object] = self._s3.put_object(
                Bucket=bucket,
                Key=path,
                Body=content,
                ContentMD5=digest,
                IfNoneMatch="*",
                **extras(locked_until, label),
            )
        return str(told.get("VersionId", UNVERSIONED))

    def get(self, key: str, version: str) -> bytes:
        with self._told(key):
            answer = self._s3.get_object(
                Bucket=self.place.bucket, Key=self.place.prefix + key, VersionId=version
            )
            return answer["Body"].read()

    def chunks(self, key: str, version: str) -> Iterator[bytes]:
        with self._told(key):
            answer = self._s3.get_object(
                Bucket=self.place.bucket, Key=self.place.prefix + key, VersionId=version
            )
            yield from answer["Body"].iter_chunks(CHUNK_BYTES)

    def uploads(self, key: str) -> list[str]:
        """Give the uploads of exactly ``key`` that were begun and not ended, the oldest first."""
        path = self.place.prefix + key
        pages = self._s3.get_paginator("list_multipart_uploads").paginate(
            Bucket=self.place.bucket, Prefix=path
        )
        with self._told(key):
            found = [it for page in pages for it in page.get("Uploads", []) if it["Key"] == path]
        return [it["UploadId"] for it in sorted(found, key=lambda it: it["Initiated"])]

    def begin_upload(self, key: str, locked_until: Nanos | None, label: str = "") -> str:
        """Begin an upload in parts; there are stores that forget its lock and its label."""
        bucket, path = self.place.bucket, self.place.prefix + key
        with self._told(key):
            return self._s3.create_multipart_upload(
                Bucket=bucket, Key=path, **extras(locked_until, label)
            )["UploadId"]

    def parts(self, key: str, upload: str) -> dict[int, str]:
        """Give the tags of the parts that arrived, by number from 1."""
        pages = self._s3.get_paginator("list_parts").paginate(
            Bucket=self.place.bucket, Key=self.place.prefix + key, UploadId=upload
        )
        with self._told(key):
            return {it["PartNumber"]: it["ETag"] for page in pages for it in page.get("Parts", [])}

    def put_part(self, key: str, upload: str, number: int, content: bytes) -> str:
        """Send one part, and give its tag."""
        digest = b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
        with self._told(key):
            told = self._s3.upload_part(
                Bucket=self.place.bucket,
                Key=self.place.prefix + key,
                UploadId=upload,
                PartNumber=number,
                Body=content,
                ContentMD5=digest,
            )
        return told["ETag"]

    def end_upload(self, key: str, upload: str, parts: Mapping[int, str]) -> None:
        """Make the object of its parts; another's object of this name would be replaced."""
        listed = [{"PartNumber": it, "ETag": parts[it]} for it in sorted(parts)]
        with self._told(key):
            self._s3.complete_multipart_upload(
                Bucket=self.place.bucket,
                Key=self.place.prefix + key,
                UploadId=upload,
                MultipartUpload={"Parts": listed},  # type: ignore[typeddict-item]
            )

    def abort_upload(self, key: str, upload: str) -> None:
        with self._told(key):
            self._s3.abort_multipart_upload(
                Bucket=self.place.bucket, Key=self.place.prefix + key, UploadId=upload
            )

    def lock(self, key: str, version: str) -> Lock | None:
        """Ask for the lock as the store itself states it with the object."""
        with self._told(key):
            told: Mapping[str, object] = self._s3.head_object(
                Bucket=self.place.bucket, Key=self.place.prefix + key, VersionId=version
            )
        until = told.get("ObjectLockRetainUntilDate")
        if not isinstance(until, datetime):
            return None
        return Lock(str(told.get("ObjectLockMode")), nanos(until))

    def set_lock(self, key: str, version: str, until: Nanos) -> None:
        """Send ``PutObjectRetention``; never to a store that was not seen to understand it."""
        with self._told(key):
            self._s3.put_object_retention(
                Bucket=self.place.bucket,
                Key=self.place.prefix + key,
                VersionId=version,
                Retention={"Mode": COMPLIANCE, "RetainUntilDate": moment(until)},
                BypassGovernanceRetention=False,
            )

    def delete(self, key: str, version: str) -> None:
        with self._told(key):
            self._s3.delete_object(
                Bucket=self.place.bucket, Key=self.place.prefix + key, VersionId=version
            )

    def is_lockable(self) -> bool:
        """Whether the bucket's own configuration says that it has Object Lock."""
        with self._told("the bucket's lock configuration"):
            told = self._s3.get_object_lock_configuration(Bucket=self.place.bucket)
        return told.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") == "Enabled"

    def clock(self) -> Nanos | None:
        """Give the store's own time, by which its locks end; null where it does not say."""
        with self._told("the bucket's lock configuration"):
            told = self._s3.get_object_lock_configuration(Bucket=self.place.bucket)
        date = told["ResponseMetadata"]["HTTPHeaders"].get("date")
        return nanos(parsedate_to_datetime(date)) if date else None

    def versions(self, prefix: str) -> dict[str, Version]:
        """Give the first version of every key that begins with ``prefix``.

        A key that only delete markers are left of is not among them.
        """
        markers: Counter[str] = Counter()
        versions: dict[str, list[tuple[Version, str]]] = {}
        start = len(self.place.prefix)
        pages = self._s3.get_paginator("list_object_versions").paginate(
            Bucket=self.place.bucket, Prefix=self.place.prefix + prefix
        )
        with self._told(prefix):
            for page in pages:
                markers.update(it["Key"][start:] for it in page.get("DeleteMarkers", []))
                for it in page.get("Versions", []):
                    version = Version(it["VersionId"], it["Size"], nanos(it["LastModified"]), 0)
                    versions.setdefault(it["Key"][start:], []).append((version, it["ETag"]))
        found = {}
        for key, newest_first in versions.items():
            first, tag = newest_first[-1]
            # A PUT that was sent again because its answer was lost has the same bytes.
            others = sum(it != tag for _, it in newest_first)
            found[key] = first._replace(later=others + markers[key])
        return found

    def rules(self) -> list[LifecycleRule]:
        """Give the lifecycle rules of the bucket, of all its prefixes."""
        with self._told("the bucket's lifecycle"):
            try:
                told = self._s3.get_bucket_lifecycle_configuration(Bucket=self.place.bucket)
            except ClientError as problem:
                if problem.response["Error"]["Code"] == NO_RULES:
                    return []
                raise
        return [dict(it) for it in told["Rules"]]

    def put_rules(self, rules: Sequence[LifecycleRule]) -> None:
        """Put these in the place of all rules of the bucket."""
        with self._told("the bucket's lifecycle"):
            self._s3.put_bucket_lifecycle_configuration(
                Bucket=self.place.bucket,
                LifecycleConfiguration={"Rules": rules},  # type: ignore[typeddict-item]
            )

    def all_versions(self, key: str) -> list[str]:
        """Give the ids of every version and delete marker of exactly ``key``, the newest first."""
        path = self.place.prefix + key
        pages = self._s3.get_paginator("list_object_versions").paginate(
            Bucket=self.place.bucket, Prefix=path
        )
        with self._told(key):
            return [
                it["VersionId"]
                for page in pages
                for it in (*page.get("DeleteMarkers", []), *page.get("Versions", []))
                if it["Key"] == path
            ]

    def first(self, key: str) -> Version:
        """Give the first version of ``key``, or raise :exc:`NotThere`."""
        found = self.versions(key).get(key)
        if found is None:
            raise NotThere(f"{key} of {self.place} is not there")
        return found

"""A bucket as its owner sees it, past the ways of the product: what is kept against even him."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from trading_runtime.records.units import NANOS_PER_SECOND, Nanos
from trading_runtime.store.objects.bucket import COMPLIANCE, LABEL, moment, nanos
from trading_runtime.store.objects.place import Place

DAY_NS = 86_400 * NANOS_PER_SECOND
DENIED = "AccessDenied"
THREADS = 8


class Tier(NamedTuple):
    """What a lifecycle rule does."""

    cold_days: int
    """Days until it moves an object to another class; 0: it moves none."""
    cold_class: str
    deletes: bool


class Owner:
    """May be used by several threads; keys are relative to the place."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._s3 = boto3.client(
            "s3",
            endpoint_url=place.endpoint or None,
            config=Config(
                s3={"addressing_style": "path"} if place.endpoint else {},
                max_pool_connections=THREADS,
            ),
        )

    def versions(self) -> dict[str, str]:
        """Give the id of the first version of every key."""
        pages = self._s3.get_paginator("list_object_versions").paginate(
            Bucket=self._place.bucket, Prefix=self._place.prefix
        )
        start = len(self._place.prefix)
        # The newest comes first, and the oldest stays.
        return {
            it["Key"][start:]: it["VersionId"] for page in pages for it in page.get("Versions", [])
        }

    def locked_until(self, key: str, version: str) -> Nanos | None:
        """Give the end of the lock of a version; null where nobody is held by it."""
        told: Mapping[str, object] = self._s3.head_object(
            Bucket=self._place.bucket, Key=self._place.prefix + key, VersionId=version
        )
        until = told.get("ObjectLockRetainUntilDate")
        is_held = told.get("ObjectLockMode") == COMPLIANCE
        return nanos(until) if isinstance(until, datetime) and is_held else None

    def may_delete(self, key: str, version: str) -> bool:
        """Try it, with the right that governs lesser locks."""
        return is_taken(
            lambda: self._s3.delete_object(
                Bucket=self._place.bucket,
                Key=self._place.prefix + key,
                VersionId=version,
                BypassGovernanceRetention=True,
            )
        )

    def may_shorten(self, key: str, version: str, held: Nanos) -> bool:
        """Try to lock a version for a day less than it is."""
        return is_taken(
            lambda: self._s3.put_object_retention(
                Bucket=self._place.bucket,
                Key=self._place.prefix + key,
                VersionId=version,
                Retention={"Mode": COMPLIANCE, "RetainUntilDate": moment(Nanos(held - DAY_NS))},
                BypassGovernanceRetention=True,
            )
        )

    def label(self, key: str, version: str) -> str:
        """Give the tag that lifecycle rules go by; empty where there is none."""
        told = self._s3.get_object_tagging(
            Bucket=self._place.bucket, Key=self._place.prefix + key, VersionId=version
        )
        return next((it["Value"] for it in told["TagSet"] if it["Key"] == LABEL), "")

    def tiers(self) -> dict[str, Tier]:
        """Give what the lifecycle rules of this prefix do, by their names; none is no error."""
        mine = f"tapedeck:{self._place.prefix}:"
        found = {}
        with suppress(ClientError):
            told = self._s3.get_bucket_lifecycle_configuration(Bucket=self._place.bucket)
            for it in told["Rules"]:
                cold = next(
                    (
                        (move["Days"], str(move["StorageClass"]))
                        for move in it.get("Transitions", ())
                    ),
                    (0, ""),
                )
                if it["ID"].startswith(mine):
                    found[it["ID"].removeprefix(mine)] = Tier(*cold, "Expiration" in it)
        return found


def is_taken(act: Callable[[], object]) -> bool:
    """Whether the store does it, and does not refuse; other errors are raised."""
    try:
        act()
    except ClientError as problem:
        if problem.response["Error"]["Code"] != DENIED:
            raise
        return False
    return True

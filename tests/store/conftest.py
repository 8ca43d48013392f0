"""Buckets of each test's own in the one Ceph of a session."""

import itertools
from collections.abc import Callable

import boto3
import pytest
from botocore.config import Config
from mypy_boto3_s3 import S3Client

from tests.servers.ceph import Ceph
from trading_runtime.store.objects.place import Access

NUMBERS = itertools.count(1)


@pytest.fixture
def access(ceph: Ceph) -> Access:
    return Access(*ceph.keys)


@pytest.fixture(scope="session")
def owner(ceph: Ceph) -> S3Client:
    """Give the owner of all buckets, who may do what S3 lets him, and asks once."""
    return boto3.client(
        "s3",
        endpoint_url=ceph.endpoint,
        aws_access_key_id=ceph.keys.access,
        aws_secret_access_key=ceph.keys.secret,
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )


@pytest.fixture
def new_bucket(owner: S3Client) -> Callable[[bool], str]:
    """Give the name of a new bucket, with or without Object Lock."""

    def make(is_lockable: bool) -> str:  # noqa: FBT001 -- the one thing that differs
        name = f"bucket-{next(NUMBERS)}"
        owner.create_bucket(Bucket=name, ObjectLockEnabledForBucket=is_lockable)
        return name

    return make

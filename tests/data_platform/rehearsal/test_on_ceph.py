"""A rehearsal whose archive is a real S3: moved, locked, refused, and back onto an empty folder."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from mypy_boto3_s3 import S3Client

from tests.servers.ceph import Ceph

pytestmark = pytest.mark.cluster

CHECKOUT = Path(__file__).parents[3]
BUCKET = "rehearsal"
HOURS = 6
WITHIN_S = 1800
LOCKED = ("critical", "journal", "marts")


class Played(NamedTuple):
    data: Path
    status: int
    said: str

    def line(self, what: str) -> str:
        """Give the one line that tells of ``what``."""
        (found,) = [it for it in self.said.splitlines() if it[6:].startswith(f"{what}: ")]
        return found


@pytest.fixture(scope="module")
def owner(ceph: Ceph) -> S3Client:
    return boto3.client(
        "s3",
        endpoint_url=ceph.endpoint,
        aws_access_key_id=ceph.keys.access,
        aws_secret_access_key=ceph.keys.secret,
        config=Config(s3={"addressing_style": "path"}),
    )


def play(ceph: Ceph, data: Path, secret: str) -> Played:
    """Play the last hours of yesterday: a day that is over has lines of level CRITICAL archived."""
    start = datetime.now(UTC).replace(hour=0) - timedelta(hours=HOURS)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "data_platform.rehearsal", "--data", str(data)),
            *("--hours", str(HOURS), "--from", start.strftime("%Y-%m-%dT%H")),
            *("--archive", f"s3://{BUCKET}/days", "--endpoint", ceph.endpoint),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN_S,
        cwd=CHECKOUT,
        env={
            **os.environ,
            "AWS_ACCESS_KEY_ID": ceph.keys.access,
            "AWS_SECRET_ACCESS_KEY": secret,
        },
    )
    return Played(data, done.returncode, done.stdout + done.stderr)


@pytest.fixture(scope="module")
def played(ceph: Ceph, owner: S3Client, tmp_path_factory: pytest.TempPathFactory) -> Played:
    owner.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
    data = tmp_path_factory.mktemp("rehearsal") / "data"
    return play(ceph, data, ceph.keys.secret)


def test_every_act_holds(played: Played) -> None:
    assert played.status == 0, played.said
    assert "  NOT " not in played.said


def test_what_the_table_promises_a_lock_for_is_locked_and_refuses_its_owner(
    played: Played, owner: S3Client
) -> None:
    said = played.line("locked")
    assert all(name in said for name in LOCKED)
    for dataset in LOCKED:
        listed = owner.list_object_versions(Bucket=BUCKET, Prefix=f"days/manifests/{dataset}/")
        assert listed["Versions"]
        for it in listed["Versions"]:
            told = owner.head_object(Bucket=BUCKET, Key=it["Key"], VersionId=it["VersionId"])
            assert told["ObjectLockMode"] == "COMPLIANCE"
            assert told["ObjectLockRetainUntilDate"] > datetime.now(UTC) + timedelta(days=7)
            with pytest.raises(ClientError, match="AccessDenied"):
                owner.delete_object(
                    Bucket=BUCKET,
                    Key=it["Key"],
                    VersionId=it["VersionId"],
                    BypassGovernanceRetention=True,
                )


def test_it_left_this_disk_and_a_restore_onto_an_empty_folder_ends_equal(played: Played) -> None:
    assert "stayed, 1 check red" in played.line("a file whose object is lost")
    assert list((played.data / "logs" / "archive").rglob("*.gz")) == []
    assert not (played.data / "archive" / "data").exists()
    assert ", 0 differ" in played.line("equal to what was archived")
    assert " MiB/s)" in played.line("restored")


@pytest.mark.usefixtures("played")
@pytest.mark.parametrize(
    ("secret", "why"), [("wrong", "SignatureDoesNotMatch"), ("", "holds another folder's days")]
)
def test_an_archive_that_cannot_be_used_is_said_before_days_are_made(
    ceph: Ceph, tmp_path: Path, secret: str, why: str
) -> None:
    done = play(ceph, tmp_path, secret or ceph.keys.secret)
    assert done.status == 2
    assert why in done.said
    assert "Traceback" not in done.said
    assert not (tmp_path / "journal").exists()

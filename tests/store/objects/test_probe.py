"""What a store really protects is found out with a throw-away object, whatever it calls itself."""

from pathlib import Path

import pytest

from tests.servers.careless import CarelessS3, Faults, Stored
from trading_runtime.errors import Refused
from trading_runtime.records.units import Nanos
from trading_runtime.store.objects.objects import Objects
from trading_runtime.store.objects.opening import open_archive, open_for_reading
from trading_runtime.store.objects.place import Access, place_of

NOW = Nanos(1_763_600_000_000_000_000)
ACCESS = Access("any", "one")


def opened(store: CarelessS3) -> Objects:
    return open_archive("s3://bucket/logs", Path("unused"), store.endpoint, NOW, ACCESS)


def test_a_store_that_keeps_what_it_says_has_a_lock() -> None:
    with CarelessS3(Faults()).open() as store:
        assert opened(store).capabilities.absent == ()


def test_a_store_that_overwrites_is_refused() -> None:
    with (
        CarelessS3(Faults(overwrites=True)).open() as store,
        pytest.raises(Refused, match="overwrites an object"),
    ):
        opened(store)


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        (Faults(forgets_lock=True), "takes a lock and does not keep it"),
        (Faults(deletes_locked=True), "a locked version can be deleted"),
        (Faults(shortens=True), "a lock can be shortened"),
        (Faults(replaces_on_retention=True), "or asking for that replaces the object"),
        (Faults(is_lockable=False), "ObjectLockConfigurationNotFoundError"),
    ],
    ids=str,
)
def test_a_store_whose_locks_do_not_hold_is_used_without_them(faults: Faults, said: str) -> None:
    with CarelessS3(faults).open() as store:
        store.stored["logs/digests/00000001.note"] = before = Stored(b"evidence", "")
        archive = opened(store)
        assert not archive.capabilities.retention_lock
        assert said in archive.capabilities.absent[0]
        archive.put_new("heads/00000001.heads", b"first", NOW)
        with pytest.raises(Refused, match="cannot be locked"):
            archive.extend_lock("digests/00000001.note", NOW)
        assert store.stored["logs/digests/00000001.note"] == before
        assert store.stored["logs/heads/00000001.heads"].lock_until == ""


def test_nothing_but_the_throw_away_object_is_written() -> None:
    with CarelessS3(Faults(replaces_on_retention=True)).open() as store:
        opened(store)
        changes = [it for it in store.requests if it.startswith(("PUT", "DELETE", "POST"))]
        assert changes
        assert all(" /bucket/logs/probe/" in it for it in changes)


def test_a_reader_writes_nothing() -> None:
    with CarelessS3(Faults()).open() as store:
        reader = open_for_reading("s3://bucket/logs", Path("unused"), store.endpoint, ACCESS)
        assert reader.capabilities.retention_lock
        assert "cannot try them" in reader.capabilities.absent[0]
        assert not [it for it in store.requests if not it.startswith("GET")]


@pytest.mark.parametrize("location", ["/folder", "s3://", "https://bucket/prefix", "s3://b/p?x=1"])
def test_a_location_that_is_no_bucket_is_refused(location: str) -> None:
    with pytest.raises(Refused, match="names no archive"):
        place_of(location, "")


def test_a_location_is_a_bucket_and_a_prefix() -> None:
    assert place_of("s3://bucket", "").prefix == ""
    assert place_of("s3://bucket/a/b/", "").prefix == "a/b/"

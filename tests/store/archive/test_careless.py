"""The archive on S3s that keep less than they say: refused, or used without what they cannot do."""

from pathlib import Path

import pytest

from tests.servers.careless import CarelessS3, Faults
from trading_runtime.errors import Refused
from trading_runtime.records.units import Nanos
from trading_runtime.store.archive.archive import Archive, LocalFile
from trading_runtime.store.archive.restore import restore
from trading_runtime.store.objects.opening import open_archive
from trading_runtime.store.objects.place import Access

NOW = Nanos(1_763_600_000_000_000_000)
ACCESS = Access("any", "one")
HOUR = "2025-11-19T14"


def opened(store: CarelessS3) -> Archive:
    objects = open_archive("s3://bucket/here", Path("unused"), store.endpoint, NOW, ACCESS)
    return Archive(objects)


def test_a_store_that_overwrites_gets_no_archive() -> None:
    with (
        CarelessS3(Faults(overwrites=True)).open() as store,
        pytest.raises(Refused, match="overwrites an object"),
    ):
        opened(store)


@pytest.mark.parametrize(
    "faults", [Faults(replaces_on_retention=True), Faults(forgets_lock=True)], ids=str
)
def test_a_store_whose_locks_replace_or_are_forgotten_is_never_asked_for_one(
    faults: Faults, tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(b"a")
    with CarelessS3(faults).open() as store:
        archive = opened(store)
        store.requests.clear()
        done = archive.commit("lake", HOUR, [LocalFile(tmp_path, "a")], Nanos(NOW + 10**15))
        assert not archive.lock(done.files[0].key, Nanos(NOW + 10**15))
        asked = [it for it in store.requests if it.startswith(("PUT", "POST", "DELETE"))]
        assert len(asked) == 2  # the object and the manifest
        assert not [it for it in asked if "?" in it]
        assert restore(archive, tmp_path / "back", ["lake"]).is_equal

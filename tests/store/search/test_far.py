"""What is not here is searched in the archive, and only what may hold a match is fetched."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.search.lines import HOUR, NEXT, compressed, live, some
from trading_runtime.cli import main as cli
from trading_runtime.records.units import Nanos
from trading_runtime.store.archive.archive import Archive, LocalFile
from trading_runtime.store.hours import Hour, hour_at
from trading_runtime.store.objects.folder import Folder
from trading_runtime.store.objects.objects import Capabilities, Listed, Unreachable
from trading_runtime.store.search import members
from trading_runtime.store.search.far import Store
from trading_runtime.store.search.files import Troubles
from trading_runtime.store.search.query import Query
from trading_runtime.store.search.search import Search

LONG_AGO = Hour("2024-03-02", 7)


class Watched(Folder):
    """A folder that tells what was read, and goes away when it is told to."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.fetched: list[str] = []
        self.is_gone = False
        self.asked = 0

    def _ask(self) -> None:
        self.asked += 1
        if self.is_gone:
            raise Unreachable("nobody answers at this address")

    def get(self, key: str) -> bytes:
        self._ask()
        return super().get(key)

    def chunks(self, key: str) -> Iterator[bytes]:
        self._ask()
        self.fetched.append(key)
        return super().chunks(key)

    def list(self, prefix: str) -> Iterator[Listed]:
        self._ask()
        return super().list(prefix)


@pytest.fixture
def objects(tmp_path: Path) -> Watched:
    return Watched(tmp_path / "far")


def put_away(data: Path, objects: Folder, hour: Hour, part: int = 1) -> None:
    """Archive a compressed file and remove it here, as retention does."""
    name = f"logs/archive/oms/{hour.day.replace('-', '/')}/oms-{hour.name}-{part:03d}.jsonl"
    files = [LocalFile(data, f"{name}.gz"), LocalFile(data, f"{name}.index")]
    Archive(objects).commit("logs", hour.name, files)
    for it in files:
        it.place.unlink()


def search(data: Path, objects: Folder, query: Query, **how: int) -> tuple[list[bytes], Troubles]:
    troubles = Troubles()
    opened = Search(data, Store(Archive(objects), troubles), troubles, Nanos(NEXT.end))
    found = [it.line for it in opened.entries(query, oldest=True, limit=how.get("limit", 0))]
    opened.close()
    return found, troubles


def test_what_is_here_and_what_is_far_is_one_answer(tmp_path: Path, objects: Watched) -> None:
    compressed(tmp_path, some(5, LONG_AGO), hour=LONG_AGO)
    compressed(tmp_path, some(5), hour=HOUR)
    compressed(tmp_path, some(5, first=6), part=2, hour=HOUR)
    live(tmp_path, some(5, NEXT))
    put_away(tmp_path, objects, LONG_AGO)
    put_away(tmp_path, objects, HOUR)
    found, troubles = search(tmp_path, objects, Query())
    assert found == [*some(5, LONG_AGO), *some(10), *some(5, NEXT)]
    assert troubles == []


def test_an_empty_machine_searches_the_archive_alone(tmp_path: Path, objects: Watched) -> None:
    compressed(tmp_path, some(5, LONG_AGO), hour=LONG_AGO)
    put_away(tmp_path, objects, LONG_AGO)
    (tmp_path / "empty").mkdir()
    assert search(tmp_path / "empty", objects, Query())[0] == some(5, LONG_AGO)


def test_a_line_that_is_here_and_far_is_given_once(tmp_path: Path, objects: Watched) -> None:
    compressed(tmp_path, some(5))
    put_away(tmp_path, objects, HOUR)
    compressed(tmp_path, some(5))
    assert search(tmp_path, objects, Query())[0] == some(5)
    assert objects.fetched[2:] == []  # the two that the commit read back


def test_of_files_without_a_match_only_the_index_is_fetched(
    tmp_path: Path, objects: Watched
) -> None:
    hours = [hour_at(HOUR.start - it * 3_600 * 10**9) for it in range(4)]
    for number, hour in enumerate(hours):
        compressed(tmp_path, some(50, hour, first=1 + number * 50), hour=hour)
        put_away(tmp_path, objects, hour)
    objects.fetched.clear()
    found, _ = search(tmp_path, objects, Query(order="o120x"))
    assert found == some(1, hours[2], first=120)
    assert len(objects.fetched) == len(hours) + 1


def test_recent_lines_ask_the_archive_for_nothing(tmp_path: Path, objects: Watched) -> None:
    compressed(tmp_path, some(5, LONG_AGO), hour=LONG_AGO)
    put_away(tmp_path, objects, LONG_AGO)
    live(tmp_path, some(5, NEXT))
    objects.is_gone = True
    query = Query(since=NEXT.start, modules=frozenset({"oms"}))
    found, troubles = search(tmp_path, objects, query, limit=3)
    assert (found, troubles) == (some(3, NEXT), [])


def test_a_store_that_does_not_answer_is_told_once_and_the_rest_is_given(
    tmp_path: Path, objects: Watched
) -> None:
    compressed(tmp_path, some(5))
    compressed(tmp_path, some(5, LONG_AGO), hour=LONG_AGO)
    put_away(tmp_path, objects, LONG_AGO)
    objects.is_gone, objects.asked = True, 0
    found, troubles = search(tmp_path, objects, Query())
    assert found == some(5)
    assert troubles == ["the archive was not searched: nobody answers at this address"]
    assert objects.asked == 1


def test_a_damaged_object_is_told_and_no_line_is_made_up(tmp_path: Path, objects: Watched) -> None:
    gz = compressed(tmp_path, some(5))
    digest = members.read_index(gz)
    assert digest is not None
    put_away(tmp_path, objects, HOUR)
    key = f"data/{digest.index.gz_sha256[:2]}/{digest.index.gz_sha256}"
    stored = tmp_path / "far" / key
    stored.chmod(0o644)
    stored.write_bytes(b"other bytes")
    found, troubles = search(tmp_path, objects, Query())
    assert found == []
    assert len(troubles) == 1
    assert "is damaged" in troubles[0]


def test_the_command_says_by_its_status_that_the_store_was_not_reached(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")):
        monkeypatch.setenv(name, value)
    compressed(tmp_path, some(5))
    words = ["--archive", "s3://logs/here", "--endpoint", "http://127.0.0.1:9"]
    assert cli.main(["search", "--data", str(tmp_path), *words]) == 3
    given = capfd.readouterr()
    assert len(given.out.splitlines()) == 5
    assert "the archive was not searched" in given.err


def test_a_store_may_be_opened_without_asking_it(objects: Watched) -> None:
    assert isinstance(objects.capabilities, Capabilities)
    assert objects.asked == 0

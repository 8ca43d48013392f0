"""New lines as they come: each once, whatever scribe does to the files meanwhile."""

import random
from pathlib import Path

import pytest

from tests.scribe.journals import NOON, SECOND, sample
from tests.store.search.lines import HOUR, NEXT, live, sealed, some
from trading_runtime.records.commands import PlaceOrder
from trading_runtime.records.envelope import Kind
from trading_runtime.records.units import Module, Nanos, Seq
from trading_runtime.scribe.entry import Entry
from trading_runtime.scribe.logs import Logs
from trading_runtime.scribe.settings import ScribeSettings
from trading_runtime.store.search.files import Troubles
from trading_runtime.store.search.follow import Following
from trading_runtime.store.search.query import Query
from trading_runtime.store.search.search import Search

SESSION = "20240808T120000-aa"


def searched(data: Path) -> Search:
    return Search(data, None, Troubles(), Nanos(NEXT.end))


def news(following: Following) -> list[bytes]:
    return [it.line for it in following.news()]


@pytest.mark.parametrize("seed", range(6))
def test_search_and_follow_give_each_line_once_across_rotations(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 -- the same trial every time
    (tmp_path / "journal" / SESSION).mkdir(parents=True)
    logs = Logs(tmp_path, ScribeSettings(log_bytes_max=3_000))
    seq, hour = 1, 0

    def write() -> None:
        nonlocal seq, hour
        hour += rng.random() < 0.3
        count = rng.randrange(1, 12)
        batch = [
            Entry(
                SESSION,
                Kind.OUTPUT,
                Seq(it),
                Nanos(NOON + hour * 3600 * SECOND + it * 1000),
                sample(PlaceOrder, it),
            )
            for it in range(seq, seq + count)
        ]
        logs.take(batch, pressed=False)
        logs.flush()
        seq += count

    for _ in range(rng.randrange(6)):
        write()
    search = searched(tmp_path)
    write()  # between the look at the folder and the reading of it
    following = search.following(Query())
    given = [it.seq for it in search.entries(Query(), oldest=True)]
    for _ in range(40):
        write()
        if rng.random() < 0.4:
            given += [it.seq for it in following.news()]
    given += [it.seq for it in following.news()]
    assert sorted(given) == list(range(1, seq))
    following.close()
    search.close()
    logs.close()


def test_half_a_line_is_no_news(tmp_path: Path) -> None:
    path = live(tmp_path, some(1))
    search = searched(tmp_path)
    following = search.following(Query())
    whole = some(2)[1]
    with path.open("ab") as file:
        file.write(whole[:30])
        file.flush()
        assert news(following) == []
        file.write(whole[30:] + b"\n")
        file.flush()
    assert news(following) == [whole]
    following.close()
    search.close()


def test_a_file_that_is_not_there_yet_is_followed_when_it_comes(tmp_path: Path) -> None:
    search = searched(tmp_path)
    following = search.following(Query(modules=frozenset({"oms"})))
    assert news(following) == []
    live(tmp_path, some(2))
    live(tmp_path, some(2, module="risk"), Module.RISK)
    assert news(following) == some(2)
    following.close()
    search.close()


def test_only_what_matches_is_news(tmp_path: Path) -> None:
    path = live(tmp_path, some(1))
    search = searched(tmp_path)
    following = search.following(Query(order="o3x"))
    path.rename(sealed(tmp_path, []))
    live(tmp_path, some(4, HOUR, first=2))
    assert news(following) == some(1, first=3)
    following.close()
    search.close()

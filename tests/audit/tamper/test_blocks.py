"""Full blocks: hashed again when touched, in turn when not, and gone only when the log said so."""

from collections.abc import Iterator

import pytest

from tests.audit.tamper.record import Record
from tests.audit.tamper.test_watch import edit
from trading_runtime.audit.tamper.watch import Watch
from trading_runtime.evidence.layout import BLOCK

pytestmark = pytest.mark.soak
"""A block is 65,536 entries: to write some takes a while."""


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Record]:
    """Give a log of two blocks and a bit."""
    made = Record(tmp_path_factory.mktemp("data"))
    made.add(2 * BLOCK + 500, is_indexed=False)
    made.checkpoint()
    yield made
    made.index.close()


@pytest.fixture(scope="module")
def watch(grown: Record) -> Iterator[Watch]:
    made = grown.watch()
    assert grown.look(made, 20) == set()
    yield made
    made.close()


def test_blocks_are_followed_over_their_ends(grown: Record, watch: Watch) -> None:
    metrics = (grown.audit / "watch" / "metrics.prom").read_text()
    assert f"audit_watch_entries {2 * BLOCK + 500}\n" in metrics
    grown.frames(0).touch()
    assert grown.look(watch, 10) == set()


def test_bytes_behind_a_full_block_are_called_out(grown: Record, watch: Watch) -> None:
    size = grown.frames(1).stat().st_size
    with grown.frames(1).open("ab") as file:
        file.write(b"more")
    assert grown.look(watch) == {"frames size"}
    with grown.frames(1).open("ab") as file:
        file.truncate(size)


def test_an_edit_deep_in_an_old_block_is_called_out_with_its_entry(
    grown: Record, watch: Watch
) -> None:
    data = grown.frames(0).read_bytes()
    at = data.index(grown.sealing.entries[40_000]) + 30
    edit(grown.frames(0), at, b"?")
    found = []
    for _ in range(4):
        found += [(it.check, it.index) for it in watch.look(grown.now)]
    assert found == [("frames edited", 40_000)]
    edit(grown.frames(0), at, data[at : at + 1])


def test_blocks_go_when_the_log_has_said_so(grown: Record, watch: Watch) -> None:
    grown.declare("FramesPruned", {"fromBlock": 0, "toBlock": 1}, is_indexed=False)
    assert grown.look(watch) == set()
    grown.frames(0).unlink()
    assert grown.look(watch, 40) == set()
    grown.frames(1).unlink()
    assert grown.look(watch) == {"frames missing"}

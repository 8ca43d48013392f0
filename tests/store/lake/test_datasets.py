from pathlib import Path

import pytest

from tests.store.lake.published import ID, START, later, publish, publish_all, seal
from tests.store.lake_rows import trade_rows
from trading_runtime.errors import Misread, Refused
from trading_runtime.records.lake_schema import DEPTH, TICKER, TRADES
from trading_runtime.store.condition import Condition
from trading_runtime.store.hours import HOUR_NS
from trading_runtime.store.lake import datasets, lake
from trading_runtime.store.lake.lake import NotWhole

SPAN = (START, START + 2 * HOUR_NS)
WANTED = [(DEPTH, ID), (TRADES, ID)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for hours in range(2):
        publish_all(tmp_path / "lake", hours)
    return tmp_path / "lake"


def test_a_dataset_reads_the_bytes_it_was_named_with_after_rows_came_late(root: Path) -> None:
    before = lake.scan(root, TRADES, ID, *SPAN)
    named = datasets.name_dataset(root, "first", WANTED, SPAN)
    publish(root, TRADES, trade_rows(450), 1)
    assert lake.scan(root, TRADES, ID, *SPAN).num_rows == before.num_rows + 450 - 400
    again = datasets.open_dataset(root, "ds:first")
    assert again == named
    assert again.scan(TRADES, ID).equals(before)
    assert again.scan(TRADES, ID, columns=["px"]).column("px") == before.column("px")
    assert again.verify() == []
    second = datasets.name_dataset(root, "second", WANTED, SPAN)
    assert second.naming.digest != named.naming.digest
    assert datasets.names(root) == ["first", "second"]
    assert {it.sha256 for it in named.naming.files} <= set(datasets.pinned(root))


def test_a_name_is_given_once(root: Path) -> None:
    named = datasets.name_dataset(root, "mine", WANTED, SPAN)
    assert datasets.name_dataset(root, "mine", WANTED, SPAN) == named
    with pytest.raises(Refused, match="ds:mine names other bytes already"):
        datasets.name_dataset(root, "mine", WANTED[:1], SPAN)


def test_pinned_bytes_stay_when_the_hour_is_pruned_and_their_loss_is_told(root: Path) -> None:
    before = lake.scan(root, DEPTH, ID, *SPAN)
    named = datasets.name_dataset(root, "kept", WANTED, SPAN)
    for hours in range(2):
        lake.dataset(root, DEPTH, ID, later(hours)).published.unlink()
    assert named.scan(DEPTH, ID).equals(before)
    lost = named.naming.files[0].sha256
    datasets.version_path(root, lost).unlink()
    assert named.verify() == [lost]
    with pytest.raises(Misread, match="lost"):
        named.scan(DEPTH, ID)


def test_a_changed_byte_is_found_by_verification(root: Path) -> None:
    named = datasets.name_dataset(root, "kept", WANTED, SPAN)
    first = datasets.version_path(root, named.naming.files[0].sha256)
    content = bytearray(first.read_bytes())
    content[100] ^= 1
    first.write_bytes(content)
    assert named.verify() == [named.naming.files[0].sha256]


def test_a_hole_is_refused_or_written_down(root: Path) -> None:
    wide = (START, START + 4 * HOUR_NS)
    seal(root, 3, minutes=0)
    with pytest.raises(NotWhole):
        datasets.name_dataset(root, "wide", WANTED, wide)
    allow = {*lake.WHOLE, Condition.MISSING}
    named = datasets.name_dataset(root, "wide", WANTED, wide, allow)
    assert [(it.table, it.hour, it.condition) for it in named.naming.holes] == [
        ("depth", later(2).name, Condition.MISSING),
        ("trades", later(2).name, Condition.MISSING),
    ]


def test_what_it_was_not_named_with_is_refused(root: Path) -> None:
    named = datasets.name_dataset(root, "mine", WANTED, SPAN)
    with pytest.raises(Refused, match="has no ticker"):
        named.scan(TICKER, ID)
    with pytest.raises(Refused, match="does not reach so far"):
        named.scan(DEPTH, ID, START, SPAN[1] + 1)
    with pytest.raises(Refused, match="there is no dataset ds:other"):
        datasets.open_dataset(root, "ds:other")
    for name in ("", "../x", "A", "a/b", ".a"):
        with pytest.raises(Refused, match="is no name for a dataset"):
            datasets.name_dataset(root, name, WANTED, SPAN)
    with pytest.raises(Refused, match="is no table"):
        datasets.tables_named(["depth", "deep"])


def test_a_file_that_is_not_what_its_manifest_says_is_not_pinned(root: Path) -> None:
    path = lake.dataset(root, DEPTH, ID, later(0)).published
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(Refused, match="is not what its manifest tells"):
        datasets.name_dataset(root, "mine", WANTED, SPAN)

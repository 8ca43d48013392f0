"""A sink's place: what was stored last is what is there, also after a torn write."""

from pathlib import Path

import pytest

from trading_runtime.errors import Refused
from trading_runtime.journal.place import SLOT_BYTES, Place
from trading_runtime.records import layout
from trading_runtime.records.units import Seq

NONE: frozenset[str] = frozenset()


def stored(data: Path) -> tuple[dict[str, Seq], frozenset[str]]:
    place = Place(data, "logs")
    place.close()
    return place.at, place.done


def test_a_new_sink_begins_at_the_beginning(tmp_path: Path) -> None:
    assert stored(tmp_path) == ({}, NONE)


def test_the_last_place_stored_is_found_again(tmp_path: Path) -> None:
    place = Place(tmp_path, "logs")
    for seq in range(1, 8):
        place.store({"s1": Seq(seq)}, NONE)
        assert stored(tmp_path) == ({"s1": seq}, NONE)
    place.store({"s2": Seq(1)}, frozenset({"s1"}))
    place.close()
    assert stored(tmp_path) == ({"s2": 1}, {"s1"})


def test_sinks_do_not_share_a_place(tmp_path: Path) -> None:
    place = Place(tmp_path, "ticks")
    place.store({"s1": Seq(4)}, NONE)
    place.close()
    assert stored(tmp_path) == ({}, NONE)


@pytest.mark.parametrize("turns", [1, 2, 3, 4])
def test_a_torn_store_leaves_the_one_before(tmp_path: Path, turns: int) -> None:
    place = Place(tmp_path, "logs")
    for seq in range(1, turns + 1):
        place.store({"s1": Seq(seq)}, NONE)
    place.close()
    path = Path(layout.offsets(tmp_path)) / "logs.at"
    content = bytearray(path.read_bytes())
    content[turns % 2 * SLOT_BYTES + 12] ^= 1
    path.write_bytes(content)
    assert stored(tmp_path) == ({"s1": turns - 1} if turns > 1 else {}, NONE)


def test_a_shorter_place_is_not_mixed_with_what_stood_there(tmp_path: Path) -> None:
    place = Place(tmp_path, "logs")
    for name in ("a" * 200, "b" * 200, "c", "d"):
        place.store({name: Seq(1)}, NONE)
    place.close()
    assert stored(tmp_path) == ({"d": 1}, NONE)


def test_more_sessions_than_a_slot_holds_are_refused(tmp_path: Path) -> None:
    place = Place(tmp_path, "logs")
    place.store({"s1": Seq(1)}, NONE)
    with pytest.raises(Refused):
        place.store({f"session-{number:020}": Seq(1) for number in range(1000)}, NONE)
    place.close()
    assert stored(tmp_path) == ({"s1": 1}, NONE)

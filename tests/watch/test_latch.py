"""What a firing leaves behind, and how it is forgotten."""

from pathlib import Path

from trading_runtime.lease import Condition, Lease, Watched
from trading_runtime.records.units import Nanos
from trading_runtime.watch.latch import LATCH, Fired, open_latch, read_latch, write_latch

FIRED = Fired(
    reason="no beat of the runtime for 812 ms",
    generation="0x1f",
    at=Nanos(1_700_000_000_000_000_000),
    cancelled=("td1", "td2"),
)


def test_a_latch_is_read_as_it_was_written_and_opened_once(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert read_latch(tmp_path) is None
    write_latch(tmp_path, FIRED)
    assert read_latch(tmp_path) == FIRED
    open_latch(tmp_path)
    assert read_latch(tmp_path) is None
    open_latch(tmp_path)


def test_a_latch_that_cannot_be_read_holds(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / LATCH).write_bytes(b'{"reason":')
    fired = read_latch(tmp_path)
    assert fired is not None
    assert "cannot be read" in fired.reason
    open_latch(tmp_path)
    assert read_latch(tmp_path) is None


def test_a_firing_that_found_no_room_to_be_written_down_holds_too(tmp_path: Path) -> None:
    lease = Lease.take(tmp_path, Nanos(100), Nanos(1_000))
    watched = Watched(tmp_path, Nanos(10))
    watched.look(Nanos(1_000))
    look = watched.look(Nanos(5_000))
    assert look.condition is Condition.DEAD
    assert watched.fire(look.generation)
    watched.close()
    lease.close()
    second = Lease.take(tmp_path, Nanos(100), Nanos(6_000))
    fired = read_latch(tmp_path)
    assert fired is not None
    assert fired.generation == hex(look.generation)
    open_latch(tmp_path)
    assert read_latch(tmp_path) is None
    second.close()

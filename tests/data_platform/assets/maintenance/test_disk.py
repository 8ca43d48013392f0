from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from data_platform.assets.maintenance import disk
from data_platform.assets.maintenance.disk import Condition, Measure, growth, judge
from data_platform.assets.maintenance.settings import MaintenanceSettings
from trading_runtime.records.units import Nanos

LIMITS = MaintenanceSettings()
DAY = 86_400 * 10**9
TOTAL = 1000 * disk.GIB


def measures(*used_percent: float, every: int = DAY) -> list[Measure]:
    return [
        Measure(Nanos(number * every), TOTAL, int(TOTAL * percent / 100))
        for number, percent in enumerate(used_percent)
    ]


def test_much_room_that_does_not_shrink_is_well() -> None:
    space = judge(measures(50, 50, 50), LIMITS)
    assert (space.condition, space.full_in_days) == (Condition.WELL, None)


def test_little_room_warns_and_less_is_critical() -> None:
    assert judge(measures(81), LIMITS).condition is Condition.WARNING
    assert judge(measures(91), LIMITS).condition is Condition.CRITICAL


def test_a_disk_that_fills_fast_warns_while_there_is_room() -> None:
    slow = judge(measures(40, 45, 50), LIMITS)
    assert slow.full_in_days is not None
    assert abs(slow.full_in_days - 10) < 0.01
    assert slow.condition is Condition.WELL
    assert judge(measures(30, 40, 50), LIMITS).condition is Condition.WARNING
    assert judge(measures(10, 40, 70), LIMITS).condition is Condition.CRITICAL


def test_a_short_past_and_another_disk_say_nothing_of_the_future() -> None:
    assert growth(measures(10, 20, every=3600 * 10**9), 7) is None
    grown = [*measures(10, 20), Measure(Nanos(2 * DAY), 2 * TOTAL, TOTAL)]
    assert growth(grown, 7) is None
    assert growth([], 7) is None


def test_only_the_last_days_count() -> None:
    slope = growth(measures(90, 10, 10, 10, 10, 10, 10, 10, 10), 7)
    assert slope is not None
    assert abs(slope) < disk.GIB / 1000


@given(st.integers(1, 50), st.integers(0, 40), st.integers(2, 8))
def test_the_growth_of_a_straight_line_is_its_slope(step: int, start: int, days: int) -> None:
    known = [Measure(Nanos(it * DAY), TOTAL, (start + step * it) * disk.GIB) for it in range(days)]
    slope = growth(known, 30)
    assert slope is not None
    assert abs(slope - step * disk.GIB) < 1e-6 * disk.GIB * step


def test_the_history_keeps_its_newest_measures(tmp_path: Path) -> None:
    for number in range(3):
        disk.look(tmp_path, LIMITS, Nanos(number * DAY))
    known = disk.history(tmp_path)
    assert [it.at for it in known] == [0, DAY, 2 * DAY]
    assert "of" in disk.text(judge(known, LIMITS))

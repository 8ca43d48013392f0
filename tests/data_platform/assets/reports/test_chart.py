"""What the picture shows of a day that was not recorded whole."""

import math

from data_platform.assets.reports.chart import level


def test_a_level_ends_with_the_record_and_is_not_drawn_where_there_is_none() -> None:
    moments, levels = level([0.0, 9.5, 11.0, 13.5], [0.0, 2.0, -1.0, 4.0], [(9.0, 12.0), (13, 14)])
    assert moments == [9.0, 9.5, 11.0, 12.0, 12.0, 13, 13.5, 14, 14]
    assert levels[:4] == [0.0, 2.0, -1.0, -1.0]
    assert math.isnan(levels[4])
    assert levels[5:8] == [-1.0, 4.0, 4.0]
    assert math.isnan(levels[8])


def test_nothing_is_drawn_before_the_first_value() -> None:
    moments, levels = level([9.5], [2.0], [(0.0, 3.0), (9.0, 10.0)])
    assert moments == [9.5, 10.0, 10.0]
    assert levels[:2] == [2.0, 2.0]

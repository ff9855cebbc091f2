"""Trends are told from noise, and what is out of the ordinary from what is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wye.assistant.analytics.trends import anomalies_of, trend_of


@pytest.mark.parametrize(
    ("values", "direction"),
    [
        ([1, 2, 3, 4, 5], "rising"),
        ([50, 40, 30, 20], "falling"),
        ([10, 10, 10, 10, 10], "flat"),
        ([100, 101, 100, 102, 101], "flat"),
        ([0, 0, 0, 0], "flat"),
        ([1, 90, 2, 80, 3, 99, 1, 60, 45, 110], "unclear"),
    ],
)
def test_a_direction_is_told_only_where_there_is_one(values: list[float], direction: str) -> None:
    trend = trend_of(values)
    assert trend is not None
    assert trend.direction == direction


def test_a_line_is_fitted_exactly() -> None:
    trend = trend_of([2, 4, 6, 8])
    assert trend is not None
    assert (trend.per_step, trend.percent_per_step, trend.fit) == (2, 40, 1)


def test_of_a_short_series_nothing_is_told() -> None:
    assert trend_of([1, 2, 3]) is None
    assert anomalies_of([1, 1, 1, 100]) == []


def test_the_farthest_comes_first() -> None:
    found = anomalies_of([10, 11, 9, 10, 60, 10, 11, -90, 9, 10])
    assert [one.at for one in found] == [7, 4]
    assert found[0].deviations < 0 < found[1].deviations


def test_one_that_differs_among_equal_ones_is_found() -> None:
    assert [one.at for one in anomalies_of([5, 5, 5, 5, 5, 5, 5, 5, 5, 50])] == [9]
    assert anomalies_of([5] * 20) == []


@given(st.lists(st.floats(-1e9, 1e9), max_size=60))
def test_no_series_breaks_it(values: list[float]) -> None:
    trend = trend_of(values)
    assert trend is None or 0 <= trend.fit <= 1
    assert all(values[one.at] == one.value for one in anomalies_of(values))

"""Periods are the calendar's, in UTC."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wye.core.periods import Period, bounds


def us(*date: int) -> int:
    return int(datetime.datetime(*date, tzinfo=datetime.UTC).timestamp()) * 1_000_000  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("period", "starts", "ends"),
    [
        ("minute", us(2026, 12, 31, 23, 59), us(2027, 1, 1)),
        ("day", us(2026, 12, 31), us(2027, 1, 1)),
        ("week", us(2026, 12, 28), us(2027, 1, 4)),
        ("month", us(2026, 12, 1), us(2027, 1, 1)),
        ("total", 0, None),
    ],
)
def test_a_moment_is_in_the_calendars_period(period: Period, starts: int, ends: int | None) -> None:
    assert bounds(period, us(2026, 12, 31, 23, 59, 30)) == (starts, ends)


@given(st.sampled_from(["minute", "day", "week", "month"]), st.integers(0, us(2100, 1, 1)))
def test_periods_follow_each_other_without_a_gap(period: Period, at: int) -> None:
    starts, ends = bounds(period, at)
    assert ends is not None
    assert starts <= at < ends
    assert bounds(period, starts) == bounds(period, ends - 1) == (starts, ends)
    assert bounds(period, ends)[0] == ends

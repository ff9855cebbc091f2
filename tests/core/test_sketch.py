"""Sketches of latency are as good as they promise to be, also when they are put together."""

import math
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from wye.core.sketch import ERROR, bucket, middle, quantile

TIMES = st.lists(st.integers(1, 86_400_000_000), min_size=1, max_size=200)
SHARES = st.sampled_from([0.0, 0.5, 0.9, 0.95, 0.99, 1.0])


@given(st.integers(1, 10**15))
def test_the_middle_of_its_bucket_is_within_five_percent_of_a_time(time: int) -> None:
    assert ERROR < 0.05
    assert abs(middle(bucket(time)) - time) <= time * (ERROR + 1e-9)


@given(TIMES, TIMES, SHARES)
def test_a_quantile_of_merged_sketches_is_within_five_percent_of_the_exact_one(
    some: list[int], more: list[int], share: float
) -> None:
    merged = Counter(map(bucket, some)) + Counter(map(bucket, more))
    together = sorted(some + more)
    exact = together[max(1, math.ceil(share * len(together))) - 1]
    found = quantile(merged, share)
    assert found is not None
    assert abs(found - exact) <= exact * (ERROR + 1e-9)


def test_a_sketch_of_nothing_has_no_quantile() -> None:
    assert quantile({}, 0.5) is None


def test_a_day_fits_a_small_integer() -> None:
    assert bucket(86_400_000_000) == 265
    assert bucket(0) == bucket(1) == 0

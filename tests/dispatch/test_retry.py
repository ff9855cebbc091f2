"""Pauses are drawn from all of their room, grow round by round, and never end before a provider wants them to."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wye.dispatch.retry import RetryConfig, pause

CHANCE = st.floats(0, 1, allow_nan=False)
ROUND = st.integers(0, 10_000)
CONFIG = st.builds(
    RetryConfig,
    base_delay=st.floats(0, 100),
    max_delay=st.floats(0.001, 1000),
    multiplier=st.floats(1, 100),
)


@pytest.mark.parametrize(("round_", "longest"), [(0, 1.0), (1, 2.0), (2, 4.0), (5, 32.0), (6, 60.0), (1000, 60.0)])
def test_a_pause_may_take_twice_as_long_each_time_up_to_a_bound(round_: int, longest: float) -> None:
    config = RetryConfig()
    assert pause(config, round_, 1.0) == longest
    assert pause(config, round_, 0.5) == longest / 2
    assert pause(config, round_, 0.0) == 0.0  # full jitter: all of the room, none of it kept


@given(CONFIG, ROUND, CHANCE)
def test_without_a_hint_a_pause_stays_within_its_bounds(config: RetryConfig, round_: int, chance: float) -> None:
    assert 0 <= pause(config, round_, chance) <= config.max_delay


@given(CONFIG, ROUND, CHANCE, st.floats(0, 100_000))
def test_a_hint_is_kept_to_and_hardly_exceeded(config: RetryConfig, round_: int, chance: float, hint: float) -> None:
    seconds = pause(config, round_, chance, hint)
    assert seconds >= hint
    assert seconds <= max(hint * 1.1, pause(config, round_, chance)) + 1e-9


@pytest.mark.parametrize(
    "nonsense", [{"max_retries": -1}, {"max_retries": 101}, {"base_delay": -1}, {"max_delay": 0}, {"multiplier": 0.5}]
)
def test_a_policy_that_makes_no_sense_is_refused(nonsense: dict[str, float]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(nonsense, RetryConfig)

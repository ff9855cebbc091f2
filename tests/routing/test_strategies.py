"""Strategies have names that everybody's spelling reaches, and turns are as even as can be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wye.core.errors import InvalidRequestError
from wye.routing.strategies import smooth_turns, strategy_named


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("cost", "cost"),
        ("COST_OPTIMIZED", "cost"),
        ("performance-optimized", "performance"),
        ("Quality_Optimized", "quality"),
        ("round_robin", "round-robin"),
        (" balanced ", "balanced"),
        ("auto:coding", "coding"),
        ("manual", "manual"),
    ],
)
def test_every_spelling_of_a_strategy_is_understood(said: str, meant: str) -> None:
    assert strategy_named(said, "strategy") == meant


@pytest.mark.parametrize("said", ["", "cheapest", "optimized", "x" * 5000])
def test_what_is_no_strategy_is_refused_with_those_there_are(said: str) -> None:
    with pytest.raises(InvalidRequestError, match=r"known are balanced, cost, .*manual") as caught:
        strategy_named(said, "x-wye-strategy")
    assert (caught.value.code, caught.value.param) == ("unknown_strategy", "x-wye-strategy")
    assert len(caught.value.message) < 300


@given(st.lists(st.integers(1, 20), min_size=1, max_size=6))
def test_one_round_of_turns_gives_everybody_their_weight_and_is_spread_out(weights: list[int]) -> None:
    turns = smooth_turns(tuple(weights))
    assert [turns.count(at) for at in range(len(weights))] == weights
    for at, weight in enumerate(weights):
        for so_far in range(1, len(turns) + 1):
            fair = so_far * weight / sum(weights)
            assert abs(turns[:so_far].count(at) - fair) < len(weights)

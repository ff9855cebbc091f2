"""A falling loss is forecast within its band, and where nothing can be said, nothing is."""

import random

import pytest
from tests.support.training import falling

from wye.assistant.training.fitting import FEWEST, fit, thinned
from wye.assistant.training.runs import Point


def curve(seed: int, *, steps: int = 1000, noise: float = 0.03) -> list[Point]:
    return losses(seed, {}, steps=steps, noise=noise)


def losses(seed: int, law: dict[str, float], *, steps: int = 1000, noise: float = 0.03) -> list[Point]:
    chance = random.Random(seed)
    return [Point(step, falling(step, **law) + chance.gauss(0, noise)) for step in range(10, steps + 1, 10)]


@pytest.mark.parametrize(
    "law",
    [{"a": 1.2, "b": 8.0, "c": 0.45}, {"a": 0.0, "b": 10.0, "c": 0.3}, {"a": 2.5, "b": 3.0, "c": 0.8}],
)
def test_the_band_holds_what_comes_in_nine_of_ten_runs(law: dict[str, float]) -> None:
    held = 0
    for seed in range(50):
        found = fit(losses(seed, law))
        assert found is not None
        ahead = found.at(2000)
        assert ahead.low <= ahead.value <= ahead.high
        held += ahead.low <= falling(2000, **law) <= ahead.high
    assert held >= 45


def test_without_noise_the_law_itself_is_found() -> None:
    found = fit(curve(0, noise=0.0))
    assert found is not None
    assert found.at(4000).value == pytest.approx(falling(4000), rel=0.01)
    assert found.explained > 0.999


def test_a_wider_scatter_makes_a_wider_band() -> None:
    quiet, loud = fit(curve(1, noise=0.01)), fit(curve(1, noise=0.2))
    assert quiet is not None
    assert loud is not None
    assert loud.at(2000).high - loud.at(2000).low > 3 * (quiet.at(2000).high - quiet.at(2000).low)


def test_a_target_is_reached_where_the_curve_is_there_or_never() -> None:
    found = fit(curve(0, noise=0.0))
    assert found is not None
    step = found.reaches(1.5)
    assert step is not None
    assert found.at(step).value == pytest.approx(1.5, rel=0.001)
    assert found.reaches(0.5) is None
    assert found.reaches(found.best.a + 1e-12) is None


@pytest.mark.parametrize(
    "values",
    [
        [1.0] * 50,
        [1.0 + at / 10 for at in range(50)],
        [3.0 - at / 10 for at in range(FEWEST - 1)],
        [],
        [float(at % 2) for at in range(50)],
    ],
    ids=["flat", "rising", "too few", "none", "up and down"],
)
def test_what_does_not_fall_is_not_forecast(values: list[float]) -> None:
    found = fit([Point(10 * at, value) for at, value in enumerate(values, 1)])
    assert found is None or found.explained < 0.5


@pytest.mark.parametrize(
    "points",
    [
        [Point(0, 3.0)] * 20,
        [Point(7, 3.0 - at) for at in range(20)],
        [Point(at, 10.0**-at) for at in range(30)],
        [Point(10**14 + at, 5.0 - at / 10) for at in range(30)],
        [Point(at, -float(at)) for at in range(40)],
        [Point(at, 1e29 - at * 1e27) for at in range(1, 40)],
        [Point(at, 1e-300) for at in range(1, 20)] + [Point(20, 0.0)],
    ],
)
def test_no_numbers_break_a_fit(points: list[Point]) -> None:
    found = fit(points)
    if found is not None:
        assert found.at(10**6).low <= found.at(10**6).high
        found.reaches(0.1)


def test_a_long_curve_is_averaged_and_says_over_how_many() -> None:
    found = fit(curve(0, steps=60_000))
    assert found is not None
    assert (found.points <= 120, found.averaged) == (True, 46)


@pytest.mark.parametrize("most", [2, 3, 50, 99, 100, 200])
def test_thinning_keeps_both_ends(most: int) -> None:
    points = [Point(at, 0.0) for at in range(100)]
    kept = thinned(points, most)
    assert (len(kept), kept[0], kept[-1]) == (min(most, 100), points[0], points[-1])
    assert kept == sorted(kept, key=lambda point: point.step)

"""Fits a falling loss by a power law, and says how far off a forecast by it may be.

The curve is `loss(step) = a + b * step**-c`, as losses fall over training (Kaplan et al. 2020, arXiv:2001.08361). The
asymptote `a` is tried on a grid; with each, `log(loss - a)` against `log(step)` is a straight line, fitted by least
squares with weights `(loss - a)**2`, so that it is the loss whose error is small and not its logarithm. The `a` with
the smallest squared error counts.

The band is that of all `a` whose error is not distinguishably larger (F-test, 95%), widened by 1.96 standard deviations
of what the curve leaves unexplained. It holds for the smoothed loss if the run goes on as it did: a change of the
learning rate's schedule or of the data is not foreseen.
"""

import math
from collections.abc import Sequence
from typing import Final

from msgspec import Struct, structs

from wye.assistant.training.runs import Point

METHOD: Final = (
    "power law a + b*step^-c, least squares with a grid on the asymptote a; band: all fits within the F-test's 95%, "
    "plus 1.96 standard deviations of the residuals"
)
FEWEST: Final = 8
"""Points that a fit needs."""
_BINS: Final = 120
_WARMING_UP: Final = 0.1
"""The part of the steps at the beginning that follows no power law yet."""
_GRID: Final = tuple(0.001 * 3000 ** (at / 59) for at in range(60))
"""How far below the smallest loss the asymptote may be, in parts of the range of all losses."""
_F: Final = 4.0
_Z: Final = 1.96
_FARTHEST: Final = 40.0
"""The logarithm of the step beyond which nobody trains."""
_FLAT: Final = 1e-9
"""Variance of the logarithm of steps below which they are one step."""
_STEEPEST: Final = 10.0
"""The exponent beyond which a curve is no loss's."""


class Line(Struct, frozen=True):
    """One curve: `a + b * step**-c`, and the sum of its squared errors."""

    a: float
    b: float
    c: float
    error: float

    def at(self, step: float) -> float:
        """Return the loss at a step."""
        return self.a + self.b * math.pow(step, -self.c)


class Forecast(Struct, frozen=True, kw_only=True):
    """The loss at a step, and between what it will be, most likely."""

    step: int
    value: float
    low: float
    high: float


class Fit(Struct, frozen=True, kw_only=True):
    """The curve that fits best, all that fit about as well, and what they leave unexplained.

    `deviation` is of the loss, averaged over `averaged` logged values; `explained` is the share of its variance that
    the curve explains (R²), `floor` what a loss of this kind is never below.
    """

    best: Line
    plausible: Sequence[Line]
    deviation: float
    explained: float
    floor: float
    points: int
    averaged: int

    def at(self, step: int) -> Forecast:
        """Return the forecast for a step."""
        values = [line.at(step) for line in self.plausible]
        width = _Z * self.deviation
        return Forecast(
            step=step, value=self.best.at(step), low=max(self.floor, min(values) - width), high=max(values) + width
        )

    def reaches(self, target: float) -> int | None:
        """Return the step at which the curve is down to `target`; `None` where it never will be."""
        over = target - self.best.a
        if over <= 0:
            return None
        power = (math.log(self.best.b) - math.log(over)) / self.best.c
        return round(math.exp(power)) if power < _FARTHEST else None


def fit(points: Sequence[Point]) -> Fit | None:
    """Fit losses; `None` where there are fewer than `FEWEST`, or they do not fall."""
    means, averaged = _smoothed(_settled(points))
    if len(means) < FEWEST:
        return None
    values = [value for _, value in means]
    lowest, span = min(values), max(values) - min(values)
    if span <= 0:
        return None
    grid = {max(0.0, lowest - span * part) if lowest > 0 else lowest - span * part for part in _GRID}
    lines = [line for a in sorted(grid) if (line := _line(means, a)) is not None]
    if not lines:
        return None
    best = min(lines, key=lambda line: line.error)
    free = max(1, len(means) - 3)
    middle = sum(values) / len(values)
    spread = sum((value - middle) ** 2 for value in values)
    return Fit(
        best=best,
        plausible=[line for line in lines if line.error <= best.error * (1 + _F / free)],
        deviation=math.sqrt(best.error / free),
        explained=1 - best.error / spread,
        floor=0.0 if lowest > 0 else -math.inf,
        points=len(means),
        averaged=averaged,
    )


def thinned(points: Sequence[Point], most: int) -> list[Point]:
    """Return at most `most` of the points, evenly, with the first and the last."""
    if len(points) <= most or most < 2:
        return list(points[-most:])
    step = (len(points) - 1) / (most - 1)
    return [points[round(at * step)] for at in range(most)]


def _settled(points: Sequence[Point]) -> list[Point]:
    real = [one for one in points if one.step > 0]
    if len(real) < 2 * FEWEST:
        return real
    begin = real[-1].step * _WARMING_UP
    later = [one for one in real if one.step >= begin]
    return later if len(later) >= FEWEST else real


def _smoothed(points: Sequence[Point]) -> tuple[list[tuple[float, float]], int]:
    """Return means of as many neighbours as leave `_BINS` of them, and how many that are."""
    size = max(1, math.ceil(len(points) / _BINS))
    groups = [points[at : at + size] for at in range(0, len(points) - size + 1, size)]
    return [
        (sum(one.step for one in group) / len(group), sum(one.value for one in group) / len(group)) for group in groups
    ], size


def _line(means: Sequence[tuple[float, float]], a: float) -> Line | None:
    """Fit the curve with this asymptote; `None` where it would not fall."""
    rows = [(math.log(step), math.log(value - a), (value - a) ** 2) for step, value in means if value > a]
    if len(rows) < len(means):
        return None
    weight = sum(w for _, _, w in rows)
    if weight <= 0:
        return None
    x_mean = sum(x * w for x, _, w in rows) / weight
    y_mean = sum(y * w for _, y, w in rows) / weight
    across = sum(w * (x - x_mean) ** 2 for x, _, w in rows)
    if across <= weight * _FLAT:
        return None
    slope = sum(w * (x - x_mean) * (y - y_mean) for x, y, w in rows) / across
    if not -_STEEPEST < slope < 0:
        return None
    line = Line(a, math.exp(y_mean - slope * x_mean), -slope, 0.0)
    return structs.replace(line, error=sum((value - line.at(step)) ** 2 for step, value in means))

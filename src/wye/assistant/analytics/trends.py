"""Where a series of figures is going, and which of them are out of the ordinary: pure."""

import statistics
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

from msgspec import Struct

Direction: TypeAlias = Literal["rising", "falling", "flat", "unclear"]
_SHORTEST: Final = 4
_FLAT_PERCENT: Final = 2.0
"""What a series may gain or lose per step, in percent of its mean, and still count as flat."""
_CLEAR: Final = 0.25
"""The share of the variation that a line has to explain before anybody calls it a trend."""
_SHORTEST_FOR_ANOMALIES: Final = 8
_FAR: Final = 3.5
"""Robust standard deviations from the median. Source: Iglewicz, Hoaglin: How to Detect and Handle Outliers (1993)."""
_SCALE: Final = 1.4826
"""What makes a median absolute deviation one standard deviation of a normal distribution."""


class Trend(Struct, frozen=True, kw_only=True):
    """A line through a series: its slope per step, that in percent of the mean, and how well it fits, from 0 to 1."""

    direction: Direction
    per_step: float
    percent_per_step: float | None
    fit: float


class Anomaly(Struct, frozen=True, kw_only=True):
    """A figure out of the ordinary: which one, what would have been ordinary, and by how many deviations it is off."""

    at: int
    value: float
    usual: float
    deviations: float


def trend_of(values: Sequence[float]) -> Trend | None:
    """Return where a series is going, by least squares; `None` where it is too short to tell."""
    if len(values) < _SHORTEST:
        return None
    mean = statistics.fmean(values)
    slope, _ = statistics.linear_regression(range(len(values)), values)
    spread = sum((value - mean) ** 2 for value in values)
    middle = (len(values) - 1) / 2
    explained = sum((slope * (at - middle)) ** 2 for at in range(len(values)))
    fit = explained / spread if spread else 0.0
    share = 100 * slope / mean if mean else None
    direction: Direction = "rising" if slope > 0 else "falling"
    if share is None or abs(share) <= _FLAT_PERCENT:
        direction = "flat"
    elif fit < _CLEAR:
        direction = "unclear"
    return Trend(
        direction=direction,
        per_step=slope,
        percent_per_step=None if share is None else round(share, 2),
        fit=round(min(fit, 1.0), 3),
    )


def anomalies_of(values: Sequence[float]) -> list[Anomaly]:
    """Return what is far from the median of a series, the farthest first; nothing of a short one."""
    if len(values) < _SHORTEST_FOR_ANOMALIES:
        return []
    usual = statistics.median(values)
    deviation = _SCALE * statistics.median(abs(value - usual) for value in values)
    if not deviation:
        # Most are the same: then the mean deviation tells what is far, as far as there is any.
        deviation = 1.2533 * statistics.fmean(abs(value - usual) for value in values)
    if not deviation:
        return []
    far = [
        Anomaly(at=at, value=value, usual=usual, deviations=round((value - usual) / deviation, 2))
        for at, value in enumerate(values)
        if abs(value - usual) > _FAR * deviation
    ]
    return sorted(far, key=lambda one: -abs(one.deviations))

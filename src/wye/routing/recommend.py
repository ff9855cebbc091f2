"""Which model to take for a kind of task: filters by the caller's bounds, ranked by the strategies' own scores."""

import datetime
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Final

from msgspec import Struct

from wye.catalog.registry import LATENCY_MS, capability_name
from wye.catalog.schema import LATENCY_TIERS, QUALITY_TIERS, LatencyTier, ModelInfo, QualityTier
from wye.health import ALL_WELL, HealthView, Observed
from wye.routing.scores import ENOUGH_REQUESTS, entry_of, judge
from wye.routing.shapes import Parts
from wye.routing.strategies import STRATEGIES

TYPICAL_INPUT_TOKENS: Final = 500
"""What a recommendation counts with beside `TYPICAL_OUTPUT_TOKENS`: the documents bound the mean of both prices."""
_OPEN_SOURCE: Final = 0.15
"""What being open adds to a score, for who prefers it; less than a tier of quality counts nowhere."""


class Wish(Struct, frozen=True, kw_only=True):
    """What a model is wanted for.

    `max_cost` is USD per 1,000 tokens and bounds the mean of input and output price, `max_latency` is milliseconds and
    bounds the latency tier, `min_context_window` is tokens. `task` is the name of a strategy that chooses by score:
    `simple`, `complex`, `coding`, `creative`, or `balanced`, `cost`, `performance`, `quality`.
    """

    capabilities: frozenset[str] = frozenset()
    max_cost: Decimal | None = None
    max_latency: float | None = None
    min_quality: QualityTier | None = None
    min_context_window: int | None = None
    prefer_open_source: bool = False
    task: str = "balanced"


class Recommended(Struct, frozen=True, kw_only=True):
    """A model that fits, its `score` from 0 to 1, the `parts` that made it, and the `reasons` in words.

    `latency_tier` is what was observed where `observed` names it, else what the catalog says. `why_not` says what is in
    the way of using it now, "" where nothing is.
    """

    model: ModelInfo
    score: float
    parts: Mapping[str, float]
    reasons: tuple[str, ...]
    latency_tier: LatencyTier
    quality_tier: QualityTier
    observed: tuple[str, ...] = ()
    why_not: str = ""

    @property
    def available(self) -> bool:
        """Whether it can be asked now."""
        return not self.why_not


def latency_tier(row: ModelInfo, observed: Observed | None) -> tuple[LatencyTier, bool]:
    """Return a model's latency tier and whether that is what was observed, which takes enough requests.

    What counts is the median time to the first token, and where nobody saw one, to the end of the answer.
    """
    if observed is None or observed.requests < ENOUGH_REQUESTS:
        return row.latency_tier, False
    seconds = observed.first_token_p50 if observed.first_token_p50 is not None else observed.duration_p50
    if seconds is None:
        return row.latency_tier, False
    bound = next((tier for tier in LATENCY_TIERS[:-1] if seconds * 1000 <= LATENCY_MS[tier]), LATENCY_TIERS[-1])
    return bound, True


def recommend(
    rows: Iterable[ModelInfo],
    wish: Wish,
    *,
    moment: datetime.datetime,
    why_not: Callable[[ModelInfo], str],
    health: HealthView = ALL_WELL,
) -> list[Recommended]:
    """Return the models that fit `wish`, those that can be used first, and of these the best first.

    `why_not` tells what is in the way of using a model now, "" where nothing is.
    """
    fitting = [_judged(row, wish, moment, why_not(row), health) for row in rows if _fits(row, wish, health)]
    return sorted(fitting, key=lambda one: (bool(one.why_not), -one.score, -one.parts["quality"], one.model.full_id))


def _fits(row: ModelInfo, wish: Wish, health: HealthView) -> bool:
    tier, _ = latency_tier(row, health.observed.get(row.full_id))
    best = QUALITY_TIERS if wish.min_quality is None else QUALITY_TIERS[: QUALITY_TIERS.index(wish.min_quality) + 1]
    return (
        {capability_name(name) for name in wish.capabilities} <= row.capabilities
        and row.quality_tier in best
        and (wish.max_latency is None or LATENCY_MS[tier] <= wish.max_latency)
        and (wish.min_context_window is None or (row.context_window or 0) >= wish.min_context_window)
        and (wish.max_cost is None or (row.mean_price is not None and row.mean_price <= wish.max_cost * 1000))
    )


def _judged(row: ModelInfo, wish: Wish, moment: datetime.datetime, why_not: str, health: HealthView) -> Recommended:
    seen = health.observed.get(row.full_id)
    parts = judge(
        entry_of(row, moment=moment),
        input_tokens=TYPICAL_INPUT_TOKENS,
        output_tokens=None,
        observed=seen,
        degraded=health.is_degraded(row.provider, row.full_id),
    )
    score = STRATEGIES[wish.task](parts) * parts.reliability
    named = {"cost": parts.cost, "speed": parts.speed, "quality": parts.quality, "reliability": parts.reliability}
    if wish.prefer_open_source:
        named["open_source"] = float(row.open_source)
        score = (score + _OPEN_SOURCE * row.open_source) / (1 + _OPEN_SOURCE)
    tier, was_observed = latency_tier(row, seen)
    return Recommended(
        model=row,
        score=round(score, 4),
        parts={name: round(part, 4) for name, part in named.items()},
        reasons=tuple(_reasons(row, wish, parts, tier, seen if was_observed else None)) + _in_the_way(why_not),
        latency_tier=tier,
        quality_tier=row.quality_tier,
        observed=("latency_tier",) if was_observed else (),
        why_not=why_not,
    )


def _reasons(row: ModelInfo, wish: Wish, parts: Parts, tier: LatencyTier, seen: Observed | None) -> Iterable[str]:
    if named := {capability_name(name) for name in wish.capabilities} - {"text"}:
        yield f"can do {', '.join(sorted(named))}"
    yield f"{row.quality_tier} quality, as documented"
    if seen is None:
        yield f"{tier}, as documented"
    else:
        seconds = seen.first_token_p50 if seen.first_token_p50 is not None else seen.duration_p50
        yield f"{tier}: {seconds:.2f} s at the median, observed over {seen.requests} requests"
        yield f"{seen.success_rate:.1%} of its requests were answered"
    yield _about_cost(row, wish, parts)
    if wish.min_context_window is not None and row.context_window is not None:
        yield f"holds {row.context_window:,} tokens"
    if wish.prefer_open_source:
        yield "open source, as preferred" if row.open_source else "not open source, which was preferred"


def _about_cost(row: ModelInfo, wish: Wish, parts: Parts) -> str:
    if row.mean_price is None or parts.expected_cost is None:
        return "its price is unknown"
    if row.price.is_free:
        return "charges nothing"
    price = f"${float(row.mean_price) / 1000:.6g} per 1,000 tokens, the mean of input and output"
    return price if wish.max_cost is None else f"{price}, within ${float(wish.max_cost):g}"


def _in_the_way(why_not: str) -> tuple[str, ...]:
    return (f"not available: {why_not}",) if why_not else ()

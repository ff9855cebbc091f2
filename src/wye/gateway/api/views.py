"""The answers of the application API, in the documents' names; prices are USD per 1,000 tokens."""

import datetime
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct, field

from wye.catalog.schema import LatencyTier, ModelInfo, QualityTier
from wye.core.plan import Plan
from wye.core.refresh import Refreshed
from wye.registry import ModelRegistry, Statistics
from wye.routing.recommend import Recommended


class View(Struct, frozen=True, kw_only=True, rename="camel"):
    """A part of an answer."""


class CostView(View, frozen=True, kw_only=True):
    """USD per 1,000 tokens; `null` where nobody says, 0 only where it is free."""

    input: float | None
    output: float | None


class ModelView(View, frozen=True, kw_only=True):
    """One model. `fullId` is the name that reaches exactly this one; token counts are `null` where nobody says."""

    id: str
    full_id: str
    provider: str
    provider_id: str
    name: str
    description: str
    available: bool
    why_not: str | None
    capabilities: Sequence[str]
    context_window: int | None
    max_tokens: int | None
    cost_per_1k_tokens: CostView = field(name="costPer1kTokens")
    latency_tier: LatencyTier
    quality_tier: QualityTier
    open_source: bool
    experimental: bool
    extended_thinking: bool
    agent_capable: bool
    coding_optimized: bool
    deprecated: bool
    retires_on: datetime.date | None
    tags: Sequence[str]


class ModelsView(View, frozen=True, kw_only=True):
    """The models that were asked for, and how many of them can be used now."""

    models: Sequence[ModelView]
    total_models: int
    available_models: int


class OneModelView(View, frozen=True, kw_only=True):
    """One model."""

    model: ModelView


class StatisticsView(View, frozen=True, kw_only=True):
    """How many models there are; `healthyModels` are those available that nothing is held against."""

    total_models: int
    available_models: int
    healthy_models: int
    deprecated_models: int
    open_source_models: int
    by_provider: Mapping[str, int]
    by_capability: Mapping[str, int]
    by_latency_tier: Mapping[str, int]
    by_quality_tier: Mapping[str, int]


class RecommendedView(ModelView, frozen=True, kw_only=True):
    """A model that fits: its score (1 at best), what the score was made of, and why. `observed` names tiers seen."""

    score: float
    parts: Mapping[str, float]
    reasons: Sequence[str]
    observed: Sequence[str]


class RecommendationView(View, frozen=True, kw_only=True):
    """The best model, `null` where none fits, and all that fit, best first."""

    recommendation: RecommendedView | None
    recommendations: Sequence[RecommendedView]


class ProblemView(View, frozen=True, kw_only=True):
    """What went wrong."""

    code: str
    message: str


class RefreshedView(View, frozen=True, kw_only=True):
    """What one provider said of its models: `new` were not known, `missing` are known and not listed."""

    provider: str
    ok: bool
    models: int
    new: Sequence[str]
    missing: Sequence[str]
    seconds: float
    error: ProblemView | None


class RefreshView(View, frozen=True, kw_only=True):
    """What providers said of their models."""

    providers: Sequence[RefreshedView]
    discovered: int
    total_models: int
    available_models: int


class AttemptView(View, frozen=True, kw_only=True):
    """One place the request would go to, in its turn."""

    provider: str
    model: str
    reason: str
    score: float | None


class CandidateView(View, frozen=True, kw_only=True):
    """A model that was judged. `expectedCost` is USD for the request, `speedFrom` says `tier` or `observed`."""

    provider: str
    model: str
    score: float
    parts: Mapping[str, float]
    expected_cost: float | None
    speed_from: str


class DroppedView(View, frozen=True, kw_only=True):
    """A model that was left out, with a stable `code`."""

    provider: str
    model: str
    code: str
    reason: str


class PlanView(View, frozen=True, kw_only=True):
    """Where a request would go, best first, and what was left out and why."""

    requested: str
    strategy: str | None
    attempts: Sequence[AttemptView]
    candidates: Sequence[CandidateView]
    dropped: Sequence[DroppedView]


def models_view(registry: ModelRegistry, rows: Sequence[ModelInfo]) -> ModelsView:
    """Return models as they are listed."""
    views = [model_view(registry, row) for row in rows]
    return ModelsView(models=views, total_models=len(views), available_models=sum(view.available for view in views))


def model_view(registry: ModelRegistry, row: ModelInfo) -> ModelView:
    """Return one model as it is shown."""
    return ModelView(**_model(row, registry.why_not(row), registry.latency_tier(row)))


def _model(row: ModelInfo, why_not: str, latency_tier: LatencyTier) -> dict[str, Any]:
    return {
        "id": row.id,
        "full_id": row.full_id,
        "provider": row.provider,
        "provider_id": row.provider,
        "name": row.name or row.id,
        "description": row.description,
        "available": not why_not,
        "why_not": why_not or None,
        "capabilities": sorted(row.capabilities),
        "context_window": row.context_window,
        "max_tokens": row.max_output_tokens,
        "cost_per_1k_tokens": CostView(input=_per_thousand(row.price.input), output=_per_thousand(row.price.output)),
        "latency_tier": latency_tier,
        "quality_tier": row.quality_tier,
        "open_source": row.open_source,
        "experimental": row.quality_tier == "experimental",
        "extended_thinking": "extended-thinking" in row.capabilities,
        "agent_capable": "agents" in row.capabilities,
        "coding_optimized": "coding" in row.capabilities,
        "deprecated": row.deprecated,
        "retires_on": row.retires_on,
        "tags": sorted(row.tags),
    }


def _per_thousand(per_million: Decimal | None) -> float | None:
    return None if per_million is None else float(per_million / 1000)


def statistics_view(found: Statistics) -> StatisticsView:
    """Return how many models there are."""
    return StatisticsView(
        total_models=found.total,
        available_models=found.available,
        healthy_models=found.healthy,
        deprecated_models=found.deprecated,
        open_source_models=found.open_source,
        by_provider=found.by_provider,
        by_capability=found.by_capability,
        by_latency_tier=found.by_latency_tier,
        by_quality_tier=found.by_quality_tier,
    )


def recommendation_view(found: Sequence[Recommended]) -> RecommendationView:
    """Return advice."""
    views = [
        RecommendedView(
            **_model(one.model, one.why_not, one.latency_tier),
            score=one.score,
            parts=one.parts,
            reasons=one.reasons,
            observed=one.observed,
        )
        for one in found
    ]
    return RecommendationView(recommendation=views[0] if views else None, recommendations=views)


def refresh_view(registry: ModelRegistry, reports: Sequence[Refreshed]) -> RefreshView:
    """Return what came of asking providers."""
    count = registry.statistics()
    return RefreshView(
        providers=[_refreshed(report) for report in reports],
        discovered=sum(len(report.new) for report in reports),
        total_models=count.total,
        available_models=count.available,
    )


def _refreshed(report: Refreshed) -> RefreshedView:
    error = report.error
    return RefreshedView(
        provider=report.provider,
        ok=error is None,
        models=report.models,
        new=report.new,
        missing=report.missing,
        seconds=round(report.seconds, 3),
        error=None if error is None else ProblemView(code=error.code, message=error.message),
    )


def plan_view(plan: Plan) -> PlanView:
    """Return a plan, explained."""
    return PlanView(
        requested=plan.requested,
        strategy=plan.strategy,
        attempts=[
            AttemptView(provider=one.provider, model=one.model, reason=one.reason, score=one.score)
            for one in plan.attempts
        ],
        candidates=[
            CandidateView(
                provider=one.provider,
                model=one.model,
                score=one.score,
                parts=one.parts,
                expected_cost=one.expected_cost,
                speed_from=one.speed_from,
            )
            for one in plan.candidates
        ],
        dropped=[
            DroppedView(provider=one.provider, model=one.model, code=one.code, reason=one.reason)
            for one in plan.dropped
        ],
    )

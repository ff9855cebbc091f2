"""Routes about models: which there are, which to take, and why a request would go where it goes."""

from typing import Annotated, Any, Final, TypeAlias

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from wye.catalog.schema import LatencyTier, QualityTier
from wye.core.errors import ModelNotFoundError
from wye.gateway.api import views
from wye.gateway.api.asking import at_provider, known_provider, open_exchange
from wye.gateway.api.forms import ExplainForm, RecommendForm, RefreshForm
from wye.gateway.api.here import Here
from wye.registry import ModelRegistry

Registry: TypeAlias = NamedDependency[ModelRegistry]

LOOKING: Final = {"needs": ("use", "read")}
"""What a route says that everybody may ask who asks or reads anything."""
_FILTERS: Final = {
    "provider": False,
    "capability": True,
    "maxCost": False,
    "maxLatency": False,
    "minContextWindow": False,
    "latencyTier": False,
    "qualityTier": False,
    "openSource": False,
    "available": False,
}
"""The parameters of a list of models, and whether each may be given more than once."""

_Provider: TypeAlias = Annotated[str | None, QueryParameter(description="a provider's id or alias")]
_Capability: TypeAlias = Annotated[
    list[str] | None,
    QueryParameter(description="what it must be able to do; several are given by repeating it, or with commas"),
]
_MaxCost: TypeAlias = Annotated[
    float | None,
    QueryParameter(name="maxCost", ge=0, description="USD per 1,000 tokens, for the mean of input and output price"),
]
_MaxLatency: TypeAlias = Annotated[float | None, QueryParameter(name="maxLatency", ge=0, description="milliseconds")]
_MinContext: TypeAlias = Annotated[int | None, QueryParameter(name="minContextWindow", ge=0, description="tokens")]
_Latency: TypeAlias = Annotated[LatencyTier | None, QueryParameter(name="latencyTier")]
_Quality: TypeAlias = Annotated[QualityTier | None, QueryParameter(name="qualityTier")]
_OpenSource: TypeAlias = Annotated[bool | None, QueryParameter(name="openSource")]
_Available: TypeAlias = Annotated[
    bool | None, QueryParameter(description="only models that can (or cannot) be asked now")
]


async def listed(  # noqa: PLR0913, PLR0917 - one parameter for each of the documents' filters
    registry: Registry,
    provider: _Provider = None,
    capability: _Capability = None,
    max_cost: _MaxCost = None,
    max_latency: _MaxLatency = None,
    min_context_window: _MinContext = None,
    latency_tier: _Latency = None,
    quality_tier: _Quality = None,
    open_source: _OpenSource = None,
    available: _Available = None,
) -> views.ModelsView:
    """List models.

    Every model that is known and meets all conditions, with what it can do, holds and costs.
    """
    rows = registry.filter(
        provider=provider,
        capabilities=[name for names in capability or () for name in names.split(",") if name.strip()],
        max_cost=max_cost,
        max_latency=max_latency,
        min_context_window=min_context_window,
        latency_tier=latency_tier,
        quality_tier=quality_tier,
        open_source=open_source,
        available=available,
    )
    return views.models_view(registry, rows)


async def counted(registry: Registry) -> views.StatisticsView:
    """Count models by provider, capability and tier."""
    return views.statistics_view(registry.statistics())


list_models: Any = get("/models", opt={"query": _FILTERS, **LOOKING})(listed)
count_models: Any = get("/models/stats", opt=LOOKING)(counted)
BARE_HANDLERS: Final = (get("/", opt={"query": _FILTERS, **LOOKING})(listed), get("/stats", opt=LOOKING)(counted))
"""The same two where the prefix itself says that it is about models."""


@get("/models/{provider:str}/{model:path}", opt=LOOKING)
async def show_model(
    registry: Registry, here: NamedDependency[Here], provider: FromPath[str], model: FromPath[str]
) -> views.OneModelView:
    """Show a model of a provider, by any of its names; the name may hold slashes."""
    row_of = known_provider(here.engine, provider)
    name = model.strip("/")
    known = here.engine.snapshot.catalog
    row = known.find(row_of.id, name)
    if row is None:
        near = ", ".join(known.near(at_provider(here.engine, provider, name))) or "GET models lists them"
        message = f"{row_of.name} has no model {name!r}; near names: {near}. POST discover asks it for its models"
        raise ModelNotFoundError(message, param="model")
    return views.OneModelView(model=views.model_view(registry, row))


@post("/models/recommend", status_code=200, opt=LOOKING)
async def recommend(registry: Registry, data: JSONBody[RecommendForm]) -> views.RecommendationView:
    """Recommend models for a purpose, best first, with their scores and reasons."""
    found = registry.recommend(
        data.capabilities,
        max_cost=data.max_cost,
        max_latency=data.max_latency,
        min_quality=data.min_quality,
        min_context_window=data.min_context_window,
        prefer_open_source=data.prefer_open_source,
        task=data.task,
        provider=data.provider,
        available=data.available,
        limit=data.limit,
    )
    return views.recommendation_view(found)


async def _refreshed(registry: ModelRegistry, here: Here, data: RefreshForm) -> views.RefreshView:
    for name in data.providers:
        known_provider(here.engine, name)
    return views.refresh_view(registry, await registry.refresh(data.providers))


@post("/models/refresh", status_code=200)
async def refresh(registry: Registry, here: NamedDependency[Here], data: JSONBody[RefreshForm]) -> views.RefreshView:
    """Ask providers which models they have; new ones can be used at once.

    A provider that is away changes nothing of what is known of it: its report says why.
    """
    return await _refreshed(registry, here, data)


@post("/discover", status_code=200)
async def discover(registry: Registry, here: NamedDependency[Here], data: JSONBody[RefreshForm]) -> views.RefreshView:
    """Discover models: the same as refreshing the list of models."""
    return await _refreshed(registry, here, data)


@post("/explain", status_code=200, opt=LOOKING)
async def explain(here: NamedDependency[Here], data: JSONBody[ExplainForm]) -> views.PlanView:
    """Explain where a request would go: candidates, scores, and what was left out and why. Nothing is asked."""
    exchange = open_exchange(here, data, stream=False)
    return views.plan_view(here.engine.explain_call(exchange.call, exchange.wishes, here.caller))


HANDLERS: Final = (list_models, count_models, show_model, recommend, refresh, discover, explain)

"""`GET /v1/models` and `/v1/models/{id}`."""

from typing import Any

from wye.catalog.schema import ModelInfo
from wye.core.caller import Caller
from wye.core.plan import Wanted
from wye.engine import Engine
from wye.routing.names import AUTO
from wye.routing.strategies import AUTO_NAMES


def list_models(engine: Engine, caller: Caller) -> dict[str, Any]:
    """Return the models of the providers in use, the aliases and `auto` that a caller may ask, in OpenAI's shape."""
    names = (AUTO, *AUTO_NAMES, *engine.seen_by(caller).settings.aliases)
    if caller.models is not None or caller.providers is not None:
        names = tuple(name for name in names if engine.explain(name, caller).attempts)
    return {"object": "list", "data": [*map(_named, names), *map(_row, engine.models_for(caller))]}


def show_model(engine: Engine, name: str, caller: Caller) -> dict[str, Any]:
    """Return `auto` or an alias as it is listed, and else the model that a request for `name` would reach first."""
    planner = engine.seen_by(caller).planner
    if name == AUTO or name in AUTO_NAMES or planner.is_alias(name):
        planner.plan(Wanted(model=name, operation=None, providers=caller.providers, models=caller.models))
        return _named(name)
    return _row(engine.model_for(caller, name))


def _named(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "wye"}


def _row(model: ModelInfo) -> dict[str, Any]:
    return {
        "id": model.full_id,
        "object": "model",
        "created": 0,
        "owned_by": model.provider,
        "name": model.name or model.id,
        "context_window": model.context_window,
        "max_output_tokens": model.max_output_tokens,
        "capabilities": sorted(model.capabilities),
        "input_cost_per_million": model.price.input,
        "output_cost_per_million": model.price.output,
        "latency_tier": model.latency_tier,
        "quality_tier": model.quality_tier,
        "deprecated": model.deprecated,
    }

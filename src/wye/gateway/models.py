"""`GET /v1/models` and `/v1/models/{id}`."""

from typing import Any

from wye.catalog.schema import ModelInfo
from wye.core.errors import ModelNotFoundError
from wye.core.plan import Wanted
from wye.engine import Engine
from wye.routing.names import AUTO
from wye.routing.strategies import AUTO_NAMES


def list_models(engine: Engine) -> dict[str, Any]:
    """Return every model of the providers in use, the aliases and `auto`, in OpenAI's shape."""
    now = engine.snapshot
    named = [_named(name) for name in (AUTO, *AUTO_NAMES, *now.settings.aliases)]
    rows = [_row(model) for model in now.catalog.models.values() if model.provider in now.availability.configured]
    return {"object": "list", "data": [*named, *rows]}


def show_model(engine: Engine, name: str) -> dict[str, Any]:
    """Return `auto` or an alias as it is listed, and else the model that a request for `name` would reach first."""
    now = engine.snapshot
    if name == AUTO or name in AUTO_NAMES or now.planner.is_alias(name):
        return _named(name)
    attempt = now.planner.plan(Wanted(model=name, operation=None)).attempts[0]
    row = now.catalog.models.get(attempt.full_id)
    if row is None:
        raise ModelNotFoundError(f"{attempt.full_id!r} is not in the catalog, though {attempt.provider} may serve it")
    return _row(row)


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

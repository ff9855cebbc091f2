"""Turns a form of the application API into an exchange, as every other way in does."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import structs

from wye.catalog import similarity
from wye.catalog.schema import Provider
from wye.core.caller import Caller
from wye.core.errors import InvalidRequestError
from wye.core.exchange import Exchange
from wye.core.plan import Wishes
from wye.core.request import Asked
from wye.engine import Engine
from wye.gateway.api.forms import Choosing, Context, GenerateForm, Options
from wye.gateway.api.here import Here
from wye.gateway.chat import heed, timeout_of, wants_dropping
from wye.gateway.wishes import wishes_of as from_headers
from wye.registry import known_capabilities
from wye.routing.strategies import MANUAL, strategy_named
from wye.surfaces import openai_chat

_NO_CONTEXT = Context()


def open_exchange(here: Here, form: Choosing, *, stream: bool) -> Exchange:
    """Open the exchange that `form` asks for. Raises `InvalidRequestError` that names the member at fault."""
    engine, headers = here.engine, here.request.headers
    context = form.context or _NO_CONTEXT
    body = msgspec.json.encode(_members(form, model_of(engine, form, here.caller), stream=stream))
    call = openai_chat.parse_request(body, Asked(drop_unsupported=wants_dropping(engine, headers)))
    exchange = engine.begin(
        call, timeout=context.timeout or timeout_of(headers), request_id=here.request.id, caller=here.caller
    )
    exchange.wishes = wishes_of(engine, context, headers)
    heed(engine, exchange, headers)
    return exchange


def model_of(engine: Engine, form: Choosing, caller: Caller) -> str:
    """Return the name that a form asks for; where it names nothing the caller's default model, or `auto`."""
    context = form.context or _NO_CONTEXT
    model = form.model or context.manual_model
    if form.provider is not None:
        return at_provider(engine, form.provider, model)
    if model is None and context.strategy is not None and context.strategy.lower() == MANUAL:
        raise InvalidRequestError(
            "the strategy 'manual' needs a model: set 'context.manualModel' or 'model'",
            code="missing_field",
            param="context.manualModel",
        )
    chosen = context.strategy is None and caller.strategy is None
    return model or (caller.default_model if chosen else None) or "auto"


def at_provider(engine: Engine, name: str, model: str | None) -> str:
    """Return the full name of a provider's model, of its default model where none is named."""
    row, known = known_provider(engine, name), engine.snapshot.catalog
    if model is None:
        model = engine.snapshot.settings.routing.default_models.get(row.id) or row.default_model
        if model is None:
            message = f"{row.name} has no default model: name one in 'model'"
            raise InvalidRequestError(message, code="missing_field", param="model")
    head, _, rest = model.partition("/")
    if rest and known.find(row.id, model) is None and known.provider(head) is row:
        return f"{row.id}/{rest}"
    return f"{row.id}/{model}"


def known_provider(engine: Engine, name: str) -> Provider:
    """Return the provider with this id or alias; raise `InvalidRequestError` that lists near names."""
    known = engine.snapshot.catalog
    row = known.provider(name)
    if row is None:
        names = {one.id: (one.id, one.name, *one.aliases) for one in known.providers.values()}
        near = similarity.nearest(name, names, limit=3)
        others = f"near names: {', '.join(near)}" if near else "GET /api/models/providers lists them"
        raise InvalidRequestError(f"there is no provider {name!r}; {others}", code="unknown_provider", param="provider")
    return row


def wishes_of(engine: Engine, context: Context, headers: Mapping[bytes, bytes]) -> Wishes:
    """Return what a caller says of the choice, in the body and, where that is silent, in headers."""
    said = from_headers(headers) or Wishes()
    strategy = context.strategy and strategy_named(context.strategy, "context.strategy")
    return Wishes(
        strategy=said.strategy if strategy is None else None if strategy == MANUAL else strategy,
        needs=frozenset(known_capabilities(context.required_capabilities)),
        max_cost=said.max_cost if context.max_cost is None else Decimal(str(context.max_cost)),
        min_quality=context.min_quality or said.min_quality,
        providers=None
        if context.providers is None
        else frozenset(known_provider(engine, name).id for name in context.providers),
        tags=frozenset(context.tags) or said.tags,
        explain=said.explain,
    )


def _members(form: Choosing, model: str, *, stream: bool) -> dict[str, Any]:
    """Return the request in OpenAI's form."""
    if (form.messages is None) == (form.prompt is None):
        what = "either 'messages' or 'prompt' is required" if form.messages is None else "give 'messages' or 'prompt'"
        raise InvalidRequestError(what, code="missing_field", param="messages")
    messages = form.messages if form.messages is not None else [{"role": "user", "content": form.prompt}]
    options = structs.asdict(form.options or Options())
    members: dict[str, Any] = {"model": model, "messages": messages, "stream": stream, "tools": form.tools, **options}
    if isinstance(form, GenerateForm):
        members |= {"tool_choice": form.tool_choice, "response_format": form.response_format}
    return {name: value for name, value in members.items() if value is not None}

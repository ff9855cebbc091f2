"""What the adapters' tests share: models to build requests for, and a request on its way to one of them."""

import json
from typing import Any

from wye.adapters import Target, load
from wye.catalog.schema import ModelInfo
from wye.core.request import Asked, Call
from wye.core.wire import WireRequest
from wye.surfaces.openai_chat import parse_request

ABLE = ModelInfo(
    id="able-1",
    capabilities=frozenset({"text", "vision", "function-calling", "json-mode", "json-schema", "reasoning"}),
)
PLAIN = ModelInfo(id="plain-1")


def call_of(body: dict[str, Any], *, drop: bool = False) -> Call:
    """Return a chat completion request; a model and a message are filled in where they do not matter."""
    whole = {"model": "asked-for", "messages": [{"role": "user", "content": "hi"}], **body}
    return parse_request(json.dumps(whole).encode(), Asked(drop_unsupported=drop))


def request_of(wire: str, body: dict[str, Any], model: ModelInfo = ABLE, *, drop: bool = False) -> WireRequest:
    """Build a request of one wire."""
    return load(wire).build_request(call_of(body, drop=drop), Target(model))


def build(wire: str, body: dict[str, Any], model: ModelInfo = ABLE, *, drop: bool = False) -> Any:
    """Build a request of one wire and decode its body."""
    return json.loads(request_of(wire, body, model, drop=drop).body)


def conversation(wire: str, *messages: dict[str, Any]) -> Any:
    """Build a request of nothing but messages."""
    return build(wire, {"messages": list(messages)})

"""Says the tools that a provider runs itself in Anthropic's words."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from wye.adapters import cannot_express
from wye.adapters.anthropic_messages.same import WIRE
from wye.catalog.schema import Capability, ModelInfo
from wye.core.request import Call, HostedTool

_SEARCH: Final = "web_search_20250305"
_CODE: Final = "code_execution_20250825"
_CODE_BETA: Final = "code-execution-2025-08-25"
_NEEDS: Final[Mapping[str, Capability]] = {"web_search": "web-search", "code_execution": "code-execution"}
_PLACE: Final = ("city", "region", "country", "timezone")


class _Filters(Struct):
    allowed_domains: list[str] | None = None
    blocked_domains: list[str] | None = None


class _Search(Struct):
    """What OpenAI's two APIs say of a search; Google's says nothing."""

    user_location: dict[str, Any] | None = None
    filters: _Filters | None = None


_decode_search = msgspec.json.Decoder(_Search).decode


def hosted_tools(
    asked: Sequence[HostedTool | Raw], model: ModelInfo, call: Call, dropped: list[str]
) -> tuple[list[Any], list[str]]:
    """Return the tools, those of this wire as they came, and the beta features they need.

    A bare `Raw` is `web_search_options` of OpenAI's chat completions. Raises `UnsupportedParameterError` for what this
    wire or the model has not, unless that may be left out.
    """
    tools: list[Any] = []
    betas: list[str] = []
    for tool in asked:
        kind = "web_search" if isinstance(tool, Raw) else tool.kind
        if not isinstance(tool, Raw) and tool.wire == WIRE:
            tools.append(tool.raw)
        elif kind in _NEEDS and _can(model, kind):
            if kind == "web_search":
                tools.append(_search(tool if isinstance(tool, Raw) else tool.raw))
            else:
                tools.append({"type": _CODE, "name": "code_execution"})
                betas.append(_CODE_BETA)
        elif call.drop_unsupported:
            dropped.append(f"tools.{kind}")
        else:
            raise cannot_express(f"tools.{kind}", WIRE)
    return tools, betas


def searches(tools: Sequence[Any]) -> bool:
    """Tell whether a search of the web is among the tools."""
    return any(b'"web_search' in bytes(tool) if isinstance(tool, Raw) else tool["type"] == _SEARCH for tool in tools)


def _can(model: ModelInfo, kind: str) -> bool:
    """Tell whether a model has a tool; code execution came with the models that search, and few rows name it."""
    return _NEEDS[kind] in model.capabilities or (kind == "code_execution" and "web-search" in model.capabilities)


def _search(raw: Raw) -> dict[str, Any]:
    body: dict[str, Any] = {"type": _SEARCH, "name": "web_search"}
    try:
        said = _decode_search(bytes(raw))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body
    if place := said.user_location:
        inner = place.get("approximate")
        place = inner if isinstance(inner, dict) else place
        body["user_location"] = {"type": "approximate", **{name: place[name] for name in _PLACE if place.get(name)}}
    if said.filters and said.filters.allowed_domains:
        body["allowed_domains"] = said.filters.allowed_domains
    elif said.filters and said.filters.blocked_domains:
        body["blocked_domains"] = said.filters.blocked_domains
    return body

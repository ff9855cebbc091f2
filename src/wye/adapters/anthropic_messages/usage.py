"""Reads what an answer of the Messages API used up."""

from typing import Any

from msgspec import Struct

from wye.adapters import count, tier_of
from wye.core.usage import Usage


class _Creation(Struct):
    ephemeral_1h_input_tokens: int | float | None = None


class _OutputDetails(Struct):
    thinking_tokens: int | float | None = None
    reasoning_tokens: int | float | None = None


class _ServerTools(Struct):
    web_search_requests: int | float | None = None


class _Counts(Struct):
    input_tokens: int | float | None = None
    output_tokens: int | float | None = None
    cache_creation_input_tokens: int | float | None = None
    cache_read_input_tokens: int | float | None = None
    cache_creation: _Creation | None = None
    output_tokens_details: _OutputDetails | None = None


class _Iteration(_Counts):
    type: str | None = None


class WireUsage(_Counts):
    """Usage as the wire says it; `iterations` lists the runs of models that one answer took."""

    server_tool_use: _ServerTools | None = None
    iterations: list[_Iteration] | None = None
    service_tier: Any = None
    speed: Any = None
    inference_geo: Any = None


_NONE_BESIDE = frozenset({"message", "fallback_message"})
"""Iterations that the wire has added up in the counts of the answer itself; all others come on top of those."""


def read_usage(source: WireUsage | None, counts: dict[str, int], said: dict[int | str, Any]) -> Usage | None:
    """Merge newer counts over older ones; the counts of a stream are cumulative and come in two events.

    `said` keeps the tier of service, which only the first of them tells.
    """
    if source is not None:
        if (service := tier_of(source.service_tier, source.speed, source.inference_geo)) is not None:
            said["service"] = service
        newer = _named(source)
        if source.server_tool_use is not None:
            newer["searches"] = source.server_tool_use.web_search_requests
        counts.update({name: count(value) for name, value in newer.items() if value is not None})
        if source.iterations is not None:
            _add_iterations(source.iterations, counts)
    if not counts:
        return None
    total = {name: counts.get(name, 0) + counts.get(f"beside_{name}", 0) for name in _NAMES}
    return Usage(
        input_tokens=total["input"] + total["read"] + total["written"],
        output_tokens=total["output"],
        cache_read_tokens=total["read"],
        cache_write_tokens=total["written"],
        cache_write_1h_tokens=min(total["written_1h"], total["written"]),
        reasoning_tokens=total["thinking"],
        search_requests=counts.get("searches", 0),
        service=said.get("service"),
    )


_NAMES = ("input", "output", "written", "written_1h", "read", "thinking")


def _named(source: _Counts) -> dict[str, int | float | None]:
    details = source.output_tokens_details or _OutputDetails()
    return {
        "input": source.input_tokens,
        "output": source.output_tokens,
        "written": source.cache_creation_input_tokens,
        "written_1h": source.cache_creation.ephemeral_1h_input_tokens if source.cache_creation else None,
        "read": source.cache_read_input_tokens,
        "thinking": details.thinking_tokens or details.reasoning_tokens,
    }


def _add_iterations(iterations: list[_Iteration], counts: dict[str, int]) -> None:
    """Add what a compaction of the conversation, or an advising model, used up: it is charged beside the answer."""
    beside = [_named(one) for one in iterations if one.type not in _NONE_BESIDE]
    for name in _NAMES:
        if some := sum(count(one[name]) for one in beside):
            counts[f"beside_{name}"] = some

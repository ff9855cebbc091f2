"""The items an answer is made of, read into values: messages, reasoning, calls, and what only this wire understands."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from wye.adapters import Index, count, decoded, made_call_id, tier_of
from wye.adapters.openai_responses.request import WIRE
from wye.core.content import Citation, FunctionCall, Opaque, Reasoning, ToolCall
from wye.core.usage import Usage

_TICKS_PER_DOLLAR: Final = 10**10
"""xAI's unit of cost. Source: https://docs.x.ai/docs/guides/cost-tracking."""

_CALLS: Final = frozenset({"function_call", "custom_tool_call"})
_encode = msgspec.json.Encoder().encode


class Annotation(Struct):
    """A source of a text, where it says so."""

    type: str | None = None
    url: str | None = None
    title: str | None = None
    filename: str | None = None
    file_id: str | None = None
    start_index: int | float | None = None
    end_index: int | float | None = None


class Piece(Struct):
    """A part of a message, of a summary or of thoughts."""

    type: str | None = None
    text: str | None = None
    refusal: str | None = None
    annotations: list[Annotation] | None = None
    logprobs: list[Raw] | None = None


class Action(Struct):
    """What a search did."""

    type: str | None = None


class Item(Struct):
    """One item of an answer."""

    type: str | None = None
    id: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | dict[str, Raw] | None = None
    input: str | None = None
    content: str | list[Piece] | None = None
    summary: list[Piece] | None = None
    encrypted_content: str | None = None
    action: Any = None
    status: str | None = None
    result: Any = None
    output_format: Any = None

    @property
    def pieces(self) -> list[Piece]:
        """The parts of the content; some servers send a plain text."""
        if isinstance(self.content, str):
            return [Piece(type="output_text", text=self.content)]
        return self.content or []


class _Details(Struct):
    cached_tokens: int | float | None = None
    cache_write_tokens: int | float | None = None
    audio_tokens: int | float | None = None
    reasoning_tokens: int | float | None = None
    image_tokens: int | float | None = None


class UsageCounts(Struct):
    """Token counts as they come."""

    input_tokens: int | float | None = None
    output_tokens: int | float | None = None
    total_tokens: int | float | None = None
    input_tokens_details: _Details | None = None
    output_tokens_details: _Details | None = None
    cost: Any = None
    cost_in_usd_ticks: int | float | None = None
    server_side_tool_usage_details: Any = None
    tool_calls_details: Any = None


class Incomplete(Struct):
    """Why an answer broke off."""

    reason: str | None = None


class Body(Struct):
    """A response, whole or as an event carries it."""

    object: str | None = None
    id: str | None = None
    model: str | None = None
    created_at: int | float | None = None
    status: str | None = None
    error: Any = None
    incomplete_details: Incomplete | None = None
    output: list[Raw] | None = None
    usage: UsageCounts | None = None
    tool_usage: Any = None
    service_tier: Any = None
    input_tokens: Any = None


_decode_item = msgspec.json.Decoder(Item).decode


def items_of(body: Body) -> list[tuple[Item, Raw]]:
    """Return the items with their bytes; raise `MalformedResponseError` for one that is none."""
    return [(read_item(raw), raw) for raw in body.output or ()]


def read_item(raw: Raw) -> Item:
    """Decode an item; raise `MalformedResponseError` where it is none."""
    return decoded(_decode_item, bytes(raw), "a response's item")


def finish_reason(body: Body, *, called: bool) -> str | None:
    """Return why an answer ended, in chat's words; `None` where it goes on in the background."""
    if body.status in {"queued", "in_progress"}:
        return None
    if body.status == "incomplete":
        reason = body.incomplete_details.reason if body.incomplete_details else None
        return "content_filter" if reason == "content_filter" else "length"
    if body.status == "cancelled":
        return "length"
    return "tool_calls" if called else "stop"


def is_call(item: Item) -> bool:
    """Tell whether an item calls a tool of the caller's."""
    return item.type in _CALLS


def is_known(item: Item) -> bool:
    """Tell whether an item says something every wire has words for."""
    return item.type in {"message", "reasoning"} or is_call(item)


def call_of(item: Item, answer_id: str, at: int) -> ToolCall:
    """Read a call of a function, or of a custom tool, whose input is plain text."""
    call_id = item.call_id or made_call_id(answer_id, at)
    if item.type == "custom_tool_call":
        return ToolCall(call_id, FunctionCall(item.name or "", item.input or ""), type="custom")
    return ToolCall(call_id, FunctionCall(item.name or "", arguments_of(item) or "{}"))


def arguments_of(item: Item) -> str:
    """Return arguments as JSON text; some servers send the object itself."""
    if item.type == "custom_tool_call":
        return item.input or ""
    return _encode(item.arguments).decode() if isinstance(item.arguments, dict) else item.arguments or ""


def reasoning_of(item: Item) -> Iterator[Reasoning]:
    """Read what the model thought: its thoughts, their summary, and both encrypted."""
    thoughts = "".join(piece.text or "" for piece in item.pieces)
    summary = SUMMARY_BREAK.join(piece.text or "" for piece in item.summary or ())
    encrypted = item.encrypted_content or None
    if thoughts:
        yield Reasoning(text=thoughts, id=item.id, origin=WIRE, encrypted=None if summary else encrypted)
    if summary or (encrypted and not thoughts):
        yield Reasoning(text=summary, id=item.id, origin=WIRE, encrypted=encrypted, summary=bool(summary))


SUMMARY_BREAK: Final = "\n\n"
"""Stands between the parts of a summary, which are paragraphs."""


def opaque_of(raw: Raw) -> Opaque:
    """Keep an item that only this wire format understands."""
    return Opaque(wire=WIRE, raw=raw.copy())


def citations_of(pieces: Iterable[Piece]) -> Iterator[Citation]:
    """Read where the text comes from; places count from the beginning of all text."""
    before = 0
    for piece in pieces:
        for annotation in piece.annotations or ():
            if (citation := citation_of(annotation, before)) is not None:
                yield citation
        before += len(piece.text or "")


def citation_of(annotation: Annotation, before: int) -> Citation | None:
    """Read one annotation of a text that `before` characters precede."""
    if not (annotation.url or annotation.file_id):
        return None
    start, end = annotation.start_index, annotation.end_index
    return Citation(
        url=annotation.url,
        title=annotation.title or annotation.filename,
        file_id=annotation.file_id,
        start=None if start is None else before + count(start),
        end=None if end is None else before + count(end),
    )


def images_of(item: Item) -> Iterator[dict[str, Any]]:
    """Return the image an item holds, in the form chat completions of other vendors have for it."""
    if item.type == "image_generation_call" and isinstance(item.result, str) and item.result:
        kind = item.output_format if isinstance(item.output_format, str) else "png"
        yield {"type": "image_url", "image_url": {"url": f"data:image/{kind};base64,{item.result}"}}


def usage_of(body: Body, items: Iterable[Item]) -> Usage | None:
    """Read what an answer used up."""
    source = body.usage
    if source is None or (source.input_tokens is None and source.output_tokens is None):
        return None
    given, made = source.input_tokens_details or _Details(), source.output_tokens_details or _Details()
    return Usage(
        input_tokens=count(source.input_tokens),
        output_tokens=count(source.output_tokens),
        cache_read_tokens=count(given.cached_tokens),
        cache_write_tokens=count(given.cache_write_tokens),
        reasoning_tokens=count(made.reasoning_tokens),
        audio_input_tokens=count(given.audio_tokens),
        audio_output_tokens=count(made.audio_tokens),
        image_output_tokens=count(made.image_tokens),
        search_requests=_searches(body, items),
        reported_cost=_reported_cost(source),
        service=tier_of(body.service_tier),
    )


def _searches(body: Body, items: Iterable[Item]) -> int:
    """Return how often the provider searched: as it counts itself, else by the searches among the items.

    OpenAI has `tool_usage`, xAI `server_side_tool_usage_details`, Perplexity `tool_calls_details`.
    """
    usage = body.usage or UsageCounts()
    for found in (
        _at(body.tool_usage, "web_search", "num_requests"),
        _sum(_at(usage.server_side_tool_usage_details, name) for name in ("web_search_calls", "x_search_calls")),
        _at(usage.tool_calls_details, "search_web", "invocation"),
    ):
        if found is not None:
            return count(found)
    return sum(item.type == "web_search_call" and _is_search(item.action) for item in items)


def _is_search(action: object) -> bool:
    """Tell a search from looking at what was found, which costs nothing."""
    return not isinstance(action, dict) or action.get("type") in {None, "search"}


def _at(value: object, *names: str) -> float | None:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _sum(counts: Iterable[float | None]) -> float | None:
    known = [found for found in counts if found is not None]
    return sum(known) if known else None


def _reported_cost(usage: UsageCounts) -> Decimal | None:
    """Read the provider's own figure: USD (OpenRouter), `{"total_cost": …}` (Perplexity), or xAI's ticks."""
    cost = usage.cost.get("total_cost") if isinstance(usage.cost, dict) else usage.cost
    if isinstance(cost, int | float) and not isinstance(cost, bool):
        return Decimal(str(cost))
    ticks = usage.cost_in_usd_ticks
    return None if ticks is None else Decimal(str(ticks)) / _TICKS_PER_DOLLAR


class At(Struct):
    """Where in an answer an event belongs."""

    output_index: Index = 0
    content_index: Index = 0
    summary_index: Index = 0

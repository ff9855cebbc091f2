"""Reads what the Responses API answers: whole, in events, or as an error."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import Raw

from wye.adapters import count, decoded, made_call_id
from wye.adapters.openai_responses import items, refusals
from wye.adapters.openai_responses.items import Annotation, At, Body, Item, Piece
from wye.adapters.openai_responses.request import WIRE
from wye.core.content import Reasoning
from wye.core.errors import MalformedResponseError, WyeError
from wye.core.response import Choice, ChoiceDelta, ModelResponse, StreamChunk, ToolCallDelta, pieces_of
from wye.core.usage import Usage
from wye.core.wire import ServerEvent, StreamState


class _Event(At):
    type: str | None = None
    delta: str | None = None
    item: Raw = Raw(b"null")
    item_id: str | None = None
    response: Body | None = None
    annotation: Annotation | None = None
    logprobs: list[Raw] | None = None
    error: Any = None


_decode_body = msgspec.json.Decoder(Body).decode
_decode_event = msgspec.json.Decoder(_Event).decode
_encode = msgspec.json.Encoder().encode

_UNDER_WAY: Final = 0
"""The member of `StreamState.unfinished` that says content has begun."""
_SEEN: Final = -1
"""The slot of an item whose text has come in pieces."""
_Found: TypeAlias = ChoiceDelta | list[ChoiceDelta] | None
"""What an event brings: nothing, a piece, or several."""


def parse_response(body: bytes) -> ModelResponse:
    """Read a response, a compaction or a count of tokens."""
    data: Body = decoded(_decode_body, body, "a response")
    if data.error or data.status == "failed":
        raise parse_error(500, {}, body)
    if data.output is None:
        if data.input_tokens is None:
            message = "the provider's answer holds no output"
            raise MalformedResponseError(message)
        return ModelResponse(wire=WIRE, raw=body, upstream_model=data.model or "")
    found = items.items_of(data)
    return ModelResponse(
        id=data.id or "",
        created=count(data.created_at),
        choices=(_choice(data, found),),
        usage=items.usage_of(data, [item for item, _ in found]),
        wire=WIRE,
        raw=body,
        upstream_model=data.model or "",
    )


def _choice(data: Body, found: list[tuple[Item, Raw]]) -> Choice:
    # A compaction repeats the caller's own messages; only an assistant's are an answer.
    pieces = [piece for item, _ in found if item.type == "message" for piece in item.pieces if _is_said(piece)]
    calls = tuple(
        items.call_of(item, data.id or "", at) for at, item in enumerate(i for i, _ in found if items.is_call(i))
    )
    texts = [piece.text for piece in pieces if piece.text is not None]
    probabilities = [one for piece in pieces for one in piece.logprobs or ()]
    images = [image for item, _ in found for image in items.images_of(item)]
    return Choice(
        content="".join(texts) if texts else None,
        reasoning=tuple(r for item, _ in found if item.type == "reasoning" for r in items.reasoning_of(item)),
        refusal="".join(piece.refusal or "" for piece in pieces) or None,
        tool_calls=calls,
        citations=tuple(items.citations_of(pieces)),
        opaque=tuple(items.opaque_of(raw) for item, raw in found if not items.is_known(item)),
        finish_reason=items.finish_reason(data, called=bool(calls)),
        extra=_extra(probabilities, images),
    )


def _is_said(piece: Piece) -> bool:
    return piece.type not in {"input_text", "input_image", "input_file"}


def _extra(probabilities: list[Raw], images: list[Any]) -> dict[str, Raw]:
    """Say in chat completions' form what goes beyond text."""
    extra = {}
    if probabilities:
        extra["logprobs"] = Raw(_encode({"content": probabilities, "refusal": None}))
    if images:
        extra["images"] = Raw(_encode(images))
    return extra


def parse_event(event: ServerEvent, state: StreamState) -> Iterable[StreamChunk]:
    """Read one event of a streamed response."""
    payload = event.data
    if state.raw_events and _UNDER_WAY in state.unfinished and _is_text_only(event):
        return (StreamChunk(wire=WIRE, raw=payload, event=event.name, upstream_model=state.model),)
    if payload == b"[DONE]" or payload.isspace() or not payload:
        return ()  # some close with chat's end marker behind their own
    data: _Event = decoded(_decode_event, payload, "an event of a response")
    kind = data.type or event.name or ""
    if kind in {"error", "response.error"} or (data.error and not data.response):
        raise parse_error(500, {}, payload)
    if data.response is not None:
        _note(data.response, state)
    if kind == "response.failed":
        return _failed(data.response, payload, state)
    found, usage = _CHOICES.get(kind, _nothing)(data, state), None
    if kind in _ENDS and data.response is not None:
        found, usage = _end(data.response, state)
    return _chunks_of(found, usage, event, state)


def _chunks_of(found: _Found, usage: Usage | None, event: ServerEvent, state: StreamState) -> Iterable[StreamChunk]:
    """Return what an event brought; whoever reads the events themselves gets one chunk of each."""
    *earlier, choice = found if isinstance(found, list) else (found,)
    if choice is not None and choice.is_content and not choice.finish_reason:
        state.unfinished.add(_UNDER_WAY)
    if choice is None and not state.raw_events:
        return ()
    last = StreamChunk(
        choices=(choice,) if choice else (),
        usage=usage,
        id=state.id,
        created=state.created,
        wire=WIRE,
        raw=event.data,
        event=event.name,
        upstream_model=state.model,
    )
    if not earlier or state.raw_events:
        return (last,)
    head = StreamChunk(id=state.id, created=state.created, wire=WIRE, upstream_model=state.model)
    return (*(msgspec.structs.replace(head, choices=(piece,)) for piece in earlier), last)


def _is_text_only(event: ServerEvent) -> bool:
    """Tell, without decoding, whether an event brings a piece of text and nothing the books need."""
    return event.name == "response.output_text.delta" and event.data.endswith(b"}") and b'"error"' not in event.data


def _note(response: Body, state: StreamState) -> None:
    state.id = response.id or state.id
    state.model = response.model or state.model
    state.created = count(response.created_at) or state.created


def _failed(response: Body | None, payload: bytes, state: StreamState) -> Iterator[StreamChunk]:
    """Raise the error of a response that failed; where it says what was used up, after the chunk that tells."""
    state.done = True
    usage = items.usage_of(response, ()) if response else None
    if usage is not None:
        yield StreamChunk(usage=usage, id=state.id, wire=WIRE, upstream_model=state.model)
    raise parse_error(500, {}, payload)


def _end(response: Body, state: StreamState) -> tuple[list[ChoiceDelta], Usage | None]:
    """Read the last event, and of its output what no event before has brought."""
    pieces = [ChoiceDelta()]
    state.done = state.finish_seen = True
    found = items.items_of(response)
    usage = items.usage_of(response, [item for item, _ in found])
    if not (state.slots or state.unfinished):
        pieces = pieces_of(_choice(response, found))
    called = bool(state.tools) or any(items.is_call(item) for item, _ in found)
    finish = items.finish_reason(response, called=called) or "stop"
    pieces[-1] = msgspec.structs.replace(pieces[-1], finish_reason=finish)
    return pieces, usage


def _nothing(_data: _Event, _state: StreamState) -> None:
    return None


def _text(data: _Event, state: StreamState) -> ChoiceDelta | None:
    state.slots[data.output_index] = _SEEN
    if not data.delta:
        return None
    state.usage["said"] = state.usage.get("said", 0) + len(data.delta)
    extra = _extra(data.logprobs, []) if data.logprobs else {}
    return ChoiceDelta(content=data.delta, extra=extra)


def _part_begins(_data: _Event, state: StreamState) -> None:
    state.usage["before"] = state.usage.get("said", 0)


def _refusal(data: _Event, state: StreamState) -> ChoiceDelta | None:
    state.slots[data.output_index] = _SEEN
    return ChoiceDelta(refusal=data.delta) if data.delta else None


def _annotation(data: _Event, state: StreamState) -> ChoiceDelta | None:
    if data.annotation is None:
        return None
    citation = items.citation_of(data.annotation, state.usage.get("before", 0))
    return ChoiceDelta(citations=(citation,)) if citation else None


def _thought(data: _Event, state: StreamState) -> ChoiceDelta | None:
    state.slots[data.output_index] = _SEEN
    return _reasoning(data, data.delta or "", summary=False)


def _summary(data: _Event, state: StreamState) -> ChoiceDelta | None:
    state.slots[data.output_index] = _SEEN
    return _reasoning(data, data.delta or "", summary=True)


def _summary_part(data: _Event, _state: StreamState) -> ChoiceDelta | None:
    return _reasoning(data, items.SUMMARY_BREAK if data.summary_index else "", summary=True)


def _reasoning(data: _Event, text: str, *, summary: bool) -> ChoiceDelta | None:
    if not text:
        return None
    return ChoiceDelta(reasoning=Reasoning(text=text, id=data.item_id, origin=WIRE, summary=summary))


def _arguments(data: _Event, state: StreamState) -> ChoiceDelta | None:
    slot = state.slots.get(data.output_index, _SEEN)
    if slot == _SEEN or not data.delta:
        return None
    state.bare_tools.discard(slot)
    return ChoiceDelta(tool_calls=(ToolCallDelta(index=slot, arguments=data.delta),))


def _item_begins(data: _Event, state: StreamState) -> ChoiceDelta | None:
    item = items.read_item(data.item)
    return ChoiceDelta(tool_calls=(_call_begins(item, data, state),)) if items.is_call(item) else None


def _call_begins(item: Item, data: _Event, state: StreamState) -> ToolCallDelta:
    slot = state.slots[data.output_index] = state.tools
    state.tools += 1
    state.bare_tools.add(slot)
    return ToolCallDelta(index=slot, id=item.call_id or made_call_id(state.id, slot), name=item.name or "")


def _item_ends(data: _Event, state: StreamState) -> _Found:
    """Bring what the events of the item have not: whole arguments, encrypted reasoning, hosted tools' calls."""
    item = items.read_item(data.item)
    if items.is_call(item):
        return _call_ends(item, data, state)
    if item.type == "message":
        return None if data.output_index in state.slots else _said(item, data, state)
    if item.type == "reasoning":
        return _reasoning_ends(item, data, state)
    state.slots[data.output_index] = _SEEN
    return ChoiceDelta(opaque=(items.opaque_of(data.item),), extra=_extra([], list(items.images_of(item))))


def _call_ends(item: Item, data: _Event, state: StreamState) -> ChoiceDelta | None:
    begun = data.output_index in state.slots
    piece = None if begun else _call_begins(item, data, state)
    slot = state.slots[data.output_index]
    if slot not in state.bare_tools:
        return None
    state.bare_tools.discard(slot)
    arguments = items.arguments_of(item) or ("" if item.type == "custom_tool_call" else "{}")
    if piece is None:
        piece = ToolCallDelta(index=slot)
    return ChoiceDelta(tool_calls=(msgspec.structs.replace(piece, arguments=arguments),))


def _said(item: Item, data: _Event, state: StreamState) -> ChoiceDelta:
    state.slots[data.output_index] = _SEEN
    refusal = "".join(piece.refusal or "" for piece in item.pieces) or None
    text = "".join(piece.text or "" for piece in item.pieces)
    return ChoiceDelta(content=text, refusal=refusal, citations=tuple(items.citations_of(item.pieces)))


def _reasoning_ends(item: Item, data: _Event, state: StreamState) -> _Found:
    pieces = list(items.reasoning_of(item))
    if data.output_index in state.slots:
        encrypted = item.encrypted_content
        return ChoiceDelta(reasoning=Reasoning(id=item.id, origin=WIRE, encrypted=encrypted)) if encrypted else None
    state.slots[data.output_index] = _SEEN
    return [ChoiceDelta(reasoning=piece) for piece in pieces] or None


_ENDS: Final = frozenset({"response.completed", "response.incomplete", "response.cancelled", "response.done"})
_CHOICES: Final[Mapping[str, Callable[[_Event, StreamState], _Found]]] = {
    "response.output_text.delta": _text,
    "response.content_part.added": _part_begins,
    "response.output_text.annotation.added": _annotation,
    "response.refusal.delta": _refusal,
    "response.reasoning_text.delta": _thought,
    "response.reasoning.delta": _thought,
    "response.reasoning_summary_part.added": _summary_part,
    "response.reasoning_summary_text.delta": _summary,
    "response.reasoning_summary.delta": _summary,
    "response.function_call_arguments.delta": _arguments,
    "response.custom_tool_call_input.delta": _arguments,
    "response.output_item.added": _item_begins,
    "response.output_item.done": _item_ends,
}
"""What each event brings; events of any other name only mark the way."""


def parse_error(status: int, headers: Mapping[str, str], body: bytes) -> WyeError:
    """Read a refused request, an error event or a response that failed."""
    return refusals.read(status, headers, body)

"""Reads what the Messages API answers: whole, in events, or as an error."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from wye.adapters import count, decoded
from wye.adapters.anthropic_messages.request import WIRE
from wye.core.content import FunctionCall, Reasoning, ToolCall
from wye.core.errors import (
    ContextLengthError,
    InvalidRequestError,
    MalformedResponseError,
    OverloadedError,
    ProviderAuthenticationError,
    ProviderModelMissingError,
    ProviderPermissionError,
    QuotaExceededError,
    RateLimitError,
    RequestTooLargeError,
    UnsupportedParameterError,
    UpstreamError,
    UpstreamTimeoutError,
    WyeError,
    error_class,
)
from wye.core.hints import retry_after
from wye.core.response import Choice, ChoiceDelta, ModelResponse, StreamChunk, ToolCallDelta
from wye.core.usage import Usage
from wye.core.wire import ServerEvent, StreamState

FINISH_REASONS: Final[Mapping[str, str]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "compaction": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}

_THINKING: Final = frozenset({"thinking", "redacted_thinking"})


class _OutputDetails(Struct):
    thinking_tokens: int | None = None
    reasoning_tokens: int | None = None


class _Usage(Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    output_tokens_details: _OutputDetails | None = None


class _Block(Struct):
    type: str
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    name: str | None = None
    input: Raw = Raw(b"{}")


class _Message(Struct):
    id: str = ""
    model: str = ""
    content: list[_Block] = []
    stop_reason: str | None = None
    usage: _Usage | None = None


class _Whole(_Message):
    type: str = ""
    error: Any = None


class _Delta(Struct):
    type: str | None = None
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None


class _Event(Struct):
    type: str = ""
    index: int = 0
    message: _Message | None = None
    content_block: _Block | None = None
    delta: _Delta | None = None
    usage: _Usage | None = None
    error: Any = None


_decode_whole = msgspec.json.Decoder(_Whole).decode
_decode_event = msgspec.json.Decoder(_Event).decode


def _read(decode: Any, body: bytes) -> Any:
    data = decoded(decode, body, "a Messages answer")
    if data.type == "error" or data.error:
        raise parse_error(500, {}, body)
    return data


def parse_response(body: bytes) -> ModelResponse:
    """Read a message."""
    data: _Whole = _read(_decode_whole, body)
    if data.type != "message":
        message = f"the provider's answer is of type {data.type!r}, not a message"
        raise MalformedResponseError(message)
    texts = [block.text for block in data.content if block.type == "text" and block.text]
    calls = tuple(
        ToolCall(block.id or "", FunctionCall(block.name or "", bytes(block.input).decode()))
        for block in data.content
        if block.type == "tool_use"
    )
    choice = Choice(
        content="".join(texts) if texts or not calls else None,
        reasoning=tuple(_reasoning(block) for block in data.content if block.type in _THINKING),
        tool_calls=calls,
        finish_reason=_finish(data.stop_reason),
    )
    counts: dict[str, int] = {}
    return ModelResponse(
        id=data.id,
        choices=(choice,),
        usage=_usage(data.usage, counts),
        wire=WIRE,
        raw=body,
        upstream_model=data.model,
    )


def _reasoning(block: _Block) -> Reasoning:
    return Reasoning(text=block.thinking or "", signature=block.signature or None, encrypted=block.data or None)


def _finish(reason: str | None) -> str | None:
    return FINISH_REASONS.get(reason, "stop") if reason else None


def _usage(source: _Usage | None, counts: dict[str, int]) -> Usage | None:
    """Merge newer counts over older ones; the counts of a stream are cumulative and come in two events."""
    if source is not None:
        details = source.output_tokens_details or _OutputDetails()
        newer = {
            "input": source.input_tokens,
            "output": source.output_tokens,
            "written": source.cache_creation_input_tokens,
            "read": source.cache_read_input_tokens,
            "thinking": details.thinking_tokens or details.reasoning_tokens,
        }
        counts.update({name: count(value) for name, value in newer.items() if value is not None})
    if not counts:
        return None
    read, written = counts.get("read", 0), counts.get("written", 0)
    return Usage(
        input_tokens=counts.get("input", 0) + read + written,
        output_tokens=counts.get("output", 0),
        cache_read_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=counts.get("thinking", 0),
    )


def parse_event(event: ServerEvent, state: StreamState) -> Iterable[StreamChunk]:
    """Read one event of a streamed message."""
    data: _Event = _read(_decode_event, event.data)
    match data.type:
        case "content_block_delta" if data.delta is not None:
            choice = _delta(data.delta, data.index, state)
        case "content_block_start" if data.content_block is not None:
            choice = _start(data.content_block, data.index, state)
        case "content_block_stop" if data.index in state.bare_tools:
            state.bare_tools.discard(data.index)
            choice = ChoiceDelta(tool_calls=(ToolCallDelta(index=state.slots[data.index], arguments="{}"),))
        case "message_start" if data.message is not None:
            state.id, state.model = data.message.id, data.message.model
            _usage(data.message.usage, state.usage)
            return ()
        case "message_delta":
            return _message_delta(data, state)
        case "message_stop":
            state.done = True
            return ()
        case _:
            return ()
    return (_chunk(state, choice),) if choice is not None else ()


def _chunk(state: StreamState, choice: ChoiceDelta, usage: Usage | None = None) -> StreamChunk:
    return StreamChunk(choices=(choice,), usage=usage, id=state.id, wire=WIRE, upstream_model=state.model)


def _message_delta(data: _Event, state: StreamState) -> Iterable[StreamChunk]:
    usage = _usage(data.usage, state.usage)
    finish = _finish(data.delta.stop_reason if data.delta else None)
    return (_chunk(state, ChoiceDelta(finish_reason=finish), usage),)


def _start(block: _Block, index: int, state: StreamState) -> ChoiceDelta | None:
    if block.type == "tool_use":
        slot = state.slots[index] = state.tools
        state.tools += 1
        given = bytes(block.input)
        whole = given.decode() if given not in {b"{}", b"null", b'""'} else ""
        if not whole:
            state.bare_tools.add(index)
        piece = ToolCallDelta(index=slot, id=block.id or "", name=block.name or "", arguments=whole)
        return ChoiceDelta(tool_calls=(piece,))
    if block.type == "text" and block.text:
        return ChoiceDelta(content=block.text)
    if block.type in _THINKING and (block.thinking or block.signature or block.data):
        return ChoiceDelta(reasoning=_reasoning(block))
    return None


def _delta(delta: _Delta, index: int, state: StreamState) -> ChoiceDelta | None:
    if delta.type == "text_delta" and delta.text:
        return ChoiceDelta(content=delta.text)
    if delta.type == "thinking_delta" and delta.thinking:
        return ChoiceDelta(reasoning=Reasoning(text=delta.thinking))
    if delta.type == "signature_delta" and delta.signature:
        return ChoiceDelta(reasoning=Reasoning(signature=delta.signature))
    if delta.type == "input_json_delta" and delta.partial_json and index in state.slots:
        state.bare_tools.discard(index)
        piece = ToolCallDelta(index=state.slots[index], arguments=delta.partial_json)
        return ChoiceDelta(tool_calls=(piece,))
    return None


class _ErrorFacts(Struct, frozen=True):
    type: str = ""
    message: str = ""


class _ErrorBody(Struct):
    error: _ErrorFacts = _ErrorFacts()


_decode_error = msgspec.json.Decoder(_ErrorBody).decode

_BY_TYPE: Final[Mapping[str, type[WyeError]]] = {
    "invalid_request_error": InvalidRequestError,
    "authentication_error": ProviderAuthenticationError,
    "billing_error": QuotaExceededError,
    "permission_error": ProviderPermissionError,
    "not_found_error": ProviderModelMissingError,
    "request_too_large": RequestTooLargeError,
    "rate_limit_error": RateLimitError,
    "api_error": UpstreamError,
    "timeout_error": UpstreamTimeoutError,
    "overloaded_error": OverloadedError,
}
"""Source: https://docs.anthropic.com/en/api/errors."""

_BY_PHRASE: Final[tuple[tuple[str, type[WyeError]], ...]] = (
    ("prompt is too long", ContextLengthError),
    ("exceed context limit", ContextLengthError),
    ("credit balance is too low", QuotaExceededError),
    ("api usage limits", QuotaExceededError),
    ("does not support", UnsupportedParameterError),
)
"""What an invalid request says in words (lower case)."""


def parse_error(status: int, headers: Mapping[str, str], body: bytes) -> WyeError:
    """Read a refused request."""
    try:
        facts = _decode_error(body).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        facts = _ErrorFacts()
    kind = _BY_TYPE.get(facts.type) or error_class(status)
    lowered = facts.message.lower()
    if kind is InvalidRequestError:
        kind = next((found for phrase, found in _BY_PHRASE if phrase in lowered), kind)
    message = facts.message or f"the provider answered with status {status}"
    return kind(message, retry_after=retry_after(headers), upstream_status=status)

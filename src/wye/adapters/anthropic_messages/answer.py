"""Reads what the Messages API answers: whole, in events, or as an error."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct, structs

from wye.adapters import decoded, says_too_long
from wye.adapters.anthropic_messages.same import WIRE
from wye.adapters.anthropic_messages.usage import WireUsage, read_usage
from wye.core.content import Citation, FunctionCall, Opaque, Reasoning, ToolCall
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


class _Citation(Struct):
    type: str | None = None
    url: str | None = None
    source: str | None = None
    title: str | None = None
    document_title: str | None = None
    cited_text: str | None = None
    file_id: str | None = None
    start_page_number: int | None = None


class _Block(Struct):
    type: str
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    name: str | None = None
    input: Raw = Raw(b"{}")
    citations: list[_Citation] | None = None


class _Message(Struct):
    id: str = ""
    model: str = ""
    content: list[Raw] | None = None
    stop_reason: str | None = None
    usage: WireUsage | None = None


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
    citation: _Citation | None = None
    content: Any = None


class _Event(Struct):
    type: str = ""
    index: int = 0
    message: _Message | None = None
    content_block: Raw = Raw(b"null")
    delta: _Delta | None = None
    usage: WireUsage | None = None
    error: Any = None


_encode = msgspec.json.Encoder().encode
_decode_any: Final = msgspec.json.Decoder().decode
_decode_members = msgspec.json.Decoder(dict[str, Any]).decode
_decode_block = msgspec.json.Decoder(_Block).decode
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
    texts: list[str] = []
    reasoning: list[Reasoning] = []
    calls: list[ToolCall] = []
    citations: list[Citation] = []
    opaque: list[Opaque] = []
    said = 0
    for raw in data.content or ():
        block = _block(raw)
        if block.type == "text":
            text = block.text or ""
            texts += [text] if text else []
            citations += (_citation(one, said, said + len(text)) for one in block.citations or ())
            said += len(text)
        elif block.type in _THINKING:
            reasoning.append(_reasoning(block))
        elif block.type == "tool_use":
            calls.append(ToolCall(block.id or "", FunctionCall(block.name or "", bytes(block.input).decode())))
        else:
            opaque.append(Opaque(wire=WIRE, raw=raw))
    choice = Choice(
        content="".join(texts) if texts or not calls else None,
        reasoning=tuple(reasoning),
        tool_calls=tuple(calls),
        citations=tuple(citations),
        opaque=tuple(opaque),
        finish_reason=_finish(data.stop_reason),
    )
    return ModelResponse(
        id=data.id,
        choices=(choice,),
        usage=read_usage(data.usage, {}, {}),
        wire=WIRE,
        raw=body,
        upstream_model=data.model,
    )


def _block(raw: Raw) -> _Block:
    return decoded(_decode_block, bytes(raw), "a Messages answer")


def _reasoning(block: _Block) -> Reasoning:
    return Reasoning(
        text=block.thinking or "", signature=block.signature or None, encrypted=block.data or None, origin=WIRE
    )


def _citation(source: _Citation, start: int, end: int) -> Citation:
    """Read a source; where the wire says a place in a document, the text that was found there is what matters."""
    return Citation(
        url=source.url or source.source,
        title=source.title or source.document_title,
        cited_text=source.cited_text,
        start=start,
        end=end,
        file_id=source.file_id,
        page=source.start_page_number,
    )


def _finish(reason: str | None) -> str | None:
    return FINISH_REASONS.get(reason, "stop") if reason else None


def parse_event(event: ServerEvent, state: StreamState) -> Iterable[StreamChunk]:
    """Read one event of a streamed message."""
    if not state.raw_events:
        return _parsed(event.data, state)
    if state.length and event.name == "content_block_delta":
        return (StreamChunk(wire=WIRE, raw=event.data, event=event.name, upstream_model=state.model),)
    chunks = tuple(_parsed(event.data, state))
    chunk = chunks[0] if chunks else StreamChunk(id=state.id, wire=WIRE, upstream_model=state.model)
    if chunk.is_content:
        state.length = 1
    return (structs.replace(chunk, raw=event.data, event=event.name),)


def _parsed(payload: bytes, state: StreamState) -> Iterable[StreamChunk]:
    data: _Event = _read(_decode_event, payload)
    match data.type:
        case "content_block_delta" if data.delta is not None:
            choice = _delta(data.delta, data.index, state)
        case "content_block_start" if bytes(data.content_block) != b"null":
            choice = _start(data.content_block, data.index, state)
        case "content_block_stop":
            choice = _stop(data.index, state)
        case "message_start" if data.message is not None:
            state.id, state.model = data.message.id, data.message.model
            begun = read_usage(data.message.usage, state.usage, state.held)
            if begun is not None:  # what came in is counted already, what goes out is not: it may be cut
                begun = structs.replace(begun, estimated=True)
            return (StreamChunk(usage=begun, id=state.id, wire=WIRE, upstream_model=state.model),)
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
    usage = read_usage(data.usage, state.usage, state.held)
    finish = _finish(data.delta.stop_reason if data.delta else None)
    return (_chunk(state, ChoiceDelta(finish_reason=finish), usage),)


class _Cited:
    """The sources of a text block under way, and where in the answer it began."""

    __slots__ = ("citations", "start")

    def __init__(self, start: int, citations: list[_Citation]) -> None:
        self.start = start
        self.citations = citations


class _Collected:
    """A block that only this wire has words for, under way."""

    __slots__ = ("members", "partial")

    def __init__(self, members: dict[str, Any]) -> None:
        self.members = members
        self.partial = ""


def _start(raw: Raw, index: int, state: StreamState) -> ChoiceDelta | None:
    block = _block(raw)
    if block.type == "tool_use":
        slot = state.slots[index] = state.tools
        state.tools += 1
        given = bytes(block.input)
        whole = given.decode() if given not in {b"{}", b"null", b'""'} else ""
        if not whole:
            state.bare_tools.add(index)
        piece = ToolCallDelta(index=slot, id=block.id or "", name=block.name or "", arguments=whole)
        return ChoiceDelta(tool_calls=(piece,))
    if block.type == "text":
        state.held[index] = _Cited(state.length, list(block.citations or ()))
        return _text(block.text, state)
    if block.type in _THINKING:
        given_now = block.thinking or block.signature or block.data
        return ChoiceDelta(reasoning=_reasoning(block)) if given_now else None
    state.held[index] = _Collected(decoded(_decode_members, bytes(raw), "a Messages answer"))
    return None


def _text(text: str | None, state: StreamState) -> ChoiceDelta | None:
    if not text:
        return None
    if not state.raw_events:
        state.length += len(text)
    return ChoiceDelta(content=text)


def _delta(delta: _Delta, index: int, state: StreamState) -> ChoiceDelta | None:
    match delta:
        case _Delta(type="text_delta"):
            return _text(delta.text, state)
        case _Delta(type="thinking_delta", thinking=str(text)) if text:
            return ChoiceDelta(reasoning=Reasoning(text=text, origin=WIRE))
        case _Delta(type="signature_delta", signature=str(signature)) if signature:
            return ChoiceDelta(reasoning=Reasoning(signature=signature, origin=WIRE))
        case _Delta(type="input_json_delta", partial_json=str(text)) if text and index in state.slots:
            state.bare_tools.discard(index)
            return ChoiceDelta(tool_calls=(ToolCallDelta(index=state.slots[index], arguments=text),))
        case _:
            _collect(delta, state.held.get(index))
            return None


def _collect(delta: _Delta, block: _Cited | _Collected | None) -> None:
    match block:
        case _Cited() if delta.citation is not None:
            block.citations.append(delta.citation)
        case _Collected() if delta.type == "input_json_delta":
            block.partial += delta.partial_json or ""
        case _Collected() if delta.content is not None:
            sofar = block.members.get("content")
            both_text = isinstance(sofar, str) and isinstance(delta.content, str)
            block.members["content"] = sofar + delta.content if both_text else delta.content


def _stop(index: int, state: StreamState) -> ChoiceDelta | None:
    if index in state.bare_tools:
        state.bare_tools.discard(index)
        return ChoiceDelta(tool_calls=(ToolCallDelta(index=state.slots[index], arguments="{}"),))
    match state.held.pop(index, None):
        case _Cited(citations=citations, start=start) if citations:
            return ChoiceDelta(citations=tuple(_citation(one, start, state.length) for one in citations))
        case _Collected(members=members, partial=partial):
            if partial:
                members["input"] = _json(partial)
            return ChoiceDelta(opaque=(Opaque(wire=WIRE, raw=Raw(_encode(members))),))
    return None


def _json(text: str) -> Any:
    try:
        return _decode_any(text)
    except (msgspec.DecodeError, RecursionError):
        return text


class _ErrorFacts(Struct, frozen=True):
    type: str = ""
    message: str = ""
    details: Raw = Raw(b"null")


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
    if kind is InvalidRequestError and says_too_long(lowered):
        kind = ContextLengthError
    elif kind is InvalidRequestError:
        kind = next((found for phrase, found in _BY_PHRASE if phrase in lowered), kind)
    message = facts.message or f"the provider answered with status {status}"
    error = kind(message, retry_after=retry_after(headers, kind, message), upstream_status=status)
    if bytes(facts.details) != b"null":
        error.details = bytes(facts.details)
    return error

"""Reads what Cohere's chat answers: whole, in events, or as an error."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from wye.adapters import Index, count, decoded, says_too_long
from wye.adapters.cohere_chat.request import WIRE
from wye.core.content import Citation, FunctionCall, Reasoning, ToolCall
from wye.core.errors import (
    ContentFilteredError,
    ContextLengthError,
    InvalidRequestError,
    MalformedResponseError,
    ProviderModelMissingError,
    QuotaExceededError,
    RateLimitError,
    UpstreamError,
    UpstreamTimeoutError,
    WyeError,
    error_class,
)
from wye.core.hints import retry_after
from wye.core.response import Choice, ChoiceDelta, ModelResponse, StreamChunk, ToolCallDelta
from wye.core.usage import Usage
from wye.core.wire import ServerEvent, StreamState

_NULL: Final = Raw(b"null")
_encode = msgspec.json.Encoder().encode


class _Block(Struct):
    type: str | None = None
    text: str | None = None
    thinking: str | None = None


class _Function(Struct):
    name: str | None = None
    arguments: str | None = None


class _Call(Struct):
    id: str | None = None
    function: _Function | None = None


class _Source(Struct):
    type: str | None = None
    id: str | None = None
    document: dict[str, Any] | None = None
    tool_output: dict[str, Any] | None = None


class _Citation(Struct):
    start: int | None = None
    end: int | None = None
    text: str | None = None
    sources: list[_Source] | None = None
    type: str | None = None


class _Message(Struct):
    """A message; in an event its members hold one item each instead of lists, so they are decoded when needed."""

    content: Raw = _NULL
    tool_plan: str | None = None
    tool_calls: Raw = _NULL
    citations: Raw = _NULL


class _Tokens(Struct):
    input_tokens: float | None = None
    output_tokens: float | None = None
    image_tokens: float | None = None
    reasoning_tokens: float | None = None


class _Usage(Struct):
    billed_units: _Tokens | None = None
    tokens: _Tokens | None = None
    cached_tokens: float | None = None


class _Logprob(Struct):
    text: str | None = None
    token_ids: list[int] | None = None
    logprobs: list[float] | None = None


class _Body(Struct):
    id: str | None = None
    message: _Message | str | None = None
    finish_reason: str | None = None
    usage: _Usage | None = None
    logprobs: list[_Logprob] | None = None
    error: str | None = None
    error_type: str | None = None


class _Event(Struct):
    type: str = ""
    id: str | None = None
    index: Index | None = None
    delta: _Body | None = None
    logprobs: _Logprob | None = None
    message: str | None = None


_decode = msgspec.json.Decoder(_Body).decode
_decode_event = msgspec.json.Decoder(_Event).decode
_decode_blocks = msgspec.json.Decoder(str | list[_Block] | None).decode
_decode_block = msgspec.json.Decoder(_Block | None).decode
_decode_calls = msgspec.json.Decoder(list[_Call] | None).decode
_decode_call = msgspec.json.Decoder(_Call | None).decode
_decode_citations = msgspec.json.Decoder(list[_Citation] | None).decode
_decode_citation = msgspec.json.Decoder(_Citation | None).decode

_FINISH: Final[Mapping[str, str]] = {
    "COMPLETE": "stop", "STOP_SEQUENCE": "stop", "MAX_TOKENS": "length", "ERROR_LIMIT": "length",
    "TOOL_CALL": "tool_calls", "ERROR_TOXIC": "content_filter",
}  # fmt: skip
_FAILED: Final[Mapping[str, type[WyeError]]] = {"ERROR": UpstreamError, "TIMEOUT": UpstreamTimeoutError}
"""Reasons that are failures, which come with status 200."""


def parse_response(body: bytes) -> ModelResponse:
    """Read an answer; the plan before tool calls is reasoning."""
    data = decoded(_decode, body, "an answer of Cohere's chat")
    _raise_failure(data, data.finish_reason)
    message = data.message
    if not isinstance(message, _Message):
        raise MalformedResponseError(message or "the provider's answer holds no message")
    content = decoded(_decode_blocks, bytes(message.content), "a list of content")
    blocks = [_Block("text", content)] if isinstance(content, str) else content or []
    text = "".join(block.text or "" for block in blocks if block.type != "thinking")
    thoughts = (message.tool_plan or "", *(block.thinking or "" for block in blocks))
    calls = tuple(
        ToolCall(call.id or "", _function(call))
        for call in decoded(_decode_calls, bytes(message.tool_calls), "a list of tool calls") or ()
    )
    cited = decoded(_decode_citations, bytes(message.citations), "a list of citations") or ()
    choice = Choice(
        content=text if text or not calls else None,
        reasoning=tuple(Reasoning(text=thought, origin=WIRE) for thought in thoughts if thought),
        tool_calls=calls,
        citations=tuple(source for citation in cited for source in _citations(citation)),
        finish_reason=_FINISH.get(data.finish_reason or "", "stop"),
        extra=_logprobs(data.logprobs),
    )
    return ModelResponse(id=data.id or "", choices=(choice,), usage=_usage(data.usage), wire=WIRE, raw=body)


def _raise_failure(data: _Body, reason: str | None) -> None:
    kind = _FAILED.get(reason or "")
    if kind is not None or data.error:
        said = data.error or f"the provider broke the answer off: {reason}"
        raise (kind or UpstreamError)(f"{said} ({data.error_type})" if data.error_type else said)


def _function(call: _Call) -> FunctionCall:
    function = call.function or _Function()
    return FunctionCall(function.name or "", function.arguments or "{}")


def _citations(citation: _Citation) -> Iterator[Citation]:
    """Say a citation once for each of its sources; places in thoughts or a plan are no places in the text."""
    placed = citation.type in {None, "TEXT_CONTENT"}
    start, end = (citation.start, citation.end) if placed else (None, None)
    for source in citation.sources or (_Source(),):
        said = source.document or source.tool_output or {}
        known = {name: value for name, value in said.items() if isinstance(value, str)}
        yield Citation(
            url=known.get("url"),
            title=known.get("title"),
            cited_text=known.get("text") or known.get("snippet") or known.get("content") or known.get("output"),
            start=start,
            end=end,
            file_id=source.id,
        )


def _usage(source: _Usage | None) -> Usage | None:
    """Count what is billed: `tokens` also has the thousand or so of Cohere's own preamble, which nobody pays.

    Where nothing is said of billing `tokens` has to do. The cache holds a prompt from its beginning, so that preamble
    is the first of `cached_tokens`, and only what is beyond it was billed.
    """
    if source is None:
        return None
    tokens = source.tokens or _Tokens()
    billed = source.billed_units or tokens
    if billed.input_tokens is None and billed.output_tokens is None:
        return None
    input_tokens, output_tokens = count(billed.input_tokens), count(billed.output_tokens)
    unbilled = max(count(tokens.input_tokens) + count(tokens.image_tokens) - input_tokens, 0)
    return Usage(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cache_read_tokens=min(max(count(source.cached_tokens) - unbilled, 0), input_tokens),
        reasoning_tokens=min(count(tokens.reasoning_tokens), output_tokens),
    )


def _logprobs(items: list[_Logprob] | None) -> dict[str, Raw]:
    """Say log probabilities in OpenAI's form; a piece of several tokens has the sum of theirs."""
    if not items:
        return {}
    content = [
        {
            "token": item.text or "",
            "logprob": sum(item.logprobs or ()),
            "bytes": list((item.text or "").encode()),
            "top_logprobs": [],
        }
        for item in items
    ]
    return {"logprobs": Raw(_encode({"content": content}))}


def parse_event(event: ServerEvent, state: StreamState) -> Iterable[StreamChunk]:
    """Read one event of a streamed answer; the stream is done with `message-end`, which `[DONE]` may follow."""
    if event.data.strip() == b"[DONE]" or state.done:
        return []
    data = decoded(_decode_event, event.data, "an event of Cohere's chat")
    state.id = data.id or state.id
    delta = data.delta or _Body()
    message = delta.message if isinstance(delta.message, _Message) else _Message()
    match data.type:
        case "message-end":
            state.done = state.finish_seen = True
            usage = _usage(delta.usage)
            if delta.finish_reason in _FAILED or delta.error:
                return _failed(state, delta, usage)
            choice = ChoiceDelta(finish_reason=_FINISH.get(delta.finish_reason or "", "stop"))
            return [StreamChunk(choices=(choice,), usage=usage, id=state.id, wire=WIRE)]
        case "content-start" | "content-delta":
            piece = _content(message, data.logprobs)
        case "tool-plan-delta":
            thought = Reasoning(text=message.tool_plan or "", origin=WIRE)
            piece = ChoiceDelta(reasoning=thought if thought.text else None)
        case "tool-call-start" | "tool-call-delta":
            piece = _call_piece(data.index or 0, message, state)
        case "tool-call-end":
            piece = _call_ends(data.index or 0, state)
        case "citation-start":
            citation = decoded(_decode_citation, bytes(message.citations), "a citation")
            piece = ChoiceDelta(citations=tuple(_citations(citation)) if citation else ())
        case _:
            if delta.error or (data.type == "error" and data.message):
                raise UpstreamError(delta.error or data.message or "")
            return []
    return [] if piece == ChoiceDelta() else [StreamChunk(choices=(piece,), id=state.id, wire=WIRE)]


def _failed(state: StreamState, delta: _Body, usage: Usage | None) -> Iterator[StreamChunk]:
    if usage is not None:
        yield StreamChunk(usage=usage, id=state.id, wire=WIRE)
    _raise_failure(delta, delta.finish_reason)


def _content(message: _Message, logprobs: _Logprob | None) -> ChoiceDelta:
    block = decoded(_decode_block, bytes(message.content), "a piece of content") or _Block()
    return ChoiceDelta(
        content=block.text or "",
        reasoning=Reasoning(text=block.thinking, origin=WIRE) if block.thinking else None,
        extra=_logprobs([logprobs] if logprobs else None),
    )


def _call_piece(index: int, message: _Message, state: StreamState) -> ChoiceDelta:
    call = decoded(_decode_call, bytes(message.tool_calls), "a piece of a tool call") or _Call()
    function = call.function or _Function()
    if index not in state.slots:
        state.slots[index] = state.tools
        state.bare_tools.add(state.tools)
        state.tools += 1
    slot = state.slots[index]
    if function.arguments:
        state.bare_tools.discard(slot)
    piece = ToolCallDelta(index=slot, id=call.id, name=function.name or None, arguments=function.arguments or "")
    return ChoiceDelta(tool_calls=(piece,))


def _call_ends(index: int, state: StreamState) -> ChoiceDelta:
    """Give a call that was given no arguments the empty object."""
    slot = state.slots.get(index, -1)
    if slot not in state.bare_tools:
        return ChoiceDelta()
    state.bare_tools.discard(slot)
    return ChoiceDelta(tool_calls=(ToolCallDelta(index=slot, arguments="{}"),))


class _Error(Struct):
    message: str | None = None
    error: str | None = None


_decode_error = msgspec.json.Decoder(_Error).decode


def parse_error(status: int, headers: Mapping[str, str], body: bytes) -> WyeError:
    """Read a refused request: https://docs.cohere.com/reference/errors."""
    try:
        error = _decode_error(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        error = _Error()
    message = error.message or error.error or f"the provider answered with status {status}"
    kind = _exactly(error_class(status), status, message.lower())
    return kind(message, retry_after=retry_after(headers, kind, message), upstream_status=status)


def _exactly(kind: type[WyeError], status: int, said: str) -> type[WyeError]:
    """Tell apart what shares a status, by the words of the documentation."""
    if status == 498:
        return ContentFilteredError  # the prompt was blocked
    if kind is InvalidRequestError:
        if "too many tokens" in said or says_too_long(said):
            return ContextLengthError
        if "model" in said and ("not found" in said or "was removed" in said):
            return ProviderModelMissingError
    if kind is RateLimitError and "/ month" in said:
        return QuotaExceededError  # a trial key's
    return kind

"""Anthropic's Messages API.

Shapes: https://docs.anthropic.com/en/api/messages and /en/docs/build-with-claude/streaming.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from wye.adapters import Target, arguments_object, cannot_express, json_instruction, left_out
from wye.core.content import (
    Audio,
    File,
    FunctionCall,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
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
from wye.core.request import Call, ChatRequest, Tool, ToolChoice
from wye.core.response import Choice, ChoiceDelta, ModelResponse, StreamChunk, ToolCallDelta
from wye.core.usage import Usage
from wye.core.wire import Framing, ServerEvent, StreamState, WireRequest

WIRE: Final = "anthropic_messages"
FRAMING: Final[Framing] = "sse"

_EXPRESSED: Final = frozenset({
    "parallel_tool_calls", "reasoning_effort", "response_format", "stop", "temperature", "top_p", "user",
})  # fmt: skip
_DEFAULT_MAX_TOKENS: Final = 4096
_BUDGETS: Final[Mapping[str, int]] = {
    "minimal": 1024, "low": 1024, "medium": 4096, "high": 16384, "xhigh": 32768, "max": 32768,
}  # fmt: skip
"""Thinking budgets in tokens for the models that take a budget; those that think adaptively take the effort itself."""

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

_encode = msgspec.json.Encoder().encode
_NOT_IN_IDS: Final = re.compile(r"[^a-zA-Z0-9_-]")
_EMPTY_SCHEMA: Final = Raw(b'{"type":"object","properties":{}}')


def build_request(call: Call, target: Target) -> WireRequest:
    """Say a call as a Messages request."""
    chat = call.chat
    dropped = left_out(call, WIRE, _EXPRESSED)
    emulated: list[str] = []
    system, messages = _conversation(chat, emulated)
    limit = chat.max_output_tokens or target.model.max_output_tokens or _DEFAULT_MAX_TOKENS
    body: dict[str, Any] = {"model": target.name, "max_tokens": limit, "messages": messages}
    _add_output_controls(body, chat, target, system, emulated)
    if system:
        body["system"] = system
    if chat.tools:
        body["tools"] = [_tool(tool) for tool in chat.tools]
        if choice := _tool_choice(chat.tool_choice, chat.parallel_tool_calls):
            body["tool_choice"] = choice
    if chat.temperature is not None:
        body["temperature"] = chat.temperature
    if chat.top_p is not None:
        body["top_p"] = chat.top_p
    if chat.stop:
        body["stop_sequences"] = chat.stop
    if chat.user:
        body["metadata"] = {"user_id": chat.user}
    if call.stream:
        body["stream"] = True
    return WireRequest(
        path="/messages", body=_encode({**body, **chat.extra}), dropped=dropped, emulated=tuple(emulated)
    )


def _add_output_controls(
    body: dict[str, Any], chat: ChatRequest, target: Target, system: list[dict[str, Any]], emulated: list[str]
) -> None:
    """Add reasoning and the form of the output, natively where the model can, else by instruction."""
    config: dict[str, Any] = {}
    if (form := chat.response_format) is not None:
        if form.schema is not None and "json-schema" in target.model.capabilities:
            config["format"] = {"type": "json_schema", "schema": form.schema}
        else:
            system.append({"type": "text", "text": json_instruction(form)})
            emulated.append("response_format")
    match chat.reasoning_effort:
        case None:
            pass
        case "none":
            body["thinking"] = {"type": "disabled"}
        case effort if "adaptive-thinking" in target.model.capabilities:
            body["thinking"] = {"type": "adaptive"}
            config["effort"] = "low" if effort == "minimal" else effort
        case effort:
            budget = _BUDGETS.get(effort, _BUDGETS["medium"])
            body["thinking"] = {"type": "enabled", "budget_tokens": budget}
            if chat.max_output_tokens is None or body["max_tokens"] <= budget:
                body["max_tokens"] = max(body["max_tokens"], budget + _DEFAULT_MAX_TOKENS)
    if config:
        body["output_config"] = config


def _conversation(chat: ChatRequest, emulated: list[str]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Split system text from turns, and join neighbouring turns of one role as the wire wants them."""
    system: list[dict[str, Any]] = []
    turns: list[dict[str, Any]] = []
    for index, message in enumerate(chat.messages):
        where = f"messages[{index}]"
        if message.role in {"system", "developer"}:
            if turns:
                emulated.append(f"{where}.role")  # the wire knows system text at the beginning only
            system += [block for block in _blocks(message, where) if block is not None]
            continue
        role = "assistant" if message.role == "assistant" else "user"
        blocks = [block for block in _blocks(message, where) if block is not None]
        if not blocks:
            continue
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": role, "content": blocks})
    return system, turns


def _blocks(message: Message, where: str) -> Iterable[dict[str, Any] | None]:
    for at, part in enumerate(message.parts):
        if isinstance(part, Text) and not part.text:
            continue  # the wire refuses empty text
        yield _block(part, f"{where}.content[{at}]")


def _block(part: Part, where: str) -> Any:
    match part:
        case Text(text=text, cache=cache):
            return _cached({"type": "text", "text": text}, cache)
        case Refusal(text=text):
            return {"type": "text", "text": text}
        case Image():
            return _cached({"type": "image", "source": _source(part.url, part.data, part.media_type)}, part.cache)
        case File():
            return _cached(_document(part, where), part.cache)
        case Reasoning():
            return _thinking(part)
        case ToolCall():
            return {
                "type": "tool_use",
                "id": _tool_id(part.id),
                "name": part.name,
                "input": arguments_object(part.arguments, where),
            }
        case ToolResult():
            return _tool_result(part, where)
        case Audio():
            raise cannot_express(where, WIRE)


def _thinking(part: Reasoning) -> dict[str, Any] | None:
    """Give signed reasoning back; unsigned text came from another provider, and the wire refuses it."""
    if part.encrypted:
        return {"type": "redacted_thinking", "data": part.encrypted}
    if part.signature:
        return {"type": "thinking", "thinking": part.text, "signature": part.signature}
    return None


def _cached(block: dict[str, Any], cache: Raw | None) -> dict[str, Any]:
    if cache is not None:
        block["cache_control"] = cache
    return block


def _source(url: str | None, data: str | None, media_type: str | None) -> dict[str, Any]:
    if data is None:
        return {"type": "url", "url": url}
    return {"type": "base64", "media_type": media_type or "image/jpeg", "data": data}


def _document(file: File, where: str) -> dict[str, Any]:
    if file.file_id:
        source: dict[str, Any] = {"type": "file", "file_id": file.file_id}
    elif file.url:
        source = {"type": "url", "url": file.url}
    elif file.media_type in {None, "application/pdf"}:
        source = {"type": "base64", "media_type": "application/pdf", "data": file.data}
    else:
        raise cannot_express(f"{where}.file", WIRE)
    title = {"title": file.filename} if file.filename else {}
    return {"type": "document", "source": source, **title}


def _tool_id(call_id: str) -> str:
    return _NOT_IN_IDS.sub("_", call_id) or "_"


def _tool_result(result: ToolResult, where: str) -> dict[str, Any]:
    block: dict[str, Any] = {
        "type": "tool_result",
        "tool_use_id": _tool_id(result.call_id),
        "content": [_block(part, where) for part in result.parts if not (isinstance(part, Text) and not part.text)],
    }
    if result.is_error:
        block["is_error"] = True
    return _cached(block, result.cache)


def _tool(tool: Tool) -> dict[str, Any]:
    body: dict[str, Any] = {"name": tool.name, "input_schema": tool.parameters or _EMPTY_SCHEMA}
    if tool.description is not None:
        body["description"] = tool.description
    if tool.strict:
        body["strict"] = True
    return _cached(body, tool.cache)


def _tool_choice(choice: ToolChoice | None, parallel: bool | None) -> dict[str, Any] | None:  # noqa: FBT001 - the parameter's own three values
    if choice is None and parallel is not False:
        return None
    mode = choice.mode if choice else "auto"
    body: dict[str, Any] = {"type": {"required": "any", "named": "tool"}.get(mode, mode)}
    if choice and choice.mode == "named":
        body["name"] = choice.name
    if parallel is False and mode != "none":
        body["disable_parallel_tool_use"] = True
    return body


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
    try:
        data = decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"the provider's answer is not a Messages answer: {error}"
        raise MalformedResponseError(message) from None
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
        ToolCall(block.id or "", FunctionCall(block.name or "", bytes(block.input).decode(errors="replace")))
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


_THINKING: Final = frozenset({"thinking", "redacted_thinking"})


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
        counts.update({name: value for name, value in newer.items() if value is not None})
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
    state.finish_seen = state.finish_seen or finish is not None
    return (_chunk(state, ChoiceDelta(finish_reason=finish), usage),)


def _start(block: _Block, index: int, state: StreamState) -> ChoiceDelta | None:
    if block.type == "tool_use":
        slot = state.slots[index] = state.tools
        state.tools += 1
        given = bytes(block.input)
        whole = given.decode(errors="replace") if given not in {b"{}", b"null", b'""'} else ""
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

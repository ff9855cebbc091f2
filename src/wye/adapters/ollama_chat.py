"""Ollama's own chat, which can do more than its imitation of OpenAI's: thinking, schemas, options of the runner.

Shapes: https://docs.ollama.com/api/chat and `api/types.go` of https://github.com/ollama/ollama.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Raw, Struct

from wye.adapters import (
    Target,
    added,
    arguments_object,
    cannot_express,
    count,
    decoded,
    failed_tools,
    left_out,
    made_call_id,
    says_too_long,
)
from wye.core.content import (
    FunctionCall,
    Image,
    Message,
    Opaque,
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
    ProviderModelMissingError,
    UnsupportedParameterError,
    WyeError,
    error_class,
)
from wye.core.hints import retry_after
from wye.core.request import Call, ChatRequest, ResponseFormat, Tool
from wye.core.response import Choice, ChoiceDelta, ModelResponse, StreamChunk, ToolCallDelta
from wye.core.usage import Usage
from wye.core.wire import Framing, ServerEvent, StreamState, WireRequest

WIRE: Final = "ollama_chat"
FRAMING: Final[Framing] = "ndjson"
NEEDS_BYTES: Final = frozenset({"image"})

_EXPRESSED: Final = frozenset({
    "frequency_penalty", "logprobs", "presence_penalty", "reasoning_budget", "reasoning_effort", "response_format",
    "seed", "stop", "temperature", "top_k", "top_logprobs", "top_p",
})  # fmt: skip
_RUNNER_OPTIONS: Final = frozenset({
    "min_p", "mirostat", "mirostat_eta", "mirostat_tau", "num_batch", "num_ctx", "num_gpu", "num_keep", "num_predict",
    "num_thread", "repeat_last_n", "repeat_penalty", "tfs_z", "top_k", "typical_p",
})  # fmt: skip
"""Parameters that callers of other local servers send beside the others, and that this wire takes among `options`."""

_EMPTY_SCHEMA: Final = Raw(b'{"type":"object","properties":{}}')
_encode = msgspec.json.Encoder().encode
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode
_T = TypeVar("_T")


def build_request(call: Call, target: Target) -> WireRequest:
    """Say a call as a chat request."""
    chat = call.chat
    dropped = (*left_out(call, WIRE, _EXPRESSED), *_left_behind(call))
    emulated = tuple(failed_tools(chat))
    body: dict[str, Any] = {
        "model": target.name,
        "messages": list(_messages(chat)),
        "stream": call.stream,
    }
    mode = chat.tool_choice.mode if chat.tool_choice else "auto"
    if mode in {"required", "named"}:
        if not call.drop_unsupported:
            raise cannot_express("tool_choice", WIRE)
        dropped = (*dropped, "tool_choice")
    if mode == "none":
        emulated = (*emulated, "tool_choice")  # a model that is not told of tools calls none
    elif chat.tools and _takes_tools(call, target):
        body["tools"] = [_tool(tool) for tool in chat.tools]
    elif chat.tools:
        dropped = (*dropped, "tools")
    if chat.response_format is not None:
        body["format"] = _format(chat.response_format)
    if chat.reasoning_effort is not None or chat.reasoning_budget is not None:
        if chat.reasoning_effort is None and chat.reasoning_budget:
            emulated = (*emulated, "reasoning_budget")  # it thinks, or does not
        body["think"] = _think(chat.reasoning_effort, chat.reasoning_budget, target)
    body |= {name: value for name, value in chat.options.items() if name in {"logprobs", "top_logprobs"}}
    lost: list[str] = []
    extra = added(call, lost)
    if options := _options(chat, extra):
        body["options"] = options
    return WireRequest(path="/api/chat", body=_encode({**body, **extra}), dropped=(*dropped, *lost), emulated=emulated)


def _takes_tools(call: Call, target: Target) -> bool:
    """Tell whether the model takes tools; raise `UnsupportedParameterError` where it does not and they must not go."""
    if not target.traits.tools_by_model or "function-calling" in target.model.capabilities:
        return True
    if call.drop_unsupported:
        return False
    message = (
        f"nothing says that {target.name!r} takes 'tools'; choose a model that does, add 'function-calling' to its "
        "'capabilities' in the configuration, or send the header 'x-wye-drop-unsupported: true' to leave tools out"
    )
    raise UnsupportedParameterError(message, param="tools")


def _left_behind(call: Call) -> Iterator[str]:
    """Name the parts that only another wire has words for, and the tools that another provider would run."""
    for index, message in enumerate(call.chat.messages):
        for at, part in enumerate(message.parts):
            if isinstance(part, Opaque):
                yield f"messages[{index}].content[{at}]"
    for tool in call.chat.hosted_tools:
        if not call.drop_unsupported:
            raise cannot_express(f"tools.{tool.kind}", WIRE)
        yield f"tools.{tool.kind}"


def _options(chat: ChatRequest, extra: dict[str, Raw]) -> dict[str, Any]:
    """Collect the runner's options; those the caller sent under this wire's own names win."""
    known = {
        "num_predict": chat.max_output_tokens,
        "temperature": chat.temperature,
        "top_p": chat.top_p,
        "top_k": chat.top_k,
        "stop": chat.stop or None,
        "seed": chat.seed,
        "presence_penalty": chat.presence_penalty,
        "frequency_penalty": chat.frequency_penalty,
    }
    options: dict[str, Any] = {name: value for name, value in known.items() if value is not None}
    options |= {name: extra.pop(name) for name in tuple(extra) if name in _RUNNER_OPTIONS}
    if (sent := extra.pop("options", None)) is None:
        return options
    try:
        return options | _decode_members(sent)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        message = "'options' must be a JSON object"
        raise InvalidRequestError(message, code="invalid_type", param="options") from None


def _format(form: ResponseFormat) -> Raw | str:
    return form.schema if form.schema is not None else "json"


def _think(effort: str | None, budget: int | None, target: Target) -> bool | str:
    """Say an effort as a level to the models that take one, to the others as yes or no; so is a budget."""
    if effort == "none" or (effort is None and budget == 0):
        return False
    if effort is None:
        return True
    if "adaptive-thinking" not in target.model.capabilities:
        return True
    return {"minimal": "low", "xhigh": "high", "max": "high"}.get(effort, effort)


def _messages(chat: ChatRequest) -> Iterator[dict[str, Any]]:
    names: dict[str, str] = {}
    for index, message in enumerate(chat.messages):
        where = f"messages[{index}]"
        names |= {part.id: part.name for part in message.parts if isinstance(part, ToolCall)}
        results = [part for part in message.parts if isinstance(part, ToolResult)]
        yield from (_tool_result(result, where, names) for result in results)
        if len(results) < len(message.parts) or not results:
            yield _message(message, where)


def _message(message: Message, where: str) -> dict[str, Any]:
    role = "system" if message.role == "developer" else message.role
    body = {"role": role, **_content(message.parts, where)}
    if thoughts := "".join(part.text for part in _only(Reasoning, message.parts)):
        body["thinking"] = thoughts
    if calls := [_tool_call(call, where) for call in _only(ToolCall, message.parts)]:
        body["tool_calls"] = calls
    return body


def _only(kind: type[_T], parts: Iterable[Part]) -> Iterator[_T]:
    return (part for part in parts if isinstance(part, kind))


def _content(parts: Iterable[Part], where: str) -> dict[str, Any]:
    """Join texts, which the wire takes as one, and list images, which it takes as base64 beside the text."""
    texts: list[str] = []
    images: list[str] = []
    for at, part in enumerate(parts):
        match part:
            case Text(text=text) | Refusal(text=text):
                texts.append(text)
            case Image(data=str(data)):
                images.append(data)
            case Image():
                raise cannot_express(f"{where}.content[{at}].image_url", WIRE)  # nobody fetches it there
            case Reasoning() | ToolCall() | ToolResult() | Opaque():
                pass
            case _:
                raise cannot_express(f"{where}.content[{at}]", WIRE)
    content = {"content": "\n".join(texts)}
    return {**content, "images": images} if images else content


def _tool_call(call: ToolCall, where: str) -> dict[str, Any]:
    return {"id": call.id, "function": {"name": call.name, "arguments": arguments_object(call.arguments, where)}}


def _tool_result(result: ToolResult, where: str, names: Mapping[str, str]) -> dict[str, Any]:
    """Say a result under the call's id and, for older servers, under its function's name."""
    name = names.get(result.call_id)
    said = _content(result.parts, where)
    if result.is_error:
        said["content"] = f"Error: {said['content']}"
    return {
        "role": "tool",
        **said,
        "tool_call_id": result.call_id,
        **({"tool_name": name} if name else {}),
    }


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name, "parameters": tool.parameters or _EMPTY_SCHEMA}
    if tool.description is not None:
        function["description"] = tool.description
    return {"type": "function", "function": function}


class _Function(Struct):
    name: str | None = None
    arguments: Raw = Raw(b"{}")


class _ToolCall(Struct):
    function: _Function
    id: str | None = None


class _Message(Struct):
    content: str | None = None
    thinking: str | None = None
    tool_calls: list[_ToolCall] | None = None


class _Body(Struct):
    model: str | None = None
    created_at: str | None = None
    message: _Message | None = None
    logprobs: Raw = Raw(b"null")
    done: bool | None = None
    done_reason: str | None = None
    prompt_eval_count: int | None = None
    eval_count: int | None = None
    error: Any = None


_decode = msgspec.json.Decoder(_Body).decode


def _read(body: bytes) -> _Body:
    data = decoded(_decode, body, "a chat answer")
    if data.error:
        raise parse_error(500, {}, body)
    return data


def parse_response(body: bytes) -> ModelResponse:
    """Read an answer. It has no id on this wire: the time of its making, to the nanosecond, tells answers apart."""
    data = _read(body)
    if data.message is None:
        message = "the provider's answer holds no message"
        raise MalformedResponseError(message)
    deltas = _calls(data.message, data.created_at or "", 0)
    calls = tuple(ToolCall(d.id or "", FunctionCall(d.name or "", d.arguments)) for d in deltas)
    choice = Choice(
        content=data.message.content or (None if calls else ""),
        reasoning=(Reasoning(text=data.message.thinking),) if data.message.thinking else (),
        tool_calls=calls,
        finish_reason=_finish(data, called=bool(calls)),
        extra=_logprobs(data),
    )
    return ModelResponse(choices=(choice,), usage=_usage(data), wire=WIRE, raw=body, upstream_model=data.model or "")


def _calls(message: _Message, answer_id: str, before: int) -> tuple[ToolCallDelta, ...]:
    return tuple(
        ToolCallDelta(
            index=index,
            id=call.id or made_call_id(answer_id, index),
            name=call.function.name or "",
            arguments=_arguments(call.function.arguments),
        )
        for index, call in enumerate(message.tool_calls or (), start=before)
    )


def _arguments(raw: Raw) -> str:
    text = bytes(raw).decode()
    return "{}" if text == "null" else text


def _finish(data: _Body, *, called: bool) -> str | None:
    if not data.done:
        return None
    if data.done_reason == "length":
        return "length"
    return "tool_calls" if called else "stop"


def _logprobs(data: _Body) -> dict[str, Raw]:
    """Say log probabilities in OpenAI's form, whose tokens look the same."""
    if bytes(data.logprobs) == b"null":
        return {}
    return {"logprobs": Raw(b'{"content":' + bytes(data.logprobs) + b"}")}


def _usage(data: _Body) -> Usage | None:
    """Read the counts; a prompt that was answered from the cache alone has none."""
    if data.prompt_eval_count is None and data.eval_count is None:
        return None
    return Usage(input_tokens=count(data.prompt_eval_count), output_tokens=count(data.eval_count))


def parse_event(event: ServerEvent, state: StreamState) -> Iterable[StreamChunk]:
    """Read one line of a streamed answer."""
    data = _read(event.data)
    state.id = state.id or data.created_at or ""
    message = data.message or _Message()
    calls = _calls(message, state.id, state.tools)
    state.tools += len(calls)
    finish = _finish(data, called=state.tools > 0)
    state.done = state.finish_seen = state.done or finish is not None
    choice = ChoiceDelta(
        content=message.content or "",
        reasoning=Reasoning(text=message.thinking) if message.thinking else None,
        tool_calls=calls,
        finish_reason=finish,
        extra=_logprobs(data),
    )
    usage = _usage(data)
    if not (choice.is_content or choice.extra or usage):
        return ()
    return (StreamChunk(choices=(choice,), usage=usage, wire=WIRE, upstream_model=data.model or ""),)


class _ErrorBody(Struct):
    error: str


_decode_error = msgspec.json.Decoder(_ErrorBody).decode

_BY_PHRASE: Final[tuple[tuple[str, type[WyeError]], ...]] = (
    ("does not support", UnsupportedParameterError),
    ("context length", ContextLengthError),
    ("context size", ContextLengthError),
    ("invalid model name", ProviderModelMissingError),
    ("try pulling it first", ProviderModelMissingError),
    ("server busy", OverloadedError),
)
"""Errors are a sentence and nothing else here (lower case)."""


_PARAMS: Final = (("does not support tools", "tools"), ("does not support thinking", "reasoning_effort"))


def parse_error(status: int, headers: Mapping[str, str], body: bytes) -> WyeError:
    """Read a refused request."""
    try:
        message = _decode_error(body).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        message = ""
    lowered = message.lower()
    kind = next((found for phrase, found in _BY_PHRASE if phrase in lowered), None) or error_class(status)
    if kind is InvalidRequestError and says_too_long(message):
        kind = ContextLengthError
    return kind(
        message or f"the provider answered with status {status}",
        param=next((name for phrase, name in _PARAMS if phrase in lowered), None),
        retry_after=retry_after(headers, kind, message),
        upstream_status=status,
    )

"""Says a call as a Responses request."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from wye.adapters import Target, added, cannot_express, left_out
from wye.core.content import (
    Audio,
    File,
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
from wye.core.effort import effort_of, nearest
from wye.core.errors import InvalidRequestError, UnsupportedParameterError
from wye.core.request import Call, ChatRequest, ResponseFormat, Tool, ToolChoice
from wye.core.sealed import PREFIX, RECAP_HEADING, unseal
from wye.core.wire import WireRequest, replace_model, splice

WIRE: Final = "openai_responses"
_FOREIGN: Final = b'"' + PREFIX.encode()

_EXPRESSED: Final = frozenset({
    "background", "context_management", "conversation", "include", "logprobs", "max_tool_calls", "metadata",
    "moderation", "parallel_tool_calls", "previous_response_id", "prompt", "prompt_cache_key", "prompt_cache_options",
    "prompt_cache_retention", "reasoning_budget", "reasoning_effort", "reasoning_summary", "response_format",
    "safety_identifier", "service_tier", "store", "temperature", "top_logprobs", "top_p", "truncation", "user",
    "verbosity", "web_search_options",
})  # fmt: skip
_AS_SENT: Final = (
    "metadata", "moderation", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention",
    "safety_identifier", "service_tier", "top_logprobs", "truncation",
)  # fmt: skip
"""Options that have the same name and form in chat completions and in responses."""

_STATE: Final = frozenset({"conversation", "previous_response_id"})
"""What names something that the provider keeps: only a request of this wire may, where it was asked whose it is."""

_HOSTED: Final[Mapping[str, Mapping[str, Any]]] = {
    "web_search": {"type": "web_search"},
    "code_execution": {"type": "code_interpreter", "container": {"type": "auto"}},
}
"""Tools of other wires that this one has too, with nothing but their defaults."""

_encode = msgspec.json.Encoder().encode


class _Input(Struct):
    input: str | list[Raw]


class _Item(Struct):
    type: str | None = None
    encrypted_content: str | None = None


class _SearchOptions(Struct):
    search_context_size: str | None = None
    user_location: dict[str, Any] | None = None


_decode_input = msgspec.json.Decoder(_Input).decode
_decode_item = msgspec.json.Decoder(_Item).decode
_decode_search = msgspec.json.Decoder(_SearchOptions).decode


def build_request(call: Call, target: Target) -> WireRequest:
    """Send the caller's bytes on where they are of this wire format, else say them in it."""
    if call.wire == WIRE:
        path = target.traits.responses_path + call.action
        return WireRequest(path=path, body=_spliced(call, target), headers=dict(call.headers))
    chat = call.chat
    dropped = (*left_out(call, WIRE, _EXPRESSED), *_state_named(call))
    emulated: list[str] = []
    lost: list[str] = []
    store = bytes(chat.options.get("store", b"")) == b"true"
    body: dict[str, Any] = {
        "model": target.name,
        "input": [item for at, message in enumerate(chat.messages) for item in _items(message, at, lost, emulated)],
        "store": store,
    }
    body |= {name: chat.options[name] for name in _AS_SENT if name in chat.options}
    body |= _settings(chat)
    if tools := [*map(_tool, chat.tools), *_hosted(call, lost), *_searching(chat)]:
        body["tools"] = tools
    if chat.tool_choice:
        body["tool_choice"] = _tool_choice(chat.tool_choice)
    if text := _text(chat):
        body["text"] = text
    if reasoning := _reasoning_settings(chat, target, emulated):
        body["reasoning"] = reasoning
    if include := _include(chat, target, store=store):
        body["include"] = include
    if call.stream:
        body["stream"] = True
    body |= {name: raw for name, raw in added(call, lost).items() if name not in _STATE}
    return WireRequest(
        path=target.traits.responses_path,
        body=_encode(body),
        dropped=tuple(dict.fromkeys((*dropped, *lost))),
        emulated=tuple(emulated),
    )


def _state_named(call: Call) -> tuple[str, ...]:
    named = tuple(sorted(_STATE & call.chat.extra.keys()))
    if named and not call.drop_unsupported:
        message = f"'{named[0]}' names what a provider keeps: send the request to /v1/responses, or leave it out"
        raise UnsupportedParameterError(message, param=named[0])
    return named


def _spliced(call: Call, target: Target) -> bytes:
    """Rename the model, and leave out reasoning of other wire formats, which no provider of this one could decrypt."""
    try:
        body = _without_foreign(call.body) if _FOREIGN in call.body else call.body
        return replace_model(body, call.model, target.name)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"the request body is not valid JSON: {error}"
        raise InvalidRequestError(message, code="invalid_json") from None


def _without_foreign(body: bytes) -> bytes:
    items = _decode_input(body).input
    if isinstance(items, str):
        return body
    return splice(body, {"input": _encode([said for item in items if (said := _own(item)) is not None])})


def _own(item: Raw) -> Any:
    """Return an item as a provider may see it: a summary of ours in plain words, nothing else that we packed."""
    encrypted = _decode_item(item).encrypted_content or ""
    if not encrypted.startswith(PREFIX):
        return item
    sealed = unseal(encrypted)
    if sealed is None or sealed.recap is None:
        return None
    return {"role": "user", "content": RECAP_HEADING + sealed.recap}


def _settings(chat: ChatRequest) -> dict[str, Any]:
    given = {
        "parallel_tool_calls": chat.parallel_tool_calls,
        "temperature": chat.temperature,
        "top_p": chat.top_p,
        "max_output_tokens": chat.max_output_tokens,
        "user": chat.user,
    }
    return {name: value for name, value in given.items() if value is not None}


def _items(message: Message, at: int, lost: list[str], emulated: list[str]) -> Iterator[Any]:
    """Say a turn as input items: its text and media as one message, calls, results and reasoning as items of their own.

    The order of the parts is kept: what was said before a call stays before it.
    """
    said: list[Any] = []
    for number, part in enumerate(message.parts):
        where = f"messages[{at}].content[{number}]"
        if isinstance(part, Text | Image | Audio | File | Refusal):
            if not (isinstance(part, Text) and not part.text):
                said.append(_content(part, where))
            continue
        if (item := _own_item(part, where, lost, emulated)) is not None:
            yield from _message(message.role, said)
            said = []
            yield item
    yield from _message(message.role, said)


def _message(role: str, said: list[Any]) -> Iterator[Any]:
    if not said:
        return
    if role == "assistant":
        # An answer's parts have a type of their own, which wants an id that nobody has; text alone does not.
        yield {"role": role, "content": "".join(part.get("text", "") for part in said)}
    elif len(said) == 1 and said[0]["type"] == "input_text":
        yield {"role": "user" if role == "tool" else role, "content": said[0]["text"]}
    else:
        yield {"role": "user" if role == "tool" else role, "content": said}


def _own_item(part: Part, where: str, lost: list[str], emulated: list[str]) -> Any:
    """Say what is no part of a message; `None` for what has no place in this wire format."""
    match part:
        case ToolCall():
            return _call(part)
        case ToolResult():
            if part.is_error:
                emulated.append(f"{where}.is_error")
            return {"type": "function_call_output", "call_id": part.call_id, "output": _output(part, where)}
        case Reasoning():
            return _reasoning(part)
        case Opaque(wire=wire, raw=raw):
            if wire == WIRE and _is_whole(raw):
                return raw
            lost.append(where)
    return None


def _is_whole(raw: Raw) -> bool:
    """Tell whether an item says what it is, rather than what it is called at the provider; we pack no other."""
    try:
        return _decode_item(raw).type not in {None, "item_reference"}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _call(call: ToolCall) -> dict[str, Any]:
    if call.type == "custom":
        return {"type": "custom_tool_call", "call_id": call.id, "name": call.name, "input": call.arguments}
    return {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments or "{}"}


def _output(result: ToolResult, where: str) -> str | list[Any]:
    """Return what a tool answered; that it failed has no member in this wire format and is said in words."""
    parts = [_content(part, where) for part in result.parts if not (isinstance(part, Text) and not part.text)]
    if result.is_error:
        parts.insert(0, {"type": "input_text", "text": "Error: "})
    if all(part["type"] == "input_text" for part in parts):
        return "".join(part["text"] for part in parts)
    return parts


def _reasoning(piece: Reasoning) -> dict[str, Any] | None:
    """Give reasoning back to the wire format it came from: encrypted, or as the plain thoughts some servers send."""
    if piece.origin not in {None, WIRE}:
        return None
    identity = {"id": piece.id} if piece.id else {}
    if piece.encrypted:
        summary = [{"type": "summary_text", "text": piece.text}] if piece.text else []
        return {"type": "reasoning", **identity, "summary": summary, "encrypted_content": piece.encrypted}
    if piece.origin == WIRE and piece.text and not piece.summary:
        content = [{"type": "reasoning_text", "text": piece.text}]
        return {"type": "reasoning", **identity, "summary": [], "content": content}
    return None


def _content(part: Text | Image | Audio | File | Refusal, where: str) -> dict[str, Any]:
    match part:
        case Text(text=text) | Refusal(text=text):
            return {"type": "input_text", "text": text}
        case Image():
            url = part.url or f"data:{part.media_type or 'image/jpeg'};base64,{part.data or ''}"
            return {"type": "input_image", "image_url": url, "detail": part.detail or "auto"}
        case File():
            return _file(part)
        case Audio():
            raise cannot_express(where, WIRE)


def _file(file: File) -> dict[str, Any]:
    name = {"filename": file.filename} if file.filename else {}
    if file.file_id:
        return {"type": "input_file", "file_id": file.file_id}
    if file.url:
        return {"type": "input_file", "file_url": file.url}
    kind = file.media_type or "application/pdf"
    data = f"data:{kind};base64,{file.data or ''}"
    return {"type": "input_file", **(name or {"filename": _filename(kind)}), "file_data": data}


def _filename(kind: str) -> str:
    """Make up a name: this wire format wants one with every file."""
    return "file.pdf" if kind == "application/pdf" else f"file.{kind.rpartition('/')[2] or 'bin'}"


def _tool(tool: Tool) -> dict[str, Any]:
    """Say a function; here they are strict unless told otherwise, which callers of other wires do not expect."""
    described = {"description": tool.description} if tool.description is not None else {}
    parameters = tool.parameters or Raw(b'{"type":"object","properties":{}}')
    return {
        "type": "function",
        "name": tool.name,
        **described,
        "parameters": parameters,
        "strict": bool(tool.strict),
    }


def _hosted(call: Call, lost: list[str]) -> Iterator[Any]:
    """Say the tools that the provider is to run, where it has them."""
    for tool in call.chat.hosted_tools:
        if tool.wire == WIRE:
            yield tool.raw
        elif (same := _HOSTED.get(tool.kind)) is not None:
            yield same
        elif call.drop_unsupported:
            lost.append(f"tools.{tool.kind}")
        else:
            raise cannot_express(f"tools.{tool.kind}", WIRE)


def _searching(chat: ChatRequest) -> Iterator[dict[str, Any]]:
    """Say chat completions' `web_search_options`, whose location lies one level deeper than here."""
    raw = chat.options.get("web_search_options")
    if raw is None:
        return
    try:
        options = _decode_search(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"'web_search_options': {error}"
        raise InvalidRequestError(message, code="invalid_type", param="web_search_options") from None
    tool: dict[str, Any] = {"type": "web_search"}
    if options.search_context_size:
        tool["search_context_size"] = options.search_context_size
    if options.user_location and isinstance(place := options.user_location.get("approximate"), dict):
        tool["user_location"] = {"type": "approximate", **place}
    yield tool


def _tool_choice(choice: ToolChoice) -> Any:
    return {"type": "function", "name": choice.name} if choice.mode == "named" else choice.mode


def _text(chat: ChatRequest) -> dict[str, Any]:
    text: dict[str, Any] = {}
    if chat.response_format is not None:
        text["format"] = _format(chat.response_format)
    if (verbosity := chat.options.get("verbosity")) is not None:
        text["verbosity"] = verbosity
    return text


def _format(form: ResponseFormat) -> dict[str, Any]:
    if form.schema is None:
        return {"type": "json_object"}
    given = {"strict": form.strict, "description": form.description}
    return {
        "type": "json_schema",
        "name": form.name or "answer",
        "schema": form.schema,
        **{name: value for name, value in given.items() if value is not None},
    }


def _reasoning_settings(chat: ChatRequest, target: Target, emulated: list[str]) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    if chat.reasoning_effort is not None:
        settings["effort"] = nearest(chat.reasoning_effort, target.model.reasoning_efforts)
        if settings["effort"] != chat.reasoning_effort:
            emulated.append("reasoning_effort")
    elif chat.reasoning_budget is not None:
        settings["effort"] = nearest(effort_of(chat.reasoning_budget), target.model.reasoning_efforts)
        emulated.append("reasoning_budget")
    if chat.reasoning_summary not in {None, "none"}:
        settings["summary"] = chat.reasoning_summary
    return settings


def _include(chat: ChatRequest, target: Target, *, store: bool) -> list[str]:
    """Ask for what is not sent unasked: reasoning to be given back by who keeps it himself, and probabilities.

    Models that do not reason refuse the request for encrypted reasoning, so only those known to do are asked.
    """
    include = []
    thinks = bool(target.model.capabilities & {"reasoning", "extended-thinking"})
    if not store and (thinks or chat.reasoning_effort not in {None, "none"}):
        include.append("reasoning.encrypted_content")
    if bytes(chat.options.get("logprobs", b"")) == b"true":
        include.append("message.output_text.logprobs")
    return include

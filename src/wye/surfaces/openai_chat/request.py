"""Reads a chat completion request: the few facts everybody needs at once, the rest when somebody asks."""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec
from msgspec import Raw, Struct

from wye.core.content import (
    Audio,
    File,
    FunctionCall,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    Role,
    Text,
    ToolCall,
    ToolResult,
)
from wye.core.errors import InvalidRequestError, UnsupportedParameterError
from wye.core.request import NOTHING_ASKED, Asked, Call, ChatRequest, ResponseFormat, Tool, ToolChoice
from wye.surfaces import decode_request

WIRE: Final = "openai_chat"
FORWARDED: Final[frozenset[bytes]] = frozenset()
_T = TypeVar("_T")
_NULL: Final = Raw(b"null")
"""Stands for an absent member: msgspec reads `Raw | None` as null and nothing else."""


class _StreamOptions(Struct):
    include_usage: bool | None = None


class _MessageHead(Struct):
    role: str
    content: Raw = Raw(b"null")


class _Scalars(Struct):
    """The members that are checked for their type on every request, whichever wire it goes to."""

    model: str
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    n: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    reasoning_effort: str | None = None
    parallel_tool_calls: bool | None = None
    user: str | None = None


class _Head(_Scalars, kw_only=True):
    """A request decoded far enough to send it on as it is: prompts stay undecoded bytes."""

    messages: list[_MessageHead]
    tools: list[Raw] | None = None


class _ImageUrl(Struct):
    url: str
    detail: str | None = None


class _InputAudio(Struct):
    data: str
    format: str


class _FileRef(Struct):
    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class _Part(Struct):
    type: str
    text: str | None = None
    image_url: _ImageUrl | str | None = None
    input_audio: _InputAudio | None = None
    file: _FileRef | None = None
    refusal: str | None = None
    cache_control: Raw = _NULL


class _Function(Struct):
    name: str
    arguments: str = ""


class _ToolCall(Struct):
    id: str
    function: _Function
    type: str = "function"


class _ReasoningDetail(Struct):
    type: str = ""
    text: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None


class _Message(Struct):
    role: str
    content: str | list[_Part] | None = None
    name: str | None = None
    tool_calls: list[_ToolCall] | None = None
    tool_call_id: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning_details: list[_ReasoningDetail] | None = None
    cache_control: Raw = _NULL


class _FunctionTool(Struct):
    name: str
    description: str | None = None
    parameters: Raw = _NULL
    strict: bool | None = None


class _Tool(Struct):
    type: str = "function"
    function: _FunctionTool | None = None
    cache_control: Raw = _NULL


class _Named(Struct):
    name: str


class _NamedChoice(Struct):
    type: str = "function"
    function: _Named | None = None


class _JsonSchema(Struct):
    name: str | None = None
    schema: Raw = _NULL
    strict: bool | None = None
    description: str | None = None


class _ResponseFormat(Struct):
    type: str
    json_schema: _JsonSchema | None = None


class _Body(_Scalars, kw_only=True):
    messages: list[_Message]
    tools: list[_Tool] | None = None
    tool_choice: str | _NamedChoice | None = None
    response_format: _ResponseFormat | None = None


_OPTIONS: Final = frozenset({
    "audio", "function_call", "functions", "logit_bias", "logprobs", "metadata", "modalities", "prediction",
    "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "service_tier", "store", "top_logprobs",
    "verbosity", "web_search_options",
})  # fmt: skip
"""Members of OpenAI's request that few other wires have; they stay JSON until an adapter takes them."""

_NEUTRAL: Final = {
    "logprobs": b"false", "store": b"false", "logit_bias": b"{}", "metadata": b"{}", "service_tier": b'"auto"',
    "modalities": b'["text"]',
}  # fmt: skip
"""Values that ask for nothing, so that every wire can express them."""

_ROLES: Final[dict[str, Role]] = {
    "system": "system", "developer": "developer", "user": "user", "assistant": "assistant", "tool": "tool",
    "function": "tool",
}  # fmt: skip

_TYPED: Final = frozenset(_Body.__struct_fields__)
_decode_head = msgspec.json.Decoder(_Head).decode
_decode_body = msgspec.json.Decoder(_Body).decode
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode
_CONTENT_STARTS: Final = frozenset(b'"[n')


def parse_request(body: bytes, asked: Asked = NOTHING_ASKED) -> Call:
    """Read a request's head and check its types; prompts are not decoded here.

    Raises `InvalidRequestError` whose `param` is the member at fault, with `code` `invalid_json`, `missing_field`,
    `invalid_type` or `invalid_value`.
    """
    head = decode_request(_decode_head, body)
    if not head.messages:
        message = "'messages' must hold at least one message"
        raise InvalidRequestError(message, code="invalid_value", param="messages")
    for index, item in enumerate(head.messages):
        if memoryview(item.content)[0] not in _CONTENT_STARTS:
            param = f"messages[{index}].content"
            message = f"'{param}' must be a string, a list of parts or null"
            raise InvalidRequestError(message, code="invalid_type", param=param)
    options = head.stream_options
    return Call(
        wire=WIRE,
        body=body,
        model=head.model,
        decode=_chat,
        stream=bool(head.stream),
        stream_usage=bool(options and options.include_usage),
        asked=asked,
    )


def _chat(body: bytes) -> ChatRequest:
    data: _Body = decode_request(_decode_body, body)
    members: dict[str, Raw] = decode_request(_decode_members, body)
    options = {
        name: value
        for name, value in members.items()
        if name in _OPTIONS and bytes(value) != b"null" and bytes(value) != _NEUTRAL.get(name)
    }
    extra = {name: value for name, value in members.items() if name not in _OPTIONS and name not in _TYPED}
    limit = data.max_completion_tokens if data.max_completion_tokens is not None else data.max_tokens
    return ChatRequest(
        model=data.model,
        messages=tuple(_message(item, index) for index, item in enumerate(data.messages)),
        tools=tuple(_tool(item, index) for index, item in enumerate(data.tools or ())),
        tool_choice=_tool_choice(data.tool_choice),
        parallel_tool_calls=data.parallel_tool_calls,
        response_format=_response_format(data.response_format),
        temperature=data.temperature,
        top_p=data.top_p,
        max_output_tokens=limit,
        stop=(data.stop,) if isinstance(data.stop, str) else tuple(data.stop or ()),
        seed=data.seed,
        presence_penalty=data.presence_penalty or None,
        frequency_penalty=data.frequency_penalty or None,
        reasoning_effort=data.reasoning_effort,
        n=None if data.n == 1 else data.n,
        user=data.user,
        stream=bool(data.stream),
        options=options,
        extra=extra,
    )


def _message(item: _Message, index: int) -> Message:
    where = f"messages[{index}]"
    role = _ROLES.get(item.role)
    if role is None:
        message = f"'{where}.role' must be one of {', '.join(_ROLES)}, not {item.role!r}"
        raise InvalidRequestError(message, code="invalid_value", param=f"{where}.role")
    parts = _parts(item, where)
    if role == "tool":
        call_id = item.tool_call_id or item.name
        if not call_id:
            message = f"'{where}.tool_call_id' is required for a tool's result"
            raise InvalidRequestError(message, code="missing_field", param=f"{where}.tool_call_id")
        allowed = tuple(part for part in parts if isinstance(part, Text | Image | Audio | File))
        return Message(role=role, parts=(ToolResult(call_id=call_id, parts=allowed, cache=_given(item.cache_control)),))
    if role == "assistant":
        parts = (*_reasoning(item), *parts, *_calls(item))
    return Message(role=role, parts=parts, name=item.name)


def _parts(item: _Message, where: str) -> tuple[Part, ...]:
    if item.content is None:
        parts: tuple[Part, ...] = ()
    elif isinstance(item.content, str):
        parts = (Text(item.content, _given(item.cache_control)),) if item.content else ()
    else:
        parts = tuple(_part(part, f"{where}.content[{at}]") for at, part in enumerate(item.content))
    return (*parts, Refusal(item.refusal)) if item.refusal else parts


def _part(part: _Part, where: str) -> Part:
    cache = _given(part.cache_control)
    match part.type:
        case "text":
            return Text(_need(part.text, f"{where}.text"), cache)
        case "image_url":
            image = _need(part.image_url, f"{where}.image_url")
            return _image(image if isinstance(image, _ImageUrl) else _ImageUrl(str(image)), cache)
        case "input_audio":
            audio = _need(part.input_audio, f"{where}.input_audio")
            return Audio(data=audio.data, format=audio.format)
        case "file":
            return _file(_need(part.file, f"{where}.file"), cache, where)
        case "refusal":
            return Refusal(_need(part.refusal, f"{where}.refusal"))
    message = f"'{where}.type' is {part.type!r}, which only a provider of the same wire format could understand"
    raise UnsupportedParameterError(message, param=f"{where}.type")


def _image(image: _ImageUrl, cache: Raw | None) -> Image:
    media_type, data = _data_url(image.url)
    if data is None:
        return Image(url=image.url, detail=image.detail, cache=cache)
    return Image(data=data, media_type=media_type, detail=image.detail, cache=cache)


def _file(file: _FileRef, cache: Raw | None, where: str) -> File:
    if file.file_id:
        return File(file_id=file.file_id, filename=file.filename, cache=cache)
    source = _need(file.file_data, f"{where}.file.file_data")
    if source.startswith(("http://", "https://")):
        return File(url=source, filename=file.filename, cache=cache)
    media_type, data = _data_url(source)
    if data is None:
        data, media_type = source, None
    if media_type is None and (file.filename or "").lower().endswith(".pdf"):
        media_type = "application/pdf"
    return File(data=data, media_type=media_type, filename=file.filename, cache=cache)


def _data_url(url: str) -> tuple[str | None, str | None]:
    """Split `data:<media type>;base64,<data>`; `(None, None)` for any other URL."""
    if not url.startswith("data:"):
        return None, None
    head, comma, data = url[5:].partition(",")
    if not comma or not head.endswith(";base64"):
        return None, None
    return head.removesuffix(";base64").partition(";")[0] or None, data


def _given(raw: Raw) -> Raw | None:
    return None if bytes(raw) == b"null" else raw


def _need(value: _T | None, param: str) -> _T:
    if value is None:
        message = f"'{param}' is required"
        raise InvalidRequestError(message, code="missing_field", param=param)
    return value


def _reasoning(item: _Message) -> tuple[Reasoning, ...]:
    """Read what the model thought; pieces of a stream, which a client may have kept one by one, become one again."""
    pieces: list[Reasoning] = []
    text = ""
    for detail in item.reasoning_details or ():
        if detail.id is not None:
            continue
        text += detail.text or ""
        if detail.signature or detail.data:
            pieces.append(Reasoning(text=text, signature=detail.signature, encrypted=detail.data))
            text = ""
    if text or (item.reasoning_content and not pieces):
        pieces.append(Reasoning(text=text or item.reasoning_content or ""))
    return tuple(pieces)


def _calls(item: _Message) -> tuple[ToolCall, ...]:
    signatures = {detail.id: detail.data for detail in item.reasoning_details or () if detail.id}
    return tuple(
        ToolCall(call.id, FunctionCall(call.function.name, call.function.arguments), signature=signatures.get(call.id))
        for call in item.tool_calls or ()
    )


def _tool(item: _Tool, index: int) -> Tool:
    if item.type != "function" or item.function is None:
        message = f"'tools[{index}].type' is {item.type!r}, which only a provider of the same wire format could run"
        raise UnsupportedParameterError(message, param=f"tools[{index}].type")
    function = item.function
    return Tool(
        name=function.name,
        description=function.description,
        parameters=_given(function.parameters),
        strict=function.strict,
        cache=_given(item.cache_control),
    )


def _tool_choice(choice: str | _NamedChoice | None) -> ToolChoice | None:
    match choice:
        case None:
            return None
        case "auto" | "none" | "required":
            return ToolChoice(choice)
        case "any":
            return ToolChoice("required")
        case _NamedChoice(type="function", function=_Named(name=name)):
            return ToolChoice("named", name)
    message = "'tool_choice' must be 'auto', 'none', 'required' or {'type': 'function', 'function': {'name': …}}"
    raise InvalidRequestError(message, code="invalid_value", param="tool_choice")


def _response_format(form: _ResponseFormat | None) -> ResponseFormat | None:
    match form:
        case None | _ResponseFormat(type="text"):
            return None
        case _ResponseFormat(type="json_object"):
            return ResponseFormat(type="json_object")
        case _ResponseFormat(type="json_schema", json_schema=_JsonSchema() as schema):
            return ResponseFormat(
                type="json_schema",
                name=schema.name,
                schema=_need(_given(schema.schema), "response_format.json_schema.schema"),
                strict=schema.strict,
                description=schema.description,
            )
    message = "'response_format.type' must be 'text', 'json_object' or 'json_schema' (with 'json_schema')"
    raise InvalidRequestError(message, code="invalid_value", param="response_format")

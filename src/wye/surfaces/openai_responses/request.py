"""Reads a Responses request: the few facts everybody needs at once, the rest when somebody asks."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from wye.core.errors import InvalidRequestError, UnsupportedParameterError
from wye.core.request import (
    NOTHING_ASKED,
    Asked,
    Call,
    ChatRequest,
    HostedTool,
    ResponseFormat,
    Tool,
    ToolChoice,
)
from wye.surfaces import decode_request
from wye.surfaces.openai_responses.conversation import CUSTOM_SCHEMA, messages_of, summarising
from wye.surfaces.openai_responses.wire import NULL, WIRE, given

FORWARDED: Final[frozenset[bytes]] = frozenset({b"openai-beta"})


class _Reasoning(Struct):
    effort: str | None = None
    summary: str | None = None
    generate_summary: str | None = None


class _Format(Struct):
    type: str
    name: str | None = None
    schema: Raw = NULL
    strict: bool | None = None
    description: str | None = None


class _Text(Struct):
    format: _Format | None = None
    verbosity: str | None = None


class _Head(Struct):
    """The members that are checked for their type on every request, whichever wire it goes to."""

    model: str
    input: Raw = NULL
    instructions: Raw = NULL
    stream: bool | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_output_tokens: int | None = None
    parallel_tool_calls: bool | None = None
    reasoning: _Reasoning | None = None
    text: _Text | None = None
    tools: list[Raw] | None = None
    top_logprobs: int | None = None
    user: str | None = None
    previous_response_id: str | None = None
    store: bool | None = None
    background: bool | None = None
    include: list[str] | None = None


class _Tool(Struct):
    type: str = ""
    name: str | None = None
    description: str | None = None
    parameters: Raw = NULL
    strict: bool | None = None


class _Choice(Struct):
    type: str = ""
    name: str | None = None
    mode: str | None = None
    tools: list[Any] | None = None


class _ToolChoice(Struct):
    tool_choice: str | _Choice | None = None


_OPTIONS: Final = frozenset({
    "background", "context_management", "conversation", "max_tool_calls", "metadata", "moderation", "prompt",
    "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "safety_identifier", "service_tier",
    "top_logprobs", "truncation",
})  # fmt: skip
"""Members that few other wires have; they stay JSON until an adapter takes them."""

_NEUTRAL: Final = {
    "background": b"false", "metadata": b"{}", "service_tier": b'"auto"', "truncation": b'"disabled"',
    "context_management": b"[]", "top_logprobs": b"0",
}  # fmt: skip
"""Values that ask for nothing, so that every wire can express them."""

_READ: Final = frozenset({*_Head.__struct_fields__, "tool_choice", "stream_options"})
"""`store` and `previous_response_id` are for the gateway, which keeps the state of other wires' answers itself."""

_HOSTED: Final = {
    "web_search": "web_search", "web_search_preview": "web_search", "web_search_2025_08_26": "web_search",
    "web_search_preview_2025_03_11": "web_search", "code_interpreter": "code_execution", "file_search": "file_search",
}  # fmt: skip

_decode_head = msgspec.json.Decoder(_Head).decode
_decode_tool = msgspec.json.Decoder(_Tool).decode
_decode_choice = msgspec.json.Decoder(_ToolChoice).decode
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode
_encode = msgspec.json.Encoder().encode


def parse_request(body: bytes, asked: Asked = NOTHING_ASKED) -> Call:
    """Read a request's head and check its types; the input is not decoded here.

    Raises `InvalidRequestError` whose `param` is the member at fault, with `code` `invalid_json`, `missing_field`,
    `invalid_type` or `invalid_value`.
    """
    head: _Head = decode_request(_decode_head, body)
    if memoryview(head.input)[0] not in b'"[n':
        message = "'input' must be a string or a list of items"
        raise InvalidRequestError(message, code="invalid_type", param="input")
    return Call(
        wire=WIRE,
        body=body,
        model=head.model,
        decode=_DECODERS.get(asked.action, _chat),
        stream=bool(head.stream) and not asked.action,
        stream_usage=True,
        asked=asked,
    )


def _chat(body: bytes) -> ChatRequest:
    head: _Head = decode_request(_decode_head, body)
    if head.previous_response_id is not None:
        message = f"there is no response {head.previous_response_id!r} to go on from; send the whole conversation"
        raise InvalidRequestError(message, code="previous_response_not_found", param="previous_response_id")
    members: dict[str, Raw] = decode_request(_decode_members, body)
    tools, hosted = _tools(head)
    reasoning = head.reasoning or _Reasoning()
    return ChatRequest(
        model=head.model,
        messages=messages_of(head.instructions, head.input),
        tools=tools,
        hosted_tools=hosted,
        tool_choice=_tool_choice(decode_request(_decode_choice, body).tool_choice),
        parallel_tool_calls=head.parallel_tool_calls,
        response_format=_response_format(head.text.format) if head.text else None,
        temperature=head.temperature,
        top_p=head.top_p,
        max_output_tokens=head.max_output_tokens,
        reasoning_effort=reasoning.effort,
        reasoning_summary=reasoning.summary or reasoning.generate_summary,
        user=head.user,
        stream=bool(head.stream),
        options=_options(head, members),
        extra={name: raw for name, raw in members.items() if name not in _OPTIONS and name not in _READ},
    )


def _options(head: _Head, members: dict[str, Raw]) -> dict[str, Raw]:
    options = {
        name: raw
        for name, raw in members.items()
        if name in _OPTIONS and bytes(raw) != b"null" and bytes(raw) != _NEUTRAL.get(name)
    }
    if "message.output_text.logprobs" in (head.include or ()) or head.top_logprobs:
        options["logprobs"] = Raw(b"true")
    if head.text and head.text.verbosity not in {None, "medium"}:
        options["verbosity"] = Raw(_encode(head.text.verbosity))
    return options


def _tools(head: _Head) -> tuple[tuple[Tool, ...], tuple[HostedTool, ...]]:
    """Part the caller's own functions from the tools a provider runs.

    A custom tool takes any text; other wires have it as a function of one string, and the answer is told back as what
    the caller asked for.
    """
    tools, hosted = [], []
    for at, raw in enumerate(head.tools or ()):
        tool: _Tool = decode_request(_decode_tool, bytes(raw))
        if tool.type not in {"function", "custom"}:
            hosted.append(HostedTool(kind=_HOSTED.get(tool.type, tool.type), wire=WIRE, raw=raw))
            continue
        if not tool.name:
            raise InvalidRequestError(
                f"'tools[{at}].name' is required", code="missing_field", param=f"tools[{at}].name"
            )
        parameters = CUSTOM_SCHEMA if tool.type == "custom" else given(tool.parameters)
        tools.append(Tool(name=tool.name, description=tool.description, parameters=parameters, strict=tool.strict))
    return tuple(tools), tuple(hosted)


def custom_tools(body: bytes) -> frozenset[str]:
    """Return the names of a request's custom tools, whose calls have plain text for arguments."""
    if b'"custom"' not in body:
        return frozenset()
    head: _Head = decode_request(_decode_head, body)
    tools = [decode_request(_decode_tool, bytes(raw)) for raw in head.tools or ()]
    return frozenset(tool.name for tool in tools if tool.type == "custom" and tool.name)


def _tool_choice(choice: str | _Choice | None) -> ToolChoice | None:
    match choice:
        case None:
            return None
        case "auto" | "none" | "required":
            return ToolChoice(choice)
        case _Choice(type="function" | "custom", name=str(name)):
            return ToolChoice("named", name)
        case _Choice(type="allowed_tools", mode="auto" | "required" as mode):
            return ToolChoice(mode)
        case _Choice(type=kind) if kind:
            message = f"'tool_choice.type' is {kind!r}, which only a provider of the same wire format could understand"
            raise UnsupportedParameterError(message, param="tool_choice")
    message = "'tool_choice' must be 'auto', 'none', 'required' or {'type': 'function', 'name': …}"
    raise InvalidRequestError(message, code="invalid_value", param="tool_choice")


def _response_format(form: _Format | None) -> ResponseFormat | None:
    match form:
        case None | _Format(type="text"):
            return None
        case _Format(type="json_object"):
            return ResponseFormat(type="json_object")
        case _Format(type="json_schema", schema=schema) if given(schema) is not None:
            return ResponseFormat(
                type="json_schema", name=form.name, schema=schema, strict=form.strict, description=form.description
            )
    message = "'text.format.type' must be 'text', 'json_object' or 'json_schema' (with 'schema')"
    raise InvalidRequestError(message, code="invalid_value", param="text.format")


def _summarising(body: bytes) -> ChatRequest:
    """Read a request to compact a conversation as one to sum it up, for models that have no compaction of their own."""
    chat = _chat(body)
    return ChatRequest(
        model=chat.model, messages=summarising(chat.messages), reasoning_effort=chat.reasoning_effort, user=chat.user
    )


def _counting(_body: bytes) -> ChatRequest:
    message = "tokens are counted by providers of this wire format only; the chosen model's provider has another one"
    raise UnsupportedParameterError(message, code="unsupported_operation", param="model")


_DECODERS: Final = {"/compact": _summarising, "/input_tokens": _counting}

"""Reads a Messages request: the few facts everybody needs at once, the rest when somebody asks."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import Final

import msgspec
from msgspec import Raw, Struct

from wye.core.content import Message, Text
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
from wye.surfaces.anthropic_messages.blocks import NO_THREADS, NULL, WIRE, given, read_messages, read_system
from wye.surfaces.anthropic_messages.client_tools import client_tool

FORWARDED: Final[frozenset[bytes]] = frozenset({b"anthropic-version", b"anthropic-beta"})

_LONG_CONTEXT: Final = "[1m]"
"""What Claude Code writes behind a model's name to ask for a longer context; a beta header says the same."""
_LONGEST_USER: Final = 64
"""OpenAI takes no longer `user`; Claude Code's is longer."""


class _MessageHead(Struct):
    role: str
    content: Raw


class _Scalars(Struct):
    """The members that are checked for their type on every request, whichever wire it goes to."""

    model: str
    stream: bool | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None


class _Head(_Scalars, kw_only=True):
    """A request decoded far enough to send it on as it is: prompts stay undecoded bytes."""

    messages: list[_MessageHead]
    tools: list[Raw] | None = None


class _Tool(Struct):
    name: str = ""
    type: str | None = None
    description: str | None = None
    input_schema: Raw = NULL
    strict: bool | None = None
    cache_control: Raw = NULL


class _ToolChoice(Struct):
    type: str
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class _Thinking(Struct):
    type: str
    budget_tokens: int | None = None
    display: str | None = None


class _Format(Struct):
    type: str
    schema: Raw = NULL
    name: str | None = None


class _OutputConfig(Struct):
    effort: str | None = None
    format: _Format | None = None


class _Metadata(Struct):
    user_id: str | None = None


class _Message(Struct):
    role: str
    content: str | list[Raw]


class _Body(_Scalars, kw_only=True):
    messages: list[_Message]
    system: str | list[Raw] | None = None
    tools: list[Raw] | None = None
    tool_choice: _ToolChoice | None = None
    thinking: _Thinking | None = None
    output_config: _OutputConfig | None = None
    output_format: _Format | None = None
    metadata: _Metadata | None = None
    service_tier: str | None = None
    cache_control: Raw = NULL
    thread: Raw = NULL


_TYPED: Final = frozenset(_Body.__struct_fields__)
_NEUTRAL: Final = frozenset({b"null", b"[]", b"{}"})
_OPTIONS: Final = frozenset({
    "billing_policy", "compaction", "container", "context_management", "diagnostics", "fallback_credit_token",
    "fallbacks", "inference_geo", "mcp_servers", "speed", "user_profile_id", "workspace_id",
})  # fmt: skip
"""Members that few other wires have; they stay JSON until an adapter takes them."""
_ENVELOPE: Final = frozenset({"anthropic_beta", "anthropic_version", "betas"})
"""Members that say which version of the API is spoken, where that is not in headers."""
_TOOL_KINDS: Final = (
    ("web_search", "web_search"),
    ("code_execution", "code_execution"),
)
"""Beginnings of the types of tools that other wires have too; what follows is the date of a version."""

_decode_head = msgspec.json.Decoder(_Head).decode
_decode_body = msgspec.json.Decoder(_Body).decode
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_tool = msgspec.json.Decoder(_Tool).decode
_CONTENT_STARTS: Final = frozenset(b'"[')


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
            message = f"'{param}' must be a string or a list of content blocks"
            raise InvalidRequestError(message, code="invalid_type", param=param)
    return Call(
        wire=WIRE,
        body=body,
        model=asked.model or head.model.removesuffix(_LONG_CONTEXT),
        decode=partial(_chat, drop=asked.drop_unsupported),
        stream=bool(head.stream) if asked.stream is None else asked.stream,
        stream_usage=True,
        asked=asked,
    )


def _chat(body: bytes, *, drop: bool) -> ChatRequest:
    data = decode_request(_decode_body, body)
    members = decode_request(_decode_members, body)
    if given(data.thread) is not None:
        message = "'thread': the chosen model's provider holds no conversations; send the whole conversation without it"
        raise UnsupportedParameterError(message, code=NO_THREADS, param="thread")
    tools, hosted = _tools(data.tools or [])
    choice, parallel = _tool_choice(data.tool_choice)
    config = data.output_config or _OutputConfig()
    effort, budget, summary = _thinking(data.thinking)
    turns = [(item.role, item.content) for item in data.messages]
    return ChatRequest(
        model=data.model,
        messages=_cached((*read_system(data.system), *read_messages(turns, drop=drop)), given(data.cache_control)),
        tools=tools,
        hosted_tools=hosted,
        tool_choice=choice,
        parallel_tool_calls=parallel,
        response_format=_response_format(config.format or data.output_format),
        temperature=data.temperature,
        top_p=data.top_p,
        top_k=data.top_k,
        max_output_tokens=data.max_tokens,
        stop=tuple(data.stop_sequences or ()),
        reasoning_effort=config.effort or effort,
        reasoning_budget=budget,
        reasoning_summary=summary,
        user=_user(data.metadata),
        stream=bool(data.stream),
        options=_options(members, data.service_tier),
        extra={name: value for name, value in members.items() if name not in _TYPED | _OPTIONS | _ENVELOPE},
    )


def _options(members: dict[str, Raw], tier: str | None) -> dict[str, Raw]:
    options = {name: value for name, value in members.items() if name in _OPTIONS and bytes(value) not in _NEUTRAL}
    if tier == "standard_only":
        options["service_tier"] = Raw(b'"default"')  # as OpenAI's wire says it; "auto" is what everybody does
    return options


def _cached(messages: tuple[Message, ...], cache: Raw | None) -> tuple[Message, ...]:
    """Mark the last text as the end of what is to be cached, which is what a mark on the whole request means."""
    if cache is None or not messages or not messages[-1].parts:
        return messages
    *turns, last = messages
    *parts, final = last.parts
    if isinstance(final, Text) and final.cache is None:
        last = msgspec.structs.replace(last, parts=(*parts, Text(final.text, cache)))
    return (*turns, last)


def _tools(raw_tools: list[Raw]) -> tuple[tuple[Tool, ...], tuple[HostedTool, ...]]:
    """Split the tools into functions, which the client runs, and those that Anthropic runs itself."""
    functions: list[Tool] = []
    hosted: list[HostedTool] = []
    for index, raw in enumerate(raw_tools):
        item = _decode_inside(raw, f"tools[{index}]")
        known = client_tool(item.type) if item.type else None
        if item.type in {None, "custom"} or known:
            if not item.name:
                param = f"tools[{index}].name"
                raise InvalidRequestError(f"'{param}' is required", code="missing_field", param=param)
            functions.append(
                Tool(
                    name=item.name,
                    description=known.description if known else item.description,
                    parameters=known.parameters if known else given(item.input_schema),
                    strict=item.strict,
                    cache=given(item.cache_control),
                )
            )
        else:
            kind = next((name for start, name in _TOOL_KINDS if str(item.type).startswith(start)), str(item.type))
            hosted.append(HostedTool(kind=kind, wire=WIRE, raw=raw))
    return tuple(functions), tuple(hosted)


def _decode_inside(raw: Raw, where: str) -> _Tool:
    try:
        return decode_request(_decode_tool, bytes(raw))
    except InvalidRequestError as error:
        param = f"{where}.{error.param}" if error.param else where
        raise InvalidRequestError(f"'{param}' is not what it should be", code=error.code, param=param) from None


def _tool_choice(choice: _ToolChoice | None) -> tuple[ToolChoice | None, bool | None]:
    if choice is None:
        return None, None
    parallel = False if choice.disable_parallel_tool_use else None
    match choice.type:
        case "auto" | "none":
            return ToolChoice(choice.type), parallel
        case "any":
            return ToolChoice("required"), parallel
        case "tool" if choice.name:
            return ToolChoice("named", choice.name), parallel
    message = "'tool_choice.type' must be 'auto', 'any', 'none' or 'tool' (with 'name')"
    raise InvalidRequestError(message, code="invalid_value", param="tool_choice")


def _thinking(thinking: _Thinking | None) -> tuple[str | None, int | None, str | None]:
    """Return effort, budget and whether thoughts are to be shown."""
    match thinking:
        case _Thinking(type="enabled", budget_tokens=budget, display=display):
            return None, budget, "none" if display == "omitted" else "auto"
        case _Thinking(type="adaptive", display=display):
            return None, None, "none" if display == "omitted" else "auto"
        case _Thinking(type="disabled"):
            return "none", None, None
        case None:
            return None, None, None
    message = "'thinking.type' must be 'enabled' (with 'budget_tokens'), 'adaptive' or 'disabled'"
    raise InvalidRequestError(message, code="invalid_value", param="thinking.type")


def _response_format(form: _Format | None) -> ResponseFormat | None:
    match form:
        case None:
            return None
        case _Format(type="json_schema", schema=schema) if (shape := given(schema)) is not None:
            return ResponseFormat(type="json_schema", name=form.name, schema=shape, strict=True)
    message = "'output_config.format' must be {'type': 'json_schema', 'schema': …}"
    raise InvalidRequestError(message, code="invalid_value", param="output_config.format")


def _user(metadata: _Metadata | None) -> str | None:
    """Return the caller's user; one too long for other wires becomes its digest, which names them as well."""
    user = metadata.user_id if metadata else None
    if user and len(user) > _LONGEST_USER:
        return hashlib.blake2b(user.encode(errors="replace"), digest_size=_LONGEST_USER // 2).hexdigest()
    return user

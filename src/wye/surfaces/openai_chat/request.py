"""Reads a chat completion request: the few facts everybody needs at once, the rest when somebody asks."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw, Struct

from wye.core.errors import InvalidRequestError
from wye.core.request import NOTHING_ASKED, Asked, Call, ChatRequest, HostedTool, ResponseFormat, Tool, ToolChoice
from wye.surfaces import decode_request
from wye.surfaces.openai_chat.messages import NULL, ChatMessage, given, need, read_message

WIRE: Final = "openai_chat"
FORWARDED: Final[frozenset[bytes]] = frozenset()


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


class _FunctionTool(Struct):
    name: str
    description: str | None = None
    parameters: Raw = NULL
    strict: bool | None = None


class _Tool(Struct):
    type: str = "function"
    function: _FunctionTool | None = None
    cache_control: Raw = NULL


class _Named(Struct):
    name: str


class _NamedChoice(Struct):
    type: str = "function"
    function: _Named | None = None


class _JsonSchema(Struct):
    name: str | None = None
    schema: Raw = NULL
    strict: bool | None = None
    description: str | None = None


class _ResponseFormat(Struct):
    type: str
    json_schema: _JsonSchema | None = None


class _Thinking(Struct):
    """What other vendors let callers ask of reasoning: OpenRouter's `reasoning`, Anthropic's `thinking`."""

    type: str | None = None
    enabled: bool | None = None
    effort: str | None = None
    max_tokens: int | None = None
    budget_tokens: int | None = None
    exclude: bool | None = None


class _Extras(Struct):
    """Members that OpenAI's request has not, but that clients send and other wires have words for."""

    top_k: int | None = None
    reasoning: _Thinking | None = None
    thinking: _Thinking | None = None


class _Body(_Scalars, kw_only=True):
    messages: list[ChatMessage]
    tools: list[_Tool] | None = None
    tool_choice: str | _NamedChoice | None = None
    response_format: _ResponseFormat | None = None
    functions: list[_FunctionTool] | None = None
    function_call: str | _Named | None = None


_OPTIONS: Final = frozenset({
    "audio", "logit_bias", "logprobs", "metadata", "modalities", "prediction",
    "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "service_tier", "store", "top_logprobs",
    "verbosity", "web_search_options",
})  # fmt: skip
"""Members of OpenAI's request that few other wires have; they stay JSON until an adapter takes them."""

_NEUTRAL: Final = {
    "logprobs": b"false", "store": b"false", "logit_bias": b"{}", "metadata": b"{}", "service_tier": b'"auto"',
    "modalities": b'["text"]',
}  # fmt: skip
"""Values that ask for nothing, so that every wire can express them."""

_KINDS: Final = {
    "web_search": "web_search", "browser_search": "web_search", "code_interpreter": "code_execution",
    "code_execution": "code_execution", "file_search": "file_search",
}  # fmt: skip
_EXTRAS: Final = frozenset(_Extras.__struct_fields__)
_decode_extras = msgspec.json.Decoder(_Extras).decode
_decode_raws = msgspec.json.Decoder(list[Raw]).decode
_encode = msgspec.json.Encoder().encode
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
    if "extra_body" in members:  # what OpenAI's client mixes into the body itself, sent by a program that does not
        members = {**decode_request(_decode_members, bytes(members.pop("extra_body"))), **members}
    options = {
        name: value
        for name, value in members.items()
        if name in _OPTIONS and bytes(value) != b"null" and bytes(value) != _NEUTRAL.get(name)
    }
    extra = {name: value for name, value in members.items() if name not in _OPTIONS and name not in _TYPED}
    extras: _Extras = decode_request(
        _decode_extras, _encode({name: extra.pop(name) for name in _EXTRAS & extra.keys()})
    )
    effort, budget, summary = _thinking(data.reasoning_effort, extras)
    limit = data.max_completion_tokens if data.max_completion_tokens is not None else data.max_tokens
    tools, hosted = _tools(data, members)
    ids: dict[str, str] = {}
    return ChatRequest(
        model=data.model,
        messages=tuple(read_message(item, index, ids) for index, item in enumerate(data.messages)),
        tools=tools,
        hosted_tools=hosted,
        tool_choice=_tool_choice(data.tool_choice) or _function_choice(data.function_call),
        parallel_tool_calls=data.parallel_tool_calls,
        response_format=_response_format(data.response_format),
        temperature=data.temperature,
        top_p=data.top_p,
        top_k=extras.top_k,
        max_output_tokens=limit,
        stop=(data.stop,) if isinstance(data.stop, str) else tuple(data.stop or ()),
        seed=data.seed,
        presence_penalty=data.presence_penalty or None,
        frequency_penalty=data.frequency_penalty or None,
        reasoning_effort=effort,
        reasoning_budget=budget,
        reasoning_summary=summary,
        n=None if data.n == 1 else data.n,
        user=data.user,
        stream=bool(data.stream),
        options=options,
        extra=extra,
    )


def _thinking(effort: str | None, extras: _Extras) -> tuple[str | None, int | None, str | None]:
    """Return effort, budget and whether thoughts are shown, in whichever vendor's words they were asked for."""
    asked = extras.reasoning or extras.thinking
    if asked is None:
        return effort, None, None
    effort = effort or asked.effort
    budget = asked.max_tokens if asked.max_tokens is not None else asked.budget_tokens
    if asked.enabled is False or asked.type == "disabled":
        effort = "none"
    elif effort is None and budget is None and (asked.enabled or asked.type in {"enabled", "adaptive"}):
        effort = "medium"
    return effort, None if effort else budget, "none" if asked.exclude else None


def _tools(data: _Body, members: dict[str, Raw]) -> tuple[tuple[Tool, ...], tuple[HostedTool, ...]]:
    """Return the functions, and what else a caller lists as a tool, which is the provider's to run or to know."""
    tools: list[Tool] = []
    hosted: list[HostedTool] = []
    raws = _decode_raws(members["tools"]) if data.tools else []
    for index, (item, raw) in enumerate(zip(data.tools or (), raws, strict=True)):
        if item.type != "function":
            hosted.append(HostedTool(kind=_kind(item.type), wire=WIRE, raw=raw))
        else:
            tools.append(_function(need(item.function, f"tools[{index}].function"), item.cache_control))
    if not data.tools:
        tools += (_function(function, NULL) for function in data.functions or ())
    return tuple(tools), tuple(hosted)


def _kind(word: str) -> str:
    """Return the kind of a hosted tool: `openrouter:web_search` and `web_search_preview` are both searches."""
    name = word.rpartition(":")[2]
    return next((kind for prefix, kind in _KINDS.items() if name.startswith(prefix)), word)


def _function(function: _FunctionTool, cache: Raw) -> Tool:
    return Tool(
        name=function.name,
        description=function.description,
        parameters=given(function.parameters),
        strict=function.strict,
        cache=given(cache),
    )


def _function_choice(choice: str | _Named | None) -> ToolChoice | None:
    return ToolChoice("named", choice.name) if isinstance(choice, _Named) else _tool_choice(choice)


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
                schema=need(given(schema.schema), "response_format.json_schema.schema"),
                strict=schema.strict,
                description=schema.description,
            )
    message = "'response_format.type' must be 'text', 'json_object' or 'json_schema' (with 'json_schema')"
    raise InvalidRequestError(message, code="invalid_value", param="response_format")

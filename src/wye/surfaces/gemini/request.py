"""Reads a generateContent request: the few facts everybody needs at once, the rest when somebody asks."""

from __future__ import annotations

from functools import partial
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Raw, Struct, structs

from wye.core.content import Message, Text
from wye.core.errors import InvalidRequestError
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
from wye.surfaces.gemini.contents import WIRE, Content, messages
from wye.surfaces.gemini.names import REQUEST, camel, encoded_in_form, has_snake_names, json_schema

__all__ = ["FORWARDED", "WIRE", "parse_request"]

FORWARDED: Final[frozenset[bytes]] = frozenset()
_NULL: Final = Raw(b"null")
_T = TypeVar("_T")


class _Head(Struct, rename="camel"):
    """A request decoded far enough to send it on as it is: prompts stay undecoded bytes."""

    contents: Raw = _NULL
    model: str | None = None


class _Declaration(Struct, rename="camel"):
    name: str
    description: str | None = None
    parameters: Raw = _NULL
    parameters_json_schema: Raw = _NULL


class _CallingConfig(Struct, rename="camel"):
    mode: str | int | None = None
    allowed_function_names: list[str] | None = None


class _ToolConfig(Struct, rename="camel"):
    function_calling_config: _CallingConfig | None = None
    retrieval_config: Raw = _NULL
    include_server_side_tool_invocations: Raw = _NULL


class _Thinking(Struct, rename="camel"):
    include_thoughts: bool | None = None
    thinking_budget: float | None = None
    thinking_level: str | None = None


class _Config(Struct, rename="camel"):
    temperature: float | None = None
    top_p: float | None = None
    top_k: float | None = None
    candidate_count: int | None = None
    max_output_tokens: int | None = None
    stop_sequences: list[str] | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    response_logprobs: bool | None = None
    logprobs: int | None = None
    response_mime_type: str | None = None
    response_schema: Raw = _NULL
    response_json_schema: Raw = _NULL
    response_modalities: list[str] | None = None
    thinking_config: _Thinking | None = None


class _Body(Struct, rename="camel"):
    contents: list[Content]
    system_instruction: Content | None = None
    tools: list[dict[str, Raw]] | None = None
    tool_config: _ToolConfig | None = None
    generation_config: dict[str, Raw] | None = None
    safety_settings: Raw = _NULL
    cached_content: Raw = _NULL
    labels: Raw = _NULL
    service_tier: Raw = _NULL
    store: Raw = _NULL


_decode_head = msgspec.json.Decoder(_Head).decode
_decode_body = msgspec.json.Decoder(_Body).decode
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_declarations = msgspec.json.Decoder(list[_Declaration]).decode
_encode = msgspec.json.Encoder().encode
_CONFIGURED: Final = frozenset(field.encode_name for field in structs.fields(_Config))
_HOSTED: Final = {
    "googleSearch": "web_search", "googleSearchRetrieval": "web_search", "enterpriseWebSearch": "web_search",
    "codeExecution": "code_execution", "fileSearch": "file_search", "urlContext": "url_context",
}  # fmt: skip
"""Words for tools that the provider runs; for one that is not here its own name is the word."""
_EMPTY: Final = frozenset({b"null", b"[]", b"{}", b'""'})
_MODES: Final = ("MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED")
"""Modes of calling functions by number."""


def parse_request(body: bytes, asked: Asked = NOTHING_ASKED) -> Call:
    """Read a request's head; `asked` holds the model and whether to stream, which stand in the path.

    Raises `InvalidRequestError` whose `param` is the member at fault, with `code` `invalid_json`, `missing_field`,
    `invalid_type` or `invalid_value`.
    """
    head = _decode(_decode_head, body)
    if memoryview(head.contents)[0] not in b"[{":
        message = "'contents' is required: a list of turns, each with its parts"
        raise InvalidRequestError(message, code="missing_field", param="contents")
    model = (asked.model or head.model or "").removeprefix("models/")
    if not model:
        message = "the model is missing: it stands in the path, as in /v1beta/models/{model}:generateContent"
        raise InvalidRequestError(message, code="missing_field", param="model")
    return Call(
        wire=WIRE,
        body=body,
        model=model,
        decode=partial(_chat, model, stream=bool(asked.stream)),
        stream=bool(asked.stream),
        stream_usage=True,
        asked=asked,
    )


def _decode(decoder: Any, body: bytes | Raw, inside: str = "") -> Any:
    """Decode what stands at `inside` of the body."""
    try:
        return decode_request(decoder, bytes(body))
    except InvalidRequestError as error:
        if not inside:
            raise
        param = f"{inside}.{error.param or ''}".rstrip(".").replace(".[", "[")
        raise InvalidRequestError(f"'{inside}': {error.message}", code=error.code, param=param) from None


def _body(body: bytes) -> tuple[_Body, bytes]:
    """Decode the body, at once where its names are in camelCase, else brought to that form first."""
    if not has_snake_names(body):
        try:
            return _decode_body(body), body
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass  # a single item may stand for a list
    formed = _decode(encoded_in_form, body)
    return _decode(_decode_body, formed), formed


def _chat(model: str, body: bytes, *, stream: bool) -> ChatRequest:
    data, formed = _body(body)
    if not data.contents:
        message = "'contents' must hold at least one turn"
        raise InvalidRequestError(message, code="invalid_value", param="contents")
    config = data.generation_config or {}
    typed: _Config = _decode(
        msgspec.json.Decoder(_Config).decode,
        _encode({name: value for name, value in config.items() if name in _CONFIGURED}),
        "generationConfig",
    )
    tools, hosted, choice = _tools(data)
    thinking = typed.thinking_config or _Thinking()
    effort, budget = _effort(thinking)
    options = _options(data, typed, config)
    members = _decode_members(formed)
    return ChatRequest(
        model=model,
        messages=(*_system(data.system_instruction), *messages(data.contents)),
        tools=tools,
        hosted_tools=hosted,
        tool_choice=choice,
        response_format=_response_format(typed, options),
        temperature=typed.temperature,
        top_p=typed.top_p,
        top_k=int(typed.top_k) if typed.top_k is not None else None,
        max_output_tokens=typed.max_output_tokens,
        stop=tuple(typed.stop_sequences or ()),
        seed=typed.seed,
        presence_penalty=typed.presence_penalty or None,
        frequency_penalty=typed.frequency_penalty or None,
        reasoning_effort=effort,
        reasoning_budget=budget,
        reasoning_summary="auto" if thinking.include_thoughts else None,
        n=typed.candidate_count if (typed.candidate_count or 1) > 1 else None,
        stream=stream,
        options=options,
        extra={name: value for name, value in members.items() if camel(name) not in REQUEST},
    )


def _system(content: Content | None) -> tuple[Message, ...]:
    parts = tuple(Text(part.text) for part in (content.parts if content else None) or () if part.text)
    return (Message(role="system", parts=parts),) if parts else ()


def _effort(thinking: _Thinking) -> tuple[str | None, int | None]:
    """Read how much to think: a budget of nothing is no effort, one below it leaves the choice to the model."""
    budget = thinking.thinking_budget
    if budget == 0:
        return "none", None
    level = (thinking.thinking_level or "").lower().removeprefix("thinking_level_")
    return level if level != "unspecified" and level else None, int(budget) if budget and budget > 0 else None


def _tools(data: _Body) -> tuple[tuple[Tool, ...], tuple[HostedTool, ...], ToolChoice | None]:
    tools: list[Tool] = []
    hosted: list[HostedTool] = []
    for index, item in enumerate(data.tools or ()):
        for name, value in item.items():
            if name == "functionDeclarations":
                where = f"tools[{index}].functionDeclarations"
                tools += [_tool(declared) for declared in _decode(_decode_declarations, value, where)]
            elif bytes(value) != b"null":
                raw = Raw(_encode({name: value}))
                hosted.append(HostedTool(kind=_HOSTED.get(name, name), wire=WIRE, raw=raw))
    calling = (data.tool_config.function_calling_config if data.tool_config else None) or _CallingConfig()
    allowed = calling.allowed_function_names or ()
    mode = calling.mode
    if isinstance(mode, int):
        mode = _MODES[mode] if 0 <= mode < len(_MODES) else None
    if allowed and mode in {"ANY", "VALIDATED"}:
        tools = [tool for tool in tools if tool.name in allowed]
    return tuple(tools), tuple(hosted), _tool_choice(mode, allowed)


def _tool(declared: _Declaration) -> Tool:
    schema = _given(declared.parameters_json_schema)
    if schema is None and (own := _given(declared.parameters)) is not None:
        schema = Raw(_encode(json_schema(msgspec.json.decode(own))))
    return Tool(name=declared.name, description=declared.description, parameters=schema)


def _tool_choice(mode: str | None, allowed: list[str] | tuple[str, ...]) -> ToolChoice | None:
    match mode:
        case "ANY":
            return ToolChoice("named", allowed[0]) if len(allowed) == 1 else ToolChoice("required")
        case "NONE":
            return ToolChoice("none")
        case "AUTO" | "VALIDATED":
            return ToolChoice("auto")
        case None | "MODE_UNSPECIFIED":
            return None
    param = "toolConfig.functionCallingConfig.mode"
    message = f"'{param}' must be AUTO, ANY, NONE or VALIDATED, not {mode!r}"
    raise InvalidRequestError(message, code="invalid_value", param=param)


def _response_format(config: _Config, options: dict[str, Raw]) -> ResponseFormat | None:
    kind = (config.response_mime_type or "").lower()
    if kind not in {"application/json", "", "text/plain"}:
        options["generationConfig.responseMimeType"] = Raw(_encode(config.response_mime_type))
    schema = _given(config.response_json_schema)
    if schema is None and (own := _given(config.response_schema)) is not None:
        schema = Raw(_encode(json_schema(msgspec.json.decode(own))))
    if kind != "application/json":
        return None
    if schema is None:
        return ResponseFormat(type="json_object")
    return ResponseFormat(type="json_schema", name="response", schema=schema)


def _options(data: _Body, config: _Config, members: dict[str, Raw]) -> dict[str, Raw]:
    """Collect what few other wires have, under OpenAI's name where that has one."""
    found = {
        "safetySettings": data.safety_settings,
        "cachedContent": data.cached_content,
        "metadata": data.labels,
        "service_tier": data.service_tier,
        "store": data.store,
        **{f"generationConfig.{name}": value for name, value in members.items() if name not in _CONFIGURED},
    }
    if (tool_config := data.tool_config) is not None:
        found["toolConfig.retrievalConfig"] = tool_config.retrieval_config
    if config.response_logprobs:
        found["logprobs"] = Raw(b"true")
        if config.logprobs is not None:
            found["top_logprobs"] = Raw(_encode(config.logprobs))
    modalities = [item.lower() for item in config.response_modalities or ()]
    if modalities not in ([], ["text"]):
        found["modalities"] = Raw(_encode(modalities))
    return {name: value for name, value in found.items() if bytes(value) not in _EMPTY}


def _given(raw: Raw) -> Raw | None:
    return None if bytes(raw) == b"null" else raw

"""Says a call as a Converse request."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import msgspec
from msgspec import Raw

from wye.adapters import Target, asks_to_think, cannot_express, json_instruction, left_out
from wye.adapters.bedrock_converse.content import WIRE, Said, blocks, cache_point
from wye.adapters.bedrock_converse.family import Family, family_of
from wye.adapters.bedrock_converse.reasoning import add_reasoning
from wye.core.request import Call, ChatRequest, HostedTool, Tool
from wye.core.wire import WireRequest

_EXPRESSED: Final = frozenset({
    "parallel_tool_calls", "reasoning_budget", "reasoning_effort", "response_format", "service_tier", "stop",
    "temperature", "top_k", "top_p", "web_search_options",
})  # fmt: skip
_OWN_MEMBERS: Final = frozenset({
    "additionalModelResponseFieldPaths", "guardrailConfig", "performanceConfig", "promptVariables", "requestMetadata",
    "serviceTier", "outputConfig",
})  # fmt: skip
"""Members of the wire's own that callers add to a request of another wire."""
_WITH_MODELS_OWN: Final = frozenset({"openai_chat", "anthropic_messages"})
_TIERS: Final = frozenset({b'"default"', b'"flex"', b'"priority"', b'"reserved"'})
_HOSTED: Final[Mapping[str, str]] = {"web_search": "nova_grounding", "code_execution": "nova_code_interpreter"}
_NO_CALLS: Final = "Do not call any tool now; answer in words."
_EMPTY_SCHEMA: Final = Raw(b'{"type":"object","properties":{}}')

_encode = msgspec.json.Encoder().encode
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode


def build_request(call: Call, target: Target) -> WireRequest:
    """Say a call as a Converse request."""
    method = "converse-stream" if call.stream else "converse"
    body, dropped, emulated = converse_input(call, target)
    return WireRequest(
        path=f"/model/{quote(target.name, safe='')}/{method}",
        body=_encode(body),
        dropped=dropped,
        emulated=emulated,
    )


def converse_input(call: Call, target: Target) -> tuple[dict[str, Any], tuple[str, ...], tuple[str, ...]]:
    """Return the members of a request, and what was left out or said by other means.

    Counting tokens takes the same members: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CountTokens.html
    """
    chat = call.chat
    family = family_of(target)
    expressed = _EXPRESSED if family.hosted_tools else _EXPRESSED - {"web_search_options"}
    if not family.one_call_at_a_time:
        expressed -= {"parallel_tool_calls"}
    if not family.reasons and asks_to_think(chat):
        expressed -= {"reasoning_effort", "reasoning_budget"}
    if family.thinking == "adaptive" and asks_to_think(chat):
        expressed |= {"reasoning_summary"}
    said = Said(
        caches=family.caches,
        claude=family.thinking in {"adaptive", "budget"},
        json_results=family.json_results,
        dropped=list(left_out(call, WIRE, expressed)),
        emulated=[],
        names={},
        tools_used={},
    )
    system, messages = _conversation(chat, said)
    body: dict[str, Any] = {"messages": messages}
    further: dict[str, Any] = {}
    _add_output_form(body, chat, target, system, said)
    limits = _limits(chat)
    add_reasoning(chat, family, limits, further, said)
    _add_tools(body, call, family, system, further, said)
    _add_extra(body, call, family, further, said)
    tier = chat.options.get("service_tier")
    if tier is not None and bytes(tier) in _TIERS:
        body.setdefault("serviceTier", {"type": tier})
    elif tier is not None:
        said.report(said.dropped, "service_tier")
    members = {"system": system, "inferenceConfig": limits, "additionalModelRequestFields": further}
    body |= {name: value for name, value in members.items() if value}
    return body, tuple(said.dropped), tuple(said.emulated)


def _limits(chat: ChatRequest) -> dict[str, Any]:
    config = {
        "maxTokens": chat.max_output_tokens,
        "temperature": chat.temperature,
        "topP": chat.top_p,
        "stopSequences": chat.stop or None,
    }
    return {name: value for name, value in config.items() if value is not None}


def _conversation(chat: ChatRequest, said: Said) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Split system text from turns, and join neighbouring turns of one role as the wire wants them."""
    system: list[dict[str, Any]] = []
    turns: list[dict[str, Any]] = []
    for index, message in enumerate(chat.messages):
        where = f"messages[{index}]"
        found = blocks(message, where, said)
        if message.role in {"system", "developer"}:
            if turns and found:
                said.report(said.emulated, f"{where}.role")  # system text stands at the beginning only
            if any("text" not in block and "cachePoint" not in block for block in found):
                raise cannot_express(f"{where}.content", WIRE)
            system += found
            continue
        role = "assistant" if message.role == "assistant" else "user"
        if not found:
            continue
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += found
        else:
            turns.append({"role": role, "content": found})
    return system, turns


def _add_output_form(
    body: dict[str, Any], chat: ChatRequest, target: Target, system: list[dict[str, Any]], said: Said
) -> None:
    """Ask for JSON natively where the model can, else by instruction."""
    form = chat.response_format
    if form is None:
        return
    if form.schema is None or "json-schema" not in target.model.capabilities:
        system.append({"text": json_instruction(form)})
        said.report(said.emulated, "response_format")
        return
    schema: dict[str, Any] = {"schema": bytes(form.schema).decode(), "name": form.name or "answer"}
    if form.description:
        schema["description"] = form.description
    body["outputConfig"] = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}}


def _add_tools(
    body: dict[str, Any],
    call: Call,
    family: Family,
    system: list[dict[str, Any]],
    further: dict[str, Any],
    said: Said,
) -> None:
    """Add tools and the choice among them.

    The wire knows no "none": tools nobody may call are left away, unless the conversation has calls of them. It also
    wants every conversation with calls to come with tools.
    """
    chat = call.chat
    mode = chat.tool_choice.mode if chat.tool_choice else "auto"
    tools = _tools(call, family, said) if mode != "none" or said.tools_used else []
    if not tools and said.tools_used:
        tools = [{"toolSpec": {"name": name, "inputSchema": {"json": _EMPTY_SCHEMA}}} for name in said.tools_used]
        said.report(said.emulated, "tools")
        mode = "none"
    if not tools:
        return
    config: dict[str, Any] = {"tools": tools}
    body["toolConfig"] = config
    named = {"name": chat.tool_choice.name} if mode == "named" and chat.tool_choice else {}
    if mode == "none":
        system.append({"text": _NO_CALLS})
        said.report(said.emulated, "tool_choice")
    elif mode == "required":
        config["toolChoice"] = {"any": {}}
    elif named:
        config["toolChoice"] = {"tool": named}
    if family.one_call_at_a_time and chat.parallel_tool_calls is False and chat.tools and mode != "none":
        kind = {"required": "any", "named": "tool"}.get(mode, mode)
        further["tool_choice"] = {"type": kind, **named, "disable_parallel_tool_use": True}


def _tools(call: Call, family: Family, said: Said) -> list[dict[str, Any]]:
    tools: list[dict[str, Any]] = []
    for tool in call.chat.tools:
        tools.append({"toolSpec": _tool_spec(tool, family, said)})
        if tool.cache is not None and not family.caches_tools:
            said.report(said.dropped, "tools[].cache_control")
        elif (point := cache_point(tool.cache, said)) is not None:
            tools.append(point)
    return tools + _hosted_tools(call, family, said)


def _tool_spec(tool: Tool, family: Family, said: Said) -> dict[str, Any]:
    spec: dict[str, Any] = {"name": tool.name, "inputSchema": {"json": tool.parameters or _EMPTY_SCHEMA}}
    if tool.description:
        spec["description"] = tool.description
    if tool.strict and family.strict_tools:
        spec["strict"] = True
    elif tool.strict:
        said.report(said.dropped, "tools[].function.strict")
    return spec


def _hosted_tools(call: Call, family: Family, said: Said) -> list[dict[str, Any]]:
    """Name the tools the provider runs; only one family of models has any, and they take no settings."""
    asked = list(call.chat.hosted_tools)
    if family.hosted_tools and (options := call.chat.options.get("web_search_options")) is not None:
        asked.append(HostedTool(kind="web_search", wire="", raw=options))
    found = []
    for tool in asked:
        if family.hosted_tools and tool.kind in _HOSTED:
            found.append({"systemTool": {"name": _HOSTED[tool.kind]}})
        elif call.drop_unsupported:
            said.report(said.dropped, f"tools.{tool.kind}")
        else:
            raise cannot_express(f"tools.{tool.kind}", WIRE)
    return found


def _add_extra(body: dict[str, Any], call: Call, family: Family, further: dict[str, Any], said: Said) -> None:
    """Pass on what the wire has members for; the rest is the model's own, for which the wire has a place, too.

    That place is for what callers of the wires add that have members of models' own; of another wire they would be
    that wire's.
    """
    chat = call.chat
    extra = dict(chat.extra)
    own = extra.pop("additionalModelRequestFields", None)
    body |= {name: extra.pop(name) for name in tuple(extra) if name in _OWN_MEMBERS}
    top_k = extra.pop("top_k", None)
    if (wanted := chat.top_k if chat.top_k is not None else top_k) is not None:
        further |= family.top_k(wanted)
    if call.wire in _WITH_MODELS_OWN:
        further |= extra
    else:
        said.dropped += extra
    if own is not None:
        try:
            further |= _decode_members(own)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise cannot_express("additionalModelRequestFields", WIRE) from None

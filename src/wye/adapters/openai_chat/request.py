"""Says a call as a chat completion request: the caller's own bytes, or, of another wire format, all of it anew."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from wye.adapters import Target, json_instruction
from wye.adapters.openai_chat.conversation import messages
from wye.adapters.openai_chat.effort import add_reasoning
from wye.adapters.openai_chat.fit import deviates, fitted
from wye.adapters.openai_chat.notes import NEUTRAL, WIRE, Notes, refusals
from wye.core.errors import InvalidRequestError
from wye.core.request import Call, ChatRequest, HostedTool, ResponseFormat, Tool, ToolChoice
from wye.core.wire import WireRequest, replace_model, splice_into

__all__ = ["WIRE", "build_request"]

_ASK_USAGE: Final = b'{"include_usage":true}'
_OPTIONS: Final = frozenset({
    "audio", "logit_bias", "logprobs", "metadata", "modalities", "prediction", "prompt_cache_key",
    "prompt_cache_retention", "safety_identifier", "service_tier", "store", "top_logprobs", "verbosity",
    "web_search_options",
})  # fmt: skip
_PLAIN: Final = (
    "temperature", "top_p", "stop", "seed", "n", "presence_penalty", "frequency_penalty", "parallel_tool_calls", "user",
)  # fmt: skip
_encode = msgspec.json.Encoder().encode


def build_request(call: Call, target: Target) -> WireRequest:
    """Send the caller's bytes on with the provider's name for the model, asking for usage on a stream.

    What the provider is known to refuse is said otherwise. A call of another wire format is written anew.
    """
    if call.wire != WIRE:
        return _rendered(call, target)
    body = call.body
    notes = None
    try:
        if deviates(target):
            notes = Notes(drop=call.drop_unsupported)
            body = fitted(call, target, notes)
        if call.stream and not call.stream_usage and target.traits.stream_usage == "ask":
            body = _ask_for_usage(body)
        body = replace_model(body, call.model, target.name)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"the request body is not valid JSON: {error}"
        raise InvalidRequestError(message, code="invalid_json") from None
    if notes is None:
        return WireRequest(path=target.traits.chat_path, body=body)
    return WireRequest(
        path=target.traits.chat_path, body=body, dropped=tuple(notes.dropped), emulated=tuple(notes.emulated)
    )


def _ask_for_usage(body: bytes) -> bytes:
    if b'"stream_options"' in body:
        return splice_into(body, "stream_options", {"include_usage": b"true"})
    start = body.index(b"{") + 1
    return b"".join((body[:start], b'"stream_options":', _ASK_USAGE, b",", body[start:]))


def _rendered(call: Call, target: Target) -> WireRequest:
    chat = call.chat
    notes = Notes(drop=call.drop_unsupported)
    refused = refusals(target, chat.reasoning_effort)
    body: dict[str, Any] = {"model": target.name, "messages": messages(chat, target, notes)}
    _add_parameters(body, chat, target, refused, notes)
    add_reasoning(body, chat, target, notes)
    _add_tools(body, chat, target, notes)
    if chat.response_format is not None:
        _add_form(body, chat.response_format, target, notes)
    if call.stream:
        body["stream"] = True
        if target.traits.stream_usage == "ask":
            body["stream_options"] = {"include_usage": True}
    return WireRequest(
        path=target.traits.chat_path,
        body=_encode(body),
        dropped=tuple(notes.dropped),
        emulated=tuple(notes.emulated),
    )


def _add_parameters(
    body: dict[str, Any], chat: ChatRequest, target: Target, refused: frozenset[str], notes: Notes
) -> None:
    """Add what is one number, word or list; a value that asks for what happens anyway need not be said."""
    traits = target.traits
    values: dict[str, Any] = {name: getattr(chat, name) for name in _PLAIN}
    if not chat.tools:
        values["parallel_tool_calls"] = None
    for name, value in values.items():
        if value is None or value == ():
            continue
        if name not in refused:
            body[traits.renames.get(name, name)] = value
        elif value != NEUTRAL.get(name):
            notes.leave_out(name)
    _add_options(body, chat, target, refused, notes)


def _add_options(
    body: dict[str, Any], chat: ChatRequest, target: Target, refused: frozenset[str], notes: Notes
) -> None:
    """Add what has a name of its own at a provider, and what few providers have."""
    traits = target.traits
    if chat.max_output_tokens is not None:
        body[traits.max_tokens_field] = chat.max_output_tokens
    if chat.top_k is not None:
        _add_foreign(body, "top_k", chat.top_k, target, notes)
    for name, option in chat.options.items():
        if name in _OPTIONS and name not in refused:
            body[traits.renames.get(name, name)] = option
        else:
            _add_foreign(body, name, option, target, notes)
    for name in chat.extra:
        notes.drop(name)  # members of the caller's own wire format, which a provider of this one would refuse


def _add_foreign(body: dict[str, Any], name: str, value: object, target: Target, notes: Notes) -> None:
    if name in target.traits.takes:
        body[name] = value
    else:
        notes.leave_out(name)


def _add_tools(body: dict[str, Any], chat: ChatRequest, target: Target, notes: Notes) -> None:
    tools: list[Any] = []
    for at, tool in enumerate(chat.tools):
        if "tools" in target.traits.refuses:
            notes.leave_out("tools")
            break
        tools.append(_tool(tool, target))
        if tool.cache is not None and "cache_control" not in target.traits.takes:
            notes.drop(f"tools[{at}].cache_control")
    for hosted in chat.hosted_tools:
        if hosted.wire == WIRE and "tools" not in target.traits.refuses:
            tools.append(hosted.raw)
        elif not _adds_search(body, hosted, target, notes):
            notes.leave_out(f"tools.{hosted.kind}")
    if tools:
        body["tools"] = tools
        if chat.tool_choice is not None:
            body["tool_choice"] = _tool_choice(chat.tool_choice, target)
    elif "parallel_tool_calls" in body:
        del body["parallel_tool_calls"]


def _tool(tool: Tool, target: Target) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.parameters is not None:
        function["parameters"] = tool.parameters
    if tool.strict is not None and "strict" not in target.traits.refuses:
        function["strict"] = tool.strict
    written: dict[str, Any] = {"type": "function", "function": function}
    if tool.cache is not None and "cache_control" in target.traits.takes:
        written["cache_control"] = tool.cache
    return written


def _adds_search(body: dict[str, Any], hosted: HostedTool, target: Target, notes: Notes) -> bool:
    """Ask for a search of the web where the provider can; where and how much to search, each wire says otherwise."""
    if hosted.kind != "web_search":
        return False
    can = target.model.capabilities
    match target.traits.web_search:
        case "always":
            body.setdefault("web_search_options", {})
        case "option" if {"web-search", "real-time-data"} <= can:
            body.setdefault("web_search_options", {})
        case "plugin":
            body["plugins"] = [{"id": "web"}]
        case _:
            return False
    notes.emulate("tools.web_search")
    return True


def _tool_choice(choice: ToolChoice, target: Target) -> str | Mapping[str, Any]:
    match choice.mode:
        case "named":
            return {"type": "function", "function": {"name": choice.name}}
        case "required":
            return target.traits.required_tool_choice
    return choice.mode


def _add_form(body: dict[str, Any], form: ResponseFormat, target: Target, notes: Notes) -> None:
    """Add the form of the output: natively where provider and model can, else as JSON of any shape, else in words."""
    can, forms = target.model.capabilities, target.traits.response_formats
    unknown = can <= {"text"}
    if form.schema is not None and "json_schema" in forms and (unknown or "json-schema" in can):
        facts = {"description": form.description, "strict": form.strict}
        named = {"name": form.name or "answer", "schema": form.schema}
        said = {name: value for name, value in facts.items() if value is not None}
        body["response_format"] = {"type": "json_schema", "json_schema": {**named, **said}}
        return
    native = "json_object" in forms and (unknown or bool({"json-mode", "json-schema"} & can))
    if native:
        body["response_format"] = {"type": "json_object"}
    if form.schema is not None or not native:
        notes.emulate("response_format")
    elif b"json" in _encode(body["messages"]).lower():
        return  # the word must stand somewhere in the prompt, or providers refuse the mode
    _instruct(body["messages"], json_instruction(form))


def _instruct(conversation: list[dict[str, Any]], instruction: str) -> None:
    first = conversation[0] if conversation else {}
    if first.get("role") in {"system", "developer"} and isinstance(first.get("content"), str):
        conversation[0] = {**first, "content": f"{first['content']}\n\n{instruction}"}
    else:
        conversation.insert(0, {"role": "system", "content": instruction})

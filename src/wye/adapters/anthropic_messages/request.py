"""Says a call as a Messages request."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw

from wye.adapters import Target, arguments_object, cannot_express, json_instruction, left_out
from wye.core.content import (
    Audio,
    File,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from wye.core.request import Call, ChatRequest, Tool, ToolChoice
from wye.core.wire import WireRequest

WIRE: Final = "anthropic_messages"

_EXPRESSED: Final = frozenset({
    "parallel_tool_calls", "reasoning_effort", "response_format", "stop", "temperature", "top_p", "user",
})  # fmt: skip
_DEFAULT_MAX_TOKENS: Final = 4096
_BUDGETS: Final[Mapping[str, int]] = {
    "minimal": 1024, "low": 1024, "medium": 4096, "high": 16384, "xhigh": 32768, "max": 32768,
}  # fmt: skip
"""Thinking budgets in tokens for the models that take a budget; those that think adaptively take the effort itself."""

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

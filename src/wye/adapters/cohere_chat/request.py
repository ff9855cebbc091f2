"""Says a call as a request of Cohere's chat."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw

from wye.adapters import Target, added, arguments_object, cannot_express, failed_tools, json_instruction, left_out
from wye.core.content import Image, Message, Opaque, Reasoning, Refusal, Text, ToolCall, ToolResult
from wye.core.request import Call, ChatRequest, Tool
from wye.core.wire import WireRequest

WIRE: Final = "cohere_chat"

_EXPRESSED: Final = frozenset({
    "frequency_penalty", "logprobs", "presence_penalty", "reasoning_budget", "reasoning_effort", "response_format",
    "seed", "stop", "temperature", "top_k", "top_p",
})  # fmt: skip
_BUDGETS: Final[Mapping[str, int]] = {"minimal": 1024, "low": 1024, "medium": 8192}
"""Tokens to think, for efforts below the highest; that one has no limit: https://docs.cohere.com/docs/reasoning."""
_EMPTY_SCHEMA: Final = Raw(b'{"type":"object","properties":{}}')
_encode = msgspec.json.Encoder().encode


def build_request(call: Call, target: Target) -> WireRequest:
    """Say a call as a chat request."""
    chat = call.chat
    dropped = list(left_out(call, WIRE, _EXPRESSED))
    emulated = failed_tools(chat)
    for hosted in chat.hosted_tools:
        if not call.drop_unsupported:
            raise cannot_express(f"tools.{hosted.kind}", WIRE)
        dropped.append(f"tools.{hosted.kind}")
    thinks = "reasoning" in target.model.capabilities
    messages = list(_messages(chat, dropped, thinks=thinks))
    body: dict[str, Any] = {"model": target.name, "messages": messages}
    if call.stream:
        body["stream"] = True
    body |= _tools(chat, emulated)
    known: dict[str, Any] = {
        "max_tokens": chat.max_output_tokens,
        "temperature": chat.temperature,
        "p": chat.top_p,
        "k": chat.top_k,
        "stop_sequences": chat.stop or None,
        "seed": chat.seed,
        "presence_penalty": chat.presence_penalty,
        "frequency_penalty": chat.frequency_penalty,
        "logprobs": chat.options.get("logprobs"),
        "thinking": _thinking(chat),
    }
    body |= {name: value for name, value in known.items() if value is not None}
    if (form := chat.response_format) is not None:
        if chat.tools:  # this wire takes either
            messages.insert(0, {"role": "system", "content": json_instruction(form)})
            emulated.append("response_format")
        else:
            schema = {"json_schema": form.schema} if form.schema is not None else {}
            body["response_format"] = {"type": "json_object", **schema}
    extra = added(call, dropped)
    if "top_k" in extra:
        body["k"] = extra.pop("top_k")
    return WireRequest(path="/chat", body=_encode({**body, **extra}), dropped=tuple(dropped), emulated=tuple(emulated))


def _tools(chat: ChatRequest, emulated: list[str]) -> dict[str, Any]:
    """Say tools and the choice among them; a named one is required by being the only one."""
    if not chat.tools:
        return {}
    tools, choice = chat.tools, chat.tool_choice
    mode = choice.mode if choice else "auto"
    if choice is not None and mode == "named":
        tools = tuple(tool for tool in tools if tool.name == choice.name) or tools
        emulated.append("tool_choice")
    body: dict[str, Any] = {"tools": [_tool(tool) for tool in tools]}
    if mode != "auto":
        body["tool_choice"] = "NONE" if mode == "none" else "REQUIRED"
    if all(tool.strict for tool in tools):
        body["strict_tools"] = True
    return body


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name, "parameters": tool.parameters or _EMPTY_SCHEMA}
    if tool.description is not None:
        function["description"] = tool.description
    return {"type": "function", "function": function}


def _thinking(chat: ChatRequest) -> dict[str, Any] | None:
    if chat.reasoning_budget is not None:
        return {"type": "enabled", "token_budget": chat.reasoning_budget}
    if chat.reasoning_effort is None:
        return None
    if chat.reasoning_effort == "none":
        return {"type": "disabled"}
    budget = _BUDGETS.get(chat.reasoning_effort)
    return {"type": "enabled", **({"token_budget": budget} if budget else {})}


def _messages(chat: ChatRequest, dropped: list[str], *, thinks: bool) -> Iterator[dict[str, Any]]:
    for index, message in enumerate(chat.messages):
        where = f"messages[{index}]"
        match message.role:
            case "system" | "developer":
                if text := _plain(message, where):
                    yield {"role": "system", "content": text}
            case "assistant":
                if said := _assistant(message, where, dropped, thinks=thinks):
                    yield said
            case _:
                yield from _from_user(message, where, dropped)


def _plain(message: Message, where: str) -> str:
    for at, part in enumerate(message.parts):
        if not isinstance(part, Text):
            raise cannot_express(f"{where}.content[{at}]", WIRE)
    return message.text


def _assistant(message: Message, where: str, dropped: list[str], *, thinks: bool) -> dict[str, Any] | None:
    """Say a turn of the model's; what came before calls is their plan, or thoughts where the model thinks.

    Thoughts of another wire format's models stay behind: these do not need them.
    """
    content: list[dict[str, Any]] = []
    calls: list[dict[str, Any]] = []
    thoughts = ""
    for at, part in enumerate(message.parts):
        here = f"{where}.content[{at}]"
        match part:
            case Text(text=text) | Refusal(text=text):
                content += [{"type": "text", "text": text}] if text else []
            case Reasoning(text=text, origin=origin):
                thoughts += text if origin in {None, WIRE} else ""
            case ToolCall():
                arguments = bytes(arguments_object(part.arguments, here)).decode()
                function = {"name": part.name, "arguments": arguments}
                calls.append({"id": part.id, "type": "function", "function": function})
            case Opaque():
                dropped.append(here)
            case _:
                raise cannot_express(here, WIRE)
    if calls and not thinks:
        plan = "\n".join(filter(None, (thoughts, *(block["text"] for block in content))))
        return {"role": "assistant", "tool_calls": calls, **({"tool_plan": plan} if plan else {})}
    if thinks and thoughts and (calls or content):
        content.insert(0, {"type": "thinking", "thinking": thoughts})
    if not content and not calls:
        return None
    said = {"content": content} if content else {}
    return {"role": "assistant", **said, **({"tool_calls": calls} if calls else {})}


def _from_user(message: Message, where: str, dropped: list[str]) -> Iterator[dict[str, Any]]:
    content: list[dict[str, Any]] = []
    for at, part in enumerate(message.parts):
        here = f"{where}.content[{at}]"
        match part:
            case Text(text=""):
                continue
            case Text(text=text):
                content.append({"type": "text", "text": text})
            case Image():
                content.append({"type": "image_url", "image_url": _image(part)})
            case ToolResult():
                yield from _result(part, where)
            case Opaque():
                dropped.append(here)
            case _:
                raise cannot_express(here, WIRE)
    if len(content) == 1 and content[0]["type"] == "text":
        yield {"role": "user", "content": content[0]["text"]}
    elif content:
        yield {"role": "user", "content": content}


def _result(result: ToolResult, where: str) -> Iterator[dict[str, Any]]:
    """Say a tool's result; an image in it, which no result can hold here, follows as the user's."""
    text = "".join(part.text for part in result.parts if isinstance(part, Text))
    content = f"Error: {text}" if result.is_error else text
    yield {"role": "tool", "tool_call_id": result.call_id, "content": content}
    images: list[dict[str, Any]] = []
    for part in result.parts:
        if isinstance(part, Image):
            images.append({"type": "image_url", "image_url": _image(part)})
        elif not isinstance(part, Text):
            raise cannot_express(f"{where}.content", WIRE)
    if images:
        yield {"role": "user", "content": images}


def _image(image: Image) -> dict[str, Any]:
    url = image.url if image.data is None else f"data:{image.media_type or 'image/jpeg'};base64,{image.data}"
    return {"url": url, **({"detail": image.detail} if image.detail else {})}

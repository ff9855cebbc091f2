"""Imitates Ollama's own chat: https://docs.ollama.com/api/chat."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct
from tests.support.imitation import mind
from tests.support.imitation.mind import Called, Heard, RefusedError, Result, Said, Turn
from tests.support.upstream import Received, Reply

WIRE = "ollama_chat"
PATH = "/api/chat"


class _Function(Struct):
    name: str
    arguments: dict[str, Any]
    index: int | None = None


class _Call(Struct):
    function: _Function
    id: str | None = None


class _Message(Struct):
    role: str
    content: str = ""
    thinking: str | None = None
    images: list[str] | None = None
    tool_calls: list[_Call] | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None


class _Declared(Struct):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None


class _Tool(Struct):
    function: _Declared
    type: str = "function"


class _Request(Struct):
    """Go's decoder takes members it does not know; types must fit."""

    model: str
    messages: list[_Message]
    tools: list[_Tool] | None = None
    format: Any = None
    options: dict[str, Any] | None = None
    stream: bool = True
    think: bool | str | None = None
    keep_alive: Any = None


_decode = msgspec.json.Decoder(_Request).decode


def authorised(headers: Mapping[str, str]) -> bool:  # it asks for no key
    return True


def hear(received: Received) -> Heard:
    """Read a request, refusing what Ollama refuses."""
    try:
        data = _decode(received.body)
    except msgspec.ValidationError as error:
        raise RefusedError(f"json: cannot unmarshal: {error}") from None
    options = data.options or {}
    limit = options.get("num_predict")
    return Heard(
        model=data.model,
        turns=tuple(_turns(data.messages)),
        system="".join(message.content for message in data.messages if message.role == "system"),
        tools={tool.function.name: tool.function.parameters or {} for tool in data.tools or ()},
        schema=data.format if isinstance(data.format, dict) else None,
        json_mode=data.format == "json",
        thinking=bool(data.think),
        stream=data.stream,
        limit=limit if isinstance(limit, int) and limit >= 0 else None,
        stop=tuple(options.get("stop") or ()),
    )


def _turns(messages: list[_Message]) -> list[Turn]:
    turns: list[Turn] = []
    for message in messages:
        match message.role:
            case "system":
                continue
            case "tool":
                result = Result(message.tool_call_id or "", message.tool_name or "", message.content)
                before = turns.pop().results if turns and turns[-1].role == "tool" else ()
                turns.append(Turn("tool", results=(*before, result)))
            case "user" | "assistant":
                calls = tuple(
                    Called(call.id or "", call.function.name, call.function.arguments)
                    for call in message.tool_calls or ()
                )
                thoughts = ((message.thinking, ""),) if message.thinking else ()
                media = tuple(mind.seen("image", image) for image in message.images or ())
                role: mind.Speaker = "assistant" if message.role == "assistant" else "user"
                texts = (message.content,) if message.content else ()
                turns.append(Turn(role, texts=texts, media=media, calls=calls, thoughts=thoughts))
            case other:
                raise RefusedError(f"invalid role: {other}")
    if not turns:
        raise RefusedError("messages must not be empty")
    return turns


def _end(said: Said) -> dict[str, Any]:
    return {
        "done": True,
        "done_reason": "length" if said.finish == "length" else "stop",
        "total_duration": 500,
        "load_duration": 100,
        "prompt_eval_count": said.input_tokens,
        "prompt_eval_duration": 100,
        "eval_count": said.output_tokens,
        "eval_duration": 300,
    }


def _line(heard: Heard, message: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    head = {"model": heard.model, "created_at": "2026-01-01T00:00:00.000000Z"}
    return {**head, "message": {"role": "assistant", "content": "", **message}, **more}


def _calls(said: Said) -> list[dict[str, Any]]:
    return [
        {"function": {"index": at, "name": call.name, "arguments": call.arguments}}
        for at, call in enumerate(said.calls)
    ]


def whole(heard: Heard, said: Said) -> Reply:
    message: dict[str, Any] = {"content": said.text}
    if said.thoughts:
        message["thinking"] = said.thoughts
    if said.calls:
        message["tool_calls"] = _calls(said)
    return Reply.json(_line(heard, message, _end(said)))


def stream(heard: Heard, said: Said) -> Reply:
    going = {"done": False}
    lines = [_line(heard, {"thinking": piece}, going) for piece in mind.cut(said.thoughts)]
    lines += [_line(heard, {"content": piece}, going) for piece in said.pieces()]
    lines += [_line(heard, {"tool_calls": [call]}, going) for call in _calls(said)]
    lines.append(_line(heard, {}, _end(said)))
    return Reply.stream([json.dumps(line).encode() + b"\n" for line in lines], "application/x-ndjson")


def refuse(error: RefusedError) -> Reply:
    return Reply.json({"error": error.message}, error.status)


def no_key() -> Reply:
    return refuse(RefusedError("unauthorized", status=401))

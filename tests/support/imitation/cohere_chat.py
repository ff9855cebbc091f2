"""Imitates Cohere's chat, version 2: https://docs.cohere.com/reference/chat and its streaming page."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct
from tests.support.imitation import mind
from tests.support.imitation.mind import Called, Heard, RefusedError, Result, Said, Seen, Turn
from tests.support.imitation.says import event, key_of, member, sse
from tests.support.upstream import Received, Reply

WIRE = "cohere_chat"
PATH = "/chat"
FINISH = {"stop": "COMPLETE", "length": "MAX_TOKENS", "tool_calls": "TOOL_CALL"}


class _Strict(Struct, forbid_unknown_fields=True):
    """Cohere refuses members it does not know."""


class _Part(_Strict):
    type: str
    text: str | None = None
    thinking: str | None = None
    image_url: dict[str, str] | None = None
    document: dict[str, Any] | None = None


class _Function(_Strict):
    name: str
    arguments: str


class _Call(_Strict):
    id: str
    function: _Function
    type: str = "function"


class _Message(_Strict):
    role: str
    content: str | list[_Part] | None = None
    tool_calls: list[_Call] | None = None
    tool_plan: str | None = None
    tool_call_id: str | None = None
    citations: Any = None


class _Declared(_Strict):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None


class _Tool(_Strict):
    function: _Declared
    type: str = "function"


class _Format(_Strict):
    type: str
    json_schema: dict[str, Any] | None = None


class _Request(_Strict):
    model: str
    messages: list[_Message]
    stream: bool = False
    tools: list[_Tool] | None = None
    strict_tools: bool | None = None
    documents: Any = None
    citation_options: Any = None
    response_format: _Format | None = None
    safety_mode: str | None = None
    max_tokens: int | None = None
    stop_sequences: list[str] | None = None
    temperature: float | None = None
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    k: int | None = None
    p: float | None = None
    logprobs: bool | None = None
    tool_choice: str | None = None
    thinking: dict[str, Any] | None = None
    priority: int | None = None
    raw_prompting: bool | None = None


_decode = msgspec.json.Decoder(_Request).decode


def authorised(headers: Mapping[str, str]) -> bool:
    return key_of(headers, "authorization").startswith("Bearer ")


def hear(received: Received) -> Heard:
    """Read a request, refusing what Cohere refuses."""
    try:
        data = _decode(received.body)
    except msgspec.ValidationError as error:
        raise RefusedError(f"invalid request: {error}") from None
    if data.tool_choice not in {None, "REQUIRED", "NONE"}:
        raise RefusedError("invalid request: tool_choice must be REQUIRED or NONE")
    if data.response_format is not None and data.tools:
        raise RefusedError("response_format is not supported together with tools")
    form = data.response_format
    return Heard(
        model=data.model,
        turns=tuple(_turns(data.messages)),
        system="".join(_text(message) for message in data.messages if message.role == "system"),
        tools={tool.function.name: tool.function.parameters or {} for tool in data.tools or ()},
        choice=(data.tool_choice or "auto").lower(),
        schema=form.json_schema if form else None,
        json_mode=bool(form and form.type == "json_object"),
        thinking=bool(data.thinking and data.thinking.get("type") == "enabled"),
        stream=data.stream,
        limit=data.max_tokens,
        stop=tuple(data.stop_sequences or ()),
    )


def _text(message: _Message) -> str:
    if not isinstance(message.content, list):
        return message.content or ""
    return "".join(part.text or "" for part in message.content if part.type == "text")


def _turns(messages: list[_Message]) -> list[Turn]:
    turns: list[Turn] = []
    waiting: dict[str, str] = {}
    for at, message in enumerate(messages):
        match message.role:
            case "system":
                continue
            case "tool":
                if message.tool_call_id not in waiting:
                    raise RefusedError(f"invalid request: tool_call_id not found in messages[{at}]")
                text = _document_text(message) or _text(message)
                result = Result(message.tool_call_id, waiting.pop(message.tool_call_id), text)
                before = turns.pop().results if turns and turns[-1].role == "tool" else ()
                turns.append(Turn("tool", results=(*before, result)))
            case "user" | "assistant":
                calls = tuple(
                    Called(call.id, call.function.name, member(call.function.arguments))
                    for call in message.tool_calls or ()
                )
                waiting |= {call.id: call.name for call in calls}
                if not calls and not message.content:
                    raise RefusedError(f"invalid request: messages[{at}] must have non-empty content")
                parts = message.content if isinstance(message.content, list) else []
                thoughts = tuple((part.thinking or "", "") for part in parts if part.type == "thinking")
                media = tuple(_seen(part.image_url["url"]) for part in parts if part.image_url)
                role: mind.Speaker = "assistant" if message.role == "assistant" else "user"
                turns.append(Turn(role, (_text(message),), media, calls, thoughts=thoughts))
            case other:
                raise RefusedError(f"invalid request: role {other!r} is not supported")
    if waiting:
        raise RefusedError("invalid request: all tool calls must have a result")
    return turns


def _document_text(message: _Message) -> str:
    parts = message.content if isinstance(message.content, list) else []
    data = [part.document.get("data") for part in parts if part.document]
    return "".join(text if isinstance(text, str) else json.dumps(text) for text in data)


def _seen(url: str) -> Seen:
    if not url.startswith("data:"):
        return Seen(url=url)
    head, _, data = url[5:].partition(";base64,")
    return mind.seen(head, data)


def _usage(said: Said) -> dict[str, Any]:
    tokens = {"input_tokens": said.input_tokens, "output_tokens": said.output_tokens}
    return {"billed_units": tokens, "tokens": tokens}


def _call(call: Called) -> dict[str, Any]:
    function = {"name": call.name, "arguments": json.dumps(call.arguments)}
    return {"id": call.id, "type": "function", "function": function}


def whole(heard: Heard, said: Said) -> Reply:
    message: dict[str, Any] = {"role": "assistant"}
    content = [{"type": "thinking", "thinking": said.thoughts}] if said.thoughts else []
    content += [{"type": "text", "text": said.text}] if said.text else []
    if content:
        message["content"] = content
    if said.calls:
        message["tool_calls"] = [_call(call) for call in said.calls]
        if not said.thoughts:  # a model that thinks has no other plan
            message["tool_plan"] = "I will call."
    usage = _usage(said)
    return Reply.json({"id": "imitated", "finish_reason": FINISH[said.finish], "message": message, "usage": usage})


def stream(heard: Heard, said: Said) -> Reply:
    out: list[dict[str, Any]] = [
        {
            "id": "imitated",
            "type": "message-start",
            "delta": {"message": {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": []}},
        }
    ]
    blocks = [("thinking", said.thoughts), ("text", said.text)]
    for at, (kind, text) in enumerate(block for block in blocks if block[1]):
        out.append(_block("content-start", at, {"content": {"type": kind, kind: ""}}))
        out += [_block("content-delta", at, {"content": {kind: piece}}) for piece in mind.cut(text)]
        out.append({"type": "content-end", "index": at})
    if said.calls and not said.thoughts:
        out += [{"type": "tool-plan-delta", "delta": {"message": {"tool_plan": text}}} for text in ("I will", " call.")]
    for at, call in enumerate(said.calls):
        function = _call(call)["function"]
        begun = {**_call(call), "function": {**function, "arguments": ""}}
        out.append(_block("tool-call-start", at, {"tool_calls": begun}))
        for piece in mind.cut(function["arguments"]):
            out.append(_block("tool-call-delta", at, {"tool_calls": {"function": {"arguments": piece}}}))
        out.append({"type": "tool-call-end", "index": at})
    out.append({"type": "message-end", "delta": {"finish_reason": FINISH[said.finish], "usage": _usage(said)}})
    return sse([*(event(value, value["type"]) for value in out), b"data: [DONE]\n\n"])


def _block(kind: str, at: int, message: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "index": at, "delta": {"message": message}}


def refuse(error: RefusedError) -> Reply:
    return Reply.json({"id": "imitated", "message": error.message}, error.status)


def no_key() -> Reply:
    return refuse(RefusedError("invalid api token", status=401))

"""Calls Anthropic's Messages."""

import json
from typing import Any

from anthropic.types import Message, RawMessageStreamEvent
from pydantic import TypeAdapter
from tests.support.callers.talk import PICTURE, Ask, Failure, Items, Json, Request, Seen, SeenCall, events, last_event

SURFACE = "anthropic_messages"
FINISH = {"end_turn": "stop", "max_tokens": "length", "tool_use": "tool_calls"}
BUDGETS = {"low": 1024, "medium": 4096, "high": 16384}
_EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)


def user(text: str, *, picture: bool = False) -> Items:
    if not picture:
        return [{"role": "user", "content": text}]
    source = {"type": "base64", "media_type": "image/png", "data": PICTURE}
    return [{"role": "user", "content": [{"type": "image", "source": source}, {"type": "text", "text": text}]}]


def results(seen: Seen, texts: list[str]) -> Items:
    pairs = zip(seen.calls, texts, strict=True)
    blocks = [{"type": "tool_result", "tool_use_id": call.id, "content": text} for call, text in pairs]
    return [{"role": "user", "content": blocks}]


def request(ask: Ask) -> Request:
    body: dict[str, Any] = {"model": ask.model, "max_tokens": ask.limit or 32000, "messages": ask.items}
    if ask.system:
        body["system"] = ask.system
    if ask.tools:
        tools = ask.tools.items()
        body["tools"] = [{"name": name, "description": name, "input_schema": schema} for name, schema in tools]
    if ask.choice or ask.parallel is False:
        kind = {"required": "any", "auto": "auto", "none": "none"}.get(ask.choice or "auto", "tool")
        choice: dict[str, Any] = {"type": kind}
        if kind == "tool":
            choice["name"] = ask.choice
        if ask.parallel is False:
            choice["disable_parallel_tool_use"] = True
        body["tool_choice"] = choice
    if ask.schema:
        body["output_config"] = {"format": {"type": "json_schema", "schema": ask.schema}}
    if ask.effort:
        body["thinking"] = {"type": "enabled", "budget_tokens": BUDGETS[ask.effort]}
    if ask.stream:
        body["stream"] = True
    return Request("/v1/messages", body, {"anthropic-version": "2023-06-01", "x-api-key": "any"})


def whole(body: bytes) -> Seen:
    answer = json.loads(body)
    Message.model_validate(answer)
    assert (answer["type"], answer["role"]) == ("message", "assistant")
    return _seen(answer["content"], answer["stop_reason"], answer["usage"])


def _seen(blocks: list[Json], stop: str, usage: Json) -> Seen:
    cached = (usage.get("cache_read_input_tokens") or 0) + (usage.get("cache_creation_input_tokens") or 0)
    return Seen(
        text="".join(block["text"] for block in blocks if block["type"] == "text"),
        reasoning="".join(block["thinking"] for block in blocks if block["type"] == "thinking"),
        calls=[SeenCall(b["id"], b["name"], b["input"]) for b in blocks if b["type"] == "tool_use"],
        finish=FINISH[stop],
        input_tokens=usage["input_tokens"] + cached,
        output_tokens=usage["output_tokens"],
        kept=[{"role": "assistant", "content": blocks}],
    )


def stream(body: bytes) -> Seen:
    """Read a stream, checking the order that Anthropic documents."""
    blocks: list[Json] = []
    usage: dict[str, Any] = {}
    stop = ""
    kinds = []
    for name, data in events(body):
        event = json.loads(data)
        assert name == event["type"]
        if name == "ping":
            continue
        _EVENT.validate_python(event)
        kinds.append(name)
        match event:
            case {"type": "message_start", "message": message}:
                assert len(kinds) == 1
                usage |= message["usage"]
            case {"type": "content_block_start", "index": at, "content_block": block}:
                assert at == len(blocks)
                blocks.append({**block, "json": ""})
            case {"type": "content_block_delta", "index": at, "delta": delta}:
                assert at == len(blocks) - 1
                _add(blocks[at], delta)
            case {"type": "content_block_stop", "index": at}:
                _finish(blocks[at])
            case {"type": "message_delta", "delta": delta, "usage": more}:
                stop = delta["stop_reason"]
                usage |= {key: value for key, value in more.items() if value is not None}
    assert kinds[-2:] == ["message_delta", "message_stop"]
    assert kinds.count("content_block_start") == kinds.count("content_block_stop") == len(blocks)
    return _seen(blocks, stop, usage)


def _add(block: Json, delta: Json) -> None:
    match delta["type"]:
        case "text_delta":
            block["text"] += delta["text"]
        case "thinking_delta":
            block["thinking"] += delta["thinking"]
        case "signature_delta":
            block["signature"] = delta["signature"]
        case "input_json_delta":
            block["json"] += delta["partial_json"]


def _finish(block: Json) -> None:
    text = block.pop("json")
    if block["type"] == "tool_use":
        block["input"] = json.loads(text or "{}")


def failure(body: bytes) -> Failure:
    answer = json.loads(body)
    assert answer["type"] == "error"
    error = answer["error"]
    return Failure(error["type"], error["message"], error.get("code"))


def broken(body: bytes) -> Failure:
    """Read a stream that ended in an error."""
    return failure(json.dumps(last_event(body)).encode())

"""Calls Chat Completions."""

import json
from typing import Any

from openai.types.chat import ChatCompletion, ChatCompletionChunk
from tests.support.callers.talk import PICTURE, Ask, Failure, Items, Json, Request, Seen, SeenCall, events, last_event

SURFACE = "openai_chat"


def user(text: str, *, picture: bool = False) -> Items:
    if not picture:
        return [{"role": "user", "content": text}]
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}}
    return [{"role": "user", "content": [{"type": "text", "text": text}, image]}]


def results(seen: Seen, texts: list[str]) -> Items:
    pairs = zip(seen.calls, texts, strict=True)
    return [{"role": "tool", "tool_call_id": call.id, "content": text} for call, text in pairs]


def request(ask: Ask) -> Request:
    system = [{"role": "system", "content": ask.system}] if ask.system else []
    body: dict[str, Any] = {"model": ask.model, "messages": [*system, *ask.items]}
    if ask.tools:
        body["tools"] = [
            {"type": "function", "function": {"name": name, "description": name, "parameters": schema}}
            for name, schema in ask.tools.items()
        ]
    if ask.choice:
        named = {"type": "function", "function": {"name": ask.choice}}
        body["tool_choice"] = ask.choice if ask.choice in {"auto", "none", "required"} else named
    if ask.parallel is not None:
        body["parallel_tool_calls"] = ask.parallel
    if ask.schema:
        schema = {"name": "answer", "schema": ask.schema, "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    if ask.effort:
        body["reasoning_effort"] = ask.effort
    if ask.limit:
        body["max_completion_tokens"] = ask.limit
    if ask.stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return Request("/v1/chat/completions", body)


def whole(body: bytes) -> Seen:
    answer = json.loads(body)
    ChatCompletion.model_validate(answer)
    assert answer["object"] == "chat.completion"
    (choice,) = answer["choices"]
    message = choice["message"]
    return _seen(message, choice["finish_reason"], answer["usage"])


def _seen(message: Json, finish: str, usage: Json) -> Seen:
    calls = message.get("tool_calls") or []
    assert all(call["id"] and call["type"] == "function" for call in calls)
    return Seen(
        text=message.get("content") or "",
        reasoning=message.get("reasoning_content") or "",
        calls=[SeenCall(c["id"], c["function"]["name"], json.loads(c["function"]["arguments"])) for c in calls],
        finish=finish,
        input_tokens=usage["prompt_tokens"],
        output_tokens=usage["completion_tokens"],
        reasoning_tokens=(usage.get("completion_tokens_details") or {}).get("reasoning_tokens"),
        kept=[{name: value for name, value in message.items() if value is not None}],
    )


def stream(body: bytes) -> Seen:
    """Read a stream as clients do: text is joined, pieces of calls by their index, details by appending."""
    *chunks, end = [data for name, data in events(body) if name is None]
    assert end == "[DONE]"
    message: dict[str, Any] = {"role": "assistant", "content": ""}
    calls: list[Json] = []
    finish, usage = [], []
    for text in chunks:
        chunk = json.loads(text)
        ChatCompletionChunk.model_validate(chunk)
        if chunk.get("usage"):
            usage.append(chunk["usage"])
        for choice in chunk["choices"]:
            _add(message, calls, choice["delta"])
            finish += [choice["finish_reason"]] if choice["finish_reason"] else []
    if calls:
        message["tool_calls"] = calls
    assert len(finish) == 1, finish
    assert len(usage) == 1, usage
    return _seen(message, finish[0], usage[0])


def _add(message: dict[str, Any], calls: list[Json], delta: Json) -> None:
    for name in ("content", "reasoning_content"):
        if delta.get(name):
            message[name] = message.get(name, "") + delta[name]
    message.setdefault("reasoning_details", []).extend(delta.get("reasoning_details") or [])
    for piece in delta.get("tool_calls") or []:
        if piece["index"] == len(calls):
            calls.append({"id": piece["id"], "type": "function", "function": {"name": "", "arguments": ""}})
        function = calls[piece["index"]]["function"]
        for name in ("name", "arguments"):
            function[name] += piece["function"].get(name) or ""


def failure(body: bytes) -> Failure:
    error = json.loads(body)["error"]
    return Failure(error["type"], error["message"], error["code"])


def broken(body: bytes) -> Failure:
    """Read a stream that ended in an error."""
    return failure(json.dumps(last_event(body)).encode())

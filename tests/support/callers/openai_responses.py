"""Calls Responses, keeping no state at the server."""

import json
from typing import Any

from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter
from tests.support.callers.talk import PICTURE, Ask, Failure, Items, Json, Request, Seen, SeenCall, events, last_event

SURFACE = "openai_responses"
_EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


def user(text: str, *, picture: bool = False) -> Items:
    parts: Items = [{"type": "input_text", "text": text}]
    if picture:
        url = f"data:image/png;base64,{PICTURE}"
        parts.append({"type": "input_image", "image_url": url, "detail": "auto"})
    return [{"role": "user", "content": parts}]


def results(seen: Seen, texts: list[str]) -> Items:
    pairs = zip(seen.calls, texts, strict=True)
    return [{"type": "function_call_output", "call_id": call.id, "output": text} for call, text in pairs]


def request(ask: Ask) -> Request:
    body: dict[str, Any] = {"model": ask.model, "input": ask.items, "store": False}
    if ask.system:
        body["instructions"] = ask.system
    if ask.tools:
        body["tools"] = [
            {"type": "function", "name": name, "description": name, "parameters": schema, "strict": False}
            for name, schema in ask.tools.items()
        ]
    if ask.choice:
        named = {"type": "function", "name": ask.choice}
        body["tool_choice"] = ask.choice if ask.choice in {"auto", "none", "required"} else named
    if ask.parallel is not None:
        body["parallel_tool_calls"] = ask.parallel
    if ask.schema:
        body["text"] = {"format": {"type": "json_schema", "name": "answer", "schema": ask.schema, "strict": True}}
    if ask.effort:
        body["reasoning"] = {"effort": ask.effort, "summary": "auto"}
        body["include"] = ["reasoning.encrypted_content"]
    if ask.limit:
        body["max_output_tokens"] = ask.limit
    if ask.stream:
        body["stream"] = True
    return Request("/v1/responses", body)


def whole(body: bytes) -> Seen:
    answer = json.loads(body)
    Response.model_validate(answer)
    return _seen(answer)


def _seen(answer: Json) -> Seen:
    assert answer["object"] == "response"
    items, usage = answer["output"], answer["usage"]
    texts = [part for item in items if item["type"] == "message" for part in item["content"]]
    thoughts = [
        part for item in items if item["type"] == "reasoning" for part in item["summary"] or item.get("content") or ()
    ]
    calls = [item for item in items if item["type"] == "function_call"]
    finish = "tool_calls" if calls else "stop"
    if answer["status"] == "incomplete":
        assert answer["incomplete_details"]["reason"] == "max_output_tokens"
        finish = "length"
    return Seen(
        text="".join(part["text"] for part in texts if part["type"] == "output_text"),
        reasoning="".join(part["text"] for part in thoughts),
        calls=[SeenCall(call["call_id"], call["name"], json.loads(call["arguments"])) for call in calls],
        finish=finish,
        input_tokens=usage["input_tokens"],
        output_tokens=usage["output_tokens"],
        reasoning_tokens=usage["output_tokens_details"]["reasoning_tokens"],
        kept=items,
    )


def stream(body: bytes) -> Seen:
    """Read a stream; what the pieces said must be what its last event holds whole."""
    texts: dict[tuple[int, str], str] = {}
    answer: Json = None
    kinds = []
    for at, (name, data) in enumerate(events(body)):
        event = json.loads(data)
        assert name == event["type"]
        assert event["sequence_number"] == at
        _EVENT.validate_python(event)
        kinds.append(name)
        kind = event["type"]
        if kind.endswith(".delta"):
            key = (event["output_index"], kind.removesuffix(".delta"))
            texts[key] = texts.get(key, "") + event["delta"]
        answer = event.get("response", answer)
    assert kinds[0] == "response.created"
    assert kinds[-1] in {"response.completed", "response.incomplete"}
    assert kinds.count("response.output_item.added") == kinds.count("response.output_item.done")
    assert kinds.count("response.output_item.done") == len(answer["output"])
    for (index, _), text in texts.items():
        assert text in json.dumps(answer["output"][index]) or json.dumps(text) in json.dumps(answer["output"][index])
    seen = _seen(answer)
    spoken = [text for (_, kind), text in texts.items() if kind == "response.output_text"]
    assert "".join(spoken) == seen.text
    return seen


def failure(body: bytes) -> Failure:
    error = json.loads(body)["error"]
    return Failure(error["type"], error["message"], error["code"])


def broken(body: bytes) -> Failure:
    """Read a stream that ended in an error: a response that failed, and says with what."""
    event = last_event(body)
    assert event["type"] == "response.failed"
    Response.model_validate({**event["response"], "error": None})
    error = event["response"]["error"]
    return Failure("", error["message"], error["code"])

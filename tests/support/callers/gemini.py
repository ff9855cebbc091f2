"""Calls generateContent and streamGenerateContent."""

import json
from typing import Any

from google.genai.types import GenerateContentResponse
from tests.support.callers.talk import PICTURE, Ask, Failure, Items, Json, Request, Seen, SeenCall, events, last_event

SURFACE = "gemini"
BUDGETS = {"low": 1024, "medium": 8192, "high": 24576}


def user(text: str, *, picture: bool = False) -> Items:
    parts: Items = [{"inlineData": {"mimeType": "image/png", "data": PICTURE}}] if picture else []
    return [{"role": "user", "parts": [*parts, {"text": text}]}]


def results(seen: Seen, texts: list[str]) -> Items:
    parts = []
    for call, text in zip(seen.calls, texts, strict=True):
        answer = {"name": call.name, "response": {"result": text}}
        parts.append({"functionResponse": {**answer, "id": call.id} if call.id else answer})
    return [{"role": "user", "parts": parts}]


def request(ask: Ask) -> Request:
    body: dict[str, Any] = {"contents": ask.items}
    config: dict[str, Any] = {}
    if ask.system:
        body["systemInstruction"] = {"parts": [{"text": ask.system}]}
    if ask.tools:
        declared = [
            {"name": name, "description": name, "parametersJsonSchema": schema} for name, schema in ask.tools.items()
        ]
        body["tools"] = [{"functionDeclarations": declared}]
    if ask.choice:
        mode = {"auto": "AUTO", "none": "NONE"}.get(ask.choice, "ANY")
        calling: dict[str, Any] = {"mode": mode}
        if ask.choice not in {"auto", "none", "required"}:
            calling["allowedFunctionNames"] = [ask.choice]
        body["toolConfig"] = {"functionCallingConfig": calling}
    if ask.schema:
        config |= {"responseMimeType": "application/json", "responseJsonSchema": ask.schema}
    if ask.effort:
        config["thinkingConfig"] = {"includeThoughts": True, "thinkingBudget": BUDGETS[ask.effort]}
    if ask.limit:
        config["maxOutputTokens"] = ask.limit
    if config:
        body["generationConfig"] = config
    method = "streamGenerateContent?alt=sse" if ask.stream else "generateContent"
    return Request(f"/v1beta/models/{ask.model}:{method}", body, {"x-goog-api-key": "any"})


def whole(body: bytes) -> Seen:
    answer = json.loads(body)
    GenerateContentResponse.model_validate(answer)
    (candidate,) = answer["candidates"]
    return _seen(candidate["content"]["parts"], candidate["finishReason"], answer["usageMetadata"])


def _seen(parts: list[Json], finish: str, usage: Json) -> Seen:
    calls = [part["functionCall"] for part in parts if "functionCall" in part]
    thoughts = usage.get("thoughtsTokenCount") or 0
    stop = {"STOP": "tool_calls" if calls else "stop", "MAX_TOKENS": "length"}[finish]
    return Seen(
        text="".join(part["text"] for part in parts if "text" in part and not part.get("thought")),
        reasoning="".join(part["text"] for part in parts if part.get("thought")),
        calls=[SeenCall(call.get("id", ""), call["name"], call.get("args") or {}) for call in calls],
        finish=stop,
        input_tokens=usage.get("promptTokenCount", 0),
        output_tokens=usage.get("candidatesTokenCount", 0) + thoughts,
        reasoning_tokens=thoughts,
        kept=[{"role": "model", "parts": parts}],
    )


def stream(body: bytes) -> Seen:
    parts: list[Json] = []
    finish: list[str] = []
    usage: Json = {}
    for name, data in events(body):
        assert name is None
        answer = json.loads(data)
        GenerateContentResponse.model_validate(answer)
        usage = answer.get("usageMetadata") or usage
        for candidate in answer.get("candidates") or []:
            parts += candidate.get("content", {}).get("parts") or []
            finish += [candidate["finishReason"]] if candidate.get("finishReason") else []
    assert len(finish) == 1, finish
    kept = [part for part in parts if part != {"text": ""}]
    return _seen(kept, finish[0], usage)


def failure(body: bytes) -> Failure:
    error = json.loads(body)["error"]
    assert isinstance(error["code"], int)
    reasons = [detail.get("reason") for detail in error.get("details") or [] if detail.get("reason")]
    return Failure(error["status"], error["message"], reasons[0] if reasons else None)


def broken(body: bytes) -> Failure:
    """Read a stream that ended in an error."""
    return failure(json.dumps(last_event(body)).encode())

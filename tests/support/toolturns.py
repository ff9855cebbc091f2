"""What a request tells a model of the calls it made: an independent reading of each wire's documentation.

OpenAI: https://platform.openai.com/docs/guides/function-calling, Anthropic:
https://platform.claude.com/docs/en/agents-and-tools/tool-use/implement-tool-use, Gemini:
https://ai.google.dev/gemini-api/docs/function-calling, Bedrock:
https://docs.aws.amazon.com/bedrock/latest/userguide/tool-use-inference-call.html, Cohere:
https://docs.cohere.com/docs/tool-use-overview, Ollama: https://docs.ollama.com/capabilities/tool-calling.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.support.oracle import arguments_of
from tests.support.recordings import Wire

Json = Any


@dataclass(frozen=True)
class Told:
    """A call of the conversation and the result that stands under its id."""

    id: str
    name: str
    arguments: object
    result: str | None


def told_of(wire: Wire, body: Json) -> list[Told]:
    """Return the calls of a request's conversation, in order, with their results."""
    calls = list(_CALLS[wire](body))
    said = dict(_RESULTS[wire](body))
    return [Told(one, name, arguments or {}, said.get(one)) for one, name, arguments in calls]


def strays_of(wire: Wire, body: Json) -> list[str]:
    """Return the ids of results that answer no call, or one that is answered already."""
    called = {one for one, _, _ in _CALLS[wire](body)}
    results = [one for one, _ in _RESULTS[wire](body)]
    return [one for at, one in enumerate(results) if one not in called or one in results[:at]]


Call = tuple[str, str, object]
Result = tuple[str, str]


def _chat_calls(body: Json) -> Iterator[Call]:
    for message in body["messages"]:
        for call in message.get("tool_calls") or ():
            yield call["id"], call["function"]["name"], arguments_of(call["function"]["arguments"])


def _chat_results(body: Json) -> Iterator[Result]:
    for message in body["messages"]:
        if message["role"] == "tool":
            yield message["tool_call_id"], _text(message["content"])


def _responses_calls(body: Json) -> Iterator[Call]:
    for item in body["input"] if isinstance(body["input"], list) else ():
        if item.get("type") == "function_call":
            yield item["call_id"], item["name"], arguments_of(item["arguments"])


def _responses_results(body: Json) -> Iterator[Result]:
    for item in body["input"] if isinstance(body["input"], list) else ():
        if item.get("type") == "function_call_output":
            yield item["call_id"], _text(item["output"])


def _blocks(body: Json, kind: str, role: str) -> Iterator[Json]:
    for message in body["messages"]:
        for block in message["content"] if isinstance(message["content"], list) else ():
            if block.get("type") == kind:
                assert message["role"] == role
                yield block


def _anthropic_calls(body: Json) -> Iterator[Call]:
    for block in _blocks(body, "tool_use", "assistant"):
        yield block["id"], block["name"], block["input"]


def _anthropic_results(body: Json) -> Iterator[Result]:
    for block in _blocks(body, "tool_result", "user"):
        yield block["tool_use_id"], _text(block["content"])


def _gemini_parts(body: Json, kind: str) -> Iterator[tuple[str, Json]]:
    """Yield calls or results, each under its id or, where it has none, its name and place among those of the name."""
    seen: dict[str, int] = {}
    for content in body["contents"]:
        for part in content["parts"]:
            if (found := part.get(kind)) is not None:
                at = seen[found["name"]] = seen.get(found["name"], 0) + 1
                yield found.get("id") or f"{found['name']}-{at}", found


def _gemini_calls(body: Json) -> Iterator[Call]:
    for one, call in _gemini_parts(body, "functionCall"):
        yield one, call["name"], call.get("args") or {}


def _gemini_results(body: Json) -> Iterator[Result]:
    for one, response in _gemini_parts(body, "functionResponse"):
        said = response["response"]
        result = said.get("result", said.get("output", said.get("error", said)))
        yield one, result if isinstance(result, str) else json.dumps(result)


def _ollama_calls(body: Json) -> Iterator[Call]:
    seen: dict[str, int] = {}
    for message in body["messages"]:
        for call in message.get("tool_calls") or ():
            function = call["function"]
            at = seen[function["name"]] = seen.get(function["name"], 0) + 1
            yield call.get("id") or f"{function['name']}-{at}", function["name"], function["arguments"]


def _ollama_results(body: Json) -> Iterator[Result]:
    seen: dict[str, int] = {}
    for message in body["messages"]:
        if message["role"] == "tool":
            name = message.get("tool_name", "")
            at = seen[name] = seen.get(name, 0) + 1
            yield message.get("tool_call_id") or f"{name}-{at}", message["content"]


def _bedrock_blocks(body: Json, kind: str) -> Iterator[Json]:
    for message in body["messages"]:
        for block in message["content"]:
            if kind in block:
                yield block[kind]


def _bedrock_calls(body: Json) -> Iterator[Call]:
    for use in _bedrock_blocks(body, "toolUse"):
        yield use["toolUseId"], use["name"], use["input"]


def _bedrock_results(body: Json) -> Iterator[Result]:
    for result in _bedrock_blocks(body, "toolResult"):
        yield result["toolUseId"], "".join(map(_bedrock_text, result["content"]))


def _bedrock_text(content: Json) -> str:
    """Read text, or what some models want in its place: an object that holds it."""
    said = content.get("text", content.get("json"))
    return said if isinstance(said, str) else str(said.get("result")) if isinstance(said, dict) else ""


def _cohere_results(body: Json) -> Iterator[Result]:
    for message in body["messages"]:
        if message["role"] == "tool":
            content = message["content"]
            texts = content if isinstance(content, str) else "".join(map(_cohere_text, content))
            yield message["tool_call_id"], texts


def _cohere_text(part: Json) -> str:
    if part["type"] == "document":
        data = part["document"]["data"]
        return data if isinstance(data, str) else json.dumps(data)
    return str(part["text"])


def _text(content: Json) -> str:
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


_CALLS: dict[Wire, Any] = {
    "openai_chat": _chat_calls,
    "openai_responses": _responses_calls,
    "anthropic_messages": _anthropic_calls,
    "gemini": _gemini_calls,
    "ollama_chat": _ollama_calls,
    "bedrock_converse": _bedrock_calls,
    "cohere_chat": _chat_calls,
}
_RESULTS: dict[Wire, Any] = {
    "openai_chat": _chat_results,
    "openai_responses": _responses_results,
    "anthropic_messages": _anthropic_results,
    "gemini": _gemini_results,
    "ollama_chat": _ollama_results,
    "bedrock_converse": _bedrock_results,
    "cohere_chat": _cohere_results,
}

"""A conversation as Claude Code leads it, through `/v1/messages`, with a model of every wire behind it.

What it sends that other APIs have no words for (marks for the cache everywhere, betas, the management of its context,
thoughts, tools with odd schemas, a long user id) must not get in the way.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.callers import anthropic_messages as caller
from tests.support.catalog_house import House, catalog_house, model_for
from tests.support.gateway import Answer

MARK = {"type": "ephemeral"}
HEADERS = {
    "anthropic-version": "2023-06-01",
    "anthropic-beta": "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27",
    "authorization": "Bearer any",
    "x-app": "cli",
}
WIRES = (
    "anthropic_messages",
    "bedrock_converse",
    "cohere_chat",
    "gemini",
    "ollama_chat",
    "openai_chat",
    "openai_responses",
)


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with catalog_house() as running:
        yield running


def tool(name: str, schema: Any, **members: Any) -> Any:
    return {"name": name, "description": f"{name}.\n" + "Use it with care. " * 50, "input_schema": schema, **members}


def tools(*, deferred: bool) -> list[Any]:
    """Return tools with what schemas hold in the field: other drafts, formats, unions, defaults, nothing at all."""
    draft = {"$schema": "http://json-schema.org/draft-07/schema#", "additionalProperties": False}
    path = {"type": "string", "description": "absolute"}
    read = {"type": "object", "properties": {"file_path": path, "limit": {"type": "number"}}, "required": ["file_path"]}
    todo = {
        "type": "object",
        "properties": {
            "todos": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "properties": {
                        "content": {"type": "string", "minLength": 1},
                        "status": {"type": "string", "enum": ["pending", "done"], "default": "pending"},
                        "due": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
                    },
                    "required": ["content"],
                },
            }
        },
        "required": ["todos"],
    }
    later: Any = {"defer_loading": True} if deferred else {}
    many = [tool(f"mcp__server__tool_{at}", {"type": "object"}, **later) for at in range(20)]
    return [
        tool("Read", {**draft, **read}),
        tool("TodoWrite", {**draft, **todo}),
        tool("ListMcp", {"type": "object", "properties": {}}),
        *many,
        tool("Last", {**draft, **read}, cache_control=MARK),
    ]


def body(model: str, messages: list[Any], **members: Any) -> Any:
    return {
        "model": model,
        "max_tokens": 32000,
        "system": [
            {"type": "text", "text": "You are a tool for the command line.", "cache_control": MARK},
            {"type": "text", "text": "<env>\nWorking directory: /tmp\n</env>", "cache_control": MARK},
        ],
        "messages": messages,
        "tools": tools(deferred=not model.startswith("anthropic/")),  # which our imitation of Anthropic has not
        "metadata": {"user_id": "user_" + "0123456789abcdef" * 4 + "_account__session_" + "a" * 36},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "thinking": {"type": "enabled", "budget_tokens": 31999},
        "stream": True,
        **members,
    }


def post(house: House, request: Any, path: str = "/v1/messages?beta=true") -> Answer:
    return house.gateway.request("POST", path, json.dumps(request).encode(), HEADERS)


def model_on(wire: str) -> str:
    model = model_for(wire, "function-calling", "reasoning") or model_for(wire, "function-calling")
    assert model is not None
    return model.full_id


@pytest.mark.parametrize("wire", WIRES)
def test_claude_code_works_through_a_model_of_any_wire(house: House, wire: str) -> None:
    model = model_on(wire)
    question = 'read both\ncall Read {"file_path": "/a", "limit": 3}\ncall ListMcp {}'
    reminder = {"type": "text", "text": "<system-reminder>\nBe brief.\n</system-reminder>"}
    messages: list[Any] = [
        {"role": "user", "content": [reminder, {"type": "text", "text": question, "cache_control": MARK}]}
    ]
    answer = post(house, body(model, messages))
    assert answer.status == 200, answer.body
    first = caller.stream(answer.body)
    assert [(call.name, call.arguments) for call in first.calls] == [
        ("Read", {"file_path": "/a", "limit": 3}),
        ("ListMcp", {}),
    ]
    assert first.finish == "tool_calls"
    results = [
        {
            "type": "tool_result",
            "tool_use_id": first.calls[0].id,
            "content": [{"type": "text", "text": "     1\tone line"}],
        },
        {
            "type": "tool_result",
            "tool_use_id": first.calls[1].id,
            "content": "no servers",
            "is_error": True,
            "cache_control": MARK,
        },
    ]
    messages += [*first.kept, {"role": "user", "content": [*results, reminder]}]
    answer = post(house, body(model, messages))
    assert answer.status == 200, answer.body
    second = caller.stream(answer.body)
    heard = house.imitation.heard[-1]
    given = [result for turn in heard.turns for result in turn.results]
    assert ["one line" in given[0].text, "no servers" in given[1].text] == [True, True]
    assert second.finish == "stop"
    messages += [*second.kept, {"role": "user", "content": "thanks"}]
    answer = post(house, body(model, messages, tool_choice={"type": "auto"}))
    assert answer.status == 200, answer.body
    assert caller.stream(answer.body).text == "echo: thanks"
    assert house.imitation.heard[-1].system.startswith("You are a tool for the command line.")


@pytest.mark.parametrize("wire", WIRES)
def test_its_small_requests_are_answered(house: House, wire: str) -> None:
    """Without tools and thinking: titles, quota probes, counts of tokens."""
    model = model_on(wire)
    small = {"model": model, "max_tokens": 512, "messages": [{"role": "user", "content": "quota"}]}
    title = {**small, "system": [{"type": "text", "text": "Name it."}], "temperature": 1, "metadata": {"user_id": "u"}}
    for request in (small, title):
        answer = post(house, request)
        assert answer.status == 200, answer.body
        assert caller.whole(answer.body).text == "echo: quota"


@pytest.mark.parametrize("wire", WIRES)
def test_an_error_before_the_stream_is_one_it_understands(house: House, wire: str) -> None:
    provider = model_on(wire).partition("/")[0]
    answer = post(house, body(f"{provider}/", []))
    assert answer.status == 400
    assert answer.json["type"] == "error"

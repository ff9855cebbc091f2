"""What reaches each provider is what the documents show of its wire (providers-and-models-overview.md, "Adapters")."""

from tests.documents.conftest import ENVIRONMENT, Asked
from tests.support.gateway import Json
from tests.support.upstream import Received, Upstream

HELLO = [{"role": "user", "content": "Hello"}]
CALCULATOR = {
    "type": "function",
    "function": {
        "name": "calculator",
        "description": "Perform mathematical calculations",
        "parameters": {"type": "object", "properties": {"expression": {"type": "string"}}, "required": ["expression"]},
    },
}


def sent(gateway: Asked, behind: Upstream, model: str, **members: Json) -> Received:
    body = {"model": model, "messages": HELLO, "temperature": 0.7, "max_tokens": 2000, **members}
    answer = gateway.post("/v1/chat/completions", body)
    assert answer.status == 200, answer.body
    return behind.received[-1]


def test_openai(gateway: Asked, behind: Upstream) -> None:
    request = sent(gateway, behind, "openai/gpt-4o-mini", tools=[CALCULATOR])
    asked = request.json
    assert (asked["model"], asked["messages"], asked["temperature"]) == ("gpt-4o-mini", HELLO, 0.7)
    assert 2000 in {asked.get("max_tokens"), asked.get("max_completion_tokens")}
    assert asked["tools"] == [CALCULATOR]
    assert request.headers["authorization"] == f"Bearer {ENVIRONMENT['OPENAI_API_KEY']}"


def test_anthropic(gateway: Asked, behind: Upstream) -> None:
    request = sent(gateway, behind, "anthropic/claude-3-5-sonnet-20241022", tools=[CALCULATOR])
    asked = request.json
    assert (asked["model"], asked["max_tokens"], asked["temperature"]) == ("claude-3-5-sonnet-20241022", 2000, 0.7)
    assert [message["role"] for message in asked["messages"]] == ["user"]
    assert asked["tools"][0]["name"] == "calculator"
    assert request.headers["x-api-key"] == ENVIRONMENT["ANTHROPIC_API_KEY"]
    assert request.headers["anthropic-version"] == "2023-06-01"
    assert request.headers["content-type"] == "application/json"
    assert "authorization" not in request.headers


def test_anthropic_is_told_of_the_system_outside_of_its_messages(gateway: Asked, behind: Upstream) -> None:
    messages = [{"role": "system", "content": "Be brief."}, *HELLO]
    asked = sent(gateway, behind, "anthropic/claude-3-5-sonnet-20241022", messages=messages).json
    assert "Be brief." in str(asked["system"])
    assert [message["role"] for message in asked["messages"]] == ["user"]


def test_ollama(gateway: Asked, behind: Upstream) -> None:
    request = sent(gateway, behind, "ollama/llama3.1:8b")
    asked = request.json
    assert (asked["model"], asked["messages"]) == ("llama3.1:8b", HELLO)
    assert asked["options"]["temperature"] == 0.7
    assert "authorization" not in request.headers, "it is local and has no key"

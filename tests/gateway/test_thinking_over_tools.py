"""Models that think over tools on the Responses API only are asked there, and on the chat API for all the rest.

OpenAI's models from GPT-5.4 on refuse a chat completion with function tools and an effort; from GPT-5.6 on they think
unasked, so that tools alone are refused: https://developers.openai.com/api/docs/guides/deployment-checklist.
"""

import json
from collections.abc import Iterator

import pytest
from tests.support.gateway import Running, provider, serving
from tests.support.imitation import KEY, Imitation

TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}]


@pytest.fixture(scope="module")
def imitation() -> Iterator[Imitation]:
    with Imitation() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(imitation: Imitation) -> Iterator[Running]:
    url = imitation.mount("openai", "openai_chat", "openai_responses")
    with serving(provider("openai", url, f'api_keys = ["{KEY}"]')) as running:
        yield running


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("model", "asked", "path"),
    [
        ("gpt-5.6-terra", {"tools": TOOLS}, "/responses"),
        ("gpt-5.6-terra", {"tools": TOOLS, "reasoning_effort": "max"}, "/responses"),
        ("gpt-5.6-terra", {"tools": TOOLS, "reasoning_effort": "none"}, "/chat/completions"),
        ("gpt-5.6-terra", {}, "/chat/completions"),
        ("gpt-6-astra", {"tools": TOOLS, "reasoning_effort": "none"}, "/responses"),
        ("gpt-5.4", {"tools": TOOLS}, "/chat/completions"),
        ("gpt-5.4", {"tools": TOOLS, "reasoning_effort": "high"}, "/responses"),
        ("gpt-4o", {"tools": TOOLS}, "/chat/completions"),
    ],
)
def test_a_chat_client_is_answered_where_the_model_takes_its_request(
    gateway: Running, imitation: Imitation, model: str, asked: dict[str, object], path: str, *, stream: bool
) -> None:
    body = {"model": f"openai/{model}", "messages": [{"role": "user", "content": "hi"}], "stream": stream, **asked}
    told = gateway.request("POST", "/v1/chat/completions", json.dumps(body).encode())
    assert told.status == 200, told.body

    assert imitation.upstream.received[-1].path.endswith(path)
    assert imitation.said[-1].text == "echo: hi"


@pytest.mark.parametrize(("model", "path"), [("gpt-6-luna", "/responses"), ("gpt-5.4-mini", "/chat/completions")])
def test_so_is_claude_code(gateway: Running, imitation: Imitation, model: str, path: str) -> None:
    tools = [{"name": "look", "input_schema": {"type": "object", "properties": {}}}]
    body = {
        "model": f"openai/{model}", "max_tokens": 50, "tools": tools, "messages": [{"role": "user", "content": "hi"}],
    }  # fmt: skip
    told = gateway.request("POST", "/v1/messages", json.dumps(body).encode())
    assert told.status == 200, told.body
    assert json.loads(told.body)["content"] == [{"type": "text", "text": "echo: hi"}]
    assert imitation.upstream.received[-1].path.endswith(path)


def test_a_model_that_does_not_think_unasked_takes_a_temperature(gateway: Running, imitation: Imitation) -> None:
    body = {
        "model": "openai/gpt-5.2",
        "max_tokens": 50,
        "temperature": 0.5,
        "messages": [{"role": "user", "content": "hi"}],
    }
    told = gateway.request("POST", "/v1/messages", json.dumps(body).encode())
    assert told.status == 200, told.body
    assert imitation.upstream.received[-1].json["temperature"] == 0.5


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-5"])
def test_tools_that_the_provider_runs_are_asked_for_where_it_has_them(
    gateway: Running, imitation: Imitation, model: str
) -> None:
    tools = [{"type": "web_search_20250305", "name": "web_search"}]
    body = {
        "model": f"openai/{model}", "max_tokens": 50, "tools": tools, "messages": [{"role": "user", "content": "hi"}],
    }  # fmt: skip
    told = gateway.request("POST", "/v1/messages", json.dumps(body).encode())
    assert told.status == 200, told.body
    received = imitation.upstream.received[-1]
    assert received.path.endswith("/responses")
    assert received.json["tools"] == [{"type": "web_search"}]

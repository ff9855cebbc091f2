"""Tool loops over HTTP: callers that leave, tools that hang, costs and rounds that end, models that cannot."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.asking import call, calling, calling_in_pieces
from tests.support.gateway import PATIENCE, Running, provider, serving
from tests.support.openai_wire import answer, completion, stream
from tests.support.upstream import Received, Reply, Upstream

SEARCH = call('{"query": "weather"}', name="web_search")
COUNT = call('{"expression": "6 * 7"}')


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture
def search() -> Iterator[Upstream]:
    """A search service that never answers."""
    with Upstream() as running:
        running.reply_with(Reply.silence())
        yield running


@pytest.fixture
def gateway(upstream: Upstream, search: Upstream) -> Iterator[Running]:
    settings = [
        provider("openai", f"{upstream.url}/v1", 'api_keys = ["sk-made-up"]'),
        provider("up", upstream.url, 'adapter = "openai_chat"'),
        '[models."up/talker"]\ncapabilities = ["text", "vision"]\n',
        f'[tools.web_search]\nprovider = "searxng"\nbase_url = "{search.url}"\nallow_private_network = true\n',
        "seconds = 5.0\n",
    ]
    with serving("\n".join(settings)) as running:
        yield running


def body(message: str = "Hi", **more: Any) -> bytes:
    said = {"model": "openai/gpt-4o-mini", "message": message, "keep": False, "tools": ["calculator", "web_search"]}
    return json.dumps(said | more).encode()


def test_a_caller_that_leaves_ends_the_tool_that_runs(gateway: Running, upstream: Upstream, search: Upstream) -> None:
    upstream.reply_with(calling_in_pieces(SEARCH))
    response = gateway.open("POST", "/api/chat/message/stream", body())
    while b"toolCall" not in (line := response.readline()):
        assert line, "the stream ended"
    assert search.wait_received(PATIENCE)
    response.close()
    gateway.hang_up()
    assert search.wait_disconnect(PATIENCE)
    assert len(upstream.received) == 1


def test_one_timeout_holds_for_the_answer_and_its_tools(upstream: Upstream, search: Upstream, gateway: Running) -> None:
    upstream.reply_with(calling(SEARCH))
    told = gateway.request("POST", "/api/chat/message", body(context={"timeout": 0.5}))
    assert told.status == 504
    assert search.wait_disconnect(PATIENCE)


def test_a_tool_that_takes_too_long_is_told_to_the_model(upstream: Upstream, search: Upstream) -> None:
    settings = [
        provider("openai", f"{upstream.url}/v1", 'api_keys = ["sk-made-up"]'),
        f'[tools.web_search]\nprovider = "searxng"\nbase_url = "{search.url}"\nallow_private_network = true\n',
        "seconds = 0.1\n",
    ]
    with serving("\n".join(settings)) as gateway:
        calls = [SEARCH, {**COUNT, "id": "call_2"}]
        upstream.reply_with(calling(*calls), answer("I could not find out."))
        told = gateway.request("POST", "/api/chat/message", body()).json
    slow, quick = told["toolsCalled"]
    assert (slow["success"], quick["success"]) == (False, True)
    assert "did not finish within 0.1 s" in slow["result"]
    assert told["response"] == "I could not find out."


def test_what_an_answer_may_cost_ends_it(gateway: Running, upstream: Upstream) -> None:
    dear = completion("Let me see.", finish_reason="tool_calls", tool_calls=[COUNT])
    dear["usage"] = {"prompt_tokens": 10**6, "completion_tokens": 10**6, "total_tokens": 2 * 10**6}
    upstream.reply_with(Reply.json(dear))
    told = gateway.request("POST", "/api/chat/message", body(maxCostUsd=0.01)).json
    assert (told["finishReason"], told["cost"], told["toolsCalled"]) == ("max_cost", 0.75, [])
    assert [one["name"] for one in told["toolCalls"]] == ["calculator"]


def test_after_its_rounds_an_answer_says_so(gateway: Running, upstream: Upstream) -> None:
    def always(received: Received) -> Reply:
        return stream("That far.") if received.json.get("tool_choice") == "none" else calling_in_pieces(COUNT)

    upstream.handler = always
    answered = gateway.request("POST", "/api/chat/message/stream", body(maxRounds=1))
    events = [json.loads(event) for event in answered.events]
    assert [event["type"] for event in events] == ["start", "toolCall", "toolResult", "content", "done"]
    assert (events[-1]["finishReason"], events[-1]["rounds"]) == ("max_rounds", 2)


def test_a_model_that_can_do_neither_is_refused_with_models_that_can(gateway: Running, upstream: Upstream) -> None:
    refused = gateway.request("POST", "/api/chat/message", body(model="up/talker"))
    assert (refused.status, refused.error["code"]) == (400, "unsupported_operation")
    assert "models that can: openai/gpt-" in refused.error["message"]
    assert upstream.received == []

"""What is left is told in the headers that clients know, and who is refused is told in the words of its own API."""

import json
from collections.abc import Iterator

import pytest
from tests.support.gateway import Address, Running, provider, serving
from tests.support.openai_wire import answer
from tests.support.upstream import Upstream

SETTINGS = """
[models."here/m"]
input_cost_per_million = 0
output_cost_per_million = 1000
[[limits]]
requests_per_day = 3
output_tokens_per_day = 5000
concurrent_requests = 10
"""
BUDGET = '[[budgets]]\nscope = "global"\namount = {}\nperiod = "{}"\nhard = {}\nwarn_at = [0.01]\n'


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        running.reply_with(answer())
        yield running


@pytest.fixture
def limited(upstream: Upstream) -> Iterator[Running]:
    with serving(provider("here", f"{upstream.url}/v1") + SETTINGS) as gateway:
        yield gateway


def spending(upstream: Upstream, amount: float, *, hard: bool = True) -> str:
    model = '[models."here/m"]\ninput_cost_per_million = 0\noutput_cost_per_million = 1000\n'
    return provider("here", f"{upstream.url}/v1") + model + BUDGET.format(amount, "total", str(hard).lower())


def ask(gateway: Address, path: str, body: object) -> tuple[int, dict[str, str], object]:
    found = gateway.request("POST", path, json.dumps(body).encode())
    return found.status, found.headers, found.json


MESSAGES = {"model": "here/m", "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]}
CONTENTS = {"contents": [{"parts": [{"text": "Hi"}]}]}


def test_answers_say_what_is_left(limited: Running) -> None:
    first = limited.chat("here/m").headers
    second = limited.chat("here/m").headers
    assert (first["x-ratelimit-limit-requests"], first["x-ratelimit-remaining-requests"]) == ("3", "2")
    assert second["x-ratelimit-remaining-requests"] == "1"
    assert (second["x-ratelimit-limit-tokens"], second["x-ratelimit-remaining-tokens"]) == ("5000", "4996")
    assert second["x-ratelimit-reset-requests"][-1] == "s"


def test_streams_say_what_is_left_too(limited: Running, upstream: Upstream) -> None:
    assert limited.chat("here/m", stream=True).headers["x-ratelimit-remaining-requests"] == "2"


def test_a_client_of_messages_is_told_in_its_own_names(limited: Running) -> None:
    _, headers, _ = ask(limited, "/v1/messages", MESSAGES)
    assert headers["anthropic-ratelimit-requests-remaining"] == "2"
    assert headers["anthropic-ratelimit-output-tokens-limit"] == "5000"
    assert headers["anthropic-ratelimit-requests-reset"].endswith("00:00:00Z")
    assert not any(name.startswith("x-ratelimit") for name in headers)


def test_one_too_many_is_refused_with_when_to_come_back(limited: Running, upstream: Upstream) -> None:
    for _ in range(3):
        assert limited.chat("here/m").status == 200
    refused = limited.chat("here/m")
    assert refused.status == 429
    assert (refused.error["type"], refused.error["code"]) == ("rate_limit_error", "rate_limit_exceeded")
    assert 1 <= int(refused.headers["retry-after"]) <= 24 * 3600
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    assert len(upstream.received) == 3
    status, _, said = ask(limited, "/v1/messages", MESSAGES)
    assert (status, said["error"]["type"]) == (429, "rate_limit_error")  # type: ignore[index]
    status, _, said = ask(limited, "/v1beta/models/here%2Fm:generateContent", CONTENTS)
    assert (status, said["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")  # type: ignore[index]


def test_a_spent_budget_refuses_in_each_wires_words(upstream: Upstream) -> None:
    with serving(spending(upstream, 0.001)) as gateway:
        refused = gateway.chat("here/m", max_tokens=100)
        assert refused.status == 402
        assert (refused.error["type"], refused.error["code"]) == ("insufficient_quota", "budget_exceeded")
        assert "$0.0010 of $0.0010 left" in refused.error["message"]
        status, _, said = ask(gateway, "/v1/messages", MESSAGES)
        assert (status, said["error"]["type"]) == (402, "billing_error")  # type: ignore[index]
        assert gateway.chat("here/m", max_tokens=1).status == 200
        assert "$0.0020 of $0.0010 of the total budget" in gateway.wait_line(event="budget")["message"]
    assert len(upstream.received) == 1


def test_a_soft_budget_only_warns(upstream: Upstream) -> None:
    with serving(spending(upstream, 0.001, hard=False)) as gateway:
        assert "x-wye-budget-warning" not in gateway.chat("here/m").headers
        warned = gateway.chat("here/m")
        assert warned.status == 200
        assert warned.headers["x-wye-budget-warning"] == ("$0.0040 of $0.0010 of the total budget of this gateway used")

"""Models that take functions in chat completions only while they do not think are asked for both in the other wire."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.openai_wire import answer
from tests.support.upstream import Received, Reply, Upstream

from wye import ModelRouter

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": "gpt-6-luna",
    "output": [{"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}"}],
    "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
}


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    def reply(received: Received) -> Reply:
        return Reply.json(RESPONSE) if received.path.endswith("/responses") else answer("Hello")

    with Upstream() as running:
        running.handler = reply
        yield running


@pytest.fixture
def file(upstream: Upstream, tmp_path: Path) -> Path:
    path = tmp_path / "wye.toml"
    path.write_text(
        f'[providers.openai]\nbase_url = "{upstream.url}/v1"\napi_keys = ["sk-made-up"]\nallow_private_network = true\n'
    )
    return path


@pytest.fixture
async def router(file: Path) -> AsyncIterator[ModelRouter]:
    async with ModelRouter.from_config(file, environ={}) as made:
        yield made


async def paths(router: ModelRouter, upstream: Upstream, model: str, **parameters: Any) -> list[str]:
    await router.route([{"role": "user", "content": 'Say "tools"'}], model=model, **parameters)
    return [received.path for received in upstream.received]


async def test_functions_and_thoughts_go_by_responses(router: ModelRouter, upstream: Upstream) -> None:
    assert await paths(router, upstream, "openai/gpt-6-luna", tools=[TOOL]) == ["/v1/responses"]
    assert upstream.received[0].json["tools"][0]["name"] == "f"


async def test_where_the_other_wire_is_not_spoken_it_is_not_used(file: Path, upstream: Upstream) -> None:
    file.write_text(file.read_text() + "also_speaks = []\n")  # noqa: ASYNC240 - before anything runs
    async with ModelRouter.from_config(file, environ={}) as router:
        assert await paths(router, upstream, "openai/gpt-6-luna", tools=[TOOL]) == ["/v1/chat/completions"]


async def test_the_call_comes_back_as_any_other(router: ModelRouter) -> None:
    response = await router.route([{"role": "user", "content": "Hi"}], model="openai/gpt-6-luna", tools=[TOOL])
    assert [(call.id, call.name) for call in response.tool_calls] == [("call_1", "f")]


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        ("openai/gpt-6-luna", {}),
        ("openai/gpt-6-luna", {"reasoning_effort": "low"}),
        ("openai/gpt-6-luna", {"tools": [TOOL], "reasoning_effort": "none"}),
        ("openai/gpt-4o-mini", {"tools": [TOOL]}),
    ],
)
async def test_either_alone_stays_a_chat_completion(
    router: ModelRouter, upstream: Upstream, model: str, parameters: dict[str, Any]
) -> None:
    assert await paths(router, upstream, model, **parameters) == ["/v1/chat/completions"]

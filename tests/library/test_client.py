"""The documents' client: a thin face of the router, with tools run between the turns."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.openai_wire import answer, completion, stream, two_at_once
from tests.support.upstream import Received, Reply, Upstream

from wye import LLMClient, ModelNotFoundError, ModelRouter, ToolUse
from wye.core.record import UsageRecord

CALCULATOR = {
    "type": "function",
    "function": {
        "name": "calculator",
        "description": "Perform mathematical calculations",
        "parameters": {"type": "object", "properties": {"expression": {"type": "string"}}, "required": ["expression"]},
    },
}
QUESTION = [{"role": "user", "content": "What is 157 * 289?"}]


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture
async def client(upstream: Upstream, tmp_path: Path) -> AsyncIterator[LLMClient]:
    file = tmp_path / "wye.toml"
    file.write_text(
        f'[providers.openai]\nbase_url = "{upstream.url}/v1"\napi_keys = ["sk-made-up"]\nallow_private_network = true\n'
    )
    async with LLMClient(ModelRouter.from_config(file, environ={})) as made:
        yield made


def call(arguments: str, identity: str = "call_1", name: str = "calculator") -> dict[str, Any]:
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}


def calling(*calls: dict[str, Any]) -> Reply:
    return Reply.json(completion(None, finish_reason="tool_calls", tool_calls=list(calls)))


async def test_the_documents_simple_chat_reaches_the_model_of_its_template(
    client: LLMClient, upstream: Upstream
) -> None:
    upstream.reply_with(answer("2+2 equals 4."))
    response = await client.chat(
        "openai-gpt-4o-mini",
        [{"role": "user", "content": "What is 2+2?"}],
        temperature=0.7,
        max_tokens=100,
        user_id="user-123",
    )
    assert (response.content, response.provider, response.model) == ("2+2 equals 4.", "openai", "gpt-4o-mini")
    assert response.usage is not None
    assert (response.usage.input_tokens, response.usage.output_tokens) == (3, 2)
    assert response.tools_called == ()
    sent = upstream.received[0].json
    assert (sent["model"], sent["temperature"], sent["max_tokens"], sent["user"]) == (
        "gpt-4o-mini", 0.7, 100, "user-123",
    )  # fmt: skip


async def test_the_documents_tool_is_run_and_the_model_is_told_what_came_of_it(
    client: LLMClient, upstream: Upstream
) -> None:
    upstream.reply_with(calling(call('{"expression": "157 * 289"}')), answer("It equals 45,373."))

    async def handler(name: str, arguments: dict[str, Any]) -> dict[str, int]:
        assert (name, arguments) == ("calculator", {"expression": "157 * 289"})
        return {"result": 45373}

    response = await client.chat(
        "openai-gpt-4o-mini", QUESTION, tools=[CALCULATOR], tool_handler=handler, user_id="user-123"
    )
    assert response.content == "It equals 45,373."
    assert response.tools_called == (ToolUse(name="calculator", success=True),)
    second = upstream.received[1].json["messages"]
    assert second[0] == QUESTION[0]
    assert second[1]["tool_calls"] == [call('{"expression": "157 * 289"}')]
    assert second[2] == {"role": "tool", "tool_call_id": "call_1", "content": '{"result":45373}'}


async def test_usage_and_cost_are_those_of_all_turns(client: LLMClient, upstream: Upstream) -> None:
    upstream.reply_with(calling(call("{}")), answer("Done"))
    response = await client.chat("openai-gpt-4o-mini", QUESTION, tools=[CALCULATOR], tool_handler=lambda *_: "1")
    assert response.usage is not None
    assert (response.usage.input_tokens, response.usage.output_tokens) == (6, 4)
    assert response.cost == 2 * (3 * Decimal("0.15") + 2 * Decimal("0.60")) / 1_000_000


class Booked:
    """Keeps what the books say."""

    def __init__(self) -> None:
        self.records: list[UsageRecord] = []

    def observe(self, record: UsageRecord) -> None:
        self.records.append(record)


async def test_the_turns_of_a_tool_loop_are_paid_once_each_and_belong_to_the_first(
    upstream: Upstream, client: LLMClient
) -> None:
    booked = Booked()
    client.router.engine.books.meters += (booked,)
    upstream.reply_with(calling(call("{}")), calling(call("{}")), answer("4"))
    await client.chat("openai-gpt-4o-mini", QUESTION, tools=[CALCULATOR], tool_handler=lambda *_: "1")
    first, *others = booked.records
    assert first.parent is None
    assert [record.parent for record in others] == [first.id, first.id]
    assert len({record.id for record in booked.records}) == 3


async def test_calls_of_one_turn_run_at_once_and_a_tool_that_raises_is_told_to_the_model(
    client: LLMClient, upstream: Upstream
) -> None:
    upstream.reply_with(calling(call('{"at": 1}', "a"), call('{"at": 2}', "b"), call("{", "c")), answer("Done"))
    both = asyncio.Barrier(2)

    async def handler(_: str, arguments: dict[str, Any]) -> str:
        await asyncio.wait_for(both.wait(), 10)
        if arguments["at"] == 2:
            raise ZeroDivisionError("by zero")
        return "fine"

    response = await client.chat("openai-gpt-4o-mini", QUESTION, tools=[CALCULATOR], tool_handler=handler)
    assert [use.success for use in response.tools_called] == [True, False, False]
    assert response.tools_called[1].error == "ZeroDivisionError: by zero"
    told = [message["content"] for message in upstream.received[1].json["messages"][2:]]
    assert told[:2] == ["fine", "error: ZeroDivisionError: by zero"]
    assert "DecodeError" in told[2]


async def test_a_handler_that_is_no_coroutine_function_holds_nobody_up(client: LLMClient, upstream: Upstream) -> None:
    upstream.reply_with(calling(call("{}")), answer("Done"))
    others_go_on = threading.Event()
    caller: ContextVar[str] = ContextVar("caller")
    caller.set("ann")

    def handler(_name: str, _arguments: dict[str, Any]) -> str:
        loop.call_soon_threadsafe(others_go_on.set)
        return f"{caller.get()}: {others_go_on.wait(5)}"

    loop = asyncio.get_running_loop()
    await client.chat("openai-gpt-4o-mini", QUESTION, tools=[CALCULATOR], tool_handler=handler)
    assert upstream.received[1].json["messages"][-1]["content"] == "ann: True"


async def test_a_handler_may_return_what_is_to_be_awaited_and_may_raise_anything(
    client: LLMClient, upstream: Upstream
) -> None:
    async def later() -> str:
        return "later"

    def handler(_name: str, arguments: dict[str, Any]) -> Any:
        return later() if arguments else next(iter(()))

    upstream.reply_with(calling(call('{"at": 1}', "a"), call("{}", "b")), answer("Done"))
    await client.chat("openai-gpt-4o-mini", QUESTION, tools=[CALCULATOR], tool_handler=handler)
    told = [message["content"] for message in upstream.received[1].json["messages"][2:]]
    assert told == ["later", "error: RuntimeError: StopIteration was raised"]


async def test_a_model_that_never_stops_calling_is_stopped_after_three_turns(
    client: LLMClient, upstream: Upstream
) -> None:
    def always(received: Received) -> Reply:
        return answer("As far as I got.") if received.json.get("tool_choice") == "none" else calling(call("{}"))

    upstream.handler = always
    response = await client.chat("openai-gpt-4o-mini", QUESTION, tools=[CALCULATOR], tool_handler=lambda *_: "again")
    assert len(upstream.received) == 4
    assert len(response.tools_called) == 3
    assert response.content == "As far as I got."


async def test_of_several_answers_a_stream_is_the_first(client: LLMClient, upstream: Upstream) -> None:
    upstream.reply_with(two_at_once())
    assert [text async for text in client.stream("openai-gpt-4o-mini", QUESTION, n=2)] == ["It ", "is."]


async def test_without_a_handler_the_calls_are_the_answer(client: LLMClient, upstream: Upstream) -> None:
    upstream.reply_with(calling(call("{}")))
    response = await client.chat("openai-gpt-4o-mini", QUESTION, tools=[CALCULATOR])
    assert [one.name for one in response.tool_calls] == ["calculator"]


async def test_the_documents_stream_is_text_as_it_comes(client: LLMClient, upstream: Upstream) -> None:
    upstream.reply_with(stream("Code flows ", "like poetry"))
    pieces = [
        piece
        async for piece in client.stream(
            "openai-gpt-4o-mini",
            [{"role": "user", "content": "Write a short poem about coding"}],
            temperature=0.8,
            user_id="user-123",
        )
    ]
    assert pieces == ["Code flows ", "like poetry"]
    assert upstream.received[0].json["temperature"] == 0.8


async def test_a_template_that_is_not_configured_says_what_is_missing(client: LLMClient) -> None:
    with pytest.raises(ModelNotFoundError, match="ANTHROPIC_API_KEY"):
        await client.chat("anthropic-claude-3.5-sonnet", QUESTION)

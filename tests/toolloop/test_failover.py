"""A provider that is lost between two rounds: another one goes on with the conversation, under the same ids."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.support.asking import ask, call, calling, calling_in_pieces, offering
from tests.support.gateway import provider
from tests.support.openai_wire import answer, refusal, stream
from tests.support.toolturns import Told, strays_of, told_of
from tests.support.upstream import Reply, Upstream

from wye import ModelRouter
from wye.assistant.tools.seam import ToolOutput
from wye.core.caller import LIBRARY
from wye.engine import Engine
from wye.toolloop import Done, TextDelta, ToolAnswered, run
from wye.toolloop import stream as streamed

ARGUMENTS = '{"expression":"157 * 289"}'
SPOKEN = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [{"type": "text", "text": "It is 45,373."}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 30, "output_tokens": 5},
}


@pytest.fixture
def other() -> Iterator[Upstream]:
    """Another provider, of another wire."""
    with Upstream() as running:
        running.reply_with(Reply.json(SPOKEN))
        yield running


@pytest.fixture
async def engine(upstream: Upstream, other: Upstream, tmp_path: Path) -> AsyncIterator[Engine]:
    file = tmp_path / "wye.toml"
    file.write_text(
        provider("openai", f"{upstream.url}/v1", 'api_keys = ["sk-made-up"]')
        + provider("anthropic", f"{other.url}/v1", 'api_keys = ["sk-ant-made-up"]')
        + provider("huggingface", f"{upstream.url}/hf", 'api_keys = ["hf_made-up"]')
        + '[aliases]\nany = ["openai/gpt-4o-mini", "anthropic/claude-3-haiku-20240307"]\n'
        + "[retry]\nmax_retries = 1\nbase_delay = 0.01\n"
    )
    async with ModelRouter.from_config(file, environ={}) as router:
        yield router.engine


async def test_another_provider_goes_on_with_the_calls_and_results_of_the_one_that_is_lost(
    engine: Engine, upstream: Upstream, other: Upstream
) -> None:
    upstream.reply_with(calling(call(ARGUMENTS)), refusal(503))
    found = await run(engine, ask("any"), offering("calculator"))
    assert (found.response.provider, found.response.content) == ("anthropic", "It is 45,373.")
    assert (found.rounds, found.attempts) == (2, 3)
    (asked,) = other.received
    assert strays_of("anthropic_messages", asked.json) == []
    assert told_of("anthropic_messages", asked.json) == [
        Told("call_1", "calculator", {"expression": "157 * 289"}, "45373")
    ]
    assert found.cost is not None


async def test_a_stream_goes_on_in_the_words_of_another_provider(
    engine: Engine, upstream: Upstream, other: Upstream
) -> None:
    upstream.reply_with(calling_in_pieces(call(ARGUMENTS)), refusal(503))
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {**SPOKEN, "content": [], "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "It is 45,373."}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}},
        {"type": "message_stop"},
    ]
    other.reply_with(Reply.stream([f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in events]))
    told = [one async for one in streamed(engine, ask("any"), offering("calculator"))]
    assert [one.text for one in told if isinstance(one, TextDelta)] == ["It is 45,373."]
    done = told[-1]
    assert isinstance(done, Done)
    assert done.answer.response.provider == "anthropic"
    assert [one.run.id for one in told if isinstance(one, ToolAnswered)] == ["call_1"]


async def test_a_failed_tool_is_an_error_in_the_words_of_the_wire_that_has_one(
    engine: Engine, upstream: Upstream, other: Upstream
) -> None:
    async def broken(_name: str, _arguments: str) -> ToolOutput:
        return ToolOutput(text="error: no", is_error=True)

    upstream.reply_with(calling(call(ARGUMENTS)), refusal(503))
    await run(engine, ask("any"), offering("calculator", run=broken))
    (block,) = other.received[0].json["messages"][-1]["content"]
    assert (block["type"], block["is_error"]) == ("tool_result", True)


async def test_a_failed_tool_does_not_make_anybody_forget_what_the_caller_wants(
    engine: Engine, upstream: Upstream, other: Upstream
) -> None:
    async def broken(_name: str, _arguments: str) -> ToolOutput:
        return ToolOutput(text="error: no", is_error=True)

    upstream.reply_with(calling(call(ARGUMENTS)), refusal(503))
    careful = structs.replace(LIBRARY, temperature=0.25)
    await run(engine, ask("any", caller=careful), offering("calculator", run=broken))
    assert upstream.received[0].json["temperature"] == other.received[0].json["temperature"] == 0.25
    assert other.received[0].json["messages"][-1]["content"][0]["is_error"] is True


async def test_what_a_provider_does_not_do_well_is_not_asked_of_it(engine: Engine, upstream: Upstream) -> None:
    under_way = most = 0

    async def alone(_name: str, _arguments: str) -> ToolOutput:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        under_way -= 1
        return ToolOutput(text="1")

    upstream.reply_with(calling(call(), call(identity="call_2")), answer("One."))
    model = "huggingface/meta-llama/Llama-3.1-8B-Instruct"
    found = await run(engine, ask(model), offering("calculator", run=alone))
    assert (most, len(found.runs), found.stopped) == (1, 2, "rounds")
    assert upstream.received[1].json["tool_choice"] == "none"


@pytest.mark.parametrize("name", ["openai", "anthropic", "vllm", "azure", "runpod"])
def test_the_documents_table_of_rounds_and_parallel_calls_holds(engine: Engine, name: str) -> None:
    traits = engine.snapshot.catalog.providers[name].tools
    assert traits.rounds is None
    assert traits.parallel


async def test_usage_of_a_lost_attempt_is_not_forgotten(engine: Engine, upstream: Upstream) -> None:
    upstream.reply_with(calling(call()), refusal(500), answer("Two."))
    found = await run(engine, ask(), offering("calculator"))
    assert (found.response.content, found.attempts, found.rounds) == ("Two.", 3, 2)


async def test_a_stream_that_breaks_before_its_first_word_is_asked_again(engine: Engine, upstream: Upstream) -> None:
    upstream.reply_with(calling_in_pieces(call()), Reply.reset(), stream("Two."))
    told = [one async for one in streamed(engine, ask(), offering("calculator"))]
    assert [one.text for one in told if isinstance(one, TextDelta)] == ["Two."]

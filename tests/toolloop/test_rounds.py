"""The tool loop: what is asked in each round, what is run between them, and what ends it."""

import asyncio
from contextlib import aclosing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.asking import QUESTION, ask, call, calling, calling_in_pieces, offering, schema
from tests.support.gateway import provider
from tests.support.openai_wire import answer, completion, refusal, stream, two_at_once
from tests.support.upstream import Hang, Received, Reply, Upstream

from wye import DeadlineExceededError, ModelRouter, UpstreamError
from wye.assistant.tools.seam import ToolOutput
from wye.core.record import UsageRecord
from wye.engine import Engine
from wye.toolloop import Done, Failed, TextDelta, ToolAnswered, ToolCalled, run
from wye.toolloop import stream as streamed

_ONE_ANSWER = 3 * Decimal("0.15") / 10**6 + 2 * Decimal("0.60") / 10**6


def results(received: Received) -> dict[str, str]:
    return {one["tool_call_id"]: one["content"] for one in received.json["messages"] if one["role"] == "tool"}


class Booked:
    """Keeps what the books say."""

    def __init__(self) -> None:
        self.records: list[UsageRecord] = []

    def observe(self, record: UsageRecord) -> None:
        self.records.append(record)


async def test_a_tool_is_run_and_the_model_is_told_what_it_answered(engine: Engine, upstream: Upstream) -> None:
    upstream.reply_with(calling(call('{"expression": "157 * 289"}')), answer("It is 45,373."))
    found = await run(engine, ask(), offering("calculator"))
    first, second = (one.json for one in upstream.received)
    assert first["tools"] == [schema("calculator")]
    assert second["messages"] == [
        QUESTION,
        {"role": "assistant", "content": None, "tool_calls": [call('{"expression": "157 * 289"}')]},
        {"role": "tool", "tool_call_id": "call_1", "content": "45373"},
    ]
    assert (found.response.content, found.finish_reason, found.rounds, found.stopped) == (
        "It is 45,373.",
        "stop",
        2,
        None,
    )
    assert [(one.name, one.text, one.is_error) for one in found.runs] == [("calculator", "45373", False)]
    assert list(found.turns) == [*second["messages"][1:], {"role": "assistant", "content": "It is 45,373."}]


async def test_usage_cost_and_attempts_are_those_of_all_rounds(engine: Engine, upstream: Upstream) -> None:
    booked = Booked()
    engine.books.meters += (booked,)
    upstream.reply_with(calling(call()), calling(call()), answer())
    found = await run(engine, ask(conversation="conv-1", tags=("chat",)), offering("calculator"))
    assert found.usage is not None
    assert (found.usage.input_tokens, found.usage.output_tokens, found.attempts) == (9, 6, 3)
    assert found.cost == 3 * _ONE_ANSWER
    first, *others = booked.records
    assert [one.id for one in booked.records] == list(found.request_ids)
    assert (first.parent, [one.parent for one in others]) == (None, [first.id, first.id])
    assert {one.conversation for one in booked.records} == {"conv-1"}


async def test_the_whole_loop_is_told_as_it_happens(engine: Engine, upstream: Upstream) -> None:
    upstream.reply_with(calling_in_pieces(call('{"expression": "1+1"}')), stream("It is ", "2."))
    events = [one async for one in streamed(engine, ask(), offering("calculator", text="2"))]
    called, told, *texts, done = events
    assert called == ToolCalled(round=1, id="call_1", name="calculator", arguments='{"expression": "1+1"}')
    assert isinstance(told, ToolAnswered)
    assert (told.run.id, told.run.text) == ("call_1", "2")
    assert texts == [TextDelta("It is "), TextDelta("2.")]
    assert isinstance(done, Done)
    assert (done.answer.response.content, done.answer.cost) == ("It is 2.", 2 * _ONE_ANSWER)
    assert results(upstream.received[1]) == {"call_1": "2"}


async def test_of_several_answers_the_first_is_told(engine: Engine, upstream: Upstream) -> None:
    upstream.reply_with(two_at_once())
    *texts, done = [one async for one in streamed(engine, ask(members={"n": 2}), offering("calculator"))]
    assert texts == [TextDelta("It "), TextDelta("is.")]
    assert isinstance(done, Done)
    assert (done.answer.response.content, done.answer.finish_reason) == ("It is.", "stop")


async def test_after_its_rounds_a_model_is_asked_for_an_answer_without_tools(
    engine: Engine, upstream: Upstream
) -> None:
    def always(received: Received) -> Reply:
        return answer("As far as I got.") if received.json.get("tool_choice") == "none" else calling(call())

    upstream.handler = always
    found = await run(engine, ask(), offering("calculator"))
    assert [one.json.get("tool_choice") for one in upstream.received] == [None, None, None, "none"]
    assert (found.response.content, found.finish_reason, found.stopped) == ("As far as I got.", "max_rounds", "rounds")
    assert [one.round for one in found.runs] == [1, 2, 3]


async def test_a_model_that_must_call_a_tool_must_do_so_once(engine: Engine, upstream: Upstream) -> None:
    upstream.reply_with(calling(call()), answer())
    await run(engine, ask(members={"tool_choice": "required"}), offering("calculator"))
    assert [one.json.get("tool_choice") for one in upstream.received] == ["required", None]


async def test_twenty_calls_run_at_once_within_their_bound_and_are_told_in_the_models_order(
    engine: Engine, upstream: Upstream
) -> None:
    under_way = most = 0

    async def slow(_: str, arguments: str) -> ToolOutput:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        for _turn in range(3):
            await asyncio.sleep(0)
        under_way -= 1
        return ToolOutput(text=arguments)

    calls = [call(f'{{"at":{at}}}', f"call_{at}") for at in range(20)]
    upstream.reply_with(calling(*calls), answer())
    found = await run(engine, ask(at_once=6), offering("calculator", run=slow))
    assert most == 6
    assert list(results(upstream.received[1])) == [f"call_{at}" for at in range(20)]
    assert [one.text for one in found.runs] == [f'{{"at":{at}}}' for at in range(20)]


async def test_of_very_many_calls_the_first_are_made_and_the_others_told_to_be_too_much(
    engine: Engine, upstream: Upstream
) -> None:
    upstream.reply_with(calling(*(call(identity=f"call_{at}") for at in range(100))), answer())
    found = await run(engine, ask(), offering("calculator"))
    assert [one.is_error for one in found.runs] == [False] * 64 + [True] * 36
    assert len(results(upstream.received[1])) == 100


async def test_a_text_that_is_no_unicode_is_told_without_what_is_none(engine: Engine, upstream: Upstream) -> None:
    upstream.reply_with(calling(call()), answer())
    await run(engine, ask(), offering("calculator", text="caf\udce9"))
    assert results(upstream.received[1]) == {"call_1": "caf?"}


async def test_an_answer_that_is_kept_costs_nothing_and_its_tools_are_run_anew(
    upstream: Upstream, tmp_path: Path
) -> None:
    file = tmp_path / "wye.toml"
    section = provider("openai", f"{upstream.url}/v1", 'api_keys = ["sk-made-up"]')
    file.write_text(f"{section}\n[cache]\nenabled = true\n")
    upstream.reply_with(calling(call()), answer("Two."))
    async with ModelRouter.from_config(file, environ={}) as router:
        first = await run(router.engine, ask(), offering("calculator"))
        second = await run(router.engine, ask(), offering("calculator"))
    assert (first.cost, second.cost, len(upstream.received)) == (2 * _ONE_ANSWER, Decimal(0), 2)
    assert (second.response.content, len(second.runs)) == ("Two.", 1)


async def test_calls_that_share_an_id_get_one_of_their_own(engine: Engine, upstream: Upstream) -> None:
    async def say(_: str, arguments: str) -> ToolOutput:
        return ToolOutput(text=arguments)

    upstream.reply_with(calling(call('{"at":1}'), call('{"at":2}')), calling(call('{"at":3}')), answer())
    found = await run(engine, ask(), offering("calculator", run=say))
    ids = [one.id for one in found.runs]
    assert ids[0] == "call_1"
    assert len(set(ids)) == 3
    assert list(results(upstream.received[2]).items()) == [(one.id, one.text) for one in found.runs]


async def test_an_id_of_an_earlier_turn_is_not_used_again(engine: Engine, upstream: Upstream) -> None:
    earlier: list[dict[str, Any]] = [
        QUESTION,
        {"role": "assistant", "content": None, "tool_calls": [call()]},
        {"role": "tool", "tool_call_id": "call_1", "content": "7"},
        {"role": "user", "content": "And now?"},
    ]
    upstream.reply_with(calling(call()), answer())
    found = await run(engine, ask(messages=earlier), offering("calculator", text="8"))
    assert results(upstream.received[1]) == {"call_1": "7", found.runs[0].id: "8"}


async def test_arguments_that_are_no_json_are_an_error_result_and_go_back_as_an_object(
    engine: Engine, upstream: Upstream
) -> None:
    async def strict(_: str, arguments: str) -> ToolOutput:
        await asyncio.sleep(0)
        return ToolOutput(text=f"error: not JSON: {arguments}", is_error=True)

    upstream.reply_with(calling(call('{"expression": ')), answer())
    found = await run(engine, ask(), offering("calculator", run=strict))
    sent = upstream.received[1].json["messages"][1]["tool_calls"][0]["function"]["arguments"]
    assert sent == '{"not_a_json_object":"{\\"expression\\": "}'
    assert found.runs[0].is_error


async def test_a_tool_that_nobody_has_is_an_error_result_that_names_those_there_are(
    engine: Engine, upstream: Upstream
) -> None:
    upstream.reply_with(calling(call(name="rm_rf")), answer())
    found = await run(engine, ask(), offering("calculator"))
    assert results(upstream.received[1])["call_1"] == "error: there is no tool 'rm_rf' here; there are: calculator"
    assert found.runs[0].is_error


async def test_a_model_that_repeats_a_failing_call_is_told_and_ends_with_its_rounds(
    engine: Engine, upstream: Upstream
) -> None:
    async def broken(_name: str, _arguments: str) -> ToolOutput:
        await asyncio.sleep(0)
        return ToolOutput(text="error: no", is_error=True)

    upstream.reply_with(calling(call('{"a": 1, "b": 2}')), calling(call('{"b":2,"a":1}', "call_2")), answer())
    await run(engine, ask(max_rounds=2), offering("calculator", run=broken))
    told = results(upstream.received[2])
    assert told["call_1"] == "error: no"
    assert "has failed before" in told["call_2"]
    assert upstream.received[2].json["tool_choice"] == "none"


async def test_the_callers_own_tools_end_the_loop_and_are_handed_back(engine: Engine, upstream: Upstream) -> None:
    upstream.reply_with(calling(call(name="open_door", identity="theirs"), call(identity="ours")))
    members = {"tools": [schema("open_door")]}
    found = await run(engine, ask(members=members), offering("calculator"))
    assert upstream.received[0].json["tools"] == [schema("open_door"), schema("calculator")]
    assert (found.stopped, found.finish_reason, len(upstream.received)) == ("caller_tools", "tool_calls", 1)
    assert [one.id for one in found.pending] == ["theirs"]
    assert [one.id for one in found.runs] == ["ours"]
    assert [turn["role"] for turn in found.turns] == ["assistant", "tool"]


async def test_a_tool_of_the_caller_stands_before_one_of_ours_with_its_name(engine: Engine, upstream: Upstream) -> None:
    upstream.reply_with(calling(call()))
    found = await run(engine, ask(members={"tools": [schema("calculator")]}), offering("calculator"))
    assert upstream.received[0].json["tools"] == [schema("calculator")]
    assert [one.name for one in found.pending] == ["calculator"]


async def test_what_a_loop_may_cost_stops_it_before_tools_are_run(engine: Engine, upstream: Upstream) -> None:
    dear = completion("Let me see.", finish_reason="tool_calls", tool_calls=[call()])
    dear["usage"] = {"prompt_tokens": 10**6, "completion_tokens": 10**6, "total_tokens": 2 * 10**6}
    upstream.reply_with(Reply.json(dear))
    found = await run(engine, ask(max_cost=Decimal("0.001")), offering("calculator"))
    assert (found.stopped, found.finish_reason, len(upstream.received), found.runs) == ("cost", "max_cost", 1, ())
    assert found.cost == Decimal("0.75")
    assert found.response.content == "Let me see."


async def test_a_round_that_is_expected_to_cost_more_than_what_is_left_is_not_made(
    engine: Engine, upstream: Upstream
) -> None:
    upstream.reply_with(calling(call()))
    found = await run(engine, ask(max_cost=Decimal("0.0008")), offering("calculator", text="x" * 40_000))
    assert (found.stopped, len(upstream.received)) == ("cost", 1)
    assert len(found.runs) == 1


async def test_one_timeout_holds_for_all_rounds_and_what_runs_is_cancelled(engine: Engine, upstream: Upstream) -> None:
    ended = asyncio.Event()

    async def endless(_name: str, _arguments: str) -> ToolOutput:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    upstream.reply_with(calling(call()))
    with pytest.raises(DeadlineExceededError, match="all rounds"):
        await run(engine, ask(timeout=0.3), offering("calculator", run=endless))
    assert ended.is_set()


async def test_a_failure_between_rounds_is_the_last_event_and_says_what_was_spent(
    engine: Engine, upstream: Upstream
) -> None:
    upstream.reply_with(calling_in_pieces(call()), refusal(500))
    events = [one async for one in streamed(engine, ask(), offering("calculator"))]
    failed = events[-1]
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, UpstreamError)
    assert failed.cost == _ONE_ANSWER
    assert (failed.attempts, len(failed.runs), len(failed.request_ids)) == (2, 1, 2)


async def test_a_loop_that_runs_out_of_time_knows_what_was_run_and_leaves_no_call_without_its_result(
    engine: Engine, upstream: Upstream
) -> None:
    async def one_ends(_name: str, arguments: str) -> ToolOutput:
        if arguments == "{}":
            await asyncio.Event().wait()
        return ToolOutput(text="4")

    upstream.reply_with(calling_in_pieces(call(), call('{"expression": "2+2"}', "call_2")))
    events = [one async for one in streamed(engine, ask(timeout=0.5), offering("calculator", run=one_ends))]
    failed = events[-1]
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, DeadlineExceededError)
    assert [(run.id, run.text) for run in failed.runs] == [("call_2", "4")]
    asked, *told = failed.turns
    assert [one["id"] for one in asked["tool_calls"]] == ["call_1", "call_2"]
    assert [(one["tool_call_id"], one["content"]) for one in told] == [
        ("call_1", "error: this call was not finished"),
        ("call_2", "4"),
    ]


async def test_a_failure_before_anything_was_said_is_raised(engine: Engine, upstream: Upstream) -> None:
    upstream.reply_with(refusal(500))
    with pytest.raises(UpstreamError):
        _ = [one async for one in streamed(engine, ask(), offering("calculator"))]


async def test_leaving_in_the_midst_of_a_tool_leaves_no_task(engine: Engine, upstream: Upstream) -> None:
    upstream.reply_with(calling_in_pieces(call(), call(identity="call_2")))
    before = asyncio.all_tasks()

    async def endless(_name: str, _arguments: str) -> ToolOutput:
        await asyncio.Event().wait()
        raise AssertionError

    async with aclosing(streamed(engine, ask(), offering("calculator", run=endless))) as events:
        async for one in events:
            if isinstance(one, ToolCalled) and one.id == "call_2":
                waiting = asyncio.ensure_future(anext(events))
                await asyncio.sleep(0.01)
                waiting.cancel()
                await asyncio.wait([waiting])
                break
    assert asyncio.all_tasks() == before


async def test_leaving_in_the_midst_of_an_answer_ends_the_call_at_the_provider(
    engine: Engine, upstream: Upstream
) -> None:
    text = stream("It", " is").pieces[:2]
    upstream.reply_with(calling_in_pieces(call()), Reply.stream([*text, Hang()]))
    before = asyncio.all_tasks()
    async with aclosing(streamed(engine, ask(), offering("calculator"))) as events:
        async for one in events:
            if isinstance(one, TextDelta):
                break
    assert asyncio.all_tasks() == before
    assert await asyncio.to_thread(upstream.wait_disconnect, 5)

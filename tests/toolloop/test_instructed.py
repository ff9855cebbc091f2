"""Models that cannot call tools: they write calls down as JSON where they can be held to it, and are refused else."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.asking import QUESTION, ask, call, offering
from tests.support.gateway import provider
from tests.support.openai_wire import answer, stream
from tests.support.upstream import Received, Reply, Upstream

from wye import InvalidRequestError, ModelRouter, UnsupportedOperationError
from wye.core.plan import Wishes
from wye.engine import Engine
from wye.toolloop import Done, TextDelta, ToolCalled, run
from wye.toolloop import stream as streamed


@pytest.fixture
async def engine(upstream: Upstream, tmp_path: Path) -> AsyncIterator[Engine]:
    file = tmp_path / "wye.toml"
    settings = [provider("up", upstream.url, 'adapter = "openai_chat"', 'api_keys = ["sk-made-up"]')]
    for name, abilities in {
        "schema": ["json-schema"],
        "object": ["json-mode"],
        "talker": ["vision"],
        "caller": ["function-calling"],
    }.items():
        settings.append(f'[models."up/{name}"]\ncapabilities = {json.dumps(["text", "streaming", *abilities])}\n')
    settings.append(provider("ollama", upstream.url))
    others = ("perplexity", "groq", "mistral", "cohere")
    settings += [provider(name, upstream.url, 'api_keys = ["made-up-0123456789"]') for name in others]
    settings.append('[aliases]\nboth = ["up/talker", "up/caller"]\nwords = ["up/talker", "up/object"]\n')
    file.write_text("\n".join(settings))
    async with ModelRouter.from_config(file, environ={}) as router:
        yield router.engine


def written(*calls: tuple[str, str], text: str = "") -> str:
    listed = [{"name": name, "arguments": arguments} for name, arguments in calls]
    return json.dumps({"tool_calls": listed, "answer": text})


CALLING = written(("calculator", '{"expression": "157 * 289"}'))


def roles(received: Received) -> list[str]:
    return [message["role"] for message in received.json["messages"]]


async def test_a_model_that_takes_a_schema_writes_its_calls_into_one(engine: Engine, upstream: Upstream) -> None:
    upstream.reply_with(answer(CALLING), answer(written(text="It is 45,373.")))
    found = await run(engine, ask("up/schema"), offering("calculator"))
    first, second = upstream.received
    assert "tools" not in first.json
    assert first.json["response_format"]["type"] == "json_schema"
    system, question = first.json["messages"]
    assert '"name":"calculator"' in system["content"]
    assert question == QUESTION
    assert roles(second) == ["system", "user", "assistant", "user"]
    assert json.loads(second.json["messages"][2]["content"]) == json.loads(CALLING)
    assert second.json["messages"][3]["content"] == "calculator answered:\n45373"
    assert (found.response.content, found.emulated, found.stopped) == ("It is 45,373.", True, None)
    assert [(run.name, run.arguments) for run in found.runs] == [("calculator", '{"expression": "157 * 289"}')]


async def test_the_conversation_stays_in_openais_form(engine: Engine, upstream: Upstream) -> None:
    upstream.reply_with(answer(CALLING), answer(written(text="It is 45,373.")))
    found = await run(engine, ask("up/schema"), offering("calculator"))
    called, told, said = found.turns
    assert called["tool_calls"][0]["function"]["name"] == "calculator"
    assert told["tool_call_id"] == called["tool_calls"][0]["id"]
    assert said == {"role": "assistant", "content": "It is 45,373."}


async def test_a_model_that_writes_json_is_told_its_form_in_words(engine: Engine, upstream: Upstream) -> None:
    upstream.reply_with(answer(f"```json\n{CALLING}\n```"), answer("It is 45,373."))
    found = await run(engine, ask("up/object"), offering("calculator"))
    assert upstream.received[0].json["response_format"] == {"type": "json_object"}
    assert found.response.content == "It is 45,373."
    assert len(found.runs) == 1


async def test_only_the_answer_is_streamed_and_not_the_json_around_it(engine: Engine, upstream: Upstream) -> None:
    halves = CALLING[:20], CALLING[20:]
    upstream.reply_with(stream(*halves), stream(written(text="It is 45,373.")))
    events = [one async for one in streamed(engine, ask("up/schema"), offering("calculator"))]
    assert [type(one) for one in events if isinstance(one, ToolCalled)] == [ToolCalled]
    assert [one.text for one in events if isinstance(one, TextDelta)] == ["It is 45,373."]
    assert isinstance(events[-1], Done)


async def test_after_its_rounds_it_is_asked_for_plain_words(engine: Engine, upstream: Upstream) -> None:
    upstream.reply_with(answer(CALLING), answer("As far as I got."))
    found = await run(engine, ask("up/schema", max_rounds=1), offering("calculator"))
    last = upstream.received[1].json
    assert "response_format" not in last
    assert "Answer now" in last["messages"][-1]["content"]
    assert (found.response.content, found.stopped) == ("As far as I got.", "rounds")


async def test_a_conversation_with_calls_of_another_model_is_told_in_words(engine: Engine, upstream: Upstream) -> None:
    earlier: list[dict[str, Any]] = [
        QUESTION,
        {"role": "assistant", "content": None, "tool_calls": [call('{"a":1}')]},
        {"role": "tool", "tool_call_id": "call_1", "content": "7"},
        {"role": "assistant", "content": "Seven."},
        {"role": "user", "content": "And now?"},
    ]
    upstream.reply_with(answer(written(text="Eight.")))
    await run(engine, ask("up/schema", messages=earlier), offering("calculator"))
    assert roles(upstream.received[0]) == ["system", "user", "assistant", "user", "assistant", "user"]
    assert upstream.received[0].json["messages"][3]["content"] == "calculator answered:\n7"


@pytest.mark.parametrize(
    "said", ["Just words.", "{not json}", '{"something": "else"}', '["a"]', "{" * 5000 + "}" * 5000]
)
async def test_what_is_not_of_the_form_is_an_answer_in_words(engine: Engine, upstream: Upstream, said: str) -> None:
    upstream.reply_with(answer(said))
    found = await run(engine, ask("up/schema"), offering("calculator"))
    assert (found.response.content, len(upstream.received)) == (said, 1)


async def test_a_model_that_can_do_neither_is_refused_with_models_that_can(engine: Engine, upstream: Upstream) -> None:
    with pytest.raises(UnsupportedOperationError, match="models that can: up/caller"):
        await run(engine, ask("up/talker"), offering("calculator"))
    assert upstream.received == []


async def test_an_answer_of_a_form_of_its_own_leaves_no_room_for_calls(engine: Engine, upstream: Upstream) -> None:
    members = {"response_format": {"type": "json_object"}}
    with pytest.raises(UnsupportedOperationError, match="up/caller"):
        await run(engine, ask("up/schema", members=members), offering("calculator"))
    assert upstream.received == []


async def test_of_an_alias_the_model_that_calls_tools_is_asked(engine: Engine, upstream: Upstream) -> None:
    upstream.reply_with(answer())
    found = await run(engine, ask("both"), offering("calculator"))
    assert (found.response.model, found.emulated) == ("caller", False)


async def test_of_an_alias_without_one_that_which_can_be_held_to_json(engine: Engine, upstream: Upstream) -> None:
    upstream.reply_with(answer(written(text="Yes.")))
    found = await run(engine, ask("words"), offering("calculator"))
    assert (found.response.model, found.emulated) == ("object", True)


@pytest.mark.parametrize("model", ["ollama/phi3:mini", "ollama/pulled-yesterday"])
async def test_a_local_model_without_tools_is_held_to_the_schema(
    engine: Engine, upstream: Upstream, model: str
) -> None:
    def reply(_: Received) -> Any:
        text = CALLING if len(upstream.received) == 1 else written(text="It is 45,373.")
        message = {"role": "assistant", "content": text}
        return Reply.json({"model": "phi3:mini", "message": message, "done": True, "done_reason": "stop"})

    upstream.handler = reply
    found = await run(engine, ask(model), offering("calculator"))
    assert upstream.received[0].json["format"]["required"] == ["tool_calls", "answer"]
    assert (found.response.content, found.emulated) == ("It is 45,373.", True)


@pytest.mark.parametrize(
    ("model", "form"),
    [
        ("perplexity/sonar", "json_schema"),
        ("groq/groq/compound", "json_object"),
        ("mistral/open-mixtral-8x7b", "json_object"),
        ("cohere/command-a-vision-07-2025", "json_object"),
    ],
)
async def test_providers_models_that_call_nothing_write_their_calls_down(
    engine: Engine, upstream: Upstream, model: str, form: str
) -> None:
    def reply(received: Received) -> Reply:
        text = CALLING if len(upstream.received) == 1 else written(text="It is 45,373.")
        if received.path.endswith("/completions"):
            return answer(text)
        message = {"role": "assistant", "content": [{"type": "text", "text": text}]}
        return Reply.json({"id": "1", "finish_reason": "COMPLETE", "message": message})

    upstream.handler = reply
    found = await run(engine, ask(model), offering("calculator"))
    first, second = (one.json for one in upstream.received)
    assert "tools" not in first
    assert first["response_format"]["type"] == form
    assert "calculator answered:" in json.dumps(second["messages"][-1])
    assert (found.response.content, found.emulated) == ("It is 45,373.", True)


@pytest.mark.parametrize("strategy", ["auto", "auto:cost"])
async def test_where_the_choice_is_left_open_a_model_that_calls_tools_is_chosen(
    engine: Engine, upstream: Upstream, strategy: str
) -> None:
    upstream.handler = lambda _: answer()
    either = Wishes(providers=frozenset({"perplexity", "mistral"}))
    found = await run(engine, ask(strategy, wishes=either), offering("calculator"))
    row = engine.snapshot.catalog.models[f"{found.response.provider}/{found.response.model}"]
    assert "function-calling" in row.capabilities
    assert not found.emulated


async def test_messages_that_are_none_are_the_callers_mistake(engine: Engine, upstream: Upstream) -> None:
    messages = [{"role": "assistant", "content": "x", "tool_calls": [{"function": 1}]}]
    with pytest.raises(InvalidRequestError):
        await run(engine, ask("up/schema", messages=messages), offering("calculator"))
    assert upstream.received == []

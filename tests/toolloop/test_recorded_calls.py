"""Every recorded answer that calls tools, as the first round of a loop: its tools are run, and the provider is told.

The second request is read by an independent reading of each wire's documentation: results must stand under the ids of
the calls they answer. Where the recordings have the request that followed, both say the same of the calls.
"""

import functools
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio
from tests.support.asking import ask, offering
from tests.support.gateway import catalog_rows
from tests.support.oracle import ExpectedToolCall, arguments_of, expect
from tests.support.recordings import WIRES, Recording, Wire, available, load
from tests.support.replaying import every_provider, provider_of, replay
from tests.support.toolturns import Told, strays_of, told_of
from tests.support.upstream import Upstream

from wye import ModelRouter
from wye.assistant.tools.seam import ToolOutput
from wye.catalog.schema import Provider
from wye.engine import Engine
from wye.toolloop import Answered, Done, Offered, run, stream

NO_PROVIDER = Provider(id="", name="", adapter="")
pytestmark = pytest.mark.asyncio(loop_scope="module")

COUNTS = {
    "openai_chat": 337,
    "openai_responses": 87,
    "anthropic_messages": 49,
    "gemini": 34,
    "ollama_chat": 16,
    "bedrock_converse": 38,
    "cohere_chat": 31,
}


def calls_of(wire: Wire, recording: Recording) -> list[ExpectedToolCall]:
    expected = expect(wire, recording.response_body, recording.streamed)
    return expected.choices[0].tool_calls if expected.choices and expected.error is None else []


def text_of(wire: Wire, recording: Recording) -> str:
    expected = expect(wire, recording.response_body, recording.streamed)
    return expected.choices[0].text if expected.choices and expected.error is None else ""


def recorded() -> list[pytest.ParameterSet]:
    if not available():
        reason = f"{sum(COUNTS.values())} recorded tool calls left out: no recordings"
        return [pytest.param(None, None, marks=pytest.mark.skip(reason=reason))]
    return [
        pytest.param(wire, recording, id=f"{wire}-{recording.provider}-{recording.id.rpartition('/')[2]}")
        for wire in WIRES
        for recording in load(wire)
        if b'"background": true' not in recording.request_body and calls_of(wire, recording)
    ]


@pytest.fixture(scope="module", autouse=True)
def no_proxy() -> Iterator[None]:
    """Keep the machine's own proxies out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("no_proxy", "*")
        yield


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture(scope="module")
def settings(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("recorded") / "wye.toml"
    file.write_text(every_provider(upstream.url, 'api_keys = ["sk-made-up"]'))
    return file


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(settings: Path) -> AsyncIterator[Engine]:
    async with ModelRouter.from_config(settings, environ={}) as router:
        yield router.engine


def result_of(name: str, arguments: object) -> str:
    """Return what a tool of these tests answers: something else for every call."""
    return f"{name} was asked {json.dumps(arguments, sort_keys=True)}"


def sent_back(arguments: object) -> object:
    """Return what a provider is told that a model wrote: an object, in which stands what is none."""
    return {"not_a_json_object": arguments} if isinstance(arguments, str) else arguments or {}


def tools_for(calls: list[ExpectedToolCall]) -> Offered:
    async def say(name: str, arguments: str) -> ToolOutput:
        return ToolOutput(text=result_of(name, arguments_of(arguments) or {}))

    return offering(*{call.name for call in calls}, run=say)


@functools.cache
def answers_in_words(wire: Wire, *, streamed: bool) -> list[Recording]:
    return [
        one
        for one in load(wire)
        if one.streamed == streamed
        and b'"background": true' not in one.request_body
        and text_of(wire, one)
        and not calls_of(wire, one)
    ]


def final_answer(wire: Wire, recording: Recording) -> Recording:
    """Return an answer in words, of the same provider where there is one."""
    there = answers_in_words(wire, streamed=recording.streamed)
    return next((one for one in there if one.provider == recording.provider), there[0])


@functools.cache
def follow_ups(wire: Wire) -> dict[tuple[str, str], list[Told]]:
    """Return what recorded requests tell of calls, by the session they are of and the id of each call."""
    found = {}
    for recording in load(wire):
        with suppress(json.JSONDecodeError):  # some requests were cut where they were recorded
            told = told_of(wire, json.loads(recording.request_body))
            found.update({(session(recording), one.id): told for one in told if one.result is not None})
    return found


def session(recording: Recording) -> str:
    return recording.id.rpartition("#")[0]


def ids(told: list[Told]) -> set[str]:
    return {one.id for one in told}


async def looped(engine: Engine, wire: Wire, recording: Recording, tools: Offered) -> Answered:
    asked = ask(f"{provider_of(wire, recording)}/{recording.model}")
    if not recording.streamed:
        return await run(engine, asked, tools)
    events = [one async for one in stream(engine, asked, tools)]
    last = events[-1]
    assert isinstance(last, Done)
    return last.answer


@pytest.mark.parametrize(("wire", "recording"), recorded())
async def test_the_tools_that_a_recorded_answer_calls_are_run_and_their_results_stand_under_its_ids(
    engine: Engine, upstream: Upstream, wire: Wire, recording: Recording
) -> None:
    calls, end = calls_of(wire, recording), final_answer(wire, recording)
    upstream.received.clear()
    upstream.reply_with(replay(wire, recording), replay(wire, end))
    found = await looped(engine, wire, recording, tools_for(calls))
    assert not found.emulated
    assert len(upstream.received) == 2
    told = told_of(wire, upstream.received[1].json)
    assert strays_of(wire, upstream.received[1].json) == []
    assert [(one.name, one.arguments) for one in told] == [(call.name, sent_back(call.arguments)) for call in calls]
    assert [one.result for one in told] == [result_of(call.name, call.arguments or {}) for call in calls]
    if all(call.id for call in calls):
        assert [run.id for run in found.runs] == [call.id for call in calls]
        followed = [one for one in follow_ups(wire).get((session(recording), told[0].id), []) if one.id in ids(told)]
        assert [(one.id, one.name, one.arguments) for one in followed] in (
            [],
            [(one.id, one.name, one.arguments) for one in told],
        )
    assert found.response.content == text_of(wire, end)
    one_round = catalog_rows().providers.get(found.response.provider, NO_PROVIDER).tools.rounds == 1
    assert found.stopped == ("rounds" if one_round else None)


SIGNED = re.compile(rb'"(?:thoughtSignature|thought_signature|signature|encrypted_content)"\s*:\s*"([^"]{20,})"')
"""What a model signed or encrypted of its thoughts, and wants back with the results of its calls."""


def signed() -> list[pytest.ParameterSet]:
    """Return those that a model signed; in OpenAI's form of chat nothing is."""
    return [
        one
        for one in recorded()
        if one.values[0] != "openai_chat" and (one.values[1] is None or SIGNED.search(one.values[1].response_body))  # type: ignore[attr-defined]
    ]


@pytest.mark.parametrize(("wire", "recording"), signed())
async def test_what_a_model_signed_of_its_thoughts_goes_back_to_it(
    engine: Engine, upstream: Upstream, wire: Wire, recording: Recording
) -> None:
    upstream.received.clear()
    upstream.reply_with(replay(wire, recording), replay(wire, final_answer(wire, recording)))
    await looped(engine, wire, recording, tools_for(calls_of(wire, recording)))
    # A stream of OpenAI's says the same thought several times, encrypted anew each time.
    found = [one in upstream.received[1].body for one in SIGNED.findall(recording.response_body)]
    assert any(found) if recording.streamed else all(found)

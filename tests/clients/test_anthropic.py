"""Anthropic's own SDK works against the gateway in everything it does with messages, whichever wire answers."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, cast

import anthropic
import pydantic
import pytest
from anthropic import beta_tool
from anthropic.types import MessageParam, TextBlock, ThinkingBlock, ToolParam, ToolUseBlock
from tests.support.catalog_house import House, catalog_house, model_for

pytestmark = pytest.mark.clients

WIRES = (
    "anthropic_messages",
    "bedrock_converse",
    "cohere_chat",
    "gemini",
    "ollama_chat",
    "openai_chat",
    "openai_responses",
)
WEATHER: ToolParam = {
    "name": "get_weather",
    "description": "How warm it is",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
CALL = 'call get_weather {"city": "Paris"}'


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with catalog_house() as running:
        yield running


@pytest.fixture
def client(house: House) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=house.gateway.url, api_key="unused", max_retries=0) as client:
        yield client


@pytest.fixture
async def async_client(house: House) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(base_url=house.gateway.url, api_key="unused", max_retries=0) as client:
        yield client


def named(wire: str, *capabilities: Any) -> str:
    model = model_for(wire, *capabilities)
    assert model is not None
    return model.full_id


@pytest.fixture(params=WIRES)
def model(request: pytest.FixtureRequest) -> str:
    return named(request.param, "function-calling")


def user(text: str) -> MessageParam:
    return {"role": "user", "content": text}


def test_a_whole_answer(client: anthropic.Anthropic, model: str) -> None:
    told = client.messages.create(model=model, max_tokens=100, system="Be brief.", messages=[user("hello")])
    (block,) = told.content
    assert isinstance(block, TextBlock)
    assert block.text == "echo: hello"
    assert (told.type, told.role, told.model, told.stop_reason) == ("message", "assistant", model, "end_turn")
    assert told.usage.input_tokens > 0
    assert told.usage.output_tokens > 0


async def test_a_whole_answer_asynchronously(async_client: anthropic.AsyncAnthropic, model: str) -> None:
    told = await async_client.messages.create(model=model, max_tokens=100, messages=[user("hello")])
    assert cast("TextBlock", told.content[0]).text == "echo: hello"


def test_a_stream_is_gathered_by_the_sdk(client: anthropic.Anthropic, model: str) -> None:
    with client.messages.stream(model=model, max_tokens=100, messages=[user("hello there")]) as stream:
        assert "".join(stream.text_stream) == "echo: hello there"
        told = stream.get_final_message()
    whole = client.messages.create(model=model, max_tokens=100, messages=[user("hello there")])
    assert [block.to_dict() for block in told.content] == [block.to_dict() for block in whole.content]
    assert (told.stop_reason, told.usage.output_tokens) == (whole.stop_reason, whole.usage.output_tokens)


async def test_a_stream_is_read_event_by_event_asynchronously(
    async_client: anthropic.AsyncAnthropic, model: str
) -> None:
    stream = await async_client.messages.create(
        model=model, max_tokens=100, messages=[user("hello")], stream=True, tools=[WEATHER]
    )
    kinds = [event.type async for event in stream]
    assert (kinds[0], kinds[-2:]) == ("message_start", ["message_delta", "message_stop"])


def test_a_tool_is_called_and_its_result_is_answered(client: anthropic.Anthropic, model: str) -> None:
    messages = [user(f"go\n{CALL}")]
    first = client.messages.create(model=model, max_tokens=4000, messages=messages, tools=[WEATHER])
    assert first.stop_reason == "tool_use"
    (call,) = (block for block in first.content if isinstance(block, ToolUseBlock))
    assert (call.name, call.input) == ("get_weather", {"city": "Paris"})
    messages += [
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "21 degrees"}]},
    ]
    second = client.messages.create(model=model, max_tokens=4000, messages=messages, tools=[WEATHER])
    assert cast("TextBlock", second.content[-1]).text == "results: 21 degrees"


def test_the_sdks_tool_runner_goes_to_the_end(client: anthropic.Anthropic, model: str) -> None:
    @beta_tool
    def get_weather(city: str) -> str:
        """How warm it is."""
        return f"21 degrees in {city}"

    # Anthropic holds the conversation itself, others answer that they cannot: then the SDK sends all of it each time.
    held = {"thread": False} if model.startswith("anthropic/") else {}
    runner = client.beta.messages.tool_runner(
        **cast("Any", held),
        model=model,
        max_tokens=4000,
        tools=[get_weather],
        messages=[{"role": "user", "content": f"go\n{CALL}"}],
    )
    last = runner.until_done()
    assert last.content[-1].to_dict()["text"] == "results: 21 degrees in Paris"


@pytest.mark.parametrize("wire", [wire for wire in WIRES if wire != "cohere_chat"])
def test_thoughts_come_back_with_the_result_of_a_tool(house: House, client: anthropic.Anthropic, wire: str) -> None:
    model = named(wire, "function-calling", "reasoning")
    messages = [user(f"why?\n{CALL}")]
    for stop in ("tool_use", "end_turn"):
        with client.messages.stream(
            model=model,
            max_tokens=8000,
            thinking={"type": "enabled", "budget_tokens": 2048},
            tools=[WEATHER],
            messages=messages,
        ) as stream:
            told = stream.get_final_message()
        assert told.stop_reason == stop
        messages.append({"role": "assistant", "content": told.content})
        calls = [block for block in told.content if isinstance(block, ToolUseBlock)]
        if stop == "tool_use":
            thoughts = [block.thinking for block in told.content if isinstance(block, ThinkingBlock)]
            assert "".join(thoughts) == house.imitation.said[-1].thoughts
            results = [{"type": "tool_result", "tool_use_id": call.id, "content": "warm"} for call in calls]
            messages.append(cast("MessageParam", {"role": "user", "content": results}))
    assert "".join(block.text for block in told.content if isinstance(block, TextBlock)) == "results: warm"


class Place(pydantic.BaseModel):
    city: str
    degrees: int


def test_an_answer_is_parsed_into_the_callers_type(client: anthropic.Anthropic, model: str) -> None:
    told = client.messages.parse(model=model, max_tokens=1000, messages=[user("how warm?")], output_format=Place)
    assert told.parsed_output == Place(city="something", degrees=7)


# --- Beside messages ---


@pytest.mark.parametrize("wire", WIRES)
def test_tokens_are_counted_or_estimated_and_said_to_be(client: anthropic.Anthropic, wire: str) -> None:
    if wire == "anthropic_messages":
        return  # the provider's own count: test_messages_recordings.py
    short, long = (
        client.messages.with_raw_response.count_tokens(
            model=named(wire), messages=[user("word " * size)], tools=[WEATHER]
        )
        for size in (10, 1000)
    )
    assert short.headers["x-wye-estimated"] == "input_tokens"
    assert 0 < short.parse().input_tokens < 300 < long.parse().input_tokens < 3000


def test_models_are_listed_in_anthropics_shape_page_by_page(client: anthropic.Anthropic) -> None:
    everything = [model.id for model in client.models.list()]
    assert "anthropic/claude-haiku-4-5" in everything
    assert len(everything) > 100
    assert [model.id for model in client.models.list(limit=7)] == everything
    page = client.models.list(limit=3, before_id=everything[10])
    assert [model.id for model in page.data] == everything[7:10]
    shown = client.models.retrieve("claude-haiku-4-5")
    assert (shown.id, shown.type, shown.display_name) == (
        "anthropic/claude-haiku-4-5",
        "model",
        "Claude Haiku 4.5",
    )


@pytest.mark.parametrize(
    ("ask", "kind"),
    [
        (lambda client: client.models.retrieve("no-such-model"), anthropic.NotFoundError),
        (lambda client: client.models.list(limit=0), anthropic.BadRequestError),
        (
            lambda client: client.messages.create(model="no-such-model", max_tokens=1, messages=[user("hi")]),
            anthropic.NotFoundError,
        ),
        (
            lambda client: client.messages.count_tokens(model="no-such-model", messages=[user("hi")]),
            anthropic.NotFoundError,
        ),
        (
            lambda client: client.messages.create(model="claude-haiku-4-5", max_tokens=1, messages=[]),
            anthropic.BadRequestError,
        ),
    ],
)
def test_errors_are_the_sdks_own(client: anthropic.Anthropic, ask: Any, kind: type[anthropic.APIStatusError]) -> None:
    with pytest.raises(kind) as caught:
        ask(client)
    body = cast("dict[str, Any]", caught.value.body)
    assert body["type"] == "error"
    assert body["request_id"].startswith("req_")
    assert json.loads(caught.value.response.content) == body


# --- Claude on Vertex AI ---


@pytest.mark.parametrize("stream", [False, True])
def test_claude_on_vertex_is_reached_by_raw_prediction(house: House, client: anthropic.Anthropic, stream: bool) -> None:  # noqa: FBT001 - a parameter of the test
    asked: dict[str, Any] = {"model": "vertex/claude-haiku-4-5", "max_tokens": 50, "messages": [user("hello")]}
    if stream:
        with client.messages.stream(**asked) as events:
            text = events.get_final_text()
    else:
        text = client.messages.create(**asked).content[0].to_dict()["text"]
    assert text == "echo: hello"
    received = house.imitation.upstream.received[-1]
    method = "streamRawPredict" if stream else "rawPredict"
    assert received.path.endswith(f"/publishers/anthropic/models/claude-haiku-4-5@20251001:{method}")
    body = json.loads(received.body)
    assert body["anthropic_version"] == "vertex-2023-10-16"
    assert "model" not in body

"""OpenAI's own SDK works against the gateway in everything it does with responses, whichever wire answers."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai
import pydantic
import pytest
from openai.types.responses import (
    FunctionToolParam,
    ResponseCompletedEvent,
    ResponseFunctionToolCall,
    ResponseInputItemParam,
    ResponseInputParam,
)
from tests.support.catalog_house import House, catalog_house, model_for

pytestmark = pytest.mark.clients

WIRES = ("openai_responses", "openai_chat", "anthropic_messages", "gemini", "ollama_chat")
WEATHER: FunctionToolParam = {
    "type": "function",
    "name": "get_weather",
    "description": "How warm it is",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": False,
}
CALL = 'call get_weather {"city": "Paris"}'


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with catalog_house() as running:
        yield running


@pytest.fixture
def client(house: House) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{house.gateway.url}/v1", api_key="unused", max_retries=0) as client:
        yield client


@pytest.fixture
async def async_client(house: House) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{house.gateway.url}/v1", api_key="unused", max_retries=0) as client:
        yield client


def named(wire: str) -> str:
    model = model_for(wire, "function-calling")
    assert model is not None
    return model.full_id


@pytest.fixture(params=WIRES)
def model(request: pytest.FixtureRequest) -> str:
    return named(request.param)


# --- Answers ---


def test_a_whole_answer(client: openai.OpenAI, model: str) -> None:
    told = client.responses.create(model=model, input="hello", instructions="Be brief.", metadata={"a": "b"})
    assert told.output_text == "echo: hello"
    assert (told.object, told.status, told.model) == ("response", "completed", model)
    assert told.usage is not None
    assert told.usage.total_tokens == told.usage.input_tokens + told.usage.output_tokens > 0
    assert told.error is None


async def test_a_whole_answer_asynchronously(async_client: openai.AsyncOpenAI, model: str) -> None:
    told = await async_client.responses.create(model=model, input=[{"role": "user", "content": "hello"}])
    assert told.output_text == "echo: hello"


def test_a_stream_is_gathered_by_the_sdk(client: openai.OpenAI, model: str) -> None:
    with client.responses.stream(model=model, input="hello") as stream:
        events = list(stream)
        told = stream.get_final_response()
    assert [event.type for event in events][:2] == ["response.created", "response.in_progress"]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == "echo: hello"
    assert told.output_text == "echo: hello"
    assert told.usage is not None


async def test_a_stream_asynchronously(async_client: openai.AsyncOpenAI, model: str) -> None:
    stream = await async_client.responses.create(model=model, input="hello", stream=True)
    events = [event async for event in stream]
    assert isinstance(events[-1], ResponseCompletedEvent)
    assert events[-1].response.model == model
    assert events[-1].response.output_text == "echo: hello"


class Warmth(pydantic.BaseModel):
    city: str
    degrees: int


def test_an_answer_is_parsed_into_a_model(client: openai.OpenAI, model: str) -> None:
    told = client.responses.parse(model=model, input="how warm?", text_format=Warmth)
    assert told.output_parsed is not None
    assert isinstance(told.output_parsed.degrees, int)


# --- Tools ---


def calls_of(response: Any) -> list[ResponseFunctionToolCall]:
    return [item for item in response.output if item.type == "function_call"]


def test_a_tool_is_called_and_its_result_answered(client: openai.OpenAI, model: str) -> None:
    items: ResponseInputParam = [{"role": "user", "content": f"go\n{CALL}"}]
    first = client.responses.create(model=model, input=items, tools=[WEATHER])
    (call,) = calls_of(first)
    assert json.loads(call.arguments) == {"city": "Paris"}
    items += [item.model_dump(exclude_none=True) for item in first.output]  # type: ignore[misc]
    items.append({"type": "function_call_output", "call_id": call.call_id, "output": "21 degrees"})
    second = client.responses.create(model=model, input=items, tools=[WEATHER])
    assert second.output_text == "results: 21 degrees"


def test_the_arguments_of_a_call_come_in_pieces(client: openai.OpenAI, model: str) -> None:
    with client.responses.stream(model=model, input=f"go\n{CALL}", tools=[WEATHER]) as stream:
        events = list(stream)
        told = stream.get_final_response()
    pieces = [event.delta for event in events if event.type == "response.function_call_arguments.delta"]
    (call,) = calls_of(told)
    assert "".join(pieces) == call.arguments
    assert json.loads(call.arguments) == {"city": "Paris"}


# --- Going on from an answer ---


def output(call_id: str, text: str) -> list[ResponseInputItemParam]:
    return [{"type": "function_call_output", "call_id": call_id, "output": text}]


@pytest.mark.parametrize("wire", WIRES[1:])
@pytest.mark.parametrize("streamed", [False, True])
def test_a_conversation_goes_on_by_the_last_answers_id(client: openai.OpenAI, wire: str, streamed: bool) -> None:  # noqa: FBT001
    model = named(wire)

    def ask(items: Any, previous: str | None = None) -> Any:
        if not streamed:
            return client.responses.create(model=model, input=items, tools=[WEATHER], previous_response_id=previous)
        asked = {"previous_response_id": previous} if previous else {}
        with client.responses.stream(model=model, input=items, tools=[WEATHER], **asked) as stream:  # type: ignore[call-overload]
            return stream.get_final_response()

    first = ask(f"go\n{CALL}")
    (call,) = calls_of(first)
    second = ask(output(call.call_id, "21 degrees"), first.id)
    assert second.output_text == "results: 21 degrees"
    assert second.previous_response_id == first.id
    third = ask("thanks", second.id)
    assert third.output_text == "echo: thanks"


def test_another_wire_goes_on_from_an_answer(client: openai.OpenAI, house: House) -> None:
    first = client.responses.create(model=named("anthropic_messages"), input=f"go\n{CALL}", tools=[WEATHER])
    (call,) = calls_of(first)
    second = client.responses.create(
        model=named("gemini"), input=output(call.call_id, "noon"), tools=[WEATHER], previous_response_id=first.id
    )
    assert second.output_text == "results: noon"
    turns = house.imitation.heard[-1].turns
    assert [(call.name, result.text) for turn in turns for call in turn.calls for result in turns[-1].results] == [
        ("get_weather", "noon")
    ]


def test_items_are_found_by_reference(client: openai.OpenAI) -> None:
    model = named("anthropic_messages")
    first = client.responses.create(model=model, input=f"go\n{CALL}", tools=[WEATHER])
    (call,) = calls_of(first)
    items: Any = [
        {"role": "user", "content": f"go\n{CALL}"},
        *({"type": "item_reference", "id": item.id} for item in first.output),
        *output(call.call_id, "noon"),
    ]
    assert client.responses.create(model=model, input=items, tools=[WEATHER]).output_text == "results: noon"


def test_an_answer_is_looked_up_and_deleted(client: openai.OpenAI) -> None:
    told = client.responses.create(model=named("gemini"), input="hello")
    assert client.responses.retrieve(told.id).output_text == "echo: hello"
    assert [item.type for item in client.responses.input_items.list(told.id)] == ["message"]
    client.responses.delete(told.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(told.id)


def test_an_answer_that_was_not_to_be_stored_is_not(client: openai.OpenAI) -> None:
    told = client.responses.create(model=named("gemini"), input="hello", store=False)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(told.id)
    with pytest.raises(openai.BadRequestError) as raised:
        client.responses.create(model=named("gemini"), input="more", previous_response_id=told.id)
    assert (raised.value.code, raised.value.param) == ("previous_response_not_found", "previous_response_id")


# --- Compaction, counting ---


def test_a_conversation_is_compacted_by_the_model_itself(client: openai.OpenAI, house: House) -> None:
    model = named("anthropic_messages")
    compacted = client.responses.compact(model=model, input=[{"role": "user", "content": "remember 42"}])
    (item,) = compacted.output
    assert item.type == "compaction"
    assert compacted.usage is not None
    assert "remember 42" in house.imitation.heard[-1].question
    for wire in WIRES:
        told: Any = [item.model_dump(exclude_none=True), {"role": "user", "content": "and now?"}]
        client.responses.create(model=named(wire), input=told)
        texts = [text for turn in house.imitation.heard[-1].turns for text in turn.texts]
        assert any("The conversation so far" in text for text in texts), wire


def test_counting_tokens_is_refused_by_name_where_the_wire_has_none(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        client.responses.input_tokens.count(model=named("gemini"), input="hello")
    assert raised.value.code == "unsupported_operation"


# --- Errors ---


def test_a_model_that_does_not_exist(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as raised:
        client.responses.create(model="nonsense-1", input="hello")
    assert raised.value.code == "model_not_found"


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"input": 3}, "invalid_type", "input"),
        ({"input": [{"role": "nobody", "content": "x"}]}, "invalid_value", "input[0].role"),
        ({"input": [{"type": "function_call_output", "output": "x"}]}, "missing_field", "input[0].call_id"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "item_not_found", "input[0]"),
        ({"input": [{"role": "user", "content": [{"type": "smell"}]}]}, "unsupported_parameter", None),
        ({"input": "x", "tools": [{"type": "function"}]}, "missing_field", "tools[0].name"),
        ({"input": "x", "temperature": "hot"}, "invalid_type", "temperature"),
        ({"input": "x", "text": {"format": {"type": "poem"}}}, "invalid_value", "text.format"),
        ({"input": "x", "background": True}, "unsupported_parameter", "background"),
        ({"input": "x", "tools": [{"type": "image_generation"}]}, "unsupported_parameter", None),
    ],
)
def test_what_is_wrong_is_named(house: House, body: Any, code: str, param: str | None) -> None:
    asked = {"model": named("gemini"), **body}
    answer = house.gateway.request("POST", "/v1/responses", json.dumps(asked).encode())
    assert answer.status == 400
    assert answer.error["code"] == code
    if param is not None:
        assert answer.error["param"] == param

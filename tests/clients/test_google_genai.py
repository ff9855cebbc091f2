"""Google's own SDK works against the gateway, with a model of every wire behind it."""

import json
from collections.abc import Iterator

import pytest
from google import genai
from google.genai import types
from google.genai.errors import ClientError
from tests.support.catalog_house import House, catalog_house, model_for
from tests.support.imitation import wires

from wye import adapters

pytestmark = pytest.mark.clients

WIRES = [wire for wire in sorted(adapters.built_in() & wires()) if model_for(wire, "function-calling")]
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with catalog_house() as running:
        yield running


@pytest.fixture(scope="module")
def client(house: House) -> Iterator[genai.Client]:
    with genai.Client(api_key="any", http_options=types.HttpOptions(base_url=house.gateway.url)) as client:
        yield client


def model(wire: str, *capabilities: str) -> str:
    row = model_for(wire, *capabilities)
    assert row is not None
    return row.full_id


@pytest.mark.parametrize("wire", WIRES)
def test_a_whole_answer(client: genai.Client, wire: str) -> None:
    told = client.models.generate_content(model=model(wire, "text"), contents="hello")
    assert told.text == "echo: hello"
    assert told.usage_metadata is not None
    assert told.usage_metadata.prompt_token_count
    assert told.model_version == model(wire, "text")


@pytest.mark.parametrize("wire", WIRES)
async def test_a_whole_answer_asynchronously(house: House, wire: str) -> None:
    async with genai.Client(api_key="any", http_options=types.HttpOptions(base_url=house.gateway.url)).aio as client:
        told = await client.models.generate_content(model=model(wire, "text"), contents="hello")
        assert told.text == "echo: hello"
        stream = await client.models.generate_content_stream(model=model(wire, "text"), contents="hello")
        assert "".join([chunk.text or "" async for chunk in stream]) == "echo: hello"


@pytest.mark.parametrize("wire", WIRES)
def test_a_stream(client: genai.Client, wire: str) -> None:
    chunks = list(client.models.generate_content_stream(model=model(wire, "text"), contents="hello there you"))
    assert "".join(chunk.text or "" for chunk in chunks) == "echo: hello there you"
    ends = [candidate.finish_reason for candidate in chunks[-1].candidates or []]
    assert ends == [types.FinishReason.STOP]
    assert chunks[-1].usage_metadata is not None
    assert chunks[-1].usage_metadata.total_token_count


@pytest.mark.parametrize("wire", WIRES)
def test_a_chat_that_calls_a_function_of_ours(client: genai.Client, wire: str) -> None:
    def get_weather(city: str) -> str:
        """Tell the weather of a city."""
        return f"sunny in {city}"

    chat = client.chats.create(
        model=model(wire, "function-calling"), config=types.GenerateContentConfig(tools=[get_weather])
    )
    told = chat.send_message('call get_weather {"city": "Paris"}')
    assert told.text == "results: sunny in Paris"
    assert chat.send_message("thanks").text == "echo: thanks"
    said = "".join(chunk.text or "" for chunk in chat.send_message_stream("and bye"))
    assert said == "echo: and bye"
    assert len(chat.get_history(curated=True)) >= 6


@pytest.mark.parametrize("wire", WIRES)
def test_an_answer_that_fits_a_schema(client: genai.Client, wire: str) -> None:
    config = types.GenerateContentConfig(response_mime_type="application/json", response_json_schema=CITY)
    told = client.models.generate_content(model=model(wire, "text"), contents="where?", config=config)
    assert json.loads(told.text or "") == {"city": "something"}


@pytest.mark.parametrize("wire", WIRES)
def test_thoughts_are_shown(client: genai.Client, wire: str) -> None:
    name = model_for(wire, "reasoning")
    assert name is not None
    config = types.GenerateContentConfig(
        thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_budget=2048)
    )
    told = client.models.generate_content(model=name.full_id, contents="why?", config=config)
    parts = told.parts or []
    assert [part.text for part in parts if part.thought and part.text] == ["pondering why?"]
    assert told.text == "echo: why?"


def test_an_error_is_the_sdks_own(client: genai.Client) -> None:
    with pytest.raises(ClientError, match="no-such-model") as caught:
        client.models.generate_content(model="no-such-model", contents="x")
    assert (caught.value.code, caught.value.status) == (404, "NOT_FOUND")


def test_models_are_listed_counted_and_shown(client: genai.Client) -> None:
    names = [row.name for row in client.models.list(config={"page_size": 500})]
    assert "models/gemini/gemini-2.5-flash" in names
    shown = client.models.get(model="gemini/gemini-2.5-flash")
    assert shown.input_token_limit == 1048576
    assert client.models.count_tokens(model="gemini/gemini-2.5-flash", contents="hello").total_tokens

"""OpenAI's own SDK works against the gateway in everything it does with chat completions."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, cast

import openai
import pydantic
import pytest
from openai.types.chat import (
    ChatCompletionMessageFunctionToolCall,
    ChatCompletionMessageParam,
    ChatCompletionToolParam,
)
from tests.support.gateway import Running, provider, serving
from tests.support.openai_wire import DONE, answer, event, refusal, words
from tests.support.upstream import Hang, Reply, Upstream

pytestmark = pytest.mark.clients

HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "one two three"}]
CAPITAL: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "capital",
        "description": "The capital of a country",
        "parameters": {"type": "object", "properties": {"country": {"type": "string"}}, "required": ["country"]},
    },
}


@pytest.fixture
def client(gateway: Running) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="unused", max_retries=0) as client:
        yield client


@pytest.fixture
async def async_client(gateway: Running) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="unused", max_retries=0) as client:
        yield client


# --- Answers ---


def test_a_whole_answer(client: openai.OpenAI) -> None:
    told = client.chat.completions.create(model="mock-fast", messages=HELLO)
    assert told.object == "chat.completion"
    assert told.model == "mock/mock-fast"
    assert told.choices[0].message.content == "Mock response"
    assert told.choices[0].finish_reason == "stop"
    assert told.usage is not None
    assert (told.usage.prompt_tokens, told.usage.completion_tokens, told.usage.total_tokens) == (3, 2, 5)
    assert told._request_id is not None
    assert told._request_id.startswith("req_")


async def test_a_whole_answer_asynchronously(async_client: openai.AsyncOpenAI) -> None:
    told = await async_client.chat.completions.create(model="mock-fast", messages=HELLO)
    assert told.choices[0].message.content == "Mock response"


def test_the_headers_of_ours_can_be_read(client: openai.OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(model="mock-fast", messages=HELLO)
    assert (raw.headers["x-wye-provider"], raw.headers["x-wye-cost-usd"]) == ("mock", "0")


def test_a_stream(client: openai.OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model="mock-fast", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
    )
    assert "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices) == "Mock response"
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 5
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk.id for chunk in chunks}) == 1


async def test_a_stream_asynchronously(async_client: openai.AsyncOpenAI) -> None:
    stream = await async_client.chat.completions.create(model="mock-fast", messages=HELLO, stream=True)
    text = "".join([choice.delta.content or "" async for chunk in stream for choice in chunk.choices])
    assert text == "Mock response"


def test_a_stream_put_together_by_the_sdk(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model="mock-fast", messages=HELLO) as stream:
        kinds = [event_.type for event_ in stream]
        whole = stream.get_final_completion()
    assert whole.choices[0].message.content == "Mock response"
    assert "content.delta" in kinds
    assert "content.done" in kinds


def test_models(client: openai.OpenAI) -> None:
    assert {"auto", "mock/mock-fast"} <= {model.id for model in client.models.list()}
    assert client.models.retrieve("mock/mock-fast").owned_by == "mock"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("none-such")


# --- Tools ---


def test_a_loop_over_a_tool(client: openai.OpenAI) -> None:
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Ask capital about France."}]
    first = client.chat.completions.create(model="mock-fast", messages=messages, tools=[CAPITAL])
    assert first.choices[0].finish_reason == "tool_calls"
    assert first.choices[0].message.tool_calls is not None
    (call,) = first.choices[0].message.tool_calls
    assert isinstance(call, ChatCompletionMessageFunctionToolCall)
    assert (call.function.name, json.loads(call.function.arguments)) == ("capital", {"country": "example"})
    messages.append(cast("ChatCompletionMessageParam", first.choices[0].message.model_dump(exclude_none=True)))
    messages.append({"role": "tool", "tool_call_id": call.id, "content": "Paris"})
    second = client.chat.completions.create(model="mock-fast", messages=messages, tools=[CAPITAL])
    assert second.choices[0].message.content == "The tool answered: Paris"


def test_a_tool_that_is_asked_for_by_name(client: openai.OpenAI) -> None:
    told = client.chat.completions.create(
        model="mock-fast",
        messages=HELLO,
        tools=[CAPITAL],
        tool_choice={"type": "function", "function": {"name": "capital"}},
    )
    assert told.choices[0].message.tool_calls


def test_a_streamed_call(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(
        model="mock-fast", messages=[{"role": "user", "content": "Ask capital."}], tools=[CAPITAL]
    ) as stream:
        whole = stream.get_final_completion()
    assert whole.choices[0].message.tool_calls is not None
    (call,) = whole.choices[0].message.tool_calls
    assert (call.function.name, json.loads(call.function.arguments)) == ("capital", {"country": "example"})


@pytest.mark.parametrize("wire", ["openai", "anthropic"])
def test_calls_side_by_side(wire: str, client: openai.OpenAI, upstream: Upstream) -> None:
    """Two calls of one turn come back whole, from a provider of the same wire and from one of another."""
    if wire == "openai":
        upstream.reply_with(Reply.stream(list(openai_calls())))
        told = stream_of_calls(client, "up/m")
    else:
        upstream.reply_with(Reply.stream(list(anthropic_calls())))
        with (
            serving(provider("anthropic", upstream.url, 'api_keys = ["k"]')) as gateway,
            openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="unused", max_retries=0) as other,
        ):
            told = stream_of_calls(other, "anthropic/claude-haiku-4-5")
    assert [(call.id, call.function.name, call.function.parsed_arguments) for call in told] == [
        ("call_a", "capital", {"country": "France"}),
        ("call_b", "capital", {"country": "Peru"}),
    ]


def stream_of_calls(client: openai.OpenAI, model: str) -> list[Any]:
    class Capital(pydantic.BaseModel):
        country: str

    tool = openai.pydantic_function_tool(Capital, name="capital")
    with client.chat.completions.stream(model=model, messages=HELLO, tools=[tool]) as stream:
        whole = stream.get_final_completion()
    assert whole.choices[0].finish_reason == "tool_calls"
    calls = whole.choices[0].message.tool_calls or []
    for call in calls:
        assert isinstance(call.function.parsed_arguments, Capital)
        call.function.parsed_arguments = call.function.parsed_arguments.model_dump()
    return list(calls)


def openai_calls() -> Iterator[bytes]:
    yield event(role="assistant", content=None)
    for at, (name, country) in enumerate([("call_a", "France"), ("call_b", "Peru")]):
        begun = {"index": at, "id": name, "type": "function", "function": {"name": "capital", "arguments": ""}}
        yield event(tool_calls=[begun])
        for piece in ('{"country": ', f'"{country}"', "}"):
            yield event(tool_calls=[{"index": at, "function": {"arguments": piece}}])
    yield event(finish_reason="tool_calls")
    yield DONE


def anthropic_calls() -> Iterator[bytes]:
    def said(kind: str, **members: Any) -> bytes:
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **members})}\n\n".encode()

    message = {"id": "msg_1", "type": "message", "role": "assistant", "content": [], "usage": {"input_tokens": 3}}
    yield said("message_start", message=message)
    for at, (name, country) in enumerate([("call_a", "France"), ("call_b", "Peru")]):
        block = {"type": "tool_use", "id": name, "name": "capital", "input": {}}
        yield said("content_block_start", index=at, content_block=block)
        for piece in ('{"country": ', f'"{country}"', "}"):
            yield said("content_block_delta", index=at, delta={"type": "input_json_delta", "partial_json": piece})
        yield said("content_block_stop", index=at)
    yield said("message_delta", delta={"stop_reason": "tool_use"}, usage={"output_tokens": 9})
    yield said("message_stop")


# --- Structured outputs ---


class City(pydantic.BaseModel):
    """What a model is to fill in."""

    name: str
    inhabitants: int
    rivers: list[str]


def test_an_answer_of_a_given_shape(client: openai.OpenAI) -> None:
    told = client.chat.completions.parse(model="mock-fast", messages=HELLO, response_format=City)
    assert told.choices[0].message.parsed == City(name="example", inhabitants=1, rivers=["example"])


async def test_an_answer_of_a_given_shape_as_a_stream(async_client: openai.AsyncOpenAI) -> None:
    async with async_client.chat.completions.stream(model="mock-fast", messages=HELLO, response_format=City) as stream:
        whole = await stream.get_final_completion()
    assert whole.choices[0].message.parsed == City(name="example", inhabitants=1, rivers=["example"])


# --- Errors ---


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, openai.BadRequestError, "invalid_request"),
        (401, openai.AuthenticationError, "provider_authentication_failed"),
        (403, openai.PermissionDeniedError, "provider_permission_denied"),
        (404, openai.NotFoundError, "model_not_found"),
        (422, openai.BadRequestError, "invalid_request"),
        (429, openai.RateLimitError, "rate_limit_exceeded"),
        (500, openai.InternalServerError, "upstream_error"),
        (503, openai.InternalServerError, "overloaded"),
        (504, openai.InternalServerError, "timeout"),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_a_failure_is_the_exception_that_says_so(
    client: openai.OpenAI,
    status: int,
    kind: type[openai.APIStatusError],
    code: str,
    streamed: bool,  # noqa: FBT001
) -> None:
    with pytest.raises(kind) as raised:
        client.chat.completions.create(
            model="mock-fast", messages=HELLO, stream=streamed, extra_body={"mock": {"status": status}}
        )
    assert raised.value.code == code
    assert isinstance(raised.value.body, dict)
    assert raised.value.body["provider"] == "mock"
    assert raised.value.request_id is not None


def test_a_request_that_is_wrong_names_the_parameter(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model="mock-fast", messages=HELLO, temperature=cast("float", "hot"))
    assert (raised.value.code, raised.value.param) == ("invalid_type", "temperature")


def test_an_unknown_model_is_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as raised:
        client.chat.completions.create(model="mock-fats", messages=HELLO)
    assert raised.value.code == "model_not_found"
    assert "mock/mock-fast" in raised.value.message


def test_a_wrong_key_is_an_authentication_error() -> None:
    with (
        serving('[server]\nadmin_key = "right"\n') as gateway,
        openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="wrong", max_retries=0) as client,
    ):
        with pytest.raises(openai.AuthenticationError) as raised:
            client.models.list()
        assert raised.value.code == "invalid_api_key"
        assert client.with_options(api_key="right").models.list().data


def test_a_stream_that_breaks_off_raises_after_its_words(client: openai.OpenAI) -> None:
    chunks = client.chat.completions.create(
        model="mock-fast", messages=HELLO, stream=True, extra_body={"mock": {"reply": "one two", "cut_after": 1}}
    )
    assert next(chunks).choices[0].delta.content == "one"
    with pytest.raises(openai.APIError, match="cut off") as raised:
        next(chunks)
    assert raised.value.code == "stream_interrupted"


def test_the_sdk_tries_again_where_it_is_told_to(gateway: Running, upstream: Upstream) -> None:
    upstream.reply_with(refusal(429, "slow down", retry_after="0"), answer("at last"))
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="unused", max_retries=1) as client:
        told = client.chat.completions.create(model="up/m", messages=HELLO)
    assert told.choices[0].message.content == "at last"
    assert len(upstream.received) == 2


async def test_leaving_a_stream_ends_it_at_the_provider(async_client: openai.AsyncOpenAI, upstream: Upstream) -> None:
    upstream.reply_with(Reply.stream([*words("Hello"), Hang()]))
    async with await async_client.chat.completions.create(model="up/m", messages=HELLO, stream=True) as stream:
        async for chunk in stream:
            if chunk.choices[0].delta.content:
                break
    assert upstream.wait_disconnect(10)

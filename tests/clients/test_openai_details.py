"""What OpenAI's own SDK is told beyond the plain answer: pieces, limits, turns of another wire, a provider's errors."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai
import pytest
from openai.types.chat import (
    ChatCompletionFunctionToolParam,
    ChatCompletionMessageFunctionToolCall,
    ChatCompletionMessageParam,
)
from tests.support.gateway import PATIENCE, Running, provider, serving
from tests.support.upstream import Cut, Hold, Piece, Reply, Upstream

pytestmark = pytest.mark.clients

CLAUDE = "anthropic/claude-3-haiku-20240307"
HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello"}]
WEATHER: ChatCompletionFunctionToolParam = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tell the weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def directed(**directions: object) -> dict[str, object]:
    """Return further members of a request that direct the mock."""
    return {"mock": directions}


@pytest.fixture(scope="module")
def client(gateway: Running) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="none", timeout=PATIENCE, max_retries=0) as made:
        yield made


@pytest.fixture
async def aclient(gateway: Running) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        base_url=f"{gateway.url}/v1", api_key="none", timeout=PATIENCE, max_retries=0
    ) as made:
        yield made


@pytest.fixture
def claude() -> Iterator[Upstream]:
    """Give what stands in for Anthropic's server."""
    with Upstream() as running:
        yield running


@pytest.fixture
def client_of_claude(claude: Upstream) -> Iterator[openai.OpenAI]:
    with (
        serving(provider("anthropic", claude.url, 'api_keys = ["sk-ant-0123456789abcdefghij"]')) as gateway,
        openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="none", timeout=PATIENCE, max_retries=0) as made,
    ):
        yield made


# --- Whole and streamed ---


def test_a_limit_on_the_answer_is_told_as_its_finish(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="mock-fast", messages=HELLO, max_completion_tokens=1)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("Mock", "length")


def test_a_stream_comes_in_pieces_and_ends_with_the_usage_that_was_asked_for(client: openai.OpenAI) -> None:
    with client.chat.completions.create(
        model="mock-fast", messages=HELLO, stream=True, stream_options={"include_usage": True}
    ) as stream:
        *chunks, last = stream
    assert [chunk.choices[0].delta.content for chunk in chunks] == ["Mock", " response", None]
    assert [chunk.choices[0].delta.role for chunk in chunks] == ["assistant", None, None]
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None, None, "stop"]
    assert len({(chunk.id, chunk.created, chunk.model) for chunk in [*chunks, last]}) == 1
    assert all(chunk.usage is None for chunk in chunks)
    assert last.choices == []
    assert last.usage is not None
    assert (last.usage.prompt_tokens, last.usage.completion_tokens, last.usage.total_tokens) == (1, 2, 3)


def test_a_stream_tells_no_usage_that_was_not_asked_for(client: openai.OpenAI) -> None:
    with client.chat.completions.create(model="mock-fast", messages=HELLO, stream=True) as stream:
        chunks = list(stream)
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)


def test_reasoning_is_apart_from_the_answer(client: openai.OpenAI) -> None:
    more = directed(reasoning="Let me think.")
    answer = client.chat.completions.create(model="mock-fast", messages=HELLO, extra_body=more)
    assert (answer.choices[0].message.model_extra or {})["reasoning_content"] == "Let me think."
    assert answer.choices[0].message.content == "Mock response"
    assert answer.usage is not None
    assert answer.usage.completion_tokens_details is not None
    assert answer.usage.completion_tokens_details.reasoning_tokens == 4


async def test_asynchronous_answers_and_streams_run_side_by_side(aclient: openai.AsyncOpenAI) -> None:
    async def whole(reply: str) -> str | None:
        more = directed(reply=reply)
        answer = await aclient.chat.completions.create(model="mock-fast", messages=HELLO, extra_body=more)
        return answer.choices[0].message.content

    async def streamed(reply: str) -> str:
        options: Any = {"stream_options": {"include_usage": True}, "extra_body": directed(reply=reply)}
        text, tokens = "", 0
        stream = await aclient.chat.completions.create(model="mock-fast", messages=HELLO, stream=True, **options)
        async with stream:
            async for chunk in stream:
                text += "".join(choice.delta.content or "" for choice in chunk.choices)
                tokens += chunk.usage.completion_tokens if chunk.usage else 0
        assert tokens == 4
        return text

    said = [f"answer number {number} here" for number in range(8)]
    assert await asyncio.gather(*(whole(reply) for reply in said)) == said
    assert await asyncio.gather(*(streamed(reply) for reply in said)) == said


async def test_a_caller_that_leaves_a_stream_can_go_on_asking(aclient: openai.AsyncOpenAI) -> None:
    more = directed(reply="one two three", pace=5)
    stream = await aclient.chat.completions.create(model="mock-fast", messages=HELLO, stream=True, extra_body=more)
    async with stream:
        first = await anext(aiter(stream))
    assert first.choices[0].delta.content == "one"
    answer = await aclient.chat.completions.create(model="mock-fast", messages=HELLO)
    assert answer.choices[0].message.content == "Mock response"


# --- Tools ---


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "weather"}}])
def test_a_tool_call_can_be_demanded(client: openai.OpenAI, choice: Any) -> None:
    answer = client.chat.completions.create(model="mock-fast", messages=HELLO, tools=[WEATHER], tool_choice=choice)
    (call,) = answer.choices[0].message.tool_calls or []
    assert isinstance(call, ChatCompletionMessageFunctionToolCall)
    assert json.loads(call.function.arguments) == {"city": "example"}


def test_a_tool_call_can_be_forbidden(client: openai.OpenAI) -> None:
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": "weather"}]
    answer = client.chat.completions.create(model="mock-fast", messages=messages, tools=[WEATHER], tool_choice="none")
    assert answer.choices[0].message.tool_calls is None
    assert answer.choices[0].message.content == "Mock response"


def anthropic_event(kind: str, **members: object) -> bytes:
    """Return one event of Anthropic's stream."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **members})}\n\n".encode()


def anthropic_call(index: int, identifier: str, *pieces: str) -> list[bytes]:
    """Return the events of one call of `weather`, its arguments in pieces."""
    block = {"type": "tool_use", "id": identifier, "name": "weather", "input": {}}
    deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    return [
        anthropic_event("content_block_start", index=index, content_block=block),
        *(anthropic_event("content_block_delta", index=index, delta=delta) for delta in deltas),
        anthropic_event("content_block_stop", index=index),
    ]


TWO_CALLS = [
    anthropic_event(
        "message_start",
        message={
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-3-haiku-20240307",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 20, "output_tokens": 1},
        },
    ),
    anthropic_event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
    anthropic_event("content_block_delta", index=0, delta={"type": "text_delta", "text": "I look."}),
    anthropic_event("content_block_stop", index=0),
    *anthropic_call(1, "toolu_oslo", "", '{"ci', 'ty": "Oslo"}'),
    *anthropic_call(2, "toolu_rome", "", '{"city":', ' "Rome"}'),
    anthropic_event(
        "message_delta", delta={"stop_reason": "tool_use", "stop_sequence": None}, usage={"output_tokens": 30}
    ),
    anthropic_event("message_stop"),
]
TWO_RESULTS_ANSWERED = {
    "id": "msg_2",
    "type": "message",
    "role": "assistant",
    "model": "claude-3-haiku-20240307",
    "content": [{"type": "text", "text": "Rain in Oslo, sun in Rome."}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 60, "output_tokens": 9},
}


def test_parallel_tool_calls_of_another_wire_stream_in_openai_form(
    client_of_claude: openai.OpenAI, claude: Upstream
) -> None:
    claude.reply_with(Reply.stream(TWO_CALLS), Reply.json(TWO_RESULTS_ANSWERED))
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Weather in Oslo and Rome?"}]
    # The SDK's helper puts the deltas together, and is particular about their indexes.
    with client_of_claude.chat.completions.stream(
        model=CLAUDE, messages=messages, tools=[WEATHER], max_tokens=200, stream_options={"include_usage": True}
    ) as stream:
        done = [event for event in stream if event.type == "tool_calls.function.arguments.done"]
        answer = stream.get_final_completion()
    assert [(event.index, event.name, event.arguments) for event in done] == [
        (0, "weather", '{"city": "Oslo"}'),
        (1, "weather", '{"city": "Rome"}'),
    ]
    assert answer.choices[0].finish_reason == "tool_calls"
    message = answer.choices[0].message
    assert message.content == "I look."
    calls = message.tool_calls or []
    assert [call.id for call in calls] == ["toolu_oslo", "toolu_rome"]
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (20, 30)

    messages.append(message.to_dict())  # type: ignore[arg-type]
    results = zip(calls, ("rain", "sun"), strict=True)
    messages += [{"role": "tool", "tool_call_id": call.id, "content": result} for call, result in results]
    last = client_of_claude.chat.completions.create(model=CLAUDE, messages=messages, tools=[WEATHER], max_tokens=200)
    assert last.choices[0].message.content == "Rain in Oslo, sun in Rome."
    asked = claude.received[1].json["messages"]
    assert [turn["role"] for turn in asked] == ["user", "assistant", "user"]
    assert [part["input"] for part in asked[1]["content"] if part["type"] == "tool_use"] == [
        {"city": "Oslo"},
        {"city": "Rome"},
    ]
    assert [part["tool_use_id"] for part in asked[2]["content"]] == ["toolu_oslo", "toolu_rome"]


# --- Errors ---


@pytest.mark.parametrize("stream", [False, True])
def test_an_unknown_model_is_a_not_found_error(client: openai.OpenAI, stream: bool) -> None:  # noqa: FBT001
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="none-such", messages=HELLO, stream=stream)
    assert caught.value.code == "model_not_found"
    assert caught.value.param == "model"
    assert "none-such" in caught.value.message


def test_a_request_that_says_nothing_is_a_bad_request_error(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="mock-fast", messages=[])
    assert caught.value.type == "invalid_request_error"
    assert caught.value.param == "messages"


@pytest.mark.parametrize("stream", [False, True])
def test_a_provider_that_limits_is_a_rate_limit_error(
    client: openai.OpenAI,
    upstream: Upstream,
    stream: bool,  # noqa: FBT001
) -> None:
    limit = {"error": {"message": "Slow down", "type": "requests", "param": None, "code": "rate_limit_exceeded"}}
    upstream.reply_with(Reply.json(limit, 429, {"retry-after": "7"}))
    with pytest.raises(openai.RateLimitError, match="Slow down") as caught:
        client.chat.completions.create(model="up/any", messages=HELLO, stream=stream)
    assert caught.value.response.headers["retry-after"] == "7"


@pytest.mark.parametrize("end", [[], [Cut()], [Cut(reset=True)]], ids=["ends", "cut", "reset"])
def test_a_provider_that_leaves_in_the_middle_is_an_error_after_what_was_said(
    client_of_claude: openai.OpenAI, claude: Upstream, end: list[Piece]
) -> None:
    read = threading.Event()
    claude.reply_with(Reply.stream([*TWO_CALLS[:3], Hold(read), *end]))
    said: list[str] = []

    def listen() -> None:
        stream = client_of_claude.chat.completions.create(model=CLAUDE, messages=HELLO, max_tokens=9, stream=True)
        for chunk in stream:
            said.append(chunk.choices[0].delta.content or "")
            if said[-1]:
                read.set()

    with pytest.raises(openai.APIError) as caught:
        listen()
    assert "".join(said) == "I look."
    assert caught.value.code == "stream_interrupted"

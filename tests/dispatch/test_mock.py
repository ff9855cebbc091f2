"""The mock answers as it is told: the same every time, with exact counts, and with any failure on request."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dispatch.calls import Upstreams, batches, exchange_to, said, streamed

from wye.core.errors import (
    InvalidRequestError,
    ProviderModelMissingError,
    RateLimitError,
    StreamInterruptedError,
    WyeError,
    error_class,
)
from wye.core.exchange import Exchange
from wye.core.plan import Attempt, Plan
from wye.core.response import ModelResponse, StreamChunk
from wye.dispatch import walk
from wye.dispatch.in_process import InProcessUpstream
from wye.dispatch.mock import MockProvider, _first_tokens, count_tokens, example

TOOL = {
    "type": "function",
    "function": {
        "name": "look_up",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"enum": ["C", "F"]}, "days": {"type": "integer"}},
            "required": ["city", "unit"],
        },
    },
}
OTHER = {"type": "function", "function": {"name": "other"}}


def to_mock(model: str = "mock-fast", **body: Any) -> Exchange:
    exchange = exchange_to("mock", **body)
    exchange.plan = Plan(requested=model, attempts=(Attempt(provider="mock", model=model),))
    return exchange


async def whole(model: str = "mock-fast", **body: Any) -> ModelResponse:
    async with Upstreams(mock=InProcessUpstream(MockProvider())) as upstreams:
        return await walk.complete(to_mock(model, **body), upstreams)


async def pieces(model: str = "mock-fast", **body: Any) -> list[StreamChunk]:
    async with Upstreams(mock=InProcessUpstream(MockProvider())) as upstreams:
        return await streamed(to_mock(model, **body, stream=True), upstreams)


async def test_it_answers_the_same_every_time() -> None:
    first, second = await whole(), await whole()
    assert (first.content, first.finish_reason) == ("Mock response", "stop")
    assert (first.id, first.usage) == (second.id, second.usage)
    assert (await whole(messages=[{"role": "user", "content": "else"}])).id != first.id


REPLIES: list[dict[str, Any]] = [
    {},
    {"mock": {"reply": "one  two\nthree "}},
    {"mock": {"reply": ""}},
    {"mock": {"reply": "short", "reasoning": "let me think"}},
    {"mock": {"reply": "one two three four"}, "max_tokens": 2},
    {"tools": [TOOL, OTHER], "tool_choice": "required"},
    {"tools": [TOOL], "mock": {"tool": "look_up", "arguments": {"city": "Rome"}}},
]


@pytest.mark.parametrize("body", REPLIES)
async def test_a_stream_says_what_the_whole_answer_says(body: dict[str, Any]) -> None:
    response, chunks = await whole(**body), await pieces(**body)
    assert said(chunks) == response.content
    assert "".join(chunk.reasoning for chunk in chunks) == response.reasoning
    assert [chunk.finish_reason for chunk in chunks if chunk.finish_reason] == [response.finish_reason]
    assert [chunk.usage for chunk in chunks if chunk.usage] == [response.usage]
    calls = [(call.id, call.name, call.arguments) for chunk in chunks for call in chunk.tool_calls]
    assert calls == [(call.id, call.name, call.arguments) for call in response.tool_calls]


async def test_it_counts_words_and_marks_exactly() -> None:
    picture = {"type": "image_url", "image_url": {"url": "https://x/y.png"}}
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "Hello, you!"}, picture]},
    ]
    usage = (await whole(messages=messages, mock={"reply": "I am, too.", "reasoning": "hm hm"})).usage
    assert usage is not None
    assert usage.input_tokens == 3 + 4 + 85
    assert (usage.output_tokens, usage.reasoning_tokens) == (5 + 2, 2)


async def test_max_tokens_cuts_the_answer() -> None:
    limits: list[dict[str, Any]] = [{"max_tokens": 3}, {"max_completion_tokens": 3}]
    for limit in limits:
        response = await whole(mock={"reply": "one, two three"}, **limit)
        assert (response.content, response.finish_reason) == ("one, two", "length")
        assert response.usage is not None
        assert response.usage.output_tokens == 3
    assert (await whole(mock={"reply": "one, two three"}, max_tokens=4)).finish_reason == "stop"


@pytest.mark.parametrize(
    ("body", "called"),
    [
        ({"tools": [OTHER, TOOL], "tool_choice": {"type": "function", "function": {"name": "look_up"}}}, "look_up"),
        ({"tools": [OTHER, TOOL], "tool_choice": "required"}, "other"),
        ({"tools": [OTHER, TOOL], "mock": {"tool": "look_up"}}, "look_up"),
        ({"tools": [OTHER, TOOL], "messages": [{"role": "user", "content": "please look_up Rome"}]}, "look_up"),
        ({"tools": [OTHER, TOOL]}, None),
        ({"tools": [TOOL], "tool_choice": "none", "mock": {"tool": "look_up"}}, None),
        ({"tools": [TOOL], "mock": {"tool": "unknown"}}, None),
        ({"mock": {"tool": "look_up"}}, None),
    ],
)
async def test_it_calls_the_tool_it_is_told_to(body: dict[str, Any], called: str | None) -> None:
    response = await whole(**body)
    assert [call.name for call in response.tool_calls] == ([called] if called else [])
    assert response.finish_reason == ("tool_calls" if called else "stop")
    if called == "look_up":
        assert response.tool_calls[0].arguments == '{"city":"example","unit":"C"}'


async def test_it_answers_with_what_a_tool_said() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": "look_up Rome"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": "18 degrees"},
    ]
    response = await whole(messages=messages, tools=[TOOL])
    assert (response.content, response.tool_calls) == ("The tool answered: 18 degrees", ())


async def test_it_answers_in_the_shape_of_a_schema() -> None:
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "age": {"type": "integer"},
            "tags": {"type": "array", "items": {"type": "number"}},
            "kind": {"anyOf": [{"const": "a"}, {"type": "null"}]},
            "left_out": {"type": "string"},
        },
        "required": ["name", "age", "tags", "kind"],
    }
    form = {"type": "json_schema", "json_schema": {"name": "person", "schema": schema}}
    assert (await whole(response_format=form)).content == '{"name":"example","age":1,"tags":[1.5],"kind":"a"}'
    assert (await whole(response_format={"type": "json_object"})).content == "{}"


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (True, {}),
        ({}, {}),
        ({"type": ["string", "null"]}, "example"),
        ({"type": "null"}, None),
        ({"type": "unheard-of"}, None),
        ({"default": 3, "type": "integer"}, 3),
        ({"const": None}, None),
        ({"allOf": [{"type": "boolean"}]}, True),
        ({"type": "array"}, ["example"]),
        ({"properties": {"a": {"type": "number"}}}, {"a": 1.5}),
        ({"required": ["undescribed"]}, {"undescribed": "example"}),
    ],
)
def test_a_schema_has_an_example(schema: Any, value: Any) -> None:
    assert example(schema) == value


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503, 529])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_it_fails_with_any_status(status: int, *, stream: bool) -> None:
    directions = {"status": status, "retry_after": 1.5}
    with pytest.raises(error_class(status)) as raised:
        await (pieces(mock=directions) if stream else whole(mock=directions))
    assert (raised.value.upstream_status, raised.value.retry_after) == (status, 1.5)


async def test_a_status_that_is_none_of_failure_is_an_answer() -> None:
    assert (await whole(mock={"status": 200})).content == "Mock response"


async def test_it_breaks_off_where_it_is_told_to() -> None:
    async with Upstreams(mock=InProcessUpstream(MockProvider())) as upstreams:
        cut, heard = to_mock(mock={"reply": "one two three", "cut_after": 2}, stream=True), ""
        with pytest.raises(StreamInterruptedError):  # noqa: PT012 - what was heard before the error counts
            async for batch in batches(cut, upstreams):
                heard += said(batch)
    assert heard == "one two"
    with pytest.raises(StreamInterruptedError):
        await whole(mock={"cut_after": 0})


async def test_it_waits_and_paces_as_it_is_told() -> None:
    clock = asyncio.get_running_loop().time
    began = clock()
    await pieces(mock={"reply": "one two three", "delay": 0.04, "pace": 0.02})
    assert clock() - began >= 0.08
    began = clock()
    await whole("mock-slow", mock={"delay": 0.0})
    assert clock() - began < 1.0, "a delay of its own replaces the slow model's"


@pytest.mark.parametrize("mock", [{"unknown": 1}, {"status": "429"}, {"reply": 1}, [], "x"])
async def test_directions_it_does_not_understand_are_the_caller_s_mistake(mock: Any) -> None:
    with pytest.raises(InvalidRequestError, match="'mock'") as raised:
        await whole(mock=mock)
    assert (raised.value.param, raised.value.code) == ("mock", "invalid_value")


async def test_it_has_no_other_model() -> None:
    with pytest.raises(ProviderModelMissingError, match="mock-fast, mock-slow"):
        await whole("gpt-4o")


async def test_a_rate_limit_told_by_the_mock_moves_on() -> None:
    async with Upstreams(mock=InProcessUpstream(MockProvider()), two=InProcessUpstream(MockProvider())) as upstreams:
        exchange = to_mock(mock={"status": 429})
        with pytest.raises(RateLimitError):
            await walk.complete(exchange, upstreams)
        assert isinstance(exchange.outcomes[0].error, WyeError)


@given(st.text(max_size=200), st.integers(0, 20))
def test_a_cut_answer_has_as_many_tokens_as_were_allowed(text: str, limit: int) -> None:
    cut = _first_tokens(text, limit) if limit < count_tokens(text) else text
    assert text.startswith(cut)
    assert count_tokens(cut) == min(limit, count_tokens(text))

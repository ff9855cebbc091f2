"""A provider of a user's own, in Python: what it must have, what it may have, and what its failures become."""
# ruff: noqa: ARG002 - a provider need not look at its request

import asyncio
import traceback
from collections.abc import AsyncIterator

import pytest
from msgspec import Raw
from tests.dispatch.calls import Upstreams, batches, became_of, behind, exchange_to, said, streamed
from tests.dispatch.wires import OPENAI
from tests.support.upstream import Reply
from tests.support.upstream import Upstream as Server

from wye.catalog.schema import Provider
from wye.core.content import FunctionCall, Reasoning, ToolCall
from wye.core.errors import DeadlineExceededError, InvalidRequestError, RateLimitError, UpstreamError, WyeError
from wye.core.request import ChatRequest
from wye.core.response import Choice, ChoiceDelta, ModelResponse, StreamChunk
from wye.core.usage import Usage
from wye.dispatch import walk
from wye.dispatch.factory import ModelProviderFactory
from wye.dispatch.in_process import BaseModelProvider, InProcessUpstream, ModelCapabilities, ModelConfig


class Whole(BaseModelProvider):
    """Has nothing but what a provider must have."""

    async def generate(self, request: ChatRequest) -> ModelResponse:
        text = f"{request.model} heard {request.messages[-1].text}"
        return ModelResponse(choices=(Choice(content=text),), usage=Usage(input_tokens=1, output_tokens=4))


class Streaming(Whole):
    def __init__(self, *pieces: str, fail: Exception | None = None, pause: float = 0.0) -> None:
        super().__init__()
        self.pieces, self.fail, self.pause = pieces, fail, pause
        self.ended: list[bool] = []

    async def generate_stream(self, request: ChatRequest) -> AsyncIterator[StreamChunk]:
        try:
            for piece in self.pieces:
                yield StreamChunk(choices=(ChoiceDelta(content=piece),))
                await asyncio.sleep(self.pause)
            if self.fail is not None:
                raise self.fail
            yield StreamChunk(choices=(ChoiceDelta(finish_reason="stop"),), usage=Usage(output_tokens=len(self.pieces)))
        finally:
            self.ended.append(True)


class Thinking(BaseModelProvider):
    async def generate(self, request: ChatRequest) -> ModelResponse:
        return ModelResponse(choices=(THOUGHT_OVER,), extra={"system_fingerprint": Raw(b'"fp"')})


THOUGHT_OVER = Choice(
    content="hello",
    reasoning=(Reasoning(text="one", signature="c2ln"), Reasoning(text="two")),
    tool_calls=(ToolCall("c1", FunctionCall("f", "{}"), signature="Y2FsbA==", origin="gemini"),),
    extra={"logprobs": Raw(b"{}")},
)


class Failing(BaseModelProvider):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    async def generate(self, request: ChatRequest) -> ModelResponse:
        raise self.error


def alone(provider: BaseModelProvider) -> Upstreams:
    return Upstreams(one=InProcessUpstream(provider))


async def test_a_provider_with_generate_alone_answers_whole() -> None:
    async with alone(Whole()) as upstreams:
        exchange = exchange_to("one")
        response = await walk.complete(exchange, upstreams)
    assert response.content == "model heard hi"
    assert response.id.startswith("chatcmpl-")
    assert response.created > 1_700_000_000
    assert exchange.usage == Usage(input_tokens=1, output_tokens=4)


async def test_a_provider_with_generate_alone_streams_one_piece() -> None:
    async with alone(Whole()) as upstreams:
        exchange = exchange_to("one", stream=True)
        (chunk,) = await streamed(exchange, upstreams)
    assert (chunk.content, chunk.finish_reason) == ("model heard hi", "stop")
    assert exchange.usage == Usage(input_tokens=1, output_tokens=4)


async def test_a_whole_answer_given_as_a_stream_loses_nothing() -> None:
    async with alone(Thinking()) as upstreams:
        chunks = await streamed(exchange_to("one", stream=True), upstreams)
    pieces = [chunk.choices[0] for chunk in chunks]
    assert [piece.reasoning for piece in pieces] == list(THOUGHT_OVER.reasoning)
    (call,) = pieces[-1].tool_calls
    assert (call.id, call.name, call.signature, call.origin) == ("c1", "f", "Y2FsbA==", "gemini")
    assert (pieces[-1].extra, set(chunks[-1].extra)) == (THOUGHT_OVER.extra, {"system_fingerprint"})


async def test_a_whole_answer_as_one_piece_loses_nothing() -> None:
    call = ToolCall("id", FunctionCall("look", '{"a":1}'))

    class Calling(BaseModelProvider):
        async def generate(self, request: ChatRequest) -> ModelResponse:
            first = Choice(reasoning=(Reasoning(text="hm"),), tool_calls=(call,), finish_reason="tool_calls")
            return ModelResponse(id="x", created=7, choices=(first, Choice(index=1, refusal="no")))

    async with alone(Calling()) as upstreams:
        (chunk,) = await streamed(exchange_to("one", stream=True), upstreams)
    assert (chunk.id, chunk.created, chunk.reasoning, chunk.finish_reason) == ("x", 7, "hm", "tool_calls")
    (piece,) = chunk.tool_calls
    assert (piece.index, piece.id, piece.name, piece.arguments) == (0, "id", "look", '{"a":1}')
    assert (chunk.choices[1].index, chunk.choices[1].refusal) == (1, "no")


async def test_a_provider_with_generate_stream_streams_as_it_likes() -> None:
    async with alone(Streaming("a", "b", "c")) as upstreams:
        exchange = exchange_to("one", stream=True)
        pieces = [[chunk.content for chunk in batch] async for batch in batches(exchange, upstreams)]
    assert pieces == [["a"], ["b"], ["c"], [""]]
    assert exchange.usage == Usage(output_tokens=3)
    assert became_of(exchange) == [("one", "ok")]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RateLimitError("slow down", retry_after=3.0), "rate_limit_exceeded"),
        (KeyError("secret detail"), "upstream_error"),
        (ConnectionResetError("secret detail"), "upstream_error"),
        (TimeoutError("its own"), "timeout"),
    ],
)
async def test_whatever_a_provider_raises_is_an_error_of_ours_and_moves_on(
    server: Server, error: Exception, code: str, *, stream: bool
) -> None:
    server.reply_with(OPENAI.stream() if stream else Reply.json(OPENAI.whole))
    async with Upstreams(one=InProcessUpstream(Failing(error)), two=behind(server)) as upstreams:
        exchange = exchange_to("one", "two", stream=stream)
        await (streamed(exchange, upstreams) if stream else walk.complete(exchange, upstreams))
    assert became_of(exchange) == [("one", code), ("two", "ok")]
    ours = exchange.outcomes[0].error
    assert ours is not None
    assert "secret detail" not in str(ours), "an exception's text may hold anything"
    assert ours.__cause__ is not ours
    assert (ours is error) or (ours.__cause__ is error)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_an_error_that_is_ours_already_keeps_its_own_trace(*, stream: bool) -> None:
    error = InvalidRequestError("not like this")
    async with alone(Failing(error)) as upstreams:
        exchange = exchange_to("one", stream=stream)
        with pytest.raises(InvalidRequestError) as raised:
            await (streamed(exchange, upstreams) if stream else walk.complete(exchange, upstreams))
    assert raised.value is error
    assert error.__cause__ is None
    assert "direct cause" not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize("answer", [None, "text", {"content": "text"}])
async def test_an_answer_that_is_none_is_the_provider_s_failure(answer: object) -> None:
    class Wrong(BaseModelProvider):
        async def generate(self, request: ChatRequest) -> ModelResponse:
            return answer  # type: ignore[return-value]

    async with alone(Wrong()) as upstreams:
        with pytest.raises(UpstreamError):
            await walk.complete(exchange_to("one"), upstreams)


async def test_a_stream_that_fails_late_is_not_answered_by_another(server: Server) -> None:
    provider = Streaming("a", fail=ValueError("broke"))
    async with Upstreams(one=InProcessUpstream(provider), two=behind(server)) as upstreams:
        exchange = exchange_to("one", "two", stream=True)
        with pytest.raises(UpstreamError, match="ValueError"):
            await streamed(exchange, upstreams)
    assert server.connections == 0
    assert provider.ended


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_slow_provider_meets_the_deadline(*, stream: bool) -> None:
    class Slow(BaseModelProvider):
        async def generate(self, request: ChatRequest) -> ModelResponse:
            await asyncio.sleep(60)
            raise AssertionError

    async with alone(Slow()) as upstreams, asyncio.timeout(5):
        exchange = exchange_to("one", seconds=0.05, stream=stream)
        with pytest.raises(DeadlineExceededError):
            await (streamed(exchange, upstreams) if stream else walk.complete(exchange, upstreams))
    assert len(exchange.outcomes) == 1


async def test_a_slow_stream_may_outlast_its_deadline_once_it_speaks() -> None:
    provider = Streaming(*"abcdef", pause=0.04)
    heard = ""
    async with alone(provider) as upstreams, asyncio.timeout(5):
        async for batch in batches(exchange_to("one", seconds=0.1, stream=True), upstreams):
            heard += said(batch)
    assert heard == "abcdef"
    assert provider.ended


async def test_leaving_a_stream_closes_the_provider_s_generator() -> None:
    provider = Streaming("a", "b")
    async with alone(provider) as upstreams:
        exchange = exchange_to("one", stream=True)
        pieces = batches(exchange, upstreams)
        await anext(pieces)
        assert provider.ended == []
        await pieces.aclose()
    assert provider.ended == [True]
    assert became_of(exchange) == [("one", "left")]


async def test_cancelling_a_request_cancels_the_provider() -> None:
    cancelled = asyncio.Event()

    class Waiting(BaseModelProvider):
        async def generate(self, request: ChatRequest) -> ModelResponse:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                cancelled.set()
                raise
            raise AssertionError

    async with alone(Waiting()) as upstreams:
        exchange = exchange_to("one")
        call = asyncio.create_task(walk.complete(exchange, upstreams))
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    assert cancelled.is_set()
    assert became_of(exchange) == [("one", "left")]


async def test_closing_the_upstream_closes_the_provider() -> None:
    closed = []

    class Holding(Whole):
        async def aclose(self) -> None:
            closed.append(True)

    async with alone(Holding()):
        pass
    assert closed == [True]


async def test_a_stream_need_not_be_a_generator() -> None:
    class Once:
        def __init__(self) -> None:
            self.left = [StreamChunk(choices=(ChoiceDelta(content="a", finish_reason="stop"),))]

        def __aiter__(self) -> "Once":
            return self

        async def __anext__(self) -> StreamChunk:
            if not self.left:
                raise StopAsyncIteration
            return self.left.pop()

    class Iterating(Whole):
        def generate_stream(self, request: ChatRequest) -> AsyncIterator[StreamChunk]:
            return Once()

    async with alone(Iterating()) as upstreams:
        assert said(await streamed(exchange_to("one", stream=True), upstreams)) == "a"


def test_only_generate_must_be_there() -> None:
    provider = Whole(ModelConfig(provider="mine", api_key="sk-secret-key", base_url="http://x"))
    assert provider.validate_config()
    assert provider.capabilities() == ModelCapabilities()
    assert "sk-secret-key" not in repr(provider.config)
    assert "http://x" in repr(provider.config)
    with pytest.raises(TypeError, match="abstract"):
        BaseModelProvider()  # type: ignore[abstract]


async def test_a_registered_class_stands_behind_every_row_of_its_adapter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ModelProviderFactory, "_shared", dict(ModelProviderFactory.registered()))
    seen: list[ModelConfig] = []

    class Mine(Whole):
        def __init__(self, config: ModelConfig | None = None) -> None:
            super().__init__(config)
            seen.append(self.config)

    ModelProviderFactory.register("mine", Mine)
    assert ModelProviderFactory.registered()["mine"] is Mine
    row = Provider(id="one", name="One", adapter="mine", base_url="http://x")
    async with Upstreams(one=ModelProviderFactory().build(row, models={})) as upstreams:
        assert (await walk.complete(exchange_to("one"), upstreams)).content == "model heard hi"
    assert seen == [ModelConfig(provider="one", base_url="http://x", timeout=30.0)]


@pytest.mark.parametrize(
    ("row", "param"),
    [
        (Provider(id="one", name="One", adapter="no_such_wire", base_url="http://x"), "adapter"),
        (Provider(id="one", name="One", adapter="wye.no_such_module", base_url="http://x"), "adapter"),
        (Provider(id="one", name="One", adapter="wye.core.usage", base_url="http://x"), "adapter"),
        (Provider(id="one", name="One", adapter="openai_chat"), "base_url"),
        (Provider(id="one", name="One", adapter="openai_chat", base_url="x"), "base_url"),
    ],
)
def test_a_row_that_cannot_be_built_is_a_configuration_error(row: Provider, param: str) -> None:
    with pytest.raises(WyeError) as raised:
        ModelProviderFactory().build(row, models={})
    assert (raised.value.code, raised.value.param) == ("configuration_error", param)

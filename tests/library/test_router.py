"""The library: one router, asynchronous and not, over real local providers."""

from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from tests.support.upstream import Hang, Reply, Upstream

from wye import (
    BaseModelProvider,
    ChatRequest,
    Choice,
    ChoiceDelta,
    ConfigurationError,
    InvalidRequestError,
    ModelCapabilities,
    ModelInfo,
    ModelNotFoundError,
    ModelProviderFactory,
    ModelResponse,
    ModelRouter,
    RateLimitError,
    RoutingContext,
    RoutingStrategy,
    StreamChunk,
    SyncModelRouter,
    UpstreamError,
    Usage,
)
from wye.catalog.schema import Price

HELLO = [{"role": "user", "content": "Hello"}]
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "local-2026",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi!"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500},
}
SETTINGS = """
[providers.here]
base_url = "{url}/v1"
allow_private_network = true
[models."here/local"]
input_cost_per_million = 0.15
output_cost_per_million = 0.60
"""


def event(**members: object) -> bytes:
    import json

    return b"data: " + json.dumps({"id": "c", "model": "local-2026", **members}).encode() + b"\n\n"


def piece(text: str, finish: str | None = None) -> bytes:
    return event(choices=[{"index": 0, "delta": {"content": text}, "finish_reason": finish}])


STREAM = [
    piece("Hi"),
    piece("!", "stop"),
    event(choices=[], usage={"prompt_tokens": 1000, "completion_tokens": 500}),
    b"data: [DONE]\n\n",
]


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture
def settings(upstream: Upstream, tmp_path: Path) -> Path:
    path = tmp_path / "wye.toml"
    path.write_text(SETTINGS.format(url=upstream.url))
    return path


@pytest.fixture
async def router(settings: Path) -> AsyncIterator[ModelRouter]:
    async with ModelRouter.from_config(settings, environ={}) as made:
        yield made


async def test_an_answer_says_who_gave_it_and_what_it_cost(router: ModelRouter, upstream: Upstream) -> None:
    upstream.reply_with(Reply.json(ANSWER))
    answer = await router.route(HELLO, model="here/local", temperature=0.5, seed=7)
    assert (answer.content, answer.provider, answer.model) == ("Hi!", "here", "local")
    assert answer.usage == Usage(input_tokens=1000, output_tokens=500)
    assert answer.cost == Decimal("0.00045")
    sent = upstream.received[0].json
    assert (sent["model"], sent["temperature"], sent["seed"], sent["messages"]) == ("local", 0.5, 7, HELLO)


async def test_a_stream_ends_with_usage_and_cost_once(router: ModelRouter, upstream: Upstream) -> None:
    upstream.reply_with(Reply.stream(STREAM))
    chunks = [chunk async for chunk in router.route_stream(HELLO, model="here/local")]
    assert "".join(chunk.content for chunk in chunks) == "Hi!"
    assert [chunk.usage for chunk in chunks if chunk.usage] == [Usage(input_tokens=1000, output_tokens=500)]
    assert (chunks[-1].cost, chunks[-1].provider, chunks[-1].model) == (Decimal("0.00045"), "here", "local")
    assert upstream.received[0].json["stream_options"] == {"include_usage": True}


async def test_leaving_a_stream_early_ends_the_call_at_the_provider(router: ModelRouter, upstream: Upstream) -> None:
    import asyncio
    from contextlib import aclosing

    upstream.reply_with(Reply.stream([piece("Hi"), Hang()]))
    stream = router.route_stream(HELLO, model="here/local")
    async with aclosing(stream) as chunks:  # type: ignore[type-var]  # an asynchronous generator, by its body
        async for chunk in chunks:
            assert chunk.content == "Hi"
            break
    assert await asyncio.to_thread(upstream.wait_disconnect, 5)


async def test_a_providers_refusal_is_an_error_of_its_kind(router: ModelRouter, upstream: Upstream) -> None:
    upstream.reply_with(Reply.json({"error": {"message": "slow down"}}, status=429, headers={"retry-after": "3"}))
    with pytest.raises(RateLimitError) as caught:
        await router.route(HELLO, model="here/local")
    assert (caught.value.provider, caught.value.retry_after, caught.value.retryable) == ("here", 3, True)


async def test_mistakes_of_the_caller_name_the_parameter(router: ModelRouter) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        await router.route(HELLO, model="here/local", temperature="hot")
    assert caught.value.param == "temperature"
    with pytest.raises(InvalidRequestError):
        await router.route(HELLO, model="here/local", user=object())
    with pytest.raises(ModelNotFoundError):
        await router.route(HELLO, model="nowhere")
    with pytest.raises(InvalidRequestError):
        await router.route(HELLO, RoutingContext(strategy=RoutingStrategy.MANUAL))


async def test_the_manual_strategy_takes_the_model_of_its_context(router: ModelRouter, upstream: Upstream) -> None:
    upstream.reply_with(Reply.json(ANSWER))
    context = RoutingContext(strategy=RoutingStrategy.MANUAL, manual_model="here:local")
    assert (await router.route(HELLO, context)).provider == "here"


async def test_one_message_can_be_sent_to_a_providers_default_model(router: ModelRouter) -> None:
    assert (await router.send_message("Hello", provider="mock")).content == "Mock response"
    assert (await router.send_message("Hello", provider="mock", model="mock-fast")).model == "mock-fast"
    with pytest.raises(InvalidRequestError):
        await router.send_message("Hello", provider="here")


def test_the_synchronous_face_answers_and_streams(settings: Path, upstream: Upstream) -> None:
    upstream.reply_with(Reply.json(ANSWER), Reply.stream(STREAM), Reply.stream([piece("Hi"), Hang()]))
    with SyncModelRouter.from_config(settings, environ={}) as router:
        assert router.route(HELLO, model="here/local").cost == Decimal("0.00045")
        assert "".join(chunk.content for chunk in router.route_stream(HELLO, model="here/local")) == "Hi!"
        stream = router.route_stream(HELLO, model="here/local")
        assert next(stream).content == "Hi"
        stream.close()  # type: ignore[attr-defined]  # a generator, by its body
        assert upstream.wait_disconnect(5)
        assert router.send_message("Hello", provider="mock").content == "Mock response"
        assert router.explain("here/local").attempts[0].full_id == "here/local"
        router.close()


class Parrot(BaseModelProvider):
    """Says what it hears."""

    async def generate(self, request: ChatRequest) -> ModelResponse:
        choice = Choice(content=request.messages[-1].text, finish_reason="stop")
        return ModelResponse(choices=(choice,), usage=Usage(input_tokens=10, output_tokens=10))

    def capabilities(self) -> ModelCapabilities:
        return ModelCapabilities(supported_models=("parrot-1",))


class Stutterer(Parrot):
    """Says it letter by letter."""

    async def generate_stream(self, request: ChatRequest) -> AsyncIterator[StreamChunk]:
        for letter in request.messages[-1].text:
            yield StreamChunk(choices=(ChoiceDelta(content=letter),))
        yield StreamChunk(choices=(ChoiceDelta(finish_reason="stop"),), usage=Usage(input_tokens=1, output_tokens=5))


class Broken(Parrot):
    """Fails in a way of its own."""

    async def generate(self, request: ChatRequest) -> ModelResponse:
        raise RuntimeError(f"a secret of the implementation, about {request.model}")


class Incomplete(Parrot):
    """Was configured badly."""

    def validate_config(self) -> bool:
        return False


async def test_a_provider_of_ones_own_answers_for_its_name(router: ModelRouter) -> None:
    router.register_provider("parrot", Parrot())
    answer = await router.route(HELLO, model="parrot/parrot-1")
    assert (answer.content, answer.provider, answer.model, answer.cost) == ("Hello", "parrot", "parrot-1", None)
    chunks = [chunk.content async for chunk in router.route_stream(HELLO, model="parrot-1")]
    assert "".join(chunks) == "Hello"


async def test_a_provider_of_ones_own_may_stream_and_have_a_price(router: ModelRouter) -> None:
    row = ModelInfo(id="s", price=Price(input=Decimal(1), output=Decimal(2)))
    router.register_provider("stutterer", Stutterer(), [row])
    chunks = [chunk async for chunk in router.route_stream(HELLO, model="stutterer/s")]
    assert [chunk.content for chunk in chunks if chunk.content] == list("Hello")
    assert chunks[-1].cost == Decimal("0.000011")


async def test_what_breaks_in_a_provider_of_ones_own_is_that_providers_failure(router: ModelRouter) -> None:
    router.register_provider("broken", Broken())
    with pytest.raises(UpstreamError) as caught:
        await router.route(HELLO, model="broken/parrot-1")
    assert "RuntimeError" in caught.value.message
    assert "secret" not in caught.value.message
    with pytest.raises(ConfigurationError):
        router.register_provider("incomplete", Incomplete())


async def test_a_class_can_stand_behind_an_adapters_name(tmp_path: Path) -> None:
    ModelProviderFactory.register("parrot_class", Parrot)
    file = tmp_path / "wye.toml"
    file.write_text('[providers.polly]\nadapter = "parrot_class"\nbase_url = "http://unused.example"\n')
    async with ModelRouter.from_config(file, environ={}) as router:
        assert (await router.route(HELLO, model="polly/any")).content == "Hello"

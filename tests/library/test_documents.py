"""The documents' programs, in Python: what they write works and answers with a sensible model."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.openai_wire import answer, stream
from tests.support.upstream import Received, Reply, Upstream

from wye import (
    BaseModelProvider,
    ChatRequest,
    Choice,
    LLMClient,
    ModelCapabilities,
    ModelInfo,
    ModelResponse,
    ModelRouter,
    RateLimitError,
    RetryConfig,
    RoutingContext,
    RoutingStrategy,
    get_router,
)
from wye.catalog.schema import QUALITY_TIERS

HELLO = [{"role": "user", "content": "Hello!"}]
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [{"type": "text", "text": "Hello! How can I help you today?"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 10, "output_tokens": 20},
}


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    def reply(received: Received) -> Reply:
        if received.path.endswith("/messages"):
            return Reply.json(MESSAGE)
        return stream("Hello", "!") if received.json.get("stream") else answer("Hello!")

    with Upstream() as running:
        running.handler = reply
        yield running


@pytest.fixture
def file(upstream: Upstream, tmp_path: Path) -> Path:
    path = tmp_path / "wye.toml"
    sections = [
        f'[providers.{name}]\nbase_url = "{upstream.url}/v1"\napi_keys = ["made-up"]\nallow_private_network = true\n'
        for name in ("openai", "anthropic")
    ]
    path.write_text("".join(sections).replace("\n[", "\ncheck_keys = false\n[") + "check_keys = false\n")
    return path


@pytest.fixture
async def router(file: Path) -> AsyncIterator[ModelRouter]:
    async with ModelRouter.from_config(file, environ={}) as made:
        yield made


def add(file: Path, settings: str) -> None:
    file.write_text(file.read_text() + settings)


def row(router: ModelRouter, response: ModelResponse) -> ModelInfo:
    return router.registry.models[f"{response.provider}/{response.model}"]


# universal-model-connectivity.md, "Example Usage"


async def test_basic_usage(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WYE_CONFIG", str(file))
    async with get_router() as router:
        response = await router.route(messages=HELLO, context=RoutingContext(strategy=RoutingStrategy.BALANCED))
        assert response.content == "Hello!"
        assert not row(router, response).deprecated
        assert f"Cost: ${response.cost:.4f}".startswith("Cost: $0.0")


async def test_cost_optimized_routing_takes_the_cheapest_that_can(router: ModelRouter) -> None:
    response = await router.route(
        messages=HELLO,
        context=RoutingContext(
            strategy=RoutingStrategy.COST_OPTIMIZED, required_capabilities=["function_calling"], min_quality="good"
        ),
    )
    chosen = row(router, response)
    assert "function-calling" in chosen.capabilities
    others = router.registry.filter(
        capability="function-calling", available=True, min_quality="good", include_deprecated=False
    )
    assert chosen.mean_price == min(
        other.mean_price for other in others if other.mean_price is not None and "text" in other.capabilities
    )


async def test_streaming_with_routing(router: ModelRouter) -> None:
    context = RoutingContext(strategy=RoutingStrategy.PERFORMANCE_OPTIMIZED)
    said = "".join([chunk.content async for chunk in router.route_stream(messages=HELLO, context=context)])
    assert said == "Hello!"


async def test_manual_model_selection(router: ModelRouter, upstream: Upstream) -> None:
    context = RoutingContext(strategy=RoutingStrategy.MANUAL, manual_model="anthropic:claude-3-opus-20240229")
    response = await router.route(messages=HELLO, context=context)
    assert (response.provider, upstream.received[0].json["model"]) == ("anthropic", "claude-3-opus-20240229")


# providers-and-models-overview.md, "Implement Model Routing" and "Implement fallback chain"


@pytest.mark.parametrize(
    ("task", "least"), [("simple", "good"), ("complex", "highest"), ("coding", "highest"), ("creative", "highest")]
)
async def test_the_best_model_for_a_task(router: ModelRouter, task: str, least: str) -> None:
    response = await router.route(HELLO, model=f"auto:{task}")
    assert QUALITY_TIERS.index(row(router, response).quality_tier) <= QUALITY_TIERS.index(least)


async def test_a_chain_of_providers_is_an_alias(file: Path, upstream: Upstream) -> None:
    chain = 'chain = ["openai/gpt-6-luna", "anthropic/claude-haiku-5-5"]'
    add(file, f"[retry]\nmax_retries = 1\nbase_delay = 0.01\n[aliases]\n{chain}\n")

    def reply(received: Received) -> Reply:
        return Reply.json(MESSAGE) if received.path.endswith("/messages") else Reply.json({"error": {}}, status=503)

    upstream.handler = reply
    async with ModelRouter.from_config(file, environ={}) as router:
        assert (await router.route(HELLO, model="chain")).provider == "anthropic"


# llm-abstraction-guide.md


async def test_a_message_by_name_of_provider_and_model(router: ModelRouter) -> None:
    response = await router.send_message("Hello, how are you?", provider="openai", model="gpt-4o")
    assert (response.provider, response.model, response.content) == ("openai", "gpt-4o", "Hello!")


async def test_errors_of_limits_can_be_told_by_class_and_by_word(file: Path, upstream: Upstream) -> None:
    add(file, "[retry]\nmax_retries = 0\n")
    upstream.handler = lambda _: Reply.json({"error": {"message": "slow down"}}, status=429)
    async with LLMClient(ModelRouter.from_config(file, environ={})) as client:
        with pytest.raises(RateLimitError) as raised:
            await client.chat("openai-gpt-4o-mini", HELLO)
    assert "rate_limit" in raised.value.code


async def test_a_provider_of_one_s_own_is_registered_asked_and_recommended(router: ModelRouter) -> None:
    class CustomProvider(BaseModelProvider):
        async def generate(self, request: ChatRequest) -> ModelResponse:
            return ModelResponse(choices=(Choice(content=f"{request.model} here"),))

        def capabilities(self) -> ModelCapabilities:
            return ModelCapabilities(max_tokens=4096, context_window=8192, supported_models=("your-model-1",))

    router.register_provider("custom", CustomProvider())
    assert (await router.route(HELLO, model="custom/your-model-1")).content == "your-model-1 here"
    found = router.registry.recommend(provider="custom")
    assert [(one.model.full_id, one.available) for one in found] == [("custom/your-model-1", True)]


def test_the_documents_retries_are_settings() -> None:
    documented: dict[str, Any] = {"max_retries": 5, "base_delay": 2.0, "max_delay": 60.0, "multiplier": 2.0}
    assert {name: getattr(RetryConfig(**documented), name) for name in documented} == documented

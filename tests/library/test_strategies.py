"""Programs choose by strategy, as the documents show it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.openai_wire import answer
from tests.support.upstream import Upstream

from wye import InvalidRequestError, ModelRouter, RoutingContext, RoutingStrategy
from wye.core.errors import PermissionDeniedError

HELLO = [{"role": "user", "content": "Hello!"}]
SETTINGS = """
[providers.up]
base_url = "{url}/v1"
allow_private_network = true
default_model = "plain"
[models."up/plain"]
input_cost_per_million = 1.0
output_cost_per_million = 1.0
capabilities = ["text"]
[models."up/cheap"]
input_cost_per_million = 0.1
output_cost_per_million = 0.1
capabilities = ["text", "coding"]
[models."up/calls"]
input_cost_per_million = 0.5
output_cost_per_million = 0.5
capabilities = ["text", "function-calling"]
[models."up/quick"]
latency_tier = "very-fast"
[models."up/best"]
quality_tier = "highest"
"""


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Path]:
    with Upstream() as upstream:
        upstream.reply_with(answer())
        path = tmp_path / "wye.toml"
        path.write_text(SETTINGS.format(url=upstream.url))
        yield path


@pytest.mark.parametrize(
    ("context", "model"),
    [
        (RoutingContext(), "plain"),
        (RoutingContext(strategy=RoutingStrategy.COST_OPTIMIZED), "cheap"),
        (
            RoutingContext(strategy=RoutingStrategy.COST_OPTIMIZED, required_capabilities=["function_calling"]),
            "calls",
        ),
        (RoutingContext(strategy=RoutingStrategy.PERFORMANCE_OPTIMIZED), "quick"),
        (RoutingContext(strategy=RoutingStrategy.QUALITY_OPTIMIZED), "best"),
        (RoutingContext(strategy=RoutingStrategy.BALANCED, min_quality="highest"), "best"),
        (RoutingContext(strategy=RoutingStrategy.QUALITY_OPTIMIZED, max_cost=0.001), "cheap"),
        (RoutingContext(strategy=RoutingStrategy.ROUND_ROBIN), "plain"),
        (RoutingContext(strategy=RoutingStrategy.MANUAL, manual_model="up:calls"), "calls"),
        (RoutingContext(strategy="coding"), "cheap"),
    ],
)
async def test_a_context_decides_who_answers(settings: Path, context: RoutingContext, model: str) -> None:
    async with ModelRouter.from_config(settings, environ={}) as router:
        response = await router.route(messages=HELLO, context=context)
        assert (response.provider, response.model) == ("up", model)
        plan = router.explain(messages=HELLO, context=context)
        assert plan.attempts[0].model == model


async def test_wishes_that_cannot_be_met_or_read_are_refused(settings: Path) -> None:
    async with ModelRouter.from_config(settings, environ={}) as router:
        with pytest.raises(InvalidRequestError, match="there is no capability 'flying'"):
            await router.route(HELLO, RoutingContext(required_capabilities=["flying"]))
        with pytest.raises(InvalidRequestError, match="there is no strategy 'dear'"):
            await router.route(HELLO, RoutingContext(strategy="dear"))
        with pytest.raises(PermissionDeniedError, match="the caller may use anthropic"):
            await router.route(HELLO, RoutingContext(providers=["claude", "anthropic"]), model="up/plain")


HOLDER = """
[models."up/holder"]
quality_tier = "highest"
input_cost_per_million = 1.0
output_cost_per_million = 1.0
cache_read_cost_per_million = 0.01
"""


@pytest.fixture
def with_holder(settings: Path) -> Path:
    """Have a model that is dear, the best there is, and cheap to go on with."""
    settings.write_text(settings.read_text().replace('[models."up/best"]\nquality_tier = "highest"\n', HOLDER))
    return settings


async def test_a_long_conversation_stays_where_its_beginning_is_cached_as_long_as_that_is_cheaper(
    with_holder: Path,
) -> None:
    long = [{"role": "user", "content": "word " * 4000}]
    later = [*long, {"role": "assistant", "content": "Yes."}, {"role": "user", "content": "And then?"}]
    cheapest = RoutingContext(strategy=RoutingStrategy.COST_OPTIMIZED)
    async with ModelRouter.from_config(with_holder, environ={}) as router:
        assert router.explain(messages=later, context=cheapest, max_tokens=10).attempts[0].model == "cheap"
        await router.route(long, RoutingContext(strategy=RoutingStrategy.QUALITY_OPTIMIZED))
        assert router.explain(messages=later, context=cheapest, max_tokens=10).attempts[0].model == "holder"
        assert (await router.route(later, cheapest, max_tokens=10)).model == "holder"
        elsewhere = [{"role": "user", "content": "words " * 4000}]
        assert (await router.route(elsewhere, cheapest, max_tokens=10)).model == "cheap"

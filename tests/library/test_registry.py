"""The models there are: the documents' queries in Python, advice that gives its reasons, figures that add up."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from wye import InvalidRequestError, ModelRegistry, ModelRouter, Recommended
from wye.catalog.registry import LATENCY_MS
from wye.catalog.schema import QUALITY_TIERS
from wye.health import ALL_WELL, Mark, Observed

KEYS = {
    "OPENAI_API_KEY": "sk-proj-made-up-0123456789",
    "ANTHROPIC_API_KEY": "sk-ant-made-up-0123456789",
    "GEMINI_API_KEY": "AIzaMadeUp0123456789012345678901234567",
    "OPENROUTER_API_KEY": "sk-or-v1-made-up-0123456789",
}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("registry") / "wye.toml"
    path.write_text("")
    return path


@pytest.fixture(scope="module")
def registry(file: Path) -> ModelRegistry:
    return ModelRouter.from_config(file, environ=KEYS).registry


@pytest.fixture
def keyless(file: Path) -> ModelRegistry:
    return ModelRouter.from_config(file, environ={}).registry


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let a registry know this of health."""

    def know(**fields: Any) -> None:
        view = structs.replace(ALL_WELL, **fields)
        monkeypatch.setattr(ModelRegistry, "_health", lambda _: view)

    return know


def observed(first_token: float, *, requests: int = 200, success: float = 1.0) -> Observed:
    return Observed(requests=requests, success_rate=success, first_token_p50=first_token)


DOCUMENTED: list[dict[str, Any]] = [
    # model-registry-guide.md, "Automatic Model Recommendation"
    {"capabilities": ["text", "function-calling"], "max_cost": 0.005, "max_latency": 5000, "prefer_open_source": False},
    # llm-abstraction-guide.md, "Advanced Usage", the request to /models/recommend, "Smart Recommendations"
    {"capabilities": ["text", "vision"], "max_cost": 0.01, "max_latency": 3000, "prefer_open_source": False},
    {"capabilities": ["text", "vision"], "max_cost": 0.01, "max_latency": 5000, "prefer_open_source": False},
    {"capabilities": ["text", "function-calling"], "max_latency": 3000, "min_quality": "high"},
    {"capabilities": ["text", "vision"], "max_cost": 0.01, "max_latency": 5000},
    {"capabilities": ["text"], "min_context_window": 500_000, "min_quality": "highest"},
]


def assert_fits(one: Recommended, wish: dict[str, Any]) -> None:
    model = one.model
    assert set(wish["capabilities"]) <= model.capabilities
    assert not model.deprecated
    if "max_cost" in wish:
        assert model.mean_price is not None
        assert model.mean_price <= Decimal(str(wish["max_cost"])) * 1000
    if "max_latency" in wish:
        assert LATENCY_MS[one.latency_tier] <= wish["max_latency"]
    if "min_quality" in wish:
        assert QUALITY_TIERS.index(one.quality_tier) <= QUALITY_TIERS.index(wish["min_quality"])
    assert (model.context_window or 0) >= wish.get("min_context_window", 0)
    assert 0 < one.score <= 1
    assert all(0 <= part <= 1 for part in one.parts.values())


@pytest.mark.parametrize("wish", DOCUMENTED, ids=lambda wish: " ".join(map(str, wish.values())))
def test_every_recommendation_of_the_documents_names_a_model_that_fits_and_can_be_asked(
    registry: ModelRegistry, wish: dict[str, Any]
) -> None:
    found = registry.recommend(**wish)
    assert found
    for one in found:
        assert_fits(one, wish)
    assert found[0].available
    assert registry.is_available(found[0].model)
    assert QUALITY_TIERS.index(found[0].quality_tier) <= QUALITY_TIERS.index("high")
    assert [one.score for one in found if one.available] == sorted(
        (o.score for o in found if o.available), reverse=True
    )


@pytest.mark.parametrize("wish", DOCUMENTED, ids=lambda wish: " ".join(map(str, wish.values())))
def test_where_nothing_that_fits_is_configured_it_is_said_what_is_missing(
    keyless: ModelRegistry, wish: dict[str, Any]
) -> None:
    best = keyless.recommend(**wish)[0]
    assert_fits(best, wish)
    assert not best.available
    assert best.why_not
    assert best.reasons[-1] == f"not available: {best.why_not}"
    assert keyless.recommend(**wish, available=True) == []


def test_vision_under_half_a_cent_as_the_abstraction_guide_asks(registry: ModelRegistry) -> None:
    found = registry.filter(capabilities=["vision"], max_cost=0.005, available=True)
    assert "openai/gpt-4o-mini" in {model.full_id for model in found}
    assert all("vision" in model.capabilities and model.provider in registry_providers(registry) for model in found)
    assert all(model.mean_price is not None and model.mean_price <= 5 for model in found)


def test_fast_with_a_large_context_as_the_abstraction_guide_asks(registry: ModelRegistry) -> None:
    found = registry.filter(latency_tier="fast", min_context_window=100_000, available=True)
    assert found
    assert all(model.latency_tier == "fast" and (model.context_window or 0) >= 100_000 for model in found)


def test_one_provider_s_models_as_the_abstraction_guide_asks(registry: ModelRegistry) -> None:
    found = registry.filter(provider="gemini", available=True)
    assert {model.provider for model in found} == {"gemini"}
    assert registry.filter(provider="google") == registry.filter(provider="gemini")


def test_the_routes_queries_are_filters(registry: ModelRegistry) -> None:
    openai = registry.filter(provider="openai")
    assert {"openai/gpt-4o", "openai/gpt-4o-mini"} <= {model.full_id for model in openai}
    under_a_cent = registry.filter(capability="vision", max_cost="0.01")
    assert "openai/gpt-4o" in {model.full_id for model in under_a_cent}
    assert registry.filter(open_source=True, quality_tier="highest")
    assert all("free" in model.tags for model in registry.filter(tag="free"))
    everything = len(registry.models)
    assert len(registry.filter(available=True)) + len(registry.filter(available=False)) == everything


def registry_providers(registry: ModelRegistry) -> set[str]:
    return {model.provider for model in registry.models.values() if registry.is_available(model)}


@pytest.mark.parametrize(
    ("task", "tier"), [("simple", "good"), ("complex", "highest"), ("coding", "highest"), ("creative", "highest")]
)
def test_a_task_gets_what_the_overview_says_of_it(registry: ModelRegistry, task: str, tier: str) -> None:
    best = registry.recommend(task=task)[0]
    assert QUALITY_TIERS.index(best.quality_tier) <= QUALITY_TIERS.index(tier)
    dearest = max(registry.recommend(task="simple"), key=lambda one: one.model.mean_price or 0)
    if task != "simple":
        assert (best.model.mean_price or 0) >= (dearest.model.mean_price or 0)


def test_a_model_whose_context_nobody_knows_is_recommended_where_none_is_asked_for(registry: ModelRegistry) -> None:
    unknown = [
        one for one in registry.recommend([], min_context_window=0, limit=999) if one.model.context_window is None
    ]
    assert unknown
    assert not any("holds" in reason for one in unknown for reason in one.reasons)


def test_who_prefers_open_source_gets_it_and_is_told(registry: ModelRegistry) -> None:
    best = registry.recommend(["text"], min_quality="high", prefer_open_source=True)[0]
    assert best.model.open_source
    assert "open source, as preferred" in best.reasons
    assert best.parts["open_source"] == 1


def test_what_was_observed_often_enough_replaces_the_tier_and_the_answer_says_so(
    registry: ModelRegistry, seen: Any
) -> None:
    name = registry.filter(
        provider="openai", capability="vision", latency_tier="medium", available=True, include_deprecated=False
    )[0].full_id
    wish: dict[str, Any] = {"capabilities": ["vision"], "max_latency": 2000, "provider": "openai", "limit": 100}
    before = {one.model.full_id: one for one in registry.recommend(**wish)}
    assert name not in before
    assert all(one.observed == () and f"{one.latency_tier}, as documented" in one.reasons for one in before.values())

    seen(observed={name: observed(0.3)})
    after = {one.model.full_id: one for one in registry.recommend(**wish)}[name]
    assert (after.latency_tier, after.observed) == ("very-fast", ("latency_tier",))
    assert "very-fast: 0.30 s at the median, observed over 200 requests" in after.reasons
    assert name in {model.full_id for model in registry.filter(latency_tier="very-fast")}

    seen(observed={name: observed(0.3, requests=3)})
    assert name not in {one.model.full_id for one in registry.recommend(**wish)}


@pytest.mark.parametrize(
    ("seconds", "tier"),
    [(0.4, "very-fast"), (0.5, "very-fast"), (0.6, "fast"), (2, "fast"), (5, "medium"), (6, "slow")],
)
def test_latency_tiers_are_bounded_as_documented(registry: ModelRegistry, seen: Any, seconds: float, tier: str) -> None:
    seen(observed={"openai/gpt-4o": observed(seconds)})
    assert registry.latency_tier(registry.models["openai/gpt-4o"]) == tier


def test_a_model_that_fails_often_falls_behind_and_one_that_is_down_is_last(registry: ModelRegistry, seen: Any) -> None:
    first, second = registry.recommend(limit=2)
    seen(observed={first.model.full_id: observed(0.9, success=0.2)})
    assert registry.recommend()[0].model == second.model
    seen(models={first.model.full_id: Mark("breaker_open", "it failed 5 times in a row")})
    assert registry.recommend()[0].model == second.model
    down = next(one for one in registry.recommend(limit=10_000) if one.model == first.model)
    assert (down.available, down.why_not) == (False, "it failed 5 times in a row")


def test_nothing_stands_in_is_deprecated_or_a_placeholder_unless_it_is_asked_for(keyless: ModelRegistry) -> None:
    everything = keyless.recommend(limit=10_000)
    assert not [one for one in everything if one.model.deprecated or "placeholder" in one.model.tags]
    assert "mock" not in {one.model.provider for one in everything}
    assert keyless.recommend(provider="mock")[0].available
    assert keyless.recommend(min_quality="testing")[0].model.provider == "mock"


def test_what_cannot_chat_is_only_recommended_for_what_it_can(registry: ModelRegistry) -> None:
    assert all("text" in one.model.capabilities for one in registry.recommend((), limit=10_000))
    found = registry.recommend(["embeddings"])
    assert found
    assert all("embeddings" in one.model.capabilities for one in found)


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({"capabilities": ["visoin"]}, "near names: vision"),
        ({"min_quality": "best"}, "known are highest, high, good"),
        ({"task": "juggling"}, "known are balanced"),
        ({"max_cost": -1}, "max_cost"),
        ({"max_cost": float("nan")}, "max_cost"),
        ({"max_cost": "a cent"}, "max_cost"),
        ({"max_latency": -5}, "max_latency"),
        ({"min_context_window": -1}, "min_context_window"),
        ({"provider": "nobody"}, "wye providers"),
    ],
)
def test_what_cannot_be_meant_is_said(registry: ModelRegistry, wish: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidRequestError, match=says):
        registry.recommend(**wish)


def test_names_are_understood_in_the_documents_spelling(registry: ModelRegistry) -> None:
    loud = registry.filter(capabilities=["function_calling"], latency_tier="VERY_FAST")
    assert loud == registry.filter(capabilities=["tool-calling"], latency_tier="very-fast")


def test_statistics_count_every_model_once(registry: ModelRegistry, seen: Any) -> None:
    counts = registry.statistics()
    assert counts.total == len(registry.models)
    for grouped in (counts.by_provider, counts.by_latency_tier, counts.by_quality_tier):
        assert sum(grouped.values()) == counts.total
    assert counts.by_capability["vision"] == len(registry.filter(capability="vision"))
    assert counts.available == counts.healthy == len(registry.filter(available=True))
    seen(providers={"openai": Mark("breaker_open", "down")})
    assert registry.statistics().healthy == counts.available - len(registry.filter(provider="openai", available=True))


async def test_what_the_gateway_sees_of_a_model_is_what_the_registry_says(file: Path) -> None:
    router = ModelRouter.from_config(file, environ={})
    name = "mock/mock-fast"
    for _ in range(25):
        await router.route([{"role": "user", "content": "Hello"}], model=name)
    router.engine.health._changed()  # a view may be a second old
    found = router.registry.recommend(provider="mock", limit=100)
    await router.aclose()
    seen = {one.model.full_id: one for one in found if one.observed}
    assert any("observed over 25 requests" in reason for reason in seen[name].reasons)

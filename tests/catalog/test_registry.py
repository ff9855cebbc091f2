"""Questions asked of the catalog."""

import datetime
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wye.catalog import Catalog, CatalogError, capability_name, load
from wye.catalog.schema import ModelInfo, Price, Provider


def _ids(models: list[ModelInfo]) -> set[str]:
    return {model.full_id for model in models}


def test_a_provider_is_found_by_id_and_by_alias() -> None:
    catalog = load()
    assert catalog.provider("xai") is catalog.providers["grok4"]
    assert catalog.provider("grok4") is catalog.providers["grok4"]
    assert catalog.provider("nobody") is None


def test_a_model_is_found_at_its_provider_by_every_kind_of_name() -> None:
    catalog = load()
    sonnet = catalog.models["anthropic/claude-sonnet-4-5"]
    for name in (
        "claude-sonnet-4-5",
        "claude-sonnet-4-5-20250929",
        "claude-sonnet-4.5",
        "anthropic-claude-sonnet-4.5",
    ):
        assert catalog.find("anthropic", name) is sonnet
    assert catalog.find("xai", "grok-4-0709") is catalog.models["grok4/grok-4"]
    assert catalog.find("anthropic", "gpt-4o") is None
    assert catalog.find("nobody", "gpt-4o") is None


def test_a_bare_name_finds_its_row_at_every_provider() -> None:
    catalog = load()
    found = {model.full_id for model in catalog.by_name("claude-sonnet-4-5")}
    assert found == {
        "anthropic/claude-sonnet-4-5",
        "bedrock/global.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "vertex/claude-sonnet-4-5",
    }
    assert catalog.by_name("no-such-model") == ()


def test_a_model_without_a_family_is_alone() -> None:
    catalog = load()
    model = catalog.models["ollama/llama3.1:8b"]
    assert catalog.same_family(model) == (model,)


def test_the_catalog_cannot_be_changed() -> None:
    catalog = load()
    with pytest.raises(TypeError):
        catalog.models["openai/gpt-4o"] = catalog.models["openai/gpt-4"]  # type: ignore[index]
    with pytest.raises(AttributeError):
        catalog.models = {}  # type: ignore[misc]
    with pytest.raises(AttributeError):
        catalog.models["openai/gpt-4o"].name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("function_calling", "function-calling"),
        ("Function-Calling", "function-calling"),
        ("tool-calling", "function-calling"),
        ("vision", "vision"),
    ],
)
def test_capability_names_may_be_written_as_the_documents_do(written: str, meant: str) -> None:
    assert capability_name(written) == meant


def test_a_filter_without_conditions_returns_everything() -> None:
    assert load().filter() == list(load().models.values())


def test_a_filter_by_provider_takes_an_alias_and_returns_nothing_for_a_stranger() -> None:
    assert {model.provider for model in load().filter(provider="xai")} == {"grok4"}
    assert load().filter(provider="nobody") == []


def test_a_filter_wants_every_capability() -> None:
    found = load().filter(capabilities=["vision", "function_calling"])
    assert "openai/gpt-4o" in _ids(found)
    assert all({"vision", "function-calling"} <= model.capabilities for model in found)
    assert load().filter(capabilities=["telepathy"]) == []


def test_a_cost_filter_bounds_the_mean_of_both_prices_per_thousand_tokens() -> None:
    mean = (Decimal("0.15") + Decimal("0.60")) / 2 / 1000
    assert "openai/gpt-4o-mini" in _ids(load().filter(max_cost=mean))
    assert "openai/gpt-4o-mini" not in _ids(load().filter(max_cost=mean - Decimal("0.000001")))
    assert "openai/gpt-4o-mini" in _ids(load().filter(max_cost=0.000375))


def test_an_unknown_price_never_meets_a_cost_filter() -> None:
    cheap = _ids(load().filter(max_cost=1_000_000))
    assert "huggingface/meta-llama/Llama-3.3-70B-Instruct" not in cheap
    assert "runpod/Qwen/Qwen2.5-7B-Instruct" not in cheap
    assert "openai/o1-pro" in cheap


def test_an_embedding_model_costs_its_input() -> None:
    assert "openai/text-embedding-3-small" in _ids(load().filter(capabilities=["embeddings"], max_cost=0.00002))


def test_a_free_model_meets_a_bound_of_zero() -> None:
    free = load().filter(max_cost=0)
    assert "ollama/llama3.1:8b" in _ids(free)
    assert all(model.mean_price == 0 for model in free)


@pytest.mark.parametrize(
    ("milliseconds", "tiers"),
    [
        (499, set()),
        (500, {"very-fast"}),
        (3000, {"very-fast", "fast"}),
        (5000, {"very-fast", "fast", "medium"}),
        (10_000, {"very-fast", "fast", "medium", "slow"}),
    ],
)
def test_a_latency_bound_admits_tiers(milliseconds: int, tiers: set[str]) -> None:
    assert {model.latency_tier for model in load().filter(max_latency=milliseconds)} == tiers


def test_tiers_filter_by_equality_and_by_at_least() -> None:
    assert {model.latency_tier for model in load().filter(latency_tier="fast")} == {"fast"}
    assert {model.quality_tier for model in load().filter(quality_tier="good")} == {"good"}
    assert {model.quality_tier for model in load().filter(min_quality="high")} == {"highest", "high"}


def test_a_context_bound_leaves_out_what_nobody_knows() -> None:
    found = load().filter(min_context_window=1_000_000)
    assert "openai/gpt-4.1" in _ids(found)
    assert all(model.context_window and model.context_window >= 1_000_000 for model in found)


def test_open_source_tags_and_deprecation_filter() -> None:
    assert all(model.open_source for model in load().filter(open_source=True))
    assert not any(model.open_source for model in load().filter(open_source=False))
    assert all("placeholder" in model.tags for model in load().filter(tags=["placeholder"]))
    assert "openai/gpt-4" in _ids(load().filter())
    assert "openai/gpt-4" not in _ids(load().filter(include_deprecated=False))


costs = st.decimals(min_value=0, max_value=1, places=9)


@given(low=costs, high=costs)
def test_a_higher_cost_bound_never_loses_a_model(low: Decimal, high: Decimal) -> None:
    low, high = sorted((low, high))
    assert _ids(load().filter(max_cost=low)) <= _ids(load().filter(max_cost=high))


@given(st.sampled_from(sorted(load().models)))
def test_every_name_of_a_row_leads_back_to_it(full_id: str) -> None:
    catalog = load()
    model = catalog.models[full_id]
    for name in (model.id, *model.aliases, *model.short_names, *model.template_ids):
        assert catalog.find(model.provider, name) is model
        assert model in catalog.by_name(name)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("gpt4o-mini", "openai/gpt-4o-mini"),
        ("gpt-4o-mni", "openai/gpt-4o-mini"),
        ("GPT-4o-Mini", "openai/gpt-4o-mini"),
        ("openai/gpt4o", "openai/gpt-4o"),
        ("claude-sonet-4.5", "anthropic/claude-sonnet-4-5"),
        ("gemini-2.5-por", "gemini/gemini-2.5-pro"),
        ("sonar-prro", "perplexity/sonar-pro"),
        ("openai-gpt4o-mini", "openai/gpt-4o-mini"),
    ],
)
def test_a_mistyped_name_finds_what_was_meant(typed: str, meant: str) -> None:
    assert meant in load().near(typed)


def test_the_nearest_name_comes_first_and_the_makers_own_before_equals() -> None:
    assert load().near("gpt-4o-mni", limit=1) == ["openai/gpt-4o-mini"]


def test_near_names_are_few_and_absent_for_nonsense() -> None:
    assert len(load().near("gpt-4", limit=2)) == 2
    assert load().near("") == []
    assert load().near("///") == []
    assert load().near("zzzzzzzzqqqq") == []


@given(st.text(max_size=300))
def test_any_text_may_be_asked_for(text: str) -> None:
    assert len(load().near(text)) <= 3
    assert load().provider_by_prefix(text) is None or text


def _custom() -> tuple[Provider, ModelInfo]:
    provider = Provider(id="acme", name="Acme", adapter="openai_chat", base_url="http://10.0.0.5:8000/v1")
    return provider, ModelInfo(id="roadrunner", provider="acme", aliases=("bird",))


def test_an_overlay_adds_and_replaces_rows_and_leaves_the_original_untouched() -> None:
    original = load()
    before = dict(original.models)
    provider, model = _custom()
    cheaper = msgspec.structs.replace(original.models["openai/gpt-4o"], price=Price(input=Decimal(1)))
    catalog = original.overlay([provider], [model, cheaper])
    assert catalog.find("acme", "bird") is model
    assert catalog.models["openai/gpt-4o"].price.input == 1
    assert cheaper in catalog.same_family(cheaper)
    assert len(catalog.models) == len(before) + 1
    assert dict(original.models) == before
    assert original.provider("acme") is None


def test_a_row_of_an_unknown_provider_is_refused() -> None:
    _, model = _custom()
    with pytest.raises(CatalogError, match="'acme'"):
        load().overlay(models=[model])


def test_two_rows_cannot_claim_one_id() -> None:
    provider, model = _custom()
    with pytest.raises(CatalogError, match="'acme/roadrunner' occurs twice"):
        Catalog([provider], [model, msgspec.structs.replace(model, name="x")])
    with pytest.raises(CatalogError, match="'acme' occurs twice"):
        Catalog([provider, msgspec.structs.replace(provider, name="x")], [])


def test_an_id_goes_before_another_rows_alias() -> None:
    provider, model = _custom()
    bird = ModelInfo(id="bird", provider="acme")
    assert Catalog([provider], [model, bird]).find("acme", "bird") is bird


def test_a_model_that_is_switched_off_is_succeeded_by_the_one_that_still_answers() -> None:
    def row(name: str, ends: int | None = None, then: str | None = None) -> ModelInfo:
        day = datetime.date(2027, 1, ends) if ends else None
        return ModelInfo(id=name, provider="p", retires_on=day, replaced_by=then)

    rows = [row("a", 1, "b"), row("b", 5, "c"), row("c"), row("x", 1, "y"), row("y", 1, "x"), row("end", 1)]
    catalog = Catalog([Provider(id="p", name="P", adapter="openai_chat")], rows)

    def after(name: str, day: int) -> str:
        return catalog.successor(catalog.models[f"p/{name}"], datetime.date(2027, 1, day)).id

    assert after("a", 1) == "b"
    assert after("a", 5) == "c"
    assert catalog.successor(rows[0], datetime.date(2026, 12, 31)).id == "a"
    assert after("end", 9) == "end"
    assert after("x", 9) in {"x", "y"}


def test_every_default_model_has_somebody_to_follow_it() -> None:
    catalog = load()
    for provider in catalog.providers.values():
        model = catalog.find(provider.id, provider.default_model) if provider.default_model else None
        if model is not None and model.deprecated:
            assert model.retires_on is not None
            following = catalog.successor(model, model.retires_on)
            assert not following.is_retired(model.retires_on), provider.id

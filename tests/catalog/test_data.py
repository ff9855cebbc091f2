"""What must hold of the catalog's own rows."""

import datetime
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from importlib.util import find_spec

import pytest

from wye.catalog import load
from wye.catalog.schema import Price, Provider, Rates

PROVIDERS = {
    "anthropic", "azure", "bedrock", "cerebras", "cohere", "deepseek", "fireworks", "gemini", "grok4", "groq",
    "huggingface", "llamacpp", "lmstudio", "mistral", "mock", "ollama", "openai", "openrouter", "perplexity", "runpod",
    "together", "vertex", "vllm",
}  # fmt: skip

IN_PROCESS = {"mock"}
NOT_BUILT_YET = {
    "anthropic_messages", "bedrock_converse", "cohere_chat", "gemini", "ollama_chat", "openai_responses",
    "vertex_anthropic",
}  # fmt: skip

NO_CHAT = {"embeddings", "rerank", "image-generation", "transcription", "speech", "moderation", "completions"}
"""What a model is for that does nothing else."""

MODELS = list(load().models.values())


def _figures(price: Price) -> Iterator[Decimal]:
    for rates in (price, *price.tiers, *price.windows, *(tier for window in price.windows for tier in window.tiers)):
        for name in Rates.__struct_fields__:
            if (figure := getattr(rates, name)) is not None:
                yield figure


def _provider(name: str) -> Provider:
    provider = load().provider(name)
    assert provider is not None
    return provider


def test_every_promised_provider_has_a_file() -> None:
    assert set(load().providers) == PROVIDERS


def test_the_catalog_is_of_a_size_that_can_be_kept_right() -> None:
    assert 250 <= len(MODELS) <= 500


def test_every_adapter_exists_or_is_known_to_be_missing() -> None:
    named = {provider.adapter for provider in load().providers.values()}
    named |= {model.adapter for model in MODELS if model.adapter is not None}
    absent = {name for name in named - IN_PROCESS if find_spec(f"wye.adapters.{name}") is None}
    assert absent <= NOT_BUILT_YET


def test_every_price_has_a_source_and_a_date() -> None:
    for model in MODELS:
        if model.price != Price():
            assert model.price.source, model.full_id
            assert model.price.date is not None, model.full_id
            assert model.price.date <= datetime.date(2026, 11, 21) or model.price.source.startswith("genai-prices"), (
                model.full_id
            )


def test_only_local_and_free_models_cost_nothing() -> None:
    for model in MODELS:
        if any(figure == 0 for figure in _figures(model.price)):
            assert model.price.source == "local" or "free" in model.tags, model.full_id


def test_a_price_is_per_million_tokens_and_not_per_thousand() -> None:
    for model in MODELS:
        price = model.price
        for figure in (price.input, price.output):
            assert figure is None or figure == 0 or Decimal("0.01") <= figure <= 700, model.full_id
        if price.input and price.output and "embeddings" not in model.capabilities:
            assert price.input <= price.output * Decimal("1.1"), model.full_id


def test_cached_input_is_cheaper_than_input_and_writing_it_is_not() -> None:
    for model in MODELS:
        price = model.price
        for rates in (price, *price.tiers, *price.windows):
            if rates.input is None:
                continue
            assert rates.cache_read is None or rates.cache_read < rates.input, model.full_id
            assert rates.cache_write is None or rates.cache_write >= rates.input, model.full_id
            assert rates.cache_write_1h is None or (rates.cache_write and rates.cache_write_1h > rates.cache_write), (
                model.full_id
            )


def test_a_longer_prompt_is_never_cheaper() -> None:
    for model in MODELS:
        bounds = [tier.above_input_tokens for tier in model.price.tiers]
        assert bounds == sorted(set(bounds)), model.full_id
        for tier in model.price.tiers:
            for name in ("input", "output", "cache_read", "cache_write"):
                base, above = getattr(model.price, name), getattr(tier, name)
                assert above is None or above > base, model.full_id


@pytest.mark.parametrize(
    ("full_id", "above", "factor"),
    [
        ("gemini/gemini-2.5-pro", 200_000, 2),
        ("gemini/gemini-3.1-pro-preview", 200_000, 2),
        ("gemini/gemini-1.5-pro", 128_000, 2),
        ("anthropic/claude-sonnet-4-5", 200_000, 2),
        ("anthropic/claude-haiku-5-5", 100_000, 5),
        ("openai/gpt-5.5", 272_000, 2),
        ("openai/gpt-6.1-sol", 272_000, 2),
        ("grok4/grok-4.7", 199_999, 2),
        ("openrouter/anthropic/claude-sonnet-4.5", 200_000, 2),
        ("vertex/claude-sonnet-4-5", 200_000, 2),
    ],
)
def test_long_prompts_have_their_own_price(full_id: str, above: int, factor: int) -> None:
    price = load().models[full_id].price
    (tier,) = price.tiers
    assert tier.above_input_tokens == above
    assert price.input is not None
    assert tier.input == price.input * factor
    if full_id != "gemini/gemini-1.5-pro":
        assert tier.output is not None
    assert tier.cache_read is not None


@pytest.mark.parametrize(
    ("full_id", "expected"),
    [
        ("openai/gpt-4o-mini", ("0.15", "0.6", "0.075", None)),
        ("openai/gpt-4o", ("2.5", "10", "1.25", None)),
        ("openai/gpt-5", ("1.25", "10", "0.125", None)),
        ("anthropic/claude-sonnet-4-5", ("3", "15", "0.3", "3.75")),
        ("anthropic/claude-haiku-4-5", ("1", "5", "0.1", "1.25")),
        ("anthropic/claude-opus-4-5", ("5", "25", "0.5", "6.25")),
        ("gemini/gemini-2.5-flash", ("0.3", "2.5", "0.03", None)),
        ("gemini/gemini-1.5-pro", ("1.25", "5", "0.3125", None)),
        ("grok4/grok-4", ("3", "15", "0.75", None)),
        ("bedrock/global.anthropic.claude-sonnet-4-5-20250929-v1:0", ("3", "15", "0.3", "3.75")),
        ("bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", ("3.3", "16.5", "0.33", "4.125")),
        ("groq/openai/gpt-oss-120b", ("0.15", "0.6", "0.075", None)),
    ],
)
def test_well_known_list_prices_are_right(full_id: str, expected: tuple[str | None, ...]) -> None:
    price = load().models[full_id].price
    wanted = tuple(Decimal(figure) if figure is not None else None for figure in expected)
    assert (price.input, price.output, price.cache_read, price.cache_write) == wanted


def test_an_announced_price_applies_from_its_day_on() -> None:
    price = load().models["gemini/gemini-4-argon"].price
    before = price.at(datetime.datetime(2026, 11, 30, 23, 59, tzinfo=datetime.UTC))
    after = price.at(datetime.datetime(2026, 12, 1, tzinfo=datetime.UTC))
    assert (before.input, before.output) == (Decimal(2), Decimal(10))
    assert (after.input, after.output, after.source) == (Decimal(4), Decimal(20), price.source)


def test_a_price_by_the_hour_applies_in_its_hours_whatever_the_callers_time_zone() -> None:
    price = load().models["deepseek/deepseek-flash"].price
    night = datetime.datetime(2026, 11, 23, 0, 30, tzinfo=datetime.UTC)
    peak = datetime.datetime(2026, 11, 23, 9, 30, tzinfo=datetime.timezone(datetime.timedelta(hours=8)))
    assert price.at(night).input == Decimal("0.15")
    assert price.at(peak).input == Decimal("0.3")
    assert price.at(peak).cache_read == Decimal("0.006")


def test_a_row_is_complete_and_consistent() -> None:
    for model in MODELS:
        assert model.name, model.full_id
        assert model.capabilities, model.full_id
        assert model.is_retired(datetime.date(2026, 11, 21)) <= model.deprecated, model.full_id
        assert ("text" in model.capabilities) != bool(model.capabilities & NO_CHAT), model.full_id
        speaks = bool(model.capabilities & {"text", "completions"})
        assert speaks == ("streaming" in model.capabilities), model.full_id
        if model.context_window is not None and model.max_output_tokens is not None:
            assert model.max_output_tokens <= model.context_window, model.full_id
        if model.replaced_by is not None:
            assert load().find(model.provider, model.replaced_by) is not None, model.full_id


def test_the_same_model_has_about_the_same_context_everywhere() -> None:
    for model in MODELS:
        windows = [row.context_window for row in load().same_family(model) if row.context_window is not None]
        if "llama-4" in (model.family or ""):
            continue  # hosts cut Llama 4's window of millions to what their hardware holds
        assert not windows or max(windows) <= 5 * min(windows), model.family


def test_families_reach_across_providers() -> None:
    def providers_of(full_id: str) -> set[str]:
        catalog = load()
        return {row.provider for row in catalog.same_family(catalog.models[full_id])}

    assert providers_of("openai/gpt-4o-mini") == {"openai", "azure", "openrouter"}
    assert providers_of("anthropic/claude-sonnet-4-5") == {"anthropic", "bedrock", "openrouter", "vertex"}
    assert providers_of("gemini/gemini-2.5-pro") == {"gemini", "openrouter", "vertex"}
    assert {"groq", "cerebras", "together", "fireworks"} <= providers_of("groq/openai/gpt-oss-120b")


def test_nobody_is_moved_unasked_out_of_a_region_or_to_a_free_or_a_local_host() -> None:
    for model in MODELS:
        if "regional" in model.tags or model.id.endswith(":free") or model.provider == "ollama":
            assert model.family is None


def test_template_ids_and_provider_names_mean_one_thing() -> None:
    templates = Counter(template for model in MODELS for template in model.template_ids)
    names = Counter(name for provider in load().providers.values() for name in (provider.id, *provider.aliases))
    assert {name for name, count in (templates + names).items() if count > 1} == set()


def test_every_default_model_exists() -> None:
    for provider in load().providers.values():
        assert provider.default_model is not None
        assert load().find(provider.id, provider.default_model) is not None


@pytest.mark.parametrize(
    ("provider", "variables"),
    [
        ("openai", ("OPENAI_API_KEY",)),
        ("anthropic", ("ANTHROPIC_API_KEY",)),
        ("gemini", ("GEMINI_API_KEY", "GOOGLE_API_KEY")),
        ("openrouter", ("OPENROUTER_API_KEY",)),
        ("perplexity", ("PERPLEXITY_API_KEY",)),
        ("grok4", ("XAI_API_KEY",)),
        ("cohere", ("COHERE_API_KEY",)),
        ("mistral", ("MISTRAL_API_KEY",)),
        ("deepseek", ("DEEPSEEK_API_KEY",)),
        ("groq", ("GROQ_API_KEY",)),
        ("huggingface", ("HF_TOKEN", "HUGGINGFACE_API_KEY")),
        ("azure", ("AZURE_OPENAI_API_KEY",)),
        ("runpod", ("RUNPOD_API_KEY",)),
    ],
)
def test_keys_come_from_the_documents_variables(provider: str, variables: tuple[str, ...]) -> None:
    assert _provider(provider).key_env[: len(variables)] == variables


def test_addresses_come_from_the_documents_variables() -> None:
    assert _provider("azure").base_url_env[0] == "AZURE_OPENAI_ENDPOINT"
    assert _provider("azure").base_url_suffix == "/openai/v1"
    assert _provider("ollama").base_url_env == ("OLLAMA_BASE_URL",)
    assert _provider("vllm").base_url_env == ("VLLM_BASE_URL",)
    assert _provider("runpod").base_url_env == ("RUNPOD_BASE_URL",)
    assert _provider("azure").default_model_env == ("AZURE_OPENAI_DEPLOYMENT",)
    assert _provider("azure").query_env == {"api-version": "AZURE_OPENAI_API_VERSION"}
    assert _provider("bedrock").default_model_env == ("BEDROCK_DEFAULT_MODEL",)
    assert _provider("bedrock").enabled_by == ("BEDROCK_ENABLED",)


def test_credentials_travel_in_the_header_each_provider_reads() -> None:
    assert (_provider("anthropic").auth, _provider("anthropic").auth_header) == ("header", "x-api-key")
    assert _provider("anthropic").headers == {"anthropic-version": "2023-06-01"}
    assert (_provider("gemini").auth, _provider("gemini").auth_header) == ("header", "x-goog-api-key")
    assert (_provider("azure").auth, _provider("azure").auth_header) == ("header", "api-key")
    assert {_provider(name).auth for name in ("openai", "groq", "grok4", "huggingface")} == {"bearer"}
    assert _provider("ollama").auth == "none"


def test_every_provider_can_be_reached_and_switched_on() -> None:
    for provider in load().providers.values():
        if provider.adapter in IN_PROCESS:
            continue
        assert provider.base_url or provider.base_url_env
        assert (provider.auth == "header") == (provider.auth_header is not None)
        assert provider.key_env or provider.enabled_by
        assert provider.env_prefix
        assert not (provider.base_url or "").endswith("/")
        assert provider.local == (provider.base_url or "").startswith("http://localhost")


@pytest.mark.parametrize(
    ("name", "provider"),
    [
        ("claude-9", "anthropic"),
        ("grok-9", "grok4"),
        ("gemini-9", "gemini"),
        ("gpt-3.5-turbo-x", "openai"),
        ("gpt-4x", "openai"),
        ("gpt-5x", "openai"),
        ("o1x", "openai"),
        ("o3x", "openai"),
        ("o4x", "openai"),
        ("llama-9", None),
    ],
)
def test_a_known_prefix_names_the_provider(name: str, provider: str | None) -> None:
    found = load().provider_by_prefix(name)
    assert (found.id if found else None) == provider


def test_streams_end_and_count_as_the_recordings_show() -> None:
    ends_with_done = {"openai", "azure", "bedrock", "mistral", "deepseek", "groq", "grok4", "openrouter"}
    for provider in load().providers.values():
        assert (provider.wire.stream_end == "done") == (provider.id in ends_with_done)
        assert (provider.wire.stream_usage == "always") == (provider.id in {"mistral", "perplexity"})
        longer = provider.id in {"openai", "azure", "groq"}
        assert (provider.wire.max_tokens_field == "max_completion_tokens") == longer


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("claude-sonnet-4-5", "global.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("claude-haiku-4-5", "global.anthropic.claude-haiku-4-5-20251001-v1:0"),
        ("eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("nova-lite", "amazon.nova-lite-v1:0"),
    ],
)
def test_short_names_become_the_wires_names_and_the_wires_own_names_stay(name: str, wire: str) -> None:
    model = load().find("bedrock", name)
    assert model is not None
    assert model.wire_name(name) == wire


def test_a_pinned_snapshot_is_sent_as_it_was_asked_for() -> None:
    model = load().find("openai", "gpt-4o-2024-08-06")
    assert model is not None
    assert model.id == "gpt-4o"
    assert model.wire_name("gpt-4o-2024-08-06") == "gpt-4o-2024-08-06"
    assert model.wire_name("gpt-4o") == "gpt-4o"


def test_the_mock_provider_has_a_fast_and_a_slow_model() -> None:
    catalog = load()
    fast, slow = catalog.models["mock/mock-fast"], catalog.models["mock/mock-slow"]
    assert (fast.latency_tier, slow.latency_tier) == ("very-fast", "slow")
    for model in (fast, slow):
        assert {"text", "function-calling", "streaming", "vision"} <= model.capabilities
        assert (model.price.input, model.price.output) == (Decimal(0), Decimal(0))


def test_no_default_model_has_been_switched_off() -> None:
    for provider in load().providers.values():
        row = load().find(provider.id, provider.default_model) if provider.default_model else None
        assert row is not None, provider.id
        assert not row.is_retired(datetime.date(2026, 11, 21)), provider.id


def test_the_wire_formats_that_rows_name_are_there() -> None:
    from wye import adapters

    catalog = load()
    named = {wire for row in catalog.models.values() for wire in (row.adapter, row.tools_adapter) if wire}
    assert named <= adapters.built_in()
    for row in catalog.models.values():
        assert row.tools_adapter is None or row.tools_adapter in catalog.providers[row.provider].also_speaks

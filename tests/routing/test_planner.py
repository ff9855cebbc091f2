"""Every way to name a model leads to the same plan every time, and to nothing that was not meant."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wye import catalog
from wye.catalog import Catalog
from wye.catalog.schema import ModelInfo, Provider
from wye.core.errors import ModelNotFoundError
from wye.core.plan import Plan, Wanted
from wye.core.request import Operation
from wye.health import HealthView, Mark
from wye.routing.config import RoutingConfig
from wye.routing.names import Availability
from wye.routing.planner import Planner

OURS = catalog.load()
WIRES = frozenset({"openai_chat", "anthropic_messages", "gemini", "ollama_chat"})


class Named:
    """A planner that is asked by names alone."""

    def __init__(self, whole: Planner) -> None:
        self.whole = whole

    def plan(self, name: str, operation: Operation | None = "chat") -> Plan:
        return self.whole.plan(Wanted(model=name, operation=operation))

    def explain(self, name: str, operation: Operation | None = "chat") -> Plan:
        return self.whole.explain(Wanted(model=name, operation=operation))


def planner(
    *configured: str,
    rows: Catalog = OURS,
    on_request: Sequence[str] = (),
    missing: Mapping[str, str] | None = None,
    aliases: Mapping[str, Sequence[str]] | None = None,
    **config: Any,
) -> Named:
    availability = Availability(frozenset(configured), frozenset(on_request), missing or {}, WIRES)
    return Named(Planner(rows, availability, RoutingConfig(**config), aliases))


def tried(plan: Plan) -> list[str]:
    return [attempt.full_id for attempt in plan.attempts]


EVERYBODY = tuple(OURS.providers)


# Every form of a name.


@pytest.mark.parametrize(
    ("name", "full_id"),
    [
        ("openai/gpt-4o-mini", "openai/gpt-4o-mini"),
        ("openai:gpt-4o-mini", "openai/gpt-4o-mini"),
        ("google/gemini-1.5-flash", "gemini/gemini-1.5-flash"),
        ("xai/grok-4", "grok4/grok-4"),
        ("grok:grok-4", "grok4/grok-4"),
        ("openrouter/anthropic/claude-3.5-sonnet", "openrouter/anthropic/claude-3.5-sonnet"),
        ("openrouter:anthropic/claude-3.5-sonnet", "openrouter/anthropic/claude-3.5-sonnet"),
        ("ollama/llama3.1:8b", "ollama/llama3.1:8b"),
        ("ollama:llama3.1:8b", "ollama/llama3.1:8b"),
        ("llama3.1:8b", "ollama/llama3.1:8b"),
        ("openai-gpt-4o-mini", "openai/gpt-4o-mini"),
        ("anthropic-claude-3.5-sonnet", "anthropic/claude-3-5-sonnet-20241022"),
        ("ollama-llama3.1-8b", "ollama/llama3.1:8b"),
        ("openai/some-fine-tune:acme::abc123", "openai/some-fine-tune:acme::abc123"),
        ("openai/gpt-99", "openai/gpt-99"),
    ],
)
def test_every_form_of_a_name_reaches_its_model_and_no_other(name: str, full_id: str) -> None:
    plan = planner(*EVERYBODY).plan(name)
    assert tried(plan) == [full_id]
    assert plan.requested == name
    assert plan.attempts[0].reason


@pytest.mark.parametrize(
    ("name", "provider"),
    [
        ("claude-of-tomorrow", "anthropic"),
        ("grok-99", "grok4"),
        ("gemini-99-flash", "gemini"),
        ("gpt-3.5-turbo-2077", "openai"),
        ("gpt-4.99", "openai"),
        ("gpt-5-tomorrow", "openai"),
        ("o1-tomorrow", "openai"),
        ("o3-tomorrow", "openai"),
        ("o4-tomorrow", "openai"),
    ],
)
def test_an_unknown_name_goes_to_the_provider_whose_models_begin_so(name: str, provider: str) -> None:
    assert OURS.by_name(name) == ()
    assert tried(planner(*EVERYBODY).plan(name)) == [f"{provider}/{name}"]


def test_every_model_of_the_catalog_is_reached_by_its_full_id_and_by_every_name_at_its_provider() -> None:
    everything = planner(*EVERYBODY)
    for model in OURS.models.values():
        if model.adapter is not None and model.adapter not in WIRES:
            continue
        for name in (model.id, *model.aliases, *model.short_names, *model.template_ids):
            first = everything.plan(f"{model.provider}/{name}", None).attempts[0]
            row = OURS.find(model.provider, name)
            assert row is not None
            assert first.full_id == row.full_id, name


def test_every_bare_name_of_the_catalog_is_reached_where_only_its_provider_is_in_use() -> None:
    for model in OURS.models.values():
        if model.adapter is not None and model.adapter not in WIRES:
            continue
        alone = planner(model.provider)
        for name in (model.id, *model.aliases, *model.short_names, *model.template_ids):
            row = OURS.find(model.provider, name)
            assert row is not None
            if not names_another(name, model.provider):
                assert row.full_id in tried(alone.plan(name, None)), name


def names_another(name: str, provider_id: str) -> bool:
    """Whether `name` is `provider/model` of another provider, which has the model."""
    first, _, rest = name.partition("/")
    other = OURS.provider(first)
    return other is not None and other.id != provider_id and OURS.find(other.id, rest) is not None


@pytest.mark.parametrize(
    ("name", "in_use", "expected"),
    [
        ("openai/gpt-oss-20b", ["groq"], ["groq/openai/gpt-oss-20b"]),
        ("openai/gpt-oss-20b", ["openai", "groq"], ["openai/gpt-oss-20b", "groq/openai/gpt-oss-20b"]),
        ("openai/gpt-4o", ["openai", "openrouter"], ["openai/gpt-4o"]),
        ("openai/gpt-4o", ["openrouter"], []),
        ("mistral:7b", ["ollama"], ["ollama/mistral:7b"]),
        ("mistral:mistral-medium-3-5", ["mistral", "ollama"], ["mistral/mistral-medium-3-5"]),
    ],
)
def test_a_bare_id_that_begins_with_a_provider_s_name_is_not_lost(
    name: str, in_use: list[str], expected: list[str]
) -> None:
    assert tried(planner(*in_use).explain(name)) == expected


def test_a_name_the_provider_takes_goes_out_as_it_was_written() -> None:
    model = next(model for model in OURS.models.values() if model.provider == "openai" and model.aliases)
    alias = model.aliases[0]
    (attempt,) = planner("openai").plan(f"openai/{alias}").attempts
    assert (attempt.model, attempt.alias) == (model.id, alias)
    template = next(model for model in OURS.models.values() if model.provider == "openai" and model.template_ids)
    (attempt,) = planner("openai").plan(template.template_ids[0]).attempts
    assert (attempt.model, attempt.alias) == (template.id, None)


# Which provider, where several serve a model.


def shared(*providers: str) -> Catalog:
    """A catalog in which all these providers serve the model `shared`, and `maker` made it."""
    return Catalog(
        [
            Provider(id=name, name=name.title(), adapter="openai_chat", model_prefixes=("shared",) * (name == "maker"))
            for name in providers
        ],
        [ModelInfo(id="shared", provider=name, template_ids=(f"{name}-shared",)) for name in providers],
    )


FOUR = shared("zeta", "maker", "beta", "alpha")


def test_a_bare_name_that_several_serve_goes_to_its_maker_then_in_order_then_by_name() -> None:
    rows = planner("zeta", "maker", "beta", "alpha", rows=FOUR, fallback_order=("zeta",))
    assert tried(rows.plan("shared")) == ["maker/shared", "zeta/shared", "alpha/shared", "beta/shared"]


def test_the_default_provider_goes_before_a_model_s_maker() -> None:
    rows = planner("zeta", "maker", "beta", "alpha", rows=FOUR, fallback_order=("zeta",), default_provider="beta")
    assert tried(rows.plan("shared")) == ["beta/shared", "maker/shared", "zeta/shared", "alpha/shared"]


def test_a_bare_name_that_one_in_use_serves_goes_there() -> None:
    rows = planner("alpha", rows=FOUR, missing={"maker": "set MAKER_API_KEY"})
    plan = rows.plan("shared")
    assert tried(plan) == ["alpha/shared"]
    assert [(drop.provider, drop.code) for drop in plan.dropped] == [
        ("maker", "not_configured"),
        ("beta", "not_configured"),
        ("zeta", "not_configured"),
    ]
    assert plan.dropped[0].reason == "set MAKER_API_KEY"


def test_a_template_id_names_one_provider_among_those_that_serve_the_model() -> None:
    assert tried(planner("zeta", "maker", "beta", "alpha", rows=FOUR).plan("beta-shared")) == ["beta/shared"]


def test_a_named_provider_is_never_left_for_another_that_serves_the_model() -> None:
    rows = planner("alpha", rows=FOUR, missing={"beta": "set BETA_API_KEY"})
    with pytest.raises(ModelNotFoundError, match=r"beta: set BETA_API_KEY"):
        rows.plan("beta/shared")


def test_a_local_provider_answers_where_it_is_named_and_only_there() -> None:
    rows = planner("openai", on_request=("ollama", "vllm", "lmstudio"))
    assert tried(rows.plan("ollama/anything:7b")) == ["ollama/anything:7b"]
    assert tried(rows.plan("llama3.1:8b")) == ["ollama/llama3.1:8b"], "no other provider has it"
    assert all(attempt.provider != "ollama" for attempt in rows.plan("auto").attempts)
    both = shared("local", "other")
    plan = planner("other", rows=both, on_request=("local",)).plan("shared")
    assert tried(plan) == ["other/shared"]


def test_a_model_in_a_wire_format_of_the_future_is_dropped() -> None:
    rows = Catalog(
        [Provider(id="one", name="One", adapter="openai_chat")],
        [ModelInfo(id="new", provider="one", adapter="of_the_future")],
    )
    plan = planner("one", rows=rows).explain("new")
    (drop,) = plan.dropped
    assert (plan.attempts, drop.code, drop.model) == ((), "wire_unknown", "new")
    assert "of_the_future" in drop.reason


# Aliases.


def test_an_alias_is_tried_in_its_order() -> None:
    rows = planner(
        "openai", "gemini", aliases={"fast": ["gemini/gemini-1.5-flash", "anthropic/claude-3-haiku", "gpt-4o-mini"]}
    )
    plan = rows.plan("fast")
    assert tried(plan) == ["gemini/gemini-1.5-flash", "openai/gpt-4o-mini"]
    assert [drop.provider for drop in plan.dropped] == [
        "anthropic",
        *[row.provider for row in OURS.by_name("gpt-4o-mini") if row.provider != "openai"],
    ]


def test_an_alias_may_name_aliases_and_auto() -> None:
    aliases = {"inner": ["openai/gpt-4o"], "outer": ["inner", "openai/gpt-4o-mini"], "any": ["outer", "auto"]}
    rows = planner("openai", "gemini", aliases=aliases, fallback_order=("gemini", "openai"))
    assert tried(rows.plan("outer")) == ["openai/gpt-4o", "openai/gpt-4o-mini"]
    default = OURS.providers["gemini"].default_model
    assert tried(rows.plan("any")) == ["openai/gpt-4o", "openai/gpt-4o-mini", f"gemini/{default}"]


@pytest.mark.parametrize(
    "aliases",
    [
        {"a": ["a"]},
        {"a": ["b"], "b": ["a"]},
        {"a": ["b", "c"], "b": ["c"], "c": ["a", "b"]},
    ],
)
def test_aliases_that_go_round_in_circles_lead_nowhere(aliases: dict[str, list[str]]) -> None:
    with pytest.raises(ModelNotFoundError):
        planner("openai", aliases=aliases).plan("a")


def test_a_way_out_of_a_circle_is_taken() -> None:
    aliases = {"a": ["b", "openai/gpt-4o"], "b": ["a", "openai/gpt-4o-mini"]}
    assert tried(planner("openai", aliases=aliases).plan("a")) == ["openai/gpt-4o-mini", "openai/gpt-4o"]


def test_an_alias_of_a_model_s_name_does_not_replace_the_model() -> None:
    rows = planner("openai", "gemini", aliases={"gpt-4o": ["gemini/gemini-1.5-flash"]})
    assert tried(rows.plan("gpt-4o"))[0] == "openai/gpt-4o"
    assert "gemini/gemini-1.5-flash" not in tried(rows.plan("gpt-4o"))


def test_an_alias_may_be_called_auto_or_like_nobody_s_model() -> None:
    aliases = {"auto": ["openai/gpt-4o"], "gpt-4-but-ours": ["gemini/gemini-1.5-flash"]}
    rows = planner("openai", "gemini", aliases=aliases)
    assert tried(rows.plan("auto")) == ["openai/gpt-4o"]
    assert tried(rows.plan("gpt-4-but-ours")) == ["gemini/gemini-1.5-flash"]


# Auto.


def test_auto_is_every_provider_s_default_model_in_the_fallback_order() -> None:
    order = ("google", "openai", "cohere")
    rows = planner("openai", "gemini", "anthropic", "mistral", fallback_order=order, strategy="manual")
    plan = rows.plan("auto")
    assert [attempt.provider for attempt in plan.attempts] == ["gemini", "openai", "anthropic", "mistral"]
    for attempt in plan.attempts:
        assert attempt.model == OURS.providers[attempt.provider].default_model


def test_the_default_provider_and_default_models_decide_auto() -> None:
    rows = planner(
        "openai",
        "gemini",
        default_provider="openai",
        fallback_order=("gemini", "openai"),
        default_models={"google": "gemini-1.5-flash", "openai": "gpt-4o"},
    )
    assert tried(rows.plan("auto")) == ["openai/gpt-4o", "gemini/gemini-1.5-flash"]


def test_the_mock_stands_in_for_nobody() -> None:
    assert tried(planner("mock").plan("auto")) == ["mock/mock-fast"]
    plan = planner("mock", "openai").plan("auto")
    assert [attempt.provider for attempt in plan.attempts] == ["openai"]
    assert [(drop.provider, drop.code) for drop in plan.dropped] == [("mock", "stand_in")]
    assert tried(planner("mock", "openai").plan("mock/mock-slow")) == ["mock/mock-slow"]
    assert tried(planner("mock", "openai").plan("mock-slow")) == ["mock/mock-slow"]


def test_the_mock_answers_auto_where_it_is_the_default_provider() -> None:
    assert tried(planner("mock", "openai", default_provider="mock").plan("auto"))[0] == "mock/mock-fast"


def test_a_provider_without_a_default_model_is_dropped_from_auto_with_the_setting_to_write() -> None:
    rows = Catalog([Provider(id="one", name="One", adapter="openai_chat")], [])
    plan = planner("one", rows=rows).explain("auto")
    assert [(drop.provider, drop.code) for drop in plan.dropped] == [("one", "no_default_model")]
    assert "default_models" in plan.dropped[0].reason
    assert tried(planner("one", rows=rows, default_models={"one": "m"}).plan("auto")) == ["one/m"]


# What fits nothing.


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("gtp-4o-mini", "openai/gpt-4o-mini"), ("llama3.1:9b", "ollama/llama3.1:8b"), ("cluade-3-opus", "claude-3-opus")],
)
def test_a_name_that_fits_nothing_is_not_found_and_near_names_are_told(typed: str, meant: str) -> None:
    rows = planner("mock")
    with pytest.raises(ModelNotFoundError) as raised:
        rows.plan(typed)
    assert meant in raised.value.message
    assert repr(typed) in raised.value.message
    assert (raised.value.status_code, raised.value.param) == (404, "model")
    assert rows.explain(typed).attempts == ()


NO_NAMES = ["", " ", "/", ":", "//", "openai/", "openai:", "/gpt-4o", "unknown/model", "x" * 10_000]


@pytest.mark.parametrize("name", NO_NAMES)
def test_a_name_that_is_none_is_not_found(name: str) -> None:
    with pytest.raises(ModelNotFoundError):
        planner(*EVERYBODY).plan(name)


def test_a_provider_that_is_not_configured_says_what_to_set() -> None:
    rows = planner("mock", missing={"openai": "set OPENAI_API_KEY"})
    with pytest.raises(ModelNotFoundError, match=r"'openai/gpt-4o' \(openai: set OPENAI_API_KEY\)"):
        rows.plan("openai/gpt-4o")


# Whatever the catalog and the names.

WORDS = st.sampled_from(["a", "b", "c", "a:b", "a/b", "b/c", "auto", "d-1", "d-2"])
IDS = st.sampled_from(["a", "b", "c"])


@st.composite
def catalogs(draw: st.DrawFn) -> Catalog:
    providers = [
        Provider(
            id=name,
            name=name,
            adapter="openai_chat",
            default_model=draw(st.none() | WORDS),
            model_prefixes=tuple(draw(st.lists(st.sampled_from(["d", "d-1"]), max_size=1))),
            stand_in=draw(st.booleans()),
        )
        for name in draw(st.lists(IDS, unique=True, min_size=1))
    ]
    models = {
        (provider.id, name): ModelInfo(
            id=name,
            provider=provider.id,
            aliases=tuple(draw(st.lists(WORDS, max_size=1))),
            template_ids=tuple(draw(st.lists(WORDS, max_size=1))),
        )
        for provider in providers
        for name in draw(st.lists(WORDS, unique=True, max_size=3))
    }
    return Catalog(providers, models.values())


@given(
    rows=catalogs(),
    in_use=st.frozensets(IDS),
    on_request=st.frozensets(IDS),
    aliases=st.dictionaries(WORDS, st.lists(WORDS, max_size=3), max_size=4),
    order=st.lists(IDS, max_size=3),
    default=st.none() | IDS,
    names=st.lists(WORDS, min_size=1, max_size=3),
)
def test_a_plan_is_the_same_each_time_and_holds_no_stranger_and_nothing_twice(
    *,
    rows: Catalog,
    in_use: frozenset[str],
    on_request: frozenset[str],
    aliases: dict[str, list[str]],
    order: list[str],
    default: str | None,
    names: list[str],
) -> None:
    configured = in_use & rows.providers.keys()
    asked = (on_request & rows.providers.keys()) - configured

    def fresh() -> Named:
        return planner(
            *configured,
            rows=rows,
            on_request=tuple(asked),
            aliases=aliases,
            fallback_order=tuple(order),
            default_provider=default if default in rows.providers else None,
        )

    once = fresh()
    for name in names:
        plan = once.explain(name)
        assert plan == fresh().explain(name) == once.explain(name)
        assert len(set(tried(plan))) == len(plan.attempts)
        assert {attempt.provider for attempt in plan.attempts} <= configured | asked
        assert all(drop.code and drop.reason for drop in plan.dropped)
        if plan.attempts:
            assert once.plan(name).attempts == once.plan(name).attempts == plan.attempts
            assert once.whole.chooses(name) or once.plan(name) is once.plan(name)
        else:
            with pytest.raises(ModelNotFoundError):
                once.plan(name)


def test_a_named_model_s_plan_is_the_kept_one_unless_health_marks_what_it_holds() -> None:
    named = planner("openai", "anthropic")
    whole, wanted = named.whole, Wanted(model="openai/gpt-5.2", operation="chat")
    whole.plan(wanted)
    kept = whole.plan(wanted)
    mark = Mark("breaker_open", "it fails")
    elsewhere = HealthView(version=1, providers={"anthropic": mark}, models={"openai/gpt-5.1": mark})
    assert whole.plan(wanted, elsewhere) is kept
    (left,) = whole.plan(wanted, HealthView(version=2, providers={"openai": mark})).attempts
    assert "it fails" in left.reason
    (left,) = whole.plan(wanted, HealthView(version=3, models={"openai/gpt-5.2": mark})).attempts
    assert "it fails" in left.reason

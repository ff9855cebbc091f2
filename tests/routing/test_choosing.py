"""What can answer is filtered first and put in order by score: the same each time, and never what was dropped."""

import datetime
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wye.catalog import Catalog
from wye.catalog.schema import QUALITY_TIERS, Capability, ModelInfo, Price, PriceTier, Provider, QualityTier
from wye.core.errors import (
    ContextLengthError,
    InvalidRequestError,
    PermissionDeniedError,
    UnsupportedOperationError,
    WyeError,
)
from wye.core.plan import Plan, Wanted
from wye.health import HealthView, Mark, Observed
from wye.routing.config import RoutingConfig
from wye.routing.names import Availability
from wye.routing.planner import Planner
from wye.routing.strategies import NAMES, STRATEGIES

NOON = datetime.datetime(2026, 6, 1, 12, tzinfo=datetime.UTC).timestamp()
ABILITIES: tuple[Capability, ...] = ("text", "streaming", "function-calling", "vision")


def model(full_id: str, price: float | None = 1.0, **members: Any) -> ModelInfo:
    """A model whose output costs five times its input, USD per million tokens."""
    provider, _, name = full_id.partition("/")
    rate = None if price is None else Decimal(str(price))
    usual = Price(input=rate, output=None if rate is None else rate * 5)
    members.setdefault("capabilities", frozenset(ABILITIES))
    return ModelInfo(id=name, provider=provider, price=members.pop("whole_price", usual), **members)


def planner(
    *models: ModelInfo,
    aliases: Mapping[str, Sequence[str]] | None = None,
    weights: Mapping[str, Mapping[str, int]] | None = None,
    defaults: Mapping[str, str] | None = None,
    listed: Mapping[str, frozenset[str]] | None = None,
    **config: Any,
) -> Planner:
    names = dict.fromkeys(one.provider for one in models)
    defaults = defaults or {one.provider: one.id for one in reversed(models)}
    rows = [Provider(id=name, name=name, adapter="a", default_model=defaults.get(name)) for name in names]
    return Planner(
        Catalog(rows, models),
        Availability(frozenset(names), wires=frozenset({"a"})),
        RoutingConfig(**config),
        aliases,
        weights=weights,
        listed=listed,
        clock=lambda: NOON,
    )


def tried(plan: Plan) -> list[str]:
    return [attempt.full_id for attempt in plan.attempts]


def asked(name: str = "auto:cost", **members: Any) -> Wanted:
    return Wanted(model=name, input_tokens=members.pop("input_tokens", 1000), **members)


# What each strategy prefers.

CHEAP = model("a/cheap", 0.1, quality_tier="good", latency_tier="medium")
FAST = model("b/fast", 1, quality_tier="good", latency_tier="very-fast")
FINE = model("c/fine", 0.3, quality_tier="high", latency_tier="slow")
BEST = model("d/best", 10, quality_tier="highest", latency_tier="medium")


@pytest.mark.parametrize(
    ("strategy", "first"),
    [
        ("cost", "a/cheap"),
        ("performance", "b/fast"),
        ("quality", "d/best"),
        ("balanced", "c/fine"),
        ("simple", "a/cheap"),
        ("complex", "d/best"),
        ("coding", "d/best"),
        ("creative", "d/best"),
    ],
)
def test_each_strategy_takes_what_it_prefers(strategy: str, first: str) -> None:
    four = planner(CHEAP, FAST, FINE, BEST)
    assert tried(four.plan(asked(f"auto:{strategy}")))[0] == first
    assert four.plan(asked("auto", strategy=strategy)).attempts == four.plan(asked(f"auto:{strategy}")).attempts
    assert four.plan(asked(f"auto:{strategy}")).strategy == strategy


def test_balanced_weighs_cost_and_quality_sixty_to_forty() -> None:
    (candidate,) = planner(FINE).explain(asked("auto:balanced")).candidates
    expected = 0.6 * candidate.parts["cost"] + 0.4 * candidate.parts["quality"]
    assert candidate.score == pytest.approx(expected)


def test_tasks_prefer_models_that_can_do_them() -> None:
    able = frozenset(ABILITIES)
    rows = planner(
        model("a/codes", quality_tier="high", capabilities=able | {"coding"}),
        model("b/thinks", quality_tier="high", capabilities=able | {"reasoning"}),
        model("c/writes", quality_tier="high", capabilities=able | {"artifacts", "long-horizon-tasks"}),
    )
    firsts = {task: tried(rows.plan(asked(f"auto:{task}")))[0] for task in ("coding", "complex", "creative")}
    assert firsts == {"coding": "a/codes", "complex": "b/thinks", "creative": "c/writes"}


def test_cost_is_that_of_the_request_s_own_mix_of_tokens() -> None:
    reads = model("a/reads", whole_price=Price(input=Decimal(1), output=Decimal(20)))
    writes = model("b/writes", whole_price=Price(input=Decimal(4), output=Decimal(4)))
    both = planner(reads, writes)
    assert tried(both.plan(asked(input_tokens=50_000, output_tokens=100)))[0] == "a/reads"
    assert tried(both.plan(asked(input_tokens=100, output_tokens=4000)))[0] == "b/writes"


def test_a_tier_of_prices_counts_from_its_length_on() -> None:
    steep = Price(input=Decimal(1), output=Decimal(1), tiers=(PriceTier(above_input_tokens=1000, input=Decimal(9)),))
    both = planner(
        model("a/steep", whole_price=steep), model("b/flat", whole_price=Price(input=Decimal(2), output=Decimal(2)))
    )
    assert tried(both.plan(asked(input_tokens=900)))[0] == "a/steep"
    assert tried(both.plan(asked(input_tokens=1100)))[0] == "b/flat"


def test_an_unknown_price_is_not_a_low_one() -> None:
    assert tried(planner(model("a/unknown", None), model("b/dear", 99)).plan(asked())) == ["b/dear", "a/unknown"]


def test_what_was_observed_of_speed_replaces_the_tier_once_there_is_enough_of_it() -> None:
    two = planner(model("a/said-fast", latency_tier="very-fast"), model("b/said-slow", latency_tier="slow"))
    for requests, first, source in ((5, "a/said-fast", "tier"), (50, "b/said-slow", "observed")):
        seen = {
            "a/said-fast": Observed(requests=requests, success_rate=1, first_token_p50=9.0),
            "b/said-slow": Observed(requests=requests, success_rate=1, first_token_p50=0.1),
        }
        plan = two.explain(asked("auto:performance"), HealthView(version=1, observed=seen))
        assert tried(plan)[0] == first
        assert {one.speed_from for one in plan.candidates} == {source}


def test_who_is_degraded_or_often_fails_costs_rank() -> None:
    two = planner(model("a/one", 1), model("b/two", 1.1))
    assert tried(two.plan(asked()))[0] == "a/one"
    assert tried(two.plan(asked(), HealthView(version=1, degraded=frozenset({"a"}))))[0] == "b/two"
    failing = {"a/one": Observed(requests=100, success_rate=0.5)}
    assert tried(two.plan(asked(), HealthView(version=2, observed=failing)))[0] == "b/two"


def test_the_model_that_holds_the_conversation_s_beginning_is_cheaper_for_it_and_no_pin() -> None:
    cached: dict[str, Any] = {"whole_price": Price(input=Decimal(2), output=Decimal(2), cache_read=Decimal("0.2"))}
    rows = planner(model("a/holder", **cached), model("b/cheaper", 1.5), model("c/cheapest", 0.05))
    long: dict[str, Any] = {"input_tokens": 20_000, "output_tokens": 100}
    assert tried(rows.plan(asked(**long))) == ["c/cheapest", "b/cheaper", "a/holder"]
    held = rows.plan(asked(**long, holder="a/holder", held_tokens=19_000))
    assert tried(held) == ["c/cheapest", "a/holder", "b/cheaper"]


def test_the_same_model_elsewhere_stands_in_first_then_other_providers() -> None:
    rows = planner(
        model("a/x", 1, family="x"),
        model("a/y", 1.1),
        model("b/z", 1.2),
        model("c/x", 3, family="x"),
    )
    assert tried(rows.plan(asked())) == ["a/x", "c/x", "b/z", "a/y"]


# What is filtered out first.


@pytest.mark.parametrize(
    ("row", "members", "code"),
    [
        (
            model("z/z", 0, capabilities=frozenset({"text", "streaming", "coding"})),
            {"needs": frozenset({"vision"})},
            "lacks_ability",
        ),
        (model("z/z", 0, capabilities=frozenset({"text"})), {"needs": frozenset({"vision"})}, "lacks_ability"),
        (model("z/z", 0, context_window=1000), {"input_tokens": 900, "output_tokens": 200}, "context_length"),
        (model("z/z", 0, max_output_tokens=100), {"output_tokens": 200}, "output_length"),
        (model("z/z", 0), {"providers": frozenset({"ok"})}, "provider_not_allowed"),
        (model("z/z", None), {"max_cost": Decimal(1)}, "price_unknown"),
        (model("z/z", 99), {"max_cost": Decimal("0.01")}, "too_expensive"),
        (model("z/z", 0), {"tags": frozenset({"eu"})}, "lacks_tag"),
        (model("z/z", 0), {"min_quality": "highest"}, "below_quality"),
        (model("z/z", 0, deprecated=True), {}, "deprecated"),
        (model("z/z", 0, retires_on=datetime.date(2026, 5, 1)), {}, "retired"),
        (model("z/z", 0, tags=frozenset({"placeholder"})), {}, "placeholder"),
        (model("z/z", 0, capabilities=frozenset({*ABILITIES, "audio-output"})), {}, "specialised"),
    ],
)
def test_what_cannot_answer_is_dropped_with_its_code_and_a_sentence(
    row: ModelInfo, members: dict[str, Any], code: str
) -> None:
    good = model("ok/ok", 1, quality_tier="highest", tags=frozenset({"eu"}))
    two = planner(row, good)
    plan = two.explain(asked(**members))
    (dropped,) = plan.dropped
    assert (dropped.provider, dropped.model, dropped.code) == ("z", "z", code)
    assert len(dropped.reason) > 10
    assert tried(plan) == tried(two.plan(asked(**members))) == ["ok/ok"]


def test_what_health_marks_is_dropped_with_the_code_of_its_mark() -> None:
    view = HealthView(version=1, models={"a/cheap": Mark("breaker_open", "five failures in a row")})
    plan = planner(CHEAP, FINE).explain(asked(), view)
    assert tried(plan) == ["c/fine"]
    assert [(drop.code, drop.reason) for drop in plan.dropped] == [("breaker_open", "five failures in a row")]


@pytest.mark.parametrize("name", ["auto", "auto:cost", "a/cheap"])
def test_where_nothing_is_well_whoever_walks_the_plan_decides(name: str) -> None:
    view = HealthView(version=1, providers={"a": Mark("breaker_open", "it fails")})
    plan = planner(CHEAP).plan(asked(name), view)
    assert tried(plan) == ["a/cheap"]
    assert "it fails" in plan.attempts[0].reason


def test_a_model_its_provider_does_not_list_is_not_chosen_but_may_be_named() -> None:
    two = planner(CHEAP, FINE, listed={"a": frozenset()})
    assert tried(two.plan(asked())) == ["c/fine"]
    assert tried(two.plan(asked("a/cheap"))) == ["a/cheap"]


@pytest.mark.parametrize(
    ("members", "error", "code", "said"),
    [
        ({"needs": frozenset({"audio"})}, UnsupportedOperationError, "unsupported_operation", "no audio"),
        ({"input_tokens": 90_000}, ContextLengthError, "context_length_exceeded", "do not fit its 8,192"),
        ({"max_cost": Decimal("0.0000001")}, InvalidRequestError, "max_cost_exceeded", "at most $1E-7"),
        ({"providers": frozenset({"q"})}, PermissionDeniedError, "permission_denied", "the caller may use q"),
        ({"tags": frozenset({"mars"})}, InvalidRequestError, "no_model_fits", "no tag 'mars'"),
        ({"min_quality": "highest"}, InvalidRequestError, "no_model_fits", "at least 'highest'"),
    ],
)
@pytest.mark.parametrize("name", ["auto", "auto:cost"])
def test_a_filter_that_leaves_nothing_says_what_is_missing(
    name: str, members: dict[str, Any], error: type[WyeError], code: str, said: str
) -> None:
    with pytest.raises(error) as caught:
        planner(model("a/one", context_window=8192, quality_tier="good")).plan(asked(name, **members))
    assert caught.value.code == code
    assert said in caught.value.message


def test_a_named_model_is_not_held_to_our_estimates_but_to_what_the_caller_said() -> None:
    one = planner(model("a/one", 1, context_window=100), CHEAP)
    assert tried(one.plan(asked("a/one", input_tokens=5000))) == ["a/one"]
    with pytest.raises(InvalidRequestError, match="at most"):
        one.plan(asked("a/one", max_cost=Decimal("0.000001")))
    with pytest.raises(PermissionDeniedError):
        one.plan(asked("a/one", providers=frozenset({"c"})))


# Plain auto.


def test_auto_takes_the_default_model_that_the_strategy_likes_best_and_the_others_stand_in_in_order() -> None:
    rows = planner(BEST, FAST, FINE, CHEAP, fallback_order=("d", "b", "c", "a"))
    assert tried(rows.plan(asked("auto"))) == ["c/fine", "d/best", "b/fast", "a/cheap"]
    cost = planner(BEST, FAST, FINE, CHEAP, fallback_order=("d", "b", "c", "a"), strategy="cost")
    assert tried(cost.plan(asked("auto"))) == ["a/cheap", "d/best", "b/fast", "c/fine"]


def test_manual_and_a_default_provider_keep_the_order_that_was_written() -> None:
    order = ("d", "b", "c", "a")
    manual = planner(BEST, FAST, FINE, CHEAP, fallback_order=order, strategy="manual")
    assert tried(manual.plan(asked("auto"))) == ["d/best", "b/fast", "c/fine", "a/cheap"]
    default = planner(BEST, FAST, FINE, CHEAP, fallback_order=order, default_provider="b")
    assert tried(default.plan(asked("auto"))) == ["b/fast", "d/best", "c/fine", "a/cheap"]


def test_auto_takes_another_model_where_no_default_one_can_answer() -> None:
    rows = planner(
        model("a/default", capabilities=frozenset({"text", "streaming", "coding"})),
        model("a/sees", 5),
        defaults={"a": "default"},
    )
    plan = rows.plan(asked("auto", needs=frozenset({"vision"})))
    assert tried(plan) == ["a/sees"]


# Turns.


def test_round_robin_gives_every_default_model_its_weight_evenly_spread() -> None:
    rows = planner(CHEAP, FAST, FINE, weights=None, fallback_order=("a", "b", "c"))
    firsts = [tried(rows.plan(asked("auto:round-robin", turn=turn)))[0] for turn in range(6)]
    assert firsts == ["a/cheap", "b/fast", "c/fine"] * 2
    heavy = Planner(
        Catalog(
            [Provider(id=name, name=name, adapter="x", default_model="m") for name in "ab"],
            [model("a/m"), model("b/m")],
        ),
        Availability(frozenset("ab")),
        RoutingConfig(weights={"a": 3}, strategy="round-robin"),
        clock=lambda: NOON,
    )
    turns = [heavy.plan(asked("auto", turn=turn)).attempts[0].provider for turn in range(8)]
    assert turns == ["a", "a", "b", "a"] * 2


def test_an_alias_with_weights_takes_turns_and_skips_who_is_unwell() -> None:
    aliases = {"pair": ["a/cheap", "c/fine"]}
    rows = planner(CHEAP, FINE, aliases=aliases, weights={"pair": {"a/cheap": 1, "c/fine": 2}})
    firsts = [tried(rows.plan(asked("pair", turn=turn)))[0] for turn in range(6)]
    assert (firsts.count("a/cheap"), firsts.count("c/fine")) == (2, 4)
    view = HealthView(version=1, providers={"c": Mark("breaker_open", "it fails")})
    assert {tried(rows.plan(asked("pair", turn=turn), view))[0] for turn in range(6)} == {"a/cheap"}


def test_an_alias_passes_over_models_that_cannot_do_what_the_request_needs() -> None:
    blind = model("a/blind", capabilities=frozenset({"text", "streaming", "coding"}))
    rows = planner(blind, FINE, aliases={"any": ["a/blind", "c/fine"]})
    assert rows.chooses("any")
    assert tried(rows.plan(asked("any"))) == ["a/blind", "c/fine"]
    assert tried(rows.plan(asked("any", needs=frozenset({"vision"})))) == ["c/fine"]


def test_a_strategy_chooses_among_the_models_of_an_alias() -> None:
    rows = planner(BEST, CHEAP, FINE, aliases={"two": ["d/best", "c/fine"], "thrifty": ["auto:cost"]})
    assert tried(rows.plan(asked("two"))) == ["d/best", "c/fine"]
    assert tried(rows.plan(asked("two", strategy="cost"))) == ["c/fine", "d/best"]
    assert tried(rows.plan(asked("thrifty")))[0] == "a/cheap"


def test_fallbacks_let_another_model_answer_after_all_that_serve_the_one_named() -> None:
    rows = planner(
        model("a/shared"), model("b/shared"), FINE, fallbacks={"shared": ("c/fine",)}, fallback_order=("a", "b")
    )
    assert tried(rows.plan(asked("shared"))) == ["a/shared", "b/shared", "c/fine"]
    assert "fallbacks" in rows.plan(asked("shared")).attempts[-1].reason
    assert tried(rows.plan(asked("a/shared"))) == ["a/shared"]


# Whatever the models and the request.

PRICES = st.sampled_from([None, 0.0, 0.1, 0.25, 1.0, 3.0, 20.0])
TIERS: st.SearchStrategy[QualityTier] = st.sampled_from(QUALITY_TIERS)


@st.composite
def rows(draw: st.DrawFn) -> list[ModelInfo]:
    names = draw(
        st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("mnopq")), unique=True, min_size=1, max_size=12)
    )
    return [
        model(
            f"{provider}/{name}",
            draw(PRICES),
            quality_tier=draw(TIERS),
            latency_tier=draw(st.sampled_from(["very-fast", "fast", "medium", "slow"])),
            context_window=draw(st.sampled_from([None, 1000, 100_000])),
            deprecated=draw(st.booleans()),
            family=draw(st.sampled_from([None, "x", "y"])),
            capabilities=frozenset(draw(st.sets(st.sampled_from([*ABILITIES, "reasoning"]), min_size=1))) | {"text"},
        )
        for provider, name in names
    ]


WANTED = st.builds(
    Wanted,
    model=st.sampled_from(["auto", *(f"auto:{name}" for name in (*STRATEGIES, "round-robin"))]),
    needs=st.frozensets(st.sampled_from(["vision", "function-calling", "reasoning"])),
    input_tokens=st.integers(0, 5000),
    output_tokens=st.none() | st.integers(1, 5000),
    strategy=st.none() | st.sampled_from(NAMES),
    max_cost=st.none() | st.sampled_from([Decimal("0.0001"), Decimal("0.01")]),
    min_quality=st.none() | TIERS,
    providers=st.none() | st.frozensets(st.sampled_from("abc")),
    turn=st.integers(0, 20),
)
HEALTH = st.builds(
    HealthView,
    version=st.just(1),
    providers=st.dictionaries(st.sampled_from("abc"), st.just(Mark("breaker_open", "it fails")), max_size=1),
    models=st.dictionaries(st.sampled_from(["a/m", "b/n"]), st.just(Mark("model_missing", "it is gone"))),
    degraded=st.frozensets(st.sampled_from(["a", "b/m"])),
)


@given(models=rows(), wanted=WANTED, health=HEALTH)
def test_a_plan_holds_nothing_that_was_dropped_and_is_what_explain_shows(
    models: list[ModelInfo], wanted: Wanted, health: HealthView
) -> None:
    first, second = planner(*models), planner(*models)
    shown = first.explain(wanted, health)
    assert shown == second.explain(wanted, health) == first.explain(wanted, health)
    dropped = {f"{drop.provider}/{drop.model}" for drop in shown.dropped}
    pooled = wanted.model != "auto" or wanted.strategy is not None
    assert dropped.isdisjoint(tried(shown)) or not pooled
    assert len(set(tried(shown))) == len(shown.attempts)
    if shown.attempts:
        assert second.plan(wanted, health).attempts == shown.attempts
    else:
        with pytest.raises(WyeError):
            second.plan(wanted, health)
    known = {one.full_id: one for one in models}
    for name in tried(shown):
        assert wanted.providers is None or known[name].provider in wanted.providers
        assert known[name].capabilities >= wanted.needs or known[name].capabilities <= {"text", "streaming"}


@given(models=rows(), wanted=WANTED, at=st.integers(0, 11))
def test_a_cheaper_twin_is_never_ranked_below_under_cost(models: list[ModelInfo], wanted: Wanted, at: int) -> None:
    dear = models[at % len(models)]
    rate = dear.price.input if dear.price.input is not None else Decimal(5)
    half = model(f"{dear.provider}/zz-twin", float(rate / 2))
    twin = ModelInfo(
        **{**{name: getattr(dear, name) for name in dear.__struct_fields__}, "id": half.id, "price": half.price}
    )
    both = planner(*models, twin)
    wanted = Wanted(model="auto:cost", input_tokens=wanted.input_tokens, output_tokens=wanted.output_tokens)
    plan = both.explain(wanted)
    ranked = [f"{one.provider}/{one.model}" for one in plan.candidates]
    if dear.full_id in ranked and rate > 0:
        assert ranked.index(twin.full_id) < ranked.index(dear.full_id)
    if dear.full_id in tried(plan) and rate > 0:
        assert tried(plan).index(twin.full_id) < tried(plan).index(dear.full_id)

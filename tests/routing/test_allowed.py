"""What a caller may ask is a filter of every plan, for names, aliases and choices; what it prefers goes first."""

import pytest

from wye import catalog
from wye.core.errors import ModelNotFoundError, PermissionDeniedError
from wye.core.plan import Plan, Wanted
from wye.routing.config import RoutingConfig
from wye.routing.names import Availability
from wye.routing.planner import Planner

OURS = catalog.load()
WIRES = frozenset({"openai_chat", "anthropic_messages", "gemini"})
MINI = "openai/gpt-4o-mini"


def planner(**config: object) -> Planner:
    can = Availability(frozenset({"openai", "anthropic", "openrouter", "vertex"}), wires=WIRES)
    aliases = {"fast": ["openai/gpt-4o-mini", "anthropic/claude-3-5-haiku-20241022"]}
    return Planner(OURS, can, RoutingConfig(**config), aliases)  # type: ignore[arg-type]


def asked(name: str, *models: str, providers: frozenset[str] | None = None) -> Wanted:
    return Wanted(model=name, models=frozenset(models) if models else None, providers=providers)


def tried(plan: Plan) -> list[str]:
    return [attempt.full_id for attempt in plan.attempts]


@pytest.mark.parametrize("allowed", [MINI, "openai/*", "gpt-4o-mini", "openai:gpt-4o-mini", "openai-gpt-4o-mini"])
def test_every_form_of_a_name_allows_the_model_it_leads_to(allowed: str) -> None:
    assert tried(planner().plan(asked(MINI, allowed))) == [MINI]


@pytest.mark.parametrize("name", ["openai/gpt-4o", "gpt-4o", "anthropic/claude-sonnet-4-5", "openai/x"])
def test_what_is_not_allowed_is_refused_with_the_reason(name: str) -> None:
    with pytest.raises(PermissionDeniedError, match=MINI) as refused:
        planner().plan(asked(name, MINI))
    assert refused.value.code == "model_not_allowed"


def test_auto_chooses_among_what_is_allowed() -> None:
    plan = planner().explain(asked("auto:quality", "anthropic/*", MINI))
    assert {attempt.provider for attempt in plan.attempts} <= {"anthropic", "openai"}
    assert {full_id for full_id in tried(plan) if full_id.startswith("openai/")} <= {MINI}
    assert any(drop.code == "model_not_allowed" and drop.provider == "openrouter" for drop in plan.dropped)


def test_an_alias_that_is_allowed_may_be_answered_by_what_it_stands_for_which_may_not_be_named() -> None:
    plans = planner()
    assert tried(plans.plan(asked("fast", "fast")))[0] == MINI
    with pytest.raises(PermissionDeniedError):
        plans.plan(asked(MINI, "fast"))


def test_an_alias_that_is_not_allowed_leads_to_its_allowed_models_only() -> None:
    assert tried(planner().plan(asked("fast", MINI))) == [MINI]


def test_a_fallback_does_not_lead_out_of_what_is_allowed() -> None:
    plans = planner(fallbacks={MINI: ("anthropic/claude-sonnet-4-5",)})
    assert len(tried(plans.plan(asked(MINI)))) == 2
    assert tried(plans.plan(asked(MINI, MINI))) == [MINI]


def test_a_name_is_remembered_for_nobody_who_may_not_ask_it() -> None:
    plans = planner()
    assert tried(plans.plan(asked(MINI))) == [MINI]
    with pytest.raises(PermissionDeniedError):
        plans.plan(asked(MINI, "anthropic/*"))
    with pytest.raises(PermissionDeniedError, match="no provider that the caller may use"):
        plans.plan(asked(MINI, providers=frozenset({"anthropic"})))
    assert tried(plans.plan(asked(MINI, MINI, providers=frozenset({"openai"})))) == [MINI]


def test_a_name_that_fits_nothing_is_not_found_whoever_asks() -> None:
    with pytest.raises(ModelNotFoundError):
        planner().plan(asked("no-such-model-anywhere", MINI))


# --- What the caller prefers ---


def test_the_preferred_provider_goes_first_for_auto_and_for_names_that_leave_it_open() -> None:
    plans = planner()
    for name in ("auto", "claude-opus-4-5"):
        for preferred in ("vertex", "anthropic"):
            plan = plans.plan(Wanted(model=name, preferred=preferred))
            assert plan.attempts[0].provider == preferred, name


def test_a_name_that_says_its_provider_an_alias_and_a_strategy_are_stronger_than_a_preference() -> None:
    plans = planner(fallbacks={MINI: ("openrouter/openai/gpt-4o-mini",)})
    for name in (MINI, "openai:gpt-4o-mini", "fast"):
        plan = plans.plan(Wanted(model=name, preferred="openrouter"))
        assert plan.attempts[0].full_id == MINI, name
    cheapest = plans.plan(Wanted(model="auto:cost"))
    assert tried(plans.plan(Wanted(model="auto:cost", preferred="anthropic"))) == tried(cheapest)


def test_the_callers_own_strategy_chooses_where_the_request_says_none() -> None:
    plans = planner()
    assert plans.plan(Wanted(model="auto", default_strategy="cost")).strategy == "cost"
    assert plans.plan(Wanted(model="auto", default_strategy="cost", strategy="quality")).strategy == "quality"
    assert plans.plan(Wanted(model=MINI, default_strategy="cost")).strategy is None

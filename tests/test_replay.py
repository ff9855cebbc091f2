"""Stored requests are planned again by the same planner, and a stated mix shows what strategies save."""

import json
from decimal import Decimal
from typing import Any

import pytest

from wye import catalog, replay
from wye.catalog import Catalog
from wye.catalog.schema import QUALITY_TIERS, ModelInfo, Price, Provider
from wye.core.errors import InvalidRequestError
from wye.routing.names import Availability
from wye.routing.planner import Planner

WIRES = frozenset({"openai_chat", "anthropic_messages", "gemini", "bedrock_converse", "openai_responses"})


def priced(name: str, price: int, **members: Any) -> ModelInfo:
    rates = Price(input=Decimal(price), output=Decimal(price))
    return ModelInfo(id=name, provider="up", price=rates, **members)


ROWS = Catalog(
    [Provider(id="up", name="Up", adapter="openai_chat", default_model="dear")],
    [
        priced("dear", 10, quality_tier="highest", capabilities=frozenset({"text", "vision", "streaming"})),
        priced("cheap", 1, quality_tier="good", capabilities=frozenset({"text", "coding", "streaming"})),
    ],
)
PLANNER = Planner(ROWS, Availability(frozenset({"up"}), wires=WIRES))
HELLO = {"model": "up/dear", "messages": [{"role": "user", "content": "Hello"}]}
SEEN = [{"type": "image_url", "image_url": {"url": "https://example.test/cat.png"}}]


def replayed(*lines: dict[str, Any], strategy: str = "cost") -> list[replay.Replayed]:
    stored = replay.read([json.dumps(line).encode() for line in lines], PLANNER)
    return list(replay.replay(stored, PLANNER, ROWS, strategy))


def test_a_stored_request_is_chosen_for_and_priced_anew() -> None:
    usage = {"prompt_tokens": 1000, "completion_tokens": 500}
    (one,) = replayed({"request": HELLO, "model": "up/dear", "usage": usage})
    assert (one.was, one.was_cost, one.now, one.now_cost) == (
        "up/dear",
        Decimal("0.015"),
        "up/cheap",
        Decimal("0.0015"),
    )
    (told,) = replayed({"request": HELLO, "model": "up/dear", "usage": usage, "cost_usd": 0.5})
    assert told.was_cost == Decimal("0.5")


def test_what_a_request_needs_is_heeded() -> None:
    looking = {"request": {**HELLO, "messages": [{"role": "user", "content": SEEN}]}}
    assert replayed(looking)[0].now == "up/dear"


def test_lines_of_the_gateway_s_own_log_are_read_and_others_of_it_passed_over() -> None:
    line = {"event": "request", "path": "/v1/chat/completions", "provider": "up", "model": "dear"}
    found = replayed({**line, "input_tokens": 100, "output_tokens": 50, "cost_usd": "0.0015"}, {**line, "status": 502})
    assert [(one.was, one.was_cost, one.now) for one in found] == [("up/dear", Decimal("0.0015"), "up/cheap")]


def test_a_bare_request_body_was_answered_by_who_would_answer_it_as_it_was_asked() -> None:
    usage = {"prompt_tokens": 1000, "completion_tokens": 500}
    asked = [HELLO, {**HELLO, "model": "auto", "strategy": "quality"}, {**HELLO, "model": "auto", "strategy": "cost"}]
    found = replayed(*({**one, "usage": usage} for one in asked))
    assert [(one.was, one.was_cost) for one in found] == [
        ("up/dear", Decimal("0.015")),
        ("up/dear", Decimal("0.015")),
        ("up/cheap", Decimal("0.0015")),
    ]
    assert all(one.supposed and one.now == "up/cheap" and one.now_cost == Decimal("0.0015") for one in found)


def test_who_is_said_to_have_answered_is_not_supposed() -> None:
    (one,) = replayed({"request": HELLO, "model": "up/cheap"})
    assert (one.was, one.supposed) == ("up/cheap", False)


@pytest.mark.parametrize("asked", [{"model": "gone/away"}, {"model": None}])
def test_a_bare_request_that_nobody_would_answer_today_has_an_unknown_past(asked: dict[str, Any]) -> None:
    (one,) = replayed({**HELLO, **asked}, strategy="quality")
    assert (one.was, one.was_cost, one.supposed, one.now) == (None, None, False, "up/dear")


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": 1000, "completion_tokens": 500, "prompt_tokens_details": {"cached_tokens": 600}},
        {"input_tokens": 1000, "output_tokens": 500, "input_tokens_details": {"cached_tokens": 600}},
        {"input_tokens": 400, "output_tokens": 500, "cache_read_input_tokens": 600, "cache_creation_input_tokens": 0},
    ],
)
def test_what_was_read_from_a_cache_is_cheaper_where_a_model_caches(usage: dict[str, Any]) -> None:
    caching = Price(input=Decimal(10), output=Decimal(10), cache_read=Decimal(1))
    rows = Catalog(ROWS.providers.values(), [ModelInfo(id="dear", provider="up", price=caching), priced("cheap", 1)])
    planner = Planner(rows, Availability(frozenset({"up"}), wires=WIRES))
    stored = replay.read([json.dumps({"request": HELLO, "model": "up/dear", "usage": usage}).encode()], planner)
    (one,) = replay.replay(stored, planner, rows, "cost")
    assert one.was_cost == Decimal("0.0096")
    assert (one.now, one.now_cost) == ("up/cheap", Decimal("0.0015"))


def test_an_unknown_strategy_of_a_line_is_named_with_its_line() -> None:
    with pytest.raises(InvalidRequestError, match=r"line 1.*dear"):
        replayed({**HELLO, "strategy": "dear"})


@pytest.mark.parametrize(
    "line", [b"[]", b"{", b'{"messages": 3}', b'{"messages": [], "usage": {"prompt_tokens": "x"}}']
)
def test_a_line_that_is_no_request_is_named(line: bytes) -> None:
    with pytest.raises(InvalidRequestError, match="line 2"):
        list(replay.read([b"", line], PLANNER))


def test_nobody_that_could_answer_is_told() -> None:
    heard = {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}]}
    (one,) = replayed({**HELLO, "messages": [heard]})
    assert one.now is None
    assert one.error is not None
    assert "audio" in one.error


@pytest.mark.parametrize("providers", [["openai"], ["anthropic"], ["gemini"], ["openai", "anthropic", "gemini"]])
@pytest.mark.parametrize("strategy", ["balanced", "cost"])
def test_the_stated_mix_is_at_least_half_as_cheap_and_nobody_gets_less_than_was_asked_for(
    strategy: str, providers: list[str]
) -> None:
    whole = catalog.load()
    rows = [row for row in whole.models.values() if row.provider in providers and not row.price.is_free]
    known = Catalog(whole.providers.values(), rows)
    planner = Planner(known, Availability(frozenset(providers), wires=WIRES))
    stored = replay.mix(replay.premium_of(rows))
    found = list(replay.replay(stored, planner, known, strategy))
    assert len(found) == 100
    assert sum(one.wanted.min_quality == "high" for one in stored) == 50
    for one in found:
        assert one.now is not None
        assert one.wanted.min_quality is not None
        tiers: list[str] = [*QUALITY_TIERS]
        assert tiers.index(known.models[one.now].quality_tier) <= tiers.index(one.wanted.min_quality)
        assert one.wanted.needs <= known.models[one.now].capabilities
    was = replay.total([one.was_cost for one in found])
    now = replay.total([one.now_cost for one in found])
    assert was is not None
    assert now is not None
    assert now <= was / 2

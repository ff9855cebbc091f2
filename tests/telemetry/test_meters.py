"""What is counted of requests, under names that nobody but the operator chose."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from wye.core.record import AttemptRecord, UsageRecord
from wye.telemetry.meters import DURATION_SECONDS, OTHER, Meters, ModelSums, added


def record(**members: Any) -> UsageRecord:
    given = {"provider": "up", "model": "m", "duration": 2_000_000, "tries": 1, "cost": 0}
    return UsageRecord(**{"id": "1", "at": 0, "user": "u", "status": "ok", **given, **members})


def attempt(provider: str = "up", model: str = "m", error: str | None = None, **members: Any) -> AttemptRecord:
    return AttemptRecord(provider=provider, model=model, at=0, duration=1, error=error, **members)


def meters(**settings: Any) -> Meters:
    def labels(provider: str, model: str) -> tuple[str, str]:
        known = (model.startswith("m"), provider in {"up", "spare"})
        return (provider if known[1] else OTHER), (model if all(known) else OTHER)

    return Meters(labels, **settings)


def test_a_plain_request_is_one_call_with_its_tokens_and_money() -> None:
    counted = meters()
    counted.observe(record(input_tokens=3, output_tokens=2, cache_read_tokens=1, cost=23, first_token=40_000))
    sums = counted.models["up", "m"]
    assert sums.requests == {("chat", "ok"): 1}
    assert sums.calls == {"ok": 1}
    assert sums.tokens == [3, 2, 1, 0, 0, 0]
    assert (sums.cost, sums.unpriced, sums.cached) == (23, 0, 0)
    assert (sum(sums.first_token.counts), sums.first_token.total) == (1, 0.04)
    assert sums.duration.counts[DURATION_SECONDS.index(2.5)] == 1


def test_attempts_are_told_apart_as_retries_and_failovers() -> None:
    counted = meters()
    tries = (attempt(error="overloaded"), attempt(error="timeout"), attempt("spare"))
    counted.observe(record(provider="spare", tries=3, attempts=tries))
    up, spare = counted.models["up", "m"], counted.models["spare", "m"]
    assert up.calls == {"overloaded": 1, "timeout": 1}
    assert (up.retries, up.failovers) == (1, 1)
    assert spare.calls == {"ok": 1}
    assert spare.requests == {("chat", "ok"): 1}
    assert up.requests == {}


def test_an_answer_from_the_cache_counts_what_it_saved_and_no_call() -> None:
    counted = meters()
    counted.observe(record(cached=True, saved=23, tries=0))
    sums = counted.models["up", "m"]
    assert (sums.cached, sums.saved, sums.cost, sums.calls) == (1, 23, 0, {})


def test_a_cost_that_nobody_knows_is_counted_as_such() -> None:
    counted = meters()
    counted.observe(record(cost=None))
    assert counted.models["up", "m"].unpriced == 1


def test_names_that_callers_make_up_are_one_row() -> None:
    counted = meters()
    for number in range(1000):
        counted.observe(record(provider=f"p{number}", model=f"x{number}"))
        counted.observe(record(provider="up", model=f"x{number}"))
        counted.observe(record(provider=None, model=None, tries=0))
    assert set(counted.models) == {(OTHER, OTHER), ("up", OTHER)}


def test_models_beyond_the_number_allowed_are_one_row_of_their_provider() -> None:
    counted = meters(max_models=3)
    for number in range(10):
        counted.observe(record(model=f"m{number}"))
    assert set(counted.models) == {("up", "m0"), ("up", "m1"), ("up", "m2"), ("up", OTHER)}
    assert sum(sums.requests["chat", "ok"] for sums in counted.models.values()) == 10


def test_codes_that_providers_make_up_are_few_and_plain() -> None:
    counted = meters()
    for number in range(1000):
        counted.observe(record(status="error", attempts=(attempt(error=f"code_{number}"),)))
    counted.observe(record(status="error", attempts=(attempt(error='x" or {"'),)))
    counted.observe(record(status="error", attempts=(attempt(error="x" * 65),)))
    calls = counted.models["up", "m"].calls
    assert len(calls) == 65
    assert sum(calls.values()) == 1002


numbers = st.integers(0, 10**6)
records = st.builds(
    record,
    cost=st.none() | numbers,
    input_tokens=numbers,
    duration=numbers,
    first_token=st.none() | numbers,
    status=st.sampled_from(["ok", "error", "cancelled"]),
    cached=st.booleans(),
    saved=st.none() | numbers,
    attempts=st.just(()) | st.lists(st.builds(attempt, error=st.none() | st.just("timeout"))).map(tuple),
)


@given(st.lists(records, min_size=1), st.lists(records, min_size=1))
def test_what_two_processes_counted_adds_up(one: list[UsageRecord], other: list[UsageRecord]) -> None:
    alone, both = [meters(), meters()], meters()
    for counted, seen in zip(alone, (one, other), strict=True):
        for each in seen:
            counted.observe(each)
            both.observe(each)
    total: ModelSums = added(*(counted.models["up", "m"] for counted in alone))
    wanted = both.models["up", "m"]
    assert abs(total.duration.total - wanted.duration.total) < 1e-6
    assert abs(total.first_token.total - wanted.first_token.total) < 1e-6
    for histogram in (total.duration, total.first_token, wanted.duration, wanted.first_token):
        histogram.total = 0.0
    assert total == wanted

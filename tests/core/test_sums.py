"""What records add up to: nothing is lost, nothing is counted twice, and each provider has what is its own."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from wye.core.folding import PROVIDERS_FAULTS, fold
from wye.core.record import HOUR_US, AttemptRecord, UsageRecord
from wye.core.sketch import bucket
from wye.core.sums import SUMMED, Folded, Sums

AT = 500_000 * HOUR_US + 17


def record(**more: Any) -> UsageRecord:
    """Return the record of a request that went well."""
    plain: dict[str, Any] = {
        "id": "req_1", "at": AT, "user": "ann", "status": "ok", "provider": "one", "model": "m",
        "input_tokens": 10, "output_tokens": 5, "cost": 700, "first_token": 2000, "duration": 9000, "tries": 1,
    }  # fmt: skip
    return UsageRecord(**{**plain, **more})


def attempt(provider: str, error: str | None = None, **more: Any) -> AttemptRecord:
    """Return a call to a provider's model m."""
    return AttemptRecord(provider=provider, model="m", at=AT, duration=4000, error=error, **more)


def at(folded: Folded, provider: str) -> Sums:
    """Return the sums of Ann's at a provider's model m."""
    return folded.hours[AT // HOUR_US, "ann", "", "", provider, "m"]


def test_a_request_is_counted_where_it_was_answered() -> None:
    folded = fold([record(), record(status="error", cost=None, first_token=None)])
    assert at(folded, "one") == Sums(
        requests=2, errors=1, tries=2, input_tokens=20, output_tokens=10, cost=700, unknown_costs=1,
        answered=1, duration=9000, first_token=2000, first_tokens=1,
    )  # fmt: skip
    hour = AT // HOUR_US
    assert folded.latencies == {
        (hour, "one", "m", "total", bucket(9000)): 1,
        (hour, "one", "m", "first_token", bucket(2000)): 1,
    }


def test_a_call_that_failed_is_held_against_the_provider_that_was_called() -> None:
    attempts = (
        attempt("bad", "overloaded"),
        attempt("bad", "overloaded", cost=100, input_tokens=4),
        attempt("one", cost=600, input_tokens=6, output_tokens=5, first_token=1000),
    )
    folded = fold([record(attempts=attempts, tries=3)])
    bad, one = at(folded, "bad"), at(folded, "one")
    assert (bad.requests, bad.tries, bad.failures, bad.retries, bad.failovers) == (0, 2, 2, 1, 1)
    assert (one.requests, one.tries, one.failures, one.retries, one.failovers) == (1, 1, 0, 0, 0)
    assert (bad.cost, one.cost, bad.input_tokens, one.input_tokens) == (100, 600, 4, 6)
    assert (one.first_token, one.duration) == (1000, 4000), "the time of the call that answered, not of those before"


def test_what_the_caller_did_wrong_is_no_failure_of_the_provider() -> None:
    attempts = (attempt("one", "context_length_exceeded"),)
    sums = at(fold([record(status="error", error="context_length_exceeded", attempts=attempts)]), "one")
    assert (sums.errors, sums.failures) == (1, 0)
    assert {"overloaded", "timeout", "rate_limit_exceeded"} <= PROVIDERS_FAULTS
    assert "model_not_found" not in PROVIDERS_FAULTS


def test_an_answer_from_the_cache_says_nothing_of_a_providers_speed() -> None:
    folded = fold([record(cached=True, saved=700, cost=0, tries=0)])
    assert not folded.latencies
    assert (at(folded, "one").cached, at(folded, "one").answered, at(folded, "one").saved) == (1, 0, 700)


def test_a_request_counts_under_each_of_its_tags() -> None:
    folded = fold([record(tags=("red", "blue")), record(tags=("red",))])
    assert {tag: sums.requests for (tag, _), sums in folded.tags.items()} == {"red": 2, "blue": 1}


def test_a_request_counts_for_its_conversation() -> None:
    folded = fold([record(conversation="c"), record(conversation="c"), record()])
    assert {name: sums.requests for (name, _), sums in folded.conversations.items()} == {"c": 2}


MONEY = st.one_of(st.none(), st.integers(0, 10**9))
ATTEMPTS = st.builds(
    attempt, st.sampled_from(["one", "two"]), st.sampled_from([None, "overloaded"]),
    cost=MONEY, reported_cost=MONEY, input_tokens=MONEY, output_tokens=MONEY,
)  # fmt: skip


@given(st.lists(st.tuples(MONEY, st.lists(ATTEMPTS, max_size=4), st.sampled_from(["ok", "error", "lost"]))))
def test_sums_are_those_of_the_requests_whatever_was_called_on_the_way(drawn: list[Any]) -> None:
    records = [
        record(
            id=str(number), cost=cost, status=status, attempts=tuple(attempts), tries=len(attempts),
            reported_cost=sum(one.reported_cost or 0 for one in attempts),
        )
        for number, (cost, attempts, status) in enumerate(drawn)
    ]  # fmt: skip
    folded = fold(records)
    for name in ("input_tokens", "output_tokens", "cost", "reported_cost", "tries"):
        wanted = sum(getattr(one, name) or 0 for one in records)
        assert sum(getattr(sums, name) for sums in folded.hours.values()) == wanted, name
    assert sum(sums.requests for sums in folded.hours.values()) == len(records)


def test_the_names_of_sums_are_those_of_its_fields() -> None:
    assert len(SUMMED) == len(set(SUMMED)) == 26

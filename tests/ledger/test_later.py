"""What becomes known of a request later is booked beside what was booked of it at first, and nothing twice."""

from msgspec import structs
from tests.support.books import attempt, used
from tests.support.gateway import catalog_rows

from wye.core.usage import Usage
from wye.ledger.later import rest_of

ALL = Usage(input_tokens=1000, output_tokens=2000)
COST = 1000 * 2_500_000 + 2000 * 10_000_000
"""What that costs at gpt-4o, in picodollars."""


def test_both_records_together_are_what_was_used() -> None:
    first = used(input_tokens=9, output_tokens=0, cost=9 * 2_500_000, estimated=True)
    rest = rest_of(first, ALL, catalog_rows(), status="ok")
    assert (first.input_tokens + rest.input_tokens, first.output_tokens + rest.output_tokens) == (1000, 2000)
    assert (first.cost or 0) + (rest.cost or 0) == COST
    assert (rest.id, rest.at, rest.parent, rest.estimated) == (f"{first.id}-end", first.at, first.id, False)
    assert rest == rest_of(first, ALL, catalog_rows(), status="ok"), "the same wherever it is found"


def test_what_was_called_before_in_vain_stays_paid_beside_it() -> None:
    first = used(input_tokens=109, output_tokens=50, cost=7_000_000 + 9 * 2_500_000)
    calls = (
        attempt(first, input_tokens=100, output_tokens=50, cost=7_000_000),
        attempt(first, input_tokens=9, output_tokens=0, cost=9 * 2_500_000),
    )
    rest = rest_of(structs.replace(first, attempts=calls), ALL, catalog_rows(), status="ok")
    assert (first.cost or 0) + (rest.cost or 0) == COST + 7_000_000
    assert rest.attempts == ()


def test_an_estimate_that_was_too_high_is_given_back_to_nobody() -> None:
    first = used(input_tokens=5000, output_tokens=0, cost=5000 * 2_500_000, estimated=True)
    rest = rest_of(first, Usage(input_tokens=1000, output_tokens=1), catalog_rows(), status="ok")
    assert (rest.input_tokens, rest.output_tokens, rest.cost) == (0, 1, 0)


def test_what_nobody_knows_the_price_of_stays_unknown() -> None:
    rest = rest_of(used(model="nobody-knows", hold=5), ALL, catalog_rows(), status="ok")
    assert (rest.cost, rest.hold) == (None, 5)

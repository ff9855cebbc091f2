"""Money is exact: by hand, against an independent computation, and at its edges."""

import ast
import datetime
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wye.catalog.schema import Price, PriceTier, PriceWindow
from wye.core.usage import Usage
from wye.ledger.price import Rater, cost, version_of

D = Decimal
MINI = Price(input=D("0.15"), output=D("0.60"), cache_read=D("0.075"))
CLAUDE = Price(input=D(3), output=D(15), cache_read=D("0.30"), cache_write=D("3.75"))
AUDIO = Price(input=D("2.50"), output=D(10), audio_input=D(40), audio_output=D(80))
THINKS = Price(input=D(2), output=D(8), reasoning=D(3), per_request=D("0.005"))
TIERED = Price(
    input=D("1.25"),
    output=D(10),
    cache_read=D("0.125"),
    tiers=(PriceTier(above_input_tokens=200_000, input=D("2.50"), output=D(15)),),
)


def of(**counts: int) -> Usage:
    return msgspec.convert({f"{name}_tokens": count for name, count in counts.items()}, Usage)


@pytest.mark.parametrize(
    ("price", "usage", "usd"),
    [
        (MINI, of(input=1000, output=500), "0.00045"),
        (MINI, of(input=1000, output=500, cache_read=400), "0.00042"),
        (CLAUDE, of(input=10_000, output=100, cache_read=6000, cache_write=3000), "0.01755"),
        (AUDIO, of(input=300, output=200, audio_input=250, audio_output=150), "0.022625"),
        (THINKS, of(input=100, output=900, reasoning=700), "0.0089"),
        (TIERED, of(input=200_000, output=1000), "0.26"),
        (TIERED, of(input=200_001, output=1000), "0.5150025"),
        (TIERED, of(input=300_000, output=0, cache_read=100_000), "0.5125"),
        (Price(input=D(0), output=D(0)), of(input=10**6, output=10**6), "0"),
        (MINI, of(), "0"),
    ],
)  # fmt: skip
def test_the_cost_is_what_one_works_out_by_hand(price: Price, usage: Usage, usd: str) -> None:
    assert cost(price, usage) == D(usd)


def test_tokens_without_a_price_of_their_own_cost_the_plain_one() -> None:
    plain = Price(input=D(1), output=D(2))
    usage = Usage(
        input_tokens=100, output_tokens=100, cache_read_tokens=30, cache_write_tokens=20, audio_input_tokens=10
    )
    assert cost(plain, usage) == D("0.0003")


@pytest.mark.parametrize(
    ("price", "usage"),
    [
        (MINI, None),
        (Price(), Usage(input_tokens=1)),
        (Price(input=D(1)), Usage(input_tokens=1, output_tokens=1)),
        (Price(output=D(1)), Usage(input_tokens=1, output_tokens=1)),
    ],
)
def test_what_is_unknown_stays_unknown(price: Price, usage: Usage | None) -> None:
    assert cost(price, usage) is None


def test_no_token_is_charged_twice() -> None:
    price = Price(input=D(1), output=D(1), cache_read=D(1), audio_input=D(1))
    usage = Usage(input_tokens=100, cache_read_tokens=80, audio_input_tokens=50)
    assert cost(price, usage) == D("0.0001")


def test_a_price_nobody_needs_may_be_unknown() -> None:
    assert cost(Price(input=D(1)), Usage(input_tokens=5)) == D("0.000005")


def test_a_window_of_the_day_changes_the_price() -> None:
    night = PriceWindow(from_time=datetime.time(16, 30), until_time=datetime.time(0, 30), input=D(1), output=D(1))
    price = Price(input=D(2), output=D(2), windows=(night,))
    usage = Usage(input_tokens=10**6)
    by_day = datetime.datetime(2026, 11, 21, 12, 0, tzinfo=datetime.UTC)
    by_night = datetime.datetime(2026, 11, 21, 23, 0, tzinfo=datetime.UTC)
    assert (cost(price, usage, at=by_day), cost(price, usage, at=by_night)) == (D(2), D(1))


def test_the_last_window_that_applies_replaces_the_price_whole() -> None:
    announced = PriceWindow(starts_on=datetime.date(2026, 7, 1), input=D(4), output=D(4))
    night = PriceWindow(from_time=datetime.time(0), until_time=datetime.time(6), input=D(1))
    price = Price(input=D(2), output=D(2), cache_read=D("0.5"), windows=(announced, night))

    def at(month: int, hour: int, usage: Usage) -> Decimal | None:
        return cost(price, usage, at=datetime.datetime(2026, month, 1, hour, tzinfo=datetime.UTC))

    assert at(6, 12, Usage(input_tokens=10**6)) == D(2)
    assert at(7, 12, Usage(input_tokens=10**6)) == D(4)
    assert at(7, 3, Usage(input_tokens=10**6)) == D(1)
    assert at(6, 3, Usage(output_tokens=1)) is None, "the night has no price for output"
    assert at(7, 12, Usage(input_tokens=10**6, cache_read_tokens=10**6)) == D(4), "nor July one for the cache"


def test_a_moment_of_another_zone_is_the_same_moment() -> None:
    night = PriceWindow(from_time=datetime.time(0), until_time=datetime.time(6), input=D(1))
    price = Price(input=D(2), windows=(night,))
    tokyo = datetime.timezone(datetime.timedelta(hours=9))
    at = datetime.datetime(2026, 7, 1, 10, tzinfo=tokyo)
    assert cost(price, Usage(input_tokens=10**6), at=at) == D(1)


def test_the_highest_tier_that_is_reached_counts_and_keeps_what_it_does_not_change() -> None:
    tiers = (PriceTier(above_input_tokens=200, input=D(4), output=D(40)), PriceTier(above_input_tokens=100, input=D(3)))
    price = Price(input=D(2), output=D(20), tiers=tiers)
    for tokens, expected in ((100, "0.0004"), (101, "0.000503"), (200, "0.001"), (201, "0.001604")):
        assert cost(price, Usage(input_tokens=tokens, output_tokens=tokens // 10)) == D(expected), tokens


def test_a_request_has_a_price_of_its_own_whatever_it_used() -> None:
    assert cost(Price(input=D(0), output=D(0), per_request=D("0.005")), Usage()) == D("0.005")
    assert cost(Price(per_request=D("0.005")), Usage(input_tokens=1)) is None


def test_a_cost_has_no_digit_lost_and_none_too_many() -> None:
    price = Price(input=D("0.000001"), output=D("123456.789"))
    usage = Usage(input_tokens=1, output_tokens=10**9)
    assert cost(price, usage) == D("123456789.000000000001")
    assert str(cost(Price(input=D("2.50")), Usage(input_tokens=10**6))) == "2.5"


def test_a_rater_remembers_prices_by_identity_not_by_chance() -> None:
    rater = Rater()
    usage = Usage(input_tokens=10**6)
    for figure in range(50):
        # Each price is forgotten before the next is made, so that an address may come again.
        assert rater.cost(Price(input=D(figure), output=D(1)), usage) == D(figure)


rates = st.decimals(min_value=0, max_value=1000, places=6) | st.none()
counts = st.integers(min_value=0, max_value=10**7)


@given(st.tuples(rates, rates, rates, rates), st.tuples(counts, counts, counts, counts))
def test_integers_and_decimals_agree(
    given_rates: tuple[Decimal | None, Decimal | None, Decimal | None, Decimal | None],
    given_counts: tuple[int, int, int, int],
) -> None:
    plain, out, read, write = given_rates
    fresh, cached, written, produced = given_counts
    usage = Usage(
        input_tokens=fresh + cached + written,
        output_tokens=produced,
        cache_read_tokens=cached,
        cache_write_tokens=written,
    )
    parts = [
        (fresh, plain),
        (cached, plain if read is None else read),
        (written, plain if write is None else write),
        (produced, out),
    ]
    asked = [(tokens, rate) for tokens, rate in parts if tokens]
    expected = (
        None
        if any(rate is None for _, rate in asked)
        else sum((tokens * rate / 10**6 for tokens, rate in asked if rate is not None), D(0))
    )
    assert cost(Price(input=plain, output=out, cache_read=read, cache_write=write), usage) == expected


@given(usage=st.builds(Usage, input_tokens=counts, output_tokens=counts), more=counts, plain=rates, out=rates)
def test_more_tokens_never_cost_less(usage: Usage, more: int, plain: Decimal | None, out: Decimal | None) -> None:
    price = Price(input=plain, output=out)
    before = cost(price, usage)
    after = cost(price, Usage(input_tokens=usage.input_tokens + more, output_tokens=usage.output_tokens))
    assert before is None or before >= 0
    assert before is None or after is None or after >= before


def test_no_float_comes_near_money() -> None:
    tree = ast.parse((Path(__file__).parents[2] / "src/wye/ledger/price.py").read_text(encoding="utf-8"))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, float)]
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "float"]


def test_a_price_has_a_version_that_changes_with_it() -> None:
    one, same, other = Price(input=Decimal(1)), Price(input=Decimal(1)), Price(input=Decimal(2))
    assert version_of(one) == version_of(same) != version_of(other)
    assert len(version_of(one)) == 12

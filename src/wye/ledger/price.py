"""Money: `Decimal` throughout, per attempt, rounded once.

Cached tokens are part of `Usage.input_tokens`, so each token is charged at one price: those read from a cache at
`cache_read`, those written at `cache_write`, audio at `audio_input`, the rest at `input`; where a special price is
not known, the plain one holds. A price tier replaces the plain prices for the whole request once its input is longer
than the tier's bound.
"""

import datetime
from decimal import ROUND_HALF_EVEN, Decimal

from msgspec import structs

from wye.catalog.schema import Price, Rates
from wye.core.usage import Usage

MILLION = Decimal(1_000_000)
_SMALLEST = Decimal("0.000000000001")


def cost(price: Price, usage: Usage | None, *, at: datetime.datetime | None = None) -> Decimal | None:
    """Return what `usage` costs in USD, `None` where the usage or a price that it needs is unknown.

    `at` is the moment of the request, for providers whose prices change with the hour; now, by default.
    """
    if usage is None:
        return None
    price = _in_force(price.at(at or datetime.datetime.now(datetime.UTC)) if price.windows else price, usage)
    special = usage.cache_read_tokens + usage.cache_write_tokens + usage.audio_input_tokens
    reasoning = usage.reasoning_tokens if price.reasoning is not None else 0
    parts = (
        (max(0, usage.input_tokens - special), price.input),
        (usage.cache_read_tokens, _first(price.cache_read, price.input)),
        (usage.cache_write_tokens, _first(price.cache_write, price.input)),
        (usage.audio_input_tokens, _first(price.audio_input, price.input)),
        (max(0, usage.output_tokens - usage.audio_output_tokens - reasoning), price.output),
        (reasoning, price.reasoning),
        (usage.audio_output_tokens, _first(price.audio_output, price.output)),
    )
    total = Decimal(0)
    for tokens, rate in parts:
        if tokens == 0:
            continue
        if rate is None:
            return None
        total += tokens * rate
    return (total / MILLION + (price.per_request or 0)).quantize(_SMALLEST, ROUND_HALF_EVEN).normalize()


def _in_force(price: Price, usage: Usage) -> Price:
    """Return the price with the rates of the highest tier that the input reaches."""
    reached = [tier for tier in price.tiers if usage.input_tokens > tier.above_input_tokens]
    if not reached:
        return price
    tier = max(reached, key=lambda tier: tier.above_input_tokens)
    rates = {name: rate for name in Rates.__struct_fields__ if (rate := getattr(tier, name)) is not None}
    return structs.replace(price, **rates)


def _first(special: Decimal | None, plain: Decimal | None) -> Decimal | None:
    return special if special is not None else plain

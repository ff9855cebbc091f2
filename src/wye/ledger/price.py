"""Money: exact, per attempt, rounded once.

Cached tokens are part of `Usage.input_tokens`, so each token is charged at one price: those read from a cache at
`cache_read`, those written at `cache_write`, audio at `audio_input`, the rest at `input`; where a special price is
not known, the plain one holds. A price tier replaces the plain prices for the whole request once its input is longer
than the tier's bound. What a provider served in another tier of service than its usual one has the prices of that tier,
or an unknown one, never the usual.

A price in USD per million tokens is, by the same figure, micro-dollars per token. `Rater` turns it into atto-dollars
(10**-18), so that a request is priced by a few integer products and is exact for prices of up to twelve decimals.
"""

import datetime
import hashlib
from decimal import Decimal
from typing import Final

import msgspec
from msgspec import structs

from wye.catalog.schema import Price, Rates
from wye.core.usage import Usage
from wye.ledger.rates import WholeRates, whole

_ATTO_PER_USD: Final = 10**18
_KEPT: Final = 1000
"""Tiers of service that are remembered: what they are called is the providers' word."""


class Rater:
    """Prices usage; what a price comes to in whole atto-dollars is worked out once."""

    def __init__(self) -> None:
        """Begin with nothing worked out."""
        self._known: dict[int, tuple[Price, WholeRates]] = {}
        self._tiers: dict[tuple[int, str], tuple[Price, Price | None]] = {}

    def cost(self, price: Price, usage: Usage | None, *, at: datetime.datetime | None = None) -> Decimal | None:
        """Return what `usage` costs in USD, `None` where the usage or a price that it needs is unknown.

        `at` is the moment of the request, for providers whose prices change with the hour; now, by default.
        """
        if usage is None:
            return None
        if usage.service:
            rates_of_tier = self._served(price, usage.service, at)
            if rates_of_tier is None:
                return None
            price = rates_of_tier
        if price.windows or price.tiers:
            rates = whole(_in_force(price.at(at or datetime.datetime.now(datetime.UTC)), usage))
        else:
            known = self._known.get(id(price))
            if known is None or known[0] is not price:
                if len(self._known) >= _KEPT:
                    self._known.clear()
                known = self._known[id(price)] = (price, whole(price))
            rates = known[1]
        total = _total(rates, usage)
        return None if total is None else Decimal(_written(total))

    def _served(self, price: Price, service: str, at: datetime.datetime | None) -> Price | None:
        """Return the prices of a tier of service, worked out once where they do not change with the hour."""
        if price.windows:
            return price.at(at or datetime.datetime.now(datetime.UTC)).served(service)
        known = self._tiers.get((id(price), service))
        if known is None or known[0] is not price:
            if len(self._tiers) >= _KEPT:
                self._tiers.clear()
            known = self._tiers[id(price), service] = (price, price.served(service))
        return known[1]


def cost(price: Price, usage: Usage | None, *, at: datetime.datetime | None = None) -> Decimal | None:
    """Return what `usage` costs in USD; see `Rater.cost`."""
    return Rater().cost(price, usage, at=at)


_versions: Final[dict[int, tuple[Price, str]]] = {}


def version_of(price: Price) -> str:
    """Return a name for a row's prices: the first 12 digits of the SHA-256 of them as JSON, the same in any process."""
    known = _versions.get(id(price))
    if known is None or known[0] is not price:
        if len(_versions) >= _KEPT:
            _versions.clear()
        digest = hashlib.sha256(msgspec.json.encode(price)).hexdigest()[:12]
        known = _versions[id(price)] = (price, digest)
    return known[1]


def _written(atto: int) -> str:
    """Write atto-dollars in dollars; a text makes the exact `Decimal` faster than its own operations do."""
    whole, fraction = divmod(atto, _ATTO_PER_USD)
    return f"{whole}.{fraction:018d}".rstrip("0").rstrip(".")


def _total(rates: WholeRates, usage: Usage) -> int | None:
    if usage.is_plain and rates.reasoning is None and rates.input is not None and rates.output is not None:
        return rates.per_request + usage.input_tokens * rates.input + usage.output_tokens * rates.output
    read, written, heard = usage.cache_read_tokens, usage.cache_write_tokens, usage.audio_input_tokens
    # Cached audio is charged as cached.
    heard = min(heard - usage.cache_read_audio_tokens, max(0, usage.input_tokens - read - written))
    seen = min(usage.image_input_tokens, max(0, usage.input_tokens - read - written - heard))
    thought = usage.reasoning_tokens if rates.reasoning is not None else 0
    spoken, drawn = usage.audio_output_tokens, usage.image_output_tokens
    total = rates.per_request
    for tokens, rate in (
        (usage.input_tokens - read - written - heard - seen, rates.input),
        (usage.output_tokens - spoken - drawn - thought, rates.output),
        (read, rates.cache_read),
        (written - usage.cache_write_1h_tokens, rates.cache_write),
        (usage.cache_write_1h_tokens, rates.cache_write_1h),
        (heard, rates.audio_input),
        (seen, rates.image_input),
        (spoken, rates.audio_output),
        (drawn, rates.image_output),
        (thought, rates.reasoning),
        (usage.search_requests, rates.per_search),
        (usage.images, rates.per_image),
        (usage.characters, rates.per_character),
    ):
        if tokens > 0:
            if rate is None:
                return None
            total += tokens * rate
    if usage.audio_seconds:
        if rates.per_audio_hour is None:
            return None
        total += round(usage.audio_seconds * rates.per_audio_hour / 3600)
    return total


def _in_force(price: Price, usage: Usage) -> Price:
    """Return the price with the rates of the highest tier that the input reaches."""
    reached = [tier for tier in price.tiers if usage.input_tokens > tier.above_input_tokens]
    if not reached:
        return price
    tier = max(reached, key=lambda tier: tier.above_input_tokens)
    rates = {name: rate for name in Rates.__struct_fields__ if (rate := getattr(tier, name)) is not None}
    return structs.replace(price, **rates)

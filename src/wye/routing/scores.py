"""How good a model is for one request: its expected cost, speed, quality and steadiness, each as a part from 0 to 1.

The parts do not depend on what else there is to choose from, so that a score means the same in every plan. `cost` is
1 for what is free, one half at 2 USD per million tokens of the request's own mix, and 0 where the price is unknown;
`speed` is one half at 1.5 seconds to the first token.
"""

import datetime
import math
from collections.abc import Mapping
from typing import Final

from wye.catalog.schema import QUALITY_TIERS, LatencyTier, ModelInfo, Price, QualityTier, Rates
from wye.health import Observed
from wye.routing.shapes import UNLIMITED, Entry, Parts, TokenRates

TYPICAL_OUTPUT_TOKENS: Final = 500
"""How long an answer is expected to be where nothing was observed and less was not asked for."""
ENOUGH_REQUESTS: Final = 20
"""From how many requests on what was observed of a model replaces what its tier promises."""

_HALF_COST: Final = 2.0
"""USD per million tokens."""
_HALF_SECONDS: Final = 1.5
_TIER_SECONDS: Final[Mapping[LatencyTier, float]] = {"very-fast": 0.35, "fast": 1.2, "medium": 3.5, "slow": 8.0}
_QUALITY: Final[Mapping[QualityTier, float]] = {
    "highest": 1.0,
    "high": 0.8,
    "good": 0.55,
    "experimental": 0.35,
    "testing": 0.0,
}
_DEGRADED: Final = 0.5
_WITHOUT_OUTPUT: Final = frozenset({"embeddings", "rerank", "moderation"})


def entry_of(row: ModelInfo, *, moment: datetime.datetime, mask: int = 0, rank: int = 0) -> Entry:
    """Work out what the planner needs of a model, with the prices in force at `moment`."""
    return Entry(
        row=row,
        full_id=row.full_id,
        provider=row.provider,
        mask=mask,
        context=row.context_window or UNLIMITED,
        max_output=row.max_output_tokens or UNLIMITED,
        rates=_rates(row, row.price.at(moment)),
        quality=_QUALITY[row.quality_tier],
        speed=speed_score(_TIER_SECONDS[row.latency_tier]),
        rank=rank,
    )


def cost_score(usd_per_million: float | None) -> float:
    """Return the part of a price for the request's mix of tokens."""
    return 0.0 if usd_per_million is None else _HALF_COST / (_HALF_COST + usd_per_million)


def speed_score(seconds: float) -> float:
    """Return the part of a time to the first token."""
    return _HALF_SECONDS / (_HALF_SECONDS + seconds)


def quality_score(tier: QualityTier) -> float:
    """Return the part of a quality tier."""
    return _QUALITY[tier]


def expected_output(entry: Entry, requested: int | None, observed: Observed | None = None) -> int:
    """Return how many tokens an answer is expected to have: what is usual, and no more than asked for or possible."""
    usual = TYPICAL_OUTPUT_TOKENS
    if observed is not None and observed.requests >= ENOUGH_REQUESTS and observed.output_tokens_mean is not None:
        usual = math.ceil(observed.output_tokens_mean)
    return min(usual, entry.max_output, requested if requested is not None else usual)


def expected_cost(entry: Entry, input_tokens: int, output_tokens: int, held: int = 0) -> float | None:
    """Return USD for so many tokens, `held` of the input read from the provider's prompt cache; `None` if unknown."""
    for rates in entry.rates:
        if input_tokens > rates.above:
            held = min(held, input_tokens)
            return (input_tokens - held) * rates.input + held * rates.cached + output_tokens * rates.output + rates.flat
    return None


def judge(
    entry: Entry,
    *,
    input_tokens: int,
    output_tokens: int | None,
    held: int = 0,
    observed: Observed | None = None,
    degraded: bool = False,
) -> Parts:
    """Return the parts of one model for one request."""
    seen = observed is not None and observed.requests >= ENOUGH_REQUESTS
    produced = expected_output(entry, output_tokens, observed)
    usd = expected_cost(entry, input_tokens, produced, held)
    # The divisor is the same for every model, so that who is cheaper has the better part.
    tokens = input_tokens + (TYPICAL_OUTPUT_TOKENS if output_tokens is None else output_tokens) or 1
    seconds = observed.first_token_p50 if observed is not None and seen else None
    reliability = _DEGRADED if degraded else 1.0
    if observed is not None and seen:
        reliability *= observed.success_rate
    return Parts(
        entry,
        0.0 if usd is None else cost_score(usd / tokens * 1e6),
        entry.speed if seconds is None else speed_score(seconds),
        entry.quality,
        reliability,
        usd,
        seconds is not None,
    )


def quality_bits(tier: QualityTier) -> int:
    """Return one bit for each tier that `tier` is at least as good as, for masks."""
    at = QUALITY_TIERS.index(tier)
    return sum(1 << place for place in range(at, len(QUALITY_TIERS)))


def _rates(row: ModelInfo, price: Price) -> tuple[TokenRates, ...]:
    plain = _token_rates(row, price, price, -1)
    tiers = [_token_rates(row, tier, price, tier.above_input_tokens) for tier in price.tiers]
    known = [rates for rates in (plain, *tiers) if rates is not None]
    return tuple(sorted(known, key=lambda rates: -rates.above))


def _token_rates(row: ModelInfo, price: Rates, plain: Price, above: int) -> TokenRates | None:
    given = price.input if price.input is not None else plain.input
    produced = price.output if price.output is not None else plain.output
    if given is None or (produced is None and row.capabilities.isdisjoint(_WITHOUT_OUTPUT)):
        return None
    cached = price.cache_read if price.cache_read is not None else plain.cache_read
    flat = price.per_request if price.per_request is not None else plain.per_request
    return TokenRates(
        above,
        input=float(given) / 1e6,
        output=float(produced or 0) / 1e6,
        cached=float(given if cached is None else cached) / 1e6,
        flat=float(flat or 0),
    )

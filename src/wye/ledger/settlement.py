"""Says what became of a request: prices its attempts, adds them up, writes the record."""

import asyncio
from decimal import Decimal
from typing import Final

from msgspec import structs

from wye.catalog import Catalog
from wye.catalog.schema import ModelInfo
from wye.core.errors import UnsupportedOperationError, WyeError
from wye.core.exchange import Exchange
from wye.core.plan import Outcome
from wye.core.record import PICO_PER_USD, AttemptRecord, Status, UsageRecord
from wye.core.usage import Usage
from wye.ledger.estimates import consumed
from wye.ledger.expected import tier_at
from wye.ledger.price import Rater, version_of

_rater: Final = Rater()
_NOTHING: Final = Usage()
OWN_KEY: Final = "own-key"
"""The tag of what was asked with a user's own key of a provider."""
_LONGEST_NAME: Final = 200


def price(exchange: Exchange, catalog: Catalog) -> None:
    """Price every attempt of an exchange and add them up. An answer from the cache has none."""
    if exchange.cached:
        _price_kept(exchange, catalog)
        return
    nobody = exchange.attempt is None and exchange.plan is not None  # was called, though there was a plan
    known = bool(exchange.outcomes) or nobody
    total: Decimal | None = None
    for outcome in exchange.outcomes:
        row = catalog.models.get(outcome.attempt.full_id)
        if outcome.usage is None or outcome.produced or outcome.cancelled or outcome.usage.estimated:
            outcome.usage = consumed(exchange.call, outcome)
            exchange.estimated = exchange.estimated or (outcome.usage is not None and outcome.usage.estimated)
        if outcome.usage is None:
            # A refusal costs nothing; what broke off in its midst costs something that nobody told, unless it is free.
            refused = outcome.error is not None and outcome.first_token is None
            known = known and (refused or (row is not None and row.price.is_free))
            continue
        if row is not None and outcome.usage.service is None and row.price.services:
            # Nobody said in which tier it was served: it counts as the one that was asked for.
            outcome.usage = structs.replace(outcome.usage, service=tier_at(row.price, exchange.call))
        cost = _rater.cost(row.price, outcome.usage) if row else None
        if cost is None:
            cost = outcome.usage.reported_cost  # the provider's own word, where there is no list price
        if cost is None:
            known = False
            continue
        outcome.cost = cost
        total = cost if total is None else total + cost
    if known:
        exchange.cost = total or Decimal(0)
        exchange.cost_text = f"{exchange.cost:f}"


def _price_kept(exchange: Exchange, catalog: Catalog) -> None:
    exchange.cost, exchange.cost_text = Decimal(0), "0"
    if exchange.attempt is not None and (usage := exchange.spared) is not None:
        row = catalog.models.get(exchange.attempt.full_id)
        cost = _rater.cost(row.price, usage) if row else None
        exchange.saved = pico(usage.reported_cost if cost is None else cost)


def admission(exchange: Exchange) -> UsageRecord:
    """Return the record of a request that was let in and of which nothing more is known: it is lost, if that stays."""
    caller, attempts = exchange.caller, exchange.plan.attempts if exchange.plan is not None else ()
    return UsageRecord(
        id=exchange.id,
        at=exchange.at,
        user=caller.user,
        status="lost",
        key=caller.key,
        team=caller.team,
        parent=exchange.parent,
        conversation=exchange.conversation,
        tags=_tags(exchange),
        operation=exchange.call.operation,
        surface=exchange.call.wire,
        asked=_name(exchange.call.model),
        provider=attempts[0].provider if attempts else None,
        model=attempts[0].model if attempts else None,
        stream=exchange.call.stream,
        hold=exchange.hold,
        uncharged=exchange.uncharged,
    )


def settlement(exchange: Exchange, catalog: Catalog, now: int, failure: BaseException | None) -> UsageRecord:
    """Return the record of a request that is over, at `now` (microseconds since the epoch)."""
    caller, outcomes, attempt = exchange.caller, exchange.outcomes, exchange.attempt
    usage, first_token, reported = _NOTHING, None, None
    if outcomes:
        usage, reported = _used(outcomes)
        last = outcomes[-1]
        if last.first_token is not None:
            first_token = round((last.started + last.first_token) * 1e6) - exchange.at
    status, error = _ended(exchange, failure)
    plain = len(outcomes) == 1 and status == "ok"
    return UsageRecord(
        id=exchange.id,
        at=exchange.at,
        user=caller.user,
        status=status,
        key=caller.key,
        team=caller.team,
        parent=exchange.parent,
        conversation=exchange.conversation,
        tags=_tags(exchange),
        operation=exchange.call.operation,
        surface=exchange.call.wire,
        asked=_name(exchange.call.model),
        provider=attempt.provider if attempt is not None else None,
        model=attempt.model if attempt is not None else None,
        stream=exchange.call.stream,
        error=error,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        audio_tokens=usage.audio_input_tokens + usage.audio_output_tokens,
        cost=pico(exchange.cost),
        reported_cost=reported,
        estimated=usage.estimated,
        saved=exchange.saved,
        hold=exchange.hold,
        first_token=first_token,
        duration=max(0, now - exchange.at),
        tries=len(outcomes),
        cached=exchange.cached,
        prices=_prices(exchange, catalog),
        uncharged=exchange.uncharged,
        attempts=() if plain else tuple(map(_attempt, outcomes)),
    )


def pico(usd: Decimal | None) -> int | None:
    """Return dollars in whole picodollars, rounded half to even."""
    return None if usd is None else round(usd * PICO_PER_USD)


def _prices(exchange: Exchange, catalog: Catalog) -> str | None:
    """Return the versions of the prices that were in force for the models that were asked."""
    models = catalog.models
    if len(exchange.outcomes) == 1:
        outcome = exchange.outcomes[0]
        row = models.get(outcome.attempt.full_id)
        return None if row is None else _version(row, outcome)
    rows = ((models.get(outcome.attempt.full_id), outcome) for outcome in exchange.outcomes)
    return "+".join(dict.fromkeys(_version(row, outcome) for row, outcome in rows if row is not None)) or None


def _version(row: ModelInfo, outcome: Outcome) -> str:
    """Name the prices of a row, and the tier of service where that was not the usual one."""
    if outcome.usage is not None and outcome.usage.service:
        return f"{version_of(row.price)}@{outcome.usage.service}"
    return version_of(row.price)


def _name(given: str) -> str:
    """Return a caller's own words as any database takes them."""
    if given.isascii() and given.isprintable() and len(given) <= _LONGEST_NAME:
        return given
    return given[:_LONGEST_NAME].replace("\0", "\ufffd").encode(errors="replace").decode()


def _tags(exchange: Exchange) -> tuple[str, ...]:
    if exchange.own and exchange.plan is not None and exchange.plan.attempts[0].provider in exchange.own:
        return tuple(dict.fromkeys((*exchange.caller.tags, *exchange.tags, OWN_KEY)))
    if not exchange.tags:
        return exchange.caller.tags
    return tuple(dict.fromkeys((*exchange.caller.tags, *exchange.tags)))


def _ended(exchange: Exchange, failure: BaseException | None) -> tuple[Status, str | None]:
    if failure is None:
        return "ok", None
    if isinstance(failure, UnsupportedOperationError) and exchange.call.operation == "count_tokens":
        return "ok", None  # whoever asked gets an estimate
    if isinstance(failure, WyeError):
        return "error", failure.code
    if isinstance(failure, asyncio.CancelledError | GeneratorExit | KeyboardInterrupt):
        return "cancelled", None
    return "error", "internal_error"


def _used(outcomes: list[Outcome]) -> tuple[Usage, int | None]:
    """Return the usage of all attempts together, and what providers themselves said it cost."""
    if len(outcomes) == 1:
        usage = outcomes[0].usage or _NOTHING
        return usage, pico(usage.reported_cost)
    usage = _NOTHING
    for outcome in outcomes:
        if outcome.usage is not None:
            usage = usage.plus(outcome.usage)
    return usage, pico(usage.reported_cost)


def _attempt(outcome: Outcome) -> AttemptRecord:
    usage, first = outcome.usage, outcome.first_token
    return AttemptRecord(
        provider=outcome.attempt.provider,
        model=outcome.attempt.model,
        at=round(outcome.started * 1e6),
        duration=round(outcome.duration * 1e6),
        first_token=None if first is None else round(first * 1e6),
        error=None if outcome.error is None else outcome.error.code,
        cancelled=outcome.cancelled,
        input_tokens=None if usage is None else usage.input_tokens,
        output_tokens=None if usage is None else usage.output_tokens,
        cost=pico(outcome.cost),
        reported_cost=None if usage is None else pico(usage.reported_cost),
        estimated=usage is not None and usage.estimated,
    )

"""Adds up usage records; see `wye.core.sums`."""

from collections.abc import Iterable
from typing import Final

from msgspec import structs

from wye.core.errors import ProviderError, ProviderModelMissingError, ProviderPermissionError
from wye.core.record import HOUR_US, AttemptRecord, UsageRecord
from wye.core.sketch import bucket
from wye.core.sums import SUMMED, Folded, Gathered, Place, Row, Spot, Sums


def _codes(kind: type[ProviderError]) -> set[str]:
    return {kind.default_code}.union(*map(_codes, kind.__subclasses__()))


PROVIDERS_FAULTS: Final = frozenset(
    _codes(ProviderError)
    - {ProviderError.default_code, ProviderModelMissingError.default_code, ProviderPermissionError.default_code}
)
"""The codes of errors that are held against a provider; all others are the caller's doing, or nobody's."""


def fold(records: Iterable[UsageRecord]) -> Folded:
    """Add up records."""
    gathered = Gathered({}, {}, {}, {})
    for record in records:
        _add(gathered, record)
    hours = {place: _total(rows) for place, rows in gathered.hours.items()}
    tags = {place: _total(rows) for place, rows in gathered.tags.items()}
    conversations = {place: _total(rows) for place, rows in gathered.conversations.items()}
    return Folded(hours, tags, conversations, gathered.latencies)


def _total(rows: list[Row]) -> Sums:
    return Sums(**dict(zip(SUMMED, map(sum, zip(*rows, strict=True)), strict=True)))


def _add(folded: Gathered, record: UsageRecord) -> None:
    hour, provider, model = record.at // HOUR_US, record.provider or "", record.model or ""
    first_token, duration = record.first_token, record.duration
    place = (hour, record.user, record.key or "", record.team or "", provider, model)
    attempts = record.attempts
    if attempts and (attempts[-1].provider, attempts[-1].model) == (provider, model):
        first_token, duration = attempts[-1].first_token, attempts[-1].duration
    answered = timed = 0
    if not record.cached:
        latencies = folded.latencies
        if record.status == "ok":
            answered = 1
            spot: Spot = (hour, provider, model, "total", bucket(duration))
            latencies[spot] = latencies.get(spot, 0) + 1
        if first_token is not None:
            timed = 1
            spot = (hour, provider, model, "first_token", bucket(first_token))
            latencies[spot] = latencies.get(spot, 0) + 1
    row = _row(record, answered, duration if answered else 0, first_token if timed and first_token else 0, timed)
    parts = [(place, row)] if not attempts else _split(place, Sums(*row), record)
    for where, part in parts:
        folded.hours.setdefault(where, []).append(part)
        for tag in record.tags:
            folded.tags.setdefault((tag, where), []).append(part)
        if record.conversation:
            folded.conversations.setdefault((record.conversation, where), []).append(part)


def _row(record: UsageRecord, answered: int, duration: int, first_token: int, timed: int) -> Row:
    """Return what a record adds, in the order of `Sums`, as if it had been one call."""
    status, cost = record.status, record.cost
    return (
        1,
        status == "error",
        status == "cancelled",
        status == "lost",
        record.cached,
        record.stream,
        record.tries,
        0,
        0,
        0,
        record.input_tokens,
        record.output_tokens,
        record.cache_read_tokens,
        record.cache_write_tokens,
        record.reasoning_tokens,
        record.audio_tokens,
        cost or 0,
        record.reported_cost or 0,
        record.saved or 0,
        cost is None,
        record.estimated,
        answered,
        duration,
        first_token,
        timed,
        (cost or 0) if record.uncharged else 0,
    )


def _split(place: Place, ours: Sums, record: UsageRecord) -> list[tuple[Place, Row]]:
    """Give each place what its calls took; the place that answered keeps the rest, so that nothing is lost or doubled.

    Where the cost of a request is unknown no part of it is counted, as nothing of it is in the request's own.
    """
    parts, attempts = [(place, ours)], record.attempts
    ours.tries = 0
    for number, attempt in enumerate(attempts):
        there = (attempt.provider, attempt.model) == (place[4], place[5])
        sums = ours if there else Sums()
        sums.tries += 1
        sums.failures += attempt.error in PROVIDERS_FAULTS
        follows = attempts[number + 1] if number + 1 < len(attempts) else None
        sums.failovers += follows is not None and not _same(attempt, follows)
        sums.retries += number > 0 and _same(attempts[number - 1], attempt)
        if not there:
            _move(ours, sums, attempt, known=record.cost is not None)
            parts.append(((*place[:4], attempt.provider, attempt.model), sums))
    if record.uncharged:
        for _, sums in parts:
            sums.uncharged = sums.cost
    return [(where, structs.astuple(sums)) for where, sums in parts]


def _same(one: AttemptRecord, other: AttemptRecord) -> bool:
    return (one.provider, one.model) == (other.provider, other.model)


def _move(ours: Sums, theirs: Sums, attempt: AttemptRecord, *, known: bool) -> None:
    theirs.input_tokens = attempt.input_tokens or 0
    theirs.output_tokens = attempt.output_tokens or 0
    theirs.cost = (attempt.cost or 0) if known else 0
    theirs.reported_cost = attempt.reported_cost or 0
    for name in ("input_tokens", "output_tokens", "cost", "reported_cost"):
        setattr(ours, name, getattr(ours, name) - getattr(theirs, name))

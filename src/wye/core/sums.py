"""What usage records add up to: the sums by the hour that reports are made of. Adding is all there is, in any order.

What a request was belongs to the provider and model that answered, or were asked last; what its single calls took and
cost belongs to those that were called. A provider whose calls all fail and are rescued by another has requests of
none and failures of many.
"""

from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

from msgspec import Struct, structs

from wye.core.errors import ProviderError, ProviderModelMissingError, ProviderPermissionError
from wye.core.record import HOUR_US, AttemptRecord, UsageRecord
from wye.core.sketch import bucket

Place: TypeAlias = tuple[int, str, str, str, str, str]
"""Hours since the epoch, user, key, team, provider, model; what there is none of is the empty string."""
Latency: TypeAlias = Literal["first_token", "total"]
Spot: TypeAlias = tuple[int, str, str, Latency, int]
"""Hours since the epoch, provider, model, what was timed, and the bucket of `wye.core.sketch`."""


def _codes(kind: type[ProviderError]) -> set[str]:
    return {kind.default_code}.union(*map(_codes, kind.__subclasses__()))


PROVIDERS_FAULTS: Final = frozenset(
    _codes(ProviderError)
    - {ProviderError.default_code, ProviderModelMissingError.default_code, ProviderPermissionError.default_code}
)
"""The codes of errors that are held against a provider; all others are the caller's doing, or nobody's."""


class Sums(Struct):
    """What is added up; the names are those of the columns.

    `requests` counts what was asked, of which `errors`, `cancelled` and `lost` did not come to a good end, `cached`
    were answered by the cache and `streams` asked for a stream. `tries` counts calls, `failures` those that the
    provider is to blame for, `retries` those made again at the same place, `failovers` those that another place was
    called after. `cost`, `reported_cost` and `saved` are picodollars of those known, `uncharged` what of the cost no
    budget is charged with; `unknown_costs` and `estimated_costs` count requests. `duration` is microseconds over the
    `answered` requests, `first_token` over `first_tokens`.
    """

    requests: int = 0
    errors: int = 0
    cancelled: int = 0
    lost: int = 0
    cached: int = 0
    streams: int = 0
    tries: int = 0
    failures: int = 0
    retries: int = 0
    failovers: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    audio_tokens: int = 0
    cost: int = 0
    reported_cost: int = 0
    saved: int = 0
    unknown_costs: int = 0
    estimated_costs: int = 0
    answered: int = 0
    duration: int = 0
    first_token: int = 0
    first_tokens: int = 0
    uncharged: int = 0


SUMMED: Final[tuple[str, ...]] = Sums.__struct_fields__
"""The names of all sums, in order."""


class Folded(Struct):
    """Sums of many records: by place, by tag or conversation and place, and sketches of latency."""

    hours: dict[Place, Sums]
    tags: dict[tuple[str, Place], Sums]
    conversations: dict[tuple[str, Place], Sums]
    latencies: dict[Spot, int]


def fold(records: Iterable[UsageRecord]) -> Folded:
    """Add up records."""
    gathered = _Gathered({}, {}, {}, {})
    for record in records:
        _add(gathered, record)
    hours = {place: _total(rows) for place, rows in gathered.hours.items()}
    tags = {place: _total(rows) for place, rows in gathered.tags.items()}
    conversations = {place: _total(rows) for place, rows in gathered.conversations.items()}
    return Folded(hours, tags, conversations, gathered.latencies)


_Row: TypeAlias = tuple[int, ...]


class _Gathered(Struct):
    """What is to be added up: `Sums` as plain rows, since whole columns are added several times as fast."""

    hours: dict[Place, list[_Row]]
    tags: dict[tuple[str, Place], list[_Row]]
    conversations: dict[tuple[str, Place], list[_Row]]
    latencies: dict[Spot, int]


def _total(rows: list[_Row]) -> Sums:
    return Sums(**dict(zip(SUMMED, map(sum, zip(*rows, strict=True)), strict=True)))


def _add(folded: _Gathered, record: UsageRecord) -> None:
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


def _row(record: UsageRecord, answered: int, duration: int, first_token: int, timed: int) -> _Row:
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


def _split(place: Place, ours: Sums, record: UsageRecord) -> list[tuple[Place, _Row]]:
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

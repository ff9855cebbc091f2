"""What the books add up to: sums by whatever they are kept by, sketches of latency, and what failed.

Whoever asks says whose rows may be seen (`Reach`) first. Sums are read from the sums by the hour, and from the
requests themselves only where a time in the midst of an hour is the first that counts.
"""

import datetime
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    and_,
    case,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.core.record import HOUR_US
from wye.core.sums import SUMMED, Sums
from wye.store.tables import attempts, conversation_hours, latency_buckets, tag_hours, usage_events, usage_hours

Dimension: TypeAlias = Literal["model", "provider", "user", "key", "team", "conversation", "tag"]
Step: TypeAlias = Literal["hour", "day", "week", "month"]


class Reach(Struct, frozen=True, kw_only=True):
    """Whose rows may be seen: all of them, or those of a user and, where it is named, of a team."""

    user: str | None = None
    team: str | None = None

    @property
    def is_all(self) -> bool:
        """Whether every row may be seen."""
        return self.user is None and self.team is None


class Span(Struct, frozen=True):
    """Hours since the epoch, the last one not included."""

    start: int
    end: int


class Filters(Struct, frozen=True, kw_only=True):
    """What rows must be of; the empty string is what has none."""

    provider: str | None = None
    model: str | None = None
    user: str | None = None
    key: str | None = None
    team: str | None = None
    conversation: str | None = None
    tag: str | None = None


class Line(Struct, frozen=True):
    """Sums of one group: `name` is as many parts as it is grouped by, `start` the first hour of its step."""

    name: tuple[str, ...]
    start: int
    sums: Sums


_COLUMNS: Final = {
    "model": ("provider", "model"),
    "provider": ("provider",),
    "user": ("user_id",),
    "key": ("key_id",),
    "team": ("team_id",),
    "conversation": ("conversation_id",),
    "tag": ("tag",),
}
_FILTERED: Final = {
    "provider": "provider",
    "model": "model",
    "user": "user_id",
    "key": "key_id",
    "team": "team_id",
    "conversation": "conversation_id",
}


class _Source(Struct):
    """Where sums come from: a table, its hour, what it says of each sum, and what its rows must meet."""

    table: FromClause
    hour: ColumnElement[int]
    sums: Mapping[str, ColumnElement[Any]]
    where: list[ColumnElement[bool]]


async def totals(  # noqa: PLR0913 - one for each thing that sums can be asked for
    connection: AsyncConnection,
    reach: Reach,
    span: Span,
    filters: Filters,
    *,
    by: Dimension | None = None,
    step: Step | None = None,
    names: Sequence[tuple[str, ...]] | None = None,
    limit: int | None = None,
    since: int | None = None,
) -> list[Line]:
    """Return sums over `span`, by group and step where they are named; the dearest first, or in order of time.

    `names` are the only groups wanted. `since` (microseconds since the epoch) begins in the midst of an hour, which
    takes adding up single requests: for short spans, and without what their single calls did. Without `by` and `step`
    there is one line, whatever there was.
    """
    source = _source(reach, span, filters, by, since)
    columns = [source.table.c[name] for name in _COLUMNS[by]] if by is not None else []
    slots = _slots(source.hour, step, span) if step is not None else literal_column("0", BigInteger)
    if names is None and by == "conversation" and step is None and limit is not None:
        names = await _dearest(connection, source, columns, limit)
    if names is not None:
        if not names:
            return []
        # One list for each column lets through a few more than wanted, and is looked up in a hash.
        parts = zip(columns, zip(*names, strict=True), strict=True)
        source.where += [column.in_(sorted(set(values))) for column, values in parts]
    slot = slots.label("slot")
    statement = select(*columns, slot, *(value.label(name) for name, value in source.sums.items()))
    statement = statement.select_from(source.table).where(*source.where)
    groups: list[Any] = [*columns, *([slot] if step is not None else [])]
    if groups:
        statement = statement.group_by(*groups)
        order = [slot] if step is not None else []
        statement = statement.order_by(*order, source.sums["cost"].desc(), source.sums["requests"].desc(), *columns)
    rows = await connection.execute(statement.limit(limit))
    width, wanted = len(columns), None if names is None else set(names)
    lines = [
        Line(
            tuple(part or "" for part in row[:width]),
            span.start if step is None else start_of(step, int(row[width]), span),
            Sums(**{name: int(value or 0) for name, value in zip(SUMMED, row[width + 1 :], strict=True)}),
        )
        for row in rows
    ]
    return lines if wanted is None else [line for line in lines if line.name in wanted]


async def _dearest(
    connection: AsyncConnection, source: _Source, columns: Sequence[Any], limit: int
) -> list[tuple[str, ...]]:
    """Return the names of the dearest groups: where there are many, to add up all sums of all of them is too much."""
    statement = select(*columns).select_from(source.table).where(*source.where).group_by(*columns)
    order = (source.sums["cost"].desc(), source.sums["requests"].desc(), *columns)
    return [tuple(row) for row in await connection.execute(statement.order_by(*order).limit(limit))]


def _source(reach: Reach, span: Span, filters: Filters, by: Dimension | None, since: int | None) -> _Source:
    by_tag, by_talk = by == "tag" or filters.tag is not None, by == "conversation" or filters.conversation is not None
    if by_tag and (by_talk or since is not None):
        raise ValueError("requests of a tag are kept by the hour alone")
    if since is not None:
        source = _from_events(span, since)
    else:
        table = tag_hours if by_tag else conversation_hours if by_talk else usage_hours
        sums = {name: cast(func.sum(table.c[name]), BigInteger) for name in SUMMED}
        source = _Source(table, table.c.hour, sums, [table.c.hour >= span.start, table.c.hour < span.end])
        if filters.tag is not None:
            source.where.append(tag_hours.c.tag == filters.tag)
    source.where.append(seen(source.table, reach))
    for name, column in _FILTERED.items():
        value = getattr(filters, name)
        if value is not None:
            source.where.append(source.table.c[column] == value)
    if by == "conversation" and since is not None:
        source.where.append(usage_events.c.conversation_id.is_not(None))
    return source


def _from_events(span: Span, since: int) -> _Source:
    c = usage_events.c
    answered = and_(c.status == "ok", c.cached.is_(False))
    counted = {
        "requests": func.count(),
        "errors": func.sum(case((c.status == "error", 1), else_=0)),
        "cancelled": func.sum(case((c.status == "cancelled", 1), else_=0)),
        "lost": func.sum(case((c.status == "lost", 1), else_=0)),
        "cached": func.sum(case((c.cached, 1), else_=0)),
        "streams": func.sum(case((c.stream, 1), else_=0)),
        "unknown_costs": func.sum(case((c.cost.is_(None), 1), else_=0)),
        "estimated_costs": func.sum(case((c.estimated, 1), else_=0)),
        "answered": func.sum(case((answered, 1), else_=0)),
        "duration": func.sum(case((answered, c.duration), else_=0)),
        "first_tokens": func.count(c.first_token),
        # What single calls did is not on the request's row, nor what budgets leave out.
        "failures": literal(0),
        "retries": literal(0),
        "failovers": literal(0),
        "uncharged": literal(0),
    }
    sums = {
        name: counted[name] if name in counted else cast(func.coalesce(func.sum(c[name]), 0), BigInteger)
        for name in SUMMED
    }
    hour = c.at // literal_column(str(HOUR_US), BigInteger)
    return _Source(usage_events, hour, sums, [c.at >= max(span.start * HOUR_US, since), c.at < span.end * HOUR_US])


def seen(table: FromClause, reach: Reach) -> ColumnElement[bool]:
    """Return the condition that a table's rows may be seen."""
    if reach.is_all:
        return true()
    whose = [table.c.user_id == reach.user]
    if reach.team is not None:
        whose.append(table.c.team_id == reach.team)
    return or_(*whose)


def _slots(hour: ColumnElement[int], step: Step, span: Span) -> ColumnElement[int]:
    """Return the number of the step that an hour is in."""
    # Numbers are written out: as parameters they would differ between what is selected and what is grouped by.
    a_day, a_week, shift = (literal_column(number, BigInteger) for number in ("24", "7", "3"))
    match step:
        case "hour":
            return hour
        case "day":
            return hour // a_day
        case "week":
            return (hour // a_day + shift) // a_week
        case "month":
            firsts = [literal_column(str(first), BigInteger) for first in _months(span)[1:]]
            ends = [(hour < first, literal_column(str(number), BigInteger)) for number, first in enumerate(firsts)]
            return (
                case(*ends, else_=literal_column(str(len(ends)), BigInteger))
                if ends
                else literal_column("0", BigInteger)
            )


def start_of(step: Step, slot: int, span: Span) -> int:
    """Return the first hour of a step; weeks begin on Monday, and all of them at midnight UTC."""
    match step:
        case "hour":
            return slot
        case "day":
            return slot * 24
        case "week":
            return (slot * 7 - 3) * 24
        case "month":
            return _months(span)[slot]


def start_of_step(step: Step, hour: int) -> int:
    """Return the first hour of the step that an hour is in."""
    match step:
        case "hour":
            return hour
        case "day":
            return hour // 24 * 24
        case "week":
            return start_of("week", (hour // 24 + 3) // 7, Span(hour, hour + 1))
        case "month":
            return _months(Span(hour, hour + 1))[0]


async def first_hours(connection: AsyncConnection, reach: Reach) -> dict[str, int]:
    """Return the hour of each user's first request, of those that may be seen."""
    c = usage_hours.c
    statement = select(c.user_id, func.min(c.hour)).where(c.requests > 0, seen(usage_hours, reach)).group_by(c.user_id)
    return {user: int(hour) for user, hour in await connection.execute(statement)}


def _months(span: Span) -> list[int]:
    """Return the first hours of the months that a span touches."""
    at = datetime.datetime.fromtimestamp(span.start * 3600, datetime.UTC).replace(day=1, hour=0)
    found: list[int] = []
    while (hour := int(at.timestamp()) // 3600) < max(span.end, span.start + 1):
        found.append(hour)
        at = (at + datetime.timedelta(days=32)).replace(day=1)
    return found


Sketches: TypeAlias = dict[tuple[str, ...], dict[str, dict[int, int]]]
"""By group (nothing, a provider, or a provider and a model) and by kind, counts by bucket."""


async def latencies(
    connection: AsyncConnection, span: Span, *, by: tuple[str, ...] = ("provider",), provider: str | None = None,
    model: str | None = None,
) -> Sketches:  # fmt: skip
    """Return sketches of latency of everybody's requests, merged over `span`; `by` are columns."""
    c = latency_buckets.c
    where = [c.hour >= span.start, c.hour < span.end]
    if provider is not None:
        where.append(c.provider == provider)
    if model is not None:
        where.append(c.model == model)
    groups = [c[name] for name in by]
    statement = select(*groups, c.kind, c.bucket, cast(func.sum(c.count), BigInteger)).where(*where)
    found: Sketches = defaultdict(lambda: defaultdict(dict))
    for *name, kind, bucket, count in await connection.execute(statement.group_by(*groups, c.kind, c.bucket)):
        found[tuple(name)][kind][bucket] = int(count)
    return found


class Failure(Struct, frozen=True):
    """A call that failed: `usage_id` is the request it was made for, `at` microseconds since the epoch."""

    usage_id: str
    at: int
    provider: str
    model: str
    error: str


async def failures(
    connection: AsyncConnection, reach: Reach, since: int, *, provider: str | None = None, limit: int = 20
) -> list[Failure]:
    """Return the calls that failed last, from `since` (microseconds since the epoch) on, the latest first."""
    c = attempts.c
    where = [c.error.is_not(None), c.at >= since, seen(attempts, reach)]
    if provider is not None:
        where.append(c.provider == provider)
    statement = select(c.usage_id, c.at, c.provider, c.model, c.error).where(*where).order_by(c.at.desc()).limit(limit)
    return [Failure(*row) for row in await connection.execute(statement)]


async def error_counts(connection: AsyncConnection, reach: Reach, span: Span) -> dict[tuple[str, str], int]:
    """Return how many calls failed, by provider and code."""
    c = attempts.c
    where = [c.error.is_not(None), c.at >= span.start * HOUR_US, c.at < span.end * HOUR_US, seen(attempts, reach)]
    statement = select(c.provider, c.error, func.count()).where(*where).group_by(c.provider, c.error)
    return {(provider, error): count for provider, error, count in await connection.execute(statement)}


HourlySketches: TypeAlias = dict[tuple[int, str, str], dict[str, dict[int, int]]]
"""By hour, provider and model, and by kind, counts by bucket."""


async def hourly_latencies(connection: AsyncConnection, span: Span, *, provider: str | None = None) -> HourlySketches:
    """Return the sketches of each hour, of everybody's requests: for short spans."""
    c = latency_buckets.c
    where = [c.hour >= span.start, c.hour < span.end]
    if provider is not None:
        where.append(c.provider == provider)
    found: HourlySketches = defaultdict(lambda: defaultdict(dict))
    statement = select(c.hour, c.provider, c.model, c.kind, c.bucket, c.count).where(*where)
    for hour, name, model, kind, bucket, count in await connection.execute(statement):
        found[hour, name, model][kind][bucket] = count
    return found

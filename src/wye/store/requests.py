"""Single requests as the books have them: lists of them in pages, one with its calls, and how long they took."""

from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import ColumnElement, and_, exists, func, literal, or_, select, type_coerce
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.core.record import HOUR_US, AttemptRecord, Status, UsageRecord
from wye.store.reports import Filters, Reach, Span, seen
from wye.store.tables import attempts, tag_hours, usage_events, usage_hours

_RENAMED: Final = {
    "user": "user_id",
    "key": "key_id",
    "team": "team_id",
    "parent": "parent_id",
    "conversation": "conversation_id",
}
_NAMES: Final = tuple(name for name in UsageRecord.__struct_fields__ if name not in {"attempts", "uncharged"})
_COLUMNS: Final = tuple(usage_events.c[_RENAMED.get(name, name)] for name in _NAMES)
_CALL_NAMES: Final = AttemptRecord.__struct_fields__
_HOURS: Final = 48
"""How many of the hours in which there is anything are searched at a time: what is rare is found by its sums."""


class Sought(Struct, frozen=True, kw_only=True):
    """Which requests are wanted, beside `Filters`.

    `parent` made them, `error` is their code, `longer` than so many microseconds they took.
    """

    status: Status | None = None
    error: str | None = None
    parent: str | None = None
    longer: int | None = None


async def page(
    connection: AsyncConnection,
    reach: Reach,
    span: Span,
    filters: Filters,
    sought: Sought,
    *,
    before: tuple[int, str] | None = None,
    limit: int = 50,
) -> list[UsageRecord]:
    """Return the requests of `span`, the latest first, that come after `before` (time and id of the last one shown)."""
    c = usage_events.c
    where = [seen(usage_events, reach), *_conditions(connection, filters, sought)]
    if before is not None:
        at, name = before
        where.append(or_(c.at < at, and_(c.at == at, c.id < name)))
        span = Span(span.start, min(span.end, at // HOUR_US + 1))
    indexed = filters.conversation is not None or sought.parent is not None
    found: list[UsageRecord] = []
    while len(found) < limit and span.start < span.end:
        hours = None if indexed else await _hours(connection, reach, span, filters, sought)
        within = _within(hours, span)
        statement = select(*_COLUMNS).where(*where, within).order_by(c.at.desc(), c.id.desc())
        rows = await connection.execute(statement.limit(limit - len(found)))
        found += [_record(row) for row in rows]
        span = Span(span.start, hours[-1] if hours else span.start)
    return found


def _within(hours: Sequence[int] | None, span: Span) -> ColumnElement[bool]:
    at = usage_events.c.at
    if hours is None:
        return and_(at >= span.start * HOUR_US, at < span.end * HOUR_US)
    if not hours:
        return literal(value=False)
    runs: list[list[int]] = []
    for hour in hours:
        if runs and runs[-1][0] == hour + 1:
            runs[-1][0] = hour
        else:
            runs.append([hour, hour + 1])
    return or_(*(and_(at >= first * HOUR_US, at < end * HOUR_US) for first, end in runs))


async def _hours(connection: AsyncConnection, reach: Reach, span: Span, filters: Filters, sought: Sought) -> list[int]:
    """Return the latest hours that hold such requests, by their sums; none where there are none."""
    table = usage_hours if filters.tag is None else tag_hours
    c = table.c
    where = [c.hour >= span.start, c.hour < span.end, c.requests > 0, seen(table, reach)]
    if filters.tag is not None:
        where.append(tag_hours.c.tag == filters.tag)
    names = [name for name in ("provider", "model", "user", "key", "team") if getattr(filters, name) is not None]
    where += [c[_RENAMED.get(name, name)] == getattr(filters, name) for name in names]
    if sought.status in {"error", "cancelled", "lost"} or sought.error is not None:
        where.append(c[{"cancelled": "cancelled", "lost": "lost"}.get(sought.status or "", "errors")] > 0)
    statement = select(c.hour).where(*where).group_by(c.hour).order_by(c.hour.desc()).limit(_HOURS)
    return list(await connection.scalars(statement))


def _conditions(connection: AsyncConnection, filters: Filters, sought: Sought) -> list[ColumnElement[bool]]:
    c = usage_events.c
    found: list[ColumnElement[bool]] = []
    for name in ("provider", "model", "user", "key", "team", "conversation"):
        if (value := getattr(filters, name)) is not None:
            column = c[_RENAMED.get(name, name)]
            # In the sums what there is none of is the empty string, on the request's own row it is NULL.
            found.append(column == value if value else column.is_(None))
    if filters.tag is not None:
        if connection.dialect.name == "postgresql":
            found.append(type_coerce(c.tags, JSONB).contains([filters.tag]))
        else:
            each = func.json_each(c.tags).table_valued("value")
            found.append(exists(select(1).select_from(each).where(each.c.value == filters.tag)))
    if sought.longer is not None:
        found.append(c.duration > sought.longer)
    names = [name for name in ("status", "error", "parent") if getattr(sought, name) is not None]
    return found + [c[_RENAMED.get(name, name)] == getattr(sought, name) for name in names]


async def one(connection: AsyncConnection, reach: Reach, name: str) -> UsageRecord | None:
    """Return a request with the calls that were made for it, where it was not as plain as one that went well."""
    found = (
        await connection.execute(select(*_COLUMNS).where(usage_events.c.id == name, seen(usage_events, reach)))
    ).first()
    if found is None:
        return None
    calls = select(*(attempts.c[column] for column in _CALL_NAMES)).where(attempts.c.usage_id == name)
    rows = await connection.execute(calls.order_by(attempts.c.position))
    return _record(found, tuple(AttemptRecord(**dict(zip(_CALL_NAMES, row, strict=True))) for row in rows))


async def settled_since(
    connection: AsyncConnection, reach: Reach, since: int, until: int, *, longest: int, limit: int
) -> list[UsageRecord]:
    """Return requests that were over after `since`, of those that began after `until` - `longest` (microseconds)."""
    c = usage_events.c
    where = [c.at >= until - longest, c.at + c.duration >= since, seen(usage_events, reach)]
    statement = select(*_COLUMNS).where(*where).order_by((c.at + c.duration).desc()).limit(limit)
    return [_record(row) for row in await connection.execute(statement)]


class Timed(Struct, frozen=True):
    """How long a request took, in microseconds."""

    provider: str
    model: str
    first_token: int | None
    duration: int


async def times(
    connection: AsyncConnection,
    reach: Reach,
    span: Span,
    *,
    provider: str | None = None,
    since: int = 0,
    limit: int = 5000,
) -> list[Timed]:
    """Return how long the latest requests took that a provider answered, of `span` and since a time (microseconds)."""
    c = usage_events.c
    where = [
        c.at >= max(span.start * HOUR_US, since),
        c.at < span.end * HOUR_US,
        c.status == "ok",
        c.cached.is_(False),
        c.provider.is_not(None),
        seen(usage_events, reach),
    ]
    if provider is not None:
        where.append(c.provider == provider)
    statement = select(c.provider, c.model, c.first_token, c.duration).where(*where).order_by(c.at.desc()).limit(limit)
    return [Timed(*row) for row in await connection.execute(statement)]


def _record(row: Any, calls: tuple[AttemptRecord, ...] = ()) -> UsageRecord:
    values: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
    values["tags"] = tuple(values["tags"] or ())
    return UsageRecord(**values, attempts=calls)

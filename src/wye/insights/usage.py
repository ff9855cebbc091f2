"""Reports of usage and cost: by what, over which steps of time, beside the time before, and model beside model."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct, structs
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.core.errors import InvalidRequestError
from wye.core.sums import SUMMED, Sums
from wye.insights import spans
from wye.insights.export import Row, sums_row
from wye.insights.metrics import Percentiles, added, merge, percentiles
from wye.store import reports
from wye.store.reports import Dimension, Filters, Line, Reach, Span, Step

MOST_STEPS: Final = 1000
_HOURS: Final = {"hour": 1, "day": 24, "week": 168, "month": 672}


class Group(Struct, frozen=True, kw_only=True):
    """One group: its sums, those of the time before where that was asked for, and those of each step."""

    name: tuple[str, ...]
    sums: Sums
    before: Sums | None = None
    steps: Sequence[Line] = ()


class Report(Struct, frozen=True, kw_only=True):
    """Usage over `span`: all of it, the dearest groups, and what the `others` had together, that were cut off."""

    span: Span
    all: Group
    groups: Sequence[Group]
    others: Group | None


async def report(
    connection: AsyncConnection,
    reach: Reach,
    span: Span,
    filters: Filters,
    *,
    by: Dimension | None = None,
    step: Step | None = None,
    compare: bool = False,
    limit: int = 50,
) -> Report:
    """Return a report. Raises `InvalidRequestError` for one that cannot be made."""
    check(span, filters, by, step)
    if by is None:
        whole = await _group(connection, reach, span, filters, step=step, compare=compare)
        return Report(span=span, all=whole, groups=[], others=None)
    lines = await reports.totals(connection, reach, span, filters, by=by, limit=limit)
    names = [line.name for line in lines]
    steps = await _by_name(connection, reach, span, filters, by, step, names) if step is not None else []
    earlier = await _by_name(connection, reach, spans.before(span), filters, by, None, names) if compare else []
    before = {line.name: line.sums for line in earlier}
    groups = [
        Group(
            name=line.name,
            sums=line.sums,
            before=before.get(line.name, Sums()) if compare else None,
            steps=[one for one in steps if one.name == line.name],
        )
        for line in lines
    ]
    if len(lines) < limit and by not in {"tag", "conversation"}:
        # These are all there are, and each request is in one of them.
        whole = _together(groups)
        if compare:
            (earliest,) = await reports.totals(connection, reach, spans.before(span), filters)
            whole = structs.replace(whole, before=earliest.sums)
        return Report(span=span, all=whole, groups=groups, others=None)
    whole = await _group(connection, reach, span, filters, step=step, compare=compare)
    return Report(span=span, all=whole, groups=groups, others=_others(whole, groups) if len(lines) == limit else None)


def _together(groups: Sequence[Group]) -> Group:
    """Return what groups that have nothing in common come to, by steps too."""
    starts = sorted({line.start for group in groups for line in group.steps})
    found = {start: [line.sums for group in groups for line in group.steps if line.start == start] for start in starts}
    steps = [Line((), start, added(sums)) for start, sums in found.items()]
    return Group(name=(), sums=added(group.sums for group in groups), steps=steps)


def check(span: Span, filters: Filters, by: Dimension | None, step: Step | None) -> None:
    """Raise `InvalidRequestError` for a report that the books cannot give."""
    if filters.tag is not None and (by == "conversation" or filters.conversation is not None):
        message = "conversations are not kept by tag: ask for one of the two"
        raise InvalidRequestError(message, code="invalid_value", param="tag")
    if by == "tag" and filters.conversation is not None:
        message = "conversations are not kept by tag: ask for one of the two"
        raise InvalidRequestError(message, code="invalid_value", param="by")
    if step is not None and (span.end - span.start) / _HOURS[step] > MOST_STEPS:
        message = f"a report has at most {MOST_STEPS} steps: choose longer ones than an {step}, or a shorter time"
        raise InvalidRequestError(message, code="invalid_value", param="step")


async def _group(
    connection: AsyncConnection, reach: Reach, span: Span, filters: Filters, *, step: Step | None, compare: bool
) -> Group:
    if step is not None:
        steps = await reports.totals(connection, reach, span, filters, step=step)
        sums = added(line.sums for line in steps)
    else:
        steps = []
        sums = (await reports.totals(connection, reach, span, filters))[0].sums
    before = None
    if compare:
        before = (await reports.totals(connection, reach, spans.before(span), filters))[0].sums
    return Group(name=(), sums=sums, before=before, steps=steps)


async def _by_name(
    connection: AsyncConnection,
    reach: Reach,
    span: Span,
    filters: Filters,
    by: Dimension,
    step: Step | None,
    names: Sequence[tuple[str, ...]],
) -> list[Line]:
    return await reports.totals(connection, reach, span, filters, by=by, step=step, names=names)


def _others(whole: Group, groups: Sequence[Group]) -> Group | None:
    """Return what is left of the whole; tags overlap, so that nothing may be left or less than that."""
    left = less(whole.sums, added(group.sums for group in groups))
    if left.requests <= 0:
        return None
    before = None if whole.before is None else less(whole.before, added(one.before or Sums() for one in groups))
    return Group(name=(), sums=left, before=before)


def less(total: Sums, part: Sums) -> Sums:
    """Return what is left of sums without a part of them, nothing below zero."""
    return Sums(**{name: max(0, getattr(total, name) - getattr(part, name)) for name in SUMMED})


class Compared(Struct, frozen=True, kw_only=True):
    """One model beside others."""

    provider: str
    model: str
    sums: Sums
    first_token: Percentiles
    total: Percentiles


async def models(
    connection: AsyncConnection, reach: Reach, span: Span, filters: Filters, *, limit: int = 50
) -> list[Compared]:
    """Return models beside each other, the dearest first; percentiles only for who may see everybody's requests."""
    check(span, filters, "model", None)
    lines = await reports.totals(connection, reach, span, filters, by="model", limit=limit)
    sketches: reports.Sketches = {}
    if reach.is_all:
        sketches = await reports.latencies(
            connection, span, by=("provider", "model"), provider=filters.provider, model=filters.model
        )
    return [
        Compared(
            provider=line.name[0],
            model=line.name[1],
            sums=line.sums,
            first_token=percentiles(merge([sketches.get(line.name, {}).get("first_token", {})])),
            total=percentiles(merge([sketches.get(line.name, {}).get("total", {})])),
        )
        for line in lines
        if line.name[0]
    ]


def rows_of(found: Report, by: Dimension | None, step: Step | None) -> list[Row]:
    """Return a report as rows: of groups, or of everything, and by steps where it has them."""
    rows: list[Row] = []
    for group in found.groups if by is not None else [found.all]:
        named: dict[str, str] = {} if by is None else {by: "/".join(group.name)}
        if step is None:
            rows.append({**named, **sums_row(group.sums)})
        else:
            rows += [{**named, step: spans.iso(line.start), **sums_row(line.sums)} for line in group.steps]
    return rows

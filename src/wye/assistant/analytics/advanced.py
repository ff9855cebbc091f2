"""`advanced_analytics`: any figure of the books by anything, over time, beside the time before, with its trend."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, structs

from wye.assistant.analytics.asked import Asked, Books, Dimension, Rows, Step, Viewer
from wye.assistant.analytics.measures import MEASURES, Measure, Metric
from wye.assistant.analytics.tables import Cell, Chart, Column, Finding, Table, percent, period_of
from wye.assistant.analytics.trends import anomalies_of, trend_of
from wye.core.errors import InvalidRequestError
from wye.core.sums import Sums
from wye.insights import usage
from wye.insights.spans import iso
from wye.insights.usage import Group, Report
from wye.store import reports
from wye.store.reports import Line, Span

NAME: Final = "advanced_analytics"
DESCRIPTION: Final = (
    "Any figure of usage (requests, cost, tokens, errors, latency …), grouped by model, provider, user, key, team, "
    "conversation or tag, filtered, per hour, day, week or month, compared with the time before; says where it is "
    "going (trend) and which steps are out of the ordinary (anomalies)."
)
_ANOMALIES: Final = 10
_NOTHING: Final = Sums()


class Arguments(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to work out."""

    metrics: Annotated[
        tuple[Metric, ...], Meta(min_length=1, max_length=6, description="The figures; the first leads.")
    ] = ("requests", "cost")
    by: Annotated[Dimension, Meta(description="What to group by.")] | None = None
    step: Annotated[Step, Meta(description="Steps of time, for trends and anomalies.")] | None = None
    compare: Annotated[bool, Meta(description="Beside the same length of time before.")] = False
    limit: Rows = 20


async def answer(books: Books, asked: Arguments, viewer: Viewer) -> Finding:
    """Return figures, in steps of time where they are asked for, else by group."""
    reach, span = viewer.reach, asked.span(viewer)
    if asked.compare and asked.step is not None:
        raise InvalidRequestError("compare with the time before without steps: leave out 'step', or 'compare'")
    async with books.source.read() as connection:
        found = await usage.report(
            connection,
            reach,
            span,
            asked.filters(),
            by=asked.by,
            step=asked.step,
            compare=asked.compare,
            limit=asked.limit,
        )
    if asked.step is not None:
        return _over_time(found, asked, asked.step, span)
    return _side_by_side(found, asked, span)


def _side_by_side(found: Report, asked: Arguments, span: Span) -> Finding:
    columns = [Column(asked.by or "all")]
    for name in asked.metrics:
        columns.append(Column(name, MEASURES[name].unit))
        if asked.compare:
            columns += [Column(f"{name}_before", MEASURES[name].unit), Column(f"{name}_change", "%")]
    groups = found.groups if asked.by is not None else [found.all]
    notes = []
    if found.others is not None:
        notes.append(f"only the {len(groups)} dearest groups are here; all others are together in 'others'")
    summary: dict[str, Any] = {"all": _named(found.all.sums, asked.metrics)}
    if asked.compare:
        summary["before"] = _named(found.all.before or _NOTHING, asked.metrics)
    if found.others is not None:
        summary["others"] = _named(found.others.sums, asked.metrics)
    rows = [[_name(group), *_cells(group, asked)] for group in groups]
    return Finding(
        period=period_of(span),
        summary=summary,
        table=Table(columns, rows),
        chart=Chart(kind="bar", x=columns[0].name, y=asked.metrics[:1]) if asked.by is not None else None,
        notes=notes,
    )


def _cells(group: Group, asked: Arguments) -> list[Cell]:
    cells: list[Cell] = []
    for name in asked.metrics:
        value = MEASURES[name].of(group.sums)
        cells.append(value)
        if asked.compare:
            before = MEASURES[name].of(group.before or _NOTHING)
            cells += [before, None if value is None or before is None else percent(value - before, before)]
    return cells


def _over_time(found: Report, asked: Arguments, step: Literal["hour", "day", "week", "month"], span: Span) -> Finding:
    starts = steps_of(span, step)
    groups = found.groups if asked.by is not None else [found.all]
    leading, name = MEASURES[asked.metrics[0]], asked.metrics[0]
    rows: list[list[Cell]] = []
    told: list[dict[str, Any]] = []
    odd: list[dict[str, Any]] = []
    for group in groups:
        by_start = {line.start: line.sums for line in group.steps}
        sums = [by_start.get(start, _NOTHING) for start in starts]
        for start, one in zip(starts, sums, strict=True):
            first: list[Cell] = [iso(start)] if asked.by is None else [iso(start), _name(group)]
            rows.append([*first, *(MEASURES[metric].of(one) for metric in asked.metrics)])
        # The step under way is not over: it would look like a fall.
        values, at = series_of(leading, sums[:-1]), starts
        of: dict[str, Any] = {} if asked.by is None else {asked.by: _name(group)}
        if (trend := trend_of([value for _, value in values])) is not None:
            told.append({**of, **structs.asdict(trend)})
        for one_odd in anomalies_of([value for _, value in values]):
            where = values[one_odd.at][0]
            odd.append({**of, **structs.asdict(one_odd), "at": iso(at[where])})
    odd.sort(key=lambda one: -abs(one["deviations"]))
    columns = [Column(step), *([] if asked.by is None else [Column(asked.by)])]
    columns += [Column(metric, MEASURES[metric].unit) for metric in asked.metrics]
    return Finding(
        period=period_of(span),
        summary={
            "all": _named(found.all.sums, asked.metrics),
            "trends": {"of": name, "per": step, "found": told},
            "anomalies": {"of": name, "found": odd[:_ANOMALIES]},
        },
        table=Table(columns, rows),
        chart=Chart(kind="line", x=step, y=[name], series=asked.by),
        notes=["the last step is not over yet and counts for no trend and no anomaly"],
    )


def steps_of(span: Span, step: Literal["hour", "day", "week", "month"]) -> list[int]:
    """Return the first hours of the steps that a span touches, in order."""
    hours = range(span.start, span.end, 1 if step == "hour" else 24)
    return sorted({reports.start_of_step(step, hour) for hour in (*hours, span.end - 1)})


def series_of(measure: Measure, sums: Sequence[Sums]) -> list[tuple[int, float]]:
    """Return a figure over steps, with the number of each: steps without requests have none of what is a mean."""
    found = [(at, measure.of(one)) for at, one in enumerate(sums)]
    return [(at, 0.0 if value is None else value) for at, value in found if value is not None or measure.adds]


def _named(sums: Sums, metrics: Sequence[Metric]) -> Mapping[str, float | None]:
    return {name: MEASURES[name].of(sums) for name in metrics}


def _name(group: Group | Line) -> str:
    return "/".join(filter(None, group.name))

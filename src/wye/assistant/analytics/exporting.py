"""`export_data`: usage, requests, metrics or evaluations as CSV or JSON: as much as fits, and where all of it is."""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, Final, Literal, TypeAlias
from urllib.parse import urlencode

import msgspec
from msgspec import Meta, structs
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.assistant.analytics.asked import Asked, Books, Dimension, Step, Viewer
from wye.assistant.analytics.tables import Answer
from wye.core.record import HOUR_US
from wye.insights import export, usage
from wye.insights.export import Format, Row, csv_lines
from wye.insights.spans import iso_us
from wye.store import evaluations
from wye.store.evaluations import Evaluation, Sought
from wye.store.reports import Reach, Span
from wye.store.requests import Sought as SoughtRequests

NAME: Final = "export_data"
DESCRIPTION: Final = (
    "Data as CSV or JSON text: `usage` (sums by model, user … and step of time), `requests` (one row each), `metrics` "
    "(by hour, provider and model) or `evaluations`. Long exports are cut after a whole row; `link` has all of it."
)
What: TypeAlias = Literal["usage", "requests", "metrics", "evaluations"]
_AROUND: Final = 600
"""Characters kept for what stands around the data."""
_encode: Final = msgspec.json.Encoder(decimal_format="number").encode


class Arguments(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What, when, of what, and in which form."""

    what: What = "usage"
    format: Format = "csv"
    by: Annotated[Dimension, Meta(description="What usage is grouped by.")] | None = None
    step: Annotated[Step, Meta(description="Steps of time of usage.")] | None = None


async def answer(books: Books, asked: Arguments, viewer: Viewer) -> Answer:
    """Return data as text within the output's limit."""
    reach, span = viewer.reach, asked.span(viewer, days=30 if asked.what != "metrics" else 1)
    room = max(200, viewer.room - _AROUND)
    data, count, cut = await _gathered(_pieces(books, asked, reach, span), asked.format, room)
    told = {
        "what": asked.what,
        "format": asked.format,
        "rows": count,
        "complete": not cut,
        "link": link_to(asked, span),
        "data": data,
    }
    return Answer(text=_encode(told).decode(), cut=cut)


def link_to(asked: Arguments, span: Span) -> str | None:
    """Return the path of this API where all of it is, `None` where there is none."""
    since, until = iso_us(span.start * HOUR_US), iso_us((span.end - 1) * HOUR_US)
    when = {"since": since, "until": until}
    filters = {name: value for name, value in structs.asdict(asked.filters()).items() if value is not None}
    match asked.what:
        case "usage":
            by = {name: value for name, value in (("by", asked.by), ("step", asked.step)) if value is not None}
            return f"/api/usage?{urlencode({**when, **filters, **by, 'format': asked.format})}"
        case "requests":
            return f"/api/usage/requests?{urlencode({**when, **filters, 'format': asked.format})}"
        case "metrics":
            return f"/api/llm-providers/telemetry/export?{urlencode({'format': asked.format})}"
    return None


async def _pieces(books: Books, asked: Arguments, reach: Reach, span: Span) -> AsyncIterator[Sequence[Row]]:
    filters = asked.filters()
    match asked.what:
        case "usage":
            async with books.source.read() as connection:
                found = await usage.report(connection, reach, span, filters, by=asked.by, step=asked.step, limit=500)
            yield usage.rows_of(found, asked.by, asked.step)
        case "requests":
            async for rows in export.request_rows(books.source, reach, span, filters, SoughtRequests()):
                yield rows
        case "metrics":
            async for rows in export.metric_rows(books.source, reach, span, provider=filters.provider):
                yield rows
        case "evaluations":
            async with books.source.read() as connection:
                yield await _judged(connection, reach, span, asked.model)


async def _judged(connection: AsyncConnection, reach: Reach, span: Span, model: str | None) -> list[Row]:
    since, until = span.start * HOUR_US, span.end * HOUR_US
    found = await evaluations.page(connection, reach, since, until, Sought(model=model), limit=1000)
    return [evaluation_row(one) for one in found]


def evaluation_row(one: Evaluation) -> Row:
    """Return a judgement as a row: its time in ISO 8601, money in USD, its score from 0 to 1."""
    values: dict[str, Any] = structs.asdict(one)
    values["scores"] = None if one.scores is None else _encode(one.scores).decode()
    score = None if one.score is None else one.score / 1000
    return {**values, "at": iso_us(one.at), "cost": export.usd(one.cost), "score": score}


async def _gathered(pieces: AsyncIterator[Sequence[Row]], form: Format, room: int) -> tuple[Any, int, bool]:
    """Return whole rows within `room` characters of the answer, how many there are, and whether some were left out."""
    lines: list[str] = []
    rows: list[Row] = []
    async for some in pieces:
        for row in some:
            line = csv_lines([row.values()]).decode() if form == "csv" else _encode(row).decode()
            if form == "csv" and not lines:
                lines.append(csv_lines([list(row)]).decode())
                room -= len(_encode(lines[0]))
            room -= len(_encode(line)) if form == "csv" else len(line) + 1
            if room < 0:
                return _joined(lines, rows, form), len(rows), True
            lines.append(line)
            rows.append(row)
    return _joined(lines, rows, form), len(rows), False


def _joined(lines: Sequence[str], rows: Sequence[Row], form: Format) -> Any:
    return "".join(lines) if form == "csv" else list(rows)

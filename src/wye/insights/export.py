"""The books as rows for spreadsheets and programs, read piece by piece, so that any length takes little memory.

A cell of a CSV that begins with =, +, - or @ would be a formula to a spreadsheet, and names of models, users and tags
are whatever somebody chose: such text gets an apostrophe before it, which spreadsheets hide.
"""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias

import msgspec
from msgspec import structs

from wye.core.record import PICO_PER_USD, UsageRecord
from wye.core.sums import Sums
from wye.insights.metrics import percentiles
from wye.insights.spans import iso, iso_us
from wye.insights.window import Source
from wye.store import reports, requests
from wye.store.reports import Filters, Reach, Span
from wye.store.requests import Sought

Format: TypeAlias = Literal["json", "csv"]
Row: TypeAlias = Mapping[str, Any]
_CHUNK_HOURS: Final = 24
_PAGE: Final = 1000
_DANGEROUS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
_MONEY: Final = frozenset({"cost", "reported_cost", "saved", "hold"})
_TIMES: Final = frozenset({"first_token", "duration"})
_encode = msgspec.json.Encoder(decimal_format="number").encode


def usd(pico: int | None) -> Decimal | None:
    """Return picodollars in dollars, exactly."""
    return None if pico is None else (Decimal(pico) / PICO_PER_USD).normalize() + 0


async def metric_rows(
    database: Source, reach: Reach, span: Span, *, provider: str | None = None
) -> AsyncIterator[Sequence[Row]]:
    """Yield rows of sums and percentiles by the hour, provider and model, a day's at a time, in order of time."""
    filters = Filters(provider=provider)
    for start in range(span.start, span.end, _CHUNK_HOURS):
        day = Span(start, min(start + _CHUNK_HOURS, span.end))
        async with database.read() as connection:
            lines = await reports.totals(connection, reach, day, filters, by="model", step="hour")
            sketches: reports.HourlySketches = {}
            if reach.is_all and lines:
                sketches = await reports.hourly_latencies(connection, day, provider=provider)
        yield [
            {
                "hour": iso(line.start),
                "provider": line.name[0],
                "model": line.name[1],
                **_plain(structs.asdict(line.sums)),
                **_timed(sketches.get((line.start, line.name[0], line.name[1]), {})),
            }
            for line in lines
        ]


def _timed(kinds: Mapping[str, Mapping[int, int]]) -> dict[str, Any]:
    found = {}
    for kind in ("first_token", "total"):
        for name, value in structs.asdict(percentiles(kinds.get(kind, {}))).items():
            found[f"{kind}_{name}_ms"] = None if value is None else round(value / 1000, 1)
    return found


async def request_rows(
    database: Source, reach: Reach, span: Span, filters: Filters, sought: Sought
) -> AsyncIterator[Sequence[Row]]:
    """Yield a row for each request, the latest first, a page at a time."""
    before: tuple[int, str] | None = None
    while True:
        async with database.read() as connection:
            page = await requests.page(connection, reach, span, filters, sought, before=before, limit=_PAGE)
        if not page:
            return
        yield [request_row(record) for record in page]
        before = (page[-1].at, page[-1].id)


def request_row(record: UsageRecord) -> Row:
    """Return a request as a row: its time in ISO 8601, money in USD, durations in milliseconds."""
    values = {name: value for name, value in structs.asdict(record).items() if name != "attempts"}
    return {**_plain(values), "at": iso_us(record.at), "tags": ",".join(record.tags)}


def sums_row(sums: Sums) -> Row:
    """Return sums as a row."""
    return _plain(structs.asdict(sums))


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        if name in _MONEY:
            found[name] = usd(value)
        elif name in _TIMES:
            found[f"{name}_ms"] = None if value is None else value / 1000
        else:
            found[name] = value
    return found


async def encoded(pieces: AsyncIterator[Sequence[Row]], form: Format) -> AsyncIterator[bytes]:
    """Yield rows as one JSON array or one CSV with a line of names, in pieces."""
    first = True
    async for rows in pieces:
        if not rows:
            continue
        if form == "csv":
            yield csv_lines([list(rows[0])] if first else []) + csv_lines(row.values() for row in rows)
        else:
            lines = b",\n".join(_encode(row) for row in rows)
            yield (b"[\n" if first else b",\n") + lines
        first = False
    if form == "json":
        yield b"[]\n" if first else b"\n]\n"


def csv_lines(rows: Iterable[Iterable[Any]]) -> bytes:
    """Return rows as lines of a CSV in which no cell is a formula."""
    text = io.StringIO()
    csv.writer(text).writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, str) and value.startswith(_DANGEROUS):
        return f"'{value}"
    return value

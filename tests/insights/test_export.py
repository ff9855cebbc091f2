"""Exports hold every row and read a little at a time."""

import csv
import io
import json
from collections.abc import AsyncIterator, Sequence

from tests.support.books import NOW, failed, used, write

from wye.core.record import HOUR_US
from wye.insights import export
from wye.insights.export import Format
from wye.store.database import Database
from wye.store.reports import Filters, Reach, Span
from wye.store.requests import Sought

HOUR = NOW // HOUR_US
WEEK = Span(HOUR - 24 * 7 + 1, HOUR + 1)
ALL = Reach()


async def whole(rows: AsyncIterator[Sequence[export.Row]], form: Format) -> str:
    """Return an export in one piece."""
    return b"".join([piece async for piece in export.encoded(rows, form)]).decode()


async def test_metrics_are_exported_a_day_at_a_time(database: Database) -> None:
    await write(database, [used(hours_ago=hours) for hours in range(0, 24 * 8, 6)] + [failed(provider="gemini")])
    pieces = [rows async for rows in export.metric_rows(database, ALL, WEEK)]
    assert len(pieces) == 7
    assert max(map(len, pieces)) == 5
    rows = json.loads(await whole(export.metric_rows(database, ALL, WEEK), "json"))
    table = list(csv.DictReader(io.StringIO(await whole(export.metric_rows(database, ALL, WEEK), "csv"))))
    assert len(rows) == len(table) == 29
    assert rows[-1]["total_p50_ms"] is not None or rows[-1]["provider"] == "gemini"
    assert rows[0]["cost"] == 0.00075
    assert [row["hour"] for row in rows] == sorted(row["hour"] for row in rows)


async def test_requests_are_exported_a_page_at_a_time(database: Database) -> None:
    await write(database, [used(hours_ago=number / 100, tags=("a", "b"), model="@x") for number in range(2500)])
    pieces = [rows async for rows in export.request_rows(database, ALL, WEEK, Filters(), Sought())]
    assert [len(rows) for rows in pieces] == [1000, 1000, 500]
    ids = {row["id"] for rows in pieces for row in rows}
    assert len(ids) == 2500
    table = await whole(export.request_rows(database, ALL, WEEK, Filters(), Sought()), "csv")
    first = next(csv.DictReader(io.StringIO(table)))
    assert (first["model"], first["tags"], first["cost"], first["at"]) == (
        "'@x", "a,b", "0.00075", "2026-07-11T00:30:00Z",
    )  # fmt: skip


async def test_an_export_of_nothing_is_one(database: Database) -> None:
    assert json.loads(await whole(export.metric_rows(database, ALL, WEEK), "json")) == []
    assert await whole(export.metric_rows(database, ALL, WEEK), "csv") == ""

"""The form of the analytics tools' answers: a table with units, what a chart of it shows, and figures beside it.

As JSON: `{"period": {"from", "to"}, "summary": {…}, "table": {"columns": [{"name", "unit"}], "rows": [[…]]},
"chart": {"kind", "x", "y"}, "notes": […]}`, so that a model reads it and a console draws it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Struct, structs

from wye.core.record import PICO_PER_USD
from wye.insights.spans import iso
from wye.store.reports import Span

Unit: TypeAlias = Literal["", "USD", "ms", "tokens", "%", "count", "hours"]
Cell: TypeAlias = str | float | int | bool | None
_encode: Final = msgspec.json.Encoder().encode


class Column(Struct, frozen=True):
    """A column: its name, and the unit of what stands in it."""

    name: str
    unit: Unit = ""


class Table(Struct, frozen=True):
    """Rows of as many cells as there are columns."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


class Chart(Struct, frozen=True, kw_only=True):
    """How the table is best drawn: the columns of the axes. `series` is the column that tells lines apart."""

    kind: Literal["line", "bar"]
    x: str
    y: Sequence[str]
    series: str | None = None


class Finding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An answer; `notes` are sentences on how to read it."""

    period: Mapping[str, str] | None = None
    summary: Mapping[str, Any] = {}
    table: Table | None = None
    chart: Chart | None = None
    notes: Sequence[str] = ()


class Answer(Struct, frozen=True):
    """An answer as text, and whether some of it is left out."""

    text: str
    cut: bool = False


def period_of(span: Span) -> dict[str, str]:
    """Return a span as it is told: the end is not included."""
    return {"from": iso(span.start), "to": iso(span.end)}


def rendered(found: Finding, room: int) -> Answer:
    """Return an answer as JSON of at most `room` characters: rows that are too many are left out, and that is said."""
    text = _encode(found).decode()
    table = found.table
    if len(text) <= room or table is None or not table.rows:
        return Answer(text=text)
    kept, total = len(table.rows), len(table.rows)
    while kept and len(text) > room:
        kept = min(kept - 1, max(0, kept * room // len(text)))
        note = f"only the first {kept} of {total} rows are here: ask for less at a time, or for fewer groups"
        cut = structs.replace(table, rows=table.rows[:kept])
        text = _encode(structs.replace(found, table=cut, notes=[*found.notes, note])).decode()
    return Answer(text=text, cut=True)


def usd(pico: int | None) -> float | None:
    """Return picodollars in dollars."""
    return None if pico is None else round(pico / PICO_PER_USD, 9)


def milliseconds(microseconds: float | None) -> float | None:
    """Return microseconds in milliseconds."""
    return None if microseconds is None else round(microseconds / 1000, 1)


def percent(part: float, whole: float) -> float | None:
    """Return what part of a whole is, in percent; `None` of nothing."""
    return None if not whole else round(100 * part / whole, 2)


def per(total: float, count: float) -> float | None:
    """Return the mean; `None` of nothing."""
    return None if not count else total / count

"""The tool `datetime`: what time it is where, what lies between two times, what comes after one, and how it is written.

Days, months and years are counted on the calendar of a zone, hours and less on the clock that never jumps: a day after
noon is noon though the clocks were changed, 24 hours after it may not be.
"""

import datetime as dt
import email.utils
import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from wye.assistant.tools.seam import ToolContext, ToolError, ToolOutput, read, schema_of, told
from wye.assistant.tools.zones import zone_named
from wye.core.caller import Scope

_WEEK: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DIRECTIVE: Final = re.compile(r"%(.?)", re.DOTALL)
_DIRECTIVES: Final = frozenset("aAbBdefGHIjmMpSuUVwWyYzZ%")
"""The C library also takes a width, which may be a billion."""
_SECONDS_A_DAY: Final = 86_400
_NUMBER: Final = re.compile(r"-?\d{1,12}(?:\.\d{1,6})?", re.ASCII)
_DATE: Final = re.compile(r"\d{8}", re.ASCII)
_Amount = Annotated[int, Meta(ge=-10_000_000, le=10_000_000)]


class Arguments(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be told."""

    action: Annotated[
        Literal["now", "parse", "add", "difference"],
        Meta(
            description="now: the present time. parse: read `time`, and show it in `zone`. add: go on from `time`. "
            "difference: from `time` to `until`."
        ),
    ] = "now"
    time: (
        Annotated[
            str,
            Meta(
                max_length=100,
                description="ISO 8601 (2026-03-29, 2026-03-29T02:30, 2026-03-29T02:30:00+01:00), an e-mail's date, or "
                "seconds since 1970. Absent: now.",
            ),
        ]
        | None
    ) = None
    until: Annotated[str, Meta(max_length=100, description="for difference; absent: now")] | None = None
    zone: Annotated[
        str,
        Meta(
            max_length=100,
            description="A zone such as Europe/Berlin, UTC or +02:00: what times without an offset are in, and what "
            "the answer is shown in.",
        ),
    ] = "UTC"
    to_zone: Annotated[str, Meta(max_length=100, description="show the answer in this zone instead")] | None = None
    input_format: Annotated[str, Meta(max_length=100, description="how `time` is written: %d.%m.%Y %H:%M")] | None = (
        None
    )
    format: Annotated[str, Meta(max_length=100, description="also write the answer so: %A, %d %B %Y")] | None = None
    years: _Amount = 0
    months: _Amount = 0
    weeks: _Amount = 0
    days: _Amount = 0
    hours: _Amount = 0
    minutes: _Amount = 0
    seconds: _Amount = 0


class Dates:
    """The tool `datetime`."""

    name = "datetime"
    description = (
        "Tells the present time in any zone, reads and converts times, adds to them, and says what lies between two. "
        "Use it for every question about dates: you do not know what day it is."
    )
    parameters: Mapping[str, Any] = schema_of(Arguments)
    scope: Scope = "use"

    async def call(self, arguments: Mapping[str, Any], context: ToolContext, /) -> ToolOutput:
        """Return the time as JSON, or the difference."""
        wanted = read(Arguments, arguments)
        try:
            return told(_answer(wanted, context.clock()))
        except OverflowError:
            raise ToolError("that is outside the years 1 to 9999") from None


def _answer(wanted: Arguments, now: float) -> dict[str, Any]:
    zone = zone_named(wanted.zone)
    shown = zone if wanted.to_zone is None else zone_named(wanted.to_zone)
    present = dt.datetime.fromtimestamp(now, dt.UTC)
    moment = _moment(wanted.time, wanted.input_format, zone, present)
    match wanted.action:
        case "now":
            moment = present
        case "add":
            moment = _later(moment.astimezone(zone), wanted)
        case "difference":
            return _difference(moment.astimezone(shown), _moment(wanted.until, None, zone, present).astimezone(shown))
    return _told(moment.astimezone(shown), wanted)


def _moment(text: str | None, written: str | None, zone: dt.tzinfo, present: dt.datetime) -> dt.datetime:
    """Read a time; one without an offset is in `zone`."""
    if text is None or not text.strip() or text.strip().lower() == "now":
        return present
    text = text.strip()
    found = _read(text, written)
    if found is None:
        raise ToolError(f"{text[:40]!r} is no time; write 2026-03-29T14:30 or 2026-03-29, or say 'input_format'")
    return found if found.tzinfo is not None else found.replace(tzinfo=zone)


def _read(text: str, written: str | None) -> dt.datetime | None:
    try:
        if written is not None:
            return dt.datetime.strptime(text, written)  # noqa: DTZ007 - given the zone that was asked for right after
        if _NUMBER.fullmatch(text) and not _DATE.fullmatch(text):
            return dt.datetime.fromtimestamp(float(text), dt.UTC)
        return dt.datetime.fromisoformat(text)
    except (ValueError, OSError, re.error):
        pass
    try:
        return None if written is not None else email.utils.parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError):
        return None


def _later(moment: dt.datetime, wanted: Arguments) -> dt.datetime:
    months = moment.year * 12 + moment.month - 1 + wanted.years * 12 + wanted.months
    year, month = divmod(months, 12)
    if not dt.MINYEAR <= year <= dt.MAXYEAR:
        raise OverflowError
    day = min(moment.day, _days_in(year, month + 1))
    moment = moment.replace(year=year, month=month + 1, day=day) + dt.timedelta(days=wanted.days, weeks=wanted.weeks)
    more = dt.timedelta(hours=wanted.hours, minutes=wanted.minutes, seconds=wanted.seconds)
    return moment.astimezone(dt.UTC) + more


def _days_in(year: int, month: int) -> int:
    first = dt.date(year, month, 1)
    return 31 if month == 12 else (first.replace(month=month + 1) - first).days


def _difference(begin: dt.datetime, end: dt.datetime) -> dict[str, Any]:
    exact = end.astimezone(dt.UTC) - begin.astimezone(dt.UTC)
    seconds = exact.total_seconds()
    first, last = sorted((begin, end))
    return {
        "from": begin.isoformat(),
        "until": end.isoformat(),
        "seconds": int(seconds) if seconds == math.floor(seconds) else seconds,
        "days": round(seconds / _SECONDS_A_DAY, 6),
        "calendar": _calendar(first.replace(tzinfo=None), last.replace(tzinfo=None)),
        "weekdays": _weekdays(first.date(), last.date()),
        "backwards": seconds < 0,
    }


def _calendar(first: dt.datetime, last: dt.datetime) -> dict[str, int]:
    """Count whole years, months and days, and what is left of a day, as people read it off a calendar."""
    months = (last.year - first.year) * 12 + last.month - first.month
    while (reached := _months_after(first, months)) > last:
        months -= 1
    rest = last - reached
    return {
        "years": months // 12,
        "months": months % 12,
        "days": rest.days,
        "hours": rest.seconds // 3600,
        "minutes": rest.seconds % 3600 // 60,
        "seconds": rest.seconds % 60,
    }


def _months_after(moment: dt.datetime, months: int) -> dt.datetime:
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, _days_in(year, month + 1)))


def _weekdays(first: dt.date, last: dt.date) -> int:
    """Count Mondays to Fridays from `first` up to, and without, `last`."""
    weeks, over = divmod((last - first).days, 7)
    return weeks * 5 + sum((first.weekday() + day) % 7 < 5 for day in range(over))


def _told(moment: dt.datetime, wanted: Arguments) -> dict[str, Any]:
    week = moment.isocalendar()
    found: dict[str, Any] = {
        "time": moment.isoformat(),
        "zone": wanted.to_zone or wanted.zone,
        "abbreviation": moment.tzname(),
        "weekday": _WEEK[moment.weekday()],
        "week": f"{week.year}-W{week.week:02}",
        "day_of_year": moment.timetuple().tm_yday,
        "unix": math.floor(moment.timestamp()),
    }
    if wanted.format is not None:
        found["formatted"] = _written(moment, wanted.format)
    return found


def _written(moment: dt.datetime, form: str) -> str:
    for found in _DIRECTIVE.finditer(form):
        if not found[1] or found[1] not in _DIRECTIVES:
            raise ToolError(f"{found[0]!r} is no part of a format; there are: %{' %'.join(sorted(_DIRECTIVES))}")
    try:
        return moment.strftime(form)
    except (ValueError, UnicodeError):
        raise ToolError("the format cannot be written") from None

"""Periods of the calendar, in UTC, by their bounds in microseconds since the epoch."""

import datetime
from typing import Final, Literal, TypeAlias

Period: TypeAlias = Literal["minute", "day", "week", "month", "total"]

MINUTE: Final = 60_000_000
DAY: Final = 24 * 60 * MINUTE
_WEEK: Final = 7 * DAY
_FIRST_MONDAY: Final = 4 * DAY
"""The epoch began on a Thursday."""


def bounds(period: Period, at: int) -> tuple[int, int | None]:
    """Return where the period that `at` is in begins, and where the next one does; `total` never ends."""
    match period:
        case "minute":
            start = at - at % MINUTE
            return start, start + MINUTE
        case "day":
            start = at - at % DAY
            return start, start + DAY
        case "week":
            start = at - (at - _FIRST_MONDAY) % _WEEK
            return start, start + _WEEK
        case "month":
            day = datetime.datetime.fromtimestamp(at // 1_000_000, datetime.UTC)
            first = day.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
            following = (first + datetime.timedelta(days=32)).replace(day=1)
            return int(first.timestamp()) * 1_000_000, int(following.timestamp()) * 1_000_000
        case "total":
            return 0, None


_TEN_YEARS: Final = 10 * 365 * 24 * 3_600_000_000


def runs_out(spent: int, left: int, starts_at: int, ends_at: int | None, now: int) -> int | None:
    """Return when an allowance is used up at the pace of its period so far, `None` where it lasts.

    Times are microseconds since the epoch.
    """
    if left == 0:
        return now
    if spent == 0 or now <= starts_at:
        return None
    at = now + left * (now - starts_at) // spent
    lasts = at >= (ends_at if ends_at is not None else now + _TEN_YEARS)
    return None if lasts else at

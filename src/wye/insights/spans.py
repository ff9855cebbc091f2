"""Stretches of time as people say them: the last so many hours, since a day, the days before those."""

import datetime
import re
from typing import Final

from wye.core.errors import InvalidRequestError
from wye.core.record import HOUR_US
from wye.store.reports import Span

_UNITS: Final = {"h": 1, "d": 24, "w": 168}
_AGO: Final = re.compile(r"(\d{1,6})\s*([hdw])")
LONGEST_HOURS: Final = 10 * 366 * 24
"""Ten years: what is asked for beyond that is a mistake."""


def span_of(now: int, since: str | None, until: str | None = None, *, hours: int = 24) -> Span:
    """Return the hours from `since` to `until`, both included as far as they have begun; `now` is microseconds.

    Each is a time in ISO 8601 (UTC where it names no zone), a day (`2026-07-11`), or so long ago (`36h`, `30d`,
    `2w`). Without `since` it is the last `hours`, without `until` up to now. Raises `InvalidRequestError`.
    """
    last = _hour(until, now, "until") if until is not None else now // HOUR_US
    end = last + 1
    if until is not None and len(until.strip()) == 10:
        end = last + 24  # a day is meant whole
    start = _hour(since, now, "since") if since is not None else end - hours
    if start >= end:
        raise InvalidRequestError("'since' is after 'until'", code="invalid_value", param="since")
    if end - start > LONGEST_HOURS:
        raise InvalidRequestError("ask for ten years at most", code="invalid_value", param="since")
    return Span(start, end)


def _hour(text: str, now: int, param: str) -> int:
    if ago := _AGO.fullmatch(text.strip().lower()):
        hours = int(ago[1]) * _UNITS[ago[2]]
        return now // HOUR_US - min(hours, 2 * LONGEST_HOURS) + (1 if hours else 0)
    try:
        at = datetime.datetime.fromisoformat(text.strip().replace(" ", "+") if "T" in text else text.strip())
        at = at if at.tzinfo is not None else at.replace(tzinfo=datetime.UTC)
        return int(at.timestamp() // 3600)
    except (ValueError, OverflowError):
        message = f"{param!r} is a time such as 2026-07-11T08:00:00Z, a day, or so long ago: 36h, 30d, 2w"
        raise InvalidRequestError(message, code="invalid_value", param=param) from None


def before(span: Span) -> Span:
    """Return the same length of time before a span."""
    return Span(span.start - (span.end - span.start), span.start)


def iso(hour: int) -> str:
    """Return the beginning of an hour in ISO 8601."""
    return iso_us(hour * HOUR_US)


def iso_us(at: int) -> str:
    """Return a time, in microseconds since the epoch, in ISO 8601 to the second; times no calendar has stay numbers."""
    try:
        return datetime.datetime.fromtimestamp(at // 1_000_000, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return str(at)

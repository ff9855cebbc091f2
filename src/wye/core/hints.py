"""What a provider says about when to come back: in its response headers, or in the words of a refusal."""

import datetime
import math
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

from wye.core.errors import OverloadedError, RateLimitError, WyeError

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|milliseconds?|s|seconds?|m|minutes?|h|hours?|d|days?)(?![a-z])")
_WORDS: Final = re.compile(
    rf"(?:try again|retry|wait)(?: in| after| for)? ((?:{_DURATION.pattern}\s*)+)", re.IGNORECASE
)
_SECONDS: Final[Mapping[str, float]] = {
    "ms": 0.001, "mi": 0.001, "s": 1, "se": 1, "m": 60, "h": 3600, "ho": 3600, "d": 86400, "da": 86400,
}  # fmt: skip
_RESET: Final = re.compile(r"(?:x-|anthropic-)?ratelimit(?:-[a-z-]+)?-reset(?:-[a-z-]+)?")


def retry_after(headers: Mapping[str, str], kind: type[WyeError] = WyeError, message: str = "") -> float | None:
    """Return the seconds to wait after an error of this `kind`, `None` where unsaid; header names are lower case.

    `retry-after-ms` and `retry-after` (seconds or an HTTP date) are said for just this. Then come, where a limit was
    hit, the provider's `message` ("Please try again in 1.2s") and the headers that tell when its limits begin anew. A
    hint that cannot be read, or is negative, counts as unsaid.
    """
    if (milliseconds := _number(headers.get("retry-after-ms"))) is not None:
        return milliseconds / 1000
    hint = headers.get("retry-after")
    if hint is not None and (seconds := _number(hint)) is not None:
        return seconds
    if hint is not None and (seconds := _until(hint)) is not None:
        return seconds
    if not issubclass(kind, RateLimitError | OverloadedError):
        return None
    if (found := _WORDS.search(message)) is not None and (seconds := _duration(found[1])) is not None:
        return seconds
    return _reset(headers)


def _reset(headers: Mapping[str, str]) -> float | None:
    """Return when the limit that was hit begins anew: the one of which the least is left, of several the longest.

    Such headers come in a row for each limit, as `x-ratelimit-reset-tokens`, `-remaining-tokens` and `-limit-tokens`.
    """
    hints: list[tuple[float, float]] = []
    for name, value in headers.items():
        if "ratelimit" in name and _RESET.fullmatch(name) and (seconds := _moment(value)) is not None:
            left = _number(headers.get(name.replace("reset", "remaining"))) or 0.0
            limit = _number(headers.get(name.replace("reset", "limit"))) or 1.0
            hints.append((-left / limit, seconds))
    return max(hints)[1] if hints else None


def _moment(text: str) -> float | None:
    """Read seconds, a duration (`6m0s`), or a point in time: since 1970 in seconds or milliseconds, or RFC 3339."""
    now = datetime.datetime.now(datetime.UTC).timestamp()
    if (number := _number(text)) is not None:
        if number > 1e11:
            number /= 1000
        return max(0.0, number - now) if number > 1e9 else number
    if (seconds := _duration(text)) is not None:
        return seconds
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return max(0.0, _aware(moment).timestamp() - now)


def _duration(text: str) -> float | None:
    pieces = _DURATION.findall(text.lower())
    if not pieces or _DURATION.sub("", text.lower()).strip():
        return None
    seconds = sum(float(number) * (60 if unit.startswith("minute") else _SECONDS[unit[:2]]) for number, unit in pieces)
    return seconds if math.isfinite(seconds) else None


def _until(hint: str) -> float | None:
    try:
        moment = parsedate_to_datetime(hint)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (_aware(moment) - datetime.datetime.now(datetime.UTC)).total_seconds())


def _aware(moment: datetime.datetime) -> datetime.datetime:
    return moment.replace(tzinfo=datetime.UTC) if moment.tzinfo is None else moment


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else None
    except ValueError:
        return None
    return value if value is not None and math.isfinite(value) and value >= 0 else None

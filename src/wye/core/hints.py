"""What a provider's response headers say about when to come back."""

import datetime
import math
from collections.abc import Mapping
from email.utils import parsedate_to_datetime


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds to wait by `retry-after-ms` or `retry-after` (seconds or an HTTP date), `None` where unsaid.

    Header names are lower case. A hint that is no number and no date, or is negative, counts as unsaid.
    """
    if (milliseconds := _number(headers.get("retry-after-ms"))) is not None:
        return milliseconds / 1000
    hint = headers.get("retry-after")
    if hint is None or (seconds := _number(hint)) is not None:
        return seconds if hint is not None else None
    try:
        moment = parsedate_to_datetime(hint)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    return max(0.0, (moment - datetime.datetime.now(datetime.UTC)).total_seconds())


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else None
    except ValueError:
        return None
    return value if value is not None and math.isfinite(value) and value >= 0 else None

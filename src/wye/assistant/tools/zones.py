"""Finds time zones by the names that people and models write."""

import datetime as dt
import difflib
import functools
import re
import zoneinfo
from typing import Final

from wye.assistant.tools.seam import ToolError

_OFFSET: Final = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?([0-5]\d))?", re.ASCII | re.IGNORECASE)


def zone_named(name: str) -> dt.tzinfo:
    """Return a zone by its IANA name or its offset. Raises `ToolError` that names near ones."""
    name = name.strip()
    if name.upper() in {"UTC", "GMT", "Z"}:
        return dt.UTC
    if (offset := _OFFSET.fullmatch(name)) is not None and int(offset[2]) <= 14:
        away = dt.timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        return dt.timezone(away if offset[1] == "+" else -away)
    known = _known()
    if (found := known.get(_plain(name))) is not None:
        return zoneinfo.ZoneInfo(found)
    near = difflib.get_close_matches(_plain(name), known, 3)
    others = f"; near names: {', '.join(known[one] for one in near)}" if near else "; write Europe/Berlin or +02:00"
    raise ToolError(f"there is no zone {name[:40]!r}{others}")


def _plain(name: str) -> str:
    return name.lower().replace(" ", "_")


@functools.cache
def _known() -> dict[str, str]:
    """Return all zones by their names, which are looked up here and never opened as paths; cities go by their own."""
    names = sorted(zoneinfo.available_timezones())
    cities = {_plain(name.rpartition("/")[2]): name for name in reversed(names) if "/" in name and "Etc/" not in name}
    return {**cities, **{_plain(name): name for name in names}}

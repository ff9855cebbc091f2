"""Times are told, read, added to and compared as calendars and clocks have them, in any zone."""

from typing import Any

import msgspec
import pytest

from wye.assistant.tools.dates import Dates
from wye.assistant.tools.seam import ToolContext, ToolError
from wye.core.caller import LOCAL

NOW = 1_774_746_000.5
"""2026-03-29 01:00 UTC, the moment when clocks in Berlin go from 2 to 3."""
CONTEXT = ToolContext(caller=LOCAL, clock=lambda: NOW)


async def asked(**arguments: Any) -> Any:
    return msgspec.json.decode((await Dates().call(arguments, CONTEXT)).text)


async def test_now_is_told_in_a_zone() -> None:
    assert await asked(zone="Europe/Berlin", format="%A, %d %B %Y, %H:%M %Z") == {
        "time": "2026-03-29T03:00:00.500000+02:00",
        "zone": "Europe/Berlin",
        "abbreviation": "CEST",
        "weekday": "Sunday",
        "week": "2026-W13",
        "day_of_year": 88,
        "unix": 1774746000,
        "formatted": "Sunday, 29 March 2026, 03:00 CEST",
    }


@pytest.mark.parametrize(
    ("written", "zone", "read"),
    [
        ("2026-03-29", "UTC", "2026-03-29T00:00:00+00:00"),
        ("20260329", "UTC", "2026-03-29T00:00:00+00:00"),
        ("2026-03-29T02:30", "America/New_York", "2026-03-29T02:30:00-04:00"),
        ("2026-03-29T02:30:00Z", "Asia/Kolkata", "2026-03-29T08:00:00+05:30"),
        ("2026-W13-7", "utc", "2026-03-29T00:00:00+00:00"),
        ("Sun, 29 Mar 2026 14:30:00 +0200", "UTC", "2026-03-29T12:30:00+00:00"),
        ("0", "UTC", "1970-01-01T00:00:00+00:00"),
        ("-86400.5", "UTC", "1969-12-30T23:59:59.500000+00:00"),
        ("now", "-05:00", "2026-03-28T20:00:00.500000-05:00"),
        ("2026-01-01T12:00", "new york", "2026-01-01T12:00:00-05:00"),
        ("2026-01-01T12:00", "tokyo", "2026-01-01T12:00:00+09:00"),
        ("2026-01-01T12:00", "UTC+5:30", "2026-01-01T12:00:00+05:30"),
    ],
)
async def test_times_are_read_as_people_write_them(written: str, zone: str, read: str) -> None:
    assert (await asked(action="parse", time=written, zone=zone))["time"] == read


async def test_a_time_is_read_in_one_zone_and_shown_in_another() -> None:
    found = await asked(
        action="parse",
        time="24.12.2026 18:00",
        input_format="%d.%m.%Y %H:%M",
        zone="Europe/Berlin",
        to_zone="Asia/Tokyo",
    )
    assert (found["time"], found["zone"]) == ("2026-12-25T02:00:00+09:00", "Asia/Tokyo")


@pytest.mark.parametrize(
    ("begin", "more", "end"),
    [
        ("2026-01-31", {"months": 1}, "2026-02-28T00:00:00+01:00"),
        ("2024-02-29", {"years": 1}, "2025-02-28T00:00:00+01:00"),
        ("2026-03-28T12:00", {"days": 1}, "2026-03-29T12:00:00+02:00"),
        ("2026-03-28T12:00", {"hours": 24}, "2026-03-29T13:00:00+02:00"),
        ("2026-03-29T01:59", {"minutes": 2}, "2026-03-29T03:01:00+02:00"),
        ("2026-03-28T02:30", {"days": 1}, "2026-03-29T03:30:00+02:00"),
        ("2026-12-15", {"months": -13, "weeks": 1, "days": -7}, "2025-11-15T00:00:00+01:00"),
        ("2026-12-15", {"seconds": -1}, "2026-12-14T23:59:59+01:00"),
    ],
)
async def test_days_are_the_calendar_s_and_hours_the_clock_s(begin: str, more: dict[str, int], end: str) -> None:
    assert (await asked(action="add", time=begin, zone="Europe/Berlin", **more))["time"] == end


async def test_a_difference_is_exact_and_as_a_calendar_has_it() -> None:
    found = await asked(action="difference", time="2024-02-29", until="2026-03-30T13:00", zone="Europe/Berlin")
    assert found == {
        "from": "2024-02-29T00:00:00+01:00",
        "until": "2026-03-30T13:00:00+02:00",
        "seconds": 65_707_200,
        "days": 760.5,
        "calendar": {"years": 2, "months": 1, "days": 1, "hours": 13, "minutes": 0, "seconds": 0},
        "weekdays": 542,
        "backwards": False,
    }


async def test_a_difference_may_go_backwards() -> None:
    found = await asked(action="difference", time="2026-03-02", until="2026-02-27")
    assert (found["seconds"], found["backwards"], found["weekdays"]) == (-259_200, True, 1)
    assert found["calendar"]["days"] == 3


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"zone": "Europe/Belin"}, "near names: Europe/Berlin"),
        ({"zone": "../../etc/passwd"}, "there is no zone"),
        ({"zone": "/etc/passwd"}, "there is no zone"),
        ({"zone": "Europe"}, "there is no zone"),
        ({"zone": "\0"}, "there is no zone"),
        ({"zone": "+99:00"}, "there is no zone"),
        ({"action": "parse", "time": "next tuesday"}, "is no time"),
        ({"action": "parse", "time": "2026-02-30"}, "is no time"),
        ({"action": "parse", "time": "9" * 40}, "is no time"),
        ({"action": "parse", "time": "x", "input_format": "%"}, "is no time"),
        ({"action": "parse", "time": "x", "input_format": "%d%d("}, "is no time"),
        ({"action": "add", "years": 9000}, "years 1 to 9999"),
        ({"action": "add", "days": 9_999_999}, "years 1 to 9999"),
        ({"action": "add", "days": 10**30}, "do not fit"),
        ({"action": "parse", "time": "0001-01-01", "to_zone": "-12:00"}, "years 1 to 9999"),
        ({"format": "%999999999Y"}, "'%9' is no part of a format"),
        ({"format": "%"}, "'%' is no part of a format"),
        ({"format": "%%%s"}, "'%s' is no part of a format"),
        ({"format": "x" * 101}, "do not fit"),
        ({"action": "sleep"}, "do not fit"),
    ],
)
async def test_what_cannot_be_told_says_what_to_write(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(ToolError) as raised:
        await asked(**arguments)
    assert says in raised.value.message

"""What `retry-after` means in every form providers send it in."""

import datetime
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wye.core.hints import retry_after


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": " 2 "}, 2.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "1"}, 1.0),
        ({"retry-after": ""}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "1e999"}, None),
        ({"retry-after-ms": "-5"}, None),
    ],
)
def test_a_number_is_seconds_and_nonsense_is_unsaid(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_a_date_is_the_time_until_then() -> None:
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    seconds = retry_after({"retry-after": format_datetime(moment, usegmt=True)})
    assert seconds is not None
    assert 3500 < seconds <= 3600


def test_a_date_without_a_zone_is_utc() -> None:
    moment = datetime.datetime.now(datetime.UTC).replace(tzinfo=None) + datetime.timedelta(hours=1)
    seconds = retry_after({"retry-after": moment.strftime("%a, %d %b %Y %H:%M:%S")})
    assert seconds is not None
    assert 3500 < seconds <= 3600


def test_a_date_gone_by_is_now() -> None:
    assert retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0


SIGNS = st.sampled_from(["GMT", "+", "-"])
NUMBERS = st.integers(0, 99) | st.integers(0, 10**25)
DATES = st.builds("{}, {} Jan {} {}:{}:{} {}{}".format, st.sampled_from(["Fri", ""]), *[NUMBERS] * 5, SIGNS, NUMBERS)


@given(st.text() | DATES)
@example("Fri, 01 Jan 2021 00:00:00 +99999999999999999999")
@example("Fri, 01 Jan 99999999999999999999 00:00:00 GMT")
def test_no_header_is_an_exception(hint: str) -> None:
    for name in ("retry-after", "retry-after-ms"):
        seconds = retry_after({name: hint})
        assert seconds is None or seconds >= 0

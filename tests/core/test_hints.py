"""What `retry-after` means in every form providers send it in."""

import datetime
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wye.core.errors import InvalidRequestError, RateLimitError
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


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Rate limit reached for gpt-4o. Please try again in 1.2s. Visit …", 1.2),
        ("Please try again in 20ms.", 0.02),
        ("Please try again in 6m0s.", 360.0),
        ("Please try again in 7m12.48s. Need more?", 432.48),
        ("Please retry in 34.074824224s.", 34.074824224),
        ("Please retry after 6 seconds.", 6.0),
        ("Try again in 2 hours 3 minutes", 7380.0),
        ("Please wait 500 milliseconds", 0.5),
        ("Please try again in a moment", None),
        ("Try again in 5 months", None),
        ("You asked 5s ago", None),
        ("try again in " + "9" * 400 + "s", None),
    ],
)
def test_the_words_of_a_limit_say_how_long(message: str, seconds: float | None) -> None:
    assert retry_after({}, RateLimitError, message) == pytest.approx(seconds)
    assert retry_after({}, InvalidRequestError, message) is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-ratelimit-reset-requests": "6m0s"}, 360.0),
        ({"x-ratelimit-reset-tokens": "20ms"}, 0.02),
        ({"x-ratelimit-reset": "1.5"}, 1.5),
        ({"ratelimit-reset": "30"}, 30.0),
        ({"x-ratelimit-reset-tokens-minute": "12.4"}, 12.4),
        ({"x-ratelimit-reset": "soon"}, None),
        ({"x-ratelimit-remaining": "3"}, None),
        # The limit that is used up counts, not the one that begins anew last.
        (
            {
                "x-ratelimit-limit-requests": "100",
                "x-ratelimit-remaining-requests": "99",
                "x-ratelimit-reset-requests": "24h",
                "x-ratelimit-limit-tokens": "1000",
                "x-ratelimit-remaining-tokens": "0",
                "x-ratelimit-reset-tokens": "1m30s",
            },
            90.0,
        ),
        ({"retry-after": "2", "x-ratelimit-reset-requests": "6m0s"}, 2.0),
    ],
)
def test_headers_tell_when_a_limit_begins_anew(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, RateLimitError) == pytest.approx(seconds)


@pytest.mark.parametrize("form", ["{iso}", "{epoch}", "{milliseconds}"])
def test_a_limit_may_begin_anew_at_a_point_in_time(form: str) -> None:
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=90)
    epoch = int(moment.timestamp())
    value = form.format(iso=moment.isoformat().replace("+00:00", "Z"), epoch=epoch, milliseconds=epoch * 1000)
    seconds = retry_after({"anthropic-ratelimit-input-tokens-reset": value}, RateLimitError)
    assert seconds == pytest.approx(90, abs=3)

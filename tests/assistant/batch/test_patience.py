"""What may pass is waited for, what a provider does wrong is tried again a few times, and the rest has failed."""

import asyncio

import pytest

from wye.assistant.batch.patience import TRIES, Pace, Wait, is_counted, patience
from wye.core.errors import (
    BudgetExceededError,
    ContentFilteredError,
    LimitExceededError,
    OverloadedError,
    QuotaExceededError,
    RateLimitError,
    StoreUnavailableError,
    UpstreamError,
    UpstreamTimeoutError,
    WyeError,
)

DAY = 24 * 3600.0


@pytest.mark.parametrize(
    ("error", "wait"),
    [
        (LimitExceededError("", retry_after=40), Wait(40, everybody=True)),
        (LimitExceededError("make it smaller"), None),
        (BudgetExceededError("", retry_after=3600), Wait(60, everybody=True)),  # it may be raised meanwhile
        (LimitExceededError("", retry_after=3600), Wait(60, everybody=True)),
        (RateLimitError("", retry_after=3600), Wait(3600, everybody=True)),
        (BudgetExceededError("", retry_after=30 * DAY), None),
        (BudgetExceededError("of all time"), None),
        (RateLimitError("", retry_after=7), Wait(7, everybody=True)),
        (RateLimitError(""), Wait(2, everybody=True)),
        (OverloadedError("", retry_after=0.1), Wait(2, everybody=True)),
        (StoreUnavailableError(""), Wait(2, everybody=True)),
        (UpstreamError(""), Wait(2, everybody=False)),
        (UpstreamTimeoutError("", retry_after=5), Wait(5, everybody=False)),
        (QuotaExceededError("", retry_after=5), None),
        (ContentFilteredError(""), None),
        (WyeError(""), None),
    ],
)
def test_each_error_is_waited_for_as_it_deserves(error: WyeError, wait: Wait | None) -> None:
    assert patience(error, 1, DAY, 2) == wait


def test_a_provider_that_fails_is_tried_so_often_and_no_more() -> None:
    assert patience(UpstreamError(""), TRIES - 1, DAY, 1) is not None
    assert patience(UpstreamError(""), TRIES, DAY, 1) is None
    assert patience(RateLimitError(""), TRIES + 100, DAY, 1) is not None
    assert is_counted(UpstreamError(""))
    assert not is_counted(RateLimitError(""))


def test_nothing_is_waited_for_beyond_the_window() -> None:
    assert patience(RateLimitError("", retry_after=50), 0, 49, 1) is None


async def test_pauses_grow_while_nothing_is_answered_and_begin_anew() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(round(seconds, 1))
        pace._until = 0.0

    pace = Pace(1, 5, sleep)
    for _ in range(4):
        pace.hold(pace.pause, "busy")
        pace.hold(pace.pause, "busy")  # another line that was under way
        assert pace.reason == "busy"
        await pace.rest(lambda: False)
    assert pace.pause == 5
    assert slept[0] >= 1
    assert max(slept) == 5
    pace.go_on()
    assert (pace.pause, pace.reason) == (1, None)


async def test_a_batch_that_is_over_rests_no_longer() -> None:
    async def never(seconds: float) -> None:
        raise AssertionError(seconds)

    pace = Pace(1, 5, never)
    pace.hold(100, "busy")
    async with asyncio.timeout(5):
        await pace.rest(lambda: True)

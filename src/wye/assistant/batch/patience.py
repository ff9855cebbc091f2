"""What to make of a line that was not answered: wait and ask again, or say that it failed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from msgspec import Struct

from wye.core.errors import (
    BooksUnavailableError,
    BudgetExceededError,
    DeadlineExceededError,
    LimitExceededError,
    OverloadedError,
    RateLimitError,
    SignInUnavailableError,
    StateUnavailableError,
    StoreUnavailableError,
    WyeError,
)

TRIES: Final = 3
"""How often a line is asked whose provider fails."""
LOOK_AGAIN: Final = 60.0
"""Seconds after which a limit or a budget of ours is looked at again: somebody may have raised it."""
_OURS: Final = (LimitExceededError, BudgetExceededError)
_PASSING: Final = (
    RateLimitError,
    OverloadedError,
    StoreUnavailableError,
    BooksUnavailableError,
    StateUnavailableError,
    SignInUnavailableError,
)


class Wait(Struct, frozen=True):
    """Ask again after so many seconds; all of the batch waits where the reason is not the line's own."""

    seconds: float
    everybody: bool


def patience(error: WyeError, tries: int, left: float, pause: float) -> Wait | None:
    """Return how long to wait before a line is asked again that failed with `error`; `None`: it has failed.

    `tries` is how often its provider has failed so far, this time included, `left` the seconds that the batch has,
    `pause` the seconds to wait where nobody says how long.
    """
    ours = isinstance(error, _OURS)
    if ours:
        wait = None if error.retry_after is None else Wait(max(error.retry_after, pause), everybody=True)
    elif isinstance(error, _PASSING):
        wait = Wait(max(error.retry_after or 0.0, pause), everybody=True)
    elif (error.retryable or isinstance(error, DeadlineExceededError)) and tries < TRIES:
        wait = Wait(max(error.retry_after or 0.0, pause), everybody=False)
    else:
        return None
    if wait is None or wait.seconds >= left:
        return None
    return Wait(min(wait.seconds, LOOK_AGAIN), everybody=True) if ours else wait


def is_counted(error: WyeError) -> bool:
    """Tell whether a failure is one of the `TRIES`."""
    return not isinstance(error, (*_OURS, *_PASSING))


class Pace:
    """One batch's pauses: each as long as was asked for, and longer each time as long as nothing is answered.

    `reason` says why it pauses, while it does. `sleep` is told seconds, and comes back early where the batch is over.
    """

    def __init__(self, first: float, longest: float, sleep: Callable[[float], Awaitable[None]]) -> None:
        """Begin without a pause, and with a first one of `first` seconds."""
        self.reason: str | None = None
        self.pause = first
        self._first = first
        self._longest = longest
        self._sleep = sleep
        self._until = 0.0

    def hold(self, seconds: float, reason: str) -> None:
        """Have everybody wait."""
        now = asyncio.get_running_loop().time()
        if now >= self._until:  # else whoever was under way when the pause began finds the same out
            self.pause = min(self._longest, self.pause * 2)
        self._until = max(self._until, now + seconds)
        self.reason = reason

    def go_on(self) -> None:
        """Say that something was answered."""
        self.pause = self._first
        if asyncio.get_running_loop().time() >= self._until:
            self.reason = None

    async def rest(self, over: Callable[[], bool]) -> None:
        """Wait until the pause is over, or the batch is."""
        while not over() and (left := self._until - asyncio.get_running_loop().time()) > 0:
            await self._sleep(left)

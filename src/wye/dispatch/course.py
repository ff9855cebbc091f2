"""The order of one request's calls: another key at once, then the plan's next attempt, then a pause and again.

`[retry] max_retries` bounds all calls after the first, whatever they are for, and the request's deadline all of them
together. What was refused before anything was sent is no call. The transport's own resend, on a connection that the
provider had closed already, is none either: the provider never saw the request that it repeats.
"""

import asyncio
import math
from typing import Final

from wye.core.errors import (
    AddressRefusedError,
    BudgetExceededError,
    DeadlineExceededError,
    LimitExceededError,
    OverloadedError,
    ProviderAuthenticationError,
    ProviderError,
    QuotaExceededError,
    RateLimitError,
    UnsupportedOperationError,
    UnsupportedParameterError,
    WyeError,
)
from wye.core.exchange import Exchange
from wye.core.plan import Attempt, Outcome
from wye.dispatch.retry import pause
from wye.dispatch.rules import Rules
from wye.dispatch.slots import Slots, full
from wye.health import Health, Permit

_THE_KEYS_FAULT: Final = (RateLimitError, ProviderAuthenticationError, QuotaExceededError)
"""What another key of the same provider may not meet."""
_NEVER_SENT: Final = (UnsupportedParameterError, UnsupportedOperationError, AddressRefusedError)
"""What is said of a request before it is sent, unless the provider's status stands with it."""


class Course:
    """One request's way through its plan."""

    # Most courses end with their first call: what only others need is not set up for each.
    _at = 0
    _calls = 0
    _rounds = 0
    _error: WyeError | None = None
    _full: WyeError | None = None
    _slots: Slots | None = None
    _out: set[int] | None = None
    """Attempts that are not made again."""
    _again: dict[int, float] | None = None
    """When an attempt that failed may be made again, on the loop's clock."""
    _held: frozenset[int] = frozenset()
    """Attempts that are not made before the next pause."""
    _spent: dict[object, bool] | None = None
    """Keys that were refused, and whether that passes."""

    def __init__(self, exchange: Exchange, health: Health, rules: Rules) -> None:
        """Stand at the beginning of the exchange's plan."""
        self._exchange = exchange
        self._health = health
        self._rules = rules
        self._attempts = exchange.plan.attempts if exchange.plan is not None else ()
        self._time = rules.clock or asyncio.get_running_loop().time

    def at_once(self) -> tuple[Attempt, Permit] | None:
        """Return the plan's first call, as `next` does, where nothing stands in its way, as is nearly always so."""
        if self._calls or self._at or not self._attempts or self._rules.limits:
            return None
        attempt = self._attempts[0]
        permit = self._health.acquire(attempt)
        if permit is None or (self._spent and permit.used_key in self._spent):
            if permit is not None:
                self._health.release(permit)
            return None
        self._begin(attempt)
        return attempt, permit

    def _begin(self, attempt: Attempt) -> None:
        exchange = self._exchange
        exchange.attempt = attempt
        if exchange.trace is not None:
            exchange.trace.begin(attempt)

    async def next(self) -> tuple[Attempt, Permit]:
        """Return the next call and leave for it, having waited where that helps; raise the request's last error.

        Give the permit back to `left` once.
        """
        while True:
            while self._at < len(self._attempts):
                attempt = self._attempts[self._at]
                permit = await self._enter(attempt)
                if permit is not None:
                    self._begin(attempt)
                    return attempt, permit
                self._at += 1
            await self._pause()
            self._at = 0

    def seconds(self, attempt: Attempt) -> float:
        """Return how long a whole answer may take; raise where the time is over.

        A provider without a number of its own gets what is left, of which the attempts after it keep half.
        """
        left = self._exchange.deadline - self._time()
        if left <= 0:
            raise too_late()
        own = self._rules.patience.get(attempt.provider)
        if own is not None:
            return min(own, left)
        others = self._at + 1 < len(self._attempts) and self._calls_left() > 1
        return left / 2 if others else left

    def note(self, permit: Permit, outcome: Outcome) -> None:
        """Write down what became of a call, for the books and for whoever asks next."""
        self._exchange.outcomes.append(outcome)
        if (trace := self._exchange.trace) is not None:
            trace.end(outcome)
        self._health.observe(permit, outcome)

    def failed(self, permit: Permit, error: WyeError) -> None:
        """Go on after a call that failed before anything was said; raise the error where it is the last word."""
        now = self._time()
        if self._exchange.deadline <= now and not isinstance(error, DeadlineExceededError):
            raise too_late(error) from error
        if not error.fails_over:
            raise error
        self._error = error
        if not isinstance(error, _NEVER_SENT) or error.upstream_status is not None:
            self._calls += 1
            if self._calls_left() <= 0:
                raise error
        at = self._at
        due = now + (error.retry_after or 0.0)
        if isinstance(error, _THE_KEYS_FAULT):
            self._spent = self._spent or {}
            self._spent[permit.used_key] = error.retryable
            due = min(due, self._again.get(at, due)) if self._again else due
        else:
            self._at += 1
        if error.retryable:
            self._again = self._again or {}
            self._again[at] = due
        elif not isinstance(error, _THE_KEYS_FAULT):
            self._out = self._out or set()
            self._out.add(at)

    def left(self, permit: Permit) -> None:
        """End a call, however it ended."""
        self._health.release(permit)
        if self._slots is not None:
            self._slots.leave()
            self._slots = None

    def _calls_left(self) -> float:
        retry = self._rules.retry
        return math.inf if retry is None else 1 + retry.max_retries - self._calls

    async def _enter(self, attempt: Attempt) -> Permit | None:
        """Return leave to make this attempt now, or as soon as its provider has room; `None` where that cannot be."""
        if self._at in self._held or (self._out and self._at in self._out):
            return None
        if self._exchange.outcomes and not self._affords(attempt):
            return None
        slots = self._rules.limits.get(attempt.provider) if self._rules.limits else None
        if slots is not None and not await self._slot(attempt, slots):
            return None
        permit = self._health.acquire(attempt)
        if permit is not None and self._spent and permit.used_key in self._spent:
            self._health.release(permit)
            permit = None
        if permit is None:
            if slots is not None:
                slots.leave()
            return None
        self._slots = slots
        return permit

    def _affords(self, attempt: Attempt) -> bool:
        """Tell whether limits and budgets leave room for another attempt than the one that they were asked for."""
        if self._exchange.allowance is not None:
            try:
                self._exchange.allowance.afford(self._exchange, attempt)
            except (BudgetExceededError, LimitExceededError):
                self._out = (self._out or set()) | {self._at}
                return False
        return True

    async def _slot(self, attempt: Attempt, slots: Slots) -> bool:
        if slots.busy >= slots.limit and self._health.ready_in(attempt) > 0:
            return False  # nobody waits for a provider that is not to be called
        try:
            entered = await slots.enter(self._exchange.deadline)
        except TimeoutError:
            raise too_late() from None
        if not entered:
            self._full = full(attempt.provider, slots)
        return entered

    async def _pause(self) -> None:
        """Wait until something that failed may be tried again; raise where there is no such thing, or no time."""
        retry = self._rules.retry
        error = self._error
        if error is None:
            raise self._full or self._nobody()
        waits = self._waits()
        if not waits or retry is None or self._rounds >= retry.max_retries:
            raise error
        least = min(waits.values())
        seconds = pause(retry, self._rounds, self._rules.chance(), least)
        if seconds >= self._exchange.deadline - self._time():
            if error.retry_after is None and least > 0:
                error.retry_after = least
            raise error
        self._rounds += 1
        await self._rules.sleep(seconds)
        # The clock is not asked what is due by now, so that a pause is never a little too short.
        self._held = frozenset(at for at, wait in waits.items() if wait > seconds)
        if self._spent:
            self._spent = {key: passes for key, passes in self._spent.items() if not passes}

    def _waits(self) -> dict[int, float]:
        """Return the seconds until each attempt that failed may be made again, without those nobody waits for."""
        waits: dict[int, float] = {}
        now = self._time()
        view = self._health.view()
        for at, due in (self._again or {}).items():
            attempt = self._attempts[at]
            mark = view.blocked(attempt.provider, attempt.full_id)
            if mark is None:
                waits[at] = max(due - now, 0.0)
            elif mark.code == "cooling_down":
                waits[at] = max(due - now, self._health.ready_in(attempt))
        return waits

    def _nobody(self) -> WyeError:
        """Return the error of a request whose every attempt is left alone for now."""
        if not self._attempts:
            return ProviderError("the plan holds no attempt")
        names = ", ".join(dict.fromkeys(attempt.full_id for attempt in self._attempts))
        seconds = min(self._health.ready_in(attempt) for attempt in self._attempts)
        if seconds == math.inf:
            return ProviderAuthenticationError(
                f"every key for {names} was refused by its provider; put valid ones into the configuration",
                provider=self._attempts[0].provider,
            )
        view = self._health.view()
        found = [view.blocked(attempt.provider, attempt.full_id) for attempt in self._attempts]
        reasons = "; ".join(dict.fromkeys(mark.reason for mark in found if mark is not None))
        limited = all(mark is not None and mark.code == "cooling_down" for mark in found)
        error = (RateLimitError if limited else OverloadedError)(
            f"{names} cannot be asked for now ({reasons or 'it is being tried again'}); "
            f"try again in {max(math.ceil(seconds), 1)} s",
            retry_after=max(seconds, 1.0),
        )
        return error.at(self._attempts[0].provider)


def too_late(cause: WyeError | None = None) -> DeadlineExceededError:
    """Return the error of a request whose time is over; `cause` is what failed last.

    The cause is set by hand, since compiled code does not heed `raise … from`.
    """
    error = DeadlineExceededError("the time for this request is over; 'x-wye-timeout' or [routing] deadline set it")
    error.__cause__ = cause
    return error

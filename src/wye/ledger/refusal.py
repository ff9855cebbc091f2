"""What a request is told that a limit or a budget does not let pass: whose it is, what is left, when to come back."""

import datetime
import math
from collections.abc import Mapping
from typing import Final

from wye.core.errors import BudgetExceededError, LimitExceededError, RefusedBy
from wye.core.plan import Attempt, Dropped
from wye.core.record import PICO_PER_USD
from wye.ledger.line import Counts, Line

__all__ = ["BudgetExceededError", "LimitExceededError", "budget", "dropped", "of", "usd"]

_US: Final = 1_000_000
_CONCURRENT_SECONDS: Final = 1.0
_SOON_SECONDS: Final = 5.0
_WORDS: Final[Mapping[Counts, str]] = {
    "requests": "requests",
    "input_tokens": "tokens of input",
    "output_tokens": "tokens of output",
    "concurrent_requests": "requests at a time",
}


def of(line: Line, number: int, at: int) -> LimitExceededError | BudgetExceededError:
    """Return the error of a request that wanted `number` of a line at a moment (microseconds since the epoch)."""
    if line.counts == "money":
        return budget(line, number, at)
    error = _limit(line, number, at)
    error.refused_by = RefusedBy("limit", *line.place, line.subject.partition(":")[0])
    return error


def budget(line: Line, number: int, at: int) -> BudgetExceededError:
    """Return the error of a request that would likely cost `number` picodollars."""
    allowance = line.allowance
    left, held = allowance.left, allowance.held
    waits = f", and {usd(held)} is set aside for requests under way" if held else ""
    seconds = _seconds(line, at)
    resets = f"; it begins anew on {_date(allowance.ends_at)}" if allowance.ends_at is not None else ""
    error = BudgetExceededError(
        f"the {described(line)} has {usd(left)} of {usd(line.amount)} left{waits}; "
        f"this request would likely cost {usd(number)}{resets}",
        retry_after=_SOON_SECONDS if held else seconds,
    )
    error.refused_by = RefusedBy("budget", *line.place, line.period)
    return error


def _limit(line: Line, number: int, at: int) -> LimitExceededError:
    whose, what = _whose(line), _WORDS[line.counts]
    if line.counts == "concurrent_requests":
        message = f"{whose} may have {line.amount:,} {what}, and they are under way; try again when one is over"
        return LimitExceededError(message, retry_after=_CONCURRENT_SECONDS)
    seconds = max(((line.back_at(number) or at) - at) / _US, _CONCURRENT_SECONDS)
    message = f"{whose} may have {line.amount:,} {what} a {line.period}"
    if number > line.amount:
        return LimitExceededError(f"{message}, and this request has about {number:,}: make it smaller")
    left = line.allowance.left
    some = f", {left:,} are left and this request has about {number:,}" if left and number > 1 else ""
    return LimitExceededError(f"{message}{some}; try again in {math.ceil(seconds):,} s", retry_after=seconds)


def dropped(attempt: Attempt, line: Line, number: int) -> Dropped:
    """Say why an attempt is not in the plan."""
    reason = f"it would likely cost {usd(number)}, and the {described(line)} has {usd(line.allowance.left)} left"
    return Dropped(provider=attempt.provider, model=attempt.model, code="over_budget", reason=reason)


def described(line: Line) -> str:
    """Name a budget."""
    named = f" {line.name!r}" if line.name else ""
    whole = "total budget" if line.period == "total" else f"budget of the {line.period}"
    return f"{whole}{named} of {_whose(line)}"


def usd(pico: int) -> str:
    """Write picodollars in dollars: to the cent, or to the first two digits that say something."""
    amount = pico / PICO_PER_USD
    digits = 2 if amount == 0 or abs(amount) >= 1 else min(12, 1 - math.floor(math.log10(abs(amount))))
    return f"${amount:,.{max(2, digits)}f}"


def _whose(line: Line) -> str:
    scope, target = line.place
    return "this gateway" if scope == "global" else f"the {scope} {target!r}"


def _seconds(line: Line, at: int) -> float | None:
    ends_at = line.allowance.ends_at
    return None if ends_at is None else max(0.0, (ends_at - at) / _US)


def _date(at: int | None) -> str:
    moment = datetime.datetime.fromtimestamp((at or 0) // _US, datetime.UTC)
    return moment.strftime("%Y-%m-%d %H:%M UTC")

"""How often a request is tried again, and how long it waits before: a policy without a clock or dice of its own.

What may be tried again is said by the errors themselves: `WyeError.retryable` (the same provider may do better later)
and `WyeError.fails_over` (another may do better now). Network errors, timeouts, 408, 429, 5xx and overload are
retryable; 400, 401, 403, 404, exhausted quota and refused keys are not.
"""

from typing import Annotated, Final, TypeAlias

from msgspec import Meta, Struct

_DAY: Final = 24 * 3600
Positive: TypeAlias = Annotated[float, Meta(gt=0, le=_DAY)]

_SPREAD: Final = 0.1
"""Who is told when to come back comes up to this part later, so that not all come back in the same moment."""


class RetryConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The budget of calls for one request and the pauses between rounds of them; times are seconds.

    `max_retries` bounds all calls after the first: to other keys, to other providers and to the same one again. A pause
    is drawn evenly from 0 up to `base_delay`, which every further round multiplies by `multiplier`, to `max_delay` at
    most.
    """

    max_retries: Annotated[int, Meta(ge=0, le=100)] = 3
    base_delay: Annotated[float, Meta(ge=0, le=_DAY)] = 1.0
    max_delay: Positive = 60.0
    multiplier: Annotated[float, Meta(ge=1, le=100)] = 2.0


def pause(config: RetryConfig, round_: int, chance: float, hint: float = 0.0) -> float:
    """Return the seconds to wait before a further round, of which `round_` have been before (0 for the first pause).

    `chance` is drawn evenly from 0 to 1; `hint` is how long there is reason to wait at least, in seconds: what a
    provider asked for, which `max_delay` does not shorten.
    """
    longest = min(config.base_delay * config.multiplier ** min(round_, 64), config.max_delay)
    drawn = longest * chance
    return drawn if drawn >= hint else hint + min(drawn, hint * _SPREAD)

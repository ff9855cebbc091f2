"""How far dispatch goes for one request."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from msgspec import Struct

from wye.dispatch.retry import RetryConfig
from wye.dispatch.slots import Limits


class Rules(Struct, frozen=True, kw_only=True):
    """How far a request goes. Without `retry` every attempt of its plan is made once, and there is no pause.

    `limits` are the providers that take so many calls at a time, `patience` the seconds a provider has for a whole
    answer where it has a number of its own. `chance` draws evenly from 0 to 1, `sleep` waits for seconds.
    """

    retry: RetryConfig | None = None
    limits: Limits = {}
    patience: Mapping[str, float] = {}
    chance: Callable[[], float] = random.random
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    clock: Callable[[], float] | None = None


ONCE_EACH: Final = Rules()

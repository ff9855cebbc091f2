"""Divides what may be asked among processes, in Redis: one script for all that is asked at a time."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from wye.core.errors import StateUnavailableError
from wye.core.leases import Ask, Grant
from wye.state.config import StateConfig
from wye.state.redis import AWAY, client
from wye.state.scripts import DIVIDE

_US: Final = 1000
"""Microseconds in a millisecond."""
_SLACK_MS: Final = 60_000
_ENDLESS_MS: Final = 24 * 3_600_000


class RedisLeases:
    """One process' way to what Redis keeps for all.

    A slice of a process that was not heard of for `seconds` is anybody's again; what it had spent stays spent.
    """

    def __init__(
        self,
        config: StateConfig,
        holder: str,
        *,
        seconds: float,
        wall: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        """Speak for `holder`, a name that no other process has; `wall` tells microseconds since the epoch."""
        self._redis = client(config)
        self._divide = self._redis.register_script(DIVIDE)
        self._where = config.shown
        self._timeout = config.timeout
        self._prefix = f"{{{config.prefix}}}:rate"
        self._holder = holder
        self._lasting = int(seconds * 1000)
        self._wall = wall

    async def exchange(self, asks: Sequence[Ask]) -> list[Grant]:
        """Answer each ask. Raises `StateUnavailableError`."""
        if not asks:
            return []
        keys = [f"{self._prefix}:{ask.subject}:{ask.starts_at}" for ask in asks]
        arguments: list[str | int] = [self._holder, self._lasting]
        now = self._wall()
        for ask in asks:
            left = _ENDLESS_MS if ask.ends_at is None else max(0, ask.ends_at - now) // _US
            arguments += [ask.amount, ask.booked, ask.floor, ask.wanted, left + _SLACK_MS, (ask.counts_for or 0) // _US]
        try:
            async with asyncio.timeout(self._timeout):
                answers = await self._divide(keys=keys, args=arguments)
        except AWAY:
            message = f"what may be asked cannot be divided: {self._where} is away"
            raise StateUnavailableError(message, retry_after=1.0) from None
        return [
            Grant(granted=granted, remaining=remaining, spent=spent, holders=holders, booked=ask.booked)
            for ask, (granted, remaining, spent, holders) in zip(asks, answers, strict=True)
        ]

    async def aclose(self) -> None:
        """Hang up; what is in hand is anybody's soon."""
        with suppress(*AWAY):
            await self._redis.aclose()

"""Requests as they end, for whoever watches: one reader of the books per process, however many watch.

The reader looks once a second while anybody watches. A watcher that reads too slowly misses the oldest and is told
how many; what reaches the books late, because the database was away, is never told here.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Final

from wye.core.errors import InvalidRequestError, StoreUnavailableError
from wye.core.record import UsageRecord
from wye.insights.window import Source
from wye.store import requests
from wye.store.database import now_us
from wye.store.reports import Reach

MOST_WATCHERS: Final = 100
_KEPT: Final = 500
"""How many requests wait for a watcher at most, and how many are read at a time."""
_EVERY: Final = 1.0
_LATE: Final = 5_000_000
"""Microseconds that a request may take from its end to the books."""
_LONGEST: Final = 900_000_000
"""Requests that took longer than these microseconds are not told."""


class Watcher:
    """One who watches; `missed` counts what was dropped since it was last read."""

    def __init__(self, reach: Reach) -> None:
        """See what `reach` may see."""
        self.reach = reach
        self.missed = 0
        self._waiting: deque[UsageRecord] = deque()
        self._there = asyncio.Event()

    def tell(self, record: UsageRecord) -> None:
        """Hand over a request, if it may be seen."""
        reach = self.reach
        mine = reach.is_all or record.user == reach.user or (reach.team is not None and record.team == reach.team)
        if not mine:
            return
        if len(self._waiting) >= _KEPT:
            self._waiting.popleft()
            self.missed += 1
        self._waiting.append(record)
        self._there.set()

    async def read(self, seconds: float) -> list[UsageRecord]:
        """Return what is there, after `seconds` without anything an empty list."""
        try:
            async with asyncio.timeout(seconds):
                await self._there.wait()
        except TimeoutError:
            return []
        found = list(self._waiting)
        self._waiting.clear()
        self._there.clear()
        return found


class Live:
    """Tells watchers of requests that ended since they began to watch."""

    def __init__(self, database: Source, clock: Callable[[], int] = now_us, every: float = _EVERY) -> None:
        """Read from `database` every so many seconds; nothing is read while nobody watches."""
        self._database = database
        self._clock = clock
        self._every = every
        self._watchers: set[Watcher] = set()
        self._task: asyncio.Task[None] | None = None

    async def watch(self, reach: Reach, *, silence: float) -> AsyncIterator[tuple[list[UsageRecord], int]]:
        """Yield requests as they end and how many were missed, and nothing at all after `silence` seconds.

        Raises `InvalidRequestError` where too many watch already.
        """
        if len(self._watchers) >= MOST_WATCHERS:
            message = f"{MOST_WATCHERS} watch already: close one, or read GET /api/usage/requests"
            raise InvalidRequestError(message, code="too_many_watchers")
        watcher = Watcher(reach)
        self._watchers.add(watcher)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._read())
        try:
            yield [], 0
            while True:
                found = await watcher.read(silence)
                missed, watcher.missed = watcher.missed, 0
                yield found, missed
        finally:
            self._watchers.discard(watcher)

    async def _read(self) -> None:
        began = since = self._clock()
        told: dict[str, int] = {}
        while self._watchers:
            await asyncio.sleep(self._every)
            now = self._clock()
            try:
                async with self._database.read() as connection:
                    found = await requests.settled_since(
                        connection, Reach(), max(began, since - _LATE), now, longest=_LONGEST, limit=_KEPT
                    )
            except StoreUnavailableError:
                continue
            for record in reversed(found):
                if record.id not in told:
                    told[record.id] = record.at + record.duration
                    for watcher in self._watchers:
                        watcher.tell(record)
            since = now
            told = {name: ended for name, ended in told.items() if ended >= since - 2 * _LATE}

    async def aclose(self) -> None:
        """Stop reading."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

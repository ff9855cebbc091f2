"""Writes down how often limits and budgets refused whom: now and then, in the background, and not as usage."""

import asyncio
import time
from contextlib import suppress
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from wye.core.caller import Caller
from wye.core.errors import RefusedBy, StoreUnavailableError
from wye.core.record import HOUR_US
from wye.store import refusals
from wye.store.database import Database
from wye.store.refusals import Refusal

_EVERY_SECONDS: Final = 5.0
_MOST: Final = 5000
"""Counts that wait for the database; what more there is goes uncounted."""


class Refused:
    """Counts of one process, on their way to the database."""

    def __init__(self, database: Database, *, every: float = _EVERY_SECONDS) -> None:
        """Count nothing yet."""
        self._database = database
        self._every = every
        self._counts: dict[Refusal, int] = {}
        self._task: asyncio.Task[None] | None = None

    def refused(self, caller: Caller, by: RefusedBy) -> None:
        """Count a request that was refused."""
        hour = time.time_ns() // 1000 // HOUR_US
        one = Refusal(hour, caller.user, caller.team or "", caller.key or "", by.by, by.scope, by.target, by.measure)
        if one in self._counts or len(self._counts) < _MOST:
            self._counts[one] = self._counts.get(one, 0) + 1
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._later(), name="refusals")

    async def _later(self) -> None:
        while self._counts:
            await asyncio.sleep(self._every)
            await self.flush()

    async def flush(self) -> None:
        """Write what was counted; what the database does not take now waits."""
        counts, self._counts = self._counts, {}
        if not counts:
            return
        try:
            async with self._database.begin() as connection:
                await refusals.add(connection, counts)
        except (StoreUnavailableError, SQLAlchemyError):
            for one, count in counts.items():
                self._counts[one] = self._counts.get(one, 0) + count

    async def aclose(self) -> None:
        """Write what there is, once."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self.flush()

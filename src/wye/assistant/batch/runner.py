"""Finds batches that nobody works on and works on them, in every process of a gateway; one at a time has each batch."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from wye.assistant.batch.places import Places
from wye.assistant.batch.run import House, Run, Timing
from wye.core.caller import Caller
from wye.core.errors import StoreUnavailableError
from wye.engine import Engine
from wye.store import batch_work, batches, chores, files
from wye.store.batch_work import Held
from wye.store.database import now_us
from wye.store.opened import Store

MOST: Final = 10
"""Batches that one process works on at a time; they take turns."""
_US: Final = 1_000_000
_HOUR_US: Final = 3600 * _US
_DAY_US: Final = 24 * _HOUR_US
_SWEEPING: Final = "batches"


class Runner:
    """Works on batches in this process. `noticed` is told, in a sentence, of what went wrong here."""

    def __init__(
        self,
        engine: Engine,
        store: Store,
        caller: Callable[[str, str | None], Awaitable[Caller]],
        *,
        timing: Timing | None = None,
        clock: Callable[[], int] = now_us,
    ) -> None:
        """Ask `engine` what batches in `store` want; make it before the store starts.

        `caller` says who a user with a key's id is, as it may ask now; `clock` tells microseconds since the epoch.
        """
        self.noticed: Callable[[str], None] = lambda _what: None
        self._engine = engine
        places = Places(lambda: engine.snapshot.settings.batches.concurrency, lambda: engine.under_way)
        self._house = House(
            engine=engine,
            database=store.database,
            places=places,
            caller=caller,
            timing=timing or Timing(),
            clock=clock,
        )
        self._name = secrets.token_hex(8)
        self._runs: dict[asyncio.Task[None], Run] = {}
        self._task: asyncio.Task[None] | None = None
        self._woken = asyncio.Event()
        store.changes.on(batches.TOPIC, self._heard)

    def start(self) -> None:
        """Begin to look for work."""
        self._task = asyncio.create_task(self._look(), name="batches")

    def wake(self) -> None:
        """Look at once: something was ordered or cancelled here."""
        self._woken.set()
        for run in self._runs.values():
            run.nudge()

    async def _heard(self) -> None:
        self.wake()

    async def _look(self) -> None:
        while True:
            try:
                if self._engine.snapshot.settings.batches.enabled:
                    while len(self._runs) < MOST and await self._take():
                        pass
                await self._sweep()
            except StoreUnavailableError:
                pass  # it is looked for again
            except Exception as error:  # noqa: BLE001 - a mistake here must not be the end of all batches
                self.noticed(f"looking for batches failed and is tried again: {type(error).__name__}")
            with suppress(TimeoutError):
                async with asyncio.timeout(self._house.timing.poll):
                    await self._woken.wait()
            self._woken.clear()

    async def _take(self) -> bool:
        """Take a batch that nobody works on; tell whether there was one."""
        house, now = self._house, self._house.clock()
        mine = [run.batch.id for run in self._runs.values()]
        async with house.database.read() as connection:
            if not await batch_work.is_free(connection, now=now, besides=mine):
                return False
        until = now + round(house.timing.lease * _US)
        holder = secrets.token_hex(8)  # of this run alone: an earlier one of the same batch gives nothing of it away
        async with house.database.begin() as connection:
            batch = await batch_work.claim(connection, holder, now=now, until=until, besides=mine)
        if batch is None:
            return False
        run = Run(house, batch, Held(holder=holder, owner=batch.user_id, batch_id=batch.id))
        task = asyncio.create_task(run.go(), name=f"run of {batch.id}")
        self._runs[task] = run
        task.add_done_callback(self._ended)
        return True

    def _ended(self, task: "asyncio.Task[None]") -> None:
        run = self._runs.pop(task)
        if task.cancelled() or (error := task.exception()) is None:
            self._woken.set()
        else:  # whatever it was, it is not tried again at once
            while isinstance(error, BaseExceptionGroup):
                error = error.exceptions[0]
            self.noticed(f"the batch {run.batch.id} was interrupted and is gone on with: {type(error).__name__}")

    async def _sweep(self) -> None:
        """Forget old files and batches, once an hour, in one process."""
        database, now = self._house.database, self._house.clock()
        before = now - self._engine.snapshot.settings.batches.keep_days * _DAY_US
        async with database.read() as connection:
            if not await chores.is_due(connection, _SWEEPING, now=now, every=_HOUR_US):
                return
        async with database.begin() as connection:
            if not await chores.take(connection, _SWEEPING, self._name, now=now, every=_HOUR_US, within=_HOUR_US // 2):
                return
        async with database.begin() as connection:
            await batches.sweep(connection, before=before)
        async with database.begin() as connection:
            await files.sweep(connection, before=before, begun_before=now - _HOUR_US, now=now)
        async with database.begin() as connection:
            await chores.done(connection, _SWEEPING, self._name, now=now)

    async def aclose(self) -> None:
        """Take nothing up any more, give lines under way a moment, and leave the rest to others."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        runs = list(self._runs)
        for run in self._runs.values():
            run.stop()
        if runs:
            await asyncio.wait(runs, timeout=self._house.timing.grace)
        for task in runs:
            task.cancel()
        await asyncio.gather(*runs, return_exceptions=True)

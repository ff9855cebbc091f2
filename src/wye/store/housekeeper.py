"""Keeps a database in order while a gateway runs: upgrades it, makes partitions ahead of time, forgets what is old."""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from wye.core.errors import StoreUnavailableError, WyeError
from wye.store import chores, partitions
from wye.store.config import RetentionConfig
from wye.store.database import Database, now_us
from wye.store.retention import sweep
from wye.store.upgrade import upgrade

EVERY_SECONDS: Final = 3600.0
_CHORE: Final = "housekeeping"
_WITHIN_SECONDS: Final = 1800.0
_LOOK_SECONDS: Final = 60.0
"""How often a process asks whether it is its turn; also after how long it tries again what failed."""
_AGAIN_SECONDS: Final = 1.0
_SECOND_US: Final = 1_000_000


class Housekeeper:
    """Runs in every process; one at a time does the work."""

    def __init__(self, database: Database, retention: RetentionConfig, *, clock: Callable[[], int] = now_us) -> None:
        """Keep `database` in order by `retention`, which may be replaced; `clock` gives microseconds since 1970."""
        self.retention = retention
        self.noticed: Callable[[str], None] = lambda _what: None
        """Told in a sentence what was done, and what could not be."""
        self._database = database
        self._clock = clock
        self._name = secrets.token_hex(8)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Upgrade the database, and look after it from now on.

        A database that is away does not keep a gateway from starting: its queries fail until it is there and upgraded,
        which is tried every second. Raises `ConfigurationError` for a database that is not for this program.
        """
        with suppress(StoreUnavailableError):
            await self._upgrade()
        self._task = asyncio.create_task(self._work(), name="housekeeper")

    async def _upgrade(self) -> None:
        try:
            before = await upgrade(self._database)
        except WyeError as error:
            self._database.close_until_upgraded(error.message)
            raise
        self._database.open_again()
        if before.condition in {"empty", "behind"}:
            self.noticed(f"the database was {before.condition} and is at {before.head} now")

    async def _open(self) -> None:
        """Upgrade a database that was away, once it is there and lets us in; until then every request says why not."""
        told = ""
        while self._database.closed:
            await asyncio.sleep(_AGAIN_SECONDS)
            try:
                await self._upgrade()
            except StoreUnavailableError:
                continue
            except Exception as error:  # noqa: BLE001 - whatever it is, an operator may mend it while we run
                said = error.message if isinstance(error, WyeError) else f"upgrading failed: {type(error).__name__}"
                if said != told:
                    self.noticed(told := said)

    async def _work(self) -> None:
        await self._open()
        while True:
            try:
                await self.tidy()
            except WyeError as error:
                self.noticed(error.message)
            except Exception as error:  # noqa: BLE001 - a mistake here must not be the end of all housekeeping
                self.noticed(f"housekeeping failed and is tried again: {type(error).__name__}")
            await asyncio.sleep(_LOOK_SECONDS)

    async def tidy(self) -> bool:
        """Do what is to be done each hour, where no other process does it or did; tell whether this one did.

        Raises `StoreUnavailableError`; what is not done then is done the next time.
        """
        now, within = self._clock(), round(_WITHIN_SECONDS * _SECOND_US)
        async with self._database.begin() as connection:
            every = round(EVERY_SECONDS * _SECOND_US)
            if not await chores.take(connection, _CHORE, self._name, now=now, every=every, within=within):
                return False
        made: list[str] = []
        if self._database.dialect == "postgresql":
            async with self._database.begin() as connection:
                made = await partitions.make_ahead(connection, now)
        gone = await sweep(self._database, self.retention, now)
        async with self._database.begin() as connection:
            await chores.done(connection, _CHORE, self._name, now=self._clock())
        if made or gone:
            rows = ", ".join(f"{rows} {name}" for name, rows in gone.items())
            self.noticed(f"partitions made: {', '.join(made) or 'none'}; gone by age: {rows or 'none'}")
        return True

    async def aclose(self) -> None:
        """Stop; what is being done is done by another process, later."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

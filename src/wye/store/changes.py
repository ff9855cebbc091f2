"""How replicas hear of a change: a counter per topic that grows with it, and a look at all of them every second."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.core.errors import ConfigurationError, StoreUnavailableError
from wye.store.database import Database
from wye.store.tables import changes
from wye.store.upsert import insert

INTERVAL: Final = 1.0
"""Seconds between two looks: what one replica changed, every other one knows after at most about that."""

Heard = Callable[[], Awaitable[None]]


async def announce(connection: AsyncConnection, topic: str) -> int:
    """Say, within the transaction that makes it, that there is a change; return the topic's version."""
    row = insert(connection, changes).values(topic=topic, version=1)
    row = row.on_conflict_do_update(index_elements=["topic"], set_={"version": changes.c.version + 1})
    return int((await connection.execute(row.returning(changes.c.version))).scalar_one())


async def versions(connection: AsyncConnection) -> dict[str, int]:
    """Return the version of every topic there is."""
    rows = await connection.execute(select(changes.c.topic, changes.c.version))
    return {row.topic: row.version for row in rows}


class Changes:
    """Watches the topics for one process.

    `on` a topic, a coroutine function is called once when the watch begins and after every change of it, never twice
    at a time. Where it raises `StoreUnavailableError` it is called again at the next look. Any other error is told to
    `failed`, and the change counts as heard. What the database refuses for any other reason than being away is told
    to it as well, of the topic `changes` and once until a look succeeds; looking goes on.
    """

    def __init__(
        self, database: Database, *, interval: float = INTERVAL, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Watch nothing yet; `interval` and what `clock` says are seconds."""
        self.failed: Callable[[str, Exception], None] = lambda _topic, _error: None
        self._database = database
        self._interval = interval
        self._clock = clock
        self._hearers: dict[str, list[Heard]] = {}
        self._seen: dict[str, int] = {}
        self._looked: float | None = None
        self._refused = False
        self._one_at_a_time = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    @property
    def age(self) -> float:
        """How many seconds ago all hearers knew everything: what is known may be this old; infinite at first."""
        return float("inf") if self._looked is None else self._clock() - self._looked

    def on(self, topic: str, heard: Heard) -> None:
        """Have `heard` called after changes of `topic`."""
        self._hearers.setdefault(topic, []).append(heard)
        self._seen.pop(topic, None)

    async def start(self) -> None:
        """Look once, where the database is there, and go on looking."""
        await self.look()
        self._task = asyncio.create_task(self._watch(), name="changes")

    async def look(self) -> None:
        """Look now, and call whoever waits for what has changed; a database that is away is looked at again later."""
        try:
            async with self._one_at_a_time:  # of two at once, the one that read before a key was revoked may end last
                await self._look()
        except StoreUnavailableError:
            return
        except Exception as error:  # noqa: BLE001 - whoever stops looking hears of no revoked key for ever
            if not self._refused:
                self.failed("changes", error)
            self._refused = True
        else:
            self._refused = False

    async def _look(self) -> None:
        began = self._clock()
        async with self._database.read() as connection:
            found = await versions(connection)
        for topic, hearers in self._hearers.items():
            version = found.get(topic, 0)
            if self._seen.get(topic) == version:
                continue
            for heard in hearers:
                await self._tell(topic, heard)
            self._seen[topic] = version
        self._looked = began

    async def _tell(self, topic: str, heard: Heard) -> None:
        try:
            await heard()
        except StoreUnavailableError:
            raise
        except Exception as error:  # one hearer's mistake must not make all others deaf
            if isinstance(error, ConfigurationError) and error.param == "store.url":
                raise  # the database lets nobody in: not the hearer's mistake, and not heard
            self.failed(topic, error)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            await self.look()

    async def aclose(self) -> None:
        """Stop looking."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

"""The books of a process that has no store: the requests of a day, in a database of their own that goes with it.

It is asked as any other store is. Records wait in memory, at most `MOST` of them, and are written when somebody asks.
"""

import asyncio
import tempfile
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from wye.core.record import HOUR_US, UsageRecord
from wye.core.secret import Secret

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from wye.store.database import Database

MOST: Final = 10_000
KEPT_HOURS: Final = 24 * 8
"""How long sums are kept; single requests are kept for a day."""


class Source(Protocol):
    """What the books are read from: a store's database, or a window."""

    def read(self) -> AbstractAsyncContextManager["AsyncConnection"]:
        """Open a transaction that only reads."""

    def begin(self) -> AbstractAsyncContextManager["AsyncConnection"]:
        """Open a transaction that writes."""


class Window:
    """A meter of the ledger, and something to read from. What is more than `MOST` between two questions is dropped."""

    def __init__(self) -> None:
        """Keep nothing yet; nothing touches the disk before the first question."""
        self.dropped = 0
        self._waiting: deque[UsageRecord] = deque()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._database: Database | None = None
        self._writing = asyncio.Lock()

    def observe(self, record: UsageRecord) -> None:
        """See a request that is over."""
        if len(self._waiting) >= MOST:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(record)

    @asynccontextmanager
    async def read(self) -> AsyncIterator["AsyncConnection"]:
        """Open a transaction that reads what was seen up to now."""
        async with self._writing:
            database = await self._open()
            await self._write(database)
        async with database.read() as connection:
            yield connection

    @asynccontextmanager
    async def begin(self) -> AsyncIterator["AsyncConnection"]:
        """Open a transaction that writes."""
        async with self._writing:
            database = await self._open()
        async with database.begin() as connection:
            yield connection

    async def _open(self) -> "Database":
        if self._database is None:
            # SQLAlchemy takes a quarter of a second to import: only where somebody asks.
            from wye.store.config import StoreConfig
            from wye.store.database import Database
            from wye.store.upgrade import upgrade

            self._folder = tempfile.TemporaryDirectory(prefix="wye-window-")
            file = Path(self._folder.name, "window.db")
            self._database = Database(StoreConfig(url=Secret(f"sqlite:///{file}"), timeout=30, pool_size=2))
            await upgrade(self._database)
        return self._database

    async def _write(self, database: "Database") -> None:
        if not self._waiting:
            return
        from sqlalchemy import delete

        from wye.store import usage
        from wye.store.database import now_us
        from wye.store.tables import (
            attempts,
            conversation_hours,
            latency_buckets,
            tag_hours,
            usage_events,
            usage_hours,
        )

        records = {record.id: record for record in self._waiting}
        self._waiting.clear()
        now = now_us()
        async with database.begin() as connection:
            if new := await usage.unwritten(connection, list(records.values())):
                await usage.add(connection, new)
            for table in (usage_events, attempts):
                await connection.execute(delete(table).where(table.c.at < now - 24 * HOUR_US))
            for sums in (usage_hours, tag_hours, conversation_hours, latency_buckets):
                await connection.execute(delete(sums).where(sums.c.hour < now // HOUR_US - KEPT_HOURS))

    async def aclose(self) -> None:
        """Leave nothing behind."""
        if self._database is not None:
            await self._database.aclose()
        if self._folder is not None:
            self._folder.cleanup()

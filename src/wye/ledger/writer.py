"""Brings what is over from the journal to the database: in the background, in batches, as often as it takes.

A batch is one transaction: rows, sums, and what budgets lost by them. Only afterwards the journal goes on, so that a
batch may come twice and is counted once. While the database is away the writer asks again, ever less often, and the
records stay in the journal.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.core.errors import WyeError
from wye.core.record import UsageRecord
from wye.ledger.batch import Batch
from wye.ledger.journal import Journal
from wye.ledger.leftovers import Leftovers, find, size_of
from wye.store import usage
from wye.store.database import Database, is_of_the_values
from wye.telemetry.log import LogWriter

BATCH: Final = 500
EVERY_SECONDS: Final = 0.2
_LOOK_AROUND_SECONDS: Final = 10.0
_LONGEST_WAIT_SECONDS: Final = 5.0
_LAST_TRIES: Final = 20
"""How often a process that is told to stop asks a database that is away; what is left waits for the next one."""
_REJECTED: Final = "rejected.jsonl"


class Charges(Protocol):
    """Takes what requests cost from the budgets they are held to."""

    async def charge(self, connection: AsyncConnection, records: Sequence[UsageRecord]) -> None:
        """Add records to what is spent, in the transaction that writes them; each comes once."""


class Writer:
    """One process's writer. `behind` is true while the database does not take what is written."""

    def __init__(
        self,
        database: Database,
        journal: Journal,
        *,
        charges: Charges | None = None,
        log: LogWriter | None = None,
        every: float = EVERY_SECONDS,
    ) -> None:
        """Bring `journal` to `database` and tell `charges`, `every` so many seconds at most."""
        self.behind = False
        self.charges = charges
        self._database = database
        self._journal = journal
        self._log = log
        self._every = every
        self._news = asyncio.Event()
        self._stopping = asyncio.Event()
        self._leftovers: list[Leftovers] = []
        self._unreadable: set[Path] = set()
        self._wait = every
        self._work: asyncio.Task[None] | None = None
        self._look: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; what dead processes left is taken over."""
        self._look_around()
        self._work = asyncio.create_task(self._run(), name="books writer")
        self._look = asyncio.create_task(self._keep_looking(), name="books leftovers")

    def wake(self) -> None:
        """Say that there is something to write."""
        self._news.set()

    async def aclose(self, seconds: float = 15.0) -> None:
        """Write what is there, as far as the database takes it within `seconds`, and stop."""
        self._stopping.set()
        self._news.set()
        if self._look is not None:
            self._look.cancel()
        if self._work is not None:
            await asyncio.wait([self._work], timeout=seconds)
            self._work.cancel()
            with suppress(asyncio.CancelledError):
                await self._work
        for one in self._leftovers:
            one.close()

    async def flush(self, *, whole: bool = True) -> bool:
        """Write what is over; tell whether the database took it.

        Without `whole` the last few, too few for a batch, wait for the next time. Else a busy process would write many
        small batches, of what came while the one before was written, and a batch costs as much as a hundred rows.
        """
        try:
            while (batch := self._journal.read(BATCH)).records:
                await self._take(self._journal, batch)
                if not whole and len(batch.records) < BATCH:
                    break
            while self._leftovers:
                while (left := self._left_by(self._leftovers[0])) is not None:
                    await self._take(self._leftovers[0], left)
                self._leftovers.pop(0)
        except Exception as error:  # noqa: BLE001 - away, read-only, lets nobody in: whatever it is, nothing is thrown away
            self._away(error)
            return False
        self._back()
        return True

    async def _run(self) -> None:
        while not self._stopping.is_set():
            await self._news.wait()
            await self._sleep(self._wait)
            self._news.clear()
            self._journal.prepare()
            if not await self.flush(whole=False) or self._journal.settled_waiting:
                self._news.set()
        for _ in range(_LAST_TRIES):
            if await self.flush():
                return
            await asyncio.sleep(self._every)

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_AROUND_SECONDS)
            self._look_around()

    def _look_around(self) -> None:
        """Take over the journals of processes that died, and see what all the others take of the disk."""
        root, own = self._journal.root, self._journal.folder
        try:
            self._leftovers += find(root, {own, *self._unreadable, *(one.folder for one in self._leftovers)})
            self._journal.elsewhere = size_of(root, own)
        except OSError as error:
            self._tell("unreadable", folder=str(root), error=type(error).__name__)
        if self._leftovers:
            self._news.set()

    def _left_by(self, one: Leftovers) -> Batch | None:
        """Return what comes next of a dead process's journal, which goes once there is nothing.

        One that cannot be read, as another release may have written it, stays where it is for a process that can.
        """
        try:
            if (batch := one.read(BATCH)).records:
                return batch
            one.remove()
        except (OSError, msgspec.MsgspecError) as error:
            self._unreadable.add(one.folder)
            one.close()
            self._tell("unreadable", folder=str(one.folder), error=type(error).__name__)
        return None

    async def _take(self, source: Journal | Leftovers, batch: Batch) -> None:
        try:
            await self._write(batch.records)
        except Exception as error:
            if not is_of_the_values(error):
                raise
            for record in batch.records:  # one of them is what no database takes; it must not hold up the others
                await self._write_alone(record)
        source.done(batch)

    async def _write_alone(self, record: UsageRecord) -> None:
        try:
            await self._write([record])
        except Exception as error:
            if not is_of_the_values(error):
                raise
            self._reject(record, error)

    async def _write(self, records: Sequence[UsageRecord]) -> None:
        try:
            await self._add(records)
        except usage.AlreadyWrittenError:
            async with self._database.read() as connection:
                records = await usage.unwritten(connection, records)
            if records:
                await self._add(records)

    async def _add(self, records: Sequence[UsageRecord]) -> None:
        async with self._database.begin() as connection:
            await usage.add(connection, records)
            if self.charges is not None:
                await self.charges.charge(connection, records)

    def _reject(self, record: UsageRecord, error: Exception) -> None:
        path: Path = self._journal.root / _REJECTED
        with path.open("ab") as file:
            file.write(msgspec.json.encode(record) + b"\n")
        self._tell("rejected", request_id=record.id, error=type(error).__name__, kept=_REJECTED)

    def _away(self, error: Exception) -> None:
        self._wait = min(self._wait * 2, _LONGEST_WAIT_SECONDS)
        if not self.behind:
            self._tell("behind", message=_said(error), waiting=self._journal.settled_waiting)
        self.behind = True

    def _back(self) -> None:
        self._wait = self._every
        if self.behind:
            self._tell("written", message="the database has taken what waited for it")
        self.behind = False

    def _tell(self, condition: str, **more: str | int) -> None:
        if self._log is not None:
            self._log.event("books", condition=condition, **more)


def _said(error: Exception) -> str:
    return error.message if isinstance(error, WyeError) else f"the database refuses: {type(error).__name__}"

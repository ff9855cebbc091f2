"""Which limits and budgets are in force: those of the settings file, and those that the database has."""

import asyncio
from collections.abc import Iterable

from wye.core.errors import StoreUnavailableError
from wye.core.limits import Budget, Limit
from wye.ledger.limiter import Limiter
from wye.store import budgets as written_budgets
from wye.store import changes
from wye.store import limits as written_limits
from wye.store.opened import Store


class Rulebook:
    """Tells a limiter what to hold requests to, whenever that changes."""

    def __init__(self, limiter: Limiter, store: Store | None) -> None:
        """Follow `store`, where there is one; the file's rules are told by `follow`."""
        self._limiter = limiter
        self._store = store
        self._file: tuple[tuple[Limit, ...], tuple[Budget, ...]] = ((), ())
        self._known: tuple[tuple[Limit, ...], tuple[Budget, ...]] = ((), ())
        self._adopted: tuple[Budget, ...] | None = None
        self._one_at_a_time = asyncio.Lock()
        self._adopting: asyncio.Task[None] | None = None
        if store is not None:
            for topic in (written_budgets.TOPIC, written_limits.TOPIC):
                store.changes.on(topic, self.hear)

    def follow(self, limits: Iterable[Limit], budgets: Iterable[Budget]) -> None:
        """Take over what the settings file says now."""
        self._file = (tuple(limits), tuple(budgets))
        self._tell()
        if self._store is not None and self._adopted is not None and self._adopted != self._file[1]:
            self._adopting = asyncio.get_running_loop().create_task(self._adopt(), name="budgets of the settings")

    async def hear(self) -> None:
        """Read the database's rules. Raises `StoreUnavailableError`."""
        if self._store is None:
            return
        async with self._one_at_a_time:
            await self._bring_file()
            async with self._store.database.read() as connection:
                limits = await written_limits.all_in_force(connection)
                budgets = await written_budgets.all_in_force(connection)
            self._known = (tuple(limits), tuple(one for one in budgets if one.source != "file"))
            self._tell()

    async def _adopt(self) -> None:
        try:
            await self.hear()
        except StoreUnavailableError:
            return  # a later change, or the next start, brings it there

    async def _bring_file(self) -> None:
        """Write the file's budgets down, so that they can be divided and charged."""
        file = self._file[1]
        if self._store is None or self._adopted == file:
            return
        async with self._store.database.begin() as connection:
            if await written_budgets.adopt(connection, file):
                await changes.announce(connection, written_budgets.TOPIC)
        self._adopted = file

    def _tell(self) -> None:
        # What is written down for a user or a team goes before what the file says of it.
        self._limiter.use((*self._file[0], *self._known[0]), (*self._file[1], *self._known[1]))

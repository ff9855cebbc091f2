"""How documents are searched: the seam behind which other ways than words may come, and the way by words."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from wye.core.document import Found
from wye.store import documents as rows
from wye.store.database import Database


class Searcher(Protocol):
    """Finds passages of what an owner uploaded, the best first."""

    async def search(
        self, owner: str, said: str, *, limit: int, within: Iterable[str] | None = None
    ) -> Sequence[Found]:
        """Return at most `limit` passages for `said`, of `owner`'s own documents alone; `within` are ids of some."""


class FullText:
    """Finds passages by their words, as the database does (`wye.store.fulltext`)."""

    def __init__(self, database: Database) -> None:
        """Search `database`."""
        self._database = database

    async def search(
        self, owner: str, said: str, *, limit: int, within: Iterable[str] | None = None
    ) -> Sequence[Found]:
        """Return passages that have words of `said`. Raises `StoreUnavailableError`."""
        async with self._database.read() as connection:
            return await rows.search(connection, owner, said, limit=limit, within=within)

"""The files of all users: each hands in its own, and reads and deletes those."""

import secrets
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Final, Self

from msgspec import structs

from wye.core.errors import InvalidRequestError, RequestTooLargeError, RouteNotFoundError, StoreUnavailableError
from wye.engine import Engine
from wye.store import files as rows
from wye.store.database import Database, now_us
from wye.store.files import File

LONGEST_NAME: Final = 255
_PART: Final = 512 * 1024
"""Bytes of a file that are kept together."""
_US: Final = 1_000_000


class Files:
    """Keeps files in the store of an engine."""

    def __init__(self, engine: Engine) -> None:
        """Keep what is handed in to `engine`."""
        self._engine = engine

    @property
    def largest(self) -> int:
        """How many bytes a file may have."""
        return self._engine.snapshot.settings.batches.max_file_bytes

    @property
    def _database(self) -> Database:
        return database_of(self._engine)

    def draft(self, owner: str) -> "Draft":
        """Return a file of `owner` to be written within an `async with` block."""
        check_enabled(self._engine)
        return Draft(self._database, owner, self.largest)

    async def every(
        self,
        owner: str,
        *,
        after: str | None = None,
        purpose: str | None = None,
        ascending: bool = False,
        limit: int = rows.PAGE,
    ) -> list[File]:
        """Return files, the latest first unless `ascending`, those after the file with the id `after`."""
        async with self._database.read() as connection:
            return await rows.page(
                connection, owner, now=now_us(), after=after, purpose=purpose, ascending=ascending, limit=limit
            )

    async def one(self, owner: str, file_id: str) -> File:
        """Return a file. Raises `RouteNotFoundError` where `owner` has none of that id."""
        async with self._database.read() as connection:
            found = await rows.one(connection, owner, file_id, now=now_us())
        if found is None:
            raise _missing(file_id)
        return found

    def content(self, owner: str, row: File) -> AsyncIterator[bytes]:
        """Return what is in a file, a piece at a time."""
        return rows.pieces(self._database, owner, row)

    async def drop(self, owner: str, file_id: str) -> None:
        """Delete a file and what is in it. Raises `RouteNotFoundError`."""
        async with self._database.begin() as connection:
            if not await rows.drop(connection, owner, file_id):
                raise _missing(file_id)


class Draft:
    """A file that is being handed in: nobody sees it before `finish`, and it is gone where that is not reached."""

    def __init__(self, database: Database, owner: str, most: int) -> None:
        """Begin a file of at most `most` bytes."""
        self._database = database
        self._most = most
        self._held = bytearray()
        self._parts = 0
        self._size = 0
        self._row = File(
            id=f"file-{secrets.token_hex(12)}", user_id=owner, filename="", purpose="batch", size=0, created_at=now_us()
        )
        self._done = False

    async def __aenter__(self) -> Self:
        """Begin."""
        async with self._database.begin() as connection:
            await rows.begin(connection, self._row.user_id, self._row)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Forget what was written, where it is not whole."""
        if not self._done:
            async with self._database.begin() as connection:
                await rows.drop(connection, self._row.user_id, self._row.id)

    async def write(self, data: bytes | bytearray) -> None:
        """Add bytes. Raises `RequestTooLargeError` where there are too many."""
        self._size += len(data)
        if self._size > self._most:
            raise RequestTooLargeError(
                f"the file is longer than {self._most:,} bytes ([batches] max_file_bytes): cut it into several",
                param="file",
            )
        self._held += data
        while len(self._held) >= _PART:
            await self._put(bytes(self._held[:_PART]))
            del self._held[:_PART]

    async def _put(self, data: bytes) -> None:
        async with self._database.begin() as connection:
            await rows.put(connection, self._row.id, self._parts, data)
        self._parts += 1

    async def finish(self, filename: str, *, lasts: int | None = None) -> File:
        """Keep the file, for so many seconds where that is said. Raises `InvalidRequestError` for an empty one."""
        if not self._size:
            raise InvalidRequestError("the file is empty", code="empty_file", param="file")
        if self._held:
            await self._put(bytes(self._held))
        row = structs.replace(
            self._row,
            filename=_name(filename),
            size=self._size,
            expires_at=None if lasts is None else self._row.created_at + lasts * _US,
        )
        async with self._database.begin() as connection:
            await rows.finish(connection, row.user_id, row)
        self._done = True
        return row


def database_of(engine: Engine) -> Database:
    """Return where files and batches are kept. Raises `StoreUnavailableError` where there is nothing of the kind."""
    if engine.store is None:
        raise StoreUnavailableError("nothing is kept here: set [store] url to a database for batches")
    return engine.store.database


def check_enabled(engine: Engine) -> None:
    """Raise `InvalidRequestError` where batches are switched off."""
    if not engine.snapshot.settings.batches.enabled:
        raise InvalidRequestError("batches are switched off here ([batches] enabled)", code="batches_disabled")


def _name(said: str) -> str:
    """Return a name in one line, without the folders it was in."""
    name = "".join(sign for sign in said.replace("\\", "/").rpartition("/")[2] if sign.isprintable())
    return name.strip()[:LONGEST_NAME] or "batch.jsonl"


def _missing(file_id: str) -> RouteNotFoundError:
    return RouteNotFoundError(
        f"there is no file {file_id[:64]!r}; GET /v1/files lists yours", code="file_not_found", param="file_id"
    )

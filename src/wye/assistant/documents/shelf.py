"""The documents of all users: each sees, searches and deletes its own."""

import asyncio
import hashlib
import re
import secrets
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final

from msgspec import structs
from sqlalchemy.exc import IntegrityError

from wye.assistant.documents.child import Answer
from wye.assistant.documents.parsed import clean
from wye.assistant.documents.reading import Reading, media_type_of
from wye.assistant.documents.searching import FullText, Searcher
from wye.config.tools import DocumentSettings
from wye.core.document import Document, Found, Kept, Passage
from wye.core.errors import InvalidRequestError, OverloadedError, RouteNotFoundError, StoreUnavailableError, WyeError
from wye.engine import Engine
from wye.store import documents as rows
from wye.store.database import Database, now_us

LONGEST_NAME: Final = 200
LONGEST_QUESTION: Final = 2000
_AT_ONCE: Final = 250
"""Passages that go to the database together."""
_AT_ONCE_OF_ONE: Final = 6
_HOUR_US: Final = 3600 * 1_000_000


class Shelf:
    """Keeps documents in the store of an engine; one for each process, which reads a few files at a time."""

    def __init__(self, engine: Engine, searcher: Searcher | None = None) -> None:
        """Keep what is uploaded to `engine`; `searcher` finds it, by its words where none is given."""
        self._engine = engine
        self._reading = Reading(self._config)
        self._searcher = searcher
        self._under_way: Counter[str] = Counter()

    @property
    def _config(self) -> DocumentSettings:
        return self._engine.snapshot.settings.tools.document_search

    @property
    def _database(self) -> Database:
        if self._engine.store is None:
            raise StoreUnavailableError("nothing is kept here: set [store] url to a database for documents")
        return self._engine.store.database

    async def add(
        self, owner: str, name: str, body: bytes, *, media_type: str | None = None, charset: str | None = None
    ) -> Document:
        """Read a file and keep its text; the same file again is the document that there is.

        Raises `InvalidRequestError` for what cannot be read or is too much for one user, `RequestTooLargeError`,
        `OverloadedError` and `StoreUnavailableError`.
        """
        database, config = self._database, self._config
        self._reading.config = config
        kind = media_type_of(media_type, name, body)
        digest = hashlib.sha256(body).hexdigest()
        async with database.read() as connection:
            if (there := await rows.same(connection, owner, digest)) is not None:
                return there
            _check_room(await rows.kept(connection, owner), config, 0)
        read = await self._read(owner, body, kind, charset)
        made = Document(
            id=f"doc_{secrets.token_hex(12)}",
            user_id=owner,
            title=_name(name) or _name(read.title or "") or "untitled",
            media_type=kind,
            digest=digest,
            size=len(body),
            characters=read.characters,
            passages=len(read.passages),
            pages=read.pages,
            created_at=now_us(),
        )
        return await self._kept(database, made, read.passages)

    async def _read(self, owner: str, body: bytes, kind: str, charset: str | None) -> Answer:
        """Read a file while its owner has few others read: nobody takes all the places there are."""
        if self._under_way[owner] >= _AT_ONCE_OF_ONE:
            raise OverloadedError("you are sending too many documents at once; wait for some of them", retry_after=2.0)
        self._under_way[owner] += 1
        try:
            return await self._reading.read(body, kind, charset=charset)
        finally:
            self._under_way[owner] -= 1
            if not self._under_way[owner]:
                del self._under_way[owner]

    async def _kept(self, database: Database, made: Document, pieces: Sequence[Passage]) -> Document:
        """Keep a document, a little at a time so that nobody else who writes waits for long."""
        owner = made.user_id
        try:
            async with database.begin() as connection:
                await rows.sweep(connection, owner, made.created_at - _HOUR_US)
                _check_room(await rows.kept(connection, owner), self._config, made.characters)
                await rows.begin(connection, owner, made)
        except IntegrityError:  # the same file came twice at once
            async with database.read() as connection:
                if (there := await rows.same(connection, owner, made.digest)) is not None:
                    return there
            raise OverloadedError(
                "this document is being kept already; try again in a moment", retry_after=1.0
            ) from None
        try:
            for at in range(0, len(pieces), _AT_ONCE):
                some = pieces[at : at + _AT_ONCE]
                terms = await asyncio.to_thread(rows.terms_of, some)
                async with database.begin() as connection:
                    await rows.put(connection, owner, made.id, some, terms)
            async with database.begin() as connection:
                await rows.finish(connection, owner, made.id, len(pieces))
        except BaseException:
            with suppress(WyeError):  # else the owner's next upload forgets it
                async with database.begin() as connection:
                    await rows.drop(connection, owner, made.id)
            raise
        return made

    async def every(self, owner: str, *, before: str | None = None, limit: int = 100) -> list[Document]:
        """Return documents, the latest first, those after the document with the id `before` in that order."""
        async with self._database.read() as connection:
            return await rows.every(connection, owner, before=before, limit=limit)

    async def one(self, owner: str, document_id: str) -> Document:
        """Return a document. Raises `RouteNotFoundError` where `owner` has none of that id."""
        async with self._database.read() as connection:
            found = await rows.one(connection, owner, document_id)
        if found is None:
            raise _missing(document_id)
        return found

    async def passages(self, owner: str, document_id: str, *, after: int = -1, limit: int = 100) -> list[Passage]:
        """Return the passages of a document in order, those after position `after`."""
        async with self._database.read() as connection:
            return await rows.passages_of(connection, owner, document_id, after=after, limit=limit)

    async def drop(self, owner: str, document_id: str) -> None:
        """Delete a document and all that was kept of it. Raises `RouteNotFoundError`."""
        async with self._database.begin() as connection:
            if not await rows.drop(connection, owner, document_id):
                raise _missing(document_id)

    async def search(
        self, owner: str, said: str, *, limit: int | None = None, within: Iterable[str] | None = None
    ) -> Sequence[Found]:
        """Return the passages that answer `said` best, `limit` at most, of the documents `within` only."""
        searcher = self._searcher or FullText(self._database)
        found = await searcher.search(
            owner, said[:LONGEST_QUESTION], limit=limit or self._config.passages, within=within
        )
        return [structs.replace(one, rank=round(one.rank, 4)) for one in found]


def _check_room(kept: Kept, config: DocumentSettings, characters: int) -> None:
    if kept.documents >= config.max_documents:
        raise InvalidRequestError(
            f"you keep {kept.documents:,} documents, all that [tools.document_search] max_documents allows: "
            "delete some first",
            code="too_many_documents",
        )
    if kept.characters + characters > config.max_kept_characters:
        raise InvalidRequestError(
            f"this would be more than {config.max_kept_characters:,} characters of text in all "
            "([tools.document_search] max_kept_characters): delete some documents first",
            code="too_many_documents",
        )


def _name(said: str) -> str:
    """Return a title in one line."""
    return re.sub(r"\s+", " ", clean(said)).strip()[:LONGEST_NAME]


def _missing(document_id: str) -> RouteNotFoundError:
    return RouteNotFoundError(
        f"there is no document {document_id[:64]!r}; GET /api/documents lists yours", code="document_not_found"
    )

"""Documents that users uploaded, and the passages they are searched by."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from msgspec import structs
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.core.document import Document, Found, Kept, Passage
from wye.store import fulltext
from wye.store.tables import documents, passages

PAGE: Final = 500
"""Rows returned at once, at most."""
_AT_ONCE: Final = 500
"""Passages that go to the database together."""


async def add(connection: AsyncConnection, owner: str, row: Document, pieces: Sequence[Passage]) -> None:
    """Keep a document of `owner`; raise `IntegrityError` where it has one of that id or digest."""
    await connection.execute(documents.insert().values(**{**structs.asdict(row), "user_id": owner}))
    for at in range(0, len(pieces), _AT_ONCE):
        rows = [
            {
                **structs.asdict(piece),
                "document_id": row.id,
                "user_id": owner,
                # A heading is found with the text below it, which need not say it again.
                "terms": fulltext.fold(f"{piece.section}\n{piece.text}"),
            }
            for piece in pieces[at : at + _AT_ONCE]
        ]
        await connection.execute(passages.insert(), rows)


async def one(connection: AsyncConnection, owner: str, document_id: str) -> Document | None:
    """Return a document of `owner`."""
    query = select(documents).where(documents.c.user_id == owner, documents.c.id == document_id)
    return _document((await connection.execute(query)).mappings().first())


async def same(connection: AsyncConnection, owner: str, digest: str) -> Document | None:
    """Return the document of `owner` whose file had this SHA-256."""
    query = select(documents).where(documents.c.user_id == owner, documents.c.digest == digest)
    return _document((await connection.execute(query)).mappings().first())


async def every(connection: AsyncConnection, owner: str, *, before: str | None, limit: int = PAGE) -> list[Document]:
    """Return documents of `owner`, the latest first, those older than the document with the id `before`."""
    at = documents.c.created_at
    query = select(documents).where(documents.c.user_id == owner)
    if before is not None:
        edge = select(at).where(documents.c.user_id == owner, documents.c.id == before).scalar_subquery()
        query = query.where((at < edge) | ((at == edge) & (documents.c.id < before)))
    query = query.order_by(at.desc(), documents.c.id.desc()).limit(min(limit, PAGE))
    return [Document(**row) for row in (await connection.execute(query)).mappings()]


async def kept(connection: AsyncConnection, owner: str) -> Kept:
    """Return how much `owner` keeps."""
    sums = select(func.count(), func.coalesce(func.sum(documents.c.characters), 0)).where(documents.c.user_id == owner)
    row = (await connection.execute(sums)).one()
    return Kept(documents=int(row[0]), characters=int(row[1]))


async def passages_of(
    connection: AsyncConnection, owner: str, document_id: str, *, after: int = -1, limit: int = PAGE
) -> list[Passage]:
    """Return passages of a document of `owner` in order, those after position `after`."""
    columns = passages.c
    query = select(*_columns()).where(
        columns.user_id == owner, columns.document_id == document_id, columns.position > after
    )
    rows = await connection.execute(query.order_by(columns.position).limit(min(limit, PAGE)))
    return [Passage(**row) for row in rows.mappings()]


async def drop(connection: AsyncConnection, owner: str, document_id: str) -> bool:
    """Delete a document of `owner` with all that was kept of it; tell whether there was one."""
    query = documents.delete().where(documents.c.user_id == owner, documents.c.id == document_id)
    return (await connection.execute(query)).rowcount > 0


async def search(
    connection: AsyncConnection, owner: str, said: str, *, limit: int, within: Iterable[str] | None = None
) -> list[Found]:
    """Return the passages of `owner` that have words of `said`, the best first; of the documents `within` only."""
    asked = fulltext.matching(connection, passages, said)
    if asked is None:
        return []
    query = (
        select(*_columns(), passages.c.document_id, documents.c.title, documents.c.media_type, asked.rank.label("rank"))
        .select_from(asked.source.join(documents, documents.c.id == passages.c.document_id))
        .where(asked.condition, passages.c.user_id == owner, documents.c.user_id == owner)
        .order_by(asked.rank.desc(), passages.c.number)
        .limit(min(limit, PAGE))
    )
    if within is not None:
        query = query.where(passages.c.document_id.in_(list(within)))
    return [
        Found(
            document_id=row["document_id"],
            title=row["title"],
            media_type=row["media_type"],
            rank=float(row["rank"]),
            passage=Passage(**{name: row[name] for name in Passage.__struct_fields__}),
        )
        for row in (await connection.execute(query)).mappings()
    ]


def _columns() -> list[Any]:
    return [passages.c[name] for name in Passage.__struct_fields__]


def _document(row: Any) -> Document | None:
    return None if row is None else Document(**row)

"""Conversations and what was said in them: a tree of messages each, by their owner, searched by full text."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct, structs
from sqlalchemy import Column, Select, and_, case, func, or_, select, type_coerce
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.store.database import now_us
from wye.store.fulltext import Matching, fold, matching
from wye.store.tables import attachments, conversations, messages

PAGE: Final = 200
"""Conversations returned at once, at most."""
_HITS: Final = 500
"""Messages that a search looks at, the best ones."""
_Moment: TypeAlias = Annotated[int, Meta(ge=0, le=2**62)]
TitleSource: TypeAlias = Literal["", "words", "model", "user"]


class Conversation(Struct, frozen=True, kw_only=True):
    """A conversation; times are microseconds since the epoch. Its columns are described with the table."""

    id: str
    user_id: str
    title: str = ""
    title_source: TitleSource = ""
    model: str | None = None
    provider: str | None = None
    agent: str | None = None
    head_id: str | None = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] | None = None
    created_at: int
    updated_at: int
    archived_at: int | None = None


class Message(Struct, frozen=True, kw_only=True):
    """One message; `number` grows with the order in which messages were added."""

    id: str
    conversation_id: str
    user_id: str
    parent_id: str | None
    role: Literal["user", "assistant"]
    text: str
    content: dict[str, Any] | None = None
    provider: str | None = None
    model: str | None = None
    usage_id: str | None = None
    account: dict[str, Any] | None = None
    created_at: int
    number: int = 0


class Attachment(Struct, frozen=True, kw_only=True):
    """What was sent along with a message; `size` is bytes of the `body`."""

    id: str
    message_id: str
    user_id: str
    name: str
    media_type: str
    size: int
    body: bytes
    created_at: int


class Found(Struct, frozen=True, kw_only=True):
    """A conversation that has the words looked for; `message` is the best of its messages that do."""

    conversation: Conversation
    message_id: str | None
    text: str


def _conversation(row: Mapping[Any, Any]) -> Conversation:
    values = {name: row[name] for name in Conversation.__struct_fields__}
    return Conversation(**{**values, "tags": tuple(values["tags"] or ())})


def _message(row: Mapping[Any, Any]) -> Message:
    return Message(**{name: row[name] for name in Message.__struct_fields__})


# --- Conversations ---


async def add(connection: AsyncConnection, owner: str, row: Conversation) -> None:
    """Add a conversation of `owner`."""
    values = {**structs.asdict(row), "user_id": owner, "tags": list(row.tags), "terms": fold(row.title)}
    await connection.execute(conversations.insert().values(**values))


async def get(connection: AsyncConnection, owner: str, conversation_id: str) -> Conversation | None:
    """Return a conversation of `owner`."""
    columns = conversations.c
    query = select(conversations).where(columns.user_id == owner, columns.id == conversation_id)
    found = (await connection.execute(query)).mappings().first()
    return None if found is None else _conversation(found)


async def page(
    connection: AsyncConnection,
    owner: str,
    *,
    before: tuple[int, str] | None = None,
    limit: int = 50,
    archived: bool | None = False,
    tag: str | None = None,
) -> list[Conversation]:
    """Return conversations of `owner`, the one changed last first; `archived` of `None` is both kinds.

    `before` is `updated_at` and id of the last one on the page before.
    """
    columns = conversations.c
    query = select(conversations).where(columns.user_id == owner)
    if before is not None:
        at, last = before
        query = query.where(or_(columns.updated_at < at, and_(columns.updated_at == at, columns.id < last)))
    if archived is not None:
        query = query.where(columns.archived_at.is_not(None) if archived else columns.archived_at.is_(None))
    if tag is not None:
        query = query.where(_tagged(connection, tag))
    query = query.order_by(columns.updated_at.desc(), columns.id.desc()).limit(max(1, min(limit, PAGE)))
    return [_conversation(row) for row in (await connection.execute(query)).mappings()]


def _tagged(connection: AsyncConnection, tag: str) -> Any:
    if connection.dialect.name == "postgresql":
        return type_coerce(conversations.c.tags, JSONB).contains([tag])
    each = func.json_each(conversations.c.tags).table_valued("value")
    return select(each.c.value).where(each.c.value == tag).exists()


async def change(connection: AsyncConnection, owner: str, conversation_id: str, **values: Any) -> bool:
    """Change columns of a conversation of `owner`; tell whether there is one. `updated_at` is left unless said."""
    columns = conversations.c
    if "title" in values:
        values["terms"] = fold(values["title"])
    query = conversations.update().where(columns.user_id == owner, columns.id == conversation_id)
    return (await connection.execute(query.values(**values))).rowcount > 0


async def drop(connection: AsyncConnection, owner: str, conversation_id: str | None = None) -> int:
    """Delete a conversation of `owner`, or all of them, with messages, attachments and their place in the index.

    Return how many there were. SQLite overwrites the pages they were on.
    """
    query = conversations.delete().where(conversations.c.user_id == owner)
    if conversation_id is not None:
        query = query.where(conversations.c.id == conversation_id)
    if connection.dialect.name != "sqlite":
        return (await connection.execute(query)).rowcount
    await connection.exec_driver_sql("PRAGMA secure_delete = ON")
    dropped = (await connection.execute(query)).rowcount
    await connection.exec_driver_sql("PRAGMA secure_delete = OFF")
    return dropped


# --- Messages ---


async def add_message(
    connection: AsyncConnection, owner: str, row: Message, sent_along: Sequence[Attachment] = ()
) -> None:
    """Add a message to a conversation of `owner` and go on from it."""
    values = {**structs.asdict(row), "user_id": owner, "terms": fold(row.text)}
    del values["number"]
    await connection.execute(messages.insert().values(**values))
    if sent_along:
        rows = [{**structs.asdict(one), "user_id": owner, "message_id": row.id} for one in sent_along]
        await connection.execute(attachments.insert(), rows)
    await change(connection, owner, row.conversation_id, head_id=row.id, updated_at=now_us())


async def message(connection: AsyncConnection, owner: str, conversation_id: str, message_id: str) -> Message | None:
    """Return a message of a conversation of `owner`."""
    columns = messages.c
    query = _of(owner, conversation_id).where(columns.id == message_id)
    found = (await connection.execute(query)).mappings().first()
    return None if found is None else _message(found)


async def branch(connection: AsyncConnection, owner: str, conversation_id: str, last_id: str | None) -> list[Message]:
    """Return the messages that lead to the message `last_id` and that one, the first one first."""
    if last_id is None:
        return []
    columns = messages.c
    mine = and_(columns.user_id == owner, columns.conversation_id == conversation_id)
    above = select(columns.id, columns.parent_id).where(mine, columns.id == last_id).cte("above", recursive=True)
    above = above.union(select(columns.id, columns.parent_id).where(mine, columns.id == above.c.parent_id))
    query = _of(owner, conversation_id).where(columns.id.in_(select(above.c.id))).order_by(columns.number)
    return [_message(row) for row in (await connection.execute(query)).mappings()]


async def every(connection: AsyncConnection, owner: str, conversation_id: str) -> list[Message]:
    """Return the messages of all branches, in the order they were added."""
    query = _of(owner, conversation_id).order_by(messages.c.number)
    return [_message(row) for row in (await connection.execute(query)).mappings()]


async def branches(connection: AsyncConnection, owner: str, conversation_id: str) -> list[tuple[str, str | None]]:
    """Return the ids of all messages of a conversation with their parents', in the order they were added."""
    columns = messages.c
    query = select(columns.id, columns.parent_id).where(
        columns.user_id == owner, columns.conversation_id == conversation_id
    )
    return [(row.id, row.parent_id) for row in await connection.execute(query.order_by(columns.number))]


async def count(connection: AsyncConnection, owner: str, conversation_id: str) -> int:
    """Return how many messages a conversation has in all its branches."""
    columns = messages.c
    query = select(func.count()).where(columns.user_id == owner, columns.conversation_id == conversation_id)
    return int((await connection.execute(query)).scalar_one())


def _of(owner: str, conversation_id: str) -> Select[Any]:
    return select(messages).where(messages.c.user_id == owner, messages.c.conversation_id == conversation_id)


async def sent_along(
    connection: AsyncConnection, owner: str, message_ids: Sequence[str], *, bodies: bool = True
) -> dict[str, list[Attachment]]:
    """Return what was sent along with messages of `owner`, by the message's id; without `bodies` those are empty."""
    if not message_ids:
        return {}
    columns = attachments.c
    wanted = [column for column in columns if bodies or column.name != "body"]
    query = select(*wanted).where(columns.user_id == owner, columns.message_id.in_(message_ids))
    found: dict[str, list[Attachment]] = {}
    for row in (await connection.execute(query.order_by(columns.id))).mappings():
        found.setdefault(row["message_id"], []).append(Attachment(**{"body": b"", **row}))
    return found


async def bytes_sent(connection: AsyncConnection, owner: str, conversation_id: str) -> int:
    """Return how many bytes were sent along with all messages of a conversation."""
    within = (
        attachments.c.user_id == owner,
        messages.c.user_id == owner,
        messages.c.conversation_id == conversation_id,
    )
    joined = attachments.join(messages, messages.c.id == attachments.c.message_id)
    query = select(func.coalesce(func.sum(attachments.c.size), 0)).select_from(joined).where(*within)
    return int((await connection.execute(query)).scalar_one())


async def attachment(connection: AsyncConnection, owner: str, attachment_id: str) -> Attachment | None:
    """Return one thing that was sent along with a message of `owner`."""
    query = select(attachments).where(attachments.c.user_id == owner, attachments.c.id == attachment_id)
    found = (await connection.execute(query)).mappings().first()
    return None if found is None else Attachment(**found)


# --- Searching ---


async def search(connection: AsyncConnection, owner: str, question: str, *, limit: int = 50) -> list[Found]:
    """Return conversations of `owner` whose title, or one message of which, has all words of `question`.

    The best ones come first; one whose title has them goes before one that merely speaks of them.
    """
    columns, said = conversations.c, messages.c
    titled = matching(connection, conversations, question, every=True)
    spoken = matching(connection, messages, question, every=True)
    if titled is None or spoken is None:
        return []
    best: dict[str, tuple[str | None, str]] = {}
    for row in await connection.execute(_found(spoken, owner, said.conversation_id, said.id, said.text)):
        best.setdefault(row.conversation_id, (row.id, row.text))
    named = [row.id for row in await connection.execute(_found(titled, owner, columns.id))]
    order = list(dict.fromkeys([*named, *best]))[: max(1, min(limit, PAGE))]
    if not order:
        return []
    place = case({one: index for index, one in enumerate(order)}, value=columns.id)
    query = select(conversations).where(columns.user_id == owner, columns.id.in_(order)).order_by(place)
    return [
        Found(conversation=_conversation(row), message_id=message_id, text=text)
        for row in (await connection.execute(query)).mappings()
        for message_id, text in [best.get(row["id"], (None, ""))]
    ]


def _found(how: Matching, owner: str, *wanted: Column[Any]) -> Select[Any]:
    mine = wanted[0].table.c.user_id == owner
    return select(*wanted).select_from(how.source).where(how.condition, mine).order_by(how.rank.desc()).limit(_HITS)


def cursor_of(row: Conversation) -> str:
    """Return what the next page begins after."""
    return f"{row.updated_at}-{row.id}"


def cursor_from(text: str) -> tuple[int, str] | None:
    """Return what a cursor says, `None` where it says nothing."""
    at, _, last = text.partition("-")
    try:
        return msgspec.convert(at, _Moment, strict=False), last
    except msgspec.ValidationError:
        return None

"""Conversations are their owner's alone, are found by their words on both databases, and are gone once deleted."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import func, select, text

from wye.store import conversations as talks
from wye.store.conversations import Attachment, Conversation, Message
from wye.store.database import Database, now_us
from wye.store.tables import attachments, messages


def talk(name: str, owner: str = "ann", **more: Any) -> Conversation:
    return Conversation(id=name, user_id=owner, **{"created_at": 1, "updated_at": 1, **more})


def said(name: str, words: str, parent: str | None = None, *, owner: str = "ann", within: str = "c1") -> Message:
    return Message(
        id=name, conversation_id=within, user_id=owner, parent_id=parent, role="user", text=words, created_at=now_us()
    )


def picture(message: str) -> Attachment:
    return Attachment(
        id=f"a-{message}", message_id=message, user_id="ann", name="x.png", media_type="image/png", size=3,
        body=b"abc", created_at=1,
    )  # fmt: skip


async def put(database: Database, *rows: Message, owner: str = "ann") -> None:
    async with database.begin() as connection:
        for row in rows:
            if await talks.get(connection, owner, row.conversation_id) is None:
                await talks.add(connection, owner, talk(row.conversation_id, owner))
            await talks.add_message(connection, owner, row)


async def found(database: Database, question: str, owner: str = "ann") -> list[str]:
    async with database.read() as connection:
        return [one.conversation.id for one in await talks.search(connection, owner, question)]


async def test_a_branch_is_what_leads_to_its_last_message(database: Database) -> None:
    await put(database, said("m1", "one"), said("m2", "two", "m1"), said("m3", "three", "m2"), said("m4", "2b", "m1"))
    async with database.read() as connection:
        assert [one.id for one in await talks.branch(connection, "ann", "c1", "m3")] == ["m1", "m2", "m3"]
        assert [one.id for one in await talks.branch(connection, "ann", "c1", "m4")] == ["m1", "m4"]
        assert await talks.branch(connection, "bob", "c1", "m3") == []
        kept = await talks.get(connection, "ann", "c1")
        assert kept is not None
        assert kept.head_id == "m4"
        assert dict(await talks.branches(connection, "ann", "c1")) == {"m1": None, "m2": "m1", "m3": "m2", "m4": "m1"}


async def test_pages_go_on_after_the_last_one_even_within_one_moment(database: Database) -> None:
    async with database.begin() as connection:
        for index in range(7):
            await talks.add(connection, "ann", talk(f"c{index}", updated_at=index // 3))
        await talks.add(connection, "bob", talk("b", "bob", updated_at=99))
    seen: list[str] = []
    before = None
    async with database.read() as connection:
        while rows := await talks.page(connection, "ann", before=before, limit=2):
            seen += [row.id for row in rows]
            before = talks.cursor_from(talks.cursor_of(rows[-1]))
    assert seen == ["c6", "c5", "c4", "c3", "c2", "c1", "c0"]


async def test_archived_and_tagged_ones_are_told_apart(database: Database) -> None:
    async with database.begin() as connection:
        await talks.add(connection, "ann", talk("open", tags=("work", "x")))
        await talks.add(connection, "ann", talk("put-away", archived_at=5))
    async with database.read() as connection:
        assert [row.id for row in await talks.page(connection, "ann")] == ["open"]
        assert [row.id for row in await talks.page(connection, "ann", archived=True)] == ["put-away"]
        assert {row.id for row in await talks.page(connection, "ann", archived=None)} == {"open", "put-away"}
        assert [row.id for row in await talks.page(connection, "ann", tag="work")] == ["open"]
        assert await talks.page(connection, "ann", tag="wor") == []


@pytest.mark.parametrize(
    ("words", "question"),
    [
        ("The quick brown fox", "QUICK fox"),
        ("The quick brown fox", "quic"),
        ("see docs/notes.txt at example.com", "notes"),
        ("see docs/notes.txt at example.com", "example.com"),
        ("she said “Grüße” twice", "grüße"),
        ("l'été arrive", "été"),
        ("हिन्दी में लिखा", "हिन्दी"),
        ("don't panic now", "don't panic"),
        ("under_score names", "score"),
        ("a -5 degree night", "5"),
        ("我们明天去北京吃烤鸭", "北京"),
        ("The boats were leaving", "boat leav"),
    ],
)
async def test_words_are_found_on_either_database(database: Database, words: str, question: str) -> None:
    await put(database, said("m1", words), said("m9", "nothing of the kind", within="c9"))
    assert await found(database, question) == ["c1"]
    assert await found(database, question, owner="bob") == []


@pytest.mark.parametrize(
    "question",
    ["", "   ", "''", '"', "*", "NEAR(", "zebra OR bee", "text:quick", "-slow", "zebra AND", "x & z | !y:*", "\\", "%",
     "🙂", "'; DROP TABLE messages; --", "y" * 5000, " ".join(str(n) for n in range(500)), "(((", "^slow", "\x00"],
)  # fmt: skip
async def test_whatever_is_typed_is_words(database: Database, question: str) -> None:
    await put(database, said("m1", "the quick brown fox"))
    assert await found(database, question) == []
    assert await found(database, "quick") == ["c1"]


async def test_a_title_that_has_the_words_goes_first_and_a_new_one_replaces_the_old(database: Database) -> None:
    await put(database, said("m1", "about whales, whales and whales"))
    async with database.begin() as connection:
        await talks.add(connection, "ann", talk("c2", title="Whales"))
    assert await found(database, "whales") == ["c2", "c1"]
    async with database.begin() as connection:
        assert await talks.change(connection, "ann", "c2", title="Dolphins")
        assert not await talks.change(connection, "bob", "c2", title="Mine")
    assert await found(database, "whales") == ["c1"]
    assert await found(database, "dolphins") == ["c2"]


async def test_what_is_deleted_is_gone_with_all_that_belongs_to_it(database: Database) -> None:
    await put(database, said("m1", "one secret"), said("n1", "another secret", within="c2"))
    async with database.begin() as connection:
        await talks.add_message(connection, "ann", said("m2", "more", "m1"), [picture("m2")])
        await talks.add(connection, "bob", talk("b1", "bob"))
        await talks.add_message(connection, "bob", said("bm", "bobs secret", owner="bob", within="b1"))
        assert await talks.drop(connection, "bob", "c1") == 0
        assert await talks.drop(connection, "ann", "c1") == 1
    assert await found(database, "secret") == ["c2"]
    async with database.begin() as connection:
        assert await connection.scalar(select(func.count()).select_from(attachments)) == 0
        assert await talks.attachment(connection, "ann", "a-m2") is None
        assert await talks.drop(connection, "ann") == 1
        assert await connection.scalar(select(func.count()).select_from(messages)) == 1
    assert await found(database, "secret") == []
    assert await found(database, "secret", owner="bob") == ["b1"]
    if database.dialect == "sqlite":
        async with database.begin() as connection:
            await connection.execute(text("INSERT INTO messages_words(messages_words) VALUES ('integrity-check')"))


async def test_deleted_words_are_not_left_in_the_pages_of_sqlites_file(database: Database) -> None:
    if database.file is None:
        pytest.skip("PostgreSQL's files are its own")
    await put(database, said("m1", "xylophone-canary " * 400))
    async with database.begin() as connection:
        await talks.drop(connection, "ann")
    await database.aclose()
    with closing(sqlite3.connect(database.file)) as plain:
        plain.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert b"xylophone-canary " not in database.file.read_bytes()


async def test_sent_along_things_are_their_owners(database: Database) -> None:
    await put(database, said("m1", "look"))
    async with database.begin() as connection:
        await talks.add_message(connection, "ann", said("m2", "here", "m1"), [picture("m2")])
        assert {name: [one.body for one in rows] for name, rows in
                (await talks.sent_along(connection, "ann", ["m1", "m2"])).items()} == {"m2": [b"abc"]}  # fmt: skip
        assert await talks.sent_along(connection, "bob", ["m1", "m2"]) == {}
        assert await talks.attachment(connection, "bob", "a-m2") is None


@pytest.mark.parametrize("cursor", ["", "x", "-1-c", "99999999999999999999-c", "1.5-c"])
def test_a_cursor_that_says_nothing_is_none(cursor: str) -> None:
    assert talks.cursor_from(cursor) is None

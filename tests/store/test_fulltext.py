"""Words are found on both databases alike, and whatever is asked is words."""

import pytest
from sqlalchemy import select

from wye.core.document import Document, Passage
from wye.store import documents as rows
from wye.store.database import Database
from wye.store.fulltext import fold, phrases_of
from wye.store.tables import passages


def document(id_: str, owner: str = "ann", **more: object) -> Document:
    values = {"title": f"{id_}.txt", "media_type": "text/plain", "digest": id_, "size": 1, "characters": 1}
    return Document(**{"id": id_, "user_id": owner, "passages": 1, "created_at": 1, **values, **more})  # type: ignore[arg-type]


async def keep(database: Database, id_: str, *texts: str, owner: str = "ann", section: str = "") -> None:
    pieces = [Passage(position=at, start=0, text=text, section=section) for at, text in enumerate(texts)]
    async with database.begin() as connection:
        await rows.begin(connection, owner, document(id_, owner))
        await rows.put(connection, owner, id_, pieces, rows.terms_of(pieces))
        await rows.finish(connection, owner, id_, len(pieces))


async def found(database: Database, said: str, owner: str = "ann", **more: object) -> list[str]:
    async with database.read() as connection:
        hits = await rows.search(connection, owner, said, limit=10, **more)  # type: ignore[arg-type]
    return [hit.passage.text for hit in hits]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("The refunds take five days", "refund"),
        ("Die Rückgabe dauert fünf Tage", "RUCKGABE"),
        ("Crème brûlée, 4,50 €", "creme brulee"),
        ("send it to help@example.com", "example"),
        ("see /usr/share/doc and snake_case_name", "snake_case_name"),
        ("東京都に住んでいます", "東京都"),
        ("ประเทศไทย", "ไทย"),
        ("Straße 12b", "STRASSE 12B"),
        ("ﬁne print", "fine"),
        ("version 1.5e3 of C++", "1.5e3"),
        ("Ελληνικά", "ΕΛΛΗΝΙΚΑ"),
        ("किताब पढ़ो", "किताब"),
    ],
)
async def test_a_word_is_found_however_it_is_written(database: Database, text: str, said: str) -> None:
    await keep(database, "one", text, "something else entirely")
    assert await found(database, said) == [text]


async def test_signs_that_stand_between_spaceless_words_are_looked_for_together(database: Database) -> None:
    await keep(database, "one", "京東と都市", "東京都")
    assert await found(database, "東京都") == ["東京都"]


async def test_the_passage_that_says_more_of_what_was_asked_comes_first(database: Database) -> None:
    await keep(
        database,
        "one",
        "policy policy policy of the house",
        "the refund policy for enterprise customers",
        "customers of ours",
    )
    hits = await found(database, "What is the refund policy for enterprise customers?")
    assert hits[0] == "the refund policy for enterprise customers"
    assert len(hits) == 3


async def test_common_words_are_left_out_unless_there_are_no_others(database: Database) -> None:
    assert phrases_of("what is the plan") == [("plan",)]
    assert phrases_of("to be or not to be") == [("to",), ("be",), ("or",), ("not",)]


@pytest.mark.parametrize(
    "said",
    [
        '"unbalanced', "a AND OR NOT", "NEAR(alpha beta, 2)", "terms: alpha", "alp*", "{terms} : alpha", "^alpha",
        "- + ~", "alpha) OR (1=1", "'; DROP TABLE passages; --", "alpha & | ! <-> :*", "\\", "alpha\\'", "%",
        "rowid:1", "", " ", "\u0000alpha", "alpha\ufffd", "x" * 10_000, "word " * 5_000, "🙂", "\u200b",
    ],
)  # fmt: skip
async def test_no_sign_in_a_question_means_anything(database: Database, said: str) -> None:
    await keep(database, "one", "alpha", "beta")
    assert set(await found(database, said)) <= {"alpha", "beta"}
    assert await found(database, "alpha") == ["alpha"]


async def test_operators_are_words_among_words(database: Database) -> None:
    await keep(database, "one", "near the river", "far away", "alphabet")
    assert set(await found(database, 'NEAR("far", 2)')) == {"near the river", "far away"}
    assert await found(database, "alph*") == []
    assert await found(database, "NOT river") == ["near the river"]


async def test_only_ones_own_documents_are_searched(database: Database) -> None:
    await keep(database, "hers", "the secret is blue")
    await keep(database, "his", "the secret is red", owner="bob")
    assert await found(database, "secret") == ["the secret is blue"]
    assert await found(database, "secret", "bob") == ["the secret is red"]
    assert await found(database, "secret", within=["his"]) == []
    async with database.read() as connection:
        assert await rows.one(connection, "ann", "his") is None
        assert await rows.same(connection, "ann", "his") is None
        assert await rows.passages_of(connection, "ann", "his") == []
        assert [row.id for row in await rows.every(connection, "ann", before=None)] == ["hers"]
        assert (await rows.kept(connection, "ann")).documents == 1
    async with database.begin() as connection:
        assert not await rows.drop(connection, "ann", "his")


async def test_what_is_deleted_is_found_no_more(database: Database) -> None:
    await keep(database, "one", "a lighthouse", "another lighthouse")
    await keep(database, "two", "a lighthouse of its own")
    async with database.begin() as connection:
        assert await rows.drop(connection, "ann", "one")
        assert not await rows.drop(connection, "ann", "one")
    assert await found(database, "lighthouse") == ["a lighthouse of its own"]
    async with database.read() as connection:
        left = (await connection.execute(select(passages.c.document_id))).scalars().all()
    assert list(left) == ["two"]


async def test_a_changed_row_is_found_by_its_new_words(database: Database) -> None:
    await keep(database, "one", "old")
    async with database.begin() as connection:
        await connection.execute(passages.update().values(text="new", terms=fold("new")))
    assert await found(database, "old") == []
    assert await found(database, "new") == ["new"]


async def test_a_heading_is_found_with_what_stands_below_it(database: Database) -> None:
    await keep(database, "one", "within thirty days", section="Refunds")
    assert await found(database, "refunds") == ["within thirty days"]


async def test_documents_come_in_pages_the_latest_first(database: Database) -> None:
    async with database.begin() as connection:
        for at in range(5):
            await rows.begin(connection, "ann", document(f"d{at}", created_at=at // 2))
            await rows.finish(connection, "ann", f"d{at}", 1)
    seen: list[str] = []
    before = None
    async with database.read() as connection:
        while page := await rows.every(connection, "ann", before=before, limit=2):
            seen += [row.id for row in page]
            before = page[-1].id
    assert seen == ["d4", "d3", "d2", "d1", "d0"]


async def test_a_document_is_not_seen_before_it_is_whole_and_forgotten_where_it_never_is(database: Database) -> None:
    piece = Passage(position=0, start=0, text="half a lighthouse")
    async with database.begin() as connection:
        await rows.begin(connection, "ann", document("half", created_at=5))
        await rows.put(connection, "ann", "half", [piece], rows.terms_of([piece]))
    assert await found(database, "lighthouse") == []
    async with database.begin() as connection:
        assert await rows.one(connection, "ann", "half") is None
        assert await rows.same(connection, "ann", "half") is None
        assert await rows.every(connection, "ann", before=None) == []
        assert (await rows.kept(connection, "ann")).documents == 1
        await rows.sweep(connection, "bob", before=6)
        await rows.sweep(connection, "ann", before=5)
        assert (await rows.kept(connection, "ann")).documents == 1
        await rows.sweep(connection, "ann", before=6)
        assert (await rows.kept(connection, "ann")).documents == 0

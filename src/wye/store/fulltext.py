"""Full text on both databases: rows found by the words of a text, the best first.

A table that is searched has a whole number `number` as its primary key and a column `terms`, which holds `fold(text)`.
The first migration calls `create` for it, which makes what the MetaData does not describe:

- on SQLite an FTS5 table `<table>_words` over that column, kept in step by triggers, ranked by bm25;
- on PostgreSQL a generated column `words` (tsvector) with a GIN index, ranked by `ts_rank` (how many of the
  words a row has, and how often; it knows of no rare words) where any word will do, and by `ts_rank_cd` (how close they
  are together, for which it wants all of them) where every word must be there.

What is a word is decided here, before either database sees the text: letters and digits without accents, in lower
case, and single characters of scripts that put no spaces between words, which are searched for as a phrase. Both then
stem English (Porter); in other languages that makes a few words one, in the index as in the question. So one index
serves texts of all languages, and both databases find the same.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Connection,
    Float,
    FromClause,
    Table,
    cast,
    column,
    func,
    literal_column,
    select,
    table,
    text,
)
from sqlalchemy.ext.asyncio import AsyncConnection

_SUFFIX: Final = "_words"
_SPACELESS: Final = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Thai, Lao, Burmese, Khmer, Kana and Han."""
_TERM: Final = re.compile(rf"[{_SPACELESS}]|[^\W_{_SPACELESS}]+")
_RUN: Final = re.compile(r"[^\W_]+")
_LONGEST: Final = 64
"""Characters of a word that count; PostgreSQL leaves words of more than 2 KB out."""
_MOST_WORDS: Final = 24
"""Words of a question that are searched for."""
_COMMON: Final = frozenset(
    re.findall(
        r"\w+",
        """a about an and are as at be but by can could did do does for from had has have how i if in into is it its me
        my no not of on or our so than that the their them then there these they this to was we were what when where
        which who why will with would you your""",
    )
)
"""Words that tell nothing of what a question is about; they are searched for where there are no others."""
_MARKS: Final = dict.fromkeys(range(0x300, 0x370))
"""The accents of Latin, Greek and Cyrillic letters; other scripts' marks are parts of their words."""


class Matching(Struct, frozen=True, kw_only=True):
    """How to ask: select from `source` where `condition` holds, ordered by `rank`, the largest first.

    Ranks order the rows of one answer and mean nothing beyond that.
    """

    source: FromClause
    condition: ColumnElement[bool]
    rank: ColumnElement[float]


def fold(said: str) -> str:
    """Return the words of a text as they are kept in `terms`."""
    return " ".join(term[:_LONGEST] for term in _TERM.findall(_plain(said)))


def matching(connection: AsyncConnection, searched: Table, said: str, *, every: bool = False) -> Matching | None:
    """Return how to find the rows that have words of `said`; `None` where it holds none.

    All of `said` is words: no quote, operator or column's name in it means anything. With `every`, a row has to have
    all of them, and each may be the beginning of a longer one, as where somebody types in order to find it.
    """
    phrases = phrases_of(said)
    if not phrases:
        return None
    if connection.dialect.name == "postgresql":
        return _postgresql(searched, phrases, every=every)
    return _sqlite(searched, phrases, every=every)


def phrases_of(said: str) -> list[tuple[str, ...]]:
    """Return what a question is searched by: its words, without the commonest; several terms are a phrase."""
    runs = dict.fromkeys(_RUN.findall(_plain(said)))
    telling = [run for run in runs if run not in _COMMON] or list(runs)
    found: dict[tuple[str, ...], None] = {}
    for run in telling:
        # Han, Kana and the like stand in the index one by one; a run of them is looked for as it is.
        for part in re.findall(rf"[{_SPACELESS}]+|[^{_SPACELESS}]+", run):
            terms = tuple(term[:_LONGEST] for term in _TERM.findall(part))
            if terms:
                found[terms] = None
    return list(found)[:_MOST_WORDS]


def create(connection: Connection, searched: str) -> None:
    """Make the index of a table of that name; part of the first migration."""
    for statement in _SQLITE if connection.dialect.name == "sqlite" else _POSTGRESQL:
        connection.execute(text(statement.format(table=searched, words=searched + _SUFFIX)))


def is_index(name: str, tables: Sequence[str]) -> bool:
    """Tell whether a table, column or index belongs to the full text of one of `tables`."""
    return name == "words" or any(name.removeprefix("ix_").startswith(table + _SUFFIX) for table in tables)


def _plain(said: str) -> str:
    apart = unicodedata.normalize("NFKD", said.casefold()).translate(_MARKS)
    return unicodedata.normalize("NFC", apart)


def _sqlite(searched: Table, phrases: list[tuple[str, ...]], *, every: bool) -> Matching:
    name = searched.name + _SUFFIX
    words = table(name, column("rowid"))
    key = next(iter(searched.primary_key))
    # Within double quotes FTS5 knows no syntax, and terms hold letters and digits only.
    each = [f'"{" ".join(terms)}"' for terms in phrases]
    asked = " AND ".join(f"{one}*" for one in each) if every else " OR ".join(each)
    condition: ColumnElement[Any] = literal_column(name).op("MATCH")(asked)
    return Matching(
        source=words.join(searched, words.c.rowid == key),
        condition=condition,
        rank=literal_column(f"-bm25({name})"),
    )


def _postgresql(searched: Table, phrases: list[tuple[str, ...]], *, every: bool) -> Matching:
    words: ColumnElement[Any] = literal_column(f"{searched.name}.words")
    english: ColumnElement[Any] = literal_column("'pg_catalog.english'::regconfig")
    if every:
        beginnings = " & ".join(f"({' <-> '.join(terms)}:*)" for terms in phrases)
        wanted = select(func.to_tsquery(english, beginnings)).scalar_subquery()
        return Matching(
            source=searched, condition=words.op("@@")(wanted), rank=cast(func.ts_rank_cd(words, wanted), Float)
        )
    each = [func.phraseto_tsquery(english, " ".join(terms)) for terms in phrases]
    asked: ColumnElement[Any] = each[0]
    for one in each[1:]:
        asked = asked.op("||")(one)
    # As a query of its own it is worked out once, and not for every row.
    once = select(asked).scalar_subquery()
    return Matching(source=searched, condition=words.op("@@")(once), rank=func.ts_rank(words, once))


_SQLITE: Final = (
    """
    CREATE VIRTUAL TABLE {words} USING fts5(
        terms, content='{table}', content_rowid='number', tokenize='porter unicode61'
    )
    """,
    """
    CREATE TRIGGER {words}_added AFTER INSERT ON {table} BEGIN
        INSERT INTO {words} (rowid, terms) VALUES (new.number, new.terms);
    END
    """,
    """
    CREATE TRIGGER {words}_gone AFTER DELETE ON {table} BEGIN
        INSERT INTO {words} ({words}, rowid, terms) VALUES ('delete', old.number, old.terms);
    END
    """,
    """
    CREATE TRIGGER {words}_changed AFTER UPDATE OF terms ON {table} BEGIN
        INSERT INTO {words} ({words}, rowid, terms) VALUES ('delete', old.number, old.terms);
        INSERT INTO {words} (rowid, terms) VALUES (new.number, new.terms);
    END
    """,
)
_POSTGRESQL: Final = (
    """
    ALTER TABLE {table} ADD COLUMN words tsvector
        GENERATED ALWAYS AS (to_tsvector('pg_catalog.english', terms)) STORED
    """,
    "CREATE INDEX ix_{words} ON {table} USING gin (words)",
)

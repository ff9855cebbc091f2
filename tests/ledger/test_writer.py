"""The writer brings every record to the database once, whatever the database does."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from tests.ledger.test_journal import crash, let_in
from tests.support.books import attempt, failed, used
from tests.support.databases import config_for
from tests.support.postgres import Server

from wye.core.errors import StoreUnavailableError
from wye.core.record import UsageRecord
from wye.core.secret import Secret
from wye.ledger.journal import SETTLED, Journal
from wye.ledger.leftovers import find
from wye.ledger.stored import spool_of
from wye.ledger.writer import Writer
from wye.store import tables, usage
from wye.store.config import StoreConfig
from wye.store.database import Database
from wye.telemetry.log import LogWriter


class Counted:
    """Counts what budgets would be charged."""

    def __init__(self) -> None:
        self.records: list[UsageRecord] = []

    async def charge(self, connection: AsyncConnection, records: Sequence[UsageRecord]) -> None:
        assert await connection.scalar(select(func.count()).select_from(tables.usage_events))
        self.records += records


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    made = Journal(tmp_path / "spool", limit=16 * 1024 * 1024)
    made.open()
    return made


def over(journal: Journal, count: int = 1, **more: Any) -> list[UsageRecord]:
    """Write the beginning and end of requests."""
    records = [used(**more) for _ in range(count)]
    for record in records:
        journal.admitted(structs.replace(record, status="lost", cost=None))
        journal.settled(record)
    return records


async def written(database: Database) -> dict[str, int | None]:
    """Return the cost of every request in the books."""
    async with database.read() as connection:
        rows = await connection.execute(select(tables.usage_events.c.id, tables.usage_events.c.cost))
        return {row.id: row.cost for row in rows}


async def summed(database: Database) -> tuple[int, int]:
    """Return how many requests the sums know, and what they cost."""
    sums = tables.usage_hours.c
    async with database.read() as connection:
        row = (await connection.execute(select(func.sum(sums.requests), func.sum(sums.cost)))).one()
        return int(row[0] or 0), int(row[1] or 0)


@asynccontextmanager
async def running(writer: Writer) -> AsyncIterator[None]:
    writer.start()
    try:
        yield
    finally:
        await writer.aclose()


async def test_what_is_over_is_in_the_books_with_its_sums(database: Database, journal: Journal) -> None:
    records = over(journal, 7, tags=("blue", "green"))
    counted = Counted()
    assert await Writer(database, journal, charges=counted).flush()
    assert await written(database) == {record.id: record.cost for record in records}
    assert await summed(database) == (7, 7 * 750_000_000)
    assert counted.records == records
    assert journal.read(10).records == []


async def test_every_field_comes_back_as_it_was(database: Database, journal: Journal) -> None:
    record = used(
        key="key_1", team="team_1", parent="req_0", conversation="conv_1", tags=("a", "b"), operation="embeddings",
        asked="fast", stream=True, cache_read_tokens=1, cache_write_tokens=2, reasoning_tokens=3, audio_tokens=4,
        reported_cost=5, estimated=True, saved=6, hold=2**62, cached=True, prices="abc", error="timeout",
    )  # fmt: skip
    journal.admitted(record)
    journal.settled(structs.replace(record, attempts=(attempt(record, error="timeout"), attempt(record))))
    await Writer(database, journal).flush()
    async with database.read() as connection:
        row = (await connection.execute(select(tables.usage_events))).one()
        calls = (await connection.execute(select(tables.attempts).order_by(tables.attempts.c.position))).all()
    names = {"user": "user_id", "key": "key_id", "team": "team_id", "parent": "parent_id"} | {
        "conversation": "conversation_id"
    }
    for name, value in structs.asdict(record).items():
        if name not in {"attempts", "uncharged"}:  # the latter is for budgets alone
            found = getattr(row, names.get(name, name))
            assert found == (list(value) if name == "tags" else value), name
    assert [(call.usage_id, call.position, call.error) for call in calls] == [
        (record.id, 0, "timeout"),
        (record.id, 1, None),
    ]


async def test_a_batch_that_comes_again_is_counted_once(database: Database, journal: Journal) -> None:
    over(journal, 5)
    counted = Counted()
    writer = Writer(database, journal, charges=counted)
    again = journal.read(100)
    await writer.flush()
    more = over(journal, 3)
    for record in [*again.records[2:], more[0]]:
        journal.settled(record)
    await writer.flush()
    assert len(await written(database)) == 8
    assert await summed(database) == (8, 8 * 750_000_000)
    assert len(counted.records) == 8


async def test_what_a_dead_process_left_is_booked_once_by_whoever_is_first(
    database: Database, journal: Journal, tmp_path: Path
) -> None:
    dead = Journal(tmp_path / "spool", limit=16 * 1024 * 1024)
    dead.open()
    done = over(dead, 4)
    half = dead.read(2)
    async with database.begin() as connection:
        await usage.add(connection, half.records)  # it died before it could say so to its journal
    lost = let_in(dead, hold=11)
    crash(dead)
    async with running(Writer(database, journal, every=0.01)):
        await asyncio.sleep(0)
    costs = await written(database)
    assert costs == {**{record.id: record.cost for record in done}, lost.id: None}
    assert (await summed(database))[0] == 5
    assert not dead.folder.exists()


async def test_a_database_that_is_away_is_asked_again_and_told_of_once(
    database: Database, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = io.StringIO()
    writer = Writer(database, journal, log=LogWriter(text))
    records = over(journal, 3)
    begin = database.begin

    def away() -> object:
        raise StoreUnavailableError("the database does not answer")

    monkeypatch.setattr(database, "begin", away)
    assert not await writer.flush()
    assert not await writer.flush()
    told = [writer.behind]
    monkeypatch.setattr(database, "begin", begin)
    assert await writer.flush()
    assert [*told, writer.behind] == [True, False]
    assert set(await written(database)) == {record.id for record in records}
    assert [json.loads(line)["condition"] for line in text.getvalue().splitlines()] == ["behind", "written"]


async def test_a_record_no_database_takes_holds_up_nobody(database: Database, journal: Journal) -> None:
    records = over(journal, 2)
    over(journal, 1, cost=2**63)
    more = over(journal, 2)
    await Writer(database, journal).flush()
    assert set(await written(database)) == {record.id for record in [*records, *more]}
    kept = (journal.root / "rejected.jsonl").read_text()
    assert len(kept.splitlines()) == 1


@pytest.mark.parametrize("store_config", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    ("breaks", "mends"),
    [
        ("ALTER ROLE {clerk} NOLOGIN", "ALTER ROLE {clerk} LOGIN"),
        ("REVOKE INSERT ON wye.usage_events FROM {clerk}", "GRANT INSERT ON wye.usage_events TO {clerk}"),
        (
            "ALTER ROLE {clerk} SET default_transaction_read_only = on",
            "ALTER ROLE {clerk} RESET default_transaction_read_only",
        ),
    ],
    ids=["nobody may sign in", "not to be written", "read-only"],
)
async def test_no_record_is_thrown_away_for_what_the_database_refuses_to_everybody(
    database: Database, journal: Journal, postgres: Server, breaks: str, mends: str
) -> None:
    url = database.config.url.reveal()
    name = url.rpartition("/")[2]
    clerk = f"clerk_{name}"
    may = f"GRANT USAGE ON SCHEMA wye TO {clerk}; GRANT ALL ON ALL TABLES IN SCHEMA wye TO {clerk}"
    postgres.psql(f"CREATE ROLE {clerk} LOGIN; {may}", name)
    records = over(journal, 3)
    async with aclosing(Database(config_for(url.replace("wye@", f"{clerk}@")))) as theirs:
        writer = Writer(theirs, journal)
        postgres.psql(breaks.format(clerk=clerk), name)
        assert not await writer.flush()
        assert writer.behind
        assert not (journal.root / "rejected.jsonl").exists()
        postgres.psql(mends.format(clerk=clerk), name)
        assert await writer.flush()
    assert set(await written(database)) == {record.id for record in records}


async def test_a_journal_that_cannot_be_read_holds_up_nobody_and_stays(database: Database, journal: Journal) -> None:
    other = Journal(journal.root, limit=16 * 1024 * 1024)
    other.open()
    other._append(SETTLED, b"of another release")
    crash(other)
    dead = Journal(journal.root, limit=16 * 1024 * 1024)
    dead.open()
    records = [*over(journal, 2), *over(dead, 2)]
    crash(dead)
    text = io.StringIO()
    writer = Writer(database, journal, log=LogWriter(text))
    async with running(writer):
        writer.wake()
    assert set(await written(database)) == {record.id for record in records}
    assert not writer.behind
    assert [json.loads(line)["condition"] for line in text.getvalue().splitlines()] == ["unreadable"]
    assert [left.folder for left in find(journal.root, {journal.folder})] == [other.folder]  # whoever can read it may


async def test_closing_writes_what_is_there(database: Database, journal: Journal) -> None:
    writer = Writer(database, journal, every=60)
    async with running(writer):
        records = over(journal, 3)
        writer.wake()
    assert len(await written(database)) == len(records)


async def test_errors_keep_their_attempts(database: Database, journal: Journal) -> None:
    record = failed()
    journal.admitted(record)
    journal.settled(record)
    await Writer(database, journal).flush()
    async with database.read() as connection:
        assert (await connection.scalars(select(tables.attempts.c.error))).all() == ["overloaded"]


def test_the_spool_lies_beside_the_database(tmp_path: Path) -> None:
    assert spool_of(StoreConfig(url=Secret(f"sqlite:///{tmp_path}/a.db"))) == tmp_path / "wye-journal"
    assert spool_of(StoreConfig(url=Secret("postgresql://host/a"))) == Path.cwd() / "wye-journal"
    assert spool_of(StoreConfig(spool="/elsewhere")) == Path("/elsewhere")

"""The audit log says who changed what, keeps no secret, and cannot be changed."""

import pytest
from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from wye.core.caller import ADMIN, Caller
from wye.core.secret import Secret
from wye.store import audit
from wye.store.database import Database

MEMBER = Caller(user="u1", key="k1")


class Key(Struct):
    name: str
    api_key: Secret
    max_tokens: int


async def filled(database: Database) -> None:
    async with database.begin() as connection:
        for at in range(5):
            await audit.add(connection, MEMBER if at % 2 else ADMIN, "update", "key", f"k{at}", request_id=f"req_{at}")
        await audit.add(connection, ADMIN, "create", "budget", "b1", after={"amount": 5})


async def test_an_entry_says_who_did_what_from_what_to_what(database: Database) -> None:
    async with database.begin() as connection:
        await audit.add(connection, MEMBER, "update", "key", "k2", before={"name": "a"}, after={"name": "b"})
    async with database.read() as connection:
        (entry,) = await audit.page(connection, None)
    assert (entry.user_id, entry.key_id, entry.action, entry.target, entry.target_id) == (
        "u1",
        "k1",
        "update",
        "key",
        "k2",
    )
    assert (entry.before, entry.after) == ({"name": "a"}, {"name": "b"})


async def test_pages_go_back_in_time_without_gaps(database: Database) -> None:
    await filled(database)
    async with database.read() as connection:
        first = await audit.page(connection, None, limit=4)
        second = await audit.page(connection, None, limit=4, before_id=first[-1].id)
    ids = [entry.id for entry in (*first, *second)]
    assert len(ids) == 6
    assert ids == sorted(ids, reverse=True)


async def test_nobody_but_admins_sees_what_others_did(database: Database) -> None:
    await filled(database)
    async with database.read() as connection:
        mine = await audit.page(connection, "u1")
        nobodys = await audit.page(connection, "")
    assert {entry.user_id for entry in mine} == {"u1"}
    assert len(mine) == 2
    assert nobodys == []


async def test_entries_are_found_by_what_was_changed_and_when(database: Database) -> None:
    await filled(database)
    async with database.read() as connection:
        assert [entry.target_id for entry in await audit.page(connection, None, target="budget")] == ["b1"]
        found = await audit.page(connection, None, target="key", target_id="k3")
        assert [entry.request_id for entry in found] == ["req_3"]
        assert await audit.page(connection, None, until=found[0].at - 10**9) == []
        assert await audit.page(connection, None, since=found[0].at + 10**9) == []


async def test_no_secret_is_written_down(database: Database) -> None:
    key = Key(name="mine", api_key=Secret("sk-CANARY-0123456789-0123456789"), max_tokens=5)
    after = {"key": key, "headers": [{"x-api-key": "CANARY"}], "client_secret": "CANARY", "hash": "CANARY"}
    async with database.begin() as connection:
        await audit.add(connection, ADMIN, "create", "provider", after=after)
    async with database.read() as connection:
        (entry,) = await audit.page(connection, None)
        assert "CANARY" not in str((await connection.execute(text("SELECT * FROM audit_log"))).all())
    assert entry.after["key"] == {"name": "mine", "api_key": "…", "max_tokens": 5}


@pytest.mark.parametrize("statement", ["UPDATE audit_log SET user_id = 'x'", "DELETE FROM audit_log"])
async def test_the_database_itself_keeps_entries_as_they_are(database: Database, statement: str) -> None:
    await filled(database)

    async def change() -> None:
        async with database.begin() as connection:
            await connection.execute(text(statement))

    with pytest.raises(IntegrityError, match="only ever added"):
        await change()
    async with database.read() as connection:
        assert len(await audit.page(connection, None)) == 6

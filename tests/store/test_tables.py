"""The migrations make exactly the tables that the code believes in, on both databases."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, select

from wye.store import fulltext
from wye.store.database import Database
from wye.store.tables import METADATA, users
from wye.store.upgrade import VERSION_TABLE, check

ROOT = Path(__file__).parents[2]


def differences(connection: Connection) -> list[Any]:
    def ours(_: object, name: str | None, kind: str, reflected: bool, __: object) -> bool:  # noqa: FBT001 - Alembic's call
        partition = kind == "table" and reflected and (name or "").startswith("usage_events_")
        index = fulltext.is_index(name or "", tuple(METADATA.tables))
        return name != VERSION_TABLE and not partition and not index

    context = MigrationContext.configure(connection, opts={"include_object": ours, "compare_type": True})
    return list(compare_metadata(context, METADATA))


async def test_the_migrations_make_the_tables_of_the_metadata(database: Database) -> None:
    async with database.read() as connection:
        assert await connection.run_sync(differences) == []
    assert (await check(database)).condition == "current"


async def test_who_asks_an_open_gateway_and_the_admin_are_users_from_the_start(database: Database) -> None:
    async with database.read() as connection:
        assert set(await connection.scalars(select(users.c.id))) == {"local", "admin"}


def test_the_first_migration_is_what_the_tables_say() -> None:
    command = [sys.executable, "tools/write_migration.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr

"""Brings a database to this program's tables, forward only, one process at a time; tells what one is like."""

import asyncio
import errno
import fcntl
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Final, Literal, TypeAlias

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from msgspec import Struct
from sqlalchemy import Connection, inspect, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from wye.core.errors import ConfigurationError, StoreUnavailableError
from wye.store import fulltext, migrations
from wye.store.config import StoreConfig
from wye.store.database import SCHEMA, Database, open_engine, sqlite_file
from wye.store.migrations import OLDEST
from wye.store.tables import METADATA, changes

VERSION_TABLE: Final = "wye_version"
_LOCK: Final = 0x577965  # "Wye", among all advisory locks of the database
_WAIT_SECONDS: Final = 60.0
_NO_PLACE: Final = {errno.EACCES, errno.EISDIR, errno.ENOENT, errno.ENOTDIR, errno.EPERM, errno.EROFS}

Condition: TypeAlias = Literal["current", "behind", "empty", "ahead", "newer", "foreign"]
"""`ahead` is a database that a newer program has upgraded and that this one can still use; `newer` one it cannot."""


class Checked(Struct, frozen=True, kw_only=True):
    """What a database is like: `revision` is its own, `head` this program's, `foreign` the tables that are not ours."""

    database: str
    condition: Condition
    revision: str | None
    head: str
    foreign: tuple[str, ...] = ()


async def check(database: Database) -> Checked:
    """Tell what a database is like, and change nothing. Raises `StoreUnavailableError`."""
    if database.file is not None and not database.file.exists():
        return Checked(database=database.config.shown, condition="empty", revision=None, head=_head())
    engine = open_engine(database.config, patient=True)
    try:
        with database.says_when_away(upgrading=True):
            async with engine.connect() as connection:
                return await connection.run_sync(_checked, database.config)
    finally:
        await engine.dispose()


async def upgrade(database: Database) -> Checked:
    """Bring a database to this program's tables, and tell what it was like before.

    Raises `ConfigurationError` for one that is newer than this program or holds what is not ours, and
    `StoreUnavailableError`.
    """
    config = database.config
    engine = open_engine(config, patient=True)
    try:
        with database.says_when_away(upgrading=True):
            async with _alone(engine, config) as connection:
                before = await connection.run_sync(_checked, config)
                refuse(before)
                if before.condition in {"empty", "behind"}:
                    await connection.run_sync(_migrate)
    finally:
        await engine.dispose()
    return before


def refuse(checked: Checked) -> None:
    """Raise `ConfigurationError` where this program must not use a database."""
    if checked.condition == "newer":
        raise ConfigurationError(
            f"the database {checked.database} is at {checked.revision}, which is newer than this program "
            f"({checked.head}): run a newer wye, or point store.url at another database",
            param="store.url",
        )
    if checked.condition == "foreign":
        where = f"the schema {SCHEMA} of {checked.database}" if "postgres" in checked.database else checked.database
        raise ConfigurationError(
            f"{where} holds tables that are not Wye's ({', '.join(checked.foreign[:5])}): "
            "point store.url at a database of its own",
            param="store.url",
        )


@asynccontextmanager
async def _alone(engine: AsyncEngine, config: StoreConfig) -> AsyncIterator[AsyncConnection]:
    """Open the one transaction in which tables change, while no other process is in its own."""
    if config.dialect == "sqlite":
        file = sqlite_file(config)
        with _says_where_no_file_can_be(file):
            file.with_name(f"{file.name}.lock").touch(0o600)
            os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))  # nobody else's to read
        async with _file_lock(file):
            async with engine.begin() as connection:
                yield connection
            with closing(sqlite3.connect(file, timeout=_WAIT_SECONDS)) as plain:
                plain.execute("PRAGMA journal_mode = WAL")  # in no transaction, and only once the file is known as ours
        return
    async with engine.begin() as connection:
        await connection.execute(text(f"SET LOCAL lock_timeout = '{_WAIT_SECONDS:.0f}s'"))
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        there = await connection.scalar(text("SELECT 1 FROM pg_namespace WHERE nspname = :name"), {"name": SCHEMA})
        if not there:  # asked first: whose schema was made by somebody else may not make any
            await connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))
        yield connection


@contextmanager
def _says_where_no_file_can_be(file: Path) -> Iterator[None]:
    """Tell a mistake in the settings from a disk that is full, which passes."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_PLACE:
            raise
        raise ConfigurationError(
            f"store.url: the file {file} cannot be written ({error.strerror}): name one in a folder that can be, "
            "a PostgreSQL database, or 'memory://' to keep nothing",
            param="store.url",
        ) from None


@asynccontextmanager
async def _file_lock(file: Path) -> AsyncIterator[None]:
    """Hold a lock beside the file: two processes that create it at once would get in each other's way."""
    until = time.monotonic() + _WAIT_SECONDS
    with file.with_name(f"{file.name}.lock").open("a") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise StoreUnavailableError(f"another process has been upgrading {file} for too long") from None
                await asyncio.sleep(0.05)
        yield


def _script() -> ScriptDirectory:
    folder = str(Path(migrations.__file__).parent)
    return ScriptDirectory(folder, version_locations=[folder])


def _head() -> str:
    head = _script().get_current_head()
    assert head is not None, "there is a first migration"  # noqa: S101 - said to the type checker
    return head


def _checked(connection: Connection, config: StoreConfig) -> Checked:
    schema = SCHEMA if config.dialect == "postgresql" else None
    there = set(inspect(connection).get_table_names(schema))
    if schema is not None:
        partitions = text(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = :schema AND c.relispartition"
        )
        there -= set(connection.execute(partitions, {"schema": schema}).scalars())
    script, head, revision = _script(), _head(), None
    if VERSION_TABLE in there:
        options = {"version_table": VERSION_TABLE, "version_table_schema": schema}
        revision = MigrationContext.configure(connection, opts=options).get_current_revision()
    there -= {name for name in there if fulltext.is_index(name, tuple(METADATA.tables))}
    foreign = tuple(sorted(there - METADATA.tables.keys() - {VERSION_TABLE}))
    known = {row.revision for row in script.walk_revisions()}
    condition: Condition
    if revision is not None and revision not in known:
        oldest = connection.scalar(select(changes.c.version).where(changes.c.topic == OLDEST))
        condition = "newer" if oldest is None or oldest > int(head[1:]) else "ahead"
    elif foreign or (there and VERSION_TABLE not in there):
        condition, foreign = "foreign", foreign or tuple(sorted(there))
    elif revision is None:
        condition = "empty"
    else:
        condition = "current" if revision == head else "behind"
    return Checked(database=config.shown, condition=condition, revision=revision, head=head, foreign=foreign)


def _migrate(connection: Connection) -> None:
    script = _script()
    with EnvironmentContext(
        Config(),
        script,
        fn=lambda revision, _: script._upgrade_revs("head", revision),  # noqa: SLF001 - as Alembic does
    ) as environment:
        schema = SCHEMA if connection.dialect.name == "postgresql" else None
        environment.configure(
            connection=connection,
            target_metadata=METADATA,
            version_table=VERSION_TABLE,
            version_table_schema=schema,
            render_as_batch=True,
        )
        environment.run_migrations()

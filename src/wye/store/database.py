"""A database: its connections, and what they promise."""

import asyncio
import re
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import Connection, ExceptionContext, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, OperationalError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from wye.core.errors import ConfigurationError, InvalidRequestError, StoreUnavailableError
from wye.core.extras import adding
from wye.store.config import Dialect, StoreConfig

SCHEMA: Final = "wye"
"""Where everything lives on PostgreSQL."""
_READS: Final = "wye_reads"
Condition: TypeAlias = Literal["ok", "away"]


def now_us() -> int:
    """Return the time as all tables have it: microseconds since the epoch."""
    return time.time_ns() // 1000


class Database:
    """An SQLite file or a PostgreSQL database; nothing is connected before the first query."""

    def __init__(self, config: StoreConfig) -> None:
        """Check the URL. Raises `ConfigurationError` where it is none, or the library for it is not there."""
        if config.dialect is None:
            raise ConfigurationError(
                "store.url: write 'sqlite:///wye.db' or 'postgresql://user:password@host/database'", param="store.url"
            )
        if config.dialect == "postgresql" and find_spec("asyncpg") is None:
            raise ConfigurationError(f"store.url needs asyncpg: {adding('postgres')}", param="store.url")
        self.config = config
        self.dialect: Dialect = config.dialect
        self.condition: Condition = "ok"
        self.noticed: Callable[[Condition, str], None] = lambda _condition, _why: None
        """Told when the database goes away, and why, and when it is back."""
        self._engine = open_engine(config)
        self._writing = asyncio.Lock()
        self._closed_for: str | None = None

    @property
    def file(self) -> Path | None:
        """The file of an SQLite database."""
        return sqlite_file(self.config) if self.dialect == "sqlite" else None

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that may write; it commits where the block ends, and is undone where it fails.

        On SQLite one task of a process writes at a time: a block within a block would wait for itself.
        Raises `StoreUnavailableError`, also from within the block.
        """
        with self.says_when_away():
            async with AsyncExitStack() as stack:
                if self.dialect == "sqlite":
                    async with asyncio.timeout(self.config.timeout):
                        await stack.enter_async_context(self._writing)
                yield await stack.enter_async_context(self._engine.begin())

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that only reads; it waits for no writer. Raises `StoreUnavailableError`."""
        with self.says_when_away():
            async with self._engine.connect() as connection:
                yield await connection.execution_options(**{_READS: True})

    async def aclose(self) -> None:
        """Close all connections."""
        await self._engine.dispose()

    def close_until_upgraded(self, why: str) -> None:
        """Let every query fail until `open_again`: its tables may not be there yet."""
        self._closed_for = why

    @property
    def closed(self) -> bool:
        """Whether queries fail because the tables may not be there yet."""
        return self._closed_for is not None

    def open_again(self) -> None:
        """Let queries through."""
        self._closed_for = None

    @contextmanager
    def says_when_away(self, *, upgrading: bool = False) -> Iterator[None]:
        """Turn what drivers say of a database that is away into `StoreUnavailableError`."""
        if self._closed_for is not None and not upgrading:
            raise StoreUnavailableError(self._closed_for)
        try:
            yield
        except Exception as error:
            if _code(error) in _NO_TEXT:
                raise InvalidRequestError(
                    "a text holds the character U+0000, which cannot be kept: leave it out", code="invalid_value"
                ) from None
            if mistake := _mistake(error):
                raise ConfigurationError(f"store.url: {self.config.shown}: {mistake}", param="store.url") from None
            if not _is_away(error):
                raise
            why = f"the database {self.config.shown} does not answer: {_reason(error)}"
            self._is("away", why)
            raise StoreUnavailableError(why) from None
        self._is("ok", f"the database {self.config.shown} answers")

    def _is(self, condition: Condition, why: str) -> None:
        if condition != self.condition:
            self.condition = condition
            self.noticed(condition, why)


def sqlite_file(config: StoreConfig) -> Path:
    """Return the file that an SQLite URL names. Raises `ConfigurationError` where it names none."""
    name = make_url(config.url.reveal()).database
    if not name or name == ":memory:":
        raise ConfigurationError(
            "store.url: an SQLite database is a file, as in 'sqlite:///wye.db' or 'sqlite:////var/lib/wye/wye.db'",
            param="store.url",
        )
    return Path(name)


def open_engine(config: StoreConfig, *, patient: bool = False) -> AsyncEngine:
    """Return the engine of a database; a `patient` one, for migrations, keeps no connection and has no timeout."""
    if config.dialect == "postgresql":
        return _postgresql(config, patient=patient)
    return _sqlite(config, patient=patient)


_SCHEME: Final = re.compile(r"^postgres(ql)?(\+\w+)?://")


def _postgresql(config: StoreConfig, *, patient: bool) -> AsyncEngine:
    async def connect(*_: Any, **__: Any) -> Any:
        import asyncpg

        milliseconds = 0 if patient else round(config.timeout * 1000)
        return await asyncpg.connect(
            # The URL is left to the driver, which knows libpq's parameters: sslmode, host=/a/socket and the like.
            _SCHEME.sub("postgresql://", config.url.reveal()),
            timeout=config.connect_timeout,
            # The server ends a slow statement; where it does not answer at all, this does.
            command_timeout=None if patient else config.timeout + 1,
            server_settings={
                "search_path": SCHEMA,
                "application_name": "wye",
                "statement_timeout": str(milliseconds),
                "lock_timeout": str(milliseconds),
                "idle_in_transaction_session_timeout": "0" if patient else str(60_000 + milliseconds),
                "jit": "off",
            },
        )

    more: dict[str, Any] = {"poolclass": NullPool}
    if not patient:
        more = {"pool_size": config.pool_size, "max_overflow": 0, "pool_timeout": config.timeout, "pool_pre_ping": True}
    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, hide_parameters=True, **more)

    def leave(context: ExceptionContext) -> None:
        # After a failover the same name may lead elsewhere: connections to what is a copy now must not be kept.
        if _code(context.original_exception) == _READ_ONLY:
            context.is_disconnect = True

    event.listen(engine.sync_engine, "handle_error", leave)
    return engine


_LARGEST_JOURNAL: Final = 64 * 1024 * 1024
"""Bytes that SQLite's log is cut to after a long reader let it grow."""


def _sqlite(config: StoreConfig, *, patient: bool) -> AsyncEngine:
    url = make_url(config.url.reveal()).set(drivername="sqlite+aiosqlite")
    more: dict[str, Any] = {"poolclass": NullPool}
    if not patient:
        more = {"pool_size": config.pool_size, "max_overflow": 0, "pool_timeout": config.timeout}
    sqlite_file(config)
    engine = create_async_engine(url, hide_parameters=True, **more)

    def prepare(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {60_000 if patient else round(config.timeout * 1000)}")
        # What is in the database is taken out of the journal, so it has to last as long as that did.
        cursor.execute(f"PRAGMA synchronous = {'FULL' if config.durable == 'power' else 'NORMAL'}")
        cursor.execute(f"PRAGMA journal_size_limit = {_LARGEST_JOURNAL}")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    def begin(connection: Connection) -> None:
        # A transaction that reads first and writes later would fail at once where another one wrote meanwhile.
        reads = connection.get_execution_options().get(_READS, False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    event.listen(engine.sync_engine, "connect", prepare)
    event.listen(engine.sync_engine, "begin", begin)
    return engine


_READ_ONLY: Final = "25006"
"""What PostgreSQL says where nothing may be written: mostly, that another server is the main one now."""
_AWAY: Final = ("08", _READ_ONLY, "25P03", "40P01", "53", "55P03", "57", "58")
"""How PostgreSQL's codes begin for what passes: it stops or starts, is full, too slow, or a lock was not to be had."""
_NO_TEXT: Final = frozenset({"22021", "22P05"})
"""What it says of U+0000 in a text and in JSON, the one character it has no place for."""
_MISTAKES: Final = ("28", "3D", "42501")
"""How they begin for what only another URL, or the operator, can mend. Source: PostgreSQL's manual, appendix A."""


_VALUES: Final = ("22", "23", "54")
"""How they begin for values that no row can have: out of range, against a constraint, too large."""


def is_of_the_values(error: Exception) -> bool:
    """Tell whether a row is to blame for an error: no database takes it, today or another time."""
    if isinstance(error, DBAPIError):
        return isinstance(error, IntegrityError | DataError) or _code(error).startswith(_VALUES)
    of_values = (InvalidRequestError, StatementError, ArithmeticError, LookupError, TypeError, ValueError)
    return isinstance(error, of_values)


def _is_away(error: BaseException) -> bool:
    """Tell a database that is away, full or too slow from a mistake in a query."""
    if isinstance(error, DBAPIError):
        if error.connection_invalidated or isinstance(error, InterfaceError):
            return True
        if code := _code(error):
            return code.startswith(_AWAY)
        return isinstance(error, OperationalError) and "no such " not in str(error.orig)  # SQLite's word for a mistake
    # What a driver says while it connects is not always wrapped.
    away = (PoolTimeoutError, OSError, TimeoutError, sqlite3.OperationalError)
    return isinstance(error, away) or type(error).__module__.startswith("asyncpg.")


def _mistake(error: BaseException) -> str | None:
    """Return what is wrong with the URL, where the server says that something is."""
    return _reason(error) if _code(error).startswith(_MISTAKES) else None


def _code(error: BaseException) -> str:
    """Return PostgreSQL's code of an error, empty where there is none."""
    return str(getattr(error.orig if isinstance(error, DBAPIError) else error, "sqlstate", None) or "")


def _reason(error: BaseException) -> str:
    origin = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(error, PoolTimeoutError):
        return "all connections are busy"
    if isinstance(error, TimeoutError) and not str(error):
        return "it took too long"
    said = str(origin).strip().splitlines()
    return said[0].rpartition(">: ")[2] if said else type(origin).__name__

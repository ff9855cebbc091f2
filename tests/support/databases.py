"""An upgraded, empty database of each kind for every test that takes `database`.

A test folder takes them by one line in its conftest.py::

    from tests.support.databases import *  # noqa: F403

`postgres` is a server of the session that must be left running; a test that stops one starts its own with
`postgres_server`. `store_config` is what the database is configured by, for a gateway or a second `Database`.
"""

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from tests.support.postgres import Server, postgres_server

from wye.core.secret import Secret
from wye.store.config import StoreConfig
from wye.store.database import Database
from wye.store.upgrade import upgrade

__all__ = ["database", "postgres", "postgres_template", "sqlite_template", "store_config"]

_TEMPLATE: Final = "wye_template"
_numbers = itertools.count()


def config_for(url: str) -> StoreConfig:
    """Return the settings of a database that is given time."""
    return StoreConfig(url=Secret(url), timeout=20, connect_timeout=20)


def make(url: str) -> None:
    """Bring a database to its tables."""

    async def run() -> None:
        database = Database(config_for(url))
        await upgrade(database)
        await database.aclose()

    with ThreadPoolExecutor(1) as elsewhere:  # there may be a loop running here
        elsewhere.submit(asyncio.run, run()).result()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A server of the session."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres: Server) -> str:
    """The name of an upgraded database to make others from."""
    postgres.psql(f"CREATE DATABASE {_TEMPLATE}")
    make(postgres.url(_TEMPLATE))
    return _TEMPLATE


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an upgraded database to make others from."""
    file = tmp_path_factory.mktemp("template") / "wye.db"
    make(f"sqlite:///{file}")
    return file


@contextmanager
def fresh(kind: str, request: pytest.FixtureRequest) -> Iterator[StoreConfig]:
    """Make an upgraded, empty database of a kind, and give its settings."""
    if kind == "sqlite":
        file = request.getfixturevalue("tmp_path") / "wye.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), file)
        yield config_for(f"sqlite:///{file}")
        return
    template = request.getfixturevalue("postgres_template")
    server: Server = request.getfixturevalue("postgres")
    name = f"test_{next(_numbers)}"
    server.psql(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    yield config_for(server.url(name))
    server.psql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def store_config(request: pytest.FixtureRequest) -> Iterator[StoreConfig]:
    """The settings of an upgraded, empty database."""
    with fresh(request.param, request) as config:
        yield config


@pytest_asyncio.fixture
async def database(store_config: StoreConfig) -> AsyncIterator[Database]:
    """An upgraded, empty database."""
    opened = Database(store_config)
    yield opened
    await opened.aclose()

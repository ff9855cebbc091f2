"""Databases, and the tools over the books that a test has written."""

from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeAlias

import msgspec
import pytest_asyncio
from tests.support.books import NOW
from tests.support.databases import *  # noqa: F403

from wye import catalog
from wye.assistant.tools.books import book_tools
from wye.assistant.tools.seam import Toolbox, ToolContext, ToolLimits
from wye.config import Settings
from wye.core.caller import ADMIN, Caller
from wye.engine import Engine
from wye.store.database import Database

Json: TypeAlias = Any
Ask: TypeAlias = Callable[..., Coroutine[Any, Any, Json]]
ANN = Caller(user="ann", scopes=frozenset({"use", "read"}))
BOB = Caller(user="bob", scopes=frozenset({"use", "read"}))


@pytest_asyncio.fixture
async def box(database: Database) -> AsyncIterator[Toolbox]:
    """The tools over `database`."""
    engine = Engine(Settings(), catalog.load())
    yield Toolbox(book_tools(engine, database))
    await engine.aclose()


@pytest_asyncio.fixture
async def ask(box: Toolbox) -> Ask:
    """Return a function that calls a tool, as an admin unless a caller is named, and returns what it says."""

    async def call(
        name: str, *, caller: Caller = ADMIN, room: int = 16_000, conversation: str | None = None, **arguments: Any
    ) -> Json:
        context = ToolContext(
            caller=caller, clock=lambda: NOW / 1e6, limits=ToolLimits(output=room), conversation=conversation
        )
        output = await box.call(name, msgspec.json.encode(arguments).decode(), context)
        if output.is_error:
            return output.text
        assert len(output.text) <= room
        told = msgspec.json.decode(output.text)
        return {**told, "cut": output.cut, "by": rows_of(told)}

    return call


def rows_of(told: Json) -> dict[str, dict[str, Any]]:
    """Return the rows of a table by their first cell, each by the names of its columns."""
    table = told.get("table") or {"columns": [], "rows": []}
    names = [column["name"] for column in table["columns"]]
    return {str(row[0]): dict(zip(names, row, strict=True)) for row in table["rows"]}

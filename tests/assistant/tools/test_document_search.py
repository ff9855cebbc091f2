"""Models find what their user uploaded, as much of it as there is room for, with where it stands."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from msgspec import structs

from wye import catalog
from wye.assistant.documents.shelf import Shelf
from wye.assistant.tools.box import build
from wye.assistant.tools.document_search import DocumentSearch
from wye.assistant.tools.seam import Toolbox, ToolContext, ToolLimits
from wye.config import Settings
from wye.core.caller import LOCAL
from wye.engine import Engine
from wye.store.config import StoreConfig
from wye.store.opened import Store

GUIDE = "# Lamps\n\nLamps of the harbour are green.\n\n# Ships\n\nShips of the harbour are grey.\n"


@pytest_asyncio.fixture
async def engine(store_config: StoreConfig) -> AsyncIterator[Engine]:
    store = Store(store_config)
    yield Engine(Settings(), catalog.load(), store=store)
    await store.aclose()


async def ask(engine: Engine, room: int = 16_000, user: str = "local", **arguments: Any) -> Any:
    context = ToolContext(caller=structs.replace(LOCAL, user=user), limits=ToolLimits(seconds=20, output=room))
    box = Toolbox([DocumentSearch(Shelf(engine))], limits={"document_search": context.limits})
    output = await box.call("document_search", json.dumps(arguments), context)
    return output.text if output.is_error else json.loads(output.text)


async def test_a_passage_comes_with_where_it_stands(engine: Engine) -> None:
    made = await Shelf(engine).add("local", "guide.md", GUIDE.encode())
    (first, *_) = (await ask(engine, query="green lamps"))["passages"]
    assert first == {
        "source": "[1]",
        "document": "guide.md",
        "document_id": made.id,
        "section": "Lamps",
        "characters": [0, 31],
        "text": "Lamps of the harbour are green.",
    }


async def test_one_document_may_be_named_by_title_or_id(engine: Engine) -> None:
    shelf = Shelf(engine)
    made = await shelf.add("local", "guide.md", GUIDE.encode())
    await shelf.add("local", "other.md", b"The harbour of others.")
    for said in ("GUIDE.md", made.id):
        found = await ask(engine, query="harbour", document=said)
        assert {one["document"] for one in found["passages"]} == {"guide.md"}
    assert await ask(engine, query="harbour", document="nothing.md") == (
        "error: there is no document 'nothing.md'; there are: 'other.md', 'guide.md'"
    )


async def test_passages_that_do_not_fit_are_left_out_whole(engine: Engine) -> None:
    text = "\n\n".join(f"# Part {at}\n\n" + "harbour " * 100 for at in range(20))
    await Shelf(engine).add("local", "long.md", text.encode())
    every = (await ask(engine, room=100_000, query="harbour", limit=20))["passages"]
    some = (await ask(engine, room=2500, query="harbour", limit=20))["passages"]
    assert len(every) == 20
    assert some == every[:2]


async def test_finding_nothing_says_why(engine: Engine) -> None:
    assert await ask(engine, query="harbour") == {"passages": [], "note": "the user has uploaded no documents"}
    await Shelf(engine).add("local", "guide.md", GUIDE.encode())
    assert "try others" in (await ask(engine, query="mountains"))["note"]
    assert "uploaded no documents" in (await ask(engine, user="ann", query="harbour"))["note"]


async def test_without_a_database_the_tool_says_what_to_set() -> None:
    box = build(Engine(Settings(), catalog.load()))
    output = await box.call("document_search", '{"query": "x"}', ToolContext(caller=LOCAL))
    assert (output.is_error, "[store] url" in output.text) == (True, True)

"""A document is kept whole, once, or not at all."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from msgspec import structs

from wye import catalog
from wye.assistant.documents.shelf import Shelf
from wye.config import Settings
from wye.config.tools import DocumentSettings, ToolsConfig
from wye.core.document import Found, Passage
from wye.core.errors import InvalidRequestError, OverloadedError, StoreUnavailableError
from wye.engine import Engine
from wye.store import documents as rows
from wye.store.config import StoreConfig
from wye.store.opened import Store


@pytest_asyncio.fixture
async def engine(store_config: StoreConfig) -> AsyncIterator[Engine]:
    store = Store(store_config)
    limits = DocumentSettings(max_kept_characters=500_000)
    settings = structs.replace(Settings(), tools=structs.replace(ToolsConfig(), document_search=limits))
    yield Engine(settings, catalog.load(), store=store)
    await store.aclose()


async def test_a_long_document_is_kept_in_parts_and_found_to_its_end(engine: Engine) -> None:
    shelf = Shelf(engine)
    text = "\n\n".join(f"# Part {at}\n\nword number{at} here" for at in range(700))
    made = await shelf.add("ann", "long.md", text.encode())
    assert (made.passages, (await shelf.one("ann", made.id)).passages) == (700, 700)
    assert [one.passage.text for one in await shelf.search("ann", "number699", limit=1)] == ["word number699 here"]


async def test_the_same_file_at_once_is_kept_once(engine: Engine) -> None:
    shelf = Shelf(engine)
    made = await asyncio.gather(
        *(shelf.add("ann", f"{at}.txt", b"the same words") for at in range(6)), return_exceptions=True
    )
    kept = {one.id for one in made if not isinstance(one, BaseException)}
    assert len(kept) == 1
    assert all(isinstance(one, OverloadedError) for one in made if isinstance(one, BaseException))
    assert [one.id for one in await shelf.every("ann")] == list(kept)


async def test_one_user_does_not_take_all_the_places(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf, go_on = Shelf(engine), asyncio.Event()
    read = shelf._reading.read

    async def waits(*asked: Any, **more: Any) -> Any:
        await go_on.wait()
        return await read(*asked, **more)

    monkeypatch.setattr(shelf._reading, "read", waits)
    anns = [asyncio.create_task(shelf.add("ann", f"{at}.txt", b"words %d" % at)) for at in range(7)]
    done, _ = await asyncio.wait(anns, return_when=asyncio.FIRST_COMPLETED)
    assert [type(task.exception()) for task in done] == [OverloadedError]
    bobs = asyncio.create_task(shelf.add("bob", "mine.txt", b"words of bob"))
    go_on.set()
    assert (await bobs).title == "mine.txt"
    await asyncio.gather(*anns, return_exceptions=True)
    assert (await shelf.add("ann", "more.txt", b"more words")).title == "more.txt"


@pytest.mark.parametrize("failure", [StoreUnavailableError("away"), asyncio.CancelledError(), RuntimeError("a bug")])
async def test_what_fails_half_way_leaves_nothing(
    engine: Engine, failure: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = Shelf(engine)

    async def fails(*_: Any) -> None:
        raise failure

    with monkeypatch.context() as patched:
        patched.setattr(rows, "finish", fails)
        with pytest.raises(type(failure)):
            await shelf.add("ann", "one.txt", b"some words")
    assert engine.store is not None
    async with engine.store.database.read() as connection:
        assert (await rows.kept(connection, "ann")).documents == 0
    assert (await shelf.add("ann", "one.txt", b"some words")).passages == 1


async def test_all_of_a_users_documents_together_are_bounded(engine: Engine) -> None:
    shelf = Shelf(engine)
    await shelf.add("ann", "one.txt", b"x" * 300_000)
    with pytest.raises(InvalidRequestError, match="500,000 characters"):
        await shelf.add("ann", "two.txt", b"y" * 300_000)
    assert (await shelf.add("bob", "two.txt", b"y" * 300_000)).characters == 300_000


async def test_another_searcher_may_stand_behind_the_same_shelf(engine: Engine) -> None:
    class Last:
        async def search(self, owner: str, said: str, *, limit: int, within: Any = None) -> list[Found]:
            passage = Passage(position=0, start=0, text=f"{owner} {said} {limit} {within}")
            return [Found(document_id="d", title="t", media_type="text/plain", rank=1, passage=passage)]

    (found,) = await Shelf(engine, Last()).search("ann", "x", limit=2, within=["d"])
    assert found.passage.text == "ann x 2 ['d']"

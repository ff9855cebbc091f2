"""Watchers hear of requests as they end: each once, only what they may see, and never more than they can bear."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.support.books import NOW, used, write

from wye.core.errors import InvalidRequestError
from wye.core.record import UsageRecord
from wye.insights import live
from wye.insights.live import Live, Watcher
from wye.store.database import Database
from wye.store.reports import Reach

Told = AsyncIterator[tuple[list[UsageRecord], int]]


async def first(told: Told) -> list[UsageRecord]:
    """Return the first requests that are told."""
    async for records, _ in told:
        if records:
            return records
    raise AssertionError("the stream ended")


async def test_each_request_is_told_once_to_those_who_may_see_it(database: Database) -> None:
    now = NOW
    told = Live(database, clock=lambda: now, every=0.001)
    everybody, anns = told.watch(Reach(), silence=20), told.watch(Reach(user="ann"), silence=20)
    for stream in (everybody, anns):
        assert await anext(stream) == ([], 0)
    before = used(hours_ago=0.5)
    bobs, mine = used(user="bob", duration=1), used(duration=2)
    await write(database, [before, bobs, mine])
    now += 1_000_000
    assert [one.id for one in await first(everybody)] == [bobs.id, mine.id]
    assert [one.id for one in await first(anns)] == [mine.id]
    another = used(duration=1_500_000)
    await write(database, [another])
    now += 1_000_000
    assert [one.id for one in await first(everybody)] == [another.id], "and none of them again"
    for stream in (everybody, anns):
        await stream.aclose()  # type: ignore[attr-defined]
    await told.aclose()


async def test_who_reads_too_slowly_misses_the_oldest_and_hears_how_many() -> None:
    watcher = Watcher(Reach())
    records = [used() for _ in range(live._KEPT + 3)]
    for record in records:
        watcher.tell(record)
    assert watcher.missed == 3
    assert await watcher.read(20) == records[3:]
    assert await watcher.read(0) == []


async def test_a_manager_hears_of_the_team() -> None:
    watcher = Watcher(Reach(user="ann", team="red"))
    for record in (used(user="bob", team="red"), used(user="eve", team="blue"), used(user="sam")):
        watcher.tell(record)
    assert [one.user for one in await watcher.read(20)] == ["bob"]


async def test_no_more_may_watch_than_are_allowed_and_nobody_reads_for_nobody(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST_WATCHERS", 1)
    told = Live(database, every=0.001)
    one, other = told.watch(Reach(), silence=20), told.watch(Reach(), silence=20)
    await anext(one)
    with pytest.raises(InvalidRequestError, match="watch already"):
        await anext(other)
    reader = told._task
    assert reader is not None
    await one.aclose()  # type: ignore[attr-defined]
    async with asyncio.timeout(20):
        await reader
    await told.aclose()

"""Answers kept in Redis or in a database are found as those kept in memory are, by every process."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from msgspec import structs
from sqlalchemy import select
from tests.support.databases import fresh
from tests.support.redis import Server

from wye.core.errors import StateUnavailableError
from wye.core.secret import Secret
from wye.state import StateConfig, keep_responses
from wye.state.kept import RedisResponses
from wye.state.responses import KeptResponse, MemoryResponses, ResponseStore
from wye.state.stored import StoredResponses
from wye.store.database import Database
from wye.store.tables import response_items, responses


def config(redis: Server) -> StateConfig:
    return StateConfig(url=Secret(redis.url), timeout=2.0)


@pytest_asyncio.fixture(params=["memory", "redis", "sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[ResponseStore]:
    if request.param == "memory":
        yield MemoryResponses()
        return
    if request.param == "redis":
        yield keep_responses(config(request.getfixturevalue("redis")))
        return
    with fresh(request.param, request) as store_config:
        database = Database(store_config)
        yield keep_responses(StateConfig(), database)
        await database.aclose()


def kept(name: str, previous: str | None = None, said: tuple[tuple[str, bytes], ...] = ()) -> KeptResponse:
    return KeptResponse(id=name, provider="p", body=b"{}", given=(b'{"role":"user"}',), previous=previous, said=said)


async def test_an_answer_is_found_whole_and_by_its_owner_only(store: ResponseStore) -> None:
    answer = kept("a", said=(("item", b'{"type":"message"}'), ("", b"{}")))
    answer = structs.replace(answer, native=True, owed=b"\x00\xff")
    await store.put("me", answer)
    assert await store.get("me", "a") == answer
    assert await store.holder("me", "item") == answer
    assert await store.get("you", "a") is None
    assert await store.holder("you", "item") is None
    assert await store.conversation("you", "a") is None
    assert not await store.delete("you", "a")
    await store.aclose()


async def test_a_conversation_is_found_first_turn_first(store: ResponseStore) -> None:
    for name, previous in (("a", None), ("b", "a"), ("c", "b")):
        await store.put("me", kept(name, previous))
    turns = await store.conversation("me", "c")
    assert turns is not None
    assert [turn.id for turn in turns] == ["a", "b", "c"]
    await store.aclose()


async def test_a_conversation_that_lacks_a_turn_is_none(store: ResponseStore) -> None:
    for name, previous in (("a", None), ("b", "a"), ("x", "y"), ("y", "x")):
        await store.put("me", kept(name, previous))
    assert await store.delete("me", "a")
    assert not await store.delete("me", "a")
    assert await store.conversation("me", "b") is None
    assert await store.conversation("me", "x") is None  # goes round in a circle
    assert await store.conversation("me", "nobody") is None
    await store.aclose()


async def test_what_is_deleted_or_replaced_leaves_nothing_behind(store: ResponseStore) -> None:
    await store.put("me", kept("a", said=(("old", b"{}"),)))
    await store.put("me", kept("a", said=(("new", b"{}"),)))
    found = await store.get("me", "a")
    assert found is not None
    assert found.said == (("new", b"{}"),)
    assert await store.delete("me", "a")
    assert await store.holder("me", "new") is None
    await store.aclose()


async def test_two_owners_may_have_the_same_names(store: ResponseStore) -> None:
    await store.put("me", kept("a", said=(("item", b'"mine"'),)))
    await store.put("you", kept("a", said=(("item", b'"yours"'),)))
    await store.put("you", kept("b", "a"))
    assert await store.delete("you", "a")
    mine = await store.holder("me", "item")
    assert mine is not None
    assert mine.said == (("item", b'"mine"'),)
    assert await store.conversation("you", "b") is None  # never over somebody else's turns
    await store.aclose()


class Hours:
    """A clock that goes by the hour."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now * 3600 * 1_000_000


async def test_an_answer_in_a_database_ends_after_its_time_which_going_on_from_it_makes_longer(
    database: Database,
) -> None:
    hours = Hours()
    store = StoredResponses(database, seconds=10 * 3600, clock=hours)
    await store.put("me", kept("a", said=(("item", b"{}"),)))
    await store.put("me", kept("b", "a"))
    hours.now = 9
    assert await store.conversation("me", "b") is not None
    hours.now = 18
    assert await store.get("me", "a") is not None
    hours.now = 19
    assert await store.get("me", "a") is None
    assert await store.holder("me", "item") is None
    assert await store.conversation("me", "b") is None
    assert not await store.delete("me", "a")


async def test_an_answer_that_several_get_at_a_time_is_kept_once(store: ResponseStore) -> None:
    answer = kept("a", said=(("item", b"{}"),))
    await asyncio.gather(*(store.put("me", answer) for _ in range(8)))
    assert await store.get("me", "a") == answer
    assert await store.holder("me", "item") == answer
    await store.aclose()


async def test_a_deleted_answer_leaves_no_row(database: Database) -> None:
    store = StoredResponses(database)
    await store.put("me", kept("a", said=(("item", b"{}"),)))
    await store.delete("me", "a")
    async with database.read() as connection:
        for table in (responses, response_items):
            rows: list[Any] = list(await connection.execute(select(table)))
            assert rows == []


async def test_an_answer_ends_after_its_time_which_going_on_from_it_makes_longer(redis: Server) -> None:
    store = RedisResponses(config(redis), seconds=1000)
    await store.put("me", kept("a"))
    key = "{wye}:response:me:a"
    assert 990 <= int(redis.client().ttl(key)) <= 1000
    redis.client().expire(key, 5)
    await store.conversation("me", "a")
    assert int(redis.client().ttl(key)) > 900
    await store.aclose()


async def test_without_redis_looking_is_an_error_and_keeping_is_not(redis: Server) -> None:
    store = keep_responses(config(redis))
    redis.kill()
    await store.put("me", kept("a"))
    with pytest.raises(StateUnavailableError) as raised:
        await store.get("me", "a")
    assert raised.value.status_code == 503
    await store.aclose()

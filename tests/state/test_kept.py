"""Answers kept in Redis are found as those kept in memory are, by every process."""

import pytest
from tests.support.redis import Server

from wye.core.errors import StateUnavailableError
from wye.core.secret import Secret
from wye.state import StateConfig, keep_responses
from wye.state.kept import RedisResponses
from wye.state.responses import KeptResponse, MemoryResponses, ResponseStore


def config(redis: Server) -> StateConfig:
    return StateConfig(url=Secret(redis.url), timeout=2.0)


@pytest.fixture(params=["memory", "redis"])
def store(request: pytest.FixtureRequest) -> ResponseStore:
    if request.param == "memory":
        return MemoryResponses()
    return keep_responses(config(request.getfixturevalue("redis")))


def kept(name: str, previous: str | None = None, said: tuple[tuple[str, bytes], ...] = ()) -> KeptResponse:
    return KeptResponse(id=name, provider="p", body=b"{}", given=(b'{"role":"user"}',), previous=previous, said=said)


async def test_an_answer_is_found_whole_and_by_its_owner_only(store: ResponseStore) -> None:
    answer = kept("a", said=(("item", b'{"type":"message"}'), ("", b"{}")))
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

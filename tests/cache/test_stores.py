"""What both stores promise: an entry is there for its time, for its tenant, and never in anybody's way."""

import asyncio
import time
from collections.abc import Iterator

import pytest
from tests.support.redis import Server, redis_server

from wye.cache.entry import Entry
from wye.cache.key import Key
from wye.cache.redis import RedisStore
from wye.cache.store import MemoryStore
from wye.core.secret import Secret
from wye.core.usage import Usage
from wye.state import StateConfig

KEY = Key("user:anna", "00")


def entry(size: int = 10, tenant: str = "user:anna") -> Entry:
    return Entry(
        tenant=tenant, form="chunks", provider="up", model="m", alias=None, at=1.5, usage=Usage(input_tokens=3),
        dropped=("a",), emulated=(), payload=b"x" * size,
    )  # fmt: skip


class Clock:
    """Stands still until it is moved."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def redis() -> Iterator[Server]:
    with redis_server() as server:
        yield server


def config(url: str, **more: float) -> StateConfig:
    return StateConfig(url=Secret(url), **more)  # type: ignore[arg-type]


async def test_memory_forgets_after_its_time() -> None:
    clock = Clock()
    store = MemoryStore(max_bytes=10_000, ttl=60, clock=clock)
    store.keep(KEY, entry())
    clock.now = 59.9
    assert await store.find(KEY) == entry()
    clock.now = 60.0
    assert await store.find(KEY) is None
    assert store.bytes == 0


async def test_memory_drops_what_nobody_used_for_the_longest_time() -> None:
    store = MemoryStore(max_bytes=3 * entry(1000).size, ttl=60)
    keys = [Key("user:anna", str(number)) for number in range(4)]
    for key in keys[:3]:
        store.keep(key, entry(1000))
    await store.find(keys[0])
    store.keep(keys[3], entry(1000))
    assert [await store.find(key) is not None for key in keys] == [True, False, True, True]


async def test_memory_never_holds_more_than_it_may() -> None:
    store = MemoryStore(max_bytes=50_000, ttl=60)
    for number in range(500):
        store.keep(Key("user:anna", str(number % 90)), entry(number * 7))
        assert store.bytes <= 50_000
    store.keep(KEY, entry(60_000))
    assert await store.find(KEY) is None
    assert store.bytes <= 50_000


async def test_another_tenant_finds_nothing(redis: Server) -> None:
    other = Key("user:ben", KEY.digest)
    memory, shared = MemoryStore(max_bytes=10_000, ttl=60), RedisStore(config(redis.url), ttl=60)
    for store in (memory, shared):
        store.keep(KEY, entry())
    await asyncio.gather(*shared._writing)
    for store in (memory, shared):
        assert await store.find(KEY) == entry()
        assert await store.find(other) is None
    await shared.aclose()


async def test_processes_find_each_others_entries_in_redis_for_their_time(redis: Server) -> None:
    one, other = RedisStore(config(redis.url), ttl=60), RedisStore(config(redis.url), ttl=60)
    one.keep(KEY, entry())
    await one.aclose()
    assert await other.find(KEY) == entry()
    left = redis.client().pttl("{wye}:answer:user:anna:00")
    assert isinstance(left, int)
    assert 50_000 < left <= 60_000
    await other.aclose()


async def test_many_that_ask_redis_at_once_all_get_their_answer(redis: Server) -> None:
    store = RedisStore(config(redis.url, timeout=20.0), ttl=60)
    store.keep(KEY, entry())
    await asyncio.gather(*store._writing)
    assert await asyncio.gather(*(store.find(KEY) for _ in range(200))) == [entry()] * 200
    await store.aclose()


async def test_what_another_release_wrote_is_not_there(redis: Server) -> None:
    store = RedisStore(config(redis.url), ttl=60)
    redis.client().set("{wye}:answer:user:anna:00", b"\x93\x01\x02\x03")
    assert await store.find(KEY) is None
    await store.aclose()


async def test_a_redis_that_hangs_is_waited_for_once_and_then_left_alone_for_a_while() -> None:
    with redis_server() as server:
        clock = Clock()
        store = RedisStore(config(server.url, timeout=0.05), ttl=60, clock=clock)
        assert await store.find(KEY) is None
        server.hang()
        assert await store.find(KEY) is None
        began = time.perf_counter()
        for _ in range(200):
            assert await store.find(KEY) is None
            store.keep(KEY, entry())
        assert time.perf_counter() - began < 200 * 0.05
        server.go_on()
        clock.now = 1.0
        store.keep(KEY, entry())
        await asyncio.gather(*store._writing)
        assert await store.find(KEY) == entry()
        await store.aclose()


async def test_a_redis_that_is_not_there_means_nothing_is_kept() -> None:
    store = RedisStore(config("redis://127.0.0.1:1/0"), ttl=60)
    store.keep(KEY, entry())
    assert await store.find(KEY) is None
    await store.aclose()

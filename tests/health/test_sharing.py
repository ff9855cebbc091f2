"""Two processes on one Redis: what one finds out the other acts on, and only one tries again."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
from tests.support.gateway import PATIENCE
from tests.support.redis import Server, redis_server

from wye.core.errors import (
    ConnectionFailedError,
    ProviderAuthenticationError,
    ProviderModelMissingError,
    RateLimitError,
    WyeError,
)
from wye.core.plan import Attempt, Outcome
from wye.core.secret import Secret
from wye.health import BreakerConfig, Health, Permit, ProviderKeys
from wye.health.sharing import Sharing
from wye.state import StateConfig, connect

ATTEMPT = Attempt(provider="p", model="m")
KEYS = (Secret("key-one"), Secret("key-two"))


@pytest.fixture
def redis() -> Iterator[Server]:
    with redis_server() as server:
        yield server


@asynccontextmanager
async def process(redis: Server, *, open_seconds: float = 60, keys: tuple[Secret, ...] = KEYS) -> AsyncIterator[Health]:
    health = Health(BreakerConfig(open_seconds=open_seconds))
    health.configure({"p": ProviderKeys(keys=keys)}, {})
    state = connect(StateConfig(url=Secret(redis.url), refresh_interval=0.05, timeout=2.0))
    sharing = Sharing(health, state)
    await state.start()
    sharing.start()
    try:
        async with asyncio.timeout(PATIENCE):
            while state.condition != "ok":  # noqa: ASYNC110 - nothing tells a test
                await asyncio.sleep(0.01)
        yield health
    finally:
        await sharing.aclose()
        await state.aclose()


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - nothing tells a test
            await asyncio.sleep(0.01)


def outcome(error: WyeError | None = None) -> Outcome:
    return Outcome(attempt=ATTEMPT, started=0.0, duration=0.1, error=error)


def fail(health: Health, error: WyeError) -> None:
    permit = health.acquire(ATTEMPT)
    assert permit is not None
    health.observe(permit, outcome(error))


def break_down(health: Health) -> None:
    for _ in range(5):
        fail(health, ConnectionFailedError("refused"))


def is_blocked(health: Health) -> bool:
    return health.view().blocked("p", "p/m") is not None


async def test_a_breaker_opened_in_one_is_seen_by_the_other_within_two_seconds(redis: Server) -> None:
    async with process(redis) as one, process(redis) as two:
        break_down(one)
        began = time.monotonic()
        await until(lambda: is_blocked(two))
        assert time.monotonic() - began < 2
        mark = two.view().providers["p"]
        assert mark.code == "breaker_open"
        assert mark.until is not None
        assert 40 < mark.until - time.time() <= 61
        assert two.acquire(ATTEMPT) is None


async def test_a_breaker_that_one_closes_again_is_closed_in_the_other(redis: Server) -> None:
    async with process(redis, open_seconds=2) as one, process(redis, open_seconds=2) as two:
        break_down(one)
        await until(lambda: is_blocked(two))
        trying: dict[str, Permit] = {}
        while not trying:
            await asyncio.sleep(0.02)
            trying = {name: permit for name, each in (("one", one), ("two", two)) if (permit := each.acquire(ATTEMPT))}
        (name,) = trying  # never both of them
        prober, other = (one, two) if name == "one" else (two, one)
        prober.observe(trying[name], outcome())
        for _ in range(2):
            assert other.acquire(ATTEMPT) is None
            permit = prober.acquire(ATTEMPT)
            assert permit is not None
            prober.observe(permit, outcome())
        await until(lambda: other.acquire(ATTEMPT))
        assert other.providers["p"].breaker.state == "CLOSED"


async def test_a_failed_probe_keeps_the_other_from_trying(redis: Server) -> None:
    async with process(redis, open_seconds=3) as one, process(redis, open_seconds=3) as two:
        break_down(one)
        await until(lambda: is_blocked(two))
        probes = 0
        end = time.monotonic() + 8  # time for two rounds of probes, of which each is ended by its first failure
        while time.monotonic() < end:
            for each in (one, two):
                if permit := each.acquire(ATTEMPT):
                    probes += 1
                    each.observe(permit, outcome(ConnectionFailedError("refused")))
            await asyncio.sleep(0.02)
        assert 1 <= probes <= 3


async def test_a_key_that_is_refused_or_limited_is_left_alone_by_the_other(redis: Server) -> None:
    async with process(redis) as one, process(redis) as two:
        fail(one, ProviderAuthenticationError("no"))
        fail(one, RateLimitError("slow down", retry_after=50))
        await until(lambda: len({key.code for key in two.providers["p"].ring.keys} - {""}) == 2)
        assert two.acquire(ATTEMPT) is None
        one.revive("p")
        await until(lambda: two.acquire(ATTEMPT))


async def test_a_changed_key_is_no_longer_what_was_refused(redis: Server) -> None:
    async with process(redis, keys=KEYS[:1]) as one, process(redis, keys=(Secret("key-new"),)) as two:
        fail(one, ProviderAuthenticationError("no"))
        break_down_model = Attempt(provider="p", model="other")
        permit = two.acquire(break_down_model)
        assert permit is not None
        two.observe(
            permit, Outcome(attempt=break_down_model, started=0, duration=0, error=ProviderModelMissingError("?"))
        )
        await until(lambda: one.view().models)  # so what one said has long been heard as well
        assert two.acquire(ATTEMPT) is not None


async def test_a_missing_model_is_missing_for_the_other_too(redis: Server) -> None:
    async with process(redis) as one, process(redis) as two:
        fail(one, ProviderModelMissingError("what is that?"))
        await until(lambda: is_blocked(two))
        assert two.view().models["p/m"].code == "model_missing"
        assert two.acquire(Attempt(provider="p", model="another")) is not None


async def test_without_redis_each_decides_alone(redis: Server) -> None:
    async with process(redis, open_seconds=1) as one:
        redis.kill()
        break_down(one)
        assert one.acquire(ATTEMPT) is None
        await until(lambda: one.acquire(ATTEMPT))  # and tries again when its time is over

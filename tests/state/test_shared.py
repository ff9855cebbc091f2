"""Processes that share a Redis: what one says the others hear, and nobody waits for it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from tests.support.gateway import PATIENCE
from tests.support.redis import Server

from wye.core.errors import ConfigurationError
from wye.core.secret import Secret
from wye.state import MemoryState, SharedState, StateConfig, connect

Heard = dict[str, tuple[bytes, float] | None]


def config(redis: Server, prefix: str = "wye") -> StateConfig:
    return StateConfig(url=Secret(redis.url), prefix=prefix, refresh_interval=0.05, timeout=2.0)


@asynccontextmanager
async def joined(settings: StateConfig) -> AsyncIterator[tuple[SharedState, Heard]]:
    """A process's state, and what it heard of others."""
    state = connect(settings)
    heard: Heard = {}

    def hear(name: str, value: bytes | None, seconds: float) -> None:
        heard[name] = None if value is None else (value, seconds)

    state.hearer = hear
    await state.start()
    try:
        yield state, heard
    finally:
        await state.aclose()


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - nothing tells a test
            await asyncio.sleep(0.01)


async def test_a_mark_is_heard_by_the_others_with_what_is_left_of_it_and_not_by_who_said_it(redis: Server) -> None:
    async with joined(config(redis)) as (one, own), joined(config(redis)) as (_, heard):
        one.publish("provider:a", b"open", 60)
        await until(lambda: "provider:a" in heard)
        value, seconds = heard["provider:a"] or (b"", 0.0)
        assert value == b"open"
        assert 40 < seconds <= 60.5
        assert own == {}


async def test_a_mark_taken_back_is_heard_as_that(redis: Server) -> None:
    async with joined(config(redis)) as (one, own), joined(config(redis)) as (two, heard):
        one.publish("m", b"1", 60)
        await until(lambda: "m" in heard)
        two.retract("m")
        await until(lambda: "m" in own)
        assert own["m"] is None
        assert heard["m"] is not None  # who took it back knows


async def test_a_mark_that_ended_by_itself_was_taken_back_by_nobody(redis: Server) -> None:
    async with joined(config(redis)) as (one, _), joined(config(redis)) as (_, heard):
        one.publish("short", b"1", 0.3)
        await until(lambda: "short" in heard)
        await until(lambda: not redis.client().hlen("{wye}:marks"))
        one.publish("next", b"1", 60)
        await until(lambda: "next" in heard)
        assert heard["short"] is not None


async def test_the_same_words_again_are_another_mark(redis: Server) -> None:
    async with joined(config(redis)) as (one, _), joined(config(redis)) as (_, heard):
        one.publish("m", b"same", 60)
        await until(lambda: "m" in heard)
        heard.clear()
        one.publish("m", b"same", 600)
        await until(lambda: "m" in heard)
        assert (heard["m"] or (b"", 0.0))[1] > 60


async def test_who_comes_later_hears_what_was_said_before(redis: Server) -> None:
    async with joined(config(redis)) as (one, _):
        one.publish("m", b"1", 60)
        async with joined(config(redis)) as (_, heard):
            await until(lambda: "m" in heard)


async def test_another_prefix_hears_nothing(redis: Server) -> None:
    async with joined(config(redis)) as (one, _), joined(config(redis, "other")) as (_, heard):
        one.publish("m", b"1", 60)
        await until(lambda: redis.client().hlen("{wye}:marks"))
        await asyncio.sleep(0.2)
        assert heard == {}


async def test_of_many_that_claim_the_same_at_once_one_has_it(redis: Server) -> None:
    async with (
        joined(config(redis)) as (one, _),
        joined(config(redis)) as (two, _),
        joined(config(redis)) as (three, _),
    ):
        everybody = (one, two, three)
        await until(lambda: all(state.condition == "ok" for state in everybody))
        won = await asyncio.gather(*(state.claim("probe", 60) for state in everybody))
        assert sum(won) == 1
        again = await asyncio.gather(*(state.claim("probe", 60) for state in everybody))
        assert again == won  # who has it makes it longer


async def test_a_claim_ends_by_itself(redis: Server) -> None:
    async with joined(config(redis)) as (one, _), joined(config(redis)) as (two, _):
        await until(lambda: one.condition == two.condition == "ok")
        assert await one.claim("probe", 0.2)
        async with asyncio.timeout(PATIENCE):
            while not await two.claim("probe", 60):  # noqa: ASYNC110 - nothing tells a test
                await asyncio.sleep(0.02)


async def test_counters_count_what_everybody_did(redis: Server) -> None:
    async with joined(config(redis)) as (one, _), joined(config(redis)) as (two, _):
        assert [one.turn("rr") for _ in range(10)] == list(range(10))
        assert [two.turn("rr") for _ in range(5)] == list(range(5))
        await until(lambda: int(redis.client().hget("{wye}:turns", "rr") or 0) == 15)
        await until(lambda: one.turn("rr") >= 15)


async def test_counters_that_callers_name_do_not_fill_the_memory_here_or_there(
    redis: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wye.state.redis._COUNTERS_AT_MOST", 3)
    redis.client().hset("{wye}:turns", mapping={f"n{at}": 1 for at in range(20_001)})
    async with joined(config(redis)) as (one, _):
        assert [one.turn(name) for name in ("a", "a", "b", "c", "d", "a")] == [0, 1, 0, 0, 0, 0]
        await until(lambda: redis.client().hlen("{wye}:turns") < 4)


async def test_a_counter_that_made_room_while_it_was_told_begins_anew(
    redis: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wye.state.redis._COUNTERS_AT_MOST", 1)
    redis.hang()
    async with joined(config(redis)) as (one, _):
        for _ in range(5):
            one.turn("a")
        await asyncio.sleep(0.1)  # the five are on their way
        one.turn("b")
        assert one.turn("a") == 0
        redis.go_on()
        await until(lambda: int(redis.client().hget("{wye}:turns", "a") or 0) == 6)


# --- Redis away ---


async def test_nothing_waits_for_a_redis_that_is_not_there(redis: Server) -> None:
    redis.kill()
    async with joined(config(redis)) as (state, _):
        await until(lambda: state.condition == "degraded")
        began = time.perf_counter()
        for at in range(1000):
            state.publish(f"m{at}", b"1", 60)
            state.turn("rr")
        assert time.perf_counter() - began < 1
        assert await state.claim("probe", 60)  # decided here


async def test_after_redis_is_back_marks_are_shared_again_and_none_was_taken_back(redis: Server) -> None:
    async with joined(config(redis)) as (one, own), joined(config(redis)) as (two, heard):
        one.publish("before", b"1", 600)
        await until(lambda: "before" in heard)
        redis.kill()
        await until(lambda: one.condition == two.condition == "degraded")
        one.publish("while away", b"2", 600)
        redis.start()  # it has forgotten everything
        await until(lambda: "while away" in heard)
        assert heard["before"] is not None
        assert own == {}
        async with joined(config(redis)) as (_, late):
            await until(lambda: {"before", "while away"} <= late.keys())


async def test_a_redis_that_hangs_counts_as_away_and_comes_back(redis: Server) -> None:
    settings = StateConfig(url=Secret(redis.url), refresh_interval=0.05, timeout=0.2)
    async with joined(settings) as (one, _):
        conditions: list[str] = []
        one.noticed = lambda condition, _why: conditions.append(condition)
        await until(lambda: one.condition == "ok")
        redis.hang()
        await until(lambda: one.condition == "degraded")
        redis.go_on()
        await until(lambda: one.condition == "ok")
        assert "degraded" in conditions


async def test_the_queue_is_bounded_and_drops_the_oldest(redis: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wye.state.redis._QUEUE_AT_MOST", 3)
    redis.kill()
    async with joined(config(redis)) as (one, _):
        await until(lambda: one.condition == "degraded")
        for at in range(5):
            one.publish(f"m{at}", b"1", 600)
        assert one.dropped == 2


# --- Which one it is ---


def test_memory_is_the_state_of_one_process() -> None:
    state = connect(StateConfig())
    assert isinstance(state, MemoryState)
    assert [state.turn("a"), state.turn("a"), state.turn("b")] == [0, 1, 0]
    assert state.condition == "ok"


def test_a_url_that_is_none_is_said_without_its_password() -> None:
    with pytest.raises(ConfigurationError) as raised:
        connect(StateConfig(url=Secret("redis://user:CANARY@host:port/0")))
    assert "CANARY" not in str(raised.value)
    assert "redis://" in str(raised.value)


def test_a_url_is_shown_without_what_may_be_secret() -> None:
    shown = StateConfig(url=Secret("redis://user:CANARY@host:6379/2?password=CANARY")).shown
    assert shown == "redis://host:6379/2"

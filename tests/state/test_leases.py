"""Redis divides as the database does: never more than there is, and what is repeated changes nothing."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from msgspec import structs
from tests.support.redis import Server

from wye.core.errors import StateUnavailableError
from wye.core.leases import Ask
from wye.core.secret import Secret
from wye.state import StateConfig, divide
from wye.state.leases import RedisLeases


def asking(*, booked: int = 0, floor: int = 0, wanted: int = 0) -> Ask:
    return Ask(
        kind="rate", subject="s", starts_at=0, ends_at=None, amount=1000, booked=booked, floor=floor, wanted=wanted
    )


@pytest_asyncio.fixture
async def two(redis: Server) -> AsyncIterator[list[RedisLeases]]:
    config = StateConfig(url=Secret(redis.url), timeout=5)
    both = [RedisLeases(config, name, seconds=60) for name in ("one", "two")]
    yield both
    for each in both:
        await each.aclose()


def test_one_process_alone_divides_with_nobody() -> None:
    assert divide(StateConfig(), "me", seconds=1) is None


async def test_a_process_gets_what_it_wants_while_there_is_some(two: list[RedisLeases]) -> None:
    [first] = await two[0].exchange([asking(wanted=600)])
    [second] = await two[1].exchange([asking(wanted=600)])
    assert (first.granted, first.remaining, first.holders) == (600, 400, 1)
    assert (second.granted, second.remaining, second.holders) == (400, 0, 2)


async def test_an_ask_that_is_repeated_changes_nothing(two: list[RedisLeases]) -> None:
    asked = [asking(wanted=300)]
    assert await two[0].exchange(asked) == await two[0].exchange(asked)


async def test_what_is_given_back_is_there_for_others_and_what_is_spent_is_not(two: list[RedisLeases]) -> None:
    await two[0].exchange([asking(wanted=1000)])
    await two[0].exchange([asking(booked=10, floor=30, wanted=30)])
    [grant] = await two[1].exchange([asking(wanted=1000)])
    assert (grant.granted, grant.spent) == (970, 10)


async def test_of_a_process_that_is_gone_only_what_it_spent_stays(redis: Server, two: list[RedisLeases]) -> None:
    gone = RedisLeases(StateConfig(url=Secret(redis.url), timeout=5), "gone", seconds=0)
    await gone.exchange([asking(booked=200, floor=200, wanted=700)])
    await gone.aclose()
    [grant] = await two[0].exchange([asking(wanted=1000)])
    assert grant.granted == 800


async def test_what_a_process_spent_that_is_gone_counts_no_longer_than_it_is_said_to(redis: Server) -> None:
    gone, other = (RedisLeases(StateConfig(url=Secret(redis.url), timeout=5), name, seconds=0) for name in ("g", "o"))
    await gone.exchange([asking(booked=200, floor=200, wanted=700)])
    for counts_for, granted in ((3_600_000_000, 800), (None, 800), (1000, 1000)):
        await asyncio.sleep(0.01)
        [grant] = await other.exchange([structs.replace(asking(wanted=1000), counts_for=counts_for)])
        assert grant.granted == granted
    await asyncio.gather(gone.aclose(), other.aclose())


async def test_what_is_spent_is_granted_whatever_is_left(two: list[RedisLeases]) -> None:
    await two[0].exchange([asking(wanted=1000)])
    [grant] = await two[1].exchange([asking(booked=50, floor=50, wanted=60)])
    assert (grant.granted, grant.remaining) == (50, 0)


async def test_many_that_ask_at_the_same_time_never_have_more_than_there_is(two: list[RedisLeases]) -> None:
    chance = random.Random(3)
    have = [0, 0]

    async def ask(number: int) -> None:
        for _ in range(50):
            [grant] = await two[number].exchange([asking(wanted=chance.randrange(1000))])
            have[number] = grant.granted

    await asyncio.gather(ask(0), ask(1))
    assert 0 < sum(have) <= 1000


async def test_a_redis_that_is_away_is_said_to_be(redis: Server, two: list[RedisLeases]) -> None:
    await two[0].exchange([asking(wanted=1)])
    redis.kill()
    with pytest.raises(StateUnavailableError):
        await two[0].exchange([asking(wanted=1)])

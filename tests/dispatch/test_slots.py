"""A provider's room: so many at a time, so many in the queue, in the order they came, and nobody's place is lost."""

import asyncio

import pytest

from wye.dispatch.slots import Slots, full


def soon() -> float:
    return asyncio.get_running_loop().time() + 10


async def queued(slots: Slots, many: int) -> list[asyncio.Task[bool]]:
    """Let so many more wait."""
    waiting = [asyncio.create_task(slots.enter(soon())) for _ in range(many)]
    await asyncio.sleep(0)
    return waiting


async def test_so_many_are_let_in_and_so_many_may_wait() -> None:
    slots = Slots(2, queue=1)
    assert await slots.enter(soon())
    assert await slots.enter(soon())
    (third,) = await queued(slots, 1)
    assert (slots.busy, slots.waiting) == (2, 1)
    assert not await slots.enter(soon())
    slots.leave()
    assert await third
    assert (slots.busy, slots.waiting) == (2, 0)


async def test_who_has_waited_longest_is_next() -> None:
    slots = Slots(1, queue=3)
    await slots.enter(soon())
    waiting = await queued(slots, 3)
    for turn in range(3):
        slots.leave()
        await asyncio.wait(waiting, timeout=0.01)
        assert [task.done() for task in waiting] == [at <= turn for at in range(3)]


async def test_nobody_overtakes_those_who_wait() -> None:
    slots = Slots(1, queue=2)
    await slots.enter(soon())
    (waiting,) = await queued(slots, 1)
    slots.leave()
    late = asyncio.create_task(slots.enter(soon()))
    assert await waiting
    assert slots.busy == 1
    assert not late.done()
    slots.leave()
    assert await late


async def test_waiting_ends_with_the_deadline_and_leaves_no_trace() -> None:
    slots = Slots(1, queue=1)
    await slots.enter(soon())
    with pytest.raises(TimeoutError):
        await slots.enter(asyncio.get_running_loop().time() + 0.01)
    assert (slots.busy, slots.waiting) == (1, 0)


@pytest.mark.parametrize("first", ["leave", "cancel"])
async def test_a_slot_given_to_somebody_who_leaves_in_that_moment_is_not_lost(first: str) -> None:
    slots = Slots(1, queue=2)
    await slots.enter(soon())
    leaving, staying = await queued(slots, 2)
    for what in (first, "cancel" if first == "leave" else "leave"):
        slots.leave() if what == "leave" else leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert await asyncio.wait_for(staying, 5)
    assert (slots.busy, slots.waiting) == (1, 0)


async def test_more_room_lets_those_in_who_wait_and_less_sends_nobody_away() -> None:
    slots = Slots(1, queue=2)
    await slots.enter(soon())
    waiting = await queued(slots, 2)
    slots.resize(3, 2)
    assert [await task for task in waiting] == [True, True]
    slots.resize(1, 0)
    assert slots.busy == 3
    slots.leave()
    assert not await slots.enter(soon())


async def test_the_refusal_names_the_provider_and_its_settings() -> None:
    slots = Slots(1)
    await slots.enter(soon())
    error = full("up", slots)
    assert (error.status_code, error.provider, error.retry_after) == (503, "up", 1.0)
    assert "[providers.up] max_concurrency" in error.message

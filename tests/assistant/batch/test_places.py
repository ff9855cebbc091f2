"""Lines give way to people, but one always goes on; whoever waited longest comes first."""

import asyncio
from collections.abc import Callable

from wye.assistant.batch.places import Places


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while True:
            if holds():
                return
            await asyncio.sleep(0.005)


async def test_interactive_requests_take_the_places_of_lines_but_for_one() -> None:
    people, release = 0, asyncio.Event()
    places = Places(lambda: 4, lambda: people + places.busy)

    async def line() -> None:
        async with places:
            await release.wait()

    assert places.allowed == 4
    people = 3
    lines = [asyncio.create_task(line()) for _ in range(10)]
    await until(lambda: places.busy == 1)
    people = 100
    assert places.allowed == 1
    people = 1
    await until(lambda: places.busy == 3)
    people = 0
    await until(lambda: places.busy == 4)
    release.set()
    await asyncio.gather(*lines)
    assert places.busy == 0


async def test_batches_take_turns() -> None:
    places, order = Places(lambda: 1, lambda: places.busy), list[str]()

    async def batch(name: str) -> None:
        for _ in range(3):
            async with places:
                order.append(name)
                await asyncio.sleep(0)

    await asyncio.gather(batch("a"), batch("b"))
    assert order == ["a", "b"] * 3


async def test_whoever_is_cancelled_while_waiting_takes_nothing() -> None:
    places = Places(lambda: 1, lambda: places.busy)
    async with places:
        waiting = asyncio.create_task(places.__aenter__())
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    async with places:
        assert places.busy == 1

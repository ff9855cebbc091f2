"""Answers are kept for their owners: so many, so many bytes, so long."""

from typing import Any

import pytest

from wye.state.responses import KeptResponse, MemoryResponses, ResponseStore


def kept(name: str, previous: str | None = None, size: int = 10, **more: Any) -> KeptResponse:
    return KeptResponse(id=name, provider="p", body=b"x" * size, previous=previous, **more)


async def names(store: ResponseStore, *asked: str) -> list[str]:
    return [name for name in asked if await store.get("me", name) is not None]


async def test_an_answer_is_found_by_its_owner_only() -> None:
    store: ResponseStore = MemoryResponses()
    await store.put("me", kept("a", said=(("i", b"{}"),)))
    assert await store.get("me", "a") is not None
    assert await store.get("you", "a") is None
    assert await store.holder("you", "i") is None
    assert await store.conversation("you", "a") is None
    assert not await store.delete("you", "a")
    assert await names(store, "a") == ["a"]


async def test_the_oldest_goes_when_there_are_too_many() -> None:
    store = MemoryResponses(max_responses=2)
    for name in "abc":
        await store.put("me", kept(name))
    assert await names(store, "a", "b", "c") == ["b", "c"]


async def test_the_oldest_go_when_there_are_too_many_bytes() -> None:
    store = MemoryResponses(max_bytes=300)
    for name in "abc":
        await store.put("me", kept(name, size=140))
    assert await names(store, "a", "b", "c") == ["b", "c"]
    await store.put("me", kept("huge", size=400))
    assert await names(store, "b", "c", "huge") == ["b", "c"]


async def test_an_answer_is_forgotten_when_its_time_is_over() -> None:
    now = [0.0]
    store = MemoryResponses(seconds=10, clock=lambda: now[0])
    await store.put("me", kept("a", said=(("i", b"{}"),)))
    now[0] = 9.9
    assert await names(store, "a") == ["a"]
    now[0] = 10.0
    assert await names(store, "a") == []
    assert await store.holder("me", "i") is None


async def test_a_conversation_is_all_its_turns_in_order() -> None:
    store = MemoryResponses()
    await store.put("me", kept("a"))
    await store.put("me", kept("b", "a"))
    await store.put("me", kept("c", "b"))
    turns = await store.conversation("me", "c")
    assert turns is not None
    assert [turn.id for turn in turns] == ["a", "b", "c"]


async def test_a_conversation_that_lacks_a_turn_is_none() -> None:
    store = MemoryResponses()
    await store.put("me", kept("b", "a"))
    assert await store.conversation("me", "b") is None
    await store.put("me", kept("a", "b"))  # and one that goes round in a circle
    assert await store.conversation("me", "b") is None


async def test_going_on_from_an_answer_keeps_all_before_it() -> None:
    store = MemoryResponses(max_responses=3)
    await store.put("me", kept("a"))
    await store.put("me", kept("b", "a"))
    await store.put("me", kept("other"))
    await store.conversation("me", "b")
    await store.put("me", kept("c", "b"))
    assert await names(store, "a", "b", "c", "other") == ["a", "b", "c"]


async def test_what_is_deleted_or_replaced_leaves_nothing_behind() -> None:
    store = MemoryResponses(max_bytes=400)
    for _ in range(10):
        await store.put("me", kept("a", size=100, said=(("i", b"{}"),)))
    await store.put("me", kept("b", size=100))
    assert await names(store, "a", "b") == ["a", "b"]
    assert await store.delete("me", "a")
    assert await store.holder("me", "i") is None


@pytest.mark.parametrize("given", [(), (b"{}",)])
async def test_the_holder_of_an_item_is_found(given: tuple[bytes, ...]) -> None:
    store = MemoryResponses()
    await store.put("me", kept("a", given=given, said=(("i", b'{"id":"i"}'),)))
    found = await store.holder("me", "i")
    assert found is not None
    assert found.id == "a"
    assert await store.holder("me", "") is None

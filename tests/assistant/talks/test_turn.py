"""A turn is kept once: whole, or as far as it was heard."""

from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest_asyncio
from msgspec import structs

from wye import catalog
from wye.assistant.talks.question import Question
from wye.assistant.talks.turn import Begun, Turn, Turns
from wye.assistant.tools.box import Tools
from wye.config import Settings
from wye.core.caller import LOCAL, Caller
from wye.engine import Engine
from wye.store import conversations as rows
from wye.store.config import StoreConfig
from wye.store.opened import Store
from wye.toolloop import TextDelta

QUESTION = Question(text="Hello there", model="mock/mock-fast", caller=LOCAL)


@pytest_asyncio.fixture
async def turns(store_config: StoreConfig) -> AsyncIterator[Turns]:
    """Return what takes turns, with the mock for a model."""
    engine = Engine(structs.replace(Settings(), store=store_config), catalog.load(), store=Store(store_config))
    taken = Turns(engine, Tools(engine))
    yield taken
    await taken.aclose()
    await engine.aclose()


async def kept(turns: Turns, conversation: str, owner: str = LOCAL.user) -> list[rows.Message]:
    await turns.keeping.settled()
    async with turns.keeping.database.read() as connection:
        return await rows.every(connection, owner, conversation)


async def test_both_sides_are_kept_with_what_the_answer_took(turns: Turns) -> None:
    turn = await turns.answer(QUESTION)
    assert turn.conversation is not None
    question, answer = await kept(turns, turn.conversation)
    assert (question.id, question.text, answer.parent_id) == (turn.user_message, "Hello there", question.id)
    assert (answer.id, answer.text, answer.provider) == (turn.message, "Mock response", "mock")
    assert answer.usage_id == turn.answer.request_ids[0]
    assert answer.account is not None
    assert answer.account["usage"]["outputTokens"] == 2


async def test_who_leaves_after_the_whole_answer_leaves_nothing_behind(turns: Turns) -> None:
    conversation = None
    async with aclosing(turns.stream(QUESTION)) as events:
        async for event in events:
            if isinstance(event, Turn):
                conversation = event.conversation
                break
    assert conversation is not None
    assert [one.text for one in await kept(turns, conversation)] == ["Hello there", "Mock response"]


async def test_who_leaves_before_finds_what_was_said_by_then(turns: Turns) -> None:
    conversation = None
    async with aclosing(turns.stream(QUESTION)) as events:
        async for event in events:
            if isinstance(event, Begun):
                conversation = event.conversation
            if isinstance(event, TextDelta):
                break
    assert conversation is not None
    question, answer = await kept(turns, conversation)
    assert (question.text, answer.text) == ("Hello there", "Mock")
    assert answer.account == {"finishReason": "cancelled"}


async def test_a_title_by_a_stand_in_is_none(turns: Turns) -> None:
    turn = await turns.answer(QUESTION)
    assert turn.conversation is not None
    await kept(turns, turn.conversation)
    async with turns.keeping.database.read() as connection:
        row = await rows.get(connection, LOCAL.user, turn.conversation)
    assert row is not None
    assert (row.title, row.title_source) == ("Hello there", "words")


async def test_what_a_model_says_that_no_database_keeps_is_left_out(turns: Turns) -> None:
    members = {"mock": {"reply": "a\0b"}}
    turn = await turns.answer(structs.replace(QUESTION, members=members))
    assert turn.answer.response.content == "a\0b"
    assert turn.conversation is not None
    assert (await kept(turns, turn.conversation))[1].text == "ab"


async def test_the_owner_is_who_asked(turns: Turns) -> None:
    turn = await turns.answer(structs.replace(QUESTION, caller=Caller(user="admin")))
    assert turn.conversation is not None
    assert await kept(turns, turn.conversation) == []
    assert len(await kept(turns, turn.conversation, "admin")) == 2

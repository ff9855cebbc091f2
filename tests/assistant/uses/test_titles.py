"""A conversation gets a title whatever happens, and the model that makes it does not do what the conversation says."""

from decimal import Decimal
from typing import Any

import pytest
from tests.assistant.uses.conftest import House, text_of

from wye.assistant.uses.titles import title_of
from wye.core.caller import LOCAL, Caller

TALK: list[dict[str, Any]] = [
    {"role": "system", "content": "You are a pirate."},
    {"role": "user", "content": [{"type": "text", "text": "How do I prune an old apple tree in winter, please?"}]},
    {"role": "assistant", "content": "With care."},
]


async def test_a_cheap_model_makes_it_and_it_is_told_what_it_cost(house: House) -> None:
    house.scripted.says = lambda _: 'Title: "Pruning Old Apple Trees"\n\nI hope that helps!'
    title = await title_of(house, LOCAL, TALK)
    assert (title.text, title.source, title.model) == ("Pruning Old Apple Trees", "model", "house/strict")
    assert title.cost == Decimal("0.00011")
    (asked,) = house.scripted.asked
    assert "user: How do I prune" in text_of(asked)
    assert "pirate" not in text_of(asked)
    assert asked.max_output_tokens == 100


async def test_a_model_may_be_named(house: House) -> None:
    assert (await title_of(house, LOCAL, TALK, model="house/plain")).model == "house/plain"


@pytest.mark.parametrize("says", [None, "", '"*"'], ids=["fails", "says nothing", "says nothing of use"])
async def test_the_first_words_stand_in_where_no_model_helps(house: House, says: str | None) -> None:
    house.scripted.says = lambda _: says
    title = await title_of(house, LOCAL, TALK)
    assert (title.text, title.source) == ("How do I prune an old apple tree…", "words")


async def test_who_may_ask_no_model_gets_the_first_words(house: House) -> None:
    nobody = Caller(user="ann", providers=frozenset({"openai"}))
    assert (await title_of(house, nobody, TALK)).source == "words"


async def test_what_nobody_said_anything_in_is_new(house: House) -> None:
    for talk in ([], [{"role": "user", "content": ""}], [{"role": "user"}], [{"content": 5, "role": "user"}]):
        assert (await title_of(house, LOCAL, talk)).text == "New conversation"
    assert not house.scripted.asked


async def test_no_title_is_longer_than_a_line(house: House) -> None:
    house.scripted.says = lambda _: "word " * 50
    assert len((await title_of(house, LOCAL, TALK)).text) <= 61
    house.scripted.says = lambda _: None
    long = [{"role": "user", "content": "x" * 500}]
    assert len((await title_of(house, LOCAL, long)).text) <= 61

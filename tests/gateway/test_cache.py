"""Answers that are kept, over HTTP: who gets one, what it looks like, and what it costs."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.callers import callers
from tests.support.callers.talk import TOOLS, Ask
from tests.support.catalog_house import House, catalog_house, chat_surfaces, model_for
from tests.support.gateway import Answer
from tests.support.imitation import wires

from wye import adapters

CALLERS = {name: caller for name, caller in callers().items() if name in chat_surfaces()}
WIRES = sorted(adapters.built_in() & wires())
CACHE = "[cache]\nenabled = true\n"


# --- Every client API before every wire ---


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with catalog_house(CACHE) as running:
        yield running


@pytest.mark.parametrize("tools", [False, True], ids=["text", "tools"])
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("surface", sorted(CALLERS))
def test_the_second_answer_is_the_first_one_over_every_api(
    house: House, surface: str, wire: str, *, streamed: bool, tools: bool
) -> None:
    caller = CALLERS[surface]
    model = model_for(wire, *(["function-calling"] if tools else []))
    if model is None or (tools and surface == "openai_completions"):
        pytest.skip("there is no such model")
    text = f"{surface} {wire} {streamed}" + ('\ncall get_time {"zone": "CET"}' if tools else "")
    asks = caller.request(
        Ask(model=model.full_id, items=caller.user(text), stream=streamed, tools=TOOLS if tools else {})
    )

    def ask() -> Answer:
        found = house.gateway.request("POST", asks.path, asks.encoded, asks.headers)
        assert found.status == 200, found.body
        return found

    before = len(house.imitation.heard)
    first = ask()
    second = ask()
    assert [first.headers["x-wye-cache"], second.headers["x-wye-cache"]] == ["miss", "hit"]
    assert len(house.imitation.heard) == before + 1
    read = caller.stream if streamed else caller.whole
    seen, again = read(first.body), read(second.body)
    assert again == seen or without_ids(again) == without_ids(seen)
    assert second.headers["age"].isdigit()
    assert second.headers["x-wye-provider"] == model.provider
    assert second.headers["x-wye-model"] == first.headers["x-wye-model"]


def without_ids(seen: Any) -> Any:
    """Return what a client saw without the ids that Wye made up, where the provider has none."""
    return seen.text, seen.reasoning, [(call.name, call.arguments) for call in seen.calls], seen.finish

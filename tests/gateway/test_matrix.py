"""Every client API reaches every wire with everything that it and the catalog's models can do, whole and streamed.

A cell asks a running gateway in a client API's words, through a model of the catalog, of an imitation that reads the
request as strictly as the provider and answers what follows from it. The client must see that answer in its own form:
the text, the calls, why it ended, and what it used. There is no empty cell: what cannot be stands in `CANNOT`, with the
reason, and is checked to be refused in so many words.
"""

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.support.callers import callers
from tests.support.callers.talk import ANSWER_SCHEMA, PICTURE_SEEN, TOOLS, Ask, Seen
from tests.support.catalog_house import DAY, House, catalog_house, chat_surfaces, imitated, model_for
from tests.support.gateway import Answer, catalog_rows
from tests.support.imitation import wires
from tests.support.imitation.mind import Said

from wye import adapters
from wye.catalog.schema import ModelInfo

CALLERS = {name: caller for name, caller in callers().items() if name in chat_surfaces()}
WIRES = sorted(adapters.built_in() & wires())
WEATHER = 'call get_weather {"city": "Paris", "unit": "celsius"}'
TIME = 'call get_time {"zone": "CET"}'


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with catalog_house() as running:
        yield running


@dataclass(frozen=True)
class Talk:
    """One caller in front of one model."""

    house: House
    caller: Any
    model: str
    stream: bool

    def send(self, ask: Ask) -> Answer:
        request = self.caller.request(ask)
        return self.house.gateway.request("POST", request.path, request.encoded, request.headers)

    def ask(self, items: list[Any], **more: Any) -> Seen:
        """Ask, and see that all of what the provider said came out."""
        answer = self.send(Ask(model=self.model, items=items, stream=self.stream, **more))
        refused = self.house.imitation.refused[-1].message if self.house.imitation.refused else None
        assert answer.status == 200, f"{answer.body.decode()} (the provider's last refusal: {refused})"
        seen: Seen = self.caller.stream(answer.body) if self.stream else self.caller.whole(answer.body)
        self.compare(seen, self.said)
        return seen

    def user(self, text: str, *, picture: bool = False) -> Any:
        return self.caller.user(text, picture=picture)

    @property
    def said(self) -> Said:
        return self.house.imitation.said[-1]

    @property
    def heard(self) -> Any:
        return self.house.imitation.heard[-1]

    def compare(self, seen: Seen, said: Said) -> None:
        assert seen.text == said.text
        assert [(call.name, call.arguments) for call in seen.calls] == [(c.name, c.arguments) for c in said.calls]
        ids = [call.id for call in seen.calls]
        if not any(ids) and self.caller.SURFACE == "gemini":
            ids = [str(at) for at in range(len(ids))]  # the one wire where calls need none
        assert all(ids), "a call has no id"
        assert len(set(ids)) == len(ids), "two calls have one id"
        assert seen.finish == said.finish
        assert (seen.input_tokens, seen.output_tokens) == (said.input_tokens, said.output_tokens)


# --- What is asked in each column ---


def plain(talk: Talk) -> None:
    talk.ask(talk.user("hello there"), system="Be brief.")
    assert talk.heard.system == ("Be brief." if "tools" in says(talk.caller.SURFACE) else "")
    assert talk.heard.question == "hello there"
    assert talk.said.text == "echo: hello there"


def cut_short(talk: Talk) -> None:
    seen = talk.ask(talk.user("word " * 30), limit=20)
    assert seen.finish == "length"
    assert talk.heard.limit == 20


def tools(talk: Talk) -> None:
    seen = talk.ask(talk.user(f"go\n{WEATHER}"), tools=TOOLS)
    assert [call.name for call in seen.calls] == ["get_weather"]
    assert talk.heard.tools == TOOLS


def parallel_tools(talk: Talk) -> None:
    seen = talk.ask(talk.user(f"go\n{WEATHER}\n{TIME}"), tools=TOOLS)
    assert [call.name for call in seen.calls] == ["get_weather", "get_time"]


def no_tool(talk: Talk) -> None:
    seen = talk.ask(talk.user(f"go\n{WEATHER}"), tools=TOOLS, choice="none")
    assert not seen.calls


def required_tool(talk: Talk) -> None:
    seen = talk.ask(talk.user("go"), tools=TOOLS, choice="required")
    assert len(seen.calls) == 1


def named_tool(talk: Talk) -> None:
    seen = talk.ask(talk.user("go"), tools=TOOLS, choice="get_time")
    assert [call.name for call in seen.calls] == ["get_time"]


def tool_results(talk: Talk) -> None:
    """Two calls, their results, and a further turn."""
    items = talk.user(f"go\n{WEATHER}\n{TIME}")
    first = talk.ask(items, tools=TOOLS)
    items = [*items, *first.kept, *talk.caller.results(first, ["21 degrees", "noon"])]
    second = talk.ask(items, tools=TOOLS)
    assert second.text == "results: 21 degrees; noon"
    results = talk.heard.turns[-1].results
    assert [result.text for result in results] == ["21 degrees", "noon"]
    third = talk.ask([*items, *second.kept, *talk.user("thanks")], tools=TOOLS)
    assert third.text == "echo: thanks"
    assert [call.name for turn in talk.heard.turns for call in turn.calls] == ["get_weather", "get_time"]


def image(talk: Talk) -> None:
    seen = talk.ask(talk.user("look", picture=True))
    assert seen.text.endswith(PICTURE_SEEN)


def schema(talk: Talk) -> None:
    seen = talk.ask(talk.user("how warm?"), schema=ANSWER_SCHEMA)
    assert json.loads(seen.text) == {"city": "something", "degrees": 7}


def reasoning(talk: Talk) -> None:
    seen = talk.ask(talk.user("why?"), effort="low")
    assert seen.reasoning == talk.said.thoughts == "pondering why?"
    assert seen.text == "echo: why?"
    reports = talk.heard.model and talk.said.reasoning_tokens
    assert seen.reasoning_tokens in {None, 0, reports}


def reasoning_kept(talk: Talk) -> None:
    """Thoughts before a call go back with its result, signed where the wire signs."""
    items = talk.user(f"why?\n{WEATHER}")
    first = talk.ask(items, tools=TOOLS, effort="low")
    assert first.reasoning == talk.said.thoughts
    signature = talk.said.signature
    items = [*items, *first.kept, *talk.caller.results(first, ["21 degrees"])]
    second = talk.ask(items, tools=TOOLS, effort="low")
    assert second.text == "results: 21 degrees"
    given_back = [item for turn in talk.heard.turns for item in turn.thoughts]
    signed_calls = [call.signature for turn in talk.heard.turns for call in turn.calls]
    if talk.heard.model in SIGNING:
        assert signature in [sign for _, sign in given_back] + signed_calls


SIGNING: set[str] = set()
"""Names of models whose wire wants its signatures back; filled by the cells that use them."""

ABILITIES: dict[Callable[[Talk], None], tuple[str, ...]] = {
    plain: ("text",),
    cut_short: ("text",),
    tools: ("function-calling",),
    parallel_tools: ("function-calling",),
    no_tool: ("function-calling",),
    required_tool: ("function-calling",),
    named_tool: ("function-calling",),
    tool_results: ("function-calling",),
    image: ("vision",),
    schema: ("text",),
    reasoning: ("reasoning",),
    reasoning_kept: ("reasoning", "function-calling"),
}
"""What is asked, and what a model of the catalog must be able to do for it."""

SIGNED_WIRES = {"anthropic_messages", "vertex_anthropic", "bedrock_converse", "gemini", "openai_responses"}

SAYS_ONLY: dict[str, tuple[set[str], str]] = {
    "openai_completions": ({"plain", "cut_short"}, "its request is a prompt: no tools, images, schemas or reasoning"),
}
"""Client APIs that have words for only some of this, and why."""


def says(surface: str) -> set[str]:
    """Return what a client API has words for."""
    return SAYS_ONLY[surface][0] if surface in SAYS_ONLY else {ability.__name__ for ability in ABILITIES}


CANNOT: dict[tuple[str, str], str] = {
    ("ollama_chat", "required_tool"): "the wire has no tool choice; leaving it out would change the answer",
    ("ollama_chat", "named_tool"): "the wire has no tool choice; leaving it out would change the answer",
}
"""Wire and ability that cannot be, for any client API, and why. The request is refused, naming the parameter."""


@dataclass(frozen=True)
class Cell:
    surface: str
    wire: str
    ability: Callable[[Talk], None]
    stream: bool

    @property
    def id(self) -> str:
        return f"{self.surface}-{self.wire}-{self.ability.__name__}-{'stream' if self.stream else 'whole'}"

    @property
    def model(self) -> ModelInfo | None:
        capabilities = ABILITIES[self.ability]
        return model_for(self.wire, *capabilities) or (
            model_for(self.wire, *capabilities, beside=True) if self.surface == self.wire else None
        )

    @property
    def cannot(self) -> str | None:
        if self.wire == "openai_completions" != self.surface:
            return "a chat is no prompt: a model that only completes is for the client API that only prompts"
        return CANNOT.get((self.wire, self.ability.__name__))


PLACES = itertools.product(sorted(CALLERS), WIRES, ABILITIES, (False, True))
CELLS = [cell for cell in (Cell(*place) for place in PLACES) if cell.ability.__name__ in says(cell.surface)]


@pytest.mark.parametrize("cell", [cell for cell in CELLS if not cell.cannot], ids=lambda cell: cell.id)
def test_a_client_api_reaches_a_wire_with(cell: Cell, house: House) -> None:
    assert cell.model is not None, "no model of the catalog can do that on this wire: say so in CANNOT"
    talk = Talk(house, CALLERS[cell.surface], cell.model.full_id, cell.stream)
    if cell.wire in SIGNED_WIRES:
        SIGNING.add(cell.model.wire_id)
    cell.ability(talk)


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell.cannot], ids=lambda cell: cell.id)
def test_what_cannot_be_is_refused_by_name(cell: Cell, house: House) -> None:
    if cell.model is None:
        return  # nobody can ask for it
    talk = Talk(house, CALLERS[cell.surface], cell.model.full_id, cell.stream)
    with pytest.raises(AssertionError, match="cannot be expressed"):
        cell.ability(talk)


TALKING = [name for name in sorted(CALLERS) if name not in SAYS_ONLY]
MOVES = list(itertools.product(TALKING, itertools.permutations([name for name in WIRES if name not in SAYS_ONLY], 2)))


@pytest.mark.parametrize(
    ("surface", "path"), MOVES, ids=[f"{surface}-{start}-to-{end}" for surface, (start, end) in MOVES]
)
def test_a_conversation_with_tools_continues_on_another_wire(surface: str, path: tuple[str, str], house: House) -> None:
    """Thoughts, calls and results of one provider are given to another, and then back to the first."""
    capabilities = ("function-calling", "reasoning")
    start, end = (model_for(wire, *capabilities) or model_for(wire, "function-calling") for wire in path)
    assert start is not None
    assert end is not None
    caller = CALLERS[surface]
    effort = {"effort": "low"} if "reasoning" in start.capabilities else {}
    here, there = (Talk(house, caller, model.full_id, stream=False) for model in (start, end))
    items = caller.user(f"go\n{WEATHER}\n{TIME}")
    first = here.ask(items, tools=TOOLS, **effort)
    items = [*items, *first.kept, *caller.results(first, ["21 degrees", "noon"])]
    second = there.ask(items, tools=TOOLS)
    assert second.text == "results: 21 degrees; noon"
    items = [*items, *second.kept, *caller.user(f"again\n{WEATHER}")]
    third = there.ask(items, tools=TOOLS)
    items = [*items, *third.kept, *caller.results(third, ["22 degrees"])]
    fourth = here.ask(items, tools=TOOLS, **effort)
    assert fourth.text == "results: 22 degrees"
    calls = [call.name for turn in here.heard.turns for call in turn.calls]
    assert calls == ["get_weather", "get_time", "get_weather"]
    texts = [result.text for turn in here.heard.turns for result in turn.results]
    assert texts == ["21 degrees", "noon", "22 degrees"]


# --- The matrix is whole ---


def test_every_client_api_has_a_caller() -> None:
    assert CALLERS.keys() == chat_surfaces().keys()


def test_every_wire_format_is_imitated() -> None:
    assert wires() >= adapters.built_in()


def test_every_listed_cell_exists() -> None:
    places = {(cell.wire, cell.ability.__name__) for cell in CELLS}
    assert places >= CANNOT.keys()


def doors() -> list[tuple[str, str, str]]:
    """Return each provider of the catalog, each wire format it is reached by, and a model behind it."""
    rows = catalog_rows()
    found: dict[tuple[str, str], str] = {}
    for row in imitated():
        found[row.id, row.adapter] = f"{row.id}/{row.default_model}"
    for model in rows.models.values():
        spoken = model.adapter or rows.providers[model.provider].adapter
        if spoken in WIRES and spoken not in SAYS_ONLY and "text" in model.capabilities and not model.is_retired(DAY):
            found.setdefault((model.provider, spoken), model.full_id)
    return [(name, wire, model) for (name, wire), model in sorted(found.items())]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("name", "wire", "model"), doors(), ids=[f"{name}-{wire}" for name, wire, _ in doors()])
def test_every_provider_of_the_catalog_answers(name: str, wire: str, model: str, stream: bool, house: House) -> None:  # noqa: FBT001 - a parameter
    talk = Talk(house, CALLERS["openai_chat"], model, stream)
    plain(talk)
    assert house.imitation.upstream.received[-1].path.startswith(f"/{name}/")

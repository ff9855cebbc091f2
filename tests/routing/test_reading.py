"""A request is read only as far as its plan depends on it, and who holds a conversation's beginning is remembered."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from wye.catalog import Catalog
from wye.catalog.schema import ModelInfo, Provider
from wye.core.exchange import Exchange
from wye.core.plan import Attempt, Outcome, Wishes
from wye.core.request import Call, ChatRequest
from wye.core.usage import Usage
from wye.routing.names import Availability
from wye.routing.planner import Planner
from wye.routing.reading import Reader, needs_of
from wye.surfaces import openai_chat

PIXEL = {"type": "image_url", "image_url": {"url": "https://example.test/cat.png"}}
SOUND = {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}
PAPER = {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="}}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {}}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}


def planner(aliases: Mapping[str, Sequence[str]] | None = None) -> Planner:
    rows = [Provider(id=name, name=name, adapter="x", default_model="m") for name in "ab"]
    models = [ModelInfo(id="m", provider=name) for name in "ab"]
    return Planner(Catalog(rows, models), Availability(frozenset("ab"), wires=frozenset({"x"})), aliases=aliases)


def call(model: str = "auto", content: Any = "Hi", **members: Any) -> Call:
    messages = members.pop("messages", [{"role": "user", "content": content}])
    return openai_chat.parse_request(json.dumps({"model": model, "messages": messages, **members}).encode())


def exchange(of: Call, wishes: Wishes | None = None) -> Exchange:
    made = Exchange(of, id="req_1", deadline=0)
    made.wishes = wishes
    return made


@pytest.mark.parametrize(
    ("members", "needs"),
    [
        ({}, set()),
        ({"stream": True}, {"streaming"}),
        ({"tools": [TOOL]}, {"function-calling"}),
        ({"content": [PIXEL]}, {"vision"}),
        ({"content": [SOUND]}, {"audio"}),
        ({"content": [PAPER]}, {"pdf"}),
        ({"response_format": SCHEMA}, {"json-schema"}),
        ({"response_format": {"type": "json_object"}}, {"json-mode"}),
        ({"reasoning_effort": "high"}, {"reasoning"}),
        ({"reasoning_effort": "none"}, set()),
    ],
)
def test_what_a_request_needs_is_read_from_it(members: dict[str, Any], needs: set[str]) -> None:
    assert needs_of(call(**members).chat) == needs
    assert Reader().wanted(exchange(call(**members)), planner()).needs == needs


def test_nothing_is_decoded_for_a_named_model() -> None:
    def refuse(body: bytes) -> ChatRequest:
        raise AssertionError(body)

    named = Call(wire="x", body=b"{}", model="a/m", decode=refuse)
    assert Reader().wanted(exchange(named), planner()).model == "a/m"


def test_a_caller_s_wishes_and_the_request_s_own_needs_count_together() -> None:
    wishes = Wishes(needs=frozenset({"coding"}), strategy="cost", tags=frozenset({"eu"}))
    wanted = Reader().wanted(exchange(call(tools=[TOOL], max_tokens=77), wishes), planner())
    assert wanted.needs == {"coding", "function-calling"}
    assert (wanted.strategy, wanted.output_tokens) == ("cost", 77)
    assert wanted.tags == {"eu"}
    assert wanted.input_tokens > 0


def test_only_the_provider_that_must_answer_is_allowed() -> None:
    bound = exchange(call("m"))
    bound.provider = "b"
    wanted = Reader().wanted(bound, planner())
    assert [attempt.provider for attempt in planner().plan(wanted).attempts] == ["b"]


def test_turns_are_counted_by_name_and_needs() -> None:
    reader, rows = Reader(), planner({"pair": ["a/m", "b/m"]})
    counted = [reader.wanted(exchange(one), rows).turn for one in (call(), call(), call(tools=[TOOL]), call())]
    assert counted == [0, 1, 0, 2]
    assert reader.wanted(exchange(call("pair")), rows).turn == 0
    reader.read(call(), None, rows)
    assert reader.wanted(exchange(call()), rows).turn == 3


def test_where_others_count_too_the_turn_is_theirs() -> None:
    asked: list[str] = []

    def count(name: str) -> int:
        asked.append(name)
        return 40 + len(asked)

    reader, rows = Reader(count=count), planner({"pair": ["a/m", "b/m"]})
    asking = call("pair"), call("pair", tools=[TOOL]), call("m")
    assert [reader.wanted(exchange(one), rows).turn for one in asking] == [41, 42, 0]
    assert asked == ["pair", "pair function-calling"]


def answered(reader: Reader, messages: list[dict[str, str]], by: str) -> None:
    made = exchange(call(messages=messages))
    reader.wanted(made, planner())
    made.attempt = Attempt(provider=by, model="m")
    made.outcomes.append(Outcome(attempt=made.attempt, started=0, duration=1, usage=Usage(input_tokens=1)))
    reader.learn(made)


LONG = "word " * 2000


def test_who_answered_holds_the_conversation_for_as_long_as_prompts_are_cached() -> None:
    now = [0.0]
    reader = Reader(clock=lambda: now[0])
    first = [{"role": "user", "content": LONG}]
    later = [*first, {"role": "assistant", "content": "Yes"}, {"role": "user", "content": "And?"}]
    assert reader.wanted(exchange(call(messages=later)), planner()).holder is None
    answered(reader, first, "b")
    wanted = reader.wanted(exchange(call(messages=later)), planner())
    assert wanted.holder == "b/m"
    assert 2000 < wanted.held_tokens <= wanted.input_tokens
    other = [{"role": "user", "content": f"{LONG}!"}]
    assert reader.wanted(exchange(call(messages=other)), planner()).holder is None
    now[0] = 301
    assert reader.wanted(exchange(call(messages=later)), planner()).holder is None


def test_short_beginnings_are_not_remembered_and_the_memory_is_bounded() -> None:
    reader = Reader()
    short = [{"role": "user", "content": "Hi"}]
    answered(reader, short, "b")
    assert reader.wanted(exchange(call(messages=short)), planner()).holder is None
    for at in range(4200):
        reader.wanted(exchange(call(f"m{at}"), Wishes(strategy="cost")), planner())
    assert len(reader._turns) <= 4096

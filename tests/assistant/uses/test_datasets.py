"""A data set's faults are found with their lines, and what is fine is left alone."""

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wye.assistant.uses.datasets import check_lines
from wye.assistant.uses.duplicates import Duplicates, likeness

TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Ulm"}'}}


def talk(question: str = "Why?", answer: str = "Because.", **more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {"messages": messages, **more}


def turn(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"messages": list(messages), **more}


def user(text: Any = "Why?") -> dict[str, Any]:
    return {"role": "user", "content": text}


def says(text: Any = "Because.", **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": text, **more}


WITH_TOOLS = turn(
    user(),
    says(None, tool_calls=[CALL]),
    {"role": "tool", "tool_call_id": "c1", "content": "rain"},
    says(),
    tools=[TOOL],
)


def codes(example: Any) -> list[str]:
    line = example if isinstance(example, str | bytes) else json.dumps(example)
    return [problem.code for problem in check_lines([line]).problems if problem.code != "too_few_examples"]


def test_a_good_set_is_ok_and_measured() -> None:
    lines = [json.dumps(talk(f"Question number {number}?", "x" * 396)) for number in range(12)]
    lines.append(json.dumps(WITH_TOOLS))
    report = check_lines(lines)
    assert (report.verdict, report.problems) == ("ok", [])
    assert (report.lines, report.examples, report.valid, report.with_tools) == (13, 13, 13, 1)
    assert report.roles == {"assistant": 14, "user": 13, "tool": 1}
    assert report.tokens.largest == pytest.approx(112, abs=3)
    assert (report.messages.smallest, report.messages.largest) == (2, 4)


@pytest.mark.parametrize(
    ("example", "code"),
    [
        ("{", "invalid_json"),
        ("[1]", "no_object"),
        (b'{"messages": "\xff"}', "invalid_json"),
        ("[" * 100_000, "invalid_json"),
        ("   ", "blank_line"),
        ({"messages": []}, "no_messages"),
        ({"prompt": "a", "completion": "b"}, "older_form"),
        (talk(mesages=1), "unknown_member"),
        (turn("hello"), "invalid_message"),  # type: ignore[arg-type]
        (turn({"role": "human", "content": "x"}, says()), "unknown_role"),
        (turn({"role": ["user"], "content": "x"}, says()), "unknown_role"),
        (turn(user(""), says()), "empty_content"),
        (turn(user(None), says()), "empty_content"),
        (turn(user(" Why?"), says()), "invalid_content"),
        (turn(user(5), says()), "invalid_content"),
        (turn(user([]), says()), "invalid_content"),
        (turn(user([{"type": "text"}]), says()), "invalid_content"),
        (turn(user()), "nothing_to_learn"),
        (turn(user(), says(), user()), "nothing_to_learn"),
        (turn(user(), says(weight=0)), "nothing_to_learn"),
        (turn(user(), says(weight=[1])), "invalid_message"),
        (turn(user(), says(), says()), "role_order"),
        (turn(user(), {"role": "system", "content": "Be brief."}, says()), "role_order"),
        (turn(user(), {"role": "tool", "content": "x"}, says()), "invalid_message"),
        (turn(user(), {"role": "tool", "content": "x", "tool_call_id": "c"}, says()), "stray_tool_result"),
        (turn(user(), says(tool_calls=[CALL]), user(), says(), tools=[TOOL]), "unanswered_tool_call"),
        (turn(user(), says(tool_calls=[CALL])), "unknown_tool"),
        (turn(user(), says(tool_calls={}, content="x")), "invalid_tool_call"),
        (turn(user(), says(tool_calls=[{"id": "c"}])), "invalid_tool_call"),
        (turn(user(), says(tool_calls=[{**CALL, "id": None}]), tools=[TOOL]), "invalid_tool_call"),
        (
            turn(user(), says(tool_calls=[{**CALL, "function": {"name": "weather", "arguments": "{"}}]), tools=[TOOL]),
            "invalid_tool_call",
        ),
        (
            turn(user(), says(tool_calls=[{**CALL, "function": {"name": "x", "arguments": "{}"}}]), tools=[TOOL]),
            "unknown_tool",
        ),
        (talk(tools={}), "invalid_tools"),
        (talk(tools=[{"type": "function"}]), "invalid_tools"),
    ],
)
def test_each_fault_is_found(example: Any, code: str) -> None:
    assert code in codes(example)


def test_a_call_that_ends_an_example_needs_no_answer() -> None:
    assert codes(turn(user(), says(None, tool_calls=[CALL]), tools=[TOOL])) == []


def test_problems_name_their_lines_and_all_of_them_are_counted() -> None:
    lines = [json.dumps(talk("one?")), "{", json.dumps(talk("two?")), *["nonsense"] * 500]
    report = check_lines(lines)
    assert report.problems[0].line == 2
    assert report.counts["invalid_json"] == report.errors == 501
    assert len(report.problems) == 200
    assert report.verdict == "errors"
    assert check_lines([]).counts == {"empty": 1}


def test_what_is_too_long_is_told_with_its_length() -> None:
    report = check_lines([json.dumps(talk("x" * 800))], max_tokens=100)
    assert report.counts["too_long"] == 1
    assert "about 210 tokens" in report.problems[0].message
    assert report.valid == 0


def test_a_byte_order_mark_is_no_fault() -> None:
    assert codes(b"\xef\xbb\xbf" + json.dumps(talk()).encode()) == []


def test_what_is_there_twice_is_found_and_so_is_what_is_nearly_so() -> None:
    chance = random.Random(7)
    words = [f"word{number}" for number in range(3000)]
    texts = [" ".join(chance.choices(words, k=120)) for _ in range(40)]
    changed = texts[3].replace(texts[3].split()[60], "another", 1)
    lines = [json.dumps(talk(text)) for text in texts]
    lines += [json.dumps(talk(texts[5])), json.dumps(talk(changed))]
    report = check_lines(lines)
    told = {problem.code: (problem.line, problem.message) for problem in report.problems}
    assert (report.duplicates, report.near_duplicates) == (1, 1)
    assert told["duplicate"][0] == 41
    assert "line 6" in told["duplicate"][1]
    assert told["near_duplicate"][0] == 42
    assert "line 4" in told["near_duplicate"][1]


def test_examples_that_share_their_instructions_alone_are_no_twins() -> None:
    same = {"role": "system", "content": "You answer questions about the law of tenancy. " * 40}
    chance = random.Random(1)
    lines = [
        json.dumps(turn(same, user(" ".join(str(chance.random()) for _ in range(20))), says("Yes."))) for _ in range(20)
    ]
    assert check_lines(lines).near_duplicates == 0


@given(st.sets(st.integers(0, 500), min_size=1), st.sets(st.integers(0, 500), min_size=1))
def test_likeness_is_exact_where_sketches_hold_everything(one: set[int], other: set[int]) -> None:
    few, more = tuple(sorted(one)[:32]), tuple(sorted(other)[:32])
    expected = len(set(few) & set(more)) / len(set(few) | set(more))
    assert likeness(few, more) == pytest.approx(expected)


def test_what_everybody_says_does_not_make_it_slow() -> None:
    twins = Duplicates()
    text = "the same words over and over again in every example that there is of them "
    found = [twins.see(line, {"messages": [line]}, text + str(line)) for line in range(2000)]
    assert found[1999] is not None
    assert max(map(len, twins._by_hash.values())) <= 32


NAMES = st.sampled_from(["messages", "role", "content", "tools", "function", "tool_calls", "weight", "type", "id"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner),
    max_leaves=30,
)


@given(VALUES)
def test_nothing_that_is_json_breaks_it(value: Any) -> None:
    calling = {"role": "assistant", "content": value, "tool_calls": value}
    for line in (value, {"messages": [value]}, {"messages": [calling]}):
        assert check_lines([json.dumps(line)]).lines == 1

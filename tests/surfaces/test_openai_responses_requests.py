"""Every recorded request for a response is read, goes to its own wire as it is, and to others as far as they go."""

import json
import re
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.adapters.test_properties import bodies
from tests.adapters.wires import ABLE
from tests.support.recordings import Recording, needs_recordings
from tests.support.recordings import load as recordings

from wye.adapters import Target, load
from wye.core.content import File, Image, Message, Opaque, Reasoning, Refusal, Text, ToolCall, ToolResult
from wye.core.errors import InvalidRequestError, WyeError
from wye.core.request import Asked, Call, ToolChoice
from wye.core.sealed import Sealed, seal
from wye.surfaces.openai_responses import parse_request


@cache
def recorded_calls() -> list[tuple[Recording, Call]]:
    """Return every distinct recorded request."""
    found = {}
    for recording in recordings("openai_responses", status_ok=False):
        if recording.method == "POST":
            found[recording.request_body] = recording, parse_request(recording.request_body)
    return list(found.values())


@needs_recordings
def test_a_recorded_request_goes_to_its_own_wire_with_every_byte_but_the_models_name() -> None:
    assert len(recorded_calls()) > 200
    for recording, call in recorded_calls():
        body = load("openai_responses").build_request(call, Target(ABLE)).body
        assert json.loads(body) == json.loads(recording.request_body) | {"model": "able-1"}
        if recording.request_body.count(b'"model"') == 1:
            assert body == re.sub(rb'("model"\s*:\s*)"[^"]*"', rb'\1"able-1"', recording.request_body)


REFUSALS = re.compile(
    r"previous_response_id|background|conversation|moderation|prompt_cache_options|tool_choice|parallel_tool_calls"
    r"|verbosity|logprobs|tools.*|hosted_tools.*|input\[\]\.content\[\].*|messages\[\].*"
)
"""What recorded requests ask for and other wires cannot say: state that others keep, tools that others run, files."""


@needs_recordings
@pytest.mark.parametrize("wire", ["openai_chat", "anthropic_messages", "gemini", "ollama_chat", "cohere_chat"])
def test_a_recorded_request_is_said_in_other_wires_or_refused_for_a_known_reason(
    wire: str, record_property: Callable[[str, object], None]
) -> None:
    reasons: Counter[str] = Counter()
    for _, call in recorded_calls():
        try:
            json.loads(load(wire).build_request(call, Target(ABLE)).body)
        except InvalidRequestError as error:
            reasons[re.sub(r"\d+", "", error.param or f"unnamed: {error.message}")] += 1
    record_property("refused", dict(reasons))
    assert [reason for reason in reasons if not REFUSALS.fullmatch(reason)] == []
    assert reasons.total() < len(recorded_calls()) / 2


# --- What each item means ---


def chat_of(*items: Any, **members: Any) -> Any:
    body = {"model": "m", "input": list(items), **members}
    return parse_request(json.dumps(body).encode()).chat


def messages_of(*items: Any) -> tuple[Message, ...]:
    found: tuple[Message, ...] = chat_of(*items).messages
    return found


USER = {"role": "user", "content": "hi"}


def test_a_string_is_a_users_message_and_instructions_come_first() -> None:
    call = parse_request(b'{"model":"m","input":"hi","instructions":"be brief"}')
    assert call.chat.messages == (
        Message(role="system", parts=(Text("be brief"),)),
        Message(role="user", parts=(Text("hi"),)),
    )


def test_what_the_model_did_between_two_turns_is_one_message() -> None:
    _, said, *results = messages_of(
        USER,
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "let me look"}]},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "function_call", "call_id": "c2", "name": "g", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "one"},
        {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "two"}]},
    )
    assert [type(part) for part in said.parts] == [Text, ToolCall, ToolCall]
    assert [part for result in results for part in result.parts] == [
        ToolResult(call_id="c1", parts=(Text("one"),)),
        ToolResult(call_id="c2", parts=(Text("two"),)),
    ]


def test_images_files_and_refusals_are_parts() -> None:
    user, said = messages_of(
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "look", "prompt_cache_breakpoint": {"mode": "explicit"}},
                {"type": "input_image", "image_url": "data:image/png;base64,QUJD", "detail": "low"},
                {"type": "input_image", "image_url": "https://example.org/a.png"},
                {"type": "input_file", "file_data": "data:application/pdf;base64,QUJD", "filename": "a.pdf"},
                {"type": "input_file", "file_url": "https://example.org/a.pdf"},
            ],
        },
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
    )
    text, *others = user.parts
    assert isinstance(text, Text)
    assert text.cache is not None
    assert others == [
        Image(data="QUJD", media_type="image/png", detail="low"),
        Image(url="https://example.org/a.png"),
        File(data="QUJD", media_type="application/pdf", filename="a.pdf"),
        File(url="https://example.org/a.pdf"),
    ]
    assert said.parts == (Refusal("no"),)


def test_reasoning_belongs_to_this_wire_unless_another_sealed_it() -> None:
    sealed = seal(Sealed(origin="anthropic_messages", signature="c2ln"))
    summary = [{"type": "summary_text", "text": "hm"}]
    _, said = messages_of(
        USER,
        {"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": "ZW5j"},
        {"type": "reasoning", "id": "rs_2", "summary": summary, "encrypted_content": sealed},
    )
    assert said.parts == (
        Reasoning(text="hm", encrypted="ZW5j", id="rs_1", origin="openai_responses", summary=True),
        Reasoning(text="hm", signature="c2ln", origin="anthropic_messages"),
    )


def test_a_sealed_signature_finds_its_call_and_a_sealed_part_becomes_one() -> None:
    call = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
    signature = seal(Sealed(origin="gemini", signature="c2ln", call_id="c1"))
    _, said = messages_of(USER, call, {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": signature})
    (found,) = said.parts
    assert isinstance(found, ToolCall)
    assert (found.signature, found.origin) == ("c2ln", "gemini")


def test_sealed_reasoning_never_reaches_a_provider_of_this_wire() -> None:
    sealed = seal(Sealed(origin="gemini", signature="c2ln"))
    recap = seal(Sealed(recap="they spoke of 42"))
    items = [
        {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": sealed},
        {"type": "compaction", "id": "c", "encrypted_content": recap},
        USER,
    ]
    call = parse_request(json.dumps({"model": "m", "input": items}).encode())
    sent = json.loads(load("openai_responses").build_request(call, Target(ABLE)).body)["input"]
    assert sent[1:] == [USER]
    assert sent[0]["role"] == "user"
    assert sent[0]["content"].endswith("they spoke of 42")


def test_items_only_this_wire_knows_stay_whole() -> None:
    item = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "x"}}
    _, said = messages_of(USER, item)
    (part,) = said.parts
    assert isinstance(part, Opaque)
    assert (part.wire, json.loads(bytes(part.raw))) == ("openai_responses", item)


def test_a_custom_tool_is_a_function_of_one_string() -> None:
    chat = chat_of(
        USER,
        {"type": "custom_tool_call", "call_id": "c1", "name": "patch", "input": 'a "b"'},
        {"type": "custom_tool_call_output", "call_id": "c1", "output": "done"},
        tools=[{"type": "custom", "name": "patch", "description": "d"}],
        tool_choice={"type": "custom", "name": "patch"},
    )
    (tool,) = chat.tools
    assert json.loads(bytes(tool.parameters))["required"] == ["input"]
    assert chat.messages[1].parts[0].arguments == '{"input":"a \\"b\\""}'
    assert chat.tool_choice == ToolChoice("named", "patch")


def test_settings_have_the_names_every_wire_uses() -> None:
    chat = chat_of(
        USER,
        reasoning={"effort": "low", "summary": "auto"},
        text={"format": {"type": "json_schema", "name": "n", "schema": {}, "strict": True}, "verbosity": "low"},
        include=["message.output_text.logprobs", "reasoning.encrypted_content"],
        top_logprobs=2,
        max_output_tokens=20,
        truncation="disabled",
        service_tier="auto",
        store=True,
        tools=[{"type": "web_search"}],
        unheard_of=1,
    )
    assert (chat.reasoning_effort, chat.reasoning_summary, chat.max_output_tokens) == ("low", "auto", 20)
    assert (chat.response_format.name, chat.response_format.strict) == ("n", True)
    assert {name: json.loads(bytes(raw)) for name, raw in chat.options.items()} == {
        "logprobs": True,
        "top_logprobs": 2,
        "verbosity": "low",
    }
    assert [tool.kind for tool in chat.hosted_tools] == ["web_search"]
    assert set(chat.extra) == {"unheard_of"}


# --- Whatever comes ---

REQUEST: dict[str, Any] = {
    "model": "m",
    "instructions": "a",
    "stream": True,
    "input": [
        {"role": "developer", "content": "b"},
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "c"},
                {"type": "input_image", "image_url": "data:image/png;base64,QUJD"},
                {"type": "input_file", "file_data": "QUJD", "filename": "a.pdf"},
            ],
        },
        {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": seal(Sealed(origin="gemini"))},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a":1}'},
        {"type": "function_call_output", "call_id": "c1", "output": "x"},
        {"type": "compaction", "encrypted_content": seal(Sealed(recap="d"))},
        {"type": "item_reference", "id": "i"},
    ],
    "tools": [{"type": "function", "name": "f", "parameters": {}}, {"type": "custom", "name": "g"}],
    "tool_choice": {"type": "function", "name": "f"},
    "text": {"format": {"type": "json_schema", "name": "n", "schema": {}}, "verbosity": "low"},
    "reasoning": {"effort": "low", "summary": "auto"},
    "include": ["message.output_text.logprobs"],
    "metadata": {"a": "b"},
    "temperature": 1,
}


@pytest.mark.parametrize("wire", ["openai_responses", "openai_chat", "anthropic_messages", "gemini", "ollama_chat"])
def test_any_request_is_built_or_refused_with_an_error_of_ours(wire: str) -> None:
    @settings(deadline=None, max_examples=300)
    @given(
        bodies(REQUEST, {**REQUEST, "input": REQUEST["input"][:-1]}), st.booleans(), st.sampled_from(["", "/compact"])
    )
    def check(body: bytes, drop: bool, action: str) -> None:  # noqa: FBT001
        with suppress(WyeError):
            call = parse_request(body, Asked(drop_unsupported=drop, action=action))
            assert call.chat.model == call.model
            load(wire).build_request(call, Target(ABLE))

    check()

"""The oracle reads every wire as its documentation says; small answers of our own, then all the recorded ones."""

import json

import pytest
from tests.support.oracle import (
    Expected,
    ExpectedChoice,
    ExpectedToolCall,
    ExpectedUsage,
    arguments_of,
    expect,
)
from tests.support.recordings import WIRES, Wire, load, load_errors, needs_recordings


def sse(*events: object) -> bytes:
    return b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in events)


def one(wire: Wire, document: object) -> Expected:
    return expect(wire, json.dumps(document).encode(), streamed=False)


def chat_chunk(delta: object, finish_reason: str | None = None, **more: object) -> dict[str, object]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}], **more}


def chat_usage(**usage: object) -> ExpectedUsage | None:
    return one("openai_chat", {"choices": [], "usage": usage}).usage


# --- Framing ---


def test_events_may_be_crlf_commented_multiline_and_unfinished() -> None:
    body = (
        b": ping\r\n\r\n"
        b'event: message\r\ndata:{"choices": [{"index": 0,\r\ndata: "delta": {"content": "a"}}]}\r\n\r\n'
        b'id: 7\r\ndata: {"choices": [{"index": 0, "delta": {"content": "b"}}]}'
    )
    assert expect("openai_chat", body, streamed=True).choices == [ExpectedChoice(text="ab")]


def test_what_comes_after_done_is_not_read() -> None:
    body = sse(chat_chunk({"content": "a"})) + b"data: [DONE]\n\n" + sse(chat_chunk({"content": "b"}))
    assert expect("openai_chat", body, streamed=True).choices[0].text == "a"


def test_a_stream_cut_inside_an_event_keeps_what_came_before_and_has_no_finish_reason() -> None:
    body = sse(chat_chunk({"content": "a"}), chat_chunk({"content": "lost"}, "stop"))[:-20]
    assert expect("openai_chat", body, streamed=True).choices == [ExpectedChoice(text="a")]


def test_a_gemini_stream_may_be_one_json_array() -> None:
    pieces = [{"candidates": [{"content": {"parts": [{"text": text}]}}]} for text in "ab"]
    assert expect("gemini", json.dumps(pieces).encode(), streamed=True).choices[0].text == "ab"


# --- OpenAI chat ---


def test_chat_choices_are_told_apart_by_index() -> None:
    body = sse(
        {"choices": [{"index": 1, "delta": {"content": "b"}, "finish_reason": "length"}]},
        {"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"}]},
        {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}},
    )
    assert expect("openai_chat", body, streamed=True) == Expected(
        [ExpectedChoice(0, "a", finish_reason="stop"), ExpectedChoice(1, "b", finish_reason="length")],
        ExpectedUsage(3, 2),
    )


def test_chat_tool_calls_are_joined_by_their_index_and_a_repeated_name_counts_once() -> None:
    body = sse(
        chat_chunk({"tool_calls": [{"index": 0, "id": "c0", "function": {"name": "f", "arguments": ""}}]}),
        chat_chunk({"tool_calls": [{"index": 1, "id": "c1", "function": {"name": "g"}}]}),
        chat_chunk({"tool_calls": [{"index": 0, "id": "c0", "function": {"name": "f", "arguments": '{"x":'}}]}),
        chat_chunk({"tool_calls": [{"index": 0, "function": {"arguments": " 1}"}}]}),
        chat_chunk({"tool_calls": [{"index": 1, "function": {"arguments": None}}]}, "tool_calls"),
    )
    (choice,) = expect("openai_chat", body, streamed=True).choices
    assert choice.tool_calls == [ExpectedToolCall("c0", "f", {"x": 1}), ExpectedToolCall("c1", "g", {})]
    assert choice.finish_reason == "tool_calls"


def test_the_first_function_call_of_openai_is_a_tool_call_without_an_id() -> None:
    message = {"content": None, "function_call": {"name": "f", "arguments": "{}"}}
    (choice,) = one("openai_chat", {"choices": [{"message": message, "finish_reason": "function_call"}]}).choices
    assert choice.tool_calls == [ExpectedToolCall(None, "f", {})]
    assert choice.finish_reason == "tool_calls"


def test_blank_ids_are_no_ids_and_calls_without_an_index_keep_their_order() -> None:
    calls = [{"id": "", "function": {"name": name, "arguments": "{}"}} for name in "fg"]
    (choice,) = one("openai_chat", {"choices": [{"message": {"tool_calls": calls}}]}).choices
    assert choice.tool_calls == [ExpectedToolCall(None, "f", {}), ExpectedToolCall(None, "g", {})]


def test_chat_content_may_be_parts_whose_thinking_is_reasoning() -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    content = [thinking, {"type": "text", "text": "a"}, {"type": "reference"}, {"type": "text", "text": "b"}]
    (choice,) = one("openai_chat", {"choices": [{"message": {"content": content}}]}).choices
    assert (choice.text, choice.reasoning) == ("ab", "hm")


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_chat_reasoning_has_two_names(field: str) -> None:
    body = sse(chat_chunk({field: "h"}), chat_chunk({field: "m", "content": None}), chat_chunk({field: None}))
    assert expect("openai_chat", body, streamed=True).choices[0].reasoning == "hm"


def test_a_stream_that_repeats_the_whole_message_in_every_chunk_is_read_by_its_deltas() -> None:
    choices = [{"index": 0, "delta": {"content": t}, "message": {"content": m}} for t, m in (("a", "a"), ("b", "ab"))]
    body = sse(*({"choices": [choice]} for choice in choices))
    assert expect("openai_chat", body, streamed=True).choices[0].text == "ab"


def test_a_choice_without_a_message_is_an_empty_one() -> None:
    answer = one("openai_chat", {"choices": [{"index": 0, "finish_reason": "content_filter"}]})
    assert answer.choices == [ExpectedChoice(finish_reason="content_filter")]


def test_a_foreign_chat_finish_reason_becomes_one_of_openais() -> None:
    (choice,) = one("openai_chat", {"choices": [{"message": {}, "finish_reason": "model_length"}]}).choices
    assert choice.finish_reason == "length"


def test_chat_usage_may_be_told_inside_x_groq_only() -> None:
    body = sse(chat_chunk({}, "stop", x_groq={"usage": {"prompt_tokens": 3, "completion_tokens": 2}}))
    assert expect("openai_chat", body, streamed=True).usage == ExpectedUsage(3, 2)


@pytest.mark.parametrize(
    "cached",
    [
        {"prompt_tokens_details": {"cached_tokens": 4}},
        {"prompt_cache_hit_tokens": 4},
        {"cached_tokens": 4, "prompt_tokens_details": None},
        {"num_cached_tokens": 4},
    ],
)
def test_chat_cache_reads_have_four_names(cached: dict[str, object]) -> None:
    assert chat_usage(prompt_tokens=9, completion_tokens=1, total_tokens=10, **cached) == ExpectedUsage(
        9, 1, cache_read_tokens=4
    )


def test_chat_reasoning_inside_completion_tokens_is_not_added_again() -> None:
    details = {"reasoning_tokens": 5}
    usage = chat_usage(prompt_tokens=9, completion_tokens=6, total_tokens=15, completion_tokens_details=details)
    assert usage == ExpectedUsage(9, 6, reasoning_tokens=5)


def test_chat_reasoning_beside_completion_tokens_is_added() -> None:
    details = {"reasoning_tokens": 5}
    usage = chat_usage(prompt_tokens=9, completion_tokens=6, total_tokens=20, completion_tokens_details=details)
    assert usage == ExpectedUsage(9, 11, reasoning_tokens=5)


def test_a_chat_total_that_is_more_than_its_parts_hides_reasoning() -> None:
    assert chat_usage(prompt_tokens=9, completion_tokens=6, total_tokens=20) == ExpectedUsage(9, 11, reasoning_tokens=5)


def test_a_chat_total_that_is_more_by_just_the_audio_hides_audio_input() -> None:
    usage = chat_usage(prompt_tokens=9, completion_tokens=6, total_tokens=20, prompt_tokens_details={"audio_tokens": 5})
    assert usage == ExpectedUsage(14, 6)


def test_no_usage_is_unknown_not_zero() -> None:
    assert one("openai_chat", {"choices": []}).usage is None


def test_an_error_inside_a_200_is_told_beside_what_came_before() -> None:
    body = sse(chat_chunk({"content": "a"}), {"error": {"message": "overloaded"}})
    answer = expect("openai_chat", body, streamed=True)
    assert (answer.choices, answer.error) == ([ExpectedChoice(text="a")], "overloaded")


def test_broken_arguments_are_kept_as_they_were_written() -> None:
    assert arguments_of('{"x": ') == '{"x": '
    assert arguments_of(" ") == {}


# --- Anthropic ---

ANTHROPIC_BLOCKS: list[dict[str, object]] = [
    {"type": "thinking", "thinking": "hm", "signature": "s"},
    {"type": "text", "text": "a"},
    {"type": "server_tool_use", "id": "srv", "name": "web_search", "input": {"query": "q"}},
    {"type": "web_search_tool_result", "tool_use_id": "srv", "content": []},
    {"type": "text", "text": "b"},
    {"type": "tool_use", "id": "t", "name": "f", "input": {"x": 1}},
]
ANTHROPIC_CHOICE = ExpectedChoice(
    text="ab", reasoning="hm", tool_calls=[ExpectedToolCall("t", "f", {"x": 1})], finish_reason="tool_calls"
)


def test_anthropic_blocks_become_text_reasoning_and_the_callers_own_calls() -> None:
    usage = {
        "input_tokens": 1,
        "cache_read_input_tokens": 20,
        "cache_creation_input_tokens": 300,
        "output_tokens": 9,
        "output_tokens_details": {"thinking_tokens": 4},
    }
    message = {"type": "message", "content": ANTHROPIC_BLOCKS, "stop_reason": "tool_use", "usage": usage}
    assert one("anthropic_messages", message) == Expected([ANTHROPIC_CHOICE], ExpectedUsage(321, 9, 20, 300, 4))


def anthropic_block(index: int, start: object, *deltas: object) -> list[object]:
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def test_an_anthropic_stream_reads_like_its_message() -> None:
    start = {"type": "message_start", "message": {"type": "message", "content": [], "usage": {"input_tokens": 1}}}
    body = sse(
        start,
        {"type": "ping"},
        *anthropic_block(
            0,
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "thinking_delta", "thinking": "hm"},
            {"type": "signature_delta", "signature": "s"},
        ),
        *anthropic_block(1, {"type": "text", "text": ""}, {"type": "text_delta", "text": "a"}),
        *anthropic_block(
            2,
            {"type": "server_tool_use", "id": "srv", "name": "web_search", "input": {}},
            {"type": "input_json_delta", "partial_json": '{"query": "q"}'},
        ),
        *anthropic_block(3, {"type": "web_search_tool_result", "tool_use_id": "srv", "content": []}),
        *anthropic_block(4, {"type": "text", "text": ""}, {"type": "text_delta", "text": "b"}),
        *anthropic_block(
            5,
            {"type": "tool_use", "id": "t", "name": "f", "input": {}},
            {"type": "input_json_delta", "partial_json": ""},
            {"type": "input_json_delta", "partial_json": '{"x":'},
            {"type": "input_json_delta", "partial_json": " 1}"},
        ),
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}},
        {"type": "message_stop"},
    )
    assert expect("anthropic_messages", body, streamed=True) == Expected([ANTHROPIC_CHOICE], ExpectedUsage(1, 9))


def test_anthropics_last_usage_overrides_its_first_where_it_says_something() -> None:
    first = {"input_tokens": 10, "cache_read_input_tokens": 500, "output_tokens": 1}
    last = {"input_tokens": 70, "cache_read_input_tokens": None, "output_tokens": 8}
    body = sse(
        {"type": "message_start", "message": {"usage": first}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": last},
    )
    assert expect("anthropic_messages", body, streamed=True).usage == ExpectedUsage(570, 8, cache_read_tokens=500)


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("pause_turn", "stop"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
        ("new", "stop"),
    ],
)
def test_anthropic_stop_reasons_become_openais(reason: str, finish: str) -> None:
    (choice,) = one("anthropic_messages", {"type": "message", "content": [], "stop_reason": reason}).choices
    assert choice.finish_reason == finish


def test_an_anthropic_error_event_is_an_error() -> None:
    body = sse({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
    assert expect("anthropic_messages", body, streamed=True) == Expected([], None, "Overloaded")


# --- Gemini ---


def test_gemini_parts_become_text_reasoning_and_calls() -> None:
    parts = [
        {"text": "hm", "thought": True},
        {"text": "a", "thoughtSignature": "s"},
        {"executableCode": {"code": "1"}},
        {"inlineData": {"data": ""}},
        {"functionCall": {"name": "f", "args": {"x": 1}}},
        {"functionCall": {"name": "g", "id": "i"}},
    ]
    usage = {"promptTokenCount": 5, "toolUsePromptTokenCount": 7, "candidatesTokenCount": 2, "thoughtsTokenCount": 3}
    answer = one(
        "gemini",
        {
            "candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}],
            "usageMetadata": usage | {"cachedContentTokenCount": 4},
        },
    )
    calls = [ExpectedToolCall(None, "f", {"x": 1}), ExpectedToolCall("i", "g", {})]
    assert answer == Expected([ExpectedChoice(0, "a", "hm", "", calls, "tool_calls")], ExpectedUsage(12, 5, 4, 0, 3))


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("MODEL_ARMOR", "content_filter"),
        ("MALFORMED_FUNCTION_CALL", "length"),
        ("SOMETHING_NEW", "stop"),
        (1, "stop"),
        (2, "length"),
        (3, "content_filter"),
    ],
)
def test_gemini_finish_reasons_become_openais_by_name_or_number(reason: str | int, finish: str) -> None:
    (choice,) = one("gemini", {"candidates": [{"content": {}, "finishReason": reason}]}).choices
    assert choice.finish_reason == finish


def test_a_prompt_gemini_blocked_is_an_empty_filtered_answer_without_usage() -> None:
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"trafficType": "ON_DEMAND"}}
    assert one("gemini", blocked) == Expected([ExpectedChoice(finish_reason="content_filter")], None)


def test_the_last_usage_of_a_gemini_stream_counts() -> None:
    body = sse(*({"usageMetadata": {"promptTokenCount": count, "candidatesTokenCount": 1}} for count in (9, 4)))
    assert expect("gemini", body, streamed=True).usage == ExpectedUsage(4, 1)


# --- Ollama ---


def test_an_ollama_stream_is_lines_of_json() -> None:
    lines: list[dict[str, object]] = [
        {"message": {"content": "", "thinking": "hm"}, "done": False},
        {
            "message": {"content": "a", "tool_calls": [{"function": {"name": "f", "arguments": {"x": 1}}}]},
            "done": False,
        },
        {"message": {"content": "b"}, "done": True, "done_reason": "stop", "prompt_eval_count": 5, "eval_count": 2},
    ]
    body = b"\n".join(json.dumps(line).encode() for line in lines)
    choice = ExpectedChoice(0, "ab", "hm", "", [ExpectedToolCall(None, "f", {"x": 1})], "tool_calls")
    assert expect("ollama_chat", body, streamed=True) == Expected([choice], ExpectedUsage(5, 2))


def test_an_ollama_prompt_from_the_cache_alone_has_no_count_of_its_own() -> None:
    assert one("ollama_chat", {"message": {"content": "a"}, "done": True, "eval_count": 2}).usage == ExpectedUsage(0, 2)


def test_an_ollama_error_line_is_an_error() -> None:
    assert expect("ollama_chat", b'{"error": "no such model"}\n', streamed=True).error == "no such model"


# --- All the recordings ---


@needs_recordings
@pytest.mark.parametrize("wire", WIRES)
def test_every_recorded_answer_can_be_read(wire: Wire) -> None:
    for recording in load(wire):
        answer = expect(wire, recording.response_body, recording.streamed)
        assert answer.choices or answer.error, recording


@needs_recordings
@pytest.mark.parametrize("wire", WIRES)
def test_every_recorded_error_is_one_document_without_an_answer(wire: Wire) -> None:
    for recording in load_errors(wire):
        assert not recording.streamed
        assert expect(wire, recording.response_body, streamed=False).choices == [], recording

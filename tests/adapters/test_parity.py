"""The same answer, whole and as a stream, is the same answer."""

import json
from typing import Any

import pytest
from tests.adapters.observed import observe_stream, whole
from tests.support.oracle import Expected, ExpectedChoice, ExpectedToolCall, ExpectedUsage

from wye.adapters import load
from wye.core.content import Reasoning
from wye.core.response import ModelResponse, StreamChunk
from wye.core.wire import ServerEvent, StreamState

Document = dict[str, Any]


def chat(message: Document, finish: str | None = None, **more: Any) -> Document:
    said = {"index": 0, "finish_reason": finish, "message" if more.pop("whole", False) else "delta": message}
    return {"id": "chatcmpl-1", "model": "m", "created": 1, "choices": [said], **more}


CHAT_USAGE = {
    "prompt_tokens": 10,
    "completion_tokens": 7,
    "total_tokens": 17,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 3},
}
OPENAI = (
    chat(
        {
            "role": "assistant",
            "content": "Hé there",
            "reasoning_content": "hm so",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}},
                {"id": "c2", "type": "function", "function": {"name": "g", "arguments": ""}},
            ],
        },
        "tool_calls",
        usage=CHAT_USAGE,
        whole=True,
    ),
    [
        chat({"role": "assistant", "content": ""}),
        chat({"reasoning_content": "hm"}),
        chat({"reasoning_content": " so", "content": "Hé"}),
        chat({"content": " there"}),
        chat({"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "f", "arguments": ""}}]}),
        chat({"tool_calls": [{"index": 0, "function": {"arguments": '{"a":'}}]}),
        chat({"tool_calls": [{"index": 0, "function": {"arguments": " 1}"}}]}),
        chat({"tool_calls": [{"index": 1, "id": "c2", "function": {"name": "g", "arguments": ""}}]}),
        chat({}, "tool_calls"),
        {"id": "chatcmpl-1", "model": "m", "created": 1, "choices": [], "usage": CHAT_USAGE},
        "[DONE]",
    ],
)


def start(index: int, kind: str, **block: Any) -> Document:
    return {"type": "content_block_start", "index": index, "content_block": {"type": kind, **block}}


def delta(index: int, kind: str, **piece: Any) -> Document:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **piece}}


def stop(index: int) -> Document:
    return {"type": "content_block_stop", "index": index}


ANTHROPIC = (
    {
        "type": "message",
        "id": "msg_1",
        "model": "m",
        "content": [
            {"type": "thinking", "thinking": "hm so", "signature": "c2ln"},
            {"type": "text", "text": "Hé there"},
            {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "x"}},
            {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}},
            {"type": "tool_use", "id": "c2", "name": "g", "input": {}},
        ],
        "stop_reason": "tool_use",
        "usage": {
            "input_tokens": 6,
            "cache_read_input_tokens": 4,
            "output_tokens": 7,
            "output_tokens_details": {"thinking_tokens": 3},
        },
    },
    [
        {
            "type": "message_start",
            "message": {
                "id": "msg_1",
                "model": "m",
                "content": [],
                "usage": {"input_tokens": 6, "cache_read_input_tokens": 4, "output_tokens": 1},
            },
        },
        start(0, "thinking", thinking="", signature=""),
        {"type": "ping"},
        delta(0, "thinking_delta", thinking="hm"),
        delta(0, "thinking_delta", thinking=" so"),
        delta(0, "signature_delta", signature="c2ln"),
        stop(0),
        start(1, "text", text=""),
        delta(1, "text_delta", text="Hé"),
        delta(1, "text_delta", text=" there"),
        stop(1),
        start(2, "server_tool_use", id="s1", name="web_search", input={}),
        delta(2, "input_json_delta", partial_json='{"query":"x"}'),
        stop(2),
        start(3, "tool_use", id="c1", name="f", input={}),
        delta(3, "input_json_delta", partial_json=""),
        delta(3, "input_json_delta", partial_json='{"a":'),
        delta(3, "input_json_delta", partial_json=" 1}"),
        stop(3),
        start(4, "tool_use", id="c2", name="g", input={}),
        stop(4),
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use"},
            "usage": {"output_tokens": 7, "output_tokens_details": {"thinking_tokens": 3}},
        },
        {"type": "message_stop"},
    ],
)


def gemini(*parts: Document, **candidate: Any) -> Document:
    return {
        "candidates": [{"content": {"role": "model", "parts": list(parts)}, "index": 0, **candidate}],
        "modelVersion": "m",
        "responseId": "r1",
    }


GEMINI_USAGE = {
    "usageMetadata": {
        "promptTokenCount": 10,
        "candidatesTokenCount": 4,
        "thoughtsTokenCount": 3,
        "cachedContentTokenCount": 4,
        "totalTokenCount": 17,
    }
}
GEMINI = (
    gemini(
        {"text": "hm so", "thought": True},
        {"text": "Hé there", "thoughtSignature": "c2ln"},
        {"executableCode": {"code": "1", "language": "PYTHON"}},
        {"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}, "thoughtSignature": "Y2FsbA=="},
        {"functionCall": {"name": "g"}},
        finishReason="STOP",
    )
    | GEMINI_USAGE,
    [
        gemini({"text": "hm", "thought": True}) | {"usageMetadata": {"promptTokenCount": 10}},
        gemini({"text": " so", "thought": True}),
        gemini({"text": "Hé"}),
        gemini({"text": " there"}, {"text": "", "thoughtSignature": "c2ln"}),
        gemini({"executableCode": {"code": "1", "language": "PYTHON"}}),
        gemini({"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}, "thoughtSignature": "Y2FsbA=="}),
        gemini({"functionCall": {"name": "g"}}),
        gemini(finishReason="STOP") | GEMINI_USAGE,
    ],
)


def ollama(message: Document, **more: Any) -> Document:
    return {"model": "m", "created_at": "2026-11-21T08:00:00.123456789Z", "message": message, "done": False, **more}


OLLAMA_END = {"done": True, "done_reason": "stop", "prompt_eval_count": 10, "eval_count": 7}
OLLAMA = (
    ollama(
        {
            "role": "assistant",
            "content": "Hé there",
            "thinking": "hm so",
            "tool_calls": [
                {"id": "c1", "function": {"index": 0, "name": "f", "arguments": {"a": 1}}},
                {"function": {"name": "g", "arguments": {}}},
            ],
        },
        **OLLAMA_END,
    ),
    [
        ollama({"role": "assistant", "content": "", "thinking": "hm"}),
        ollama({"role": "assistant", "content": "", "thinking": " so"}),
        ollama({"role": "assistant", "content": "Hé"}),
        ollama({"role": "assistant", "content": " there"}),
        ollama({"content": "", "tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": {"a": 1}}}]}),
        ollama({"content": "", "tool_calls": [{"function": {"name": "g", "arguments": {}}}]}),
        ollama({"role": "assistant", "content": ""}, **OLLAMA_END),
    ],
)


def response(status: str, output: list[Document], **more: Any) -> Document:
    head = {"id": "resp_1", "object": "response", "created_at": 1, "status": status, "model": "m"}
    return {**head, "output": output, "error": None, "incomplete_details": None, "usage": None, **more}


def event(kind: str, at: int | None = None, **members: Any) -> Document:
    return {"type": f"response.{kind}", **({} if at is None else {"output_index": at}), **members}


RESPONSE_USAGE = {
    "input_tokens": 10,
    "input_tokens_details": {"cached_tokens": 4},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 3},
    "total_tokens": 17,
}
REASONING = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "hm so"}],
    "encrypted_content": "ZW5j",
}
SEARCHED = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "x"}}
CITED = {"type": "url_citation", "url": "https://example.org", "title": "t", "start_index": 0, "end_index": 2}
SAID = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "Hé there", "annotations": [CITED], "logprobs": []}],
}
CALLED = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": '{"a": 1}'}
CALLED_BARE = {"type": "function_call", "id": "fc_2", "call_id": "c2", "name": "g", "arguments": ""}
RESPONSES = (
    response("completed", [REASONING, SEARCHED, SAID, CALLED, CALLED_BARE], usage=RESPONSE_USAGE),
    [
        event("created", response=response("in_progress", [])),
        event("in_progress", response=response("in_progress", [])),
        event("output_item.added", 0, item={**REASONING, "summary": [], "encrypted_content": ""}),
        event("reasoning_summary_part.added", 0, item_id="rs_1", summary_index=0, part={"type": "summary_text"}),
        event("reasoning_summary_text.delta", 0, item_id="rs_1", summary_index=0, delta="hm"),
        event("reasoning_summary_text.delta", 0, item_id="rs_1", summary_index=0, delta=" so"),
        event("output_item.done", 0, item=REASONING),
        event("output_item.added", 1, item={**SEARCHED, "status": "in_progress"}),
        event("web_search_call.searching", 1, item_id="ws_1"),
        event("output_item.done", 1, item=SEARCHED),
        event("output_item.added", 2, item={**SAID, "content": []}),
        event("content_part.added", 2, item_id="msg_1", content_index=0, part={"type": "output_text", "text": ""}),
        event("output_text.delta", 2, item_id="msg_1", content_index=0, delta="Hé", logprobs=[]),
        event("output_text.annotation.added", 2, item_id="msg_1", annotation=CITED),
        event("output_text.delta", 2, item_id="msg_1", content_index=0, delta=" there", logprobs=[]),
        event("output_text.done", 2, item_id="msg_1", content_index=0, text="Hé there"),
        event("output_item.done", 2, item=SAID),
        event("output_item.added", 3, item={**CALLED, "arguments": ""}),
        event("function_call_arguments.delta", 3, item_id="fc_1", delta='{"a":'),
        event("function_call_arguments.delta", 3, item_id="fc_1", delta=" 1}"),
        event("function_call_arguments.done", 3, item_id="fc_1", arguments='{"a": 1}'),
        event("output_item.done", 3, item=CALLED),
        event("output_item.added", 4, item=CALLED_BARE),
        event("output_item.done", 4, item=CALLED_BARE),
        {"type": "keepalive", "sequence_number": 9},
        event(
            "completed",
            response=response("completed", [REASONING, SEARCHED, SAID, CALLED, CALLED_BARE], usage=RESPONSE_USAGE),
        ),
        "[DONE]",
    ],
)

PAIRS: dict[str, tuple[Document, list[Any]]] = {
    "openai_chat": OPENAI,
    "openai_responses": RESPONSES,
    "anthropic_messages": ANTHROPIC,
    "gemini": GEMINI,
    "ollama_chat": OLLAMA,
}


def response_of(wire: str) -> ModelResponse:
    return load(wire).parse_response(json.dumps(PAIRS[wire][0]).encode())


def events_of(wire: str) -> list[ServerEvent]:
    return [ServerEvent(e.encode() if isinstance(e, str) else json.dumps(e).encode()) for e in PAIRS[wire][1]]


def chunks_of(wire: str) -> list[StreamChunk]:
    state = StreamState()
    return [chunk for event in events_of(wire) for chunk in load(wire).parse_event(event, state)]


@pytest.mark.parametrize("wire", PAIRS)
def test_a_stream_says_what_the_whole_answer_says(wire: str) -> None:
    response = response_of(wire)
    second = response.tool_calls[1].id
    reasoning = 0 if wire == "ollama_chat" else 3  # which does not count it apart
    cached = 0 if wire == "ollama_chat" else 4
    expected = Expected(
        [
            ExpectedChoice(
                text="Hé there",
                reasoning="hm so",
                tool_calls=[ExpectedToolCall("c1", "f", {"a": 1}), ExpectedToolCall(second, "g", {})],
                finish_reason="tool_calls",
            )
        ],
        ExpectedUsage(10, 7, cache_read_tokens=cached, reasoning_tokens=reasoning),
    )
    assert second
    assert whole(response) == expected
    assert observe_stream(load(wire), events_of(wire)) == expected


@pytest.mark.parametrize("wire", PAIRS)
def test_a_stream_and_a_whole_answer_have_the_same_id_and_model(wire: str) -> None:
    response, chunks = response_of(wire), chunks_of(wire)
    assert {chunk.id for chunk in chunks} == {response.id}
    assert {chunk.upstream_model for chunk in chunks} == {response.upstream_model} == {"m"}


def written(chunks: list[StreamChunk]) -> dict[int, str]:
    """Return the arguments of the first choice's calls as they came."""
    found: dict[int, str] = {}
    for piece in (piece for chunk in chunks for choice in chunk.choices for piece in choice.tool_calls):
        found[piece.index] = found.get(piece.index, "") + piece.arguments
    return found


@pytest.mark.parametrize("wire", PAIRS)
def test_arguments_that_are_none_are_an_empty_object_in_a_stream_as_well(wire: str) -> None:
    assert [call.arguments for call in response_of(wire).tool_calls][1] == "{}"
    assert written(chunks_of(wire))[1] == "{}"


def openai_calls(*events: Document) -> list[StreamChunk]:
    state, adapter = StreamState(), load("openai_chat")
    return [c for one in events for c in adapter.parse_event(ServerEvent(json.dumps(one).encode()), state)]


def test_a_call_whose_arguments_come_late_gets_no_others() -> None:
    def call(index: int, arguments: str = "", **head: Any) -> Document:
        return {"index": index, "function": {"arguments": arguments, **head}}

    both = chat({"tool_calls": [call(0, name="f"), call(1, name="g")]})
    chunks = openai_calls(both, chat({"tool_calls": [call(0, "[1]", name="f")]}), chat({}, "tool_calls"))
    assert written(chunks) == {0: "[1]", 1: "{}"}
    assert written(openai_calls(both, chat({}, "length"))) == {0: "", 1: ""}


def test_each_choice_has_calls_of_its_own() -> None:
    def of(choice: int, finish: str | None = None) -> Document:
        begun = [] if finish else [{"index": 0, "id": "c", "function": {"name": "f", "arguments": ""}}]
        return {"id": "1", "choices": [{"index": choice, "delta": {"tool_calls": begun}, "finish_reason": finish}]}

    chunks = openai_calls(of(0), of(1), of(1, "tool_calls"), of(0, "tool_calls"))
    ends = [(one.index, [call.arguments for call in one.tool_calls]) for chunk in chunks[2:] for one in chunk.choices]
    assert ends == [(1, ["{}"]), (0, ["{}"])]


def test_a_call_without_arguments_ends_with_the_empty_object_at_cohere() -> None:
    def piece(kind: str, index: int, call: Any = None) -> Document:
        return {"type": f"tool-call-{kind}", "index": index, "delta": {"message": {"tool_calls": call}}}

    def begun(index: int) -> Document:
        return piece("start", index, {"id": f"c{index}", "function": {"name": "f", "arguments": ""}})

    state, adapter = StreamState(), load("cohere_chat")
    events = [begun(0), piece("end", 0), begun(1), piece("delta", 1, {"function": {"arguments": '{"a": 1}'}})]
    events += [piece("end", 1), piece("end", 7)]
    chunks = [c for one in events for c in adapter.parse_event(ServerEvent(json.dumps(one).encode()), state)]
    assert written(chunks) == {0: "{}", 1: '{"a": 1}'}


@pytest.mark.parametrize("wire", ["anthropic_messages", "gemini"])
def test_signatures_come_whole_and_streamed(wire: str) -> None:
    streamed = [choice for chunk in chunks_of(wire) for choice in chunk.choices]
    response = response_of(wire)
    assert [piece.signature for piece in response.choices[0].reasoning if piece.signature] == ["c2ln"]
    assert [c.reasoning.signature for c in streamed if c.reasoning and c.reasoning.signature] == ["c2ln"]
    of_calls = [call.signature for call in response.tool_calls]
    assert of_calls == [call.signature for choice in streamed for call in choice.tool_calls if call.name]
    assert of_calls == (["Y2FsbA==", None] if wire == "gemini" else [None, None])


# --- Responses whose events do not bring all of them ---


THOUGHT = {"type": "reasoning", "id": "rs_2", "content": [{"type": "reasoning_text", "text": "why"}]}
SUMMED = {"summary": [{"type": "summary_text", "text": "so"}], "encrypted_content": "ZW5j"}


def thoughts(chunks: list[StreamChunk]) -> list[Reasoning]:
    return [choice.reasoning for chunk in chunks for choice in chunk.choices if choice.reasoning]


def responses_of(*events: Document, raw: bool = False) -> list[StreamChunk]:
    state, adapter = StreamState(raw_events=raw), load("openai_responses")
    return [c for one in events for c in adapter.parse_event(ServerEvent(json.dumps(one).encode()), state)]


def test_a_response_that_comes_with_its_last_event_alone_keeps_every_thought() -> None:
    body = response("completed", [REASONING, {**THOUGHT, **SUMMED}, SAID, CALLED], usage=RESPONSE_USAGE)
    (choice,) = load("openai_responses").parse_response(json.dumps(body).encode()).choices
    last = event("completed", response=body)
    chunks = responses_of(last)
    assert thoughts(chunks) == list(choice.reasoning)
    assert len(choice.reasoning) == 3
    assert (chunks[-1].content, chunks[-1].finish_reason) == ("Hé there", "tool_calls")
    assert [chunk.raw is None for chunk in chunks] == [True, True, False]
    assert len(responses_of(last, raw=True)) == 1


def test_a_thought_that_comes_with_its_end_alone_keeps_its_summary_and_what_is_encrypted() -> None:
    found = thoughts(responses_of(event("output_item.done", 0, item={**THOUGHT, **SUMMED})))
    assert [(one.text, one.summary, one.encrypted) for one in found] == [("why", False, None), ("so", True, "ZW5j")]


# --- Ids for calls that come without one ---


def gemini_calls(answer_id: str | None, *names: str) -> list[str]:
    body = gemini(*({"functionCall": {"name": name}} for name in names), finishReason="STOP") | {
        "responseId": answer_id
    }
    return [call.id for call in load("gemini").parse_response(json.dumps(body).encode()).tool_calls]


def test_an_id_that_was_made_is_the_same_each_time_and_another_in_every_answer() -> None:
    first = gemini_calls("r1", "f", "f")
    assert first == gemini_calls("r1", "f", "f")
    assert len({*first, *gemini_calls("r2", "f", "f")}) == 4


def test_an_answer_without_an_id_gets_random_ids_for_its_calls() -> None:
    assert len({*gemini_calls(None, "f", "f"), *gemini_calls(None, "f", "f")}) == 4


def test_the_first_form_of_openais_calls_gets_an_id_with_its_first_piece_only() -> None:
    state, adapter = StreamState(), load("openai_chat")
    pieces = [{"name": "f", "arguments": ""}, {"arguments": '{"a"'}, {"arguments": ": 1}"}]
    deltas = []
    for piece in pieces:
        event = ServerEvent(json.dumps(chat({"function_call": piece})).encode())
        deltas += [call for chunk in adapter.parse_event(event, state) for call in chunk.tool_calls]
    assert [bool(delta.id) for delta in deltas] == [True, False, False]
    assert "".join(delta.arguments for delta in deltas) == '{"a": 1}'


# --- The ends of streams ---


def feed(wire: str, *documents: Document) -> StreamState:
    state = StreamState()
    for document in documents:
        list(load(wire).parse_event(ServerEvent(json.dumps(document).encode()), state))
    return state


def test_a_gemini_stream_has_its_finish_when_all_candidates_have_and_ends_with_its_body() -> None:
    def said(index: int, **more: Any) -> Document:
        return {"content": {"parts": [{"text": "a"}]}, "index": index, **more}

    begun = {"candidates": [said(0), said(1)]}
    one = {"candidates": [said(0, finishReason="STOP")]}
    other = {"candidates": [said(1, finishReason="MAX_TOKENS")]}
    assert not feed("gemini", begun).done
    assert not feed("gemini", begun, one).finish_seen
    assert feed("gemini", begun, one, other).finish_seen
    assert not feed("gemini", begun, one, other).done
    assert feed("gemini", begun, {"candidates": [said(0, finishReason=1), said(1, finishReason=2)]}).finish_seen


@pytest.mark.parametrize(
    "reason", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MALFORMED_RESPONSE"]
)
def test_an_answer_that_gemini_breaks_off_is_no_whole_one(reason: str) -> None:
    body = {"candidates": [{"finishReason": reason}], "responseId": "r"}
    expected = Expected([ExpectedChoice(finish_reason="length")], None)
    assert whole(load("gemini").parse_response(json.dumps(body).encode())) == expected
    assert observe_stream(load("gemini"), [ServerEvent(json.dumps(body).encode())]) == expected


@pytest.mark.parametrize("wire", PAIRS)
def test_a_stream_cut_before_its_end_is_not_done(wire: str) -> None:
    state = StreamState()
    events = events_of(wire)
    for event in events[: -3 if wire == "openai_chat" else -2]:
        list(load(wire).parse_event(event, state))
    assert not state.done
    assert not state.finish_seen


def test_a_blocked_prompt_is_an_answer_filtered_for_its_content() -> None:
    body = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 5}, "responseId": "r"}
    expected = Expected([ExpectedChoice(finish_reason="content_filter")], ExpectedUsage(5, 0))
    assert whole(load("gemini").parse_response(json.dumps(body).encode())) == expected
    assert observe_stream(load("gemini"), [ServerEvent(json.dumps(body).encode())]) == expected
    assert feed("gemini", body).finish_seen


# --- What goes beyond text ---


def test_log_probabilities_come_in_openais_form() -> None:
    chosen, other = {"token": "é", "logProbability": -0.5}, {"token": "e", "logProbability": -1.5}
    result = {"chosenCandidates": [chosen], "topCandidates": [{"candidates": [chosen, other]}]}
    response = load("gemini").parse_response(
        json.dumps(gemini({"text": "é"}, finishReason="STOP", logprobsResult=result)).encode()
    )
    first = {"token": "é", "logprob": -0.5, "bytes": [195, 169]}
    second = {"token": "e", "logprob": -1.5, "bytes": [101]}
    assert json.loads(bytes(response.choices[0].extra["logprobs"])) == {
        "content": [{**first, "top_logprobs": [first, second]}]
    }
    body = ollama({"content": "é"}, **OLLAMA_END, logprobs=[first])
    (choice,) = load("ollama_chat").parse_response(json.dumps(body).encode()).choices
    assert json.loads(bytes(choice.extra["logprobs"])) == {"content": [first]}


def test_images_gemini_makes_come_as_data_urls() -> None:
    body = gemini({"text": "see"}, {"inlineData": {"mimeType": "image/png", "data": "QUJD"}}, finishReason="STOP")
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}
    (choice,) = load("gemini").parse_response(json.dumps(body).encode()).choices
    assert json.loads(bytes(choice.extra["images"])) == [image]
    chunks = load("gemini").parse_event(ServerEvent(json.dumps(body).encode()), StreamState())
    (streamed,) = [choice.extra["images"] for chunk in chunks for choice in chunk.choices if choice.extra]
    assert json.loads(bytes(streamed)) == [image]


def test_audio_tokens_are_counted_apart() -> None:
    counts = {
        "promptTokenCount": 10,
        "toolUsePromptTokenCount": 2,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 4}, {"modality": "AUDIO", "tokenCount": 6}],
    }
    body = gemini({"text": "a"}, finishReason="STOP") | {"usageMetadata": counts}
    usage = load("gemini").parse_response(json.dumps(body).encode()).usage
    assert usage is not None
    assert (usage.input_tokens, usage.audio_input_tokens, usage.output_tokens) == (12, 6, 0)

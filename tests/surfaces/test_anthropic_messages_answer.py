"""Answers of any wire become messages and events that say the same, and survive a client's round trip."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from anthropic.types import Message, RawMessageStreamEvent
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw, structs
from pydantic import TypeAdapter
from tests.support.oracle import expect
from tests.support.recordings import WIRES, Recording, Wire, recordings_for

from wye.adapters import load
from wye.core.content import Citation, FunctionCall, Opaque, Reasoning, ToolCall
from wye.core.errors import (
    AuthenticationError,
    ContextLengthError,
    InvalidRequestError,
    ModelNotFoundError,
    OverloadedError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    RequestTooLargeError,
    UpstreamError,
    UpstreamTimeoutError,
    WyeError,
)
from wye.core.response import Choice, ChoiceDelta, ModelResponse, StreamChunk, ToolCallDelta
from wye.core.usage import Usage
from wye.core.wire import StreamState
from wye.surfaces.anthropic_messages import open_stream, parse_request, render_error, render_response
from wye.transport.framing import decoder

CALL = parse_request(b'{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"hi"}]}')
EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
USAGE = Usage(
    input_tokens=100,
    output_tokens=20,
    cache_read_tokens=30,
    cache_write_tokens=15,
    cache_write_1h_tokens=5,
    reasoning_tokens=7,
    search_requests=2,
)


def whole(choice: Choice, wire: str = "gemini", usage: Usage | None = USAGE) -> Any:
    response = ModelResponse(id="a1", choices=(choice,), usage=usage, wire=wire)
    document = json.loads(render_response(response, CALL, model="p/m", request_id="req_1"))
    Message.model_validate(document)
    return document


def streamed(chunks: Iterable[StreamChunk]) -> bytes:
    writer = open_stream(CALL, request_id="req_1")
    writer.model = "p/m"
    return b"".join([*(writer.render([chunk]) for chunk in chunks), writer.end()])


def gathered(body: bytes) -> Any:
    """Put a stream together as clients do, checking the order of its events."""
    message: Any = None
    open_block: int | None = None
    for event in decoder("sse").feed(body):
        data = json.loads(event.data)
        assert event.name == data["type"]
        EVENT.validate_python(data)
        match data:
            case {"type": "message_start"}:
                assert message is None
                message = data["message"]
            case {"type": "content_block_start", "index": at, "content_block": block}:
                assert open_block is None
                assert at == len(message["content"])
                open_block = at
                message["content"].append({**block, "json": ""})
            case {"type": "content_block_delta", "index": at, "delta": delta}:
                assert at == open_block
                add(message["content"][at], delta)
            case {"type": "content_block_stop", "index": at}:
                assert at == open_block
                open_block = None
                text = message["content"][at].pop("json")
                assert text != "null"
                if text:
                    message["content"][at]["input"] = input_of(text)
            case {"type": "message_delta", "delta": delta, "usage": usage}:
                message |= delta
                message["usage"] |= usage
    assert open_block is None
    assert body.endswith(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')
    return message


def input_of(text: str) -> Any:
    """Read arguments; what is no object, as where the model was cut short, is kept as text."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        value = None
    if text in {"null", "None"}:
        return {}
    return value if isinstance(value, dict) else {"arguments": text}


def add(block: Any, delta: Any) -> None:
    match delta:
        case {"type": "text_delta", "text": text}:
            block["text"] += text
        case {"type": "thinking_delta", "thinking": text}:
            block["thinking"] += text
        case {"type": "signature_delta", "signature": text}:
            block["signature"] = text
        case {"type": "input_json_delta", "partial_json": text}:
            block["json"] += text
        case {"type": "citations_delta", "citation": citation}:
            block.setdefault("citations", []).append(citation)


def chunk(**members: Any) -> StreamChunk:
    return StreamChunk(choices=(ChoiceDelta(**members),), id="a1", wire="gemini")


def call_piece(index: int, arguments: str = "", **members: Any) -> StreamChunk:
    return chunk(tool_calls=(ToolCallDelta(index=index, arguments=arguments, **members),))


END = StreamChunk(choices=(ChoiceDelta(finish_reason="stop"),), usage=USAGE, id="a1", wire="gemini")


def test_usage_is_told_in_anthropics_parts() -> None:
    assert whole(Choice(content="hi"))["usage"] == {
        "input_tokens": 55,
        "cache_creation_input_tokens": 15,
        "cache_read_input_tokens": 30,
        "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 5},
        "output_tokens": 20,
        "output_tokens_details": {"thinking_tokens": 7},
        "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 0},
    }


@pytest.mark.parametrize(
    ("finish", "stop"),
    [
        ("stop", "end_turn"),
        ("length", "max_tokens"),
        ("content_filter", "refusal"),
        (None, "end_turn"),
        ("odd", "end_turn"),
    ],
)
def test_finish_reasons_are_said_in_anthropics_words(finish: str | None, stop: str) -> None:
    assert whole(Choice(content="hi", finish_reason=finish))["stop_reason"] == stop


@pytest.mark.parametrize("finish", ["tool_calls", "stop", None])
def test_an_answer_with_calls_stops_for_them(finish: str | None) -> None:
    call = ToolCall("c", FunctionCall("f", '{"a":1}'))
    assert whole(Choice(tool_calls=(call,), finish_reason=finish))["stop_reason"] == "tool_use"
    body = streamed([call_piece(0, "{}", id="c", name="f"), chunk(finish_reason=finish)])
    assert gathered(body)["stop_reason"] == "tool_use"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [('{"a":1}', {"a": 1}), ("", {}), ("null", {}), ("[1]", {"arguments": "[1]"}), ('{"a":', {"arguments": '{"a":'})],
)
def test_arguments_are_an_object_whatever_the_model_wrote(arguments: str, expected: Any) -> None:
    (block,) = whole(Choice(tool_calls=(ToolCall("c", FunctionCall("f", arguments)),)))["content"]
    assert block["input"] == expected


def test_calls_whose_pieces_are_mixed_come_one_after_the_other() -> None:
    body = streamed(
        [
            call_piece(0, '{"a"', id="x", name="f"),
            call_piece(1, '{"b"', id="y", name="g"),
            call_piece(2, "{}", id="z", name="h"),
            call_piece(1, ":2}"),
            call_piece(0, ":1}"),
            END,
        ]
    )
    blocks = gathered(body)["content"]
    assert [(block["id"], block["name"], block["input"]) for block in blocks] == [
        ("x", "f", {"a": 1}),
        ("y", "g", {"b": 2}),
        ("z", "h", {}),
    ]


def test_a_call_without_arguments_has_an_empty_input() -> None:
    blocks = gathered(streamed([call_piece(0, id="x", name="f"), call_piece(1, id="y", name="g"), END]))["content"]
    assert [(block["name"], block["input"]) for block in blocks] == [("f", {}), ("g", {})]


def test_a_signature_in_the_midst_of_a_text_does_not_cut_it() -> None:
    signature = chunk(reasoning=Reasoning(signature="s", origin="gemini"))
    text = [chunk(content="one "), signature, chunk(content="text")]
    assert gathered(streamed([*text, END]))["content"] == [{"type": "text", "text": "one text"}]
    message = gathered(streamed([*text, call_piece(0, "{}", id="c", name="f"), END]))
    assert [block["type"] for block in message["content"]] == ["text", "redacted_thinking", "tool_use"]
    assert kept(message)[1] == Reasoning(signature="s", origin="gemini")


def test_an_empty_stream_is_a_message_without_content() -> None:
    message = gathered(streamed([]))
    assert (message["content"], message["stop_reason"]) == ([], "end_turn")


def test_sources_are_cited_as_search_results() -> None:
    citation = Citation(url="https://a", title="A", cited_text="so")
    (block,) = whole(Choice(content="It is so.", citations=(citation,)))["content"]
    assert [(one["url"], one["title"], one["cited_text"]) for one in block["citations"]] == [("https://a", "A", "so")]
    stream = gathered(streamed([chunk(content="It is so."), chunk(citations=(citation,)), END]))
    assert stream["content"] == [block]


# --- Round trips ---

texts = st.text(min_size=1, max_size=20)
words = st.text(alphabet="abcXYZ019-_=+/", min_size=1, max_size=30)
thoughts = st.builds(
    Reasoning,
    text=st.one_of(st.just(""), texts),
    signature=st.none() | words,
    encrypted=st.none() | words,
    id=st.none() | words,
    origin=st.sampled_from(["gemini", "openai_responses", "bedrock_converse"]),
    summary=st.booleans(),
).filter(lambda piece: bool(piece.text or piece.signature or piece.encrypted))
arguments = st.dictionaries(texts, st.integers() | texts, max_size=3).map(json.dumps)
calls = st.lists(st.tuples(st.builds(FunctionCall, words, arguments), st.none() | words), max_size=4).map(
    lambda made: tuple(
        ToolCall(f"id{at}", function, signature=signature, origin="gemini" if signature else None)
        for at, (function, signature) in enumerate(made)
    )
)
opaques = st.lists(
    st.builds(Opaque, wire=st.just("gemini"), raw=st.builds(lambda text: Raw(json.dumps({"a": text}).encode()), texts)),
    max_size=2,
)


@st.composite
def choices(draw: st.DrawFn) -> Choice:
    reasoning = draw(st.lists(thoughts, max_size=3))
    return Choice(
        content=draw(st.none() | texts),
        reasoning=tuple(reasoning),
        opaque=tuple(draw(opaques)),
        tool_calls=draw(calls),
        finish_reason=draw(st.sampled_from(["stop", "length", "tool_calls"])),
    )


def pieces(text: str, sizes: Sequence[int]) -> list[str]:
    out = []
    for size in sizes:
        out.append(text[:size])
        text = text[size:]
    return [piece for piece in (*out, text) if piece]


def as_chunks(choice: Choice, sizes: Sequence[int]) -> list[StreamChunk]:
    """Cut an answer as a stream could bring it: a thought's signature behind its text."""
    out = []
    for at, thought in enumerate(choice.reasoning):
        name = thought.id or f"t{at}"
        out += [
            chunk(reasoning=Reasoning(text=text, id=name, origin=thought.origin, summary=thought.summary))
            for text in pieces(thought.text, sizes)
        ]
        if thought.signature or thought.encrypted:
            signed = Reasoning(
                signature=thought.signature,
                encrypted=thought.encrypted,
                id=name,
                origin=thought.origin,
                summary=thought.summary,
            )
            out.append(chunk(reasoning=signed))
    out += [chunk(opaque=(part,)) for part in choice.opaque]
    out += [chunk(content=text) for text in pieces(choice.content or "", sizes)]
    for index, call in enumerate(choice.tool_calls):
        out.append(call_piece(index, id=call.id, name=call.name, signature=call.signature, origin=call.origin))
        out += [call_piece(index, text) for text in pieces(call.arguments, sizes)]
    out.append(
        StreamChunk(choices=(ChoiceDelta(finish_reason=choice.finish_reason),), usage=USAGE, id="a1", wire="gemini")
    )
    return out


def kept(message: Any) -> list[Any]:
    """Return the parts a client's next request brings back; names that only the test gave thoughts are left out."""
    body = {"model": "m", "max_tokens": 1, "messages": [{"role": "assistant", "content": message["content"]}]}
    (turn,) = parse_request(json.dumps(body).encode()).chat.messages
    return [part if not isinstance(part, Opaque) else (part.wire, bytes(part.raw)) for part in turn.parts]


@given(choices(), st.lists(st.integers(1, 5), max_size=4))
def test_a_stream_says_what_the_whole_answer_says_and_both_come_back_unharmed(choice: Choice, sizes: list[int]) -> None:
    named = [
        Reasoning(
            text=piece.text,
            signature=piece.signature,
            encrypted=piece.encrypted,
            id=piece.id or f"t{at}",
            origin=piece.origin,
            summary=piece.summary,
        )
        for at, piece in enumerate(choice.reasoning)
    ]
    ids = [piece.id for piece in named]
    if len(set(ids)) < len(ids):
        return  # two thoughts of one name that follow each other are one
    same = Choice(
        content=choice.content,
        reasoning=tuple(named),
        opaque=choice.opaque,
        tool_calls=choice.tool_calls,
        finish_reason=choice.finish_reason,
    )
    one, other = whole(same), gathered(streamed(as_chunks(choice, sizes)))
    assert other == one
    back = kept(one)
    assert [part for part in back if isinstance(part, Reasoning)] == named
    assert [
        (part.id, part.name, json.loads(part.arguments), part.signature) for part in back if isinstance(part, ToolCall)
    ] == [(call.id, call.name, json.loads(call.arguments), call.signature) for call in choice.tool_calls]
    assert [part for part in back if isinstance(part, tuple)] == [("gemini", bytes(part.raw)) for part in choice.opaque]


OTHERS = [
    pytest.param(wire, *parameter.values, id=f"{wire}-{parameter.id}", marks=parameter.marks)
    for wire in WIRES
    if wire in {"openai_chat", "gemini", "ollama_chat", "openai_responses"}
    for parameter in recordings_for(wire)
]


@pytest.mark.parametrize(("wire", "recording"), OTHERS)
def test_a_recorded_answer_of_another_wire_is_said_as_a_message(wire: Wire, recording: Recording) -> None:
    expected = expect(wire, recording.response_body, recording.streamed)
    if expected.error is not None or not expected.choices or recording.response_body.lstrip().startswith(b"["):
        return  # its error is raised before a surface is asked; an array nobody asked for comes in events
    adapter = load(wire)
    if recording.streamed:
        state = StreamState()
        events = decoder(adapter.FRAMING)
        found = [
            c for e in (*events.feed(recording.response_body), *events.close()) for c in adapter.parse_event(e, state)
        ]
        message = gathered(streamed(found))
    else:
        response = adapter.parse_response(recording.response_body)
        message = json.loads(render_response(response, CALL, model="p/m", request_id="req_1"))
        Message.model_validate(message)
    choice = expected.choices[0]
    blocks = message["content"]
    assert "".join(block["text"] for block in blocks if block["type"] == "text") == choice.text + choice.refusal
    assert "".join(block["thinking"] for block in blocks if block["type"] == "thinking") == choice.reasoning
    said = [(block["name"], block["input"]) for block in blocks if block["type"] == "tool_use"]
    assert said == [
        (call.name, call.arguments if isinstance(call.arguments, dict) else input_of(str(call.arguments)))
        for call in choice.tool_calls
    ]
    if expected.usage is not None:
        usage = message["usage"]
        cached = usage["cache_read_input_tokens"] + usage["cache_creation_input_tokens"]
        assert usage["input_tokens"] + cached == max(expected.usage.input_tokens, cached)
        assert usage["output_tokens"] == expected.usage.output_tokens


# --- Errors ---


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (InvalidRequestError, "invalid_request_error"),
        (AuthenticationError, "authentication_error"),
        (QuotaExceededError, "billing_error"),
        (PermissionDeniedError, "permission_error"),
        (ModelNotFoundError, "not_found_error"),
        (RequestTooLargeError, "request_too_large"),
        (RateLimitError, "rate_limit_error"),
        (UpstreamError, "api_error"),
        (OverloadedError, "overloaded_error"),
        (UpstreamTimeoutError, "timeout_error"),
        (WyeError, "api_error"),
    ],
)
def test_an_error_has_anthropics_type(kind: type[WyeError], name: str) -> None:
    error = kind("no", param="p", provider="acme")
    error.request_id = "req_1"
    assert json.loads(render_error(error)) == {
        "type": "error",
        "error": {"type": name, "message": "no", "code": error.code, "param": "p", "provider": "acme"},
        "request_id": "req_1",
    }


def test_a_context_too_long_is_said_so_that_clients_know_it() -> None:
    message = json.loads(render_error(ContextLengthError("maximum context length is 10 tokens")))["error"]["message"]
    assert message == "prompt is too long: maximum context length is 10 tokens"
    own = json.loads(render_error(ContextLengthError("prompt is too long: 5 > 3")))["error"]["message"]
    assert own == "prompt is too long: 5 > 3"


def test_thoughts_that_claude_signed_elsewhere_are_given_as_its_own() -> None:
    thought = Reasoning(text="hm", signature="c2ln", origin="bedrock_converse")
    message = whole(Choice(content="a", reasoning=(thought,)), "bedrock_converse")
    assert message["content"][0] == {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
    pieces = [structs.replace(thought, signature=None), structs.replace(thought, text="")]
    told = gathered(streamed([*(chunk(reasoning=piece) for piece in pieces), chunk(content="a")]))
    assert told["content"] == message["content"]
    (back, _) = kept(message)
    assert (back.signature, back.origin) == ("c2ln", "anthropic_messages")

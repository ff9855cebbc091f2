"""Whatever bytes come, from a caller or a provider, they end in values or in an error of ours."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.adapters.test_parity import PAIRS

from wye.adapters import Target, load
from wye.catalog.schema import ModelInfo
from wye.core.errors import InvalidRequestError, MalformedResponseError, WyeError
from wye.core.request import Asked
from wye.core.wire import ServerEvent, StreamState
from wye.surfaces.openai_chat import open_stream, parse_request, render_response

WIRES = tuple(PAIRS)
REQUEST = {
    "model": "m",
    "stream": True,
    "messages": [
        {"role": "system", "content": "a", "cache_control": {"type": "ephemeral"}},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "b"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD", "detail": "low"}},
                {"type": "image_url", "image_url": "https://example.org/a.png"},
                {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}},
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,QUJD", "filename": "a.pdf"}},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "refusal": "no",
            "reasoning_details": [{"type": "reasoning.text", "text": "hm", "signature": "c2ln"}],
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "x"},
    ],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, "strict": True}}],
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
    "stop": ["x"],
    "reasoning_effort": "low",
    "logprobs": True,
    "top_logprobs": 2,
    "modalities": ["text"],
    "generationConfig": {"topK": 1},
    "options": {"num_ctx": 1},
    "n": 2,
}
ERRORS: list[Any] = [
    {"error": {"message": "m", "type": "t", "code": "c", "param": "p", "metadata": {"raw": "r"}}},
    {"type": "error", "error": {"type": "overloaded_error", "message": "m"}},
    [{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "m", "details": [{"retryDelay": "3s"}]}}],
    {"error": "m"},
    {"detail": [{"msg": "m"}]},
]

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
)
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
ODD = (b"\xff", b'"', b"\\ud800", b"\\u0000", b"1e999", b"9" * 30, b"-0.0", b"[" * 3000, b"}", b"null", b"\xc2\xb2")


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the way to every value inside a JSON value."""
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    key, *rest = path
    inside = put(value[key], tuple(rest), new)
    if isinstance(value, dict):
        return {**value, key: inside}
    return [*value[:key], inside, *value[key + 1 :]]


@st.composite
def mutated(draw: st.DrawFn, value: Any) -> bytes:
    """Change up to three values of a valid body for any others, and at times cut it or put odd bytes into it."""
    for _ in range(draw(st.integers(0, 3))):
        value = put(value, draw(st.sampled_from(places(value))), draw(json_values))
    body = json.dumps(value, ensure_ascii=draw(st.booleans())).encode(errors="replace")
    match draw(st.sampled_from(["as it is", "cut", "odd"])):
        case "cut":
            return body[: draw(st.integers(0, len(body)))]
        case "odd":
            at = draw(st.integers(0, len(body)))
            return body[:at] + draw(st.sampled_from(ODD)) + body[at + draw(st.integers(0, 3)) :]
    return body


def bodies(*valid: Any) -> st.SearchStrategy[bytes]:
    anything = st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode(errors="replace"))
    return anything | st.sampled_from(valid).flatmap(mutated)


ANY_CALL = parse_request(
    b'{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true,"stream_options":{"include_usage":true}}'
)


@pytest.mark.parametrize("wire", WIRES)
def test_any_body_is_an_answer_or_an_error_of_ours(wire: str) -> None:
    @settings(deadline=None, max_examples=300)
    @given(bodies(PAIRS[wire][0], *ERRORS))
    def check(body: bytes) -> None:
        with suppress(WyeError):
            response = load(wire).parse_response(body)
            json.loads(render_response(response, ANY_CALL, model="m", request_id="r"))

    check()


@pytest.mark.parametrize("wire", WIRES)
def test_any_events_are_chunks_or_an_error_of_ours(wire: str) -> None:
    events = st.lists(bodies(*(e for e in PAIRS[wire][1] if isinstance(e, dict)), *ERRORS), max_size=6)

    @settings(deadline=None, max_examples=300)
    @given(events, st.none() | st.just("error") | st.text(max_size=5))
    def check(stream: list[bytes], name: str | None) -> None:
        state, written = StreamState(), open_stream(ANY_CALL, request_id="r")
        for data in stream:
            with suppress(WyeError):
                written.render(load(wire).parse_event(ServerEvent(data, name), state))
        written.end()

    check()


@pytest.mark.parametrize("wire", WIRES)
def test_reading_an_error_never_raises(wire: str) -> None:
    @settings(deadline=None, max_examples=300)
    @given(
        st.integers(400, 599),
        st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms"]), st.text(max_size=10)),
        bodies(*ERRORS),
    )
    def check(status: int, headers: dict[str, str], body: bytes) -> None:
        error = load(wire).parse_error(status, headers, body)
        assert isinstance(error, WyeError)
        assert error.message

    check()


MODELS = [ModelInfo(id="m"), ModelInfo(id="m", capabilities=frozenset({"json-schema", "adaptive-thinking"}))]


@pytest.mark.parametrize("wire", WIRES)
def test_any_request_is_built_or_refused_with_an_error_of_ours(wire: str) -> None:
    @settings(deadline=None, max_examples=300)
    @given(bodies(REQUEST), st.booleans(), st.sampled_from(MODELS))
    def check(body: bytes, drop: bool, model: ModelInfo) -> None:  # noqa: FBT001
        with suppress(WyeError):
            call = parse_request(body, Asked(drop_unsupported=drop))
            assert call.chat.model == call.model
            load(wire).build_request(call, Target(model))

    check()


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("stream", [b"false", b"true"])
def test_a_request_that_is_not_text_throughout_is_refused(wire: str, stream: bytes) -> None:
    body = b'{"model":"a","messages":[{"role":"user","content":"a"}],"\xff":1,"stream_options":null,"stream":' + stream
    call = parse_request(body + b"}")
    if wire != "openai_chat" or stream == b"true":  # where nothing needs changing inside, bytes go on as they came
        with pytest.raises(InvalidRequestError, match="not valid JSON"):
            load(wire).build_request(call, Target(MODELS[0]))


@pytest.mark.parametrize("wire", WIRES)
def test_an_answer_that_is_not_text_throughout_is_malformed(wire: str) -> None:
    body = json.dumps(PAIRS[wire][0]).encode()[:-1] + b',"\xff":1}'
    with pytest.raises(MalformedResponseError, match="can't decode"):
        load(wire).parse_response(body)


def test_counts_that_make_no_sense_do_not_reach_the_books() -> None:
    usage = {"prompt_tokens": -5, "completion_tokens": 10**30, "prompt_tokens_details": {"cached_tokens": 1.5}}
    body = json.dumps({"choices": [], "usage": usage}).encode()
    read = load("openai_chat").parse_response(body).usage
    assert read is not None
    assert (read.input_tokens, read.cache_read_tokens) == (0, 1)
    assert read.output_tokens < 10**15

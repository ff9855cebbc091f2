"""Whatever a caller sends for what is not chat is a call, or an error of ours that names the member at fault."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.adapters.test_properties import bodies

from wye.core.errors import InvalidRequestError, WyeError
from wye.core.operations import from_base64, to_base64
from wye.surfaces import cohere_rerank, openai_completions, openai_embeddings, openai_forwarded

REQUESTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "embeddings": (
        openai_embeddings,
        {"model": "m", "input": ["a"], "dimensions": 3, "encoding_format": "float", "input_type": "query", "user": "u"},
    ),
    "tokens": (openai_embeddings, {"model": "m", "input": [[1, 2], [3]]}),
    "rerank": (
        cohere_rerank,
        {"model": "m", "query": "q", "documents": ["a", {"text": "b"}], "top_n": 1, "rank_fields": ["text"]},
    ),
    "completions": (openai_completions, {"model": "m", "prompt": "p", "stream": True, "logprobs": 1, "stop": ["x"]}),
    "moderation": (openai_forwarded, {"model": "m", "input": ["a"]}),
}


@pytest.mark.parametrize("name", list(REQUESTS))
def test_any_bytes_are_a_call_or_an_error_of_ours(name: str) -> None:
    surface, valid = REQUESTS[name]

    @settings(deadline=None, max_examples=300)
    @given(bodies(valid))
    def check(body: bytes) -> None:
        with suppress(WyeError):
            call = surface.parse_request(body)
            assert isinstance(call.model, str)
            if call.operation == "completions":
                assert call.chat.model == call.model

    check()


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=200), st.sampled_from(["; boundary=b", '; boundary="b c"', "", "; boundary=", ";boundary=é"]))
def test_any_form_is_a_call_or_an_error_of_ours(body: bytes, rest: str) -> None:
    form = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nm-1\r\n--b\r\n' + body + b"\r\n--b--\r\n"
    for data in (body, form):
        with suppress(WyeError):
            kind = f"multipart/form-data{rest}"
            call = openai_forwarded.parse_request(data, operation="transcription", content_type=kind)
            assert call.model in {"m-1", "auto"} or data is body


@pytest.mark.parametrize(
    "head",
    [
        b'Content-Disposition: form-data; name="model"',
        b"content-disposition: form-data; name=model",
        b'Content-Type: text/plain\r\nContent-Disposition: form-data; filename="x"; name="model"',
    ],
)
def test_the_model_of_a_form_is_found_where_it_stands_and_nowhere_else(head: bytes) -> None:
    kind = "multipart/form-data; boundary=b"
    decoy = b'--b\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nname="model"\r\n\r\nnot me\r\n'
    body = decoy + b"--b\r\n" + head + b"\r\n\r\nm-1\r\n--b--\r\n"
    call = openai_forwarded.parse_request(body, operation="transcription", content_type=kind)
    assert call.model == "m-1"
    assert call.request.model_at == (body.index(b"m-1"), body.index(b"m-1") + 3)
    without = openai_forwarded.parse_request(decoy + b"--b--\r\n", operation="transcription", content_type=kind)
    assert (without.model, without.request.model_at) == ("auto", None)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("input", ""), ("input", []), ("input", ["a", 1]), ("input", [[]]), ("input", 1), ("dimensions", 0),
        ("encoding_format", "int8"), ("input_type", "poem"), ("model", None),
    ],
)  # fmt: skip
def test_a_wrong_member_of_embeddings_is_named(member: str, value: object) -> None:
    body = json.dumps({"model": "m", "input": "a", member: value}).encode()
    if value == "":
        assert openai_embeddings.parse_request(body).request.texts == ("",)  # a provider may take an empty text
        return
    with pytest.raises(InvalidRequestError, match=f"'{member}") as caught:
        openai_embeddings.parse_request(body)
    assert (caught.value.param or "").startswith(member)


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=20))
def test_a_vector_survives_base64(vector: list[float]) -> None:
    assert list(from_base64(to_base64(vector))) == vector


@pytest.mark.parametrize("text", ["?", "AAA", "AAAA"])
def test_what_is_no_vector_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"base64|padding|bytes"):
        from_base64(text)

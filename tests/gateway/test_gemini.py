"""Google's API at the gateway: its paths and keys, its bytes to its own models, its errors and its lists."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from tests.support.gateway import Answer, Running, provider, serving
from tests.support.recordings import Recording, recordings_for
from tests.support.upstream import Reply, Upstream

KEY = "AIzaSyTest0123456789abcdefghijklmnopqrs"
HELLO = {"contents": [{"parts": [{"text": "one two three"}]}]}
ADMIN = 'admin_key = "admin-0123456789"'


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(upstream: Upstream) -> Iterator[Running]:
    sections = [provider(name, upstream.url, f'api_keys = ["{KEY}"]') for name in ("gemini", "openai")]
    with serving("\n".join(sections).replace(KEY, KEY, 1)) as running:
        yield running


def post(gateway: Running, path: str, body: object = HELLO, **headers: str) -> Answer:
    encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
    return gateway.request("POST", path, encoded, headers)


# --- Recordings, same wire in and out ---


def renamed(body: bytes, name: str) -> bytes:
    """Put another model's name into an answer as text, all else untouched."""
    return re.sub(rb'("modelVersion"\s*:\s*)"[^"]*"', lambda found: found[1] + json.dumps(name).encode(), body)


def blocks(body: bytes) -> list[bytes]:
    """Return the data of each event; blank lines between them say nothing."""
    return [block.strip().removeprefix(b"data: ") for block in re.split(rb"\r\n\r\n|\n\n", body) if block.strip()]


@pytest.mark.parametrize("recording", recordings_for("gemini"))
def test_a_recorded_exchange_keeps_its_bytes(gateway: Running, upstream: Upstream, recording: Recording) -> None:
    array = recording.response_body.lstrip().startswith(b"[")
    if recording.streamed:
        documents = json.loads(recording.response_body) if array else []
        sent = b"".join(b"data: %b\r\n\r\n" % json.dumps(one).encode() for one in documents)
        sent = sent or recording.response_body
        upstream.reply_with(Reply.stream([sent], "text/event-stream"))
    else:
        sent = recording.response_body
        upstream.reply_with(Reply.raw(sent, "application/json"))
    method = "streamGenerateContent?alt=sse" if recording.streamed else "generateContent"
    answer = post(gateway, f"/v1beta/models/gemini/{recording.model}:{method}", recording.request_body)
    assert answer.status == 200
    name = f"gemini/{answer.headers['x-wye-model']}"
    if recording.streamed:
        assert blocks(answer.body) == blocks(renamed(sent, name))
    else:
        assert answer.body == renamed(sent, name)
    asked = upstream.received[-1]
    assert asked.path == f"/models/{recording.model}:{method}"
    body = json.loads(recording.request_body)
    if asked.body != recording.request_body:  # only where a call of a newer model has no signature
        assert not str(recording.model).startswith(("gemini-1.", "gemini-2."))
        assert without_stand_ins(asked.json) == without_stand_ins(body)


def without_stand_ins(body: Any) -> Any:
    for content in body["contents"]:
        for part in content["parts"]:
            if part.get("thoughtSignature", "").startswith("c2tpcF90aG91Z2h0"):
                del part["thoughtSignature"]
    return body


@pytest.mark.parametrize("recording", recordings_for("gemini", errors=True))
def test_a_recorded_error_is_googles_again(gateway: Running, upstream: Upstream, recording: Recording) -> None:
    upstream.reply_with(Reply.raw(recording.response_body, "application/json", status=recording.status))
    answer = post(gateway, "/v1beta/models/gemini/gemini-2.5-flash:generateContent")
    assert answer.status == recording.status
    told = json.loads(recording.response_body)
    told = told[0] if isinstance(told, list) else told
    assert answer.error["code"] == recording.status
    assert answer.error["message"] == told["error"]["message"]
    assert answer.error["status"] == {400: "INVALID_ARGUMENT", 404: "NOT_FOUND"}[recording.status]


# --- Paths ---


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models/mock-fast:generateContent",
        "/v1beta/models/mock-fast:generateContent",
        "/v1alpha/models/mock/mock-fast:generateContent",
        f"/v1beta/models/{quote('mock/mock-fast', safe='')}:generateContent",
        "/v1beta1/publishers/google/models/mock-fast:generateContent",
        "/v1beta1/projects/p/locations/l/publishers/google/models/mock-fast:generateContent",
    ],
)
def test_a_model_is_found_in_every_path_that_googles_clients_write(gateway: Running, path: str) -> None:
    answer = post(gateway, path)
    assert answer.status == 200
    assert answer.json["candidates"][0]["content"]["parts"] == [{"text": "Mock response"}]
    assert answer.json["modelVersion"] == "mock/mock-fast"


def test_a_name_with_colons_stays_whole(gateway: Running) -> None:
    answer = post(gateway, "/v1beta/models/nobody/llama3.1:8b:generateContent")
    assert answer.status == 404
    assert "llama3.1:8b" in answer.error["message"]


def test_a_stream_without_alt_is_one_json_array(gateway: Running) -> None:
    answer = post(gateway, "/v1beta/models/mock-fast:streamGenerateContent")
    assert answer.headers["content-type"] == "application/json"
    said = [item["candidates"][0]["content"]["parts"][0]["text"] for item in answer.json]
    assert "".join(said) == "Mock response"
    assert answer.json[-1]["candidates"][0]["finishReason"] == "STOP"
    assert answer.json[-1]["usageMetadata"]["totalTokenCount"] == 5


def test_a_stream_that_breaks_ends_with_googles_error(gateway: Running) -> None:
    body = {**HELLO, "mock": {"cut_after": 1}}
    events = blocks(post(gateway, "/v1beta/models/mock-fast:streamGenerateContent?alt=sse", body).body)
    assert json.loads(events[-1])["error"]["status"] == "UNAVAILABLE"
    array = post(gateway, "/v1beta/models/mock-fast:streamGenerateContent", body).json
    assert array[-1]["error"]["details"][0]["reason"] == "stream_interrupted"


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [
        ("/v1beta/models/no-such-model:generateContent", 404, "NOT_FOUND"),
        ("/v1beta/nothing", 404, "NOT_FOUND"),
        ("/v1beta/models/mock-fast", 405, "UNIMPLEMENTED"),
    ],
)
def test_errors_are_written_in_googles_form(gateway: Running, path: str, status: int, word: str) -> None:
    answer = post(gateway, path)
    assert (answer.status, answer.error["code"], answer.error["status"]) == (status, status, word)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"contents": "hi"}', b'{"contents": null}', b"\xff"])
def test_a_body_that_is_none_is_an_invalid_argument(gateway: Running, body: bytes) -> None:
    answer = post(gateway, "/v1beta/models/mock-fast:generateContent", body)
    assert (answer.status, answer.error["status"]) == (400, "INVALID_ARGUMENT")


# --- Lists and counts ---


def test_models_are_listed_in_googles_shape(gateway: Running) -> None:
    page = gateway.get("/v1beta/models?pageSize=2").json
    assert len(page["models"]) == 2
    assert page["models"][0]["name"].startswith("models/")
    more = gateway.get(f"/v1beta/models?pageSize=2&pageToken={page['nextPageToken']}").json
    assert more["models"][0] != page["models"][0]
    assert gateway.get("/v1/models", {"x-goog-api-key": "any"}).json.keys() == {"models", "nextPageToken"}
    assert gateway.get("/v1/models").json["object"] == "list"


def test_one_model_is_shown_in_googles_shape(gateway: Running) -> None:
    row = gateway.get("/v1beta/models/gemini/gemini-2.5-flash").json
    assert row["name"] == "models/gemini/gemini-2.5-flash"
    assert row["inputTokenLimit"] == 1048576
    assert gateway.get("/v1beta/models/none-such").error["status"] == "NOT_FOUND"


def test_tokens_are_counted_by_estimate_and_it_says_so(gateway: Running) -> None:
    answer = post(gateway, "/v1beta/models/mock-fast:countTokens")
    assert 4 <= answer.json["totalTokens"] <= 12
    assert answer.headers["x-wye-estimated"] == "totalTokens"
    whole = {"generateContentRequest": {"model": "models/mock-fast", **HELLO}}
    assert post(gateway, "/v1beta/models/mock-fast:countTokens", whole).json == answer.json


# --- Keys ---


@pytest.fixture(scope="module")
def locked() -> Iterator[Running]:
    with serving(f"[server]\n{ADMIN}\n") as running:
        yield running


def test_a_key_may_come_in_the_header_or_in_the_query_and_is_not_logged(locked: Running) -> None:
    path = "/v1beta/models/mock-fast:generateContent"
    assert post(locked, path, **{"x-goog-api-key": "admin-0123456789"}).status == 200
    assert post(locked, f"{path}?key=admin-0123456789").status == 200
    refused = post(locked, f"{path}?key=wrong-one")
    assert (refused.status, refused.error["status"]) == (401, "UNAUTHENTICATED")
    locked.wait_line(status=401)
    assert "admin-0123456789" not in locked.log
    assert "wrong-one" not in locked.log


def test_a_key_in_the_query_opens_no_other_api(locked: Running) -> None:
    assert locked.request("GET", "/v1/models?key=admin-0123456789").status == 401


# --- Signatures ---


def test_what_another_wire_signed_is_kept_from_googles_models(gateway: Running, upstream: Upstream) -> None:
    upstream.reply_with(Reply.json({"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP"}]}))
    sealed = "d3llMS5leUp2Y21sbmFXNGlPaUo0SW4w"
    parts = [
        {"text": "hm", "thought": True, "thoughtSignature": sealed},
        {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": sealed},
        {"functionCall": {"name": "g", "args": {"a": 1.0}}},
    ]
    body = {"contents": [{"role": "user", "parts": [{"text": "x"}]}, {"role": "model", "parts": parts}], "x": 1.50}
    post(gateway, "/v1beta/models/gemini-3.8-flash:generateContent", body)
    calls = upstream.received[-1].json["contents"][1]["parts"]
    assert calls == [
        {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="},
        {"functionCall": {"name": "g", "args": {"a": 1.0}}},
    ]
    post(gateway, "/v1beta/models/gemini-2.5-flash:generateContent", body)
    assert upstream.received[-1].json["contents"][1]["parts"] == [{"functionCall": {"name": "f", "args": {}}}, parts[2]]

"""Every recorded Messages exchange goes through `/v1/messages` to Anthropic's own wire and back as it was recorded.

The provider gets the caller's bytes but for the model's name, and the headers that choose versions; the caller gets the
provider's bytes but for the model's name, whole and in every event of a stream.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from tests.support.gateway import Answer, Json, Running, provider, serving
from tests.support.recordings import Recording, available, every, rechunk, recordings_for
from tests.support.upstream import Cut, Reply, Upstream

KEY = "sk-ant-api03-0123456789abcdefghijklmnop"
HEADERS = {"anthropic-version": "2023-06-01", "anthropic-beta": "one-2025-01-01,two-2025-02-02", "x-api-key": "any"}
MODEL_NAME = re.compile(rb'("model"\s*:\s*)"(?:[^"\\]|\\.)*"')


@dataclass(frozen=True)
class House:
    upstream: Upstream
    gateway: Running

    def post(self, path: str, body: bytes, reply: Reply) -> Answer:
        self.upstream.reply_with(reply)
        return self.gateway.request("POST", path, body, HEADERS)


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with Upstream() as upstream, serving(provider("anthropic", upstream.url, f'api_keys = ["{KEY}"]')) as gateway:
        yield House(upstream, gateway)


def asked_of_us(recording: Recording) -> bytes:
    """Return the recorded request with the name that the gateway knows the model by."""
    name = json.dumps(f"anthropic/{recording.model}").encode()
    return MODEL_NAME.sub(lambda found: found[1] + name, recording.request_body, count=1)


def replay(recording: Recording, pieces: list[bytes] | None = None) -> Reply:
    if recording.streamed:
        return Reply.stream(pieces or [recording.response_body])
    return Reply.raw(recording.response_body, "application/json", status=recording.status)


def events(body: bytes) -> list[bytes]:
    """Return the events of a stream without its comments, and whatever the line ends are."""
    blocks = body.replace(b"\r\n", b"\n").split(b"\n\n")
    return [block for block in blocks if block.strip() and not block.startswith(b":")]


def data_of(event: bytes) -> bytes:
    return next(line[5:].strip() for line in event.split(b"\n") if line.startswith(b"data:"))


def without_model(document: Json) -> Json:
    inner = document.get("message")
    if isinstance(inner, dict):
        return {**document, "message": {**inner, "model": None}}
    return {**document, "model": None}


@pytest.mark.parametrize("recording", recordings_for("anthropic_messages"))
def test_a_recorded_exchange_keeps_its_bytes(house: House, recording: Recording) -> None:
    body = asked_of_us(recording)
    answer = house.post("/v1/messages", body, replay(recording))
    assert answer.status == 200
    received = house.upstream.received[-1]
    assert received.path == "/messages"
    assert {name: received.headers[name] for name in ("anthropic-version", "anthropic-beta")} == {
        name: HEADERS[name] for name in ("anthropic-version", "anthropic-beta")
    }
    assert received.headers["x-api-key"] == KEY
    assert json.loads(received.body) == json.loads(recording.request_body)
    model = f"anthropic/{answer.headers['x-wye-model']}"
    if recording.streamed:
        check_stream(answer, recording, model)
    else:
        check_whole(answer, recording, model)


def check_whole(answer: Answer, recording: Recording, model: str) -> None:
    assert answer.json["model"] == model
    assert without_model(answer.json) == without_model(json.loads(recording.response_body))
    if recording.response_body.count(b'"model"') == 1:
        name = json.dumps(model).encode()
        assert answer.body == MODEL_NAME.sub(lambda found: found[1] + name, recording.response_body)


def check_stream(answer: Answer, recording: Recording, model: str) -> None:
    ours, theirs = events(answer.body), events(recording.response_body)
    assert len(ours) == len(theirs)
    for mine, recorded in zip(ours, theirs, strict=True):
        assert mine.split(b"\n")[0] == recorded.split(b"\n")[0]
        if b"message_start" not in recorded:
            assert data_of(mine) == data_of(recorded)
            continue
        started = json.loads(data_of(mine))
        assert started["message"]["model"] == model
        assert without_model(started) == without_model(json.loads(data_of(recorded)))


@pytest.mark.parametrize("recording", recordings_for("anthropic_messages", errors=True))
def test_a_recorded_error_reaches_the_client_in_anthropics_form(house: House, recording: Recording) -> None:
    answer = house.post("/v1/messages", asked_of_us(recording), replay(recording))
    recorded = json.loads(recording.response_body)
    assert answer.status == recording.status
    assert answer.json["type"] == "error"
    assert answer.json["error"]["type"] == recorded["error"]["type"]
    assert answer.json["error"]["message"] == recorded["error"]["message"]
    assert answer.json["request_id"] == answer.headers["x-request-id"]


def test_what_anthropic_says_beside_an_errors_message_reaches_its_client(house: House) -> None:
    details = {"error_code": "thread_not_found"}
    error = {"type": "error", "error": {"type": "not_found_error", "message": "no such thread", "details": details}}
    body = b'{"model":"anthropic/claude-haiku-4-5","max_tokens":1,"messages":[{"role":"user","content":"hi"}]}'
    answer = house.post("/v1/messages", body, Reply.json(error, status=404))
    assert (answer.status, answer.json["error"]["details"]) == (404, details)


def streams() -> list[pytest.ParameterSet]:
    """Return the streams that hold most kinds of blocks."""
    if not available():
        return [pytest.param(None, marks=pytest.mark.skip(reason="streams left out: no recordings"))]
    found: dict[frozenset[bytes], pytest.ParameterSet] = {}
    for parameter in recordings_for("anthropic_messages"):
        recording = parameter.values[0]
        assert isinstance(recording, Recording)
        if recording.streamed:
            kinds = re.findall(rb'"content_block":\s*\{[^}]*"type":\s*"(\w+)"', recording.response_body)
            found.setdefault(frozenset(kinds), parameter)
    return list(found.values())


@pytest.mark.parametrize("how", ["bytes", "utf8", "crlf", "random", "events"])
@pytest.mark.parametrize("recording", streams())
def test_a_stream_is_the_same_however_the_network_cuts_it(house: House, recording: Recording, how: str) -> None:
    pieces = rechunk(recording.response_body, how)  # type: ignore[arg-type]  # one of the names listed above
    if len(pieces) > 20_000:
        pieces = rechunk(recording.response_body, "random")
    answer = house.post("/v1/messages", asked_of_us(recording), replay(recording, pieces))
    check_stream(answer, recording, f"anthropic/{answer.headers['x-wye-model']}")


@pytest.mark.parametrize("recording", streams())
def test_a_stream_that_is_cut_ends_with_an_error_event_and_no_end_marker(house: House, recording: Recording) -> None:
    kept = recording.response_body[: recording.response_body.rindex(b"event: message_stop")]
    answer = house.post("/v1/messages", asked_of_us(recording), Reply.stream([kept, Cut()]))
    *_, last = events(answer.body)
    assert last.startswith(b"event: error\n")
    error = json.loads(data_of(last))
    assert (error["type"], error["error"]["type"], error["error"]["code"]) == (
        "error",
        "api_error",
        "stream_interrupted",
    )
    assert error["request_id"] == answer.headers["x-request-id"]
    assert b"message_stop" not in answer.body


def counts() -> list[pytest.ParameterSet]:
    if not available():
        return [
            pytest.param(None, marks=pytest.mark.skip(reason="8 recorded counts of tokens left out: no recordings"))
        ]
    found = [one for one in every() if urlsplit(one.url).path.endswith("/messages/count_tokens")]
    return [pytest.param(one, id=one.id.rpartition("/")[2]) for one in found]


@pytest.mark.parametrize("recording", counts())
def test_a_recorded_count_of_tokens_is_the_providers_own(house: House, recording: Recording) -> None:
    answer = house.post("/v1/messages/count_tokens", asked_of_us(recording), replay(recording))
    received = house.upstream.received[-1]
    assert received.path == "/messages/count_tokens"
    assert json.loads(received.body) == json.loads(recording.request_body)
    recorded = json.loads(recording.response_body)
    assert answer.status == recording.status
    if recording.status == 200:
        assert answer.json == recorded
        assert "x-wye-estimated" not in answer.headers
    else:
        assert answer.json["error"]["message"] == recorded["error"]["message"]

"""The log is one JSON object a line and holds neither a key nor a word of what was asked or answered."""

import json
import socket
from collections.abc import Iterator

import pytest
from tests.support.gateway import Answer, Process, Running, chat_body, process, provider
from tests.support.openai_wire import answer, refusal, stream, words
from tests.support.upstream import Cut, Received, Reply, Upstream

ADMIN_KEY = "wye-admin-CANARY-0123456789abcdef"
PROVIDER_KEY = "sk-provider-CANARY-0123456789abcdef"
GUESSED_KEY = "guessed-CANARY-0123456789abcdef"
ASKED = "what-was-asked-CANARY"
ANSWERED = "what-was-answered-CANARY"
KEYS = (ADMIN_KEY, PROVIDER_KEY, GUESSED_KEY)


def test_a_request_is_one_line(gateway: Running, upstream: Upstream) -> None:
    upstream.reply_with(answer())
    told = gateway.chat("up/priced")
    line = gateway.wait_line(request_id=told.headers["x-request-id"])
    assert line.pop("time") > 1_700_000_000
    assert line.pop("duration_ms") > 0
    assert line == {
        "event": "request",
        "request_id": told.headers["x-request-id"],
        "method": "POST",
        "path": "/v1/chat/completions",
        "status": 200,
        "provider": "up",
        "model": "priced",
        "asked": "up/priced",
        "attempts": 1,
        "input_tokens": 3,
        "output_tokens": 2,
        "cost_usd": "0.000023",
    }


def test_a_refused_request_is_a_line_with_its_code(gateway: Running) -> None:
    refused = gateway.post(b"{")
    line = gateway.wait_line(request_id=refused.headers["x-request-id"])
    assert (line["status"], line["error"]) == (400, "invalid_json")
    assert "provider" not in line


# --- Canaries ---


def echo(request: Received) -> Reply:
    """Say everything back that must not be told, in every way a provider can."""
    said = f"{ANSWERED} {ASKED} {request.headers['authorization']}"
    match request.json["model"]:
        case "whole":
            return answer(ANSWERED)
        case "streamed":
            return stream(ANSWERED)
        case "refuses":
            return refusal(401, said)
        case "fails":
            return Reply.raw(said.encode(), "text/plain", status=500)
        case "breaks-off":
            return Reply.stream([*words(ANSWERED), Cut()])
        case "fails-late":
            failed = json.dumps({"error": {"message": said, "code": 500}}).encode()
            return Reply.stream([*words(ANSWERED), b"data: " + failed + b"\n\n"])
        case _:
            return Reply.raw(json.dumps({"choices": said}).encode(), "application/json")


@pytest.fixture
def imitation() -> Iterator[Upstream]:
    with Upstream() as upstream:
        upstream.handler = echo
        yield upstream


def settings(upstream: Upstream) -> str:
    return provider("up", upstream.url, 'api_keys = ["env:KEY_OF_UP"]') + '[server]\nadmin_key = "env:KEY_OF_OURS"\n'


def ask_everything(served: Process) -> list[Answer]:
    """Make requests of every outcome; return the answers."""
    ours = {"authorization": f"Bearer {ADMIN_KEY}"}
    answers = [
        served.chat(f"up/{model}", ASKED, ours, stream=model in {"streamed", "breaks-off", "fails-late"})
        for model in ("whole", "streamed", "refuses", "fails", "breaks-off", "fails-late", "nonsense")
    ]
    answers += [
        served.chat("up/whole", ASKED, {"authorization": f"Bearer {GUESSED_KEY}"}),
        served.chat("up/whole", ASKED, {"x-api-key": GUESSED_KEY}),
        served.get(f"/v1/models?key={GUESSED_KEY}", ours),
        served.chat("no-such-model", ASKED, ours),
        served.post(b'{"model": "up/whole", "messages": [{"role": "user", "content": "' + ASKED.encode(), ours),
        served.post({"model": "up/whole", "messages": [{"role": "user", "content": {"text": ASKED}}]}, ours),
        served.post(chat_body("mock-fast", ASKED, temperature=ASKED), ours),
        served.chat("mock-fast", ASKED, ours, mock={"reply": ANSWERED, "status": 500}),
        served.chat("mock-fast", ASKED, ours, mock={"unknown": ASKED}),
    ]
    assert {answer.status for answer in answers} == {200, 400, 401, 404, 502}
    return answers


def test_the_log_holds_no_key_and_no_word_of_what_was_said(imitation: Upstream) -> None:
    with process(settings(imitation), KEY_OF_UP=PROVIDER_KEY, KEY_OF_OURS=ADMIN_KEY) as served:
        answers = ask_everything(served)
        send_nonsense(served)
        stop(served)
        written = served.log
    lines = [json.loads(line) for line in written.splitlines()]
    assert [line["message"] for line in lines if line.get("event") == "server"] == ["Invalid HTTP request received."]
    assert len([line for line in lines if "path" in line]) == len(answers)
    assert "CANARY" not in written
    assert "CANARY" not in served.said


def send_nonsense(served: Process) -> None:
    """Send what is no HTTP; the server has its own words for that."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=5) as peer:
        peer.sendall(f"{ASKED} {ADMIN_KEY}\r\n\r\n".encode())
        assert b"400" in peer.recv(1000)


def stop(served: Process) -> None:
    served.hang_up()
    served.program.terminate()
    assert served.wait() == 0


def test_no_answer_holds_a_key(imitation: Upstream) -> None:
    with process(settings(imitation), KEY_OF_UP=PROVIDER_KEY, KEY_OF_OURS=ADMIN_KEY) as served:
        told = [f"{answer.headers} {answer.body!r}" for answer in ask_everything(served)]
    assert not [text for text in told if any(key in text for key in KEYS)]


def test_debugging_shows_what_was_said_and_no_key(imitation: Upstream) -> None:
    with process(settings(imitation), "--debug", KEY_OF_UP=PROVIDER_KEY, KEY_OF_OURS=ADMIN_KEY) as served:
        ask_everything(served)
        stop(served)
        shown = served.log
    assert ASKED in shown
    assert ANSWERED in shown
    assert imitation.url in shown
    assert not [key for key in KEYS if key in shown]


def test_a_log_line_is_written_soon(imitation: Upstream) -> None:
    with process() as served:
        told = served.get("/healthz")
        while told.headers["x-request-id"] not in served.log:
            assert served.program.poll() is None

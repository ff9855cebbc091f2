"""A provider that is not to stream answers a caller's stream in one piece, whole in every client API."""

import json
from collections.abc import Iterator

import pytest
from tests.support.gateway import Running, provider, serving
from tests.support.openai_wire import answer
from tests.support.upstream import Received, Reply, Upstream

CLAUDE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
    "content": [{"type": "text", "text": "Hello"}], "usage": {"input_tokens": 3, "output_tokens": 2},
}  # fmt: skip
SAID = [{"role": "user", "content": "hi"}]


@pytest.fixture(scope="module")
def gateway() -> Iterator[Running]:
    def reply(request: Received) -> Reply:
        assert not request.json.get("stream")
        return Reply.json(CLAUDE) if request.path.endswith("/messages") else answer()

    with Upstream() as upstream:
        upstream.handler = reply
        text = provider("chat", upstream.url, "stream = false")
        text += provider("claude", upstream.url, "stream = false", 'adapter = "anthropic_messages"')
        with serving(text) as running:
            yield running


@pytest.mark.parametrize("model", ["chat/m", "claude/m"])
@pytest.mark.parametrize(
    ("path", "body", "end"),
    [
        ("/v1/chat/completions", {"messages": SAID}, b"data: [DONE]"),
        ("/v1/messages", {"messages": SAID, "max_tokens": 9}, b"event: message_stop"),
        ("/v1/responses", {"input": "hi"}, b"event: response.completed"),
    ],
)
def test_every_client_gets_its_own_stream(
    gateway: Running, model: str, path: str, body: dict[str, object], end: bytes
) -> None:
    sent = json.dumps({"model": model, "stream": True, **body}).encode()
    told = gateway.request("POST", path, sent)
    assert told.status == 200, told.body
    assert told.headers["content-type"].startswith("text/event-stream")
    assert b'"Hello"' in told.body
    assert end in told.body


@pytest.mark.parametrize("model", ["chat/m", "claude/m"])
def test_geminis_clients_too(gateway: Running, model: str) -> None:
    sent = json.dumps({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}).encode()
    told = gateway.request("POST", f"/v1beta/models/{model}:streamGenerateContent?alt=sse", sent)
    assert told.status == 200, told.body
    assert b'"Hello"' in told.body
    assert b'"STOP"' in told.body

"""What a request points to reaches providers that take bytes only, whatever else is done to the request."""

import base64
from typing import Any

import pytest
from tests.dispatch.calls import Upstreams, behind, exchange_to, said, streamed
from tests.dispatch.wires import OLLAMA
from tests.support.upstream import Received, Reply
from tests.support.upstream import Upstream as Server

from wye.dispatch import walk
from wye.dispatch.defaults import Defaults
from wye.transport import guard

PNG = b"\x89PNG picture"


@pytest.fixture(autouse=True)
def reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this machine count as the public Internet."""
    monkeypatch.setattr(guard, "is_public", lambda _: True)


def answering(request: Received) -> Reply:
    """Show a picture to whoever GETs one, else answer as Ollama does."""
    if request.method == "GET":
        return Reply.raw(PNG, "image/png")
    return OLLAMA.stream() if request.json["stream"] else Reply.json(OLLAMA.whole)


def pointing_at(*urls: str) -> list[dict[str, Any]]:
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, *parts]}]


def pictures(request: Received) -> list[bytes]:
    return [base64.b64decode(data) for data in request.json["messages"][0]["images"]]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_fetched_picture_is_still_there_when_a_default_was_filled_in(server: Server, *, stream: bool) -> None:
    server.handler = answering
    one = behind(server, wire="ollama_chat", defaults=Defaults(temperature=0.3))
    async with Upstreams(one=one) as upstreams:
        exchange = exchange_to("one", stream=stream, messages=pointing_at(f"{server.url}/cat.png"))
        if stream:
            assert said(await streamed(exchange, upstreams)) == "hello you"
        else:
            assert (await walk.complete(exchange, upstreams)).content == "hello you"
    sent = server.received[-1]
    assert pictures(sent) == [PNG]
    assert sent.json["options"]["temperature"] == 0.3


async def test_a_fetched_picture_is_still_there_when_a_stream_is_asked_for_in_one_piece(server: Server) -> None:
    server.handler = answering
    async with Upstreams(one=behind(server, wire="ollama_chat", defaults=Defaults(stream=False))) as upstreams:
        exchange = exchange_to("one", stream=True, messages=pointing_at(f"{server.url}/cat.png"))
        assert said(await streamed(exchange, upstreams)) == "hello you"
    sent = server.received[-1]
    assert pictures(sent) == [PNG]
    assert sent.json["stream"] is False

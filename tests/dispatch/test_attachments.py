"""What a request points to reaches providers that take bytes only, whatever else is done to the request."""

import base64
from typing import Any

import pytest
from tests.dispatch.calls import Upstreams, behind, exchange_to, said, streamed
from tests.dispatch.wires import OLLAMA
from tests.support.upstream import Received, Reply
from tests.support.upstream import Upstream as Server

from wye.core.errors import InvalidRequestError
from wye.dispatch import attachments, walk
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


async def test_all_that_a_request_points_to_has_one_limit(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachments, "_BYTES_AT_MOST", 2 * len(PNG))
    server.handler = answering
    async with Upstreams(one=behind(server, wire="ollama_chat")) as upstreams:
        two = [f"{server.url}/{name}.png" for name in ("cat", "dog")]
        await walk.complete(exchange_to("one", messages=pointing_at(*two)), upstreams)
        assert pictures(server.received[-1]) == [PNG, PNG]
        with pytest.raises(InvalidRequestError, match="with all else that the request points to") as raised:
            await walk.complete(exchange_to("one", messages=pointing_at(*two, f"{server.url}/cow.png")), upstreams)
    assert raised.value.code == "invalid_url"
    assert server.received[-1].method == "GET"


async def test_another_attempt_does_not_fetch_again(server: Server, spare: Server) -> None:
    server.handler = answering
    spare.reply_with(Reply.json({"error": "away"}, status=503))
    away, well = behind(spare, wire="ollama_chat"), behind(server, "two", wire="ollama_chat")
    async with Upstreams(one=away, two=well) as upstreams:
        await walk.complete(exchange_to("one", "two", messages=pointing_at(f"{server.url}/cat.png")), upstreams)
    assert [request.method for request in server.received] == ["GET", "POST"]
    assert pictures(spare.received[-1]) == pictures(server.received[-1]) == [PNG]

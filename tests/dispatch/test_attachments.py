"""What a request points to reaches providers that take bytes only, whatever else is done to the request."""

import asyncio
import base64
import json
from typing import Any

import pytest
from tests.dispatch.calls import Upstreams, behind, exchange_to, said, streamed
from tests.dispatch.wires import OLLAMA, RESPONSES
from tests.support.upstream import Hang, Pause, Received, Reply
from tests.support.upstream import Upstream as Server

from wye.core.errors import DeadlineExceededError, InvalidRequestError
from wye.dispatch import attachments, walk
from wye.dispatch.defaults import Defaults
from wye.surfaces.openai_responses import parse_request
from wye.transport import HttpReply, guard
from wye.transport.plain import PlainTransport

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


@pytest.mark.parametrize("stream", [False, True])
async def test_nothing_is_fetched_for_a_provider_that_is_asked_in_the_callers_own_wire(
    server: Server, *, stream: bool
) -> None:
    server.reply_with(RESPONSES.stream() if stream else Reply.json(RESPONSES.whole))
    file = {"type": "input_file", "file_url": f"{server.url}/a.pdf"}
    body = {"model": "m", "input": [{"role": "user", "content": [file]}], "stream": stream}
    async with Upstreams(one=behind(server, also_speaks=("openai_responses",))) as upstreams:
        exchange = exchange_to("one", stream=stream)
        exchange.call = parse_request(json.dumps(body).encode())
        if stream:
            assert said(await streamed(exchange, upstreams)) == "hello you"
        else:
            assert (await walk.complete(exchange, upstreams)).content == "hello you"
    (sent,) = server.received
    assert (sent.method, sent.path) == ("POST", "/responses")
    assert sent.json["input"] == body["input"]


async def test_another_attempt_does_not_fetch_again(server: Server, spare: Server) -> None:
    server.handler = answering
    spare.reply_with(Reply.json({"error": "away"}, status=503))
    away, well = behind(spare, wire="ollama_chat"), behind(server, "two", wire="ollama_chat")
    async with Upstreams(one=away, two=well) as upstreams:
        await walk.complete(exchange_to("one", "two", messages=pointing_at(f"{server.url}/cat.png")), upstreams)
    assert [request.method for request in server.received] == ["GET", "POST"]
    assert pictures(spare.received[-1]) == pictures(server.received[-1]) == [PNG]


async def test_a_fetch_ends_with_the_deadline_of_its_request(server: Server) -> None:
    server.reply_with(Reply(200, {"content-type": "image/png"}, [PNG, Hang()]))
    async with Upstreams(one=behind(server, wire="ollama_chat")) as upstreams, asyncio.timeout(10):
        exchange = exchange_to("one", seconds=0.3, messages=pointing_at(f"{server.url}/cat.png"))
        with pytest.raises(DeadlineExceededError):
            await walk.complete(exchange, upstreams)


async def test_a_whole_answer_has_what_a_fetch_left_of_the_deadline(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[float] = []

    async def noting(_: PlainTransport, path: str, headers: Any, body: bytes, deadline: float) -> HttpReply:
        del path, headers, body
        given.append(deadline)
        return HttpReply(200, dict, json.dumps(OLLAMA.whole).encode())

    monkeypatch.setattr(PlainTransport, "send", noting)
    server.reply_with(Reply(200, {"content-type": "image/png"}, [PNG, Pause(0.2)]))
    async with Upstreams(one=behind(server, wire="ollama_chat")) as upstreams:
        await walk.complete(exchange_to("one", seconds=10.0, messages=pointing_at(f"{server.url}/cat.png")), upstreams)
    assert given[0] <= 10.0 - 0.2

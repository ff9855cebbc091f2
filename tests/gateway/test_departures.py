"""A caller who leaves ends the call at the provider, whatever it was doing, and the log says so."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.support.gateway import Json, Running, chat_body, provider, serving
from tests.support.openai_wire import answer, stream, words
from tests.support.upstream import Hang, Reply, Upstream


@contextmanager
def asking(gateway: Running, body: Json, *, part: float = 1.0) -> Iterator[socket.socket]:
    """Send a request, or the first part of one, and leave at the end of the block without reading the answer."""
    encoded = json.dumps(body).encode()
    head = (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n" % len(encoded)
    )
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as peer:
        peer.sendall(head + encoded[: int(len(encoded) * part)])
        yield peer


@pytest.mark.parametrize("streamed", [False, True])
def test_leaving_before_the_first_byte_ends_the_call_at_the_provider(
    gateway: Running,
    upstream: Upstream,
    spare: Upstream,
    streamed: bool,  # noqa: FBT001
) -> None:
    upstream.reply_with(Reply.silence())
    with asking(gateway, chat_body("either", stream=streamed)):
        assert upstream.wait_received(5)
    assert upstream.wait_disconnect(5)
    line = gateway.wait_line(status=499, stream=True) if streamed else gateway.wait_line(status=499)
    assert (line["provider"], line["model"], line["attempts"]) == ("up", "model", 1)
    assert "cost_usd" not in line  # what it came to is unknown, which is not zero
    assert spare.received == []


def test_leaving_in_the_midst_of_a_stream_ends_it_at_the_provider(gateway: Running, upstream: Upstream) -> None:
    upstream.reply_with(Reply.stream([*words("Hello"), Hang()]))
    with asking(gateway, chat_body("up/mid-stream", stream=True)) as peer:
        seen = b""
        while b"Hello" not in seen:
            seen += peer.recv(4096)
    assert upstream.wait_disconnect(5)
    line = gateway.wait_line(status=499, model="mid-stream")
    assert line["stream"] is True
    assert "cost_usd" not in line


def test_leaving_in_the_midst_of_a_long_answer_ends_it_at_the_provider(gateway: Running, upstream: Upstream) -> None:
    reply = Reply.json({"choices": []})
    reply.pieces = [reply.pieces[0], Hang()]
    reply.headers = {**reply.headers, "content-length": "100000"}
    upstream.reply_with(reply)
    with asking(gateway, chat_body("up/long-answer")):
        assert upstream.wait_received(5)
    assert upstream.wait_disconnect(5)
    gateway.wait_line(status=499, model="long-answer")


def test_leaving_before_the_request_is_complete_asks_nobody(upstream: Upstream) -> None:
    with serving(provider("up", upstream.url)) as gateway:
        with asking(gateway, chat_body("up/m", "x" * 100_000), part=0.5):
            pass
        line = gateway.wait_line(status=499)
    assert "provider" not in line
    assert upstream.received == []


def test_leaving_the_caller_behind_a_comment_is_noticed_too(upstream: Upstream) -> None:
    upstream.reply_with(Reply.silence())
    with serving(provider("up", upstream.url) + "[server]\nkeep_alive = 0.05\n") as gateway:
        with asking(gateway, chat_body("up/m", stream=True)) as peer:
            seen = b""
            while b": keep-alive" not in seen:
                seen += peer.recv(4096)
        assert upstream.wait_disconnect(5)
        gateway.wait_line(status=499)


def test_leaving_a_provider_in_this_process_ends_it_too() -> None:
    with serving() as gateway:
        body = chat_body("mock-slow", stream=True, mock={"delay": 0, "pace": 600, "reply": "one two"})
        with asking(gateway, body) as peer:
            seen = b""
            while b"one" not in seen:
                seen += peer.recv(4096)
        assert gateway.wait_line(status=499)["provider"] == "mock"


def test_those_who_stay_are_served_while_others_leave(gateway: Running, upstream: Upstream) -> None:
    upstream.handler = lambda request: Reply.silence() if "leaver" in request.json["model"] else stream("Hello")
    for _ in range(20):
        with asking(gateway, chat_body("up/leaver", stream=True)):
            assert upstream.wait_received(5)
        told = gateway.chat("up/m", stream=True)
        assert told.events[-1] == b"[DONE]"
        upstream.received.clear()
    upstream.handler = None
    upstream.reply_with(answer())
    assert gateway.chat("up/m").status == 200
    assert upstream.wait_disconnect(5, count=20)

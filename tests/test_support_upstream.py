"""The imitation provider keeps its promises; checked with a client that shares no code with it."""

import asyncio
import http.client
import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from tests.support.upstream import Cut, Hang, Pause, Received, Reply, Upstream


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture
def client(upstream: Upstream) -> Iterator[http.client.HTTPConnection]:
    address = upstream.url.removeprefix("http://")
    with closing(http.client.HTTPConnection(address, timeout=5)) as connection:
        yield connection


def ask(client: http.client.HTTPConnection, body: bytes = b"{}") -> http.client.HTTPResponse:
    client.request("POST", "/v1/chat?a=1", body, {"X-Key": "k"})
    return client.getresponse()


def send_raw(upstream: Upstream, request: bytes) -> socket.socket:
    host, port = upstream.url.removeprefix("http://").split(":")
    peer = socket.create_connection((host, int(port)), timeout=5)
    peer.sendall(request)
    return peer


SMALL_REQUEST = b"POST /v1/chat HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}"


def test_a_request_is_received_as_it_was_sent(upstream: Upstream, client: http.client.HTTPConnection) -> None:
    upstream.reply_with(Reply.json({"ok": True}))
    ask(client, b'{"model": "m"}').read()
    (request,) = upstream.received
    assert (request.method, request.path, request.headers["x-key"]) == ("POST", "/v1/chat?a=1", "k")
    assert request.json["model"] == "m"


def test_a_chunked_request_body_is_joined(upstream: Upstream, client: http.client.HTTPConnection) -> None:
    upstream.reply_with(Reply.json({}))
    client.request("POST", "/", iter([b"one ", b"two"]), encode_chunked=True, headers={"transfer-encoding": "chunked"})
    client.getresponse().read()
    assert upstream.received[0].body == b"one two"


def test_bodies_of_32_megabytes_pass_both_ways(upstream: Upstream, client: http.client.HTTPConnection) -> None:
    large = b"x" * (32 << 20)
    upstream.handler = lambda request: Reply.raw(request.body, "application/octet-stream")
    assert ask(client, large).read() == large


def test_a_json_reply_announces_its_length(upstream: Upstream, client: http.client.HTTPConnection) -> None:
    upstream.reply_with(Reply.json({"é": 1}, status=429, headers={"retry-after": "2"}))
    response = ask(client)
    assert (response.status, response.reason) == (429, "Too Many Requests")
    assert response.headers["retry-after"] == "2"
    assert json.loads(response.read(int(response.headers["content-length"]))) == {"é": 1}


def test_every_piece_of_a_stream_is_its_own_chunk(upstream: Upstream) -> None:
    upstream.reply_with(Reply.stream([b"data: 1\n\n", b"", b"data: 2\n\n"]))
    with send_raw(upstream, SMALL_REQUEST) as peer:
        answer = b""
        while not answer.endswith(b"0\r\n\r\n"):
            answer += peer.recv(4096)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: text/event-stream" in head
    assert body == b"9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\n"


def test_a_pause_holds_the_next_piece_back(upstream: Upstream, client: http.client.HTTPConnection) -> None:
    upstream.reply_with(Reply.stream([b"first", Pause(0.1), b"second"]))
    response = ask(client)
    assert response.read1() == b"first"
    started = time.monotonic()
    assert response.read() == b"second"
    assert time.monotonic() - started > 0.08


def test_replies_are_used_in_order_and_the_last_one_repeats(
    upstream: Upstream, client: http.client.HTTPConnection
) -> None:
    upstream.reply_with(Reply.json({}, status=500), Reply.json({}, status=200))
    statuses = []
    for _ in range(3):
        response = ask(client)
        statuses.append(response.status)
        response.read()
    assert statuses == [500, 200, 200]


def test_an_upstream_without_a_reply_says_so(upstream: Upstream, client: http.client.HTTPConnection) -> None:
    assert upstream.received == []
    response = ask(client)
    assert response.status == 500
    assert b"neither a reply nor a handler" in response.read()


def test_a_status_without_a_registered_name_can_be_sent(upstream: Upstream, client: http.client.HTTPConnection) -> None:
    upstream.reply_with(Reply.json({"type": "error"}, status=529))
    assert ask(client).status == 529


def test_one_connection_serves_many_requests(upstream: Upstream, client: http.client.HTTPConnection) -> None:
    upstream.reply_with(Reply.stream([b"a", b"b"]))
    for _ in range(3):
        assert ask(client).read() == b"ab"
    assert (upstream.connections, len(upstream.received), upstream.disconnects) == (1, 3, 0)


def test_a_client_that_asks_to_close_gets_its_connection_closed(upstream: Upstream) -> None:
    upstream.reply_with(Reply.json({}))
    with (
        send_raw(upstream, b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n") as peer,
        peer.makefile("rb") as everything,
    ):
        assert everything.read().endswith(b"\r\n\r\n{}")


def test_a_body_can_be_ended_by_the_end_of_the_connection(upstream: Upstream) -> None:
    upstream.reply_with(Reply(200, {}, [b"one", b"two"], framing="close"))
    with send_raw(upstream, SMALL_REQUEST) as peer, peer.makefile("rb") as everything:
        assert everything.read() == b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nonetwo"


def test_a_cut_delivers_what_came_before_and_ends_the_body_early(
    upstream: Upstream, client: http.client.HTTPConnection
) -> None:
    upstream.reply_with(Reply.stream([b"first", Cut(), b"never"]))
    with pytest.raises(http.client.IncompleteRead) as cut:
        ask(client).read()
    assert cut.value.partial == b"first"
    assert upstream.disconnects == 0, "it was the upstream that left"


def test_a_cut_leaves_an_announced_length_short(upstream: Upstream, client: http.client.HTTPConnection) -> None:
    upstream.reply_with(Reply(200, {}, [b"1234", Cut(), b"5678"], framing="length"))
    response = ask(client)
    assert response.headers["content-length"] == "8"
    with pytest.raises(http.client.IncompleteRead) as cut:
        response.read()
    assert cut.value.partial == b"1234"


def test_a_reset_answers_nothing_at_all(upstream: Upstream, client: http.client.HTTPConnection) -> None:
    upstream.reply_with(Reply.reset(), Reply.json({"second": "try"}))
    with pytest.raises(ConnectionResetError):
        ask(client)
    client.close()
    assert ask(client).status == 200
    assert len(upstream.received) == 2


def test_a_refusing_upstream_resets_connections_before_any_request(
    upstream: Upstream, client: http.client.HTTPConnection
) -> None:
    upstream.refusing = True
    with pytest.raises(ConnectionError):
        ask(client)
    assert upstream.received == []
    assert upstream.connections == 1


def test_silence_comes_before_the_status_line(upstream: Upstream) -> None:
    upstream.reply_with(Reply.silence())
    with send_raw(upstream, SMALL_REQUEST) as peer:
        assert upstream.wait_received(2)
        peer.settimeout(0.05)
        with pytest.raises(TimeoutError):
            peer.recv(1)


def test_headers_can_be_late(upstream: Upstream, client: http.client.HTTPConnection) -> None:
    upstream.reply_with(Reply(before=Pause(0.1), pieces=[b"late"]))
    started = time.monotonic()
    assert ask(client).read() == b"late"
    assert time.monotonic() - started > 0.08


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply.silence(), id="before headers"),
        pytest.param(Reply.stream([b"data: 1\n\n", Hang()]), id="hanging in the stream"),
        pytest.param(Reply.stream([b"data: 1\n\n", Pause(60), b"data: 2\n\n"]), id="pausing"),
        pytest.param(Reply.stream([b"x" * 1000] * 100_000), id="writing what nobody reads"),
    ],
)
def test_a_peer_that_leaves_during_a_reply_is_noticed_at_once(upstream: Upstream, reply: Reply) -> None:
    upstream.reply_with(reply)
    with send_raw(upstream, SMALL_REQUEST):
        assert upstream.wait_received(2)
        assert not upstream.wait_disconnect(0.05)
    assert upstream.wait_disconnect(2)
    assert upstream.disconnects == 1


async def test_an_asynchronous_test_sees_its_cancelled_call_leave(upstream: Upstream) -> None:
    upstream.reply_with(Reply.stream([b"data: 1\n\n", Hang()]))

    async def call() -> None:
        reader, writer = await asyncio.open_connection(*upstream.url.removeprefix("http://").split(":"))
        with closing(writer):
            writer.write(SMALL_REQUEST)
            await reader.read()

    calling = asyncio.create_task(call())
    assert await asyncio.to_thread(upstream.wait_received, 2)
    calling.cancel()
    assert await asyncio.to_thread(upstream.wait_disconnect, 2)


def test_a_peer_that_leaves_after_a_whole_reply_is_no_disconnect(
    upstream: Upstream, client: http.client.HTTPConnection
) -> None:
    upstream.reply_with(Reply.stream([b"all"]))
    ask(client).read()
    client.close()
    assert not upstream.wait_disconnect(0.1)


def test_closing_ends_a_reply_that_hangs() -> None:
    with Upstream() as upstream:
        upstream.reply_with(Reply.stream([b"first", Hang()]))
        peer = send_raw(upstream, SMALL_REQUEST)
        assert upstream.wait_received(2)
    with peer, peer.makefile("rb") as everything, pytest.raises(ConnectionResetError):
        everything.read()
    assert upstream.disconnects == 0


def test_a_failing_handler_fails_the_test() -> None:
    def broken(_request: Received) -> Reply:
        raise LookupError("no such model")

    def use() -> None:
        with Upstream() as upstream:
            upstream.handler = broken
            with send_raw(upstream, SMALL_REQUEST) as peer:
                assert peer.recv(12) == b"HTTP/1.1 500"

    with pytest.raises(LookupError, match="no such model"):
        use()


def test_nonsense_is_answered_with_400(upstream: Upstream) -> None:
    with send_raw(upstream, b"\x16\x03\x01 not http\r\n\r\n") as peer, peer.makefile("rb") as everything:
        assert everything.read().startswith(b"HTTP/1.1 400 ")

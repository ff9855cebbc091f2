"""What both transports promise, whichever way they keep the promise."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Mapping

import pytest
from tests.support.upstream import Cut, Framing, Hang, Pause, Reply, Upstream
from tests.transport.conftest import Connect
from tests.transport.wire import OK, answering, request, serving

from wye.core.errors import (
    AnswerTooLargeError,
    ConfigurationError,
    ConnectionFailedError,
    MalformedResponseError,
    ProviderError,
    StreamInterruptedError,
    UpstreamTimeoutError,
    WyeError,
)
from wye.transport import HttpReply, HttpStream, Transport
from wye.transport.plain import PlainTransport
from wye.transport.secure import SecureTransport

KEY = "sk-canary-0123456789"
HEADERS = {"content-type": "application/json", "authorization": f"Bearer {KEY}"}
DEADLINE = 20.0


async def send(transport: Transport, body: bytes = b"{}", *, deadline: float = DEADLINE) -> HttpReply:
    return await transport.send("/chat", HEADERS, body, deadline)


def stream(transport: Transport, *, deadline: float = DEADLINE) -> HttpStream:
    return transport.stream("/chat", HEADERS, b"{}", deadline)


async def rest(answer: HttpStream) -> bytes:
    body = b""
    while (piece := await answer.read()) is not None:
        body += piece
    return body


@contextlib.contextmanager
def fails(*kinds: type[WyeError]) -> Iterator[None]:
    """Expect one of these errors, with nothing of the key in it or in what it came from."""
    with pytest.raises(kinds) as raised:
        yield
    error: BaseException | None = raised.value
    while error is not None:
        assert KEY not in repr(error)
        error = error.__cause__ or error.__context__


async def left(upstream: Upstream, count: int = 1) -> bool:
    """Whether the upstream saw its peer leave in the midst of a reply."""
    return await asyncio.to_thread(upstream.wait_disconnect, 5, count)


async def arrived(upstream: Upstream, count: int = 1) -> bool:
    return await asyncio.to_thread(upstream.wait_received, 5, count)


# Whole answers and pieces.


async def test_a_request_arrives_and_its_answer_comes_back_whole(either: Connect, upstream: Upstream) -> None:
    upstream.reply_with(Reply.json({"é": 1}, status=429, headers={"Retry-After": "2", "X-Many": "a, b"}))
    reply = await send(either(f"{upstream.url}/v1/"), b'{"model":"m"}')
    assert (reply.status, reply.body) == (429, '{"é": 1}'.encode())
    assert {"retry-after": "2", "x-many": "a, b", "content-type": "application/json"}.items() <= reply.headers.items()
    (received,) = upstream.received
    assert (received.method, received.path, received.body) == ("POST", "/v1/chat", b'{"model":"m"}')
    assert received.headers["authorization"] == f"Bearer {KEY}"
    assert received.headers["content-type"] == "application/json"
    assert received.headers["content-length"] == "13"
    assert received.headers["host"] == upstream.url.removeprefix("http://")
    assert received.headers["user-agent"] == "wye"


async def test_a_path_keeps_its_query_and_its_escapes(either: Connect, upstream: Upstream) -> None:
    upstream.reply_with(Reply.json({}))
    await either(upstream.url).send("/models/a%2Fb%20c:generate?alt=sse&x=%C3%A9", HEADERS, b"{}", DEADLINE)
    assert upstream.received[0].path == "/models/a%2Fb%20c:generate?alt=sse&x=%C3%A9"


async def test_bodies_of_32_megabytes_pass_both_ways(either: Connect, upstream: Upstream) -> None:
    large = b"0123456789abcdef" * (2 << 20)
    upstream.handler = lambda received: Reply.raw(received.body, "application/octet-stream")
    transport = either(upstream.url)
    assert (await send(transport, large)).body == large
    async with transport.stream("/chat", HEADERS, large, DEADLINE) as answer:
        assert await rest(answer) == large


async def test_an_empty_answer_is_empty(either: Connect, upstream: Upstream) -> None:
    upstream.reply_with(Reply.raw(b"", "text/plain"), Reply(204, framing="length"), Reply.stream([]))
    transport = either(upstream.url)
    assert [(await send(transport)).body for _ in range(2)] == [b"", b""]
    async with stream(transport) as answer:
        assert await answer.read() is None
        assert await answer.read() is None


async def test_pieces_arrive_one_by_one_as_they_are_written(either: Connect) -> None:
    written = [b"data: 1\n\n", b"x" * 100_000, b"data: 3\n\n"]
    more = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nX-Name: Value\r\ntransfer-encoding: chunked\r\n\r\n")
        for piece in written:
            await more.wait()
            more.clear()
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        await more.wait()
        writer.write(b"0\r\n\r\n")
        await reader.read()

    async with serving(talk) as url, stream(either(url)) as answer:
        assert (answer.status, answer.headers["x-name"]) == (200, "Value")  # before any piece is written
        for piece in written:
            more.set()
            got = b""
            while len(got) < len(piece):
                got += await answer.read() or b"the end"
            assert got == piece
        more.set()
        assert await answer.read() is None


@pytest.mark.parametrize("framing", ["chunked", "length", "close"])
async def test_every_way_to_end_a_body_is_understood(either: Connect, upstream: Upstream, framing: Framing) -> None:
    upstream.reply_with(Reply(200, {}, [b"one ", Pause(0.01), b"two"], framing=framing))
    transport = either(upstream.url)
    assert (await send(transport)).body == b"one two"
    async with stream(transport) as answer:
        assert await rest(answer) == b"one two"
    assert (await send(transport)).body == b"one two"


async def test_an_answer_by_http_1_0_ends_with_its_connection(either: Connect) -> None:
    async with answering(b"HTTP/1.0 200 OK\r\n\r\nold", stay=False) as url:
        assert (await send(either(url))).body == b"old"


@pytest.mark.parametrize(
    "interim", [b"100 Continue\r\n\r\n", b"103 Early Hints\r\nlink: </x>\r\nx-of: interim\r\n\r\n"]
)
async def test_an_interim_answer_is_not_the_answer(either: Connect, interim: bytes) -> None:
    said = b"HTTP/1.1 " + interim + b"HTTP/1.1 " + interim + OK
    async with answering(said, said) as url:
        transport = either(url)
        reply = await send(transport)
        assert (reply.status, reply.body, "x-of" in reply.headers) == (200, b"{}", False)
        async with stream(transport) as answer:
            assert (answer.status, await rest(answer)) == (200, b"{}")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer_and_is_not_followed(either: Connect, upstream: Upstream, status: int) -> None:
    upstream.reply_with(Reply.raw(b"", "text/plain", status=status, headers={"location": f"{upstream.url}/elsewhere"}))
    reply = await send(either(upstream.url))
    assert (reply.status, reply.headers["location"]) == (status, f"{upstream.url}/elsewhere")
    assert len(upstream.received) == 1


async def test_many_requests_at_once_each_get_their_own_answer(either: Connect, upstream: Upstream) -> None:
    upstream.handler = lambda received: Reply(200, {}, [Pause(0.01), received.body])
    transport = either(upstream.url)
    bodies = [b"%d" % number for number in range(40)]
    for _ in range(2):
        assert [reply.body for reply in await asyncio.gather(*(send(transport, body) for body in bodies))] == bodies
    assert upstream.connections <= len(bodies)


# Connections.


async def test_requests_one_after_another_share_a_connection(either: Connect, upstream: Upstream) -> None:
    upstream.reply_with(Reply.stream([b"data: 1\n\n", b"data: 2\n\n"]))
    transport = either(upstream.url)
    for _ in range(3):
        await send(transport)
        async with stream(transport) as answer:
            await rest(answer)
    assert (len(upstream.received), upstream.connections) == (6, _clients(transport))


def _clients(transport: Transport) -> int:
    """Tell over how many connections whole answers and streams go: where silence is the client's, each has its own."""
    return 2 if isinstance(transport, SecureTransport) else 1


async def test_an_error_status_keeps_the_connection(either: Connect, upstream: Upstream) -> None:
    upstream.reply_with(Reply.json({"error": {}}, status=500))
    transport = either(upstream.url)
    await send(transport)
    async with stream(transport) as answer:
        await rest(answer)
    await send(transport)
    assert upstream.connections == _clients(transport)


async def test_connection_close_is_honoured(either: Connect, upstream: Upstream) -> None:
    upstream.reply_with(Reply.json({}, headers={"connection": "close"}))
    transport = either(upstream.url)
    for _ in range(3):
        assert (await send(transport)).body == b"{}"
    assert upstream.connections == 3


async def test_a_connection_that_the_server_closed_while_idle_is_not_used(either: Connect) -> None:
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await request(reader)
        writer.write(OK)

    async with serving(talk) as url:
        transport = either(url)
        for _ in range(3):
            assert (await send(transport)).body == b"{}"
            await asyncio.sleep(0.05)  # for the end of the connection to be seen
    assert connections == 3


async def test_an_answer_left_unread_is_not_taken_for_the_next_one(either: Connect, upstream: Upstream) -> None:
    upstream.handler = lambda received: Reply.stream([received.body + b" ", Pause(0.01), received.body])
    transport = either(upstream.url)
    for number in range(3):
        async with transport.stream("/chat", HEADERS, b"%d" % number, DEADLINE) as answer:
            assert await answer.read() == b"%d " % number
    assert (await send(transport, b"last")).body == b"last last"


async def test_a_closed_transport_holds_no_connection(either: Connect, upstream: Upstream) -> None:
    upstream.reply_with(Reply.json({}), Reply.stream([b"one", Hang()]))
    transport = either(upstream.url)
    await send(transport)
    async with stream(transport) as answer:
        assert await answer.read() == b"one"
        await transport.aclose()
    assert await left(upstream)


async def test_closing_a_transport_ends_those_who_wait_for_an_answer(either: Connect, upstream: Upstream) -> None:
    upstream.reply_with(Reply.json({}), Reply.silence())
    transport = either(upstream.url)
    await send(transport)
    waiting = asyncio.create_task(send(transport))
    assert await arrived(upstream, 2)
    await transport.aclose()
    with fails(ConnectionFailedError):
        await waiting
    assert len(upstream.received) == 2


# Failures.


async def test_a_refused_connection_is_a_connection_error(either: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    transport = either(f"http://127.0.0.1:{port}")
    with fails(ConnectionFailedError):
        await send(transport)
    with fails(ConnectionFailedError):
        async with stream(transport):
            pass


async def test_a_name_that_does_not_resolve_is_a_connection_error(either: Connect) -> None:
    with fails(ConnectionFailedError):
        await send(either("http://no-such-host.invalid"))


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
async def test_a_connection_lost_before_the_headers_is_a_connection_error(
    either: Connect, upstream: Upstream, *, reset: bool
) -> None:
    upstream.reply_with(Reply(before=Cut(reset=reset)))
    transport = either(upstream.url)
    with fails(ConnectionFailedError):
        await send(transport)
    with fails(ConnectionFailedError):
        async with stream(transport):
            pass


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("framing", ["chunked", "length"])
async def test_an_answer_that_breaks_off_is_an_interrupted_stream(
    either: Connect, upstream: Upstream, framing: Framing, *, reset: bool
) -> None:
    upstream.reply_with(Reply(200, {}, [b"one", Pause(0.02), Cut(reset=reset), b"two"], framing=framing))
    transport = either(upstream.url)
    with fails(StreamInterruptedError):
        await send(transport)
    async with stream(transport) as answer:
        assert await answer.read() == b"one"
        with fails(StreamInterruptedError):
            await answer.read()


async def test_an_answer_without_a_length_that_is_reset_is_an_interrupted_stream(
    either: Connect, upstream: Upstream
) -> None:
    upstream.reply_with(Reply(200, {}, [b"one", Pause(0.02), Cut(reset=True)], framing="close"))
    async with stream(either(upstream.url)) as answer:
        assert await answer.read() == b"one"
        with fails(StreamInterruptedError):
            await answer.read()


GARBAGE = {
    "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n",
    "no status": b"HTTP/1.1 OK\r\n\r\n",
    "a status of letters": b"HTTP/1.1 abc OK\r\ncontent-length: 0\r\n\r\n",
    "a header without a colon": b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n",
    "a negative length": b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    "a chunk of no size": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n",
    "a chunk longer than it says": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
    "bytes": bytes(range(256)),
    "nothing": b"",
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE.keys())
async def test_what_is_not_http_is_the_provider_s_error(either: Connect, garbage: bytes) -> None:
    async with answering(garbage, stay=False) as url:
        with fails(MalformedResponseError, ConnectionFailedError, StreamInterruptedError):
            await send(either(url))
    async with answering(garbage, stay=False) as url:
        with fails(MalformedResponseError, ConnectionFailedError, StreamInterruptedError):
            async with stream(either(url)) as answer:
                await rest(answer)


async def test_a_switch_to_another_protocol_is_no_answer(either: Connect) -> None:
    switching = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nabc"
    async with answering(switching, stay=False) as url:
        status = 101
        with contextlib.suppress(ProviderError):
            status = (await send(either(url))).status
        assert status == 101


INJECTED: dict[str, tuple[str, Mapping[str, str]]] = {
    "a value with a line end": ("/chat", {"x-key": "a\r\nx-injected: 1"}),
    "a value with a line feed": ("/chat", {"x-key": "a\nx-injected: 1"}),
    "a value with a null": ("/chat", {"x-key": "a\0b"}),
    "a name with a line end": ("/chat", {"x-key: a\r\nx-injected": "1"}),
    "a path with a line end": ("/chat HTTP/1.1\r\nx-injected: 1\r\n\r\n", {}),
}


@pytest.mark.parametrize(("path", "headers"), INJECTED.values(), ids=INJECTED.keys())
async def test_a_header_cannot_be_smuggled_in(
    either: Connect, upstream: Upstream, path: str, headers: Mapping[str, str]
) -> None:
    upstream.reply_with(Reply.json({}))
    transport = either(upstream.url)
    with contextlib.suppress(ConfigurationError):
        await transport.send(path, headers, b"{}", DEADLINE)
    with contextlib.suppress(ConfigurationError):
        async with transport.stream(path, headers, b"{}", DEADLINE) as answer:
            await rest(answer)
    arrived_anyway = list(upstream.received)
    await send(transport)  # works as before
    for received in arrived_anyway:
        assert "x-injected" not in received.headers
        assert headers == {}, "a header that cannot be sent as it is must not be sent at all"


# Time.


async def test_a_silent_server_is_a_timeout(either: Connect, upstream: Upstream) -> None:
    upstream.reply_with(Reply.silence())
    transport = either(upstream.url, read=0.1)
    async with asyncio.timeout(5):
        with fails(UpstreamTimeoutError):
            await transport.get("/models", HEADERS, DEADLINE)
        with fails(UpstreamTimeoutError):
            async with stream(transport):
                pass
    assert await left(upstream, 2)


async def test_a_whole_answer_may_take_its_time(either: Connect, upstream: Upstream) -> None:
    upstream.reply_with(Reply(200, {}, [b"{", Pause(0.3), b"}"], before=Pause(0.3)))
    assert (await send(either(upstream.url, read=0.1))).body == b"{}"


async def test_an_answer_that_is_too_long_is_not_read_to_its_end(upstream: Upstream) -> None:
    upstream.reply_with(Reply.stream([b"x" * 100_000] * 11 + [Hang()]))
    for kind in (PlainTransport, SecureTransport):
        transport = kind(upstream.url, largest=1_000_000)
        async with asyncio.timeout(5):
            with fails(AnswerTooLargeError):
                await send(transport)
        await transport.aclose()
    assert await left(upstream, 2)
    upstream.reply_with(Reply.stream([b"x" * 100_000] * 10))
    for kind in (PlainTransport, SecureTransport):
        transport = kind(upstream.url, largest=1_000_000)
        assert len((await send(transport)).body) == 1_000_000
        await transport.aclose()


async def test_a_stream_that_falls_silent_is_a_timeout(either: Connect, upstream: Upstream) -> None:
    upstream.reply_with(Reply.stream([b"one", Hang()]))
    async with asyncio.timeout(5), stream(either(upstream.url, read=0.1)) as answer:
        assert await answer.read() == b"one"
        with fails(UpstreamTimeoutError):
            await answer.read()
    assert await left(upstream)


async def test_the_deadline_ends_what_the_read_timeout_would_not(either: Connect, upstream: Upstream) -> None:
    upstream.reply_with(Reply.silence(), Reply.silence(), Reply.stream([b"one", Hang()]))
    transport = either(upstream.url, read=30)
    async with asyncio.timeout(5):
        with fails(UpstreamTimeoutError):
            await send(transport, deadline=0.1)
        with fails(UpstreamTimeoutError):
            async with stream(transport, deadline=0.1):
                pass
        with fails(UpstreamTimeoutError):
            async with stream(transport, deadline=0.1) as answer:
                await rest(answer)
    assert await left(upstream, 3)


async def test_the_deadline_ends_a_stream_that_never_falls_silent(either: Connect, upstream: Upstream) -> None:
    upstream.reply_with(Reply.stream([b": busy\n\n", Pause(0.01)] * 1000))
    async with asyncio.timeout(5):
        with fails(UpstreamTimeoutError):
            async with stream(either(upstream.url), deadline=0.1) as answer:
                await rest(answer)
    assert await left(upstream)


async def test_a_deadline_belongs_to_one_request(either: Connect, upstream: Upstream) -> None:
    upstream.reply_with(Reply.json({}), Reply(200, {}, [Pause(0.15), b"late"]))
    transport = either(upstream.url)
    await send(transport, deadline=0.1)
    assert (await send(transport)).body == b"late"


async def test_silence_is_counted_from_the_last_piece(either: Connect, upstream: Upstream) -> None:
    upstream.reply_with(Reply.stream([b"x", Pause(0.1)] * 10))
    async with stream(either(upstream.url, read=0.8)) as answer:
        assert await rest(answer) == b"x" * 10


async def test_a_server_that_does_not_accept_is_a_timeout(either: Connect) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        address = listening.getsockname()
        with contextlib.ExitStack() as fillers:
            for _ in range(3):  # what the kernel keeps for a program that never accepts
                filler = fillers.enter_context(socket.socket())
                filler.setblocking(False)
                filler.connect_ex(address)
            async with asyncio.timeout(5):
                with fails(UpstreamTimeoutError):
                    await send(either(f"http://127.0.0.1:{address[1]}", connect=0.1))


# Leaving.


async def test_cancelling_a_whole_answer_closes_the_connection(plain: Connect, upstream: Upstream) -> None:
    upstream.reply_with(Reply.silence())
    waiting = asyncio.create_task(send(plain(upstream.url)))
    assert await arrived(upstream)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await left(upstream)


async def test_cancelling_a_half_received_answer_closes_the_connection(plain: Connect, upstream: Upstream) -> None:
    upstream.reply_with(Reply(200, {}, [b"one", Hang(), b"two"], framing="length"))
    waiting = asyncio.create_task(send(plain(upstream.url)))
    assert await arrived(upstream)
    await asyncio.sleep(0.02)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await left(upstream)


async def test_cancelling_before_the_headers_closes_the_connection(plain: Connect, upstream: Upstream) -> None:
    upstream.reply_with(Reply.silence())

    async def enter() -> None:
        async with stream(plain(upstream.url)):
            pass

    waiting = asyncio.create_task(enter())
    assert await arrived(upstream)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await left(upstream)


async def test_cancelling_a_read_closes_the_connection(either: Connect, upstream: Upstream) -> None:
    upstream.reply_with(Reply.stream([b"one", Hang()]))
    reading = asyncio.Event()

    async def read() -> None:
        async with stream(either(upstream.url)) as answer:
            await answer.read()
            reading.set()
            await answer.read()

    waiting = asyncio.create_task(read())
    await reading.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await left(upstream)


async def test_leaving_a_stream_early_closes_the_connection(either: Connect, upstream: Upstream) -> None:
    upstream.reply_with(Reply.stream([b"one", Hang()]))
    async with stream(either(upstream.url)) as answer:
        assert await answer.read() == b"one"
    assert await left(upstream)


async def test_an_exception_in_the_midst_of_a_stream_closes_the_connection(either: Connect, upstream: Upstream) -> None:
    upstream.reply_with(Reply.stream([b"one", Hang()]))

    async def fail() -> None:
        async with stream(either(upstream.url)) as answer:
            await answer.read()
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        await fail()
    assert await left(upstream)


async def test_cancelling_while_connecting_leaves_nothing_behind(either: Connect) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        with socket.create_connection(listening.getsockname()):
            waiting = asyncio.create_task(send(either(f"http://127.0.0.1:{listening.getsockname()[1]}")))
            await asyncio.sleep(0.02)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting


# Memory.


async def test_a_slow_reader_holds_the_provider_up(either: Connect) -> None:
    size, piece = 32 << 20, b"x" * (64 << 10)
    sent = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        while sent < size:
            writer.write(piece)
            await writer.drain()
            sent += len(piece)
        await reader.read()

    async with serving(talk) as url, stream(either(url)) as answer:
        seen = -1
        while sent != seen:  # until nothing more is taken
            seen = sent
            await asyncio.sleep(0.1)
        assert sent < 16 << 20  # what the kernel holds, and little more
        assert len(await rest(answer)) == size

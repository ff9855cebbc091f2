"""What the plain client does beyond what every transport promises: answers nobody asked for, readers and their pace."""

import asyncio
import threading

import pytest
from tests.support.upstream import Cut, Hang, Hold, Pause, Reply, Upstream
from tests.transport.conftest import Connect
from tests.transport.wire import OK, answering, request, serving

from wye.core.errors import (
    ConfigurationError,
    ConnectionFailedError,
    StreamInterruptedError,
    UpstreamTimeoutError,
    WyeError,
)
from wye.transport.connection import _BUFFERED_AT_MOST
from wye.transport.plain import PlainStream, PlainTransport

DEADLINE = 20.0
LARGE = 4 << 20


def pool(connect: Connect, url: str, *, read: float = 5.0) -> PlainTransport:
    transport = connect(url, read=read)
    assert isinstance(transport, PlainTransport)
    return transport


def stream(transport: PlainTransport, *, deadline: float = DEADLINE) -> PlainStream:
    return transport.stream("/chat", {}, b"{}", deadline)


async def everything(answer: PlainStream) -> int:
    total = 0
    while (piece := await answer.read()) is not None:
        total += len(piece)
    return total


@pytest.mark.parametrize(
    "more",
    [
        b"HTTP/1.1 500 Oops\r\nx-second: 1\r\ncontent-length: 4\r\n\r\nevil",
        b"HTTP/1.1 500 Oops\r\n",
        b"not http",
        b"\r\n\r\n\r\n\r\n",
    ],
)
async def test_bytes_after_an_answer_are_not_taken_for_it_nor_for_the_next(plain: Connect, more: bytes) -> None:
    async with answering(OK + more, OK) as url:
        transport = pool(plain, url)
        reply = await transport.send("/chat", {}, b"{}", DEADLINE)
        assert (reply.status, dict(reply.headers), reply.body) == (200, {"content-length": "2"}, b"{}")
    async with answering(OK + more) as url, stream(pool(plain, url)) as answer:
        assert (answer.status, await answer.read(), await answer.read()) == (200, b"{}", None)
        assert "x-second" not in answer.headers


async def test_a_connection_that_says_something_unasked_is_not_used_again(plain: Connect) -> None:
    connections = 0
    said = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await request(reader)
        writer.write(OK)
        await said.wait()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nstale")
        await reader.read()

    async with serving(talk) as url:
        transport = pool(plain, url)
        await transport.send("/chat", {}, b"{}", DEADLINE)
        said.set()
        while transport._idle[0].usable:  # noqa: ASYNC110 - until the client has heard it
            await asyncio.sleep(0.01)
        assert (await transport.send("/chat", {}, b"{}", DEADLINE)).body == b"{}"
    assert connections == 2


async def test_a_connection_idle_for_a_minute_is_not_used(plain: Connect, upstream: Upstream) -> None:
    upstream.reply_with(Reply.json({}))
    transport = pool(plain, upstream.url)
    for _ in range(2):
        await transport.send("/chat", {}, b"{}", DEADLINE)
        transport._idle[0].idle_since -= 61  # an hour hand would do the same
    await transport.send("/chat", {}, b"{}", DEADLINE)
    assert upstream.connections == 3


async def test_a_request_whose_used_connection_ends_without_a_byte_is_sent_again(
    plain: Connect, upstream: Upstream
) -> None:
    upstream.reply_with(Reply.json({}), Reply(before=Cut()), Reply.json({"n": 3}), Reply.reset(), Reply.json({"n": 5}))
    transport = pool(plain, upstream.url)
    await transport.send("/chat", {}, b"{}", DEADLINE)
    assert (await transport.send("/chat", {}, b"{}", DEADLINE)).body == b'{"n": 3}'
    async with stream(transport) as answer:
        assert await answer.read() == b'{"n": 5}'
    assert (len(upstream.received), upstream.connections) == (5, 3)
    assert (len(transport._idle), len(transport._busy)) == (1, 0)


@pytest.mark.parametrize("used_before", [False, True], ids=["new", "used"])
async def test_a_request_is_sent_again_once_and_on_a_used_connection_only(
    plain: Connect, upstream: Upstream, *, used_before: bool
) -> None:
    transport = pool(plain, upstream.url)
    if used_before:
        upstream.reply_with(Reply.json({}))
        await transport.send("/chat", {}, b"{}", DEADLINE)
    upstream.reply_with(Reply(before=Cut()))
    with pytest.raises(ConnectionFailedError):
        await transport.send("/chat", {}, b"{}", DEADLINE)
    assert len(upstream.received) == 1 + 2 * used_before
    assert (len(transport._idle), len(transport._busy)) == (0, 0)


@pytest.mark.parametrize("begun", [b"H", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"])
async def test_a_request_whose_answer_had_begun_is_not_sent_again(plain: Connect, begun: bytes) -> None:
    asked = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        for said in (OK, begun):
            await request(reader)
            asked += 1
            writer.write(said)

    async with serving(talk) as url:
        transport = pool(plain, url)
        await transport.send("/chat", {}, b"{}", DEADLINE)
        with pytest.raises(ConnectionFailedError):
            await transport.send("/chat", {}, b"{}", DEADLINE)
    assert asked == 2


async def test_one_deadline_holds_for_a_request_that_is_sent_again(plain: Connect, upstream: Upstream) -> None:
    upstream.reply_with(Reply.json({}), Reply(pieces=[], before=Hold(threading.Event())), Reply.silence())
    transport = pool(plain, upstream.url)
    await transport.send("/chat", {}, b"{}", DEADLINE)
    connection = transport._idle[0]
    waiting = asyncio.create_task(transport.send("/chat", {}, b"{}", 0.4))
    assert await asyncio.to_thread(upstream.wait_received, 5, 2)
    late_at = connection._late_at
    await asyncio.sleep(0.1)
    connection._transport.abort()  # type: ignore[union-attr]  # the server's end of it could not be timed as well
    assert await asyncio.to_thread(upstream.wait_received, 5, 3)
    (again,) = transport._busy
    assert again._late_at == pytest.approx(late_at, abs=0.05)
    with pytest.raises(UpstreamTimeoutError):
        await waiting


async def test_a_slow_reader_s_bytes_wait_in_the_provider_and_not_here(plain: Connect) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % LARGE + b"x" * LARGE)
        await reader.read()

    async with serving(talk) as url, stream(pool(plain, url)) as answer:
        connection = answer._connection
        assert connection is not None
        while not connection._paused:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0)
        one_read = 256 << 10
        total = 0
        while (piece := await answer.read()) is not None:
            assert len(piece) <= _BUFFERED_AT_MOST + one_read
            total += len(piece)
            await asyncio.sleep(0)
            assert connection._buffered <= _BUFFERED_AT_MOST + one_read
        assert total == LARGE


async def test_a_reader_slower_than_the_read_timeout_loses_nothing(plain: Connect, upstream: Upstream) -> None:
    upstream.reply_with(Reply(200, {}, [b"x" * LARGE], framing="length"))
    async with stream(pool(plain, upstream.url, read=0.1)) as answer:
        await asyncio.sleep(0.3)
        assert await everything(answer) == LARGE


async def test_the_deadline_ends_an_answer_that_nobody_reads(plain: Connect, upstream: Upstream) -> None:
    upstream.reply_with(Reply(200, {}, [b"x" * LARGE, Hang()], framing="length"))
    async with stream(pool(plain, upstream.url), deadline=0.2) as answer:
        assert await asyncio.to_thread(upstream.wait_disconnect, 5)
        with pytest.raises(UpstreamTimeoutError):
            await everything(answer)


async def test_what_came_before_the_end_is_read_before_the_error_is_raised(plain: Connect, upstream: Upstream) -> None:
    upstream.reply_with(Reply.stream([b"one", Hang()]))
    async with stream(pool(plain, upstream.url, read=0.05)) as answer:
        assert await asyncio.to_thread(upstream.wait_disconnect, 5)  # the timeout, while nobody was reading
        assert await answer.read() == b"one"
        for _ in range(2):
            with pytest.raises(UpstreamTimeoutError):
                await answer.read()


async def test_a_timeout_of_an_answer_without_a_length_is_not_its_end(plain: Connect, upstream: Upstream) -> None:
    upstream.reply_with(Reply(200, {}, [b"one", Hang()], framing="close"))
    async with stream(pool(plain, upstream.url, read=0.05)) as answer:
        assert await asyncio.to_thread(upstream.wait_disconnect, 5)
        assert await answer.read() == b"one"
        with pytest.raises(UpstreamTimeoutError):
            await answer.read()


async def test_closing_the_transport_is_not_the_end_of_an_answer_without_a_length(
    plain: Connect, upstream: Upstream
) -> None:
    upstream.reply_with(Reply(200, {}, [b"one", Hang()], framing="close"))
    transport = pool(plain, upstream.url)
    async with stream(transport) as answer:
        assert await answer.read() == b"one"
        await transport.aclose()
        with pytest.raises(StreamInterruptedError):
            await answer.read()


async def test_an_answer_that_comes_before_the_request_was_read_is_the_answer(plain: Connect) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\nconnection: close\r\n\r\nbig")
        await writer.drain()
        await reader.read()

    async with serving(talk) as url:
        reply = await pool(plain, url).send("/chat", {}, b"x" * (8 << 20), DEADLINE)
    assert (reply.status, reply.body) == (413, b"big")


async def test_headers_that_change_from_request_to_request_are_sent_as_they_are(
    plain: Connect, upstream: Upstream
) -> None:
    upstream.reply_with(Reply.json({}))
    transport = pool(plain, upstream.url)
    same = {"x-a": "1"}
    for headers in (same, {"x-a": "2"}, same, {"x-b": "é"}):
        await transport.send("/chat", headers, b"{}", DEADLINE)
    seen = [(received.headers.get("x-a"), received.headers.get("x-b")) for received in upstream.received]
    assert seen == [("1", None), ("2", None), ("1", None), (None, "é")]


async def test_a_request_that_cannot_be_sent_opens_no_connection(plain: Connect, upstream: Upstream) -> None:
    transport = pool(plain, upstream.url)
    with pytest.raises(ConfigurationError, match="space"):
        await transport.send("/models/a b", {}, b"{}", DEADLINE)
    with pytest.raises(ConfigurationError, match="control character"):
        async with transport.stream("/chat", {"x-key": "a\nb"}, b"{}", DEADLINE):
            pass
    assert upstream.connections == 0


async def test_a_stream_that_is_not_open_cannot_be_read(plain: Connect, upstream: Upstream) -> None:
    with pytest.raises(RuntimeError, match="not open"):
        await stream(pool(plain, upstream.url)).read()


async def test_an_error_seen_by_nobody_is_silent(plain: Connect, upstream: Upstream) -> None:
    upstream.reply_with(Reply.stream([b"one", Pause(0.02), b"two", Hang()]))
    async with stream(pool(plain, upstream.url, read=0.05)):
        assert await asyncio.to_thread(upstream.wait_disconnect, 5)


async def test_a_busy_transport_keeps_what_it_opened_and_no_more(plain: Connect, upstream: Upstream) -> None:
    upstream.reply_with(*[Reply(200, {}, [Pause(0.02), b"x"])] * 10, Reply.silence())
    transport = pool(plain, upstream.url)
    await asyncio.gather(*(transport.send("/chat", {}, b"{}", DEADLINE) for _ in range(10)))
    assert (len(transport._idle), len(transport._busy)) == (10, 0)
    with pytest.raises(WyeError):
        await transport.send("/chat", {}, b"{}", 0.05)
    assert (len(transport._idle), len(transport._busy)) == (9, 0)


async def test_the_head_of_each_key_s_requests_is_written_once(plain: Connect, upstream: Upstream) -> None:
    upstream.handler = lambda _: Reply.json({})
    transport = pool(plain, upstream.url)
    keys = [{"authorization": f"Bearer {name}"} for name in ("one", "two", "three")]
    written: list[list[bytes]] = []
    for _ in range(3):
        for headers in keys:
            await transport.send("/chat", headers, b"{}", DEADLINE)
        written.append([head for _, head in transport._heads["/chat"].values()])
    assert [request.headers["authorization"] for request in upstream.received] == [k["authorization"] for k in keys] * 3
    assert [len(heads) for heads in written] == [3, 3, 3]
    assert all(later is first for heads in written for later, first in zip(heads, written[0], strict=True))


async def test_headers_that_are_made_anew_each_time_do_not_pile_up(plain: Connect, upstream: Upstream) -> None:
    upstream.handler = lambda _: Reply.json({})
    transport = pool(plain, upstream.url)
    for number in range(100):
        await transport.send("/chat", {"x-number": str(number)}, b"{}", DEADLINE)
    assert [request.headers["x-number"] for request in upstream.received] == [str(number) for number in range(100)]
    assert len(transport._heads["/chat"]) <= 16

r"""A real local HTTP/1.1 server that imitates a provider, down to its pauses, cuts and silences.

It runs on its own event loop in a background thread, so synchronous and asynchronous tests use it alike::

    with Upstream() as upstream:
        upstream.reply_with(Reply.stream([b"data: 1\n\n", Pause(0.05), b"data: 2\n\n", Cut()]))
        ...  # let the code under test call upstream.url
        assert upstream.received[0].json["stream"] is True
"""

import asyncio
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias, cast

import httptools

Json: TypeAlias = Any  # a test indexes into decoded JSON freely
Framing: TypeAlias = Literal["chunked", "length", "close"]

# A graceful stop cancels every reply; anything slower than this is a bug in the test's own handler.
_STOP_SECONDS = 5.0

# Providers also answer with numbers the registry does not list, such as 529.
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


@dataclass(frozen=True)
class Received:
    """One request as it arrived: `path` includes the query, header names are lower-case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Json:
        """The body, decoded."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Pause:
    """Say nothing for so many seconds, then go on."""

    seconds: float


@dataclass(frozen=True)
class Hang:
    """Say nothing until the peer leaves or the server closes."""


@dataclass(frozen=True)
class Hold:
    """Say nothing until the test lets go, then go on."""

    let_go: threading.Event


@dataclass(frozen=True)
class Cut:
    """Drop the connection without ending the body.

    What was sent before arrives intact, then the stream just ends; with `reset` the kernel sends RST, and bytes the
    peer has not read yet may be lost with it.
    """

    reset: bool = False


Piece: TypeAlias = bytes | Pause | Hang | Hold | Cut


@dataclass
class Reply:
    """One answer, told as the pieces to write in order.

    Every `bytes` piece is flushed on its own, as its own chunk where `framing` is `chunked`. `length` announces all the
    bytes among `pieces`, so a `Cut` between two of them leaves the body short; `close` lets the end of the connection
    end the body. `before` happens after the request was read and before the status line.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    pieces: Sequence[Piece] = ()
    framing: Framing = "chunked"
    before: Pause | Hang | Hold | Cut | None = None

    @classmethod
    def json(cls, value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Self:
        """Answer with one JSON document."""
        body = json.dumps(value, ensure_ascii=False).encode()
        return cls.raw(body, "application/json", status=status, headers=headers)

    @classmethod
    def raw(
        cls, body: bytes, content_type: str, *, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Self:
        """Answer with these very bytes, their length announced."""
        return cls(status, {"content-type": content_type, **(headers or {})}, (body,), framing="length")

    @classmethod
    def stream(
        cls,
        pieces: Sequence[Piece],
        content_type: str = "text/event-stream",
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Self:
        """Answer with 200 and a chunked body, piece by piece."""
        return cls(200, {"content-type": content_type, **(headers or {})}, pieces)

    @classmethod
    def silence(cls) -> Self:
        """Read the request and never answer: not even a status line."""
        return cls(before=Hang())

    @classmethod
    def reset(cls) -> Self:
        """Read the request, then reset the connection without a byte of answer."""
        return cls(before=Cut(reset=True))


_NO_REPLY_SET = {"error": {"message": "the test gave this upstream neither a reply nor a handler"}}


class Upstream:
    """The server, from `with` to the end of its block.

    Leaving the block ends every connection and every reply in progress, and raises what a handler raised.
    """

    url: str
    """Where to call it, without a trailing slash."""

    received: list[Received]
    """Every complete request so far, in order of arrival."""

    connections: int
    """How many connections were accepted so far: one for many requests shows pooling."""

    disconnects: int
    """How often the peer closed its connection while a reply was still in progress."""

    handler: Callable[[Received], Reply] | None
    """Chooses the reply for each request, in the server's thread (so it must not block); it wins over `reply_with`."""

    refusing: bool
    """While true, every new connection is accepted and reset at once."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        """Prepare; nothing listens before `with`. With `tls`, connections count once their handshake is done."""
        self.url = ""
        self.received = []
        self.connections = 0
        self.disconnects = 0
        self.handler = None
        self.refusing = False
        self._replies: list[Reply] = []
        self._failures: list[Exception] = []
        self._changed = threading.Condition()
        self._open: set[_Connection] = set()
        self._stop: Callable[[], object] = lambda: None
        self._thread: threading.Thread | None = None
        self._tls = tls

    def __enter__(self) -> Self:
        """Listen on a free port."""
        port: Future[int] = Future()
        self._thread = threading.Thread(target=self._run, args=(port,), name="imitation-provider", daemon=True)
        self._thread.start()
        self.url = f"{'https' if self._tls else 'http'}://127.0.0.1:{port.result(_STOP_SECONDS)}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop, and surface a failed handler unless the test failed by itself."""
        thread = cast("threading.Thread", self._thread)
        self._stop()
        thread.join(_STOP_SECONDS)
        if thread.is_alive():
            raise RuntimeError("the imitation provider did not stop: does its handler block?")
        if self._failures and error is None:
            raise self._failures[0]

    def reply_with(self, *replies: Reply) -> None:
        """Answer the next requests with these, in order; the last one answers all requests after it."""
        with self._changed:
            self._replies = list(replies)

    def wait_received(self, timeout: float, count: int = 1) -> bool:
        """Block until so many requests have arrived in all; False when `timeout` seconds were not enough.

        An asynchronous test must not block its own loop: `await asyncio.to_thread(upstream.wait_received, 1)`.
        """
        with self._changed:
            return self._changed.wait_for(lambda: len(self.received) >= count, timeout)

    def wait_disconnect(self, timeout: float, count: int = 1) -> bool:
        """Block until the peer has left so many replies in all; else as `wait_received`."""
        with self._changed:
            return self._changed.wait_for(lambda: self.disconnects >= count, timeout)

    def wait_closed(self, timeout: float) -> bool:
        """Block until no connection is open; else as `wait_received`."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._open, timeout)

    def _run(self, port: Future[int]) -> None:
        try:
            asyncio.run(self._listen(port))
        except OSError as error:
            port.set_exception(error)

    async def _listen(self, port: Future[int]) -> None:
        loop = asyncio.get_running_loop()
        stopping = asyncio.Event()
        server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", 0, ssl=self._tls)
        self._stop = lambda: loop.call_soon_threadsafe(stopping.set)
        port.set_result(server.sockets[0].getsockname()[1])
        await stopping.wait()
        server.close()
        for connection in list(self._open):
            connection.end()
        await server.wait_closed()

    def _opened(self, connection: "_Connection") -> None:
        with self._changed:
            self.connections += 1
            self._open.add(connection)
            self._changed.notify_all()

    def _closed(self, connection: "_Connection", *, abandoned: bool) -> None:
        with self._changed:
            self._open.discard(connection)
            self.disconnects += abandoned
            self._changed.notify_all()

    def _reply_to(self, request: Received) -> Reply:
        with self._changed:
            self.received.append(request)
            self._changed.notify_all()
            if self.handler is None and self._replies:
                return self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        if self.handler is None:
            return Reply.json(_NO_REPLY_SET, status=500)
        try:
            return self.handler(request)
        except Exception as error:  # noqa: BLE001  # kept for the test's own thread, which raises it on leaving
            self._failures.append(error)
            return Reply.json({"error": {"message": f"the test's handler failed: {error!r}"}}, status=500)


@contextmanager
def nobody_there() -> Iterator[str]:
    """Hold a port that refuses every connection; give its URL."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


class _Connection(asyncio.Protocol):
    """One peer: parses its requests as they come and answers them one after another.

    A protocol rather than a pair of streams, because the loop then reports a peer that leaves at once, whatever the
    reply is doing; the reply simply runs in a task that this cancels.
    """

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._parser = httptools.HttpRequestParser(self)
        self._requests: asyncio.Queue[tuple[Received, bool]] = asyncio.Queue()
        self._writable = asyncio.Event()
        self._writable.set()
        self._replying = False
        self._begin_request()

    # What the event loop reports.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        # With no buffer of our own, a piece that was written has reached the kernel, and a finished reply is finished.
        self._transport.set_write_buffer_limits(high=0)
        self._upstream._opened(self)
        self._answering = asyncio.get_running_loop().create_task(self._answer())
        if self._upstream.refusing:
            self.end()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            self._transport.close()

    def eof_received(self) -> None:
        # A client that closes its half has left: none of ours waits for an answer after that.
        self._transport.abort()

    def connection_lost(self, _error: Exception | None) -> None:
        self._upstream._closed(self, abandoned=self._replying)
        self._answering.cancel()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # What the parser reports.

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        request = Received(
            self._parser.get_method().decode(), self._url.decode("latin-1"), self._headers, bytes(self._body)
        )
        self._requests.put_nowait((request, self._parser.should_keep_alive()))
        self._begin_request()

    def _begin_request(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body = bytearray()

    # What the upstream says.

    def end(self) -> None:
        """Reset the connection from our side: nobody has abandoned a reply."""
        self._replying = False
        # Lingering for no time makes the kernel answer with RST; without it, it would look like an ordinary end.
        sock = cast("socket.socket | None", self._transport.get_extra_info("socket"))
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    async def _answer(self) -> None:
        keep_alive = True
        while keep_alive:
            request, keep_alive = await self._requests.get()
            self._replying = True
            reply = self._upstream._reply_to(request)
            keep_alive = keep_alive and reply.framing != "close"
            if reply.before is not None:
                await self._say(reply.before, reply.framing)
            await self._write(_head(reply, keep_alive=keep_alive))
            for piece in reply.pieces:
                await self._say(piece, reply.framing)
            if reply.framing == "chunked":
                await self._write(b"0\r\n\r\n")
            self._replying = False
        self._transport.close()

    async def _say(self, piece: Piece, framing: Framing) -> None:
        match piece:
            case bytes():
                # An empty chunk would end the body, so an empty piece says nothing.
                if piece:
                    await self._write(b"%x\r\n%b\r\n" % (len(piece), piece) if framing == "chunked" else piece)
            case Pause(seconds):
                await asyncio.sleep(seconds)
            case Hang():
                await asyncio.Event().wait()
            case Hold(let_go):
                while not let_go.is_set():  # noqa: ASYNC110  # the thread of the test sets it
                    await asyncio.sleep(0.005)
            case Cut(reset):
                self._replying = False
                if reset:
                    self.end()
                else:
                    self._transport.close()
                await asyncio.Event().wait()  # until the lost connection cancels this reply

    async def _write(self, data: bytes) -> None:
        self._transport.write(data)
        await self._writable.wait()
        # One turn of the loop for each piece, so a peer that left is noticed in the midst of a long reply.
        await asyncio.sleep(0)


def _head(reply: Reply, *, keep_alive: bool) -> bytes:
    phrase = _PHRASES.get(reply.status, "Unregistered")
    headers = {name.lower(): value for name, value in reply.headers.items()}
    if reply.framing == "chunked":
        headers.setdefault("transfer-encoding", "chunked")
    elif reply.framing == "length":
        headers.setdefault("content-length", str(sum(len(p) for p in reply.pieces if isinstance(p, bytes))))
    if not keep_alive:
        headers.setdefault("connection", "close")
    lines = [f"HTTP/1.1 {reply.status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")

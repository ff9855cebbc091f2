"""HTTP/1.1 on the event loop itself.

One protocol object is one connection; its pieces go to the waiting task without a thread or a queue between them, and
a task that gives up closes its connection at once. Inference servers on this machine or network, which answer fastest
and most often, are reached so, and everybody's whole answers.
"""

import asyncio
import functools
import math
import ssl
from collections import deque
from collections.abc import Awaitable, Coroutine, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Final, Self, cast
from urllib.parse import urlsplit

import httptools

from wye.core.errors import (
    ConfigurationError,
    ConnectionFailedError,
    ConnectionTimeoutError,
    MalformedResponseError,
    StreamInterruptedError,
    UpstreamTimeoutError,
    WyeError,
)
from wye.transport import trace
from wye.transport.guard import public_addresses
from wye.transport.seam import LARGEST_ANSWER, HttpReply, Reader, Timeouts, too_large

_IDLE_SECONDS: Final = 60.0
_IDLE_AT_MOST: Final = 512
_STALE_SECONDS: Final = 1.0
"""A used connection that ends later than this after a request may have worked on it, and is not replaced."""
_HEADS_A_PATH: Final = 16
"""One for each key, and a few that are used once."""
_BUFFERED_AT_MOST: Final = 256 * 1024
"""Bytes of a stream that wait for their reader before the connection is told to wait."""


class PlainTransport:
    """A pool of connections to one base URL. `guarded` connects to public addresses only."""

    def __init__(
        self,
        base_url: str,
        *,
        timeouts: Timeouts | None = None,
        guarded: bool = False,
        largest: int = LARGEST_ANSWER,
    ) -> None:
        """Take the URL apart; connections are made when they are needed."""
        url = urlsplit(base_url.rstrip("/"))
        self._base_url = base_url.rstrip("/")
        self._secure = url.scheme == "https"
        self._host, self._port = _ascii(url.hostname or ""), url.port or (443 if self._secure else 80)
        shown = f"[{self._host}]" if ":" in self._host else self._host
        self._authority = f"{shown}:{url.port}" if url.port else shown
        self._prefix = url.path
        self._timeouts = timeouts or Timeouts()
        self._guarded = guarded
        self._largest = largest
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self._closed = False
        self._heads: dict[str, dict[int, tuple[Mapping[str, str], bytes]]] = {}

    def send(
        self, path: str, headers: Mapping[str, str], body: bytes, deadline: float
    ) -> Coroutine[Any, Any, HttpReply]:
        """POST and return the whole answer."""
        return self._whole(path, headers, body, deadline)

    def get(self, path: str, headers: Mapping[str, str], deadline: float) -> Coroutine[Any, Any, HttpReply]:
        """GET and return the whole answer."""
        return self._whole(path, headers, None, deadline)

    async def _whole(self, path: str, headers: Mapping[str, str], body: bytes | None, deadline: float) -> HttpReply:
        connection = await self.exchange(path, headers, body, deadline, whole=True)
        reply = connection.reply()
        self.release(connection)
        if trace.enabled():
            trace.received(self._base_url + path, str(reply.status), reply.body)
        return reply

    def stream(self, path: str, headers: Mapping[str, str], body: bytes, deadline: float = math.inf) -> "PlainStream":
        """Prepare a POST whose answer is read in pieces."""
        return PlainStream(self, path, headers, body, deadline)

    def get_stream(self, path: str, headers: Mapping[str, str], deadline: float) -> "PlainStream":
        """Prepare a GET whose answer is read in pieces."""
        return PlainStream(self, path, headers, None, deadline)

    async def aclose(self) -> None:
        """Close all connections."""
        self._closed = True
        for connection in (*self._idle, *self._busy):
            connection.abort()
        self._idle.clear()

    async def acquire(self, deadline: float) -> "Connection":
        """Return a connection of the pool, or a new one."""
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection = self._idle.pop()
            if connection.usable and now - connection.idle_since < _IDLE_SECONDS:
                break
            connection.abort()
        else:
            connection = await self._connect(min(deadline, self._timeouts.connect))
        self._busy.add(connection)
        return connection

    async def exchange(
        self, path: str, headers: Mapping[str, str], body: bytes | None, deadline: float, *, whole: bool
    ) -> "Connection":
        """Send a request, a GET where there is no body, and wait for its headers, or for all of its answer.

        A server may close a connection that has been idle, or that it answered with an error on, in the very moment the
        next request goes out. So one that was used before and ends at once, without a byte of an answer, is replaced.
        """
        head = self.head(path, headers, body)
        connection = await self.acquire(deadline)
        while True:
            used_before = connection.idle_since > 0.0
            try:
                connection.post(head, body or b"", deadline, whole=whole, patient=whole and body is not None)
                while not connection.answered:
                    await connection.news()
            except BaseException as error:
                connection.abort()
                self.release(connection)
                stale = used_before and not connection.heard and connection.waited < _STALE_SECONDS
                if not stale or self._closed or not isinstance(error, ConnectionFailedError):
                    raise
            else:
                return connection
            deadline = connection.seconds_left
            connection = await self._connect(min(deadline, self._timeouts.connect))
            self._busy.add(connection)

    def release(self, connection: "Connection") -> None:
        """Take a connection back, if another request can use it."""
        self._busy.discard(connection)
        if connection.finish() and len(self._idle) < _IDLE_AT_MOST:
            self._idle.append(connection)
        else:
            connection.abort()

    def head(self, path: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
        """Return the request's first lines; all but the length are the same each time."""
        if trace.enabled():
            trace.sent(self._base_url + path, headers, body)
        if body is None:
            return self._fixed_head("GET", path, headers) + b"\r\n\r\n"
        heads = self._heads.get(path)
        known = heads.get(id(headers)) if heads is not None else None
        if known is None or known[0] is not headers:
            known = (headers, self._fixed_head("POST", path, headers) + b"\r\ncontent-length: ")
            if heads is None:
                heads = {}
                if len(self._heads) < 1000:  # paths hold model names, and those may come from callers
                    self._heads[path] = heads
            elif len(heads) >= _HEADS_A_PATH:
                heads.clear()
            heads[id(headers)] = known  # which keeps the headers alive, so that the id stays theirs
        return b"%b%d\r\n\r\n" % (known[1], len(body))

    def _fixed_head(self, method: str, path: str, headers: Mapping[str, str]) -> bytes:
        beside = path.startswith("/../")
        target = f"{self._prefix.rpartition('/')[0]}{path[3:]}" if beside else f"{self._prefix}{path}"
        lines = [
            f"{method} {target} HTTP/1.1",
            f"host: {self._authority}",
            "user-agent: wye",
            "accept: */*",
        ]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if any(ord(character) < 32 or ord(character) == 127 for line in lines for character in line):
            raise ConfigurationError("a header or path for a provider holds a control character", param="headers")
        if " " in path:
            raise ConfigurationError(f"the path {path!r} holds a space", param="model")
        return "\r\n".join(lines).encode("latin-1", "replace")

    async def _connect(self, seconds: float) -> "Connection":
        try:
            async with asyncio.timeout(seconds):
                hosts = await public_addresses(self._host, self._port) if self._guarded else (self._host,)
                return await self._connect_to_one_of(hosts, seconds)
        except TimeoutError:
            own = seconds >= self._timeouts.connect  # else it is the caller who could not wait longer
            kind = ConnectionTimeoutError if own else UpstreamTimeoutError
            raise kind("timed out connecting to the provider") from None
        except ssl.SSLError as error:
            reason = getattr(error, "verify_message", "") or error.reason or str(error)
            raise ConnectionFailedError(f"the provider's TLS certificate or handshake failed: {reason}") from None
        except OSError as error:
            reason = error.strerror or str(error)
            raise ConnectionFailedError(f"the connection to the provider failed: {reason}") from None

    async def _connect_to_one_of(self, hosts: Sequence[str], seconds: float) -> "Connection":
        """Connect to the first host that takes it; one that says nothing leaves time for the others."""
        loop = asyncio.get_running_loop()
        for host in hosts:
            last = host is hosts[-1]
            try:
                async with asyncio.timeout(None if last else seconds / len(hosts)):
                    _, connection = await loop.create_connection(
                        lambda: Connection(loop, self._timeouts.read, self._largest),
                        host,
                        self._port,
                        ssl=_trust() if self._secure else None,
                        server_hostname=self._host if self._secure else None,
                    )
            except OSError:
                if last:
                    raise
            else:
                return connection
        raise ConnectionFailedError("the provider has no address")


def _headers(lines: list[tuple[bytes, bytes]]) -> Mapping[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in lines}


def _ascii(host: str) -> str:
    return host if host.isascii() else host.encode("idna").decode()


@functools.cache
def _trust() -> ssl.SSLContext:
    """Return what this machine trusts; reading that takes a moment, so it is done when first needed, and once."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


class PlainStream:
    """An answer in pieces over one connection of the pool."""

    __slots__ = ("_arguments", "_connection", "_pool", "status")

    def __init__(
        self, pool: PlainTransport, path: str, headers: Mapping[str, str], body: bytes | None, deadline: float
    ) -> None:
        """Keep what is to be sent."""
        self._pool = pool
        self._arguments = (path, headers, body, deadline)
        self._connection: Connection | None = None
        self.status = 0

    @property
    def headers(self) -> Mapping[str, str]:
        """The response headers, names in lower case."""
        return self._connection.headers if self._connection else {}

    def read(self) -> Coroutine[Any, Any, bytes | None]:
        """Return the next piece, `None` at the end."""
        if self._connection is None:
            raise RuntimeError("the stream is not open")
        return self._traced(self._connection) if trace.enabled() else self._connection.read()

    async def _traced(self, connection: "Connection") -> bytes | None:
        piece = await connection.read()
        if piece is not None:
            trace.received(self._arguments[0], "piece", piece)
        return piece

    async def pump(self, reader: Reader) -> None:
        """Feed every piece to `reader` until it is done or the body ends."""
        if self._connection is None:
            raise RuntimeError("the stream is not open")
        await self._connection.pump(_Traced(self._arguments[0], reader) if trace.enabled() else reader)

    async def __aenter__(self) -> Self:
        """Send the request and wait for the headers."""
        path, headers, body, deadline = self._arguments
        self._connection = await self._pool.exchange(path, headers, body, deadline, whole=False)
        self.status = self._connection.status
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace_: TracebackType | None
    ) -> None:
        """Give the connection back; unread bytes cost it its life."""
        if self._connection is not None:
            self._pool.release(self._connection)
            self._connection = None


class _Traced:
    """Shows every piece before it is fed to `reader`."""

    def __init__(self, path: str, reader: Reader) -> None:
        self._path = path
        self._reader = reader

        self.done = False

    def feed(self, piece: bytes) -> Awaitable[None] | None:
        trace.received(self._path, "piece", piece)
        wait = self._reader.feed(piece)
        self.done = self._reader.done
        return wait


class Connection(asyncio.Protocol):
    """One connection: a request out, an answer in, again and again."""

    def __init__(self, loop: asyncio.AbstractEventLoop, silence: float, largest: int = LARGEST_ANSWER) -> None:
        """Begin unconnected; `silence` is how many seconds may pass without a byte, `largest` bounds an answer."""
        self._loop = loop
        self._usual_silence = self._silence = silence
        self._largest = largest
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[None] | None = None
        self._pieces: deque[bytes] = deque()
        self._buffered = 0
        self._paused = False
        self._error: WyeError | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._posted_at = 0.0
        self._silent_at = 0.0
        self._late_at = 0.0
        self._until_closed = False
        self._in_flight = False
        self._head_done = False
        self._complete = False
        self._whole = False
        self._reader: Reader | None = None
        self._slow: Awaitable[None] | None = None
        self._raised: Exception | None = None
        self._keep = True
        self.heard = False
        self.status = 0
        self._lines: list[tuple[bytes, bytes]] = []
        self.idle_since = 0.0

    @property
    def usable(self) -> bool:
        """Whether another request can go out."""
        return self._transport is not None and not self._in_flight and not self._transport.is_closing()

    @property
    def headers(self) -> Mapping[str, str]:
        """The response headers, names in lower case."""
        return _headers(self._lines)

    @property
    def waited(self) -> float:
        """How many seconds ago the request went out, while nothing has been heard."""
        return self._loop.time() - self._posted_at

    @property
    def seconds_left(self) -> float:
        """How long the request under way has until its deadline."""
        return self._late_at - self._loop.time()

    def post(self, head: bytes, body: bytes, deadline: float, *, whole: bool, patient: bool = False) -> None:
        """Send a request; `whole` holds the answer back until all of it is here, `patient` lets it be silent."""
        if self._transport is None or self._transport.is_closing():
            raise ConnectionFailedError("the connection to the provider was closed before it was used")
        self._in_flight, self._head_done, self._complete, self._until_closed = True, False, False, False
        self.status, self._lines, self.heard, self._whole = 0, [], False, whole
        now = self._posted_at = self._loop.time()
        self._silence = math.inf if patient else self._usual_silence
        self._silent_at, self._late_at = now + self._silence, now + deadline
        if self._timer is None:
            self._timer = self._loop.call_at(min(self._silent_at, self._late_at), self._check_time)
        elif self._late_at < self._timer.when():
            self._timer.cancel()
            self._timer = self._loop.call_at(self._late_at, self._check_time)
        self._transport.writelines((head, body)) if len(body) > 4096 else self._transport.write(head + body)

    @property
    def answered(self) -> bool:
        """Whether the headers are here, or all of an answer that is wanted whole."""
        return self._complete if self._whole else self._head_done

    def reply(self) -> HttpReply:
        """Return the answer that has come."""
        pieces, self._pieces = self._pieces, deque()
        self._buffered = 0
        return HttpReply(
            self.status, partial(_headers, self._lines), pieces[0] if len(pieces) == 1 else b"".join(pieces)
        )

    async def read(self) -> bytes | None:
        """Return the next piece of the body, `None` at its end."""
        while not self._pieces:
            if self._complete:
                return None
            await self.news()
        return self._take()

    async def pump(self, reader: Reader) -> None:
        """Feed every piece to `reader` as it comes, from the event loop's own call where nobody has to wait."""
        while not reader.done:
            if self._pieces:
                if (wait := reader.feed(self._take())) is not None:
                    await wait
            elif self._complete:
                return
            else:
                self._reader = reader
                try:
                    await self.news()
                finally:
                    self._reader = None
                if (raised := self._raised) is not None:
                    self._raised = None
                    raise raised
                if (slow := self._slow) is not None:
                    self._slow = None
                    await slow

    def _push(self, reader: Reader) -> None:
        """Feed what has just come; wake the task where it has something to do about it."""
        try:
            self._slow = reader.feed(self._take())
        except Exception as error:  # noqa: BLE001 - raised again in the task that waits
            self._reader, self._raised = None, error
            self._wake()
        else:
            if self._slow is not None or reader.done:
                self._reader = None  # what comes meanwhile is kept
                self._wake()

    def _take(self) -> bytes:
        """Return all pieces that have come, as one."""
        if len(self._pieces) == 1:
            piece = self._pieces.popleft()
        else:
            piece = b"".join(self._pieces)
            self._pieces.clear()
        self._buffered = 0
        if self._paused and self._transport is not None:
            self._paused = False
            self._silent_at = self._loop.time() + self._silence
            self._transport.resume_reading()
        return piece

    def finish(self) -> bool:
        """End an exchange; tell whether the connection may serve another."""
        whole = self._complete and not self._pieces and self._keep and not self._until_closed
        self._in_flight = False
        self._pieces.clear()
        self._buffered = 0
        self.idle_since = self._loop.time()
        return whole and self.usable

    def abort(self) -> None:
        """Close at once."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.abort()

    def news(self) -> asyncio.Future[None]:
        """Return what ends when something has come; raise what went wrong."""
        if self._error is not None:
            raise self._error
        self._waiter = self._loop.create_future()
        return self._waiter

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, error: WyeError) -> None:
        if self._error is None:
            self._error = error
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)

    def _check_time(self) -> None:
        self._timer = None
        if not self._in_flight or self._complete:
            return
        now = self._loop.time()
        if now >= self._late_at or (now >= self._silent_at and not self._paused):
            self._fail(UpstreamTimeoutError("timed out waiting for the provider"))
            self.abort()
        else:
            later = min(self._silent_at, self._late_at)
            self._timer = self._loop.call_at(max(later, now + 0.05), self._check_time)

    # What the event loop says.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)  # another loop's transports are no subclass

    def data_received(self, data: bytes) -> None:
        """Feed the parser."""
        if not self._in_flight or self._complete:
            self.abort()  # nobody asked
            return
        self._silent_at = self._loop.time() + self._silence
        self.heard = True
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(_malformed(error, head_done=self._head_done))
            self.abort()
        if self._reader is not None and self._pieces:
            self._push(self._reader)

    def eof_received(self) -> None:
        """Take the provider's last word, which ends an answer without a length."""
        if self._until_closed and self._in_flight:
            self._complete = True
            self._wake()

    def connection_lost(self, _error: Exception | None) -> None:
        """End what is under way."""
        self._transport = None
        if not self._in_flight or self._complete:
            return
        if self._head_done:
            self._fail(StreamInterruptedError("the provider's answer broke off: the connection was closed"))
        else:
            self._fail(ConnectionFailedError("the provider closed the connection without an answer"))

    # What the parser says.

    def on_message_begin(self) -> None:
        """Start a new head; after the answer there is none to come."""
        if self._complete:
            raise MalformedResponseError("the provider says more than it was asked")
        self._lines = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        self._lines.append((name, value))

    def on_headers_complete(self) -> None:
        """Let the task look at status and headers; an interim answer is not one."""
        self.status = self._parser.get_status_code()
        if self.status < 200:
            return
        self._keep = self._parser.should_keep_alive()
        self._until_closed = not self._keep and self._has_no_length()
        self._head_done = True
        if not self._whole:
            self._wake()

    def _has_no_length(self) -> bool:
        headers = self.headers
        return not ("content-length" in headers or "transfer-encoding" in headers or self.status in {204, 304})

    def on_body(self, body: bytes) -> None:
        """Keep a piece; a reader too slow for the provider holds it up."""
        self._pieces.append(body)
        self._buffered += len(body)
        if self._whole:
            if self._buffered > self._largest:
                self._fail(too_large(self._largest))
                self.abort()
        else:
            if self._buffered > _BUFFERED_AT_MOST and not self._paused and self._transport is not None:
                self._paused = True
                self._transport.pause_reading()
            if self._reader is None:
                self._wake()

    def on_message_complete(self) -> None:
        """End the answer."""
        if self.status >= 200:
            self._complete = True
            self._wake()


def _malformed(error: Exception, *, head_done: bool) -> WyeError:
    if head_done:
        return StreamInterruptedError(f"the provider's answer broke off: {error}")
    return MalformedResponseError(f"the provider does not answer in HTTP: {error}")

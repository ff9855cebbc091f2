"""HTTP/1.1 on the event loop itself: a pool of connections, and the answers that come over them.

A task that gives up closes its connection at once. Inference servers on this machine or network, which answer fastest
and most often, are reached so, and everybody's whole answers.
"""

import asyncio
import functools
import math
import ssl
from collections.abc import Awaitable, Coroutine, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from wye.core.errors import (
    ConfigurationError,
    ConnectionFailedError,
    ConnectionTimeoutError,
    UpstreamTimeoutError,
)
from wye.transport import trace
from wye.transport.connection import Connection
from wye.transport.guard import public_addresses
from wye.transport.seam import LARGEST_ANSWER, HttpReply, Reader, Timeouts

_IDLE_SECONDS: Final = 60.0
_IDLE_AT_MOST: Final = 512
_STALE_SECONDS: Final = 1.0
"""A used connection that ends later than this after a request may have worked on it, and is not replaced."""
_HEADS_A_PATH: Final = 16
"""One for each key, and a few that are used once."""


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

    def _idle_one(self) -> "Connection | None":
        """Return a connection of the pool that can be used again, if there is one."""
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection = self._idle.pop()
            if connection.usable and now - connection.idle_since < _IDLE_SECONDS:
                return connection
            connection.abort()
        return None

    async def exchange(
        self, path: str, headers: Mapping[str, str], body: bytes | None, deadline: float, *, whole: bool
    ) -> "Connection":
        """Send a request, a GET where there is no body, and wait for its headers, or for all of its answer.

        A server may close a connection that has been idle, or that it answered with an error on, in the very moment the
        next request goes out. So one that was used before and ends at once, without a byte of an answer, is replaced.
        """
        head = self.head(path, headers, body)
        connection = self._idle_one() or await self._connect(min(deadline, self._timeouts.connect))
        self._busy.add(connection)
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

"""The HTTP server's protocol, made shorter where every request and every chunk pass.

uvicorn reads the requests, runs the application and shuts down; any ASGI application works on it as before. Ours may
also write into the connection (`Outlet`): a head in one piece instead of header by header, a chunk without a message
and a task in between. And a connection that idles has one timer for its whole life instead of one after each answer.
"""

import asyncio
import re
from collections.abc import Awaitable
from typing import Any, Final, cast
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from wye.gateway.http import Header
from wye.gateway.outlet import ARRIVED, EXTENSION

_PLAIN_PATH: Final = re.compile(rb"/[A-Za-z0-9/._~:-]*").fullmatch
"""A request's target that is nothing but a path: most are, and need not be taken apart."""


_always: tuple[list[Header], bytes] = ([], b"")
"""The server's own headers, which it renews every second, and how they are written."""


class Protocol(HttpToolsProtocol):
    """One connection of a client."""

    _idle_since: float = 0.0

    def on_headers_complete(self) -> None:
        """Begin a request: as uvicorn does, without what only web sockets and its own log need."""
        parser = self.parser
        version: str = parser.get_http_version()
        scope: Any = self.scope
        scope["method"] = parser.get_method().decode("ascii")
        if version != "1.1":
            scope["http_version"] = version
        raw_path, query = self.url, b""
        if not _PLAIN_PATH(raw_path):
            url: Any = httptools.parse_url(raw_path)  # its types know nothing of parts that are not there
            raw_path, query = url.path, url.query or b""
        path = raw_path.decode("ascii")
        scope["path"] = unquote(path) if "%" in path else path
        scope["raw_path"] = raw_path
        scope["query_string"] = query
        before = cast("RequestResponseCycle | None", self.cycle)  # none before the first request
        cycle = self.cycle = Cycle(self, keep_alive=version != "1.0" and parser.should_keep_alive())
        scope["extensions"] = {EXTENSION: cycle, ARRIVED: cycle.arrived}
        if before is None or before.response_complete:
            self._start_asgi_task(cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Run the application; the task leaves the list of those under way by itself, without a callback."""
        tasks = self.tasks

        async def run() -> None:
            try:
                await app(cycle.scope, cycle.receive, cycle.send)
                if not (cycle.response_complete or cycle.disconnected):
                    raise RuntimeError("the application returned before its answer was complete")  # noqa: TRY301 - one end for all that fails
            except BaseException:
                self.logger.exception("the application failed")
                if cycle.response_started:
                    self.transport.close()
                else:
                    await cycle.send_500_response()
            finally:
                tasks.discard(task)

        task = self.loop.create_task(run())
        tasks.add(task)

    def on_response_complete(self) -> None:
        """Begin the next request that has come, or wait for one."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
            return
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _unset_keepalive_if_required(self) -> None:
        """Leave the timer: it looks by itself whether the connection has been idle all the while."""
        self._idle_since = 0.0
        if self.transport.is_closing() and self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that has been idle for long enough."""
        self.timeout_keep_alive_task = None
        if self.transport.is_closing() or not self._idle_since:
            return
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left <= 0:
            self.transport.close()
        else:
            self.timeout_keep_alive_task = self.loop.call_later(left, self.timeout_keep_alive_handler)


class Bell:
    """Tells one waiter that something has come: as much of `asyncio.Event` as a cycle needs, made in no time."""

    __slots__ = ("_rung", "_waiter")

    def __init__(self) -> None:
        """Begin silent."""
        self._rung = False
        self._waiter: asyncio.Future[None] | None = None

    def set(self) -> None:
        """Ring."""
        self._rung = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def clear(self) -> None:
        """Be silent again."""
        self._rung = False

    async def wait(self) -> None:
        """Return once it rings, at once where it has."""
        while not self._rung:
            if self._waiter is None or self._waiter.done():
                self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter


class Cycle(RequestResponseCycle):
    """One request and its answer, which may be written as an `Outlet`."""

    disconnected = False
    more_body = True
    response_started = False
    response_complete = False
    chunked_encoding: bool | None = None
    expected_content_length = 0
    _head: bytes = b""

    def __init__(self, protocol: Protocol, *, keep_alive: bool) -> None:
        """Begin what `protocol` has read the head of: as uvicorn does, but for what is the same in every cycle."""
        self.scope = protocol.scope
        self.transport = protocol.transport
        self.flow = protocol.flow
        self.logger = protocol.logger
        self.access_logger = protocol.access_logger
        self.access_log = protocol.access_log
        self.default_headers = protocol.server_state.default_headers
        self.message_event: Any = Bell()
        self.on_response = protocol.on_response_complete
        self.keep_alive = keep_alive
        self.waiting_for_100_continue = protocol.expect_100_continue
        self.body = bytearray()

    def arrived(self) -> bytes | None:
        """Return the request's body where all of it is here, once; `None` where it must be waited for."""
        if self.more_body or self.waiting_for_100_continue or self.disconnected:
            return None
        body = bytes(self.body)
        self.body = bytearray()
        self.message_event.clear()
        return body

    def answer(self, status: int, headers: list[Header], body: bytes) -> Awaitable[None] | None:
        """Send a whole answer."""
        if self.disconnected:
            return None
        headers.append((b"content-length", b"%d" % len(body)))
        self.response_started = True
        head = self._head_of(status, headers)
        self.transport.write(head if self.scope["method"] == "HEAD" else head + body)
        return self._complete()

    def begin(self, status: int, headers: list[Header]) -> None:
        """Keep status and headers for the first piece."""
        self.response_started = True
        self.chunked_encoding = self.scope["http_version"] == "1.1"
        if self.chunked_encoding:
            headers = [*headers, (b"transfer-encoding", b"chunked")]
        else:
            self.keep_alive = False  # the end of the connection is the end of the answer
        self._head = self._head_of(status, headers)

    def write(self, data: bytes) -> Awaitable[None] | None:
        """Send a piece."""
        if self.disconnected:
            return None
        if data:
            if self.chunked_encoding:
                data = b"%x\r\n%b\r\n" % (len(data), data)
            if self._head:
                data, self._head = self._head + data, b""
            self.transport.write(data)
        return self.flow.drain() if self.flow.write_paused else None

    def finish(self, data: bytes) -> Awaitable[None] | None:
        """Send the last piece."""
        if self.disconnected:
            return None
        if self.chunked_encoding:
            data = b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data) if data else b"0\r\n\r\n"
        self.transport.write(self._head + data)
        return self._complete()

    def _complete(self) -> Awaitable[None] | None:
        self.response_complete = True
        # Without this the scope and the cycle would hold each other until the collector comes round.
        self.scope["extensions"] = {}
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
        return self.flow.drain() if self.flow.write_paused else None

    def _head_of(self, status: int, headers: list[Header]) -> bytes:
        global _always  # noqa: PLW0603 - the same bytes for every answer of a second
        if _always[0] is not self.default_headers:
            _always = (self.default_headers, b"".join([b"%b: %b\r\n" % header for header in self.default_headers]))
        lines = [STATUS_LINE[status], _always[1]]
        for name, value in headers:
            lines += (name, b": ", value, b"\r\n")
        head = b"".join(lines)
        if head.count(b"\n") != len(headers) + len(self.default_headers) + 1:
            raise RuntimeError("a response header holds a line break")
        return head + (b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n")

"""An HTTP load client of ours: counts every event of every stream, which wrk cannot, and works where wrk is missing.

Closed loop: each connection sends its next request as soon as the answer to the last one is complete.
"""

import asyncio
import time
from typing import cast

import httptools
import msgspec


class Tally(msgspec.Struct):
    """What was received so far; times in milliseconds since the request was sent."""

    responses: int = 0
    events: int = 0
    errors: int = 0
    latencies: list[float] = []
    first_events: list[float] = []

    def forget_times(self) -> None:
        """Keep the counts, drop the times: what comes now is to be judged without the warm-up."""
        self.latencies.clear()
        self.first_events.clear()


class Load:
    """A number of connections that all send the same request; use from one event loop."""

    def __init__(self, port: int, body: bytes, *, events: int = 0, limit: int | None = None) -> None:
        """`events` is how many server-sent events a whole response has (0: it is no stream); `limit` ends the load."""
        self.port = port
        self.request = _request(port, body)
        self.events = events
        self.tally = Tally()
        self.finished = asyncio.Event()
        self._unsent = limit
        self._open: set[_Connection] = set()
        self._reopening: set[asyncio.Task[None]] = set()
        self._closing = False

    async def open(self, connections: int) -> None:
        """Connect and begin to send; OSError when nobody listens."""
        for _ in range(connections):
            await self._connect()

    def close(self) -> None:
        """Drop every connection, whatever is in flight."""
        self._closing = True
        for connection in list(self._open):
            connection.abort()

    def take(self) -> bool:
        """Whether one more request may be sent."""
        if self._unsent is None:
            return not self._closing
        self._unsent -= 1
        return self._unsent >= 0

    def joined(self, connection: "_Connection") -> None:
        """Note a connection that is up."""
        self._open.add(connection)

    def left(self, connection: "_Connection", *, reopen: bool) -> None:
        """Note a connection that is gone; with `reopen` a new one takes its place."""
        self._open.discard(connection)
        if reopen and not self._closing:
            task = asyncio.get_running_loop().create_task(self._reconnect())
            self._reopening.add(task)
            task.add_done_callback(self._reopening.discard)
        elif not self._open and not self._reopening:
            self.finished.set()

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: _Connection(self), "127.0.0.1", self.port)

    async def _reconnect(self) -> None:
        try:
            await self._connect()
        except OSError:
            self.tally.errors += 1


class _Connection(asyncio.Protocol):
    def __init__(self, load: Load) -> None:
        self._load = load
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport
        self._in_flight = False
        self._reopen = False
        self._sent_at = 0.0
        self._first_event: float | None = None
        self._events = 0
        self._last_byte = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._load.joined(self)
        self._send()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if self._in_flight:
            self._load.tally.errors += 1
        self._load.left(self, reopen=self._reopen or self._in_flight)

    def abort(self) -> None:
        """Leave without waiting for an answer."""
        self._in_flight = False
        self._transport.abort()

    def on_body(self, body: bytes) -> None:
        if not self._load.events:
            return
        if self._first_event is None:
            self._first_event = _milliseconds_since(self._sent_at)
        ends = body.count(b"\n\n")
        if self._last_byte == b"\n" and body.startswith(b"\n"):
            ends += 1
        self._last_byte = body[-1:]
        self._events += ends
        self._load.tally.events += ends

    def on_message_complete(self) -> None:
        tally = self._load.tally
        if self._parser.get_status_code() != 200 or self._events != self._load.events:
            tally.errors += 1
        else:
            tally.responses += 1
            tally.latencies.append(_milliseconds_since(self._sent_at))
            if self._first_event is not None:
                tally.first_events.append(self._first_event)
        self._in_flight = False
        if self._parser.should_keep_alive():
            self._send()
        else:
            self._reopen = True
            self._transport.close()

    def _send(self) -> None:
        if not self._load.take():
            self._transport.close()
            return
        self._in_flight = True
        self._events = 0
        self._first_event = None
        self._last_byte = b""
        self._sent_at = time.perf_counter()
        self._transport.write(self._load.request)


def percentile(values: list[float], share: float) -> float | None:
    """Find the value below which `share` (0 to 1) of the values lie; None of none."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _milliseconds_since(start: float) -> float:
    return (time.perf_counter() - start) * 1000


def _request(port: int, body: bytes) -> bytes:
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
        f"accept: */*\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body

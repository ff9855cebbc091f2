"""One HTTP/1.1 connection as a protocol of the event loop: a request out, an answer in, again and again.

What comes goes to the waiting task without a thread or a queue between them, and silence and lateness are watched by
one timer that is not moved with every byte.
"""

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Mapping
from functools import partial
from typing import Final, cast

import httptools

from wye.core.errors import (
    ConnectionFailedError,
    MalformedResponseError,
    StreamInterruptedError,
    UpstreamTimeoutError,
    WyeError,
)
from wye.transport.seam import LARGEST_ANSWER, HttpReply, Reader, too_large

_BUFFERED_AT_MOST: Final = 256 * 1024
"""Bytes of a stream that wait for their reader before the connection is told to wait."""


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


def _headers(lines: list[tuple[bytes, bytes]]) -> Mapping[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in lines}

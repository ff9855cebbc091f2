"""Where an answer leaves: through any ASGI server, or straight into the connection where the server is our own."""

from collections.abc import Awaitable
from typing import Protocol

from wye.gateway.http import Header, Send

EXTENSION = "wye.outlet"
"""The ASGI extension under which a server offers an `Outlet` of its own."""
ARRIVED = "wye.arrived"
"""The one under which it offers a request's body that has come with the head."""


class Outlet(Protocol):
    """Sends one answer: `answer` for a whole one; else `begin`, any number of `write`, `finish`.

    Where an awaitable comes back, nothing more may be sent before it is done.
    """

    def answer(self, status: int, headers: list[Header], body: bytes) -> Awaitable[None] | None:
        """Send a whole answer; the content's length is added to `headers`."""

    def begin(self, status: int, headers: list[Header]) -> None:
        """Set status and headers of an answer in pieces; they leave with its first piece."""

    def write(self, data: bytes) -> Awaitable[None] | None:
        """Send a piece."""

    def finish(self, data: bytes) -> Awaitable[None] | None:
        """Send the last piece."""


class AsgiOutlet:
    """Sends through any ASGI server."""

    __slots__ = ("_head", "_send")

    def __init__(self, send: Send) -> None:
        """Send with `send`."""
        self._send = send
        self._head: tuple[int, list[Header]] | None = None

    def answer(self, status: int, headers: list[Header], body: bytes) -> Awaitable[None]:
        """Send a whole answer."""
        self.begin(status, [*headers, (b"content-length", b"%d" % len(body))])
        return self.finish(body)

    def begin(self, status: int, headers: list[Header]) -> None:
        """Keep status and headers for the first piece."""
        self._head = (status, headers)

    def write(self, data: bytes) -> Awaitable[None]:
        """Send a piece."""
        return self._say(data, more=True)

    def finish(self, data: bytes) -> Awaitable[None]:
        """Send the last piece."""
        return self._say(data, more=False)

    async def _say(self, data: bytes, *, more: bool) -> None:
        if self._head is not None:
            (status, headers), self._head = self._head, None
            await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": data, "more_body": more})

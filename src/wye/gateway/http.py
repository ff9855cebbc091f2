"""What every endpoint needs of ASGI: reading a body within a limit, sending an answer, noticing who left."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final, TypeAlias

from wye.core.errors import RequestTooLargeError

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Header: TypeAlias = tuple[bytes, bytes]

JSON: Final[Header] = (b"content-type", b"application/json")
EVENTS: Final[tuple[Header, ...]] = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
)
_WATCH_AFTER_SECONDS: Final = 0.05


class ClientLeftError(Exception):
    """The client closed its connection before it had sent its request."""


async def read_body(receive: Receive, headers: Mapping[bytes, bytes], limit: int) -> bytes:
    """Return the request's body.

    Raises `RequestTooLargeError` as soon as it is known to be longer than `limit` bytes.
    """
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientLeftError
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return body
    pieces = [body]
    length = len(body)
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeftError
        piece = message.get("body", b"")
        pieces.append(piece)
        length += len(piece)
        if length > limit:
            raise _too_large(limit)
    return b"".join(pieces)


def _too_large(limit: int) -> RequestTooLargeError:
    return RequestTooLargeError(f"the request body is longer than {limit} bytes ([server] max_body_bytes)")


async def respond(send: Send, status: int, body: bytes, headers: list[Header]) -> None:
    """Send a whole answer."""
    headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Departure:
    """Cancels the current task when its client leaves.

    Most answers to small questions come before anybody could leave, so watching begins a moment late and costs them
    no task of its own.
    """

    __slots__ = ("_receive", "_task", "_timer", "_watcher", "left")

    def __init__(self, receive: Receive) -> None:
        """Begin to watch soon. Call `end` before the answer's last bytes are sent."""
        self._receive = receive
        self._task = asyncio.current_task()
        self._watcher: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(_WATCH_AFTER_SECONDS, self._watch)
        self.left = False

    def end(self) -> None:
        """Stop watching."""
        self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()

    def absorb(self) -> bool:
        """Tell whether a cancellation came from here, and take it back if so."""
        if self.left and self._task is not None:
            self._task.uncancel()
        return self.left

    def _watch(self) -> None:
        self._watcher = asyncio.get_running_loop().create_task(self._wait())

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if self._task is not None and not self._task.done():
            self.left = True
            self._task.cancel()

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
STREAM: Final[tuple[Header, ...]] = (
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
        raise too_large(limit)
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientLeftError
    body: bytes = message.get("body", b"")
    length = len(body)
    if length <= limit and not message.get("more_body"):
        return body
    pieces = [body]
    while length <= limit and message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeftError
        piece = message.get("body", b"")
        pieces.append(piece)
        length += len(piece)
    if length > limit:
        raise too_large(limit)
    return b"".join(pieces)


def too_large(limit: int, setting: str = "[server] max_body_bytes") -> RequestTooLargeError:
    """Return the error of a body that nobody reads."""
    return RequestTooLargeError(f"the request body is longer than {limit} bytes ({setting})")


def accepted_encodings(headers: Mapping[bytes, bytes]) -> set[bytes]:
    """Return the content encodings that a client takes, in lower case."""
    said = headers.get(b"accept-encoding", b"").lower()
    parts = (part.strip().partition(b";") for part in said.split(b","))
    return {name.strip() for name, _, weight in parts if weight.replace(b" ", b"") not in {b"q=0", b"q=0.0"}}


async def respond(send: Send, status: int, body: bytes, headers: list[Header]) -> None:
    """Send a whole answer."""
    headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Departures:
    """Notices clients that leave, for all requests under way.

    Most answers to small questions come before anybody could leave. So a request is only watched, which takes a task
    of its own, once it has lasted a moment, and one timer looks after all that are younger.
    """

    def __init__(self) -> None:
        """Watch nobody."""
        self._fresh: dict[Departure, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, receive: Receive) -> "Departure":
        """Cancel the current task when its client leaves; call `end` before the answer's last bytes are sent."""
        departure = Departure(receive, self._fresh)
        self._fresh[departure] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_WATCH_AFTER_SECONDS, self._look)
        return departure

    def _look(self) -> None:
        young = []
        for departure in self._fresh:
            if departure.seen:
                departure.begin()
            else:
                departure.seen = True
                young.append(departure)
        self._fresh.clear()
        self._fresh.update(dict.fromkeys(young))
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(_WATCH_AFTER_SECONDS, self._look) if young else None


class Departure:
    """One request's client."""

    __slots__ = ("_fresh", "_receive", "_task", "_watcher", "left", "seen")

    def __init__(self, receive: Receive, fresh: "dict[Departure, None]") -> None:
        """Stand by; `seen` turns true when the timer has met this one before."""
        self._receive = receive
        self._fresh = fresh
        self._task = asyncio.current_task()
        self._watcher: asyncio.Task[None] | None = None
        self.seen = False
        self.left = False

    def begin(self) -> None:
        """Watch from now on."""
        self._watcher = asyncio.get_running_loop().create_task(self._wait())

    def end(self) -> None:
        """Stop watching."""
        self._fresh.pop(self, None)
        if self._watcher is not None:
            self._watcher.cancel()

    def absorb(self) -> bool:
        """Tell whether a cancellation came from here, and take it back if so."""
        if self.left and self._task is not None:
            self._task.uncancel()
        return self.left

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if self._task is not None and not self._task.done():
            self.left = True
            self._task.cancel()

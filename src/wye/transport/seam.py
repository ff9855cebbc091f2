"""The seam for outbound I/O: what a transport promises, whichever way it keeps the promise."""

import math
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Final, Protocol, Self

from msgspec import Struct

from wye.core.errors import AnswerTooLargeError

LARGEST_ANSWER: Final = 64 * 1024 * 1024
"""Bytes of a whole answer that are taken where nobody says another number."""


class Timeouts(Struct, frozen=True, kw_only=True):
    """Seconds: to connect, and of silence while waiting for a stream's headers or for the next piece of it.

    A whole answer is bounded by its deadline alone: a model that thinks says nothing for minutes.
    """

    connect: float = 10.0
    read: float = 30.0


class HttpReply(Struct, frozen=True):
    """A whole answer. Most answers' headers are never looked at, so they are read when somebody asks."""

    status: int
    read_headers: Callable[[], Mapping[str, str]]
    body: bytes

    @property
    def headers(self) -> Mapping[str, str]:
        """The response headers, names in lower case."""
        return self.read_headers()


def too_large(largest: int) -> AnswerTooLargeError:
    """Return the error of an answer that is longer than `largest` bytes."""
    return AnswerTooLargeError(
        f"the provider's answer is longer than {largest} bytes; 'max_answer_bytes' of the provider allows no more"
    )


class Reader(Protocol):
    """Takes the pieces of an answer as they come from the network; `done` once it wants no more."""

    done: bool

    def feed(self, piece: bytes) -> Awaitable[None] | None:
        """Take a piece; where an awaitable comes back, bring no more before it is done. May raise a `WyeError`."""


class HttpStream(Protocol):
    """An answer whose body comes in pieces."""

    status: int

    @property
    def headers(self) -> Mapping[str, str]:
        """The response headers, names in lower case."""

    async def read(self) -> bytes | None:
        """Return the next piece as it came from the network, `None` at the end; raise where it breaks off."""

    async def pump(self, reader: Reader) -> None:
        """Feed every piece to `reader` until it is done or the body ends; raise what it raises, or where it breaks off.

        Once begun there is nothing left for `read`, except what comes after `reader` is done.
        """

    async def __aenter__(self) -> Self:
        """Send the request and wait for the headers."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close; an answer that was not read to its end loses its connection."""


class Transport(Protocol):
    """Asks for paths below one base URL. `deadline` is the seconds until an answer must be there in full.

    An answer longer than the transport's limit raises `AnswerTooLargeError`.

    Redirects are never followed: no model API answers with one, and a redirect is the way around an address guard.
    Cancelling the task that waits closes the connection, which is how a provider learns that nobody listens any more.
    """

    async def send(self, path: str, headers: Mapping[str, str], body: bytes, deadline: float) -> HttpReply:
        """POST and return the whole answer."""

    async def get(self, path: str, headers: Mapping[str, str], deadline: float) -> HttpReply:
        """GET and return the whole answer."""

    def stream(self, path: str, headers: Mapping[str, str], body: bytes, deadline: float = math.inf) -> HttpStream:
        """Prepare a POST whose answer is read in pieces; entering it sends it."""

    async def aclose(self) -> None:
        """Close all connections."""

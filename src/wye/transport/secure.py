"""The client for what needs more than HTTP/1.1: HTTP/2 where it is offered, and proxies from the environment.

A task that gives up is noticed when the answer's headers come, not before.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import Final, Self, TypeVar

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import (
    BodyDecodeError,
    ConnectError,
    ConnectTimeoutError,
    DecodeError,
    PyreqwestError,
    ReadError,
    RequestTimeoutError,
)
from pyreqwest.http import Url
from pyreqwest.request import RequestBuilder, StreamRequest
from pyreqwest.response import Response

from wye.core.errors import (
    ConfigurationError,
    ConnectionFailedError,
    MalformedResponseError,
    StreamInterruptedError,
    UpstreamTimeoutError,
    WyeError,
)
from wye.transport import trace
from wye.transport.guard import public_addresses
from wye.transport.seam import LARGEST_ANSWER, HttpReply, Reader, Timeouts, too_large

_Answer = TypeVar("_Answer")
_PIN_SECONDS: Final = 30.0
"""How long a guarded endpoint's checked address is used before it is looked up again."""


class SecureTransport:
    """A client for one base URL, with a pool of its own.

    `guarded` connects to public addresses only and without a proxy, since behind a proxy nobody could tell which
    address was connected to.
    """

    def __init__(
        self,
        base_url: str,
        *,
        timeouts: Timeouts | None = None,
        guarded: bool = False,
        largest: int = LARGEST_ANSWER,
    ) -> None:
        """Check the URL; connections are made when they are needed."""
        self._base_url = base_url.rstrip("/")
        self._timeouts = timeouts or Timeouts()
        self._guarded = guarded
        self._largest = largest
        self._client: Client | None = None
        self._patient: Client | None = None
        self._urls: dict[str, Url] = {}
        self._pins: tuple[str, ...] = ()
        self._pinned_until = 0.0
        self._pinning = asyncio.Lock()
        url = self._url("")
        self._host, self._port = url.host_str or "", url.port_or_known_default or 443

    async def send(self, path: str, headers: Mapping[str, str], body: bytes, deadline: float) -> HttpReply:
        """POST and return the whole answer."""
        return await self._whole(path, headers, body, deadline)

    async def get(self, path: str, headers: Mapping[str, str], deadline: float) -> HttpReply:
        """GET and return the whole answer."""
        return await self._whole(path, headers, None, deadline)

    async def _whole(self, path: str, headers: Mapping[str, str], body: bytes | None, deadline: float) -> HttpReply:

        async def ask(client: Client) -> HttpReply:
            async with self.request(client, path, headers, body, deadline).build_streamed() as response:
                return HttpReply(response.status, partial(_headers, response), await self._read(response))

        try:
            reply = await self.reach(ask, patient=body is not None)
        except PyreqwestError as error:
            raise _translate(error) from None
        if trace.enabled():
            trace.received(self._base_url + path, str(reply.status), reply.body)
        return reply

    async def _read(self, response: Response) -> bytes:
        pieces: list[bytes] = []
        length = 0
        while (piece := await response.body_reader.read_chunk()) is not None:
            length += len(piece)
            if length > self._largest:
                raise too_large(self._largest)
            pieces.append(bytes(piece))
        return b"".join(pieces)

    def stream(self, path: str, headers: Mapping[str, str], body: bytes, deadline: float = math.inf) -> "SecureStream":
        """Prepare a POST whose answer is read in pieces."""
        return SecureStream(self, path, headers, body, deadline)

    async def aclose(self) -> None:
        """Close all connections."""
        for client in (self._client, self._patient):
            if client is not None:
                await client.close()

    def request(
        self, client: Client, path: str, headers: Mapping[str, str], body: bytes | None, deadline: float
    ) -> RequestBuilder:
        """Write a request; one without a body is a GET."""
        if trace.enabled():
            trace.sent(self._base_url + path, headers, body)
        try:
            url = self._url(path)
            request = (client.get(url) if body is None else client.post(url)).headers(headers)
        except ValueError:  # its message repeats the value, which may be a key
            message = "a header for a provider holds a character that cannot be sent"
            raise ConfigurationError(message, param="headers") from None
        if body is not None:
            request = request.body_bytes(body)
        return request if deadline == math.inf else request.timeout(timedelta(seconds=deadline))

    def _url(self, path: str) -> Url:
        url = self._urls.get(path)
        if url is None:
            try:
                url = Url(self._base_url + path)
            except ValueError as error:
                raise ConfigurationError(f"{self._base_url!r} is not a URL: {error}", param="base_url") from None
            if len(self._urls) < 1000:  # paths hold model names, and those may come from callers
                self._urls[path] = url
        return url

    async def client(self, *, patient: bool = False) -> Client:
        """Return the client, or its like without a limit of silence; a guarded one looks its host up now and then."""
        if self._guarded:
            async with self._pinning:
                await self._pin_down()
        known = self._patient if patient else self._client
        if known is None:
            builder = self._builder(patient=patient)
            if self._pins:
                builder = builder.no_proxy().resolve(self._host, self._pins[0], self._port)
            known = builder.build()
            if patient:
                self._patient = known
            else:
                self._client = known
        return known

    async def _pin_down(self) -> None:
        """Look the host up, if that was a while ago."""
        now = asyncio.get_running_loop().time()
        if self._pins and now < self._pinned_until:
            return
        addresses = await public_addresses(self._host.strip("[]"), self._port)
        if set(addresses) != set(self._pins):
            self._pin(addresses)
        self._pinned_until = now + _PIN_SECONDS

    def _pin(self, addresses: tuple[str, ...]) -> None:
        # Streams of the former clients run on; each closes with the last of them.
        self._client = self._patient = None
        self._pins = addresses

    async def reach(self, ask: Callable[[Client], Awaitable[_Answer]], *, patient: bool = False) -> _Answer:
        """Ask by a client; where a guarded host's address takes no connection, by its next, until all were tried."""
        tried = 0
        while True:
            client = await self.client(patient=patient)
            try:
                return await ask(client)
            except (ConnectError, ConnectTimeoutError):
                tried += 1
                if tried >= len(self._pins):
                    raise
                self._pin((*self._pins[1:], self._pins[0]))

    def _builder(self, *, patient: bool) -> ClientBuilder:
        builder = (
            ClientBuilder()
            .user_agent("wye")
            .follow_redirects(enable=False)
            .http2(enable=True)
            .http2_adaptive_window(enabled=True)
            .http2_keep_alive_interval(timedelta(seconds=30))
            .connect_timeout(timedelta(seconds=self._timeouts.connect))
        )
        return builder if patient else builder.read_timeout(timedelta(seconds=self._timeouts.read))


class SecureStream:
    """An answer in pieces."""

    __slots__ = ("_arguments", "_owner", "_request", "_response", "status")

    def __init__(
        self, owner: SecureTransport, path: str, headers: Mapping[str, str], body: bytes, deadline: float
    ) -> None:
        """Keep what is to be sent."""
        self._owner = owner
        self._arguments = (path, headers, body, deadline)
        self._request: StreamRequest | None = None
        self._response: Response | None = None
        self.status = 0

    @property
    def headers(self) -> Mapping[str, str]:
        """The response headers, names in lower case."""
        return _headers(self._response) if self._response else {}

    async def read(self) -> bytes | None:
        """Return the next piece, `None` at the end."""
        if self._response is None:
            raise RuntimeError("the stream is not open")
        try:
            piece = await self._response.body_reader.read_chunk()
        except PyreqwestError as error:
            raise _translate(error, while_reading=True) from None
        if piece is None:
            return None
        data = bytes(piece)
        if trace.enabled():
            trace.received(self._arguments[0], "piece", data)
        return data

    async def pump(self, reader: Reader) -> None:
        """Feed every piece to `reader` until it is done or the body ends."""
        while not reader.done and (piece := await self.read()) is not None:
            if (wait := reader.feed(piece)) is not None:
                await wait

    async def __aenter__(self) -> Self:
        """Send the request and wait for the headers."""
        try:
            self._response = await self._owner.reach(self._open)
        except PyreqwestError as error:
            raise _translate(error) from None
        self.status = self._response.status
        return self

    async def _open(self, client: Client) -> Response:
        # Reading ahead would hold the first pieces back until a buffer is full.
        self._request = self._owner.request(client, *self._arguments).streamed_read_buffer_limit(0).build_streamed()
        return await self._request.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace_: TracebackType | None
    ) -> None:
        """Close; an answer that was not read to its end loses its connection."""
        if self._request is not None:
            await self._request.__aexit__(kind, error, trace_)


def _headers(response: Response) -> Mapping[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _translate(error: PyreqwestError, *, while_reading: bool = False) -> WyeError:
    """Give a client library's error its place in our tree; its last cause is the plain one."""
    causes = (error.args[1].get("causes") if len(error.args) > 1 and isinstance(error.args[1], dict) else None) or []
    reason = causes[-1]["message"] if causes else error.message
    if isinstance(error, RequestTimeoutError):
        return UpstreamTimeoutError("timed out waiting for the provider")
    if while_reading or isinstance(error, BodyDecodeError | ReadError):
        return StreamInterruptedError(f"the provider's answer broke off: {reason}")
    if isinstance(error, DecodeError):
        return MalformedResponseError(f"the provider does not answer in HTTP: {reason}")
    return ConnectionFailedError(f"the connection to the provider failed: {reason}")

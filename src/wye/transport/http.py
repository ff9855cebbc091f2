"""The HTTP client: one per provider, with its own pool, timeouts and, for custom endpoints, the address guard.

Redirects are never followed: no model API answers with one, and a redirect is the way around an address guard.
Cancelling the task that waits closes the connection, which is how a provider learns that nobody listens any more.
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from types import TracebackType
from typing import Final, Protocol, Self

from msgspec import Struct
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import (
    BodyDecodeError,
    PyreqwestError,
    RequestTimeoutError,
)
from pyreqwest.http import Url
from pyreqwest.request import RequestBuilder, StreamRequest
from pyreqwest.response import Response

from wye.core.errors import (
    ConfigurationError,
    ConnectionFailedError,
    StreamInterruptedError,
    UpstreamTimeoutError,
    WyeError,
)
from wye.transport import trace
from wye.transport.guard import public_address

_PIN_SECONDS: Final = 30.0
"""How long a guarded endpoint's checked address is used before it is looked up again."""


class Timeouts(Struct, frozen=True, kw_only=True):
    """Seconds: to connect, and of silence while waiting for an answer or for the next piece of one."""

    connect: float = 10.0
    read: float = 30.0


class HttpReply(Struct, frozen=True):
    """A whole answer; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpStream(Protocol):
    """An answer whose body comes in pieces."""

    status: int

    @property
    def headers(self) -> Mapping[str, str]:
        """The response headers, names in lower case."""

    async def read(self) -> bytes | None:
        """Return the next piece as it came from the network, `None` at the end; raise where it breaks off."""

    async def __aenter__(self) -> Self:
        """Send the request and wait for the headers."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close; an answer that was not read to its end loses its connection."""


class Transport(Protocol):
    """The seam for outbound I/O. `deadline` is the seconds left for the whole exchange."""

    async def send(self, path: str, headers: Mapping[str, str], body: bytes, deadline: float) -> HttpReply:
        """POST and return the whole answer."""

    async def stream(self, path: str, headers: Mapping[str, str], body: bytes, deadline: float) -> HttpStream:
        """Prepare a POST whose answer is read in pieces; entering it sends it."""

    async def aclose(self) -> None:
        """Close all connections."""


class HttpTransport:
    """POSTs to paths below one base URL.

    `guarded` refuses private addresses and connects without a proxy, since behind a proxy nobody could tell which
    address was connected to.
    """

    def __init__(self, base_url: str, *, timeouts: Timeouts | None = None, guarded: bool = False) -> None:
        """Check the URL; connections are made when they are needed."""
        self._base_url = base_url.rstrip("/")
        self._timeouts = timeouts or Timeouts()
        self._guarded = guarded
        self._client: Client | None = None
        self._urls: dict[str, Url] = {}
        self._pin = ""
        self._pinned_until = 0.0
        self._pinning = asyncio.Lock()
        url = self._url("")
        if url.username or url.password:
            raise ConfigurationError("a base URL holds no credentials; put the key into 'api_keys'", param="base_url")
        self._host, self._port = url.host_str or "", url.port_or_known_default or 443

    async def send(self, path: str, headers: Mapping[str, str], body: bytes, deadline: float) -> HttpReply:
        """POST and return the whole answer."""
        request = (await self._request(path, headers, body, deadline)).build()
        try:
            response = await request.send()
            reply = HttpReply(response.status, _headers(response), bytes(await response.bytes()))
        except PyreqwestError as error:
            raise _translate(error) from None
        if trace.enabled():
            trace.received(self._base_url + path, str(reply.status), reply.body)
        return reply

    async def stream(self, path: str, headers: Mapping[str, str], body: bytes, deadline: float) -> HttpStream:
        """Prepare a POST whose answer is read in pieces."""
        request = await self._request(path, headers, body, deadline)
        # Reading ahead would hold the first pieces back until a buffer is full.
        return _Stream(request.streamed_read_buffer_limit(0).build_streamed(), self._base_url + path)

    async def aclose(self) -> None:
        """Close all connections."""
        if self._client is not None:
            await self._client.close()

    async def _request(self, path: str, headers: Mapping[str, str], body: bytes, deadline: float) -> RequestBuilder:
        client = self._client
        if client is None or self._guarded:
            client = await self._ready_client()
        if trace.enabled():
            trace.sent(self._base_url + path, headers, body)
        return client.post(self._url(path)).headers(headers).body_bytes(body).timeout(timedelta(seconds=deadline))

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

    async def _ready_client(self) -> Client:
        if not self._guarded:
            self._client = self._builder().build()
            return self._client
        async with self._pinning:
            now = asyncio.get_running_loop().time()
            if self._client is None or now >= self._pinned_until:
                address = await public_address(self._host.strip("[]"), self._port)
                if self._client is None or address != self._pin:
                    # Streams of the former client run on; it closes with the last of them.
                    self._client = self._builder().no_proxy().resolve(self._host, address, self._port).build()
                self._pin, self._pinned_until = address, now + _PIN_SECONDS
            return self._client

    def _builder(self) -> ClientBuilder:
        return (
            ClientBuilder()
            .user_agent("wye")
            .follow_redirects(enable=False)
            .http2(enable=True)
            .http2_adaptive_window(enabled=True)
            .http2_keep_alive_interval(timedelta(seconds=30))
            .connect_timeout(timedelta(seconds=self._timeouts.connect))
            .read_timeout(timedelta(seconds=self._timeouts.read))
        )


class _Stream:
    __slots__ = ("_request", "_response", "_url", "status")

    def __init__(self, request: StreamRequest, url: str) -> None:
        self._request = request
        self._url = url
        self._response: Response | None = None
        self.status = 0

    @property
    def headers(self) -> Mapping[str, str]:
        return _headers(self._open())

    async def read(self) -> bytes | None:
        try:
            piece = await self._open().body_reader.read_chunk()
        except PyreqwestError as error:
            raise _translate(error, while_reading=True) from None
        if piece is None:
            return None
        data = bytes(piece)
        if trace.enabled():
            trace.received(self._url, "piece", data)
        return data

    async def __aenter__(self) -> Self:
        try:
            self._response = await self._request.__aenter__()
        except PyreqwestError as error:
            raise _translate(error) from None
        self.status = self._response.status
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._request.__aexit__(kind, error, trace)

    def _open(self) -> Response:
        if self._response is None:
            raise RuntimeError("the stream is not open")
        return self._response


def _headers(response: Response) -> Mapping[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _translate(error: PyreqwestError, *, while_reading: bool = False) -> WyeError:
    """Give a client library's error its place in our tree; its last cause is the plain one."""
    causes = (error.args[1].get("causes") if len(error.args) > 1 and isinstance(error.args[1], dict) else None) or []
    reason = causes[-1]["message"] if causes else error.message
    if isinstance(error, RequestTimeoutError):
        return UpstreamTimeoutError("timed out waiting for the provider")
    if while_reading or isinstance(error, BodyDecodeError):
        return StreamInterruptedError(f"the provider's answer broke off: {reason}")
    return ConnectionFailedError(f"the connection to the provider failed: {reason}")

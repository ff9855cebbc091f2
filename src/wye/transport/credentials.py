"""Credentials that expire and renew themselves, and a transport that puts them on every request.

A renewal runs once for everybody who waits for it, in a thread of its own, and begins before the old credential ends:
as long as that one holds, nobody waits. A renewal that fails while the old one holds is tried again later.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Final, Generic, Protocol, Self, TypeVar

from msgspec import Struct

from wye.core.errors import ProviderAuthenticationError, UpstreamTimeoutError, WyeError
from wye.transport.seam import HttpReply, HttpStream, Reader, Transport

EARLY_SECONDS: Final = 300.0
"""How long before its end a token is renewed."""
_HARDLY_SECONDS: Final = 30.0
"""What is left of a token that is not used any more: a request may take a while to get there."""
_AGAIN_SECONDS: Final = 10.0
"""The pause before another try where a renewal failed and the old credential still holds."""
_PATIENCE_SECONDS: Final = 60.0

_V = TypeVar("_V")


class Credentials(Protocol):
    """Says who we are, anew for every request."""

    async def headers(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Mapping[str, str]:
        """Return `headers` with what proves who asks; the same object for the same ones where the proof is the same.

        Raises `ProviderAuthenticationError` where there is no proof to be had.
        """


class Grant(Struct, Generic[_V], frozen=True):
    """A credential that holds until `ends` (seconds since 1970) and should be renewed from `renew` on."""

    value: _V
    ends: float = math.inf
    renew: float = math.inf


class Keeper(Generic[_V]):
    """Keeps a grant of `who` and renews it with `fetch`, which may block and fail in any way."""

    def __init__(self, who: str, fetch: Callable[[], Grant[_V]]) -> None:
        """Fetch nothing yet."""
        self._who = who
        self._fetch = fetch
        self._grant: Grant[_V] | None = None
        self._renewal: asyncio.Task[WyeError | None] | None = None
        self._not_before = 0.0

    async def get(self) -> _V:
        """Return the credential, renewed where that is due."""
        now = time.time()
        grant = self._grant
        if grant is not None and now < grant.renew:
            return grant.value
        holds = grant is not None and now < grant.ends - _HARDLY_SECONDS
        if not holds or now >= self._not_before:
            renewal = self._begun()
            if not holds:
                return await self._renewed(renewal)
        return grant.value if grant is not None else await self.get()

    def _begun(self) -> "asyncio.Task[WyeError | None]":
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.get_running_loop().create_task(self._renew())
        return self._renewal

    async def _renewed(self, renewal: "asyncio.Task[WyeError | None]") -> _V:
        error = await asyncio.shield(renewal)  # a caller who leaves does not take it away from the others
        if self._grant is None or error is not None:
            raise error or ProviderAuthenticationError(f"{self._who}: no credential came")
        return self._grant.value

    async def _renew(self) -> WyeError | None:
        """Fetch in a thread and return what went wrong, in words that hold no secret."""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                self._grant = await asyncio.to_thread(self._fetch)
        except WyeError as error:
            self._not_before = time.time() + _AGAIN_SECONDS
            return error
        except TimeoutError:
            reason = f"nothing came within {_PATIENCE_SECONDS:g} s"
        except Exception as error:  # noqa: BLE001 - the libraries' errors have no root, and their words may tell secrets
            reason = type(error).__name__
        else:
            return None
        self._not_before = time.time() + _AGAIN_SECONDS
        return ProviderAuthenticationError(f"{self._who}: the credentials could not be renewed ({reason})")


class BearerToken:
    """A token that goes into `Authorization`, from a keeper."""

    def __init__(self, keeper: Keeper[str], more: Mapping[str, str] | None = None) -> None:
        """Put the keeper's tokens, and `more` headers with them, on requests."""
        self._keeper = keeper
        self._more = more or {}
        self._last: tuple[str, Mapping[str, str], Mapping[str, str]] | None = None

    async def headers(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Mapping[str, str]:
        """Return `headers` with the token; connections know headers they have seen by their identity."""
        del method, url, body  # a token is the same for all of them
        token = await self._keeper.get()
        last = self._last
        if last is None or last[0] is not token or last[1] is not headers:
            last = self._last = (token, headers, {**headers, **self._more, "authorization": f"Bearer {token}"})
        return last[2]


class SignedTransport:
    """Another transport's requests, with credentials that are made for each."""

    def __init__(self, inner: Transport, base_url: str, credentials: Credentials) -> None:
        """Sign for `base_url` what goes through `inner`."""
        self._inner = inner
        self._base_url = base_url.rstrip("/")
        self._credentials = credentials

    async def send(self, path: str, headers: Mapping[str, str], body: bytes, deadline: float) -> HttpReply:
        """POST and return the whole answer."""
        signed, left = await self._signed("POST", path, headers, body, deadline)
        return await self._inner.send(path, signed, body, left)

    async def get(self, path: str, headers: Mapping[str, str], deadline: float) -> HttpReply:
        """GET and return the whole answer."""
        signed, left = await self._signed("GET", path, headers, b"", deadline)
        return await self._inner.get(path, signed, left)

    def stream(self, path: str, headers: Mapping[str, str], body: bytes, deadline: float = math.inf) -> HttpStream:
        """Prepare a POST whose answer is read in pieces."""

        async def opened() -> HttpStream:
            signed, left = await self._signed("POST", path, headers, body, deadline)
            return self._inner.stream(path, signed, body, left)

        return _SignedStream(opened)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._inner.aclose()

    async def _signed(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> tuple[Mapping[str, str], float]:
        """Return the headers with what proves who asks, and what is left of the seconds: a renewal may take long."""
        now = asyncio.get_running_loop().time
        until = now() + seconds
        try:
            async with asyncio.timeout_at(None if seconds == math.inf else until):
                signed = await self._credentials.headers(method, self._base_url + path, headers, body)
        except TimeoutError:
            raise UpstreamTimeoutError("the provider's credentials were not renewed in time") from None
        return signed, max(until - now(), 0.001)


class _SignedStream:
    """A stream that is signed when it is entered, because that may have to wait."""

    def __init__(self, opened: Callable[[], Awaitable[HttpStream]]) -> None:
        self._opened = opened
        self._inner: HttpStream | None = None
        self.status = 0

    @property
    def headers(self) -> Mapping[str, str]:
        return self._inner.headers if self._inner else {}

    async def read(self) -> bytes | None:
        if self._inner is None:
            raise RuntimeError("the stream is not open")
        return await self._inner.read()

    async def pump(self, reader: Reader) -> None:
        if self._inner is None:
            raise RuntimeError("the stream is not open")
        await self._inner.pump(reader)

    async def __aenter__(self) -> Self:
        stream = await self._opened()
        self._inner = await stream.__aenter__()
        self.status = self._inner.status
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._inner is not None:
            await self._inner.__aexit__(kind, error, trace)

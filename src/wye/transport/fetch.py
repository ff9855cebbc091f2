"""Fetches what a caller's request points to, for providers that take bytes and no addresses.

The address comes from whoever calls, so it is reached as what nobody vouched for: on the public Internet only, at the
very address that was checked, each redirect like a new one, and no further than limits of size and time.
"""

import asyncio
from typing import Final
from urllib.parse import urljoin, urlsplit

from msgspec import Struct

from wye.core.errors import ConfigurationError, InvalidRequestError, WyeError
from wye.transport.plain import PlainStream, PlainTransport
from wye.transport.seam import Timeouts

_REDIRECTS_AT_MOST: Final = 3
_MOVED: Final = frozenset({301, 302, 303, 307, 308})
_HEADERS: Final = {"accept": "image/*, application/pdf, */*;q=0.1", "accept-encoding": "identity"}


class Fetched(Struct, frozen=True):
    """What lay at an address: its media type, in lower case and without parameters, and its bytes."""

    media_type: str
    body: bytes


class Limits(Struct, frozen=True, kw_only=True):
    """How far a fetch goes: bytes, and seconds for all of it with its redirects."""

    size: int = 20 * 1024 * 1024
    seconds: float = 20.0


class Room:
    """How many bytes several fetches may bring together."""

    __slots__ = ("left",)

    def __init__(self, size: int) -> None:
        """Begin with room for `size` bytes."""
        self.left = size


async def fetch(
    url: str, param: str, kinds: tuple[str, ...], limits: Limits | None = None, room: Room | None = None
) -> Fetched:
    """GET what is at `url`; its media type must begin with one of `kinds`, and it takes its bytes out of `room`.

    Raises `InvalidRequestError` that names `param`, the place of the address in the request, where that cannot be.
    """
    limits = limits or Limits()
    host = ""
    try:
        async with asyncio.timeout(limits.seconds):
            for _ in range(_REDIRECTS_AT_MOST + 1):
                host, base, path = _taken_apart(url)
                transport = PlainTransport(base, timeouts=Timeouts(connect=5.0, read=limits.seconds), guarded=True)
                try:
                    async with transport.get_stream(path, _HEADERS, limits.seconds) as answer:
                        if answer.status in _MOVED and (moved := answer.headers.get("location")):
                            url = urljoin(url, moved)
                            continue
                        return await _read(answer, kinds, limits, room or Room(limits.size))
                finally:
                    await transport.aclose()
        reason = "it is redirected too often"
    except TimeoutError:
        reason = f"it did not come within {limits.seconds:g} s"
    except WyeError as error:
        reason = error.message.partition(";")[0]
    except ValueError:
        reason = "it is no address of the web"
    raise InvalidRequestError(
        f"'{param}' could not be fetched from {host or 'its address'}: {reason}; the chosen model takes bytes only, so "
        "send the data itself (a data URL), or choose another model",
        code="invalid_url",
        param=param,
    )


def _taken_apart(url: str) -> tuple[str, str, str]:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.password:
        raise ValueError(url)
    if any(ord(character) <= 32 or ord(character) > 126 for character in url):
        raise ValueError(url)
    port = f":{parts.port}" if parts.port else ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    query = f"?{parts.query}" if parts.query else ""
    return host, f"{parts.scheme}://{host}{port}", f"{parts.path or '/'}{query}"


async def _read(answer: PlainStream, kinds: tuple[str, ...], limits: Limits, room: Room) -> Fetched:
    if answer.status != 200:
        raise ConfigurationError(f"it answers with status {answer.status}")
    media_type = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not media_type.startswith(kinds):
        raise ConfigurationError(f"it is {media_type or 'of an unknown type'}, not {' or '.join(kinds)}")
    body = bytearray()
    while (piece := await answer.read()) is not None:
        body += piece
        if len(body) > limits.size:
            raise ConfigurationError(f"it is longer than {limits.size} bytes")
        room.left -= len(piece)
        if room.left < 0:
            raise ConfigurationError("with all else that the request points to it is too long")
    return Fetched(media_type, bytes(body))

"""Long answers of text go compressed to who takes them so.

Figures over time are a twentieth of their size then, which is most of what the console waits for on a slow line. Only
what is read is: an answer that has a secret beside something that its sender chose would tell about it by its length.
"""

import asyncio
import zlib
from functools import partial
from typing import Any, Final

from wye.gateway.http import Message, accepted_encodings
from wye.gateway.request import Request

_WORTH: Final = 2048
"""Bytes from which on an answer is compressed; below it they are no fewer packets."""
_LONG: Final = 1 << 18
"""Bytes from which on compressing would hold others up, and is done beside the loop."""
_TEXTS: Final = (b"application/json", b"text/csv", b"text/plain", b"text/html", b"text/markdown")
"""Events are none of them: each is to be there at once."""
_GZIP: Final = 31
"""How `zlib` is told to write gzip's form."""


class Packing:
    """An ASGI `send` for one request's answer, whole or in pieces."""

    def __init__(self, request: Request) -> None:
        """Send to who asked."""
        self._request = request
        self._start: Message | None = None
        self._packing: Any = None

    async def __call__(self, message: Message) -> None:
        """Send a message, compressed where it is worth it."""
        if message["type"] == "http.response.start" and self._is_worth_it(message):
            self._start = message
            self._packing = zlib.compressobj(4, wbits=_GZIP)
        elif self._packing is not None:
            await self._pack(message.get("body", b""), more=message.get("more_body", False))
        else:
            await self._request.send(message)

    async def _pack(self, body: bytes, *, more: bool) -> None:
        """Send a piece of the body, the first one after a head that says what was done to it."""
        pack = partial(_pack, self._packing, body, more=more)
        packed = await asyncio.to_thread(pack) if len(body) >= _LONG else pack()
        if (start := self._start) is not None:
            self._start = None
            kept = [(name, value) for name, value in start["headers"] if name != b"content-length"]
            length = [] if more else [(b"content-length", b"%d" % len(packed))]
            said = [(b"content-encoding", b"gzip"), (b"vary", b"accept-encoding")]
            await self._request.send({**start, "headers": [*kept, *length, *said]})
        if packed or not more:
            await self._request.send({"type": "http.response.body", "body": packed, "more_body": more})

    def _is_worth_it(self, start: Message) -> bool:
        headers = dict(start["headers"])
        length = headers.get(b"content-length", b"%d" % _WORTH)  # unknown where it goes in pieces
        return (
            self._request.method == "GET"
            and start["status"] == 200
            and int(length) >= _WORTH
            and headers.get(b"content-type", b"").startswith(_TEXTS)
            and b"content-encoding" not in headers
            and b"gzip" in accepted_encodings(self._request.headers)
        )


def _pack(packing: Any, body: bytes, *, more: bool) -> bytes:
    packed: bytes = packing.compress(body)
    return packed if more else packed + packing.flush()

"""Answers that are sent in pieces as they are made: exports of any length, and events."""

from collections.abc import AsyncIterator
from typing import Any

from litestar.response.base import ASGIResponse

from wye.core.errors import WyeError
from wye.gateway.api.here import Here
from wye.gateway.api.packing import Packing


class Pieces(ASGIResponse):
    """Sends pieces; an error before the first of them is told as any other, one after it breaks the answer off.

    Whoever leaves ends it. `filename` lets a browser save it.
    """

    __slots__ = ("_filename", "_here", "_media", "_pieces")

    def __init__(self, here: Here, media: str, pieces: AsyncIterator[bytes], *, filename: str | None = None) -> None:
        """Send `pieces` as `media`."""
        super().__init__()
        self._here = here
        self._media = media
        self._pieces = pieces
        self._filename = filename

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Send them."""
        del scope, receive, send
        here, pieces = self._here, self._pieces
        first = await anext(pieces, b"")
        headers = [
            (b"content-type", self._media.encode()),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),
            (b"x-request-id", here.request.id.encode()),
        ]
        if self._filename is not None:
            headers.append((b"content-disposition", f'attachment; filename="{self._filename}"'.encode()))
        here.status = 200
        out = Packing(here.request)
        await out({"type": "http.response.start", "status": 200, "headers": headers})
        await out({"type": "http.response.body", "body": first, "more_body": True})
        if here.request.method != "HEAD":
            try:
                async for piece in pieces:
                    await out({"type": "http.response.body", "body": piece, "more_body": True})
            except WyeError:
                return  # the server breaks the connection: what was sent must not look whole
        here.departure.end()
        await out({"type": "http.response.body", "body": b""})

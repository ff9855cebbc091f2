"""One HTTP request under way, as every endpoint of the gateway sees it."""

import time
from collections.abc import Callable
from typing import Any, Final

from wye.core.caller import LOCAL, Caller
from wye.core.exchange import Exchange
from wye.core.ids import new_request_id
from wye.gateway.answered import Answered
from wye.gateway.http import Receive, Scope, Send, read_body, too_large
from wye.gateway.outlet import ARRIVED, EXTENSION, AsgiOutlet, Outlet

_NOTHING: Final[dict[str, Any]] = {}


class Request:
    """One HTTP request under way.

    `caller` is who asks, as sign-in found out; what needs no sign-in is asked by whoever is on this machine. `allow`
    names the methods its path takes, where an error is to say so. `exchange` is what it asks of a model; where that
    takes several, `answered` tells what came of them.
    """

    __slots__ = (
        "_arrived",
        "allow",
        "answered",
        "began",
        "caller",
        "exchange",
        "headers",
        "id",
        "method",
        "outlet",
        "path",
        "query",
        "receive",
        "scope",
        "send",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take what ASGI gives."""
        self.began = time.perf_counter()
        self.scope = scope
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: bytes = scope.get("query_string", b"")
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.receive = receive
        self.send = send
        # A server of our own offers its connection, and a body that has come with the head.
        offered = scope.get("extensions") or _NOTHING
        self.outlet: Outlet = offered.get(EXTENSION) or AsgiOutlet(send)
        self._arrived: Callable[[], bytes | None] | None = offered.get(ARRIVED)
        self.id = new_request_id()
        self.exchange: Exchange | None = None
        self.answered: Answered | None = None
        self.caller: Caller = LOCAL
        self.allow = b""

    def arrived(self, limit: int) -> bytes | None:
        """Return the body, once, if all of it is here already; `None` where `read` has to wait for it."""
        whole = self._arrived() if self._arrived is not None else None
        if whole is not None and len(whole) > limit:
            raise too_large(limit)
        return whole

    async def read(self, limit: int) -> bytes:
        """Return the body; raise `RequestTooLargeError` as soon as it is known to be longer than `limit` bytes."""
        return await read_body(self.receive, self.headers, limit)

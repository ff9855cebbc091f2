"""One HTTP request under way, as every endpoint of the gateway sees it."""

import time

from wye.core.caller import LOCAL, Caller
from wye.core.exchange import Exchange
from wye.core.ids import new_request_id
from wye.gateway.http import Receive, Scope, Send
from wye.gateway.outlet import outlet_of


class Request:
    """One HTTP request under way.

    `caller` is who asks, as sign-in found out; what needs no sign-in is asked by whoever is on this machine. `allow`
    names the methods its path takes, where an error is to say so.
    """

    __slots__ = (
        "allow",
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
        self.outlet = outlet_of(scope, send)
        self.id = new_request_id()
        self.exchange: Exchange | None = None
        self.caller: Caller = LOCAL
        self.allow = b""

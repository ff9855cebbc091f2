"""Puts the framework's application under the gateway: one request goes in, its answer or its error comes out."""

import asyncio
from typing import TYPE_CHECKING, Any, Final

from litestar import Litestar

from wye.assistant.batch.desk import Desk
from wye.assistant.batch.files import Files
from wye.assistant.batch.runner import Runner
from wye.assistant.documents.shelf import Shelf
from wye.assistant.talks.turn import Turns
from wye.assistant.tools.box import Tools
from wye.engine import Engine
from wye.gateway.access import Gate
from wye.gateway.api.application import build
from wye.gateway.api.here import HERE, Here
from wye.gateway.api.packing import Packing
from wye.gateway.http import Departures, Message
from wye.gateway.reload import Reloader
from wye.gateway.request import Request
from wye.insights.live import Live
from wye.insights.window import Source

if TYPE_CHECKING:
    from wye.identity.directory import Directory

FILES: Final = "/v1/files"
"""Where a body is read by its handler, as it comes: whoever leaves is noticed there."""
_NOTHING: Final = b"{}"
"""What an absent body means where it would be JSON: no member is set."""


class Mounted:
    """The application API of one engine."""

    def __init__(
        self,
        engine: Engine,
        books: Source,
        reloader: Reloader | None,
        gate: Gate,
        directory: "Directory | None" = None,
    ) -> None:
        """Build the application, before the engine starts; usage is read from `books`.

        `reloader` takes changed settings over, `gate` signs people in, `directory` knows who has which key.
        """
        self._engine = engine
        self._books = books
        self._live = Live(books)
        self._tools = Tools(engine)
        self._documents = Shelf(engine)
        self._turns = Turns(engine, self._tools)
        self._files = Files(engine)
        self._batches = Desk(engine)
        store = engine.store
        self.runner = Runner(engine, store, directory.caller) if store is not None and directory is not None else None
        self._reloader = reloader
        self._gate = gate
        self._app: Final[Litestar] = build()

    async def answer(self, request: Request, departures: Departures, *, max_body: int, keep_alive: float) -> int:
        """Answer a request; return the status sent, or raise the error that the gateway is to tell.

        `max_body` is bytes, `keep_alive` the seconds of silence after which a waiting stream gets a comment.
        """
        arrives = request.method == "POST" and request.path.rstrip("/") == FILES
        body = b"" if arrives else await request.read(max_body)
        here = Here(
            engine=self._engine,
            request=request,
            departure=departures.watch(_nothing if arrives else request.receive),
            keep_alive=keep_alive,
            books=self._books,
            live=self._live,
            tools=self._tools,
            gate=self._gate,
            documents=self._documents,
            turns=self._turns,
            files=self._files,
            batches=self._batches,
            works=self.runner,
            takes_over=self._reloader,
        )
        way_out = _WayOut(here)
        method = "GET" if request.method == "HEAD" else request.method
        scope: Any = {**request.scope, "method": method, "state": {}, HERE: here}
        try:
            kind = request.headers.get(b"content-type", b"")
            given = body or (_NOTHING if not kind or b"json" in kind else b"")
            await self._app(scope, _way_in(given), way_out)
        except asyncio.CancelledError:
            if here.departure.absorb():
                return 499
            raise
        finally:
            here.departure.end()
        if here.error is not None:
            raise here.error
        return here.status or way_out.status

    def start(self) -> None:
        """Start what runs beside the requests: what tools need, and who works on batches."""
        if self._engine.snapshot.settings.mcp.servers:
            self._tools.start()
        if self.runner is not None:
            self.runner.start()

    async def aclose(self) -> None:
        """Finish what is still to be kept, stop telling of requests, and what tools needed."""
        if self.runner is not None:
            await self.runner.aclose()
        await self._turns.aclose()
        await self._tools.aclose()
        await self._live.aclose()


async def _nothing() -> Message:
    """Receive nothing, ever."""
    found: Message = await asyncio.get_running_loop().create_future()
    return found


def _way_in(body: bytes) -> Any:
    """Return an ASGI `receive` that has the whole body at once; who leaves is noticed elsewhere."""
    given = False

    async def receive() -> Message:
        nonlocal given
        if given:
            await asyncio.get_running_loop().create_future()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


class _WayOut:
    """An ASGI `send` that adds the request's id, and holds back what the framework says of an error."""

    def __init__(self, here: Here) -> None:
        self._here = here
        self._send = Packing(here.request)
        self.status = 500

    async def __call__(self, message: Any) -> None:
        if self._here.error is not None:
            return
        if message["type"] == "http.response.start":
            self._here.departure.end()  # nothing is left to be cancelled
            self.status = message["status"]
            headers = [*message["headers"], (b"x-request-id", self._here.request.id.encode())]
            message = {**message, "headers": headers}
        await self._send(message)

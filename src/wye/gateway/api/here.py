"""What a handler needs of the gateway's side of a request, handed through the framework in the ASGI scope."""

from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from wye.assistant.batch.desk import Desk
from wye.assistant.batch.files import Files
from wye.assistant.batch.runner import Runner
from wye.assistant.documents.shelf import Shelf
from wye.assistant.talks.turn import Turns
from wye.assistant.tools.box import Tools
from wye.core.caller import Caller
from wye.core.errors import StoreUnavailableError, UnsupportedOperationError
from wye.engine import Engine
from wye.gateway.access import Gate
from wye.gateway.http import Departure
from wye.gateway.reload import Reloader
from wye.gateway.request import Request
from wye.identity.vault import Vault
from wye.insights.live import Live
from wye.insights.window import Source

if TYPE_CHECKING:
    from wye.store.database import Database

HERE: Final = "wye.here"
"""The key of the ASGI scope under which `Here` travels."""


class Here(Struct, kw_only=True):
    """The gateway's side of one request.

    `books` is what usage is read from, `live` tells of requests as they end, `tools` are what models may call,
    `documents` are all users', `turns` takes those of conversations, `gate` signs people in. `files` and `batches` are
    all users', and `works` works on them. `keep_alive` is seconds.
    `error` is set where the request failed before anything was sent, for the gateway to tell; `status` where a handler
    has sent its answer itself. `takes_over` is what applies changed settings, where anything does.
    """

    engine: Engine
    request: Request
    departure: Departure
    keep_alive: float
    books: Source
    live: Live
    tools: Tools
    gate: Gate
    documents: Shelf
    turns: Turns
    files: Files
    batches: Desk
    works: Runner | None = None
    error: Exception | None = None
    status: int = 0
    takes_over: Reloader | None = None

    @property
    def caller(self) -> Caller:
        """Who asks."""
        return self.request.caller

    @property
    def database(self) -> "Database":
        """What outlives this process. Raises `StoreUnavailableError` where there is nothing of the kind."""
        if self.engine.store is None:
            raise StoreUnavailableError("nothing is kept here: set [store] url to a database for this")
        return self.engine.store.database

    @property
    def runner(self) -> Runner:
        """What works on batches. Raises `StoreUnavailableError` where there is nothing to keep them in."""
        if self.works is None:
            raise StoreUnavailableError("nothing is kept here: set [store] url to a database for batches")
        return self.works

    @property
    def reloader(self) -> Reloader:
        """What takes changed settings over. Raises `UnsupportedOperationError` where nothing does."""
        if self.takes_over is None:
            raise UnsupportedOperationError("the settings of this gateway are those its program gave it")
        return self.takes_over

    async def settle(self) -> None:
        """Let this process know at once what was changed; the others hear of it within a second."""
        if self.engine.store is not None:
            await self.engine.store.changes.look()

    @property
    def vault(self) -> Vault:
        """What encrypts users' secrets."""
        return Vault(self.engine.snapshot.settings.identity.secret_key)


def here_of(scope: Any) -> Here:
    """Return what the gateway put into an ASGI scope."""
    found: Here = scope[HERE]
    return found

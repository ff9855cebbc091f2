"""A local HTTP server that imitates every provider's wire: it reads requests as strictly as the real one does.

It is for tests that must not care what a provider answers, only that what was asked arrives and what was answered comes
back: what it says follows from the request by one rule (`mind`), whatever the wire::

    with Imitation() as imitation:
        url = imitation.mount("acme", "anthropic_messages")   # the base URL of a provider
        ...
        assert imitation.heard[-1].tools                      # the last request, understood
        assert imitation.said[-1].text == "echo: hi"          # what was answered

The modules are written from the providers' public documentation and the shapes of recorded traffic; each has `WIRE`,
`PATH`, `authorised`, `hear`, `whole`, `stream`, `refuse` and `no_key`.
"""

import importlib
import pkgutil
import re
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from tests.support.imitation import mind
from tests.support.imitation.mind import Heard, RefusedError, Said
from tests.support.upstream import Received, Reply, Upstream

_NO_WIRES = {"mind", "says", "frames"}

KEY = "sk-imitated-0123456789abcdefghijklmnop"
"""Takes the place of a key: any will do."""


def wires() -> frozenset[str]:
    """Return the names of the wire formats that can be imitated."""
    return frozenset(module.name for module in pkgutil.iter_modules(__path__)) - _NO_WIRES


def wire(name: str) -> Any:
    """Return the module that imitates a wire format."""
    return importlib.import_module(f"{__name__}.{name}")


class Imitation:
    """The server, from `with` to the end of its block."""

    def __init__(self) -> None:
        """Prepare; nothing listens before `with`."""
        self.upstream = Upstream()
        self.upstream.handler = self._reply
        self.heard: list[Heard] = []
        self.said: list[Said] = []
        self.refused: list[RefusedError] = []
        self._mounts: dict[str, tuple[str, ...]] = {}

    def __enter__(self) -> Self:
        """Listen."""
        self.upstream.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop."""
        self.upstream.__exit__(kind, error, traceback)

    def mount(self, name: str, *wires: str) -> str:
        """Let a provider answer on these wires; return its base URL."""
        self._mounts[name] = wires
        return f"{self.upstream.url}/{name}"

    def _reply(self, received: Received) -> Reply:
        _, name, rest = received.path.split("/", 2)
        path = "/" + urlsplit(rest).path
        for module in map(wire, self._mounts.get(name, ())):
            if _fits(module.PATH, path):
                return self._speak(module, received)
        return Reply.json({"error": {"message": f"nothing is imitated at {path}"}}, 404)

    def _speak(self, module: Any, received: Received) -> Reply:
        reply: Reply
        if not module.authorised(received.headers):
            reply = module.no_key()
            return reply
        try:
            heard: Heard = module.hear(received)
        except RefusedError as error:
            self.refused.append(error)
            reply = module.refuse(error)
            return reply
        said = mind.answer(heard, module.WIRE)
        self.heard.append(heard)
        self.said.append(said)
        reply = module.stream(heard, said) if heard.stream else module.whole(heard, said)
        return reply


def _fits(path: str | re.Pattern[str], asked: str) -> bool:
    return asked.endswith(path) if isinstance(path, str) else bool(path.search(asked))

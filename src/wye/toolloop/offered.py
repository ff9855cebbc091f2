"""The tools that a loop runs: the seam to whoever has some."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct


class Output(Protocol):
    """What a call came to, as the model reads it."""

    @property
    def text(self) -> str:
        """What the model is told."""

    @property
    def is_error(self) -> bool:
        """Whether it failed."""

    @property
    def cut(self) -> bool:
        """Whether some of it is left out."""


class Tools(Protocol):
    """Tools that can be run here."""

    @property
    def names(self) -> frozenset[str]:
        """What the tools are called; a model that calls others is told that there are none."""

    @property
    def schemas(self) -> Sequence[Mapping[str, Any]]:
        """What is added to the tools of a request, in OpenAI's form."""

    def call(self, name: str, arguments: str) -> Awaitable[Output]:
        """Run one with arguments as the model wrote them. Raises nothing: what goes wrong is an output."""


class Offered(Struct, frozen=True):
    """Tools as plain values."""

    names: frozenset[str] = frozenset()
    schemas: Sequence[Mapping[str, Any]] = ()
    run: Callable[[str, str], Awaitable[Output]] | None = None

    def call(self, name: str, arguments: str) -> Awaitable[Output]:
        """Run one."""
        if self.run is None:
            raise TypeError("there is nothing to run")
        return self.run(name, arguments)

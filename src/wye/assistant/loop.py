"""The tool loop with the tools of this house: each call in its caller's name, within limits of time and size."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from wye import toolloop
from wye.assistant.tools.seam import Toolbox, ToolContext, ToolOutput
from wye.core.errors import InvalidRequestError
from wye.engine import Engine
from wye.toolloop import Answered, Ask, Event


class Boxed:
    """What a caller may use of a toolbox in one turn: the tools `names`, `None` for all of them."""

    def __init__(self, box: Toolbox, context: ToolContext, names: Sequence[str] | None) -> None:
        """Offer the tools. Raises `InvalidRequestError` for a name that is no tool the caller may use."""
        self.names = frozenset(tool.name for tool in box.usable(context.caller, names))
        for name in names or ():
            if name not in self.names:
                raise _unusable(box, context, name)
        self.schemas: Sequence[Mapping[str, Any]] = box.schemas(context.caller, names)
        self._box = box
        self._context = context

    async def call(self, name: str, arguments: str) -> ToolOutput:
        """Run one."""
        return await self._box.call(name, arguments, self._context, sorted(self.names))


async def run(engine: Engine, box: Toolbox, ask: Ask, names: Sequence[str] | None = None) -> Answered:
    """Answer with the tools `names` (all that the caller may use, where `None`). Raises a `WyeError`."""
    return await toolloop.run(engine, ask, Boxed(box, _context(ask), names))


def stream(engine: Engine, box: Toolbox, ask: Ask, names: Sequence[str] | None = None) -> AsyncGenerator[Event]:
    """Do the same and yield what happens; the last event is `Done` or `Failed`, an error before the first is raised.

    Raises `InvalidRequestError` at once for a name that is no tool the caller may use.
    """
    return toolloop.stream(engine, ask, Boxed(box, _context(ask), names))


def _context(ask: Ask) -> ToolContext:
    return ToolContext(caller=ask.caller, conversation=ask.conversation)


def _unusable(box: Toolbox, context: ToolContext, name: str) -> InvalidRequestError:
    for tool, why_not in box.listed(context.caller):
        if tool.name == name and why_not is not None:
            return InvalidRequestError(f"the tool {name!r} cannot be used: {why_not}", code="tool_off", param="tools")
    there = ", ".join(tool.name for tool in box.usable(context.caller)) or "none"
    message = f"there is no tool {name[:64]!r}; there are: {there}"
    return InvalidRequestError(message, code="unknown_tool", param="tools")

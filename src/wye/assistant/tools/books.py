"""The tools over the books: each is one module of `wye.assistant.analytics`, for whoever may read usage."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Generic, TypeVar

from msgspec import Struct

from wye.assistant.analytics import advanced, caching, cohorts, exporting, monitor, quality, sessions
from wye.assistant.analytics.asked import Books, Viewer
from wye.assistant.analytics.tables import Answer, Finding, rendered
from wye.assistant.tools.seam import Tool, ToolContext, ToolOutput, read, schema_of
from wye.core.caller import Scope
from wye.engine import Engine
from wye.insights.window import Source

_A = TypeVar("_A", bound=Struct)


class BookTool(Generic[_A]):
    """A tool that answers from the books, for whoever may read usage."""

    scope: Scope = "read"

    def __init__(
        self,
        name: str,
        description: str,
        arguments: type[_A],
        answer: Callable[[Books, _A, Viewer], Awaitable[Finding | Answer]],
        books: Books,
    ) -> None:
        """Answer with `answer`, of `books`."""
        self.name = name
        self.description = description
        self.parameters: Mapping[str, Any] = schema_of(arguments)
        self._arguments = arguments
        self._answer = answer
        self._books = books

    async def call(self, arguments: Mapping[str, Any], context: ToolContext, /) -> ToolOutput:
        """Answer as JSON within the output's limit. Raises `ToolError`, and a `WyeError` for who may read nothing."""
        viewer = Viewer(
            caller=context.caller,
            now=int(context.clock() * 1_000_000),
            conversation=context.conversation,
            room=context.limits.output,
        )
        found = await self._answer(self._books, read(self._arguments, arguments), viewer)
        answer = found if isinstance(found, Answer) else rendered(found, viewer.room)
        return ToolOutput(text=answer.text, cut=answer.cut)


NAMES: Final = (
    quality.NAME, monitor.NAME, sessions.NAME, cohorts.NAME, exporting.NAME, caching.NAME, advanced.NAME,
)  # fmt: skip
"""The names of the tools over the books."""


def book_tools(engine: Engine, source: Source) -> list[Tool]:
    """Return the tools over the books of an engine, which `source` holds."""
    books = Books(engine, source)
    return [
        BookTool(quality.NAME, quality.DESCRIPTION, quality.Arguments, quality.answer, books),
        BookTool(monitor.NAME, monitor.DESCRIPTION, monitor.Arguments, monitor.answer, books),
        BookTool(sessions.NAME, sessions.DESCRIPTION, sessions.Arguments, sessions.answer, books),
        BookTool(cohorts.NAME, cohorts.DESCRIPTION, cohorts.Arguments, cohorts.answer, books),
        BookTool(exporting.NAME, exporting.DESCRIPTION, exporting.Arguments, exporting.answer, books),
        BookTool(caching.NAME, caching.DESCRIPTION, caching.Arguments, caching.answer, books),
        BookTool(advanced.NAME, advanced.DESCRIPTION, advanced.Arguments, advanced.answer, books),
    ]

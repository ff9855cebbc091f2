"""One MCP server: kept running, or connected, in a task of its own; its tools for as long as they are known."""

import asyncio
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Final

import msgspec

from wye.assistant.tools.seam import ToolContext, ToolError, ToolOutput
from wye.config.tools import McpServerSettings
from wye.core.caller import Scope
from wye.core.errors import AddressRefusedError, WyeError
from wye.transport.extras import needs

if TYPE_CHECKING:
    from wye.assistant.tools.mcp_wire import Link, Row  # whose library is an extra, and takes a second to load

_TOOLS_AT_MOST: Final = 128
_NAME_AT_MOST: Final = 64
_DESCRIPTION_AT_MOST: Final = 2000
_SCHEMA_AT_MOST: Final = 32 * 1024
_SILENCES_AT_MOST: Final = 3
_SETTLED_SECONDS: Final = 10.0
_LONGEST_PAUSE: Final = 60.0
_STOP_SECONDS: Final = 8.0
_UNFIT: Final = re.compile(r"[^A-Za-z0-9_-]")


class McpTool:
    """A tool of a server, as models may call it."""

    def __init__(self, server: "McpServer", row: "Row", name: str) -> None:
        """Call what `server` describes in `row`."""
        self.name = name
        self.description = row.description[:_DESCRIPTION_AT_MOST] or f"The tool {row.name} of {server.name}."
        self.parameters: Mapping[str, Any] = {"type": "object", "properties": {}, **row.parameters}
        self.settings = server.settings
        self.scope: Scope = server.settings.scope
        self._server = server
        self._called = row.name

    async def call(self, arguments: Mapping[str, Any], context: ToolContext, /) -> ToolOutput:
        """Call it."""
        return await self._server.call(self._called, arguments, context.limits.seconds)


class McpServer:
    """A server that is started again where it ends. `failure` says why it is not there, `None` while it is."""

    def __init__(
        self, name: str, settings: McpServerSettings, changed: Callable[[], None], *, first_pause: float = 0.5
    ) -> None:
        """Take the settings; `changed` is called when there are other tools. `first_pause` is seconds."""
        self.name = name
        self.settings = settings
        self.tools: tuple[McpTool, ...] = ()
        self.failure: str | None = "it has not answered yet"
        self._changed = changed
        self._first_pause = first_pause
        self._link: Link | None = None
        self._ended = asyncio.Event()
        self._stop = asyncio.Event()
        self._silences = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to keep it; needs a running event loop."""
        self._task = asyncio.create_task(self._keep(), name=f"mcp server {self.name}")

    async def aclose(self) -> None:
        """Let it end: first by being told, then by force."""
        self._stop.set()
        self._ended.set()
        if self._task is None:
            return
        # Cancelled within the library, a program could be left behind: it is given the time to see it off.
        _, late = await asyncio.wait((self._task,), timeout=_STOP_SECONDS if self._link is not None else 0.1)
        if late:
            self._task.cancel()
            await asyncio.wait((self._task,))

    async def call(self, tool: str, arguments: Mapping[str, Any], seconds: float) -> ToolOutput:
        """Call a tool within `seconds`. Raises `ToolError` where the server is away, silent, or refuses."""
        link = self._link
        if link is None:
            raise ToolError(f"the MCP server {self.name} is not there now; it is being started, try again in a moment")
        from wye.assistant.tools.mcp_wire import EndedError, SilentError

        try:
            output = await link.call(tool, arguments, seconds)
        except EndedError as error:
            self._lost()
            raise ToolError(f"the MCP server {self.name} is gone: {error}; it is started again") from None
        except SilentError:
            self._silences += 1
            if self._silences >= _SILENCES_AT_MOST:
                self._lost()
            raise ToolError(f"the MCP server {self.name} did not answer in time; ask it for less") from None
        self._silences = 0
        return output

    def _lost(self) -> None:
        self._link, self.failure = None, "it ended"
        self._ended.set()

    async def _keep(self) -> None:
        loop, pause = asyncio.get_running_loop(), self._first_pause
        while not self._stop.is_set():
            begun = loop.time()
            self._ended.clear()
            try:
                await self._serve()
                self.failure = "it ended"
            except Exception as error:  # noqa: BLE001 - whatever it is, the next try may do better
                self.failure = self._why(error)
            self._link = None
            self._changed()
            if self._stop.is_set():
                return
            settled = loop.time() - begun > _SETTLED_SECONDS
            await asyncio.sleep(self._first_pause if settled else pause)
            pause = self._first_pause if settled else min(pause * 2, _LONGEST_PAUSE)

    async def _serve(self) -> None:
        """Connect, and return when the connection has ended."""
        needs("mcp")
        from wye.assistant.tools import mcp_wire

        async with AsyncExitStack() as stack:
            async with asyncio.timeout(self.settings.start_seconds):
                link = await stack.enter_async_context(mcp_wire.connected(self.settings, self._ended))
                rows = await link.rows()
            self.tools = tuple(self._taken(rows))
            self._link, self.failure, self._silences = link, None, 0
            self._changed()
            await self._ended.wait()
            self._link = None

    def _taken(self, rows: "Iterable[Row]") -> Iterator[McpTool]:
        """Yield the tools that are taken over: those of the settings, within bounds, each under a name of its own."""
        names: set[str] = set()
        for row in rows:
            if self.settings.tools is not None and row.name not in self.settings.tools:
                continue
            name = _name(self.name, row.name)
            if name in names or not _fits(row.parameters):
                continue
            names.add(name)
            yield McpTool(self, row, name)
            if len(names) == _TOOLS_AT_MOST:
                return

    def _why(self, error: Exception) -> str:
        while isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        match error:
            case TimeoutError():
                return f"it was not ready within {self.settings.start_seconds:g} s"
            case AddressRefusedError():
                where = f"[mcp.servers.{self.name}]"
                return f"its address is private; set 'allow_private_network = true' in {where} if that is meant"
            case WyeError():
                return error.message
        from wye.assistant.tools.mcp_wire import shown

        return shown(error)


def _name(server: str, tool: str) -> str:
    """Return the name that models call a tool by: one that every provider takes."""
    name = f"{server}__{_UNFIT.sub('_', tool)}"
    if len(name) <= _NAME_AT_MOST:
        return name
    return f"{name[: _NAME_AT_MOST - 9]}_{hashlib.sha256(tool.encode()).hexdigest()[:8]}"


def _fits(parameters: Mapping[str, Any]) -> bool:
    try:
        return len(msgspec.json.encode(parameters)) <= _SCHEMA_AT_MOST and parameters.get("type", "object") == "object"
    except (ValueError, TypeError, RecursionError):
        return False

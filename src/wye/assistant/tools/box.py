"""Puts the built-in tools together, as the settings in force say."""

from collections.abc import Iterable, Iterator
from typing import Final

from wye.assistant.documents.shelf import Shelf
from wye.assistant.tools.books import book_tools
from wye.assistant.tools.calculator import Calculator
from wye.assistant.tools.dates import Dates
from wye.assistant.tools.document_search import DocumentSearch
from wye.assistant.tools.filesystem import Filesystem
from wye.assistant.tools.mcp_server import McpServer
from wye.assistant.tools.mcp_servers import McpServers
from wye.assistant.tools.seam import Tool, Toolbox, ToolLimits
from wye.assistant.tools.training import TrainingMetrics, TrainingPredictions, runs_of
from wye.assistant.tools.web_search import WebSearch, missing
from wye.config import Settings
from wye.config.tools import ToolsConfig, TrainingSettings
from wye.engine import Engine
from wye.insights.window import Window

_ALL_OFF: Final = "all tools are switched off; set 'enabled = true' in [tools]"


def build(engine: Engine, servers: Iterable[McpServer] = ()) -> Toolbox:
    """Return the tools of an engine, as its settings are now, and those of MCP servers.

    Those that are switched off say so when called.
    """
    config = engine.snapshot.settings.tools
    tools: list[Tool] = []
    off: dict[str, str] = {}
    limits: dict[str, ToolLimits] = {}
    for tool, why_not in _made(config, engine):
        tools.append(tool)
        limits[tool.name] = _limits(config, tool.name)
        if (reason := _switched_off(config, tool.name) or why_not) is not None:
            off[tool.name] = reason
    for remote in (tool for server in servers for tool in server.tools):
        if remote.name in limits:
            continue  # whoever was first keeps the name
        tools.append(remote)
        limits[remote.name] = ToolLimits(
            seconds=remote.settings.seconds or config.seconds, output=remote.settings.output or config.output
        )
        if not config.enabled:
            off[remote.name] = _ALL_OFF
    return Toolbox(tools, limits=limits, off=off)


def _made(config: ToolsConfig, engine: Engine) -> Iterator[tuple[Tool, str | None]]:
    """Yield every tool, and why it cannot work where it cannot: what to write into the settings."""
    yield Calculator(), None
    yield Dates(), None
    yield WebSearch(config.web_search), missing(config.web_search)
    root = config.filesystem.root
    yield Filesystem(config.filesystem), None if root else "filesystem has no folder; set 'root' in [tools.filesystem]"
    source = engine.store.database if engine.store is not None else Window()
    for tool in book_tools(engine, source):
        yield tool, None if engine.store is not None else f"{tool.name} has no books to read; set 'url' in [store]"
    yield from _training(config.training)
    yield DocumentSearch(Shelf(engine)), "documents need a database: set [store] url" if engine.store is None else None


def _training(settings: TrainingSettings) -> Iterator[tuple[Tool, str | None]]:
    runs, why_not = (
        runs_of(settings),
        None if settings.root else "there is no folder of runs; set 'root' in [tools.training]",
    )
    yield TrainingMetrics(runs), why_not
    yield TrainingPredictions(runs), why_not


def _switched_off(config: ToolsConfig, name: str) -> str | None:
    if not config.enabled:
        return _ALL_OFF
    if not config.of(name).enabled:
        return f"{name} is switched off; set 'enabled = true' in [tools.{name}]"
    return None


def _limits(config: ToolsConfig, name: str) -> ToolLimits:
    own = config.of(name)
    return ToolLimits(seconds=own.seconds or config.seconds, output=own.output or config.output)


class Tools:
    """The toolbox of an engine for as long as it lives: made anew when the settings change."""

    def __init__(self, engine: Engine) -> None:
        """Follow `engine`."""
        self._engine = engine
        self.servers = McpServers()
        self._of: Settings | None = None
        self._version = -1
        self._box = Toolbox()

    @property
    def box(self) -> Toolbox:
        """The tools as the settings and the MCP servers are now. With such servers it needs a running event loop."""
        now = self._engine.snapshot.settings
        if now is not self._of:
            self.servers.follow(now.mcp)
        if now is not self._of or self.servers.version != self._version:
            self._box, self._of = build(self._engine, self.servers.running), now
            self._version = self.servers.version
        return self._box

    def start(self) -> None:
        """Start the MCP servers now, where there are any, and not with the first use of the tools."""
        _ = self.box

    async def aclose(self) -> None:
        """Stop the MCP servers."""
        await self.servers.aclose()

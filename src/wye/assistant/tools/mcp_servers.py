"""All MCP servers of the settings: started, kept, and stopped when the settings say so."""

import asyncio

from msgspec import Struct

from wye.assistant.tools.mcp_server import McpServer
from wye.config.tools import McpConfig


class ServerState(Struct, frozen=True):
    """How a server is: `failure` says why it is not there, `None` while it is."""

    name: str
    tools: int
    failure: str | None


class McpServers:
    """The servers; `version` grows with every change of the tools they have."""

    def __init__(self) -> None:
        """Begin with none."""
        self.version = 0
        self._servers: dict[str, McpServer] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    def follow(self, config: McpConfig) -> None:
        """Start the servers that are new or changed, stop those that are gone; needs a running event loop for any."""
        wanted = {name: settings for name, settings in config.servers.items() if settings.enabled}
        for name, server in list(self._servers.items()):
            if wanted.get(name) != server.settings:
                del self._servers[name]
                self._let_go(server)
        for name, settings in wanted.items():
            if name not in self._servers:
                self._servers[name] = McpServer(name, settings, self._changed)
                self._servers[name].start()
        self._changed()

    @property
    def running(self) -> tuple[McpServer, ...]:
        """The servers that are meant to be there."""
        return tuple(self._servers.values())

    @property
    def states(self) -> list[ServerState]:
        """How each of them is."""
        return [ServerState(one.name, len(one.tools), one.failure) for one in self._servers.values()]

    async def aclose(self) -> None:
        """Stop all of them."""
        servers, self._servers = self.running, {}
        for server in servers:
            self._let_go(server)
        if self._leaving:
            await asyncio.wait(self._leaving)

    def _let_go(self, server: McpServer) -> None:
        task = asyncio.create_task(server.aclose())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    def _changed(self) -> None:
        self.version += 1

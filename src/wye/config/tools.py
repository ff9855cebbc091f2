"""The sections `[tools]` and `[mcp]`: which tools models may call, and within what they work."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Protocol, TypeAlias, TypeVar

from msgspec import Meta, Struct, field

from wye.core.caller import Scope
from wye.core.errors import ConfigurationError
from wye.core.secret import Secret

_Seconds: TypeAlias = Annotated[float, Meta(gt=0, le=3600)]
_Characters: TypeAlias = Annotated[int, Meta(ge=100, le=10_000_000)]
_SCHEMES: Final = ("http://", "https://")
_SERVER_NAME: Final = re.compile(r"(?=.{1,24}$)[A-Za-z0-9]+(?:[_-][A-Za-z0-9]+)*")
_Bytes: TypeAlias = Annotated[int, Meta(ge=1, le=1024 * 1024 * 1024)]


class ToolSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One tool: whether there is any, and how far a call goes where that is not as `[tools]` says."""

    enabled: bool = True
    seconds: _Seconds | None = None
    output: _Characters | None = None


class FilesystemSettings(ToolSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Files below one folder, for everybody who may use tools; only callers with the scope `manage` write.

    `root` is the folder. `max_read_bytes` and `max_write_bytes` bound one file, `max_entries` one listing.
    """

    enabled: bool = False
    root: str | None = None
    max_read_bytes: _Bytes = 256 * 1024
    max_write_bytes: _Bytes = 1024 * 1024
    max_entries: Annotated[int, Meta(ge=1, le=10_000)] = 500


class WebSearchSettings(ToolSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the web is searched.

    `base_url` is where a SearXNG is, or another service than the provider's own address; one on a private address
    needs `allow_private_network`. `results` is how many are returned at most.
    """

    provider: Literal["searxng", "brave", "tavily"] | None = None
    base_url: str | None = None
    api_key: Secret | None = None
    allow_private_network: bool = False
    results: Annotated[int, Meta(ge=1, le=20)] = 8

    def __post_init__(self) -> None:
        """Refuse what is no address."""
        if self.base_url is not None and not self.base_url.startswith(_SCHEMES):
            raise ValueError("base_url is 'https://host/path' or 'http://host:port/path'")


class DocumentSettings(ToolSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What users may upload to be searched, and how much of it.

    A document has at most `max_bytes`, `max_pages` where it has pages, and `max_characters` of text, and is read within
    `read_seconds`. A user keeps at most `max_documents`, with `max_kept_characters` in all. `passages` are what a
    search returns where its caller says nothing.
    """

    max_bytes: _Bytes = 20 * 1024 * 1024
    max_pages: Annotated[int, Meta(ge=1, le=100_000)] = 2_000
    max_characters: Annotated[int, Meta(ge=1, le=20_000_000)] = 4_000_000
    read_seconds: Annotated[float, Meta(ge=1, le=600)] = 30.0
    max_documents: Annotated[int, Meta(ge=0, le=1_000_000)] = 1_000
    max_kept_characters: Annotated[int, Meta(ge=0, le=10**12)] = 100_000_000
    passages: Annotated[int, Meta(ge=1, le=50)] = 6


class TrainingSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where training runs write their checkpoints, for `training_metrics` and `training_predictions`.

    `root` is the folder; everybody who may read sees all runs beneath it. `max_state_bytes` bounds one
    `trainer_state.json`, `max_runs` how many runs are listed.
    """

    root: str | None = None
    max_state_bytes: _Bytes = 64 * 1024 * 1024
    max_runs: Annotated[int, Meta(ge=1, le=1000)] = 100


class ToolsConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All tools: `enabled = false` leaves none.

    `seconds` bounds one call, `output` the characters of its result, which is cut there and said to be.
    """

    enabled: bool = True
    seconds: _Seconds = 20.0
    output: _Characters = 16_000
    calculator: ToolSettings = ToolSettings()
    datetime: ToolSettings = ToolSettings()
    web_search: WebSearchSettings = WebSearchSettings()
    filesystem: FilesystemSettings = FilesystemSettings()
    document_search: DocumentSettings = DocumentSettings()
    evaluation_metrics: ToolSettings = ToolSettings()
    system_monitor: ToolSettings = ToolSettings()
    session_analysis: ToolSettings = ToolSettings()
    user_cohorts: ToolSettings = ToolSettings()
    export_data: ToolSettings = ToolSettings()
    cache_metrics: ToolSettings = ToolSettings()
    advanced_analytics: ToolSettings = ToolSettings()
    training: TrainingSettings = TrainingSettings()
    training_metrics: ToolSettings = ToolSettings()
    training_predictions: ToolSettings = ToolSettings()

    def of(self, name: str) -> ToolSettings:
        """Return the settings of the tool `name`."""
        found: ToolSettings = getattr(self, name)
        return found


class McpServerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One MCP server, whose tools models may call as `<server>__<tool>`; times are seconds.

    `command` is a program that is started and spoken to over its input and output, with `env` and little else of this
    process's environment, in the folder `cwd`. `url` is instead where a server is reached over HTTP, with `headers`; a
    private address needs `allow_private_network`. `tools` are the only ones taken over, where not all are. `scope` is
    what a caller needs for them. `start_seconds` is how long it may take until a server is ready.
    """

    command: tuple[str, ...] = ()
    env: Mapping[str, Secret] = field(default_factory=dict)
    cwd: str | None = None
    url: str | None = None
    headers: Mapping[str, Secret] = field(default_factory=dict)
    allow_private_network: bool = False
    enabled: bool = True
    tools: frozenset[str] | None = None
    scope: Scope = "use"
    seconds: _Seconds | None = None
    output: _Characters | None = None
    start_seconds: _Seconds = 20.0

    def __post_init__(self) -> None:
        """Refuse what is neither a program nor an address."""
        if bool(self.command) == (self.url is not None):
            raise ValueError("say either 'command', a list, or 'url'")
        if self.url is not None and not self.url.startswith(_SCHEMES):
            raise ValueError("url is 'https://host/path' or 'http://host:port/path'")


class McpConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """MCP servers by their names."""

    servers: Mapping[str, McpServerSettings] = field(default_factory=dict)


_S = TypeVar("_S", bound=Struct)


class _Section(Protocol):
    def __call__(self, kind: type[_S], where: str, values: Mapping[str, Any], /) -> _S:
        """Check one table against its type."""


def mcp_of(data: Mapping[str, Any], section: _Section) -> McpConfig:
    """Return the section `[mcp]`. Raises `ConfigurationError`."""
    written = data.get("mcp", {})
    servers = written.get("servers", {})
    section(McpConfig, "mcp", {name: value for name, value in written.items() if name != "servers"})
    if not isinstance(servers, dict):
        raise ConfigurationError("write [mcp.servers.<name>], once for each", param="mcp.servers")
    return McpConfig(servers={name: _server(name, values, section) for name, values in servers.items()})


def _server(name: str, values: Any, section: _Section) -> McpServerSettings:
    where = f"mcp.servers.{name}"
    if not isinstance(values, dict):
        raise ConfigurationError(f"[{where}] must be a table", param=where)
    if not _SERVER_NAME.fullmatch(name):
        message = f"[{where}]: a server's name has 24 letters and digits at most, with single '-' or '_' between"
        raise ConfigurationError(message, param=where)
    return section(McpServerSettings, where, values)

"""The section of the tools is read as it is meant, and refused by name where it is written otherwise."""

from pathlib import Path

import pytest

from wye import catalog
from wye.config import Settings, load_settings
from wye.config.shown import in_force
from wye.config.tools import ToolsConfig, ToolSettings, WebSearchSettings
from wye.core.errors import ConfigurationError
from wye.core.secret import Secret

ROWS = catalog.load()


def load(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "wye.toml"
    path.write_text(text)
    return load_settings(ROWS, path=path, environ={"KEY_OF_A_SEARCH": "canary-0123456789"})


def test_each_tool_has_a_table_of_its_own(tmp_path: Path) -> None:
    written = """
        [tools]
        seconds = 5
        [tools.calculator]
        enabled = false
        [tools.web_search]
        provider = "brave"
        api_key = "env:KEY_OF_A_SEARCH"
        output = 500
    """
    tools = load(tmp_path, written).tools
    assert (tools.enabled, tools.seconds, tools.output) == (True, 5, ToolsConfig().output)
    assert tools.of("calculator") == ToolSettings(enabled=False)
    assert tools.web_search == WebSearchSettings(provider="brave", api_key=Secret("canary-0123456789"), output=500)


def test_files_are_out_of_reach_unless_somebody_says_otherwise() -> None:
    assert not ToolsConfig().filesystem.enabled


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tools]\nsecond = 5", "'tools.second'; did you mean 'seconds'"),
        ("[tools.calculater]\nenabled = false", "'tools.calculater'; did you mean 'calculator'"),
        ("[tools.filesystem]\nrot = '/srv'", "'tools.filesystem.rot'; did you mean 'root'"),
        ("[tools]\ncalculator = false", "tools.calculator: Expected object"),
        ("[tools.datetime]\nseconds = 0", "tools.datetime.seconds: "),
        ("[tools.web_search]\nprovider = 'google'", "tools.web_search.provider: "),
        ("[tools.web_search]\nbase_url = 'file:///etc/passwd'", "tools.web_search: base_url is 'https://"),
        ("[mcp.servers.docs]\nurl = 'https://x/mcp'\ncommand = ['x']", "mcp.servers.docs: say either 'command'"),
        ("[mcp.servers.docs]\nenabled = true", "mcp.servers.docs: say either 'command'"),
        ("[mcp.servers.docs]\nurl = 'file:///x'", "mcp.servers.docs: url is 'https://"),
        ("[mcp.servers.docs]\ncomand = ['x']", "'mcp.servers.docs.comand'; did you mean 'command'"),
        ("[mcp.servers.do__cs]\ncommand = ['x']", "[mcp.servers.do__cs]: a server's name has"),
        ("[mcp.servers]\ndocs = 'x'", "[mcp.servers.docs] must be a table"),
        ("[mcp]\nservers = 1", "write [mcp.servers.<name>]"),
        ("[mcp]\nserver = {}", "'mcp.server'; did you mean 'servers'"),
        ("[tools.web_search]\napi_key = 'env:NOT_SET'", "tools.web_search.api_key: the environment variable NOT_SET"),
    ],
)
def test_what_is_written_otherwise_is_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load(tmp_path, text)
    assert said in raised.value.message


def test_servers_are_programs_or_addresses(tmp_path: Path) -> None:
    written = """
        [mcp.servers.docs]
        command = ["docs-mcp", "--quiet"]
        env = { TOKEN = "env:KEY_OF_A_SEARCH" }
        [mcp.servers.wiki]
        url = "https://wiki.example/mcp"
        headers = { authorization = "env:KEY_OF_A_SEARCH" }
        tools = ["search"]
        scope = "manage"
    """
    settings = load(tmp_path, written)
    docs, wiki = settings.mcp.servers["docs"], settings.mcp.servers["wiki"]
    assert (docs.command, docs.env["TOKEN"]) == (("docs-mcp", "--quiet"), Secret("canary-0123456789"))
    assert (wiki.tools, wiki.scope) == (frozenset({"search"}), "manage")
    assert not wiki.allow_private_network
    shown = {path: value for path, value, _ in in_force(settings)}
    assert shown["mcp.servers.docs.command"] == ["docs-mcp", "--quiet"]
    assert "canary-0123456789" not in str(shown)


def test_what_is_in_force_shows_no_key(tmp_path: Path) -> None:
    settings = load(tmp_path, "[tools.web_search]\nprovider = 'tavily'\napi_key = 'env:KEY_OF_A_SEARCH'\n")
    shown = {path: (value, origin) for path, value, origin in in_force(settings)}
    assert shown["tools.seconds"] == (20.0, "default")
    assert shown["tools.web_search.provider"][0] == "tavily"
    assert "canary-0123456789" not in str(shown)
    assert shown["tools.web_search.api_key"][1] == "environment KEY_OF_A_SEARCH"

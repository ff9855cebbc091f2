"""Tools of MCP servers are called like any other; a server that ends is an error, and is started again."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs
from tests.support import mcp_program
from tests.support.upstream import Received, Reply, Upstream

from wye.assistant.tools.box import Tools
from wye.assistant.tools.mcp_server import McpServer
from wye.assistant.tools.seam import ToolContext, ToolOutput
from wye.catalog import load
from wye.config import Settings
from wye.config.tools import McpConfig, McpServerSettings, ToolsConfig
from wye.core.caller import LOCAL
from wye.core.secret import Secret
from wye.engine import Engine

CONTEXT = ToolContext(caller=LOCAL)
PATIENCE = 30.0


@pytest.fixture
def starts(tmp_path: Path) -> Path:
    return tmp_path / "starts"


@pytest.fixture
def program(starts: Path) -> tuple[str, ...]:
    return (sys.executable, mcp_program.__file__, str(starts))


class Served:
    """Tools with one MCP server, `docs`."""

    def __init__(self, server: McpServerSettings, **tools: Any) -> None:
        settings = Settings(mcp=McpConfig(servers={"docs": server}), tools=ToolsConfig(**tools))
        self.engine = Engine(settings, load())
        self.tools = Tools(self.engine)

    async def until(self, true: Callable[[McpServer], bool]) -> McpServer:
        """Wait until something holds of the server."""
        async with asyncio.timeout(PATIENCE):
            while True:
                self.tools.start()
                [server] = self.tools.servers.running
                if true(server):
                    return server
                await asyncio.sleep(0.01)

    async def ready(self) -> McpServer:
        return await self.until(lambda server: server.failure is None)

    async def failed(self) -> str:
        server = await self.until(lambda one: one.failure not in {None, "it has not answered yet"})
        return server.failure or ""

    async def call(self, name: str, **arguments: Any) -> ToolOutput:
        return await self.tools.box.call(f"docs__{name}", arguments, CONTEXT)


Serve = Callable[..., Awaitable[Served]]


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Served]]:
    made: list[Served] = []

    def serving(server: McpServerSettings, **tools: Any) -> Served:
        made.append(Served(server, **tools))
        return made[-1]

    yield serving
    for one in made:
        await one.tools.aclose()
        await one.engine.aclose()


@pytest.fixture
async def docs(serve: Callable[..., Served], program: tuple[str, ...]) -> Served:
    served = serve(McpServerSettings(command=program), output=1000)
    await served.ready()
    return served


def started(starts: Path) -> list[int]:
    return [int(line) for line in starts.read_text().split()]


def is_alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


async def test_the_tools_of_a_server_are_called_by_its_name_and_theirs(docs: Served) -> None:
    names = {tool.name for tool in docs.tools.box.usable(LOCAL)}
    assert {"docs__echo", "docs__with_dots_and_more", "calculator"} <= names
    [schema] = docs.tools.box.schemas(LOCAL, ["docs__echo"])
    assert schema["function"]["description"] == "Says what it is told."
    assert schema["function"]["parameters"] == {"type": "object", "properties": {"text": {"type": "string"}}}
    assert await docs.call("echo", text="hello") == ToolOutput(text='{"text": "hello"}')
    assert not (await docs.call("with_dots_and_more")).is_error


@pytest.mark.parametrize(
    ("tool", "text"),
    [
        ("fail", "it did not work"),
        ("refuse", "error: the server refuses: not with these arguments"),
        ("odd", "error: the server answered with something else than a result"),
    ],
)
async def test_what_fails_at_the_server_is_a_result_that_says_so(docs: Served, tool: str, text: str) -> None:
    output = await docs.call(tool)
    assert output.is_error
    assert output.text.startswith(text)


async def test_what_is_no_text_is_named(docs: Served) -> None:
    output = await docs.call("kinds")
    assert output.text == "(image/png, which cannot be shown here)\nfile:///a.txt\na page"


async def test_output_is_cut_like_that_of_any_tool(docs: Served) -> None:
    output = await docs.call("long")
    assert output.cut
    assert len(output.text) < 1100


async def test_a_server_that_dies_is_an_error_and_is_started_again(docs: Served, starts: Path) -> None:
    output = await docs.call("die")
    assert output == ToolOutput(
        text="error: the MCP server docs is gone: it ended during the call; it is started again", is_error=True
    )
    await docs.until(lambda server: server.failure is None and len(started(starts)) == 2)
    assert not (await docs.call("echo")).is_error


async def test_a_server_that_ends_while_nobody_asks_is_started_again(docs: Served, starts: Path) -> None:
    [pid] = started(starts)
    os.kill(pid, 9)
    await docs.until(lambda server: server.failure is None and len(started(starts)) == 2)
    assert not (await docs.call("echo")).is_error


async def test_a_call_to_a_server_that_is_away_says_so_at_once(docs: Served) -> None:
    box = docs.tools.box
    await docs.tools.aclose()
    output = await box.call("docs__echo", {}, CONTEXT)
    assert "not there now" in output.text


async def test_a_silent_call_is_given_up_and_three_restart_the_server(
    serve: Callable[..., Served], program: tuple[str, ...], starts: Path
) -> None:
    docs = serve(McpServerSettings(command=program, seconds=1.0))
    await docs.ready()
    for _ in range(3):
        assert "did not answer in time" in (await docs.call("sleep")).text
    await docs.until(lambda server: server.failure is None and len(started(starts)) == 2)
    assert not (await docs.call("echo")).is_error


async def test_a_program_sees_little_of_our_environment(
    serve: Callable[..., Served], program: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "canary")
    docs = serve(McpServerSettings(command=program, env={"TOKEN_OF_DOCS": Secret("t")}))
    await docs.ready()
    names = (await docs.call("environment")).text.split()
    assert "TOKEN_OF_DOCS" in names
    assert "OPENAI_API_KEY" not in names


async def test_only_the_tools_that_the_settings_name_are_taken_over_for_those_with_the_scope(
    serve: Callable[..., Served], program: tuple[str, ...]
) -> None:
    docs = serve(McpServerSettings(command=program, tools=frozenset({"echo"}), scope="manage"))
    [tool] = (await docs.ready()).tools
    assert tool.name == "docs__echo"
    user = structs.replace(CONTEXT, caller=structs.replace(LOCAL, scopes=frozenset({"use"})))
    assert (await docs.tools.box.call("docs__echo", {}, user)).is_error
    assert not (await docs.call("echo")).is_error


async def test_the_general_switch_turns_them_off(serve: Callable[..., Served], program: tuple[str, ...]) -> None:
    docs = serve(McpServerSettings(command=program), enabled=False)
    await docs.ready()
    assert docs.tools.box.usable(LOCAL) == ()
    assert "all tools are switched off" in (await docs.call("echo")).text


async def test_changed_settings_stop_a_server_and_start_another(docs: Served, starts: Path) -> None:
    [first] = started(starts)
    before = docs.engine.snapshot.settings
    other = structs.replace(before.mcp.servers["docs"], tools=frozenset({"echo"}))
    docs.engine.reload(structs.replace(before, mcp=McpConfig(servers={"docs": other})))
    server = await docs.ready()
    assert [tool.name for tool in server.tools] == ["docs__echo"]
    docs.engine.reload(structs.replace(before, mcp=McpConfig()))
    assert "docs__echo" not in {tool.name for tool in docs.tools.box.usable(LOCAL)}
    await docs.tools.aclose()
    assert not is_alive(first)
    assert not any(map(is_alive, started(starts)))


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("/no/such/program",), "it cannot be started: No such file or directory"),
        ((sys.executable, "-c", "print('no protocol')"), "Connection closed"),
        ((sys.executable, "-c", "import time; time.sleep(60)"), "it was not ready within 0.5 s"),
    ],
)
async def test_a_server_that_cannot_be_reached_says_why(
    serve: Callable[..., Served], command: tuple[str, ...], says: str
) -> None:
    assert await serve(McpServerSettings(command=command, start_seconds=0.5)).failed() == says


# Over HTTP.


def over_http(request: Received) -> Reply:
    """Answer as the program does."""
    if request.method != "POST":
        return Reply.json({}, status=405)
    reply = mcp_program.answer(request.json)
    return Reply(status=202) if reply is None else Reply.json(reply)


@pytest.fixture
def remote() -> Iterator[Upstream]:
    with Upstream() as running:
        running.handler = over_http
        yield running


async def test_a_server_is_called_over_http_with_its_headers(remote: Upstream, serve: Callable[..., Served]) -> None:
    token = {"authorization": Secret("Bearer canary")}
    docs = serve(McpServerSettings(url=f"{remote.url}/mcp", headers=token, allow_private_network=True))
    await docs.ready()
    assert await docs.call("echo", text="hello") == ToolOutput(text='{"text": "hello"}')
    assert {request.headers["authorization"] for request in remote.received} == {"Bearer canary"}
    assert {request.path for request in remote.received} == {"/mcp"}


async def test_a_server_that_fails_over_http_is_an_error_and_is_asked_again(
    remote: Upstream, serve: Callable[..., Served]
) -> None:
    docs = serve(McpServerSettings(url=f"{remote.url}/mcp", allow_private_network=True))
    await docs.ready()
    remote.handler = lambda _request: Reply.json({}, status=500)
    assert (await docs.call("echo")).is_error
    remote.handler = over_http
    await docs.ready()
    assert not (await docs.call("echo")).is_error


async def test_an_answer_that_is_too_long_is_not_read_to_its_end(
    remote: Upstream, serve: Callable[..., Served]
) -> None:
    docs = serve(McpServerSettings(url=f"{remote.url}/mcp", allow_private_network=True))
    await docs.ready()
    remote.handler = lambda _request: Reply.stream([b" " * 1024 * 1024] * 9, "application/json")
    output = await docs.call("echo")
    assert output.is_error
    assert len(output.text) < 200


# As the protocol's own library serves.

LIBRARY = """
from mcp.server.mcpserver import MCPServer

server = MCPServer("library")


@server.tool()
def add(a: int, b: int) -> int:
    "Add two numbers."
    return a + b


server.run()
"""


async def test_a_server_of_the_protocols_own_library_is_understood(serve: Callable[..., Served]) -> None:
    docs = serve(McpServerSettings(command=(sys.executable, "-c", LIBRARY)))
    [tool] = (await docs.ready()).tools
    assert tool.description == "Add two numbers."
    assert msgspec.json.decode((await docs.call("add", a=2, b=40)).text) == 42
    assert "error" in (await docs.call("add", a="two")).text.lower()

"""Tools are listed with why one cannot be used, and run by hand within the caller's scopes."""

import json
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.gateway.api.test_isolation import As, caller
from tests.support import mcp_program
from tests.support.databases import config_for
from tests.support.gateway import PATIENCE, serving

ADMIN_KEY = "wye-admin-0123456789abcdefghij"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def admin(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[As]:
    file = tmp_path_factory.mktemp("tools") / "wye.db"
    shutil.copy(sqlite_template, file)
    settings = f"""
        [server]
        admin_key = "{ADMIN_KEY}"
        [tools]
        output = 200
        [tools.datetime]
        enabled = false
        [tools.filesystem]
        enabled = true
        root = "{folder}"
    """
    environ = {"WYE_SECRET_KEY": "a secret for these tests"}
    with serving(settings, environ=environ, store=config_for(f"sqlite:///{file}")) as running:
        yield As(running, ADMIN_KEY)


def test_every_tool_is_listed_with_its_schema_and_why_it_cannot_be_used(admin: As) -> None:
    tools = {tool["name"]: tool for tool in admin("GET", "/api/tools").json["tools"]}
    assert (tools["calculator"]["usable"], tools["calculator"]["whyNot"]) == (True, None)
    assert tools["calculator"]["parameters"]["required"] == ["expression"]
    assert tools["datetime"]["whyNot"] == "datetime is switched off; set 'enabled = true' in [tools.datetime]"
    assert tools["filesystem"]["usable"]


def test_a_tool_is_run_by_hand(admin: As) -> None:
    found = admin("POST", "/api/tools/calculator", {"arguments": {"expression": "2**70"}}).json
    assert found.pop("seconds") >= 0
    assert found == {
        "name": "calculator",
        "text": '{"result":"1180591620717411303424","exact":true}',
        "isError": False,
        "cut": False,
    }


def test_a_call_that_fails_is_a_result_and_output_is_cut(admin: As) -> None:
    failed = admin("POST", "/api/tools/calculator", {"arguments": {"expression": "x"}})
    assert (failed.status, failed.json["isError"]) == (200, True)
    long = admin("POST", "/api/tools/calculator", {"arguments": {"expression": "7**500"}}).json
    assert (long["cut"], len(long["text"]) < 250) == (True, True)


@pytest.mark.parametrize(
    ("name", "status", "code"), [("none-such", 404, "tool_not_found"), ("datetime", 400, "tool_off")]
)
def test_what_cannot_be_run_is_refused(admin: As, name: str, status: int, code: str) -> None:
    refused = admin("POST", f"/api/tools/{name}", {})
    assert (refused.status, refused.error["code"]) == (status, code)


def test_a_key_runs_what_its_scopes_allow(admin: As, folder: Path) -> None:
    user, reader = caller(admin, "ann", ["use"]), caller(admin, "bob", ["read"])
    written = {"arguments": {"action": "write", "path": "new.txt", "content": "x"}}
    refused = user("POST", "/api/tools/filesystem", written).json
    assert refused["isError"]
    assert "scope 'manage'" in refused["text"]
    assert list(folder.iterdir()) == []
    assert not admin("POST", "/api/tools/filesystem", written).json["isError"]
    assert (folder / "new.txt").read_text() == "x"
    seen = {tool["name"]: tool["whyNot"] for tool in reader("GET", "/api/tools").json["tools"]}
    assert seen["calculator"] == "the key lacks the scope 'use'"
    assert reader("POST", "/api/tools/calculator", {"arguments": {"expression": "1"}}).status == 403


def test_the_tools_of_an_mcp_server_are_there_and_so_is_one_that_cannot_be_started(tmp_path: Path) -> None:
    command = [sys.executable, mcp_program.__file__, str(tmp_path / "starts")]
    settings = f"""
        [mcp.servers.docs]
        command = {json.dumps(command)}
        [mcp.servers.gone]
        command = ["/no/such/program"]
    """
    with serving(settings) as gateway:
        until = time.monotonic() + PATIENCE
        while not (servers := gateway.get("/api/tools").json)["servers"][0]["connected"]:
            assert time.monotonic() < until, servers
            time.sleep(0.02)
        docs, gone = servers["servers"]
        assert (docs["name"], docs["tools"], docs["whyNot"]) == ("docs", len(mcp_program.TOOLS), None)
        assert (gone["connected"], gone["whyNot"]) == (
            False,
            "it cannot be started: No such file or directory",
        )
        found = gateway.request("POST", "/api/tools/docs__echo", b'{"arguments": {"text": "hello"}}')
        assert found.json["text"] == '{"text": "hello"}'
    [pid] = (tmp_path / "starts").read_text().split()
    assert not Path(f"/proc/{pid}").exists(), "the program outlives the gateway"


def test_switching_a_tool_off_holds_at_once(admin: As) -> None:
    assert admin("PUT", "/api/settings", {"key": "tools.calculator.enabled", "value": False}).status == 200
    refused = admin("POST", "/api/tools/calculator", {"arguments": {"expression": "1"}})
    assert (refused.status, refused.error["code"]) == (400, "tool_off")
    assert admin("DELETE", "/api/settings?key=tools.calculator.enabled").status == 200
    assert admin("POST", "/api/tools/calculator", {"arguments": {"expression": "1"}}).status == 200

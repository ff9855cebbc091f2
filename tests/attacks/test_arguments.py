"""Whatever a model sends as arguments, every built-in tool answers in time, within its limits, and breaks nothing."""

import itertools
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wye.assistant.tools.box import build
from wye.assistant.tools.seam import Toolbox, ToolContext
from wye.catalog import load
from wye.config import Settings
from wye.config.tools import FilesystemSettings, ToolsConfig, WebSearchSettings
from wye.core.caller import LOCAL
from wye.engine import Engine
from wye.store.config import StoreConfig
from wye.store.opened import Store

CONTEXT = ToolContext(caller=LOCAL)
LIMIT = 2000
ODD: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=50),
    st.sampled_from(["", "\0", "..", "x" * 100_000, "%n%s", "'; DROP TABLE usage; --", "=1+1", "\ud800"]),
)
ANY: st.SearchStrategy[Any] = st.recursive(
    ODD, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
)
MALFORMED = {
    "nothing": "",
    "half": '{"action": "now"',
    "a list": "[]",
    "a text": '"now"',
    "twice": "{}{}",
    "deep": "[" * 200_000,
    "deep objects": '{"a":' * 100_000,
    "long": '{"expression": "' + "1" * 3_000_000 + '"}',
    "a huge number": '{"days": 1' + "0" * 5000 + "}",
    "no text": '{"expression": "\ud800"}',
}


@pytest_asyncio.fixture
async def box(tmp_path: Path, store_config: StoreConfig) -> AsyncIterator[Toolbox]:
    """Return all built-in tools, switched on, over a database."""
    root = tmp_path / "files"
    root.mkdir()
    (root / "one.txt").write_text("one")
    tools = ToolsConfig(
        output=LIMIT,
        filesystem=FilesystemSettings(enabled=True, root=str(root)),
        web_search=WebSearchSettings(provider="searxng", base_url="http://127.0.0.1:9"),
    )
    engine = Engine(Settings(tools=tools), load(), store=Store(store_config))
    yield build(engine)
    await engine.aclose()


def tools(box: Toolbox) -> list[str]:
    return [tool.name for tool in box.usable(LOCAL)]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(data=st.data())
async def test_odd_arguments_come_to_a_result(
    box: Toolbox, caplog: pytest.LogCaptureFixture, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(tools(box)))
    [schema] = [one["function"]["parameters"] for one in box.schemas(LOCAL, [name])]
    members = {member: _near(rule) for member, rule in schema["properties"].items()}
    arguments = data.draw(st.fixed_dictionaries({}, optional=members) | st.dictionaries(st.text(max_size=5), ANY))
    caplog.clear()
    with caplog.at_level(logging.ERROR):
        output = await box.call(name, arguments, CONTEXT)
    assert output.text
    assert len(output.text) < LIMIT + 100
    assert not caplog.records, "a tool raised what is no error of ours"


def _near(rule: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Draw what a member may hold now and then, so that some arguments get through to the tool itself."""
    allowed = rule.get("enum") or next((one["enum"] for one in rule.get("anyOf", []) if "enum" in one), None)
    return ODD if allowed is None else st.sampled_from(allowed)


async def test_malformed_arguments_come_to_a_result(box: Toolbox, caplog: pytest.LogCaptureFixture) -> None:
    assert len(tools(box)) > 10
    for name, what in itertools.product(tools(box), MALFORMED):
        output = await box.call(name, MALFORMED[what], CONTEXT)
        assert output.is_error or what == "nothing", (name, what)
        assert len(output.text) < LIMIT + 100
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_no_schema_refers_to_anything_and_each_says_what_it_is_for(box: Toolbox) -> None:
    for one in box.schemas(LOCAL):
        function = one["function"]
        assert function["name"].replace("_", "").isalnum()
        assert len(function["description"]) > 20
        assert b"$ref" not in msgspec.json.encode(function["parameters"])
        assert function["parameters"]["type"] == "object"

"""The built-in tools are there as the settings say, and follow them when they change."""

import pytest
from msgspec import structs

from wye import catalog
from wye.assistant.tools.box import Tools, build
from wye.assistant.tools.seam import ToolContext
from wye.config import Settings
from wye.config.tools import ToolsConfig, ToolSettings
from wye.core.caller import LOCAL
from wye.engine import Engine

CONTEXT = ToolContext(caller=LOCAL)
OFF = ToolSettings(enabled=False)


def engine(**tools: object) -> Engine:
    return Engine(structs.replace(Settings(), tools=structs.replace(ToolsConfig(), **tools)), catalog.load())


def names(engine: Engine) -> set[str]:
    return {tool.name for tool in build(engine).usable(LOCAL)}


async def test_a_tool_that_is_switched_off_is_not_offered_and_says_how_to_switch_it_on() -> None:
    without = engine(calculator=OFF)
    assert "calculator" in names(engine())
    assert "calculator" not in names(without)
    output = await build(without).call("calculator", '{"expression": "1"}', CONTEXT)
    assert output.is_error
    assert output.text == "error: calculator is switched off; set 'enabled = true' in [tools.calculator]"


async def test_one_switch_turns_all_of_them_off() -> None:
    without = engine(enabled=False)
    assert names(without) == set()
    output = await build(without).call("calculator", '{"expression": "1"}', CONTEXT)
    assert "set 'enabled = true' in [tools]" in output.text


@pytest.mark.parametrize("tools", [{"output": 100}, {"calculator": ToolSettings(output=100)}])
async def test_limits_are_those_of_the_settings_a_tools_own_before_those_of_all(tools: dict[str, object]) -> None:
    output = await build(engine(**tools)).call("calculator", '{"expression": "7**2000"}', CONTEXT)
    assert output.cut
    assert len(output.text) < 150


async def test_changed_settings_hold_for_the_next_call() -> None:
    one = engine()
    tools = Tools(one)
    before = tools.box
    assert tools.box is before
    one.reload(structs.replace(Settings(), tools=ToolsConfig(calculator=OFF)))
    assert "calculator" not in {tool.name for tool in tools.box.usable(LOCAL)}
    assert "calculator" in {tool.name for tool in before.usable(LOCAL)}
    await one.aclose()

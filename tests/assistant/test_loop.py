"""The tool loop with the tools of this house."""

from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.support.asking import ask, call, calling
from tests.support.openai_wire import answer
from tests.support.upstream import Upstream

from wye import InvalidRequestError, ModelRouter
from wye.assistant import loop
from wye.assistant.tools.box import build
from wye.assistant.tools.calculator import Calculator
from wye.assistant.tools.seam import Toolbox, ToolContext, ToolLimits, ToolOutput
from wye.core.caller import Caller, Scope
from wye.engine import Engine


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the machine's own proxies out."""
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture
async def engine(upstream: Upstream, tmp_path: Path) -> AsyncIterator[Engine]:
    file = tmp_path / "wye.toml"
    file.write_text(
        f'[providers.openai]\nbase_url = "{upstream.url}/v1"\napi_keys = ["sk-made-up"]\nallow_private_network = true\n'
    )
    async with ModelRouter.from_config(file, environ={}) as router:
        yield router.engine


class Shouting:
    """A tool that says a lot."""

    name = "shout"
    description = "Says a lot"
    parameters: Mapping[str, Any] = {"type": "object", "properties": {}}

    def __init__(self, scope: Scope = "use") -> None:
        self.scope = scope
        self.seen: list[ToolContext] = []

    async def call(self, arguments: Mapping[str, Any], context: ToolContext, /) -> ToolOutput:
        del arguments
        self.seen.append(context)
        return ToolOutput(text="a" * 2**20)


async def test_the_calculator_works_out_what_a_model_asks_for(engine: Engine, upstream: Upstream) -> None:
    upstream.reply_with(calling(call('{"expression": "157 * 289"}')), answer("45,373"))
    found = await loop.run(engine, build(engine), ask(), ["calculator"])
    assert "45373" in upstream.received[1].json["messages"][2]["content"]
    assert found.response.content == "45,373"


async def test_a_megabyte_of_output_is_cut_before_the_model_sees_it(engine: Engine, upstream: Upstream) -> None:
    tool = Shouting()
    box = Toolbox([tool], limits={"shout": ToolLimits(output=1000)})
    upstream.reply_with(calling(call(name="shout")), answer())
    found = await loop.run(engine, box, ask(conversation="conv-1"))
    told = upstream.received[1].json["messages"][2]["content"]
    assert len(told) < 1100
    assert "cut" in told
    assert found.runs[0].cut
    assert tool.seen[0].conversation == "conv-1"


async def test_a_tool_that_another_tools_output_asks_for_is_not_run_without_its_scope(
    engine: Engine, upstream: Upstream
) -> None:
    secret = Shouting("manage")
    upstream.reply_with(calling(call(name="shout")), answer())
    caller = Caller(user="u", scopes=frozenset({"use"}))
    found = await loop.run(engine, Toolbox([secret]), ask(caller=caller))
    assert "tools" not in upstream.received[0].json
    assert secret.seen == []
    assert found.runs[0].is_error


async def test_a_tool_that_this_turn_did_not_offer_is_not_run(engine: Engine, upstream: Upstream) -> None:
    shouting = Shouting()
    box = Toolbox([shouting, Calculator()])
    upstream.reply_with(calling(call(name="shout")), answer())
    found = await loop.run(engine, box, ask(), ["calculator"])
    assert shouting.seen == []
    assert found.runs[0].text == "error: there is no tool 'shout' here; there are: calculator"


async def test_a_name_that_is_no_tool_is_refused_before_anything_is_asked(engine: Engine, upstream: Upstream) -> None:
    with pytest.raises(InvalidRequestError, match="there are: shout"):
        await loop.run(engine, Toolbox([Shouting()]), ask(), ["shuot"])
    assert upstream.received == []


async def test_a_tool_that_is_switched_off_is_refused_with_what_to_do(engine: Engine, upstream: Upstream) -> None:
    box = Toolbox([Shouting()], off={"shout": "set 'enabled = true' in [tools.shout]"})
    with pytest.raises(InvalidRequestError, match=r"set 'enabled = true' in \[tools.shout\]"):
        loop.stream(engine, box, ask(), ["shout"])
    assert upstream.received == []

"""The box runs only what a caller may use, within limits, and turns every failure into a result."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from msgspec import structs

from wye.assistant.tools.calculator import Calculator
from wye.assistant.tools.seam import Tool, Toolbox, ToolContext, ToolError, ToolLimits, ToolOutput
from wye.core.caller import LOCAL, Scope
from wye.core.errors import ConfigurationError, InvalidRequestError

CONTEXT = ToolContext(caller=LOCAL, limits=ToolLimits(seconds=0.05, output=100))
READER = structs.replace(LOCAL, scopes=frozenset({"read"}))


class Told:
    """A tool that does as the test says."""

    description = "A tool of the test."
    parameters: Mapping[str, Any] = {"type": "object", "properties": {}}

    def __init__(self, outcome: str | Exception | None, name: str = "told", scope: Scope = "use") -> None:
        self.outcome, self.name, self.scope = outcome, name, scope
        self.calls = 0

    async def call(self, _arguments: Mapping[str, Any], _context: ToolContext, /) -> ToolOutput:
        self.calls += 1
        match self.outcome:
            case None:
                await asyncio.Event().wait()
                raise AssertionError
            case str(text):
                return ToolOutput(text=text)
            case error:
                raise error


async def test_a_tool_runs_with_the_model_s_arguments() -> None:
    output = await Toolbox([Calculator()]).call("calculator", '{"expression": "6*7"}', CONTEXT)
    assert output == ToolOutput(text='{"result":"42","exact":true}')


FAILURES: dict[str, tuple[str | Exception | None, str]] = {
    "slow": (None, "error: told did not finish within 0.05 s; ask it for less"),
    "refusing": (ToolError("write it otherwise"), "error: write it otherwise"),
    "refused": (InvalidRequestError("not that"), "error: not that"),
    "broken": (RuntimeError("password=hunter2"), "error: told failed; go on without it"),
}


@pytest.mark.parametrize("how", FAILURES)
async def test_a_tool_that_fails_is_a_result_that_says_so(how: str) -> None:
    outcome, text = FAILURES[how]
    assert await Toolbox([Told(outcome)]).call("told", "{}", CONTEXT) == ToolOutput(text=text, is_error=True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("{", "not JSON"),
        ("[1]", "must be a JSON object"),
        ("[" * 100_000, "not JSON"),
        ('{"expression": 7}', "the arguments do not fit: Expected str, got int - at $.expression"),
        ("{}", "missing required field expression"),
        ('{"expression": "1", "more": 2}', "unknown field more"),
        (" " * 3_000_000, "longer than"),
    ],
)
async def test_arguments_that_do_not_fit_are_told_to_the_model(arguments: str, says: str) -> None:
    context = structs.replace(CONTEXT, limits=ToolLimits())
    output = await Toolbox([Calculator()]).call("calculator", arguments, context)
    assert output.is_error
    assert says in output.text


async def test_output_is_cut_at_its_limit_and_says_so() -> None:
    output = await Toolbox([Told("x" * 150)]).call("told", "{}", CONTEXT)
    assert output.cut
    assert output.text == "x" * 100 + "\n… (cut: 50 more characters)"


async def test_a_caller_without_the_scope_neither_sees_nor_runs_a_tool() -> None:
    told = Told("secret", scope="manage")
    box = Toolbox([told, Told("open", "other", scope="read")])
    assert [each["function"]["name"] for each in box.schemas(READER)] == ["other"]
    output = await box.call("told", "{}", structs.replace(CONTEXT, caller=READER))
    assert output == ToolOutput(text="error: there is no tool 'told' here; there are: other", is_error=True)
    assert told.calls == 0


async def test_a_tool_that_this_turn_did_not_offer_is_not_run_though_the_model_asks() -> None:
    told = Told("secret")
    box = Toolbox([told, Told("open", "other")])
    assert (await box.call("told", "{}", CONTEXT, ["other"])).is_error
    assert told.calls == 0
    assert not (await box.call("other", "{}", CONTEXT, ["other"])).is_error


async def test_who_gives_up_on_a_tool_cancels_it() -> None:
    running = asyncio.create_task(
        Toolbox([Told(None)]).call("told", "{}", structs.replace(CONTEXT, limits=ToolLimits()))
    )
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


def test_schemas_are_those_of_openai_and_refer_to_nothing() -> None:
    tools: list[Tool] = [Calculator()]
    (schema,) = Toolbox(tools).schemas(LOCAL)
    assert schema["type"] == "function"
    parameters = schema["function"]["parameters"]
    assert parameters["type"] == "object"
    assert parameters["required"] == ["expression"]
    assert b"$ref" not in msgspec.json.encode(parameters)


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="two tools named 'told'"):
        Toolbox([Told("a"), Told("b")])

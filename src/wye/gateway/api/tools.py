"""Routes about tools: which there are for the caller, and running one by hand, as a model would."""

import time
from collections.abc import Sequence
from typing import Annotated, Any, Final

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Meta, field

from wye.assistant.tools.seam import Tool, ToolContext
from wye.core.caller import Caller, Scope
from wye.core.errors import InvalidRequestError, PermissionDeniedError, RouteNotFoundError
from wye.gateway.api.choosing import LOOKING
from wye.gateway.api.forms import Form
from wye.gateway.api.here import Here
from wye.gateway.api.views import View


class ToolForm(Form, frozen=True, kw_only=True):
    """What a tool is called with."""

    arguments: Annotated[dict[str, Any], Meta(description="as the tool's `parameters` describe them")] = field(
        default_factory=dict
    )


class ToolView(View, frozen=True, kw_only=True):
    """One tool: `parameters` is the JSON schema of its arguments, `scope` what a key needs for it.

    `usable` tells whether the caller's models may call it, `whyNot` what keeps them from it, and what to do about it.
    """

    name: str
    description: str
    parameters: dict[str, Any]
    scope: Scope
    usable: bool
    why_not: str | None


class ToolServerView(View, frozen=True, kw_only=True):
    """An MCP server: `whyNot` says what keeps it from being there, to administrators only."""

    name: str
    connected: bool
    tools: int
    why_not: str | None


class ToolsView(View, frozen=True, kw_only=True):
    """Every tool there is, and the MCP servers that some are from."""

    tools: Sequence[ToolView]
    servers: Sequence[ToolServerView]


class ToolResultView(View, frozen=True, kw_only=True):
    """What a call came to, as a model reads it; `cut` where some of it was left out; `seconds` is what it took."""

    name: str
    text: str
    is_error: bool
    cut: bool
    seconds: float


@get("/", opt=LOOKING)
async def list_tools(here: NamedDependency[Here]) -> ToolsView:
    """List tools: what models may call for the caller, and why not where they may not."""
    inside = here.caller.may("admin")
    return ToolsView(
        tools=[_view(tool, why_not) for tool, why_not in here.tools.box.listed(here.caller)],
        servers=[
            ToolServerView(
                name=one.name,
                connected=one.failure is None,
                tools=one.tools,
                why_not=one.failure if inside else None,
            )
            for one in here.tools.servers.states
        ],
    )


@post("/{tool:str}", status_code=200, opt={"needs": ("use",)})
async def run_tool(here: NamedDependency[Here], tool: FromPath[str], data: JSONBody[ToolForm]) -> ToolResultView:
    """Run a tool by hand, as a model would; a call that fails is a result that says so."""
    box, began = here.tools.box, time.perf_counter()
    _check({one.name: (one, why) for one, why in box.listed(here.caller)}, tool, here.caller)
    output = await box.call(tool, data.arguments, ToolContext(caller=here.caller))
    return ToolResultView(
        name=tool,
        text=output.text,
        is_error=output.is_error,
        cut=output.cut,
        seconds=round(time.perf_counter() - began, 6),
    )


def _check(known: dict[str, tuple[Tool, str | None]], name: str, caller: Caller) -> None:
    """Raise what keeps a caller from a tool."""
    if name not in known:
        message = f"there is no tool {name[:64]!r}; there are: {', '.join(known)}"
        raise RouteNotFoundError(message, code="tool_not_found", param="tool")
    tool, why_not = known[name]
    if not caller.may(tool.scope):
        raise PermissionDeniedError(f"{name} cannot be used: {why_not}", code="scope_missing")
    if why_not is not None:
        raise InvalidRequestError(f"{name} cannot be used: {why_not}", code="tool_off", param="tool")


def _view(tool: Tool, why_not: str | None) -> ToolView:
    return ToolView(
        name=tool.name,
        description=tool.description,
        parameters=dict(tool.parameters),
        scope=tool.scope,
        usable=why_not is None,
        why_not=why_not,
    )


FORMS: Final[tuple[type[Form], ...]] = (ToolForm,)
HANDLERS: Final = (list_tools, run_tool)

"""The seam of the tools: what a tool promises, and the box that lets models call only what their caller may use."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

import msgspec
from msgspec import Struct, structs

from wye.core.caller import Caller, Scope
from wye.core.errors import ConfigurationError, WyeError

_log = logging.getLogger(__name__)
_S = TypeVar("_S", bound=Struct)
_ARGUMENTS_AT_MOST: Final = 2 * 1024 * 1024
_CUT: Final = "\n… (cut: {left} more characters)"


class ToolLimits(Struct, frozen=True, kw_only=True):
    """How far one call goes: seconds, and characters of its output. What is over is cut and said to be."""

    seconds: float = 20.0
    output: int = 16_000


class ToolContext(Struct, frozen=True, kw_only=True):
    """For whom a tool works, and within what.

    `clock` tells the seconds since the epoch. `conversation` is the id of the conversation that the call belongs to.
    """

    caller: Caller
    clock: Callable[[], float] = time.time
    limits: ToolLimits = ToolLimits()
    conversation: str | None = None


class ToolOutput(Struct, frozen=True, kw_only=True):
    """What a call came to, as the model reads it; `is_error` where it failed, `cut` where some of it is left out."""

    text: str
    is_error: bool = False
    cut: bool = False


class ToolError(Exception):
    """A tool cannot do what it was asked; the message tells the model what to do instead, and holds no secret."""

    def __init__(self, message: str) -> None:
        """Keep the message."""
        super().__init__(message)
        self.message = message


class Tool(Protocol):
    """Something that models may call."""

    @property
    def name(self) -> str:
        """What models call it: letters, digits, `_` and `-`, 64 at most."""

    @property
    def description(self) -> str:
        """When to use it and how, as the model reads it."""

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The JSON schema of its arguments, an object."""

    @property
    def scope(self) -> Scope:
        """What a caller must be allowed for models to call it in the caller's name."""

    async def call(self, arguments: Mapping[str, Any], context: ToolContext, /) -> ToolOutput:
        """Do it. Arguments come from a model, so they are checked like any stranger's. May raise `ToolError`."""


def schema_of(kind: type[Struct]) -> dict[str, Any]:
    """Return the JSON schema of arguments, without references, which not every provider follows."""
    (schema,), named = msgspec.json.schema_components([kind], ref_template="{name}")
    found: dict[str, Any] = dict(named[schema["$ref"]])
    found.pop("title", None)
    found.pop("description", None)
    return found


def read(kind: type[_S], arguments: Mapping[str, Any]) -> _S:
    """Return a tool's arguments; raises `ToolError` that names what is wrong. Numbers written as texts pass."""
    try:
        return msgspec.convert(arguments, kind, strict=False)
    except msgspec.ValidationError as error:
        raise ToolError(f"the arguments do not fit: {str(error).replace('`', '')}") from None


def told(value: Any) -> ToolOutput:
    """Return a result as JSON, which models read well."""
    return ToolOutput(text=msgspec.json.encode(value).decode())


class Toolbox:
    """Tools by name. It has no state: the same box serves all callers, each with what the caller may use."""

    def __init__(
        self,
        tools: Iterable[Tool] = (),
        *,
        limits: Mapping[str, ToolLimits] | None = None,
        off: Mapping[str, str] | None = None,
    ) -> None:
        """Take all tools; by their names, limits that replace a context's, and why one is off and what to do about it.

        Raises `ConfigurationError` where two have one name.
        """
        self._limits = limits or {}
        self._off = off or {}
        self._tools: dict[str, Tool] = {}
        for tool in tools:
            if tool.name in self._tools:
                raise ConfigurationError(f"there are two tools named {tool.name!r}; rename one", param="tools")
            self._tools[tool.name] = tool

    def usable(self, caller: Caller, names: Iterable[str] | None = None) -> tuple[Tool, ...]:
        """Return the tools that `caller` may use, of those `names` only where given."""
        wanted = self._tools.keys() if names is None else frozenset(names)
        return tuple(tool for tool, why_not in self.listed(caller) if why_not is None and tool.name in wanted)

    def listed(self, caller: Caller) -> Iterator[tuple[Tool, str | None]]:
        """Yield every tool, and why `caller` may not use it, where that is so."""
        for name, tool in self._tools.items():
            lacking = None if caller.may(tool.scope) else f"the key lacks the scope {tool.scope!r}"
            yield tool, lacking or self._off.get(name)

    def schemas(self, caller: Caller, names: Iterable[str] | None = None) -> list[dict[str, Any]]:
        """Return what goes into a request's `tools`, in OpenAI's form."""
        return [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": dict(tool.parameters),
                },
            }
            for tool in self.usable(caller, names)
        ]

    async def call(
        self, name: str, arguments: str | Mapping[str, Any], context: ToolContext, names: Sequence[str] | None = None
    ) -> ToolOutput:
        """Run a tool within the context's limits; whatever goes wrong is a result that is marked as an error.

        `arguments` are a model's JSON text. `names` are the tools that this turn offered: a model that names another,
        because some text told it to, gets an error. Only cancellation is raised.
        """
        usable = {tool.name: tool for tool in self.usable(context.caller, names)}
        context = structs.replace(context, limits=self._limits.get(name, context.limits))
        tool = usable.get(name)
        if tool is None:
            return _failed(self._why_not(name, context.caller, usable), context)
        try:
            async with asyncio.timeout(context.limits.seconds):
                output = await tool.call(_decoded(arguments), context)
        except TimeoutError:
            return _failed(f"{name} did not finish within {context.limits.seconds:g} s; ask it for less", context)
        except (ToolError, WyeError) as error:
            return _failed(error.message, context)
        except Exception:  # noqa: BLE001 - a tool that breaks must not end the turn
            # The model is told no more than that: what an unexpected exception says may hold anything.
            _log.exception("the tool %s failed", name)
            return _failed(f"{name} failed; go on without it", context)
        return _bounded(output, context)

    def _why_not(self, name: str, caller: Caller, usable: Iterable[str]) -> str:
        known = self._tools.get(name)
        if known is not None and name in self._off and caller.may(known.scope):
            return self._off[name]
        return f"there is no tool {name[:64]!r} here; there are: {', '.join(usable) or 'none'}"


def _decoded(arguments: str | Mapping[str, Any]) -> Mapping[str, Any]:
    """Return arguments that are JSON, so that no tool sees what JSON has not: half characters, say."""
    try:
        text = arguments.encode() if isinstance(arguments, str) else msgspec.json.encode(arguments)
        if len(text) > _ARGUMENTS_AT_MOST:
            raise ToolError(f"the arguments are longer than {_ARGUMENTS_AT_MOST} bytes")
        found: Any = msgspec.json.decode(text or b"{}")
    except (ValueError, OverflowError, RecursionError) as error:
        raise ToolError(f"the arguments are not JSON: {str(error)[:100]}") from None
    if not isinstance(found, dict):
        raise ToolError("the arguments must be a JSON object")
    return found


def _failed(message: str, context: ToolContext) -> ToolOutput:
    return _bounded(ToolOutput(text=f"error: {message}", is_error=True), context)


def _bounded(output: ToolOutput, context: ToolContext) -> ToolOutput:
    over = len(output.text) - context.limits.output
    if over <= 0:
        return output
    kept = output.text[: context.limits.output] + _CUT.format(left=over)
    return ToolOutput(text=kept, is_error=output.is_error, cut=True)

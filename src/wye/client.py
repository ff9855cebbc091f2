"""One client for every model: a thin face of the router, with the caller's tools run between its turns."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self, TypeAlias

import msgspec
from msgspec import Struct, structs

from wye import toolloop
from wye.core.response import ModelResponse
from wye.library import Messages, ModelRouter
from wye.toolloop import ToolRun

ToolHandler: TypeAlias = Callable[[str, dict[str, Any]], Any | Awaitable[Any]]
"""Runs a tool by name with its arguments; what it returns is told to the model, as JSON unless it is text.

A coroutine function runs on the event loop, any other one in a thread of its own, with the caller's context variables.
"""
_ERROR: Final = "error: "


class ToolUse(Struct, frozen=True, kw_only=True):
    """A tool that was run for the model; `error` is what it raised where `success` is false."""

    name: str
    success: bool
    error: str = ""


class ClientResponse(ModelResponse, frozen=True, kw_only=True):
    """The last answer of a conversation with tools; `usage` and `cost` (USD) are those of all its turns."""

    tools_called: tuple[ToolUse, ...] = ()


class LLMClient:
    """Sends messages to a model by any of its names: `openai/gpt-4o-mini`, `openai-gpt-4o-mini`, an alias, `auto`.

    Use it as an asynchronous context manager, or call `aclose` at the end.
    """

    def __init__(self, router: ModelRouter | None = None) -> None:
        """Stand before `router`, by default one that is configured from the environment."""
        self.router = router or ModelRouter.from_env()

    async def chat(
        self,
        model_id: str,
        messages: Messages,
        *,
        temperature: float | None = None,
        max_tokens: int | None = None,
        tools: Sequence[Mapping[str, Any]] = (),
        tool_handler: ToolHandler | None = None,
        user_id: str | None = None,
        max_rounds: int = 3,
        **parameters: Any,
    ) -> ClientResponse:
        """Answer `messages` (OpenAI's shape); with a `tool_handler` tools are run and the model is asked again.

        Calls of one turn run at once, eight at a time, in threads where the handler is no coroutine function: then
        what it shares must be safe for that, and what has begun goes on when the answer is cancelled. A tool that
        raises is told to the model as an error. After `max_rounds` turns of tools the model is asked for an answer
        without them. In the books the first turn is the parent of the others. Raises a `WyeError`.
        """
        given = _given(temperature, max_tokens, user_id, ()) | parameters
        handed = _Handed(tool_handler, tools)
        left = [tool for tool in tools if tool not in handed.schemas]
        context = given.pop("context", None)
        asked = self.router.ask(
            messages, context, model=model_id, max_rounds=max_rounds, **given, **({"tools": left} if left else {})
        )
        found = await toolloop.run(self.router.engine, asked, handed)
        said = structs.asdict(found.response) | {"usage": found.usage, "cost": found.cost}
        return ClientResponse(**said, tools_called=tuple(map(_use, found.runs)))

    async def stream(
        self,
        model_id: str,
        messages: Messages,
        *,
        temperature: float | None = None,
        max_tokens: int | None = None,
        user_id: str | None = None,
        **parameters: Any,
    ) -> AsyncIterator[str]:
        """Yield the text of the answer as it comes; `ModelRouter.route_stream` has tool calls, usage and cost too."""
        given = _given(temperature, max_tokens, user_id, ()) | parameters
        async for chunk in self.router.route_stream(messages, model=model_id, **given):
            if chunk.content:
                yield chunk.content

    async def aclose(self) -> None:
        """Close all connections."""
        await self.router.aclose()

    async def __aenter__(self) -> Self:
        """Use the client until the block ends."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        await self.aclose()


def _given(
    temperature: float | None, max_tokens: int | None, user_id: str | None, tools: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    said = {"temperature": temperature, "max_tokens": max_tokens, "user": user_id, "tools": list(tools) or None}
    return {name: value for name, value in said.items() if value is not None}


class _Told(Struct, frozen=True):
    """What a tool came to."""

    text: str
    is_error: bool = False
    cut: bool = False


class _Handed:
    """The tools of a caller's handler: all functions of the request; without a handler, none."""

    def __init__(self, handler: ToolHandler | None, tools: Sequence[Mapping[str, Any]]) -> None:
        self.schemas = [tool for tool in tools if handler is not None and isinstance(tool.get("function"), Mapping)]
        self.names = frozenset(str(tool["function"].get("name")) for tool in self.schemas)
        self._handler = handler
        call = getattr(handler, "__call__", None)  # noqa: B004 - of an object that is called like a function
        self._waits = inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(call)

    async def call(self, name: str, arguments: str) -> _Told:
        """Run one call."""
        if self._handler is None:
            raise TypeError("there is no handler")
        try:
            given = msgspec.json.decode(arguments or "{}", type=dict[str, Any])
            if self._waits:
                result = self._handler(name, given)
            else:
                result = await asyncio.to_thread(_run, self._handler, name, given)
            if inspect.isawaitable(result):
                result = await result
            return _Told(result if isinstance(result, str) else msgspec.json.encode(result).decode())
        except Exception as error:  # noqa: BLE001 - a tool may raise anything, and the model can often mend it
            return _Told(f"{_ERROR}{type(error).__name__}: {error}", is_error=True)


def _run(handler: ToolHandler, name: str, arguments: dict[str, Any]) -> Any:
    try:
        return handler(name, arguments)
    except StopIteration as error:  # which no future can hold
        raise RuntimeError(f"{type(error).__name__} was raised") from error


def _use(run: ToolRun) -> ToolUse:
    error = run.text.removeprefix(_ERROR) if run.is_error else ""
    return ToolUse(name=run.name, success=not run.is_error, error=error)

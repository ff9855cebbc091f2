"""One client for every model: a thin face of the router, with the caller's tools run between its turns."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from types import TracebackType
from typing import Any, Self, TypeAlias

import msgspec
from msgspec import Struct, structs

from wye.core.content import ToolCall
from wye.core.ids import new_request_id
from wye.core.response import ModelResponse
from wye.core.usage import Usage
from wye.library import Messages, ModelRouter, RoutingContext
from wye.surfaces import openai_chat

ToolHandler: TypeAlias = Callable[[str, dict[str, Any]], Any | Awaitable[Any]]
"""Runs a tool by name with its arguments; what it returns is told to the model, as JSON unless it is text."""


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

        All calls of one turn run at once. A tool that raises is told to the model as an error. After `max_rounds` turns
        of tools the answer comes back as it is, with the calls that were not run. In the books the first turn is the
        parent of the others. Raises a `WyeError`.
        """
        given = _given(temperature, max_tokens, user_id, tools) | parameters
        conversation: list[Mapping[str, Any]] = list(messages)
        used: list[ToolUse] = []
        answers: list[ModelResponse] = []
        context = structs.replace(given.pop("context", None) or RoutingContext(), request_id=new_request_id())
        turns = structs.replace(context, request_id=None, parent=context.request_id)
        while True:
            answer = await self.router.route(conversation, turns if answers else context, model=model_id, **given)
            answers.append(answer)
            if tool_handler is None or not answer.tool_calls or len(answers) > max_rounds:
                return _summed(answers, tuple(used))
            results = await asyncio.gather(*(_run(tool_handler, call) for call in answer.tool_calls))
            used += [use for use, _ in results]
            conversation += [openai_chat.render_turn(answer), *(message for _, message in results)]

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


async def _run(handler: ToolHandler, call: ToolCall) -> tuple[ToolUse, dict[str, Any]]:
    """Run one call; return what became of it, and the message that tells the model."""
    use = ToolUse(name=call.name, success=True)
    try:
        result = handler(call.name, msgspec.json.decode(call.arguments or "{}", type=dict[str, Any]))
        if inspect.isawaitable(result):
            result = await result
        content = result if isinstance(result, str) else msgspec.json.encode(result).decode()
    except Exception as error:  # noqa: BLE001 - a tool may raise anything, and the model can often mend it
        use = ToolUse(name=call.name, success=False, error=f"{type(error).__name__}: {error}")
        content = msgspec.json.encode({"error": use.error}).decode()
    return use, {"role": "tool", "tool_call_id": call.id, "content": content}


def _summed(answers: Sequence[ModelResponse], used: tuple[ToolUse, ...]) -> ClientResponse:
    usage = None if any(one.usage is None for one in answers) else Usage()
    cost = None if any(one.cost is None for one in answers) else Decimal(0)
    for answer in answers:
        usage = usage.plus(answer.usage) if usage is not None and answer.usage is not None else None
        cost = cost + answer.cost if cost is not None and answer.cost is not None else None
    said = structs.asdict(answers[-1]) | {"usage": usage, "cost": cost}
    return ClientResponse(**said, tools_called=used)

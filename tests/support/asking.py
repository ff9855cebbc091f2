"""Questions for the tool loop, tools to answer them with, and answers that call tools."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
from tests.support.openai_wire import DONE, USAGE, completion, event
from tests.support.upstream import Reply

from wye.assistant.tools.seam import ToolOutput
from wye.core.request import Asked
from wye.surfaces import openai_chat
from wye.toolloop import Ask, Offered

QUESTION = {"role": "user", "content": "What is 157 * 289?"}


def schema(name: str) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {"expression": {"type": "string"}}}
    return {"type": "function", "function": {"name": name, "description": "Does sums", "parameters": parameters}}


def ask(
    model: str = "openai/gpt-4o-mini",
    *,
    messages: Sequence[Mapping[str, Any]] = (QUESTION,),
    members: Mapping[str, Any] | None = None,
    **said: Any,
) -> Ask:
    """Return a question; `members` are further ones of the request."""
    body = msgspec.json.encode({"model": model, "messages": messages, **(members or {})})
    return Ask(call=openai_chat.parse_request(body, Asked()), **said)


def call(arguments: str = "{}", identity: str = "call_1", name: str = "calculator") -> dict[str, Any]:
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}


def calling(*calls: dict[str, Any], text: str | None = None) -> Reply:
    """Answer with calls of tools."""
    return Reply.json(completion(text, finish_reason="tool_calls", tool_calls=list(calls)))


def calling_in_pieces(*calls: dict[str, Any]) -> Reply:
    """Do the same as a stream, in which arguments come in halves."""
    pieces = []
    for at, one in enumerate(calls):
        arguments = one["function"]["arguments"]
        middle = len(arguments) // 2
        head = {**one, "index": at, "function": {**one["function"], "arguments": arguments[:middle]}}
        pieces += [event(tool_calls=[head])]
        pieces += [event(tool_calls=[{"index": at, "function": {"arguments": arguments[middle:]}}])]
    return Reply.stream([*pieces, event(finish_reason="tool_calls"), event(usage=USAGE), DONE])


Worker = Callable[[str, str], Awaitable[ToolOutput]]


def offering(*names: str, run: Worker | None = None, text: str = "45373") -> Offered:
    """Offer tools that all answer `text`, or what `run` says."""

    async def say(_name: str, _arguments: str) -> ToolOutput:
        await asyncio.sleep(0)
        return ToolOutput(text=text)

    return Offered(names=frozenset(names), schemas=[schema(name) for name in names], run=run or say)

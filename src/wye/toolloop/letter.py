"""The request of each round: the caller's, with the tools that are run here and the turns so far."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw, structs

from wye.core.content import Message, ToolCall, ToolResult
from wye.core.request import Asked, Call, ChatRequest
from wye.core.response import ModelResponse
from wye.surfaces import decode_request, openai_chat
from wye.toolloop.instructed import Form, instruct
from wye.toolloop.offered import Tools
from wye.toolloop.values import ToolRun

_members = msgspec.json.Decoder(dict[str, Raw]).decode
_raws = msgspec.json.Decoder(list[Raw]).decode
_encode = msgspec.json.Encoder().encode
_FREE: Final = frozenset({b'"auto"', b'"none"'})
_QUOTED_AT_MOST: Final = 2000
_AGAIN: Final = (
    "\nThis very call has failed before, with the same arguments. Do not repeat it: change the arguments, use another "
    "tool, or answer without it."
)


class Letter:
    """What is asked, round after round."""

    def __init__(self, call: Call, tools: Tools) -> None:
        """Begin with the caller's request. Raises `InvalidRequestError` where it is none."""
        self._call = call
        self._rest: dict[str, Any] = decode_request(_members, call.body)
        self._messages: list[Raw] = decode_request(_raws, bytes(self._rest.pop("messages")))
        callers = self._rest.pop("tools", None)
        own = [] if callers is None or bytes(callers) == b"null" else decode_request(_raws, bytes(callers))
        choice = bytes(self._rest.get("tool_choice", b"null"))
        self._callers = {_name(tool) for tool in own} | _functions(self._rest.get("functions"))
        schemas = [] if choice == b'"none"' else [one for one in tools.schemas if _called(one) not in self._callers]
        self._tools: list[Any] = [*own, *schemas]
        self._offers = choice != b'"none"' and (bool(self._tools) or b'"functions"' in call.body)
        self._insists = choice not in _FREE
        self._failed: set[str] = set()
        self._ids: set[str] = set()
        self.turns: list[Mapping[str, Any]] = []

    @property
    def offers(self) -> bool:
        """Whether the model may call anything."""
        return self._offers

    def call(self, *, stream: bool, form: Form | None = None, last: bool = False) -> Call:
        """Return the request of the next round: in words where there is a `form`, the `last` one without tools."""
        messages: list[Raw | Mapping[str, Any]] = [*self._messages, *self.turns]
        if form is not None:
            tools = [msgspec.json.decode(tool) if isinstance(tool, Raw) else tool for tool in self._tools]
            members = instruct(self._rest, messages, tools, None if last else form)
        else:
            members = {**self._rest, "messages": messages}
            if self._tools:
                members["tools"] = self._tools
            if last:
                members["tool_choice"] = "none"
            elif self.turns and self._insists:
                members.pop("tool_choice", None)  # it was called; a model that must call again would never answer
        call = openai_chat.parse_request(
            _encode({**members, "stream": stream}),
            Asked(headers=self._call.headers, drop_unsupported=self._call.drop_unsupported),
        )
        return self._marked(call) if self._failed else call

    def _marked(self, call: Call) -> Call:
        """Return a call that tells wires which have a word for it that results are errors; OpenAI's form has none."""
        failed = frozenset(self._failed)
        return Call(
            wire=call.wire,
            body=call.body,
            model=call.model,
            decode=lambda body: _with_errors(openai_chat.parse_request(body).chat, failed),
            stream=call.stream,
            asked=Asked(headers=call.headers, drop_unsupported=call.drop_unsupported),
        )

    def distinct(self, response: ModelResponse) -> ModelResponse:
        """Return an answer whose calls have ids that no other call has.

        Some servers number the calls of each answer alike, or not at all; and a wire that another provider goes on in
        may want every id once in a conversation.
        """
        if not response.tool_calls:
            return response
        calls = []
        for call in response.tool_calls:
            known = not call.id or call.id in self._ids or _encode(call.id) in self._call.body
            calls.append(structs.replace(call, id=f"call_{secrets.token_hex(12)}") if known else call)
            self._ids.add(call.id)
        choice = structs.replace(response.choices[0], tool_calls=tuple(calls))
        return structs.replace(response, choices=(choice, *response.choices[1:]))

    def answered(self, response: ModelResponse) -> None:
        """Add what the model said."""
        if response.choices:
            self.turns.append(openai_chat.render_turn(_readable(response)))

    def told(self, runs: Iterable[ToolRun]) -> None:
        """Add what tools answered."""
        for run in runs:
            text = run.text + _AGAIN if run.repeated else run.text
            self.turns.append({"role": "tool", "tool_call_id": run.id, "content": text})
            if run.is_error:
                self._failed.add(run.id)

    def callers_own(self, calls: Sequence[ToolCall]) -> tuple[ToolCall, ...]:
        """Return the calls of tools that stood in the request: only the caller can run them."""
        return tuple(call for call in calls if call.name in self._callers)


def _name(tool: Raw) -> str:
    value: Any = msgspec.json.decode(tool)
    return _called(value) if isinstance(value, dict) else ""


def _called(tool: Mapping[str, Any]) -> str:
    function = tool.get("function")
    return str(function.get("name", "")) if isinstance(function, Mapping) else ""


def _functions(functions: Raw | None) -> set[str]:
    """Return the names of functions in OpenAI's first form."""
    listed: Any = None if functions is None else msgspec.json.decode(functions)
    return {str(one.get("name", "")) for one in listed if isinstance(one, dict)} if isinstance(listed, list) else set()


def _readable(response: ModelResponse) -> ModelResponse:
    """Return an answer whose calls have JSON objects for arguments: wires that keep them as objects take no other."""
    choice = response.choices[0]
    calls = tuple(call if _is_object(call.arguments) else _quoted(call) for call in choice.tool_calls)
    return structs.replace(response, choices=(structs.replace(choice, tool_calls=calls),))


def _is_object(arguments: str) -> bool:
    try:
        return isinstance(msgspec.json.decode(arguments), dict)
    except (msgspec.DecodeError, RecursionError):
        return False


def _quoted(call: ToolCall) -> ToolCall:
    text = call.arguments[:_QUOTED_AT_MOST]
    written = "{}" if text.strip() in {"", "null"} else _encode({"not_a_json_object": text}).decode()
    return structs.replace(call, function=structs.replace(call.function, arguments=written))


def _with_errors(chat: ChatRequest, failed: frozenset[str]) -> ChatRequest:
    return structs.replace(chat, messages=tuple(_with_error(message, failed) for message in chat.messages))


def _with_error(message: Message, failed: frozenset[str]) -> Message:
    if message.role != "tool":
        return message
    parts = tuple(
        structs.replace(part, is_error=True) if isinstance(part, ToolResult) and part.call_id in failed else part
        for part in message.parts
    )
    return structs.replace(message, parts=parts)

"""Checks one example of a data set: its messages, their order, and the tools that are called in it."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import msgspec

from wye.assistant.uses.problems import Code, Problem, Severity

_MEMBERS: Final = frozenset({"messages", "tools", "functions", "parallel_tool_calls", "metadata", "weight", "id"})
_ROLES: Final = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_BEGIN: Final = frozenset({"system", "developer"})
_BYTES_PER_TOKEN: Final = 4
_MESSAGE_TOKENS: Final = 4
_encode: Final = msgspec.json.Encoder().encode


def check_example(line: int, example: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with an example."""
    found = list(_problems(example))
    return [Problem(line=line, severity=severity, code=code, message=message) for severity, code, message in found]


def text_of(messages: Sequence[Mapping[str, Any]]) -> str:
    """Return what users and models say in an example; the instructions, which examples share, are left out."""
    return "\n".join(_text(one.get("content")) for one in messages if one.get("role") not in _BEGIN)


def tokens_of(example: Mapping[str, Any]) -> int:
    """Return about how many tokens an example is, as `wye.core.estimate` counts them."""
    messages = example["messages"]
    size = sum(len(_text(one.get("content")).encode(errors="replace")) for one in messages)
    size += sum(len(_encode(one["tool_calls"])) for one in messages if one.get("tool_calls"))
    size += len(_encode(example["tools"])) if example.get("tools") else 0
    return _MESSAGE_TOKENS * len(messages) + -(-size // _BYTES_PER_TOKEN)


_Found = Iterator[tuple[Severity, Code, str]]


def _problems(example: Mapping[str, Any]) -> _Found:
    messages = example.get("messages")
    if not isinstance(messages, list) or not messages:
        if "prompt" in example and "completion" in example:
            yield "error", "older_form", "prompt and completion are the older form: write 'messages'"
        else:
            yield "error", "no_messages", "'messages' must be a list with something in it"
        return
    if unknown := sorted(str(name)[:40] for name in example.keys() - _MEMBERS):
        yield "warning", "unknown_member", f"nobody reads {', '.join(map(repr, unknown[:5]))}"
    tools = list(_tools(example))
    names = {name for name in tools if isinstance(name, str)}
    yield from (problem for problem in tools if isinstance(problem, tuple))
    whole = True
    for at, message in enumerate(messages):
        for problem in _message(at, message):
            whole = whole and problem[0] != "error"
            yield problem
    if whole:
        yield from _order(messages)
        yield from _calls(messages, names if example.get("tools") else None)


def _tools(example: Mapping[str, Any]) -> Iterator[str | tuple[Severity, Code, str]]:
    """Yield the names of the functions that are declared, or what is wrong with them."""
    tools = example.get("tools")
    if tools is None:
        return
    if not isinstance(tools, list):
        yield "error", "invalid_tools", "'tools' must be a list"
        return
    for at, tool in enumerate(tools):
        function = tool.get("function") if isinstance(tool, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        if not isinstance(function, dict) or not isinstance(name, str) or not name:
            yield "error", "invalid_tools", f"tools[{at}] has no function with a name"
            continue
        if not isinstance(function.get("parameters", {}), dict):
            yield "error", "invalid_tools", f"tools[{at}].function.parameters must be a JSON schema"
        yield name


def _message(at: int, message: Any) -> _Found:
    where = f"messages[{at}]"
    if not isinstance(message, dict):
        yield "error", "invalid_message", f"{where} must be an object"
        return
    role, content = message.get("role"), message.get("content")
    if not isinstance(role, str) or role not in _ROLES:
        yield "error", "unknown_role", f"{where}.role is {str(role)[:40]!r}: system, user, assistant or tool is meant"
        return
    weight = message.get("weight", 1)
    if isinstance(weight, bool) or not isinstance(weight, int) or weight not in {0, 1}:
        yield "error", "invalid_message", f"{where}.weight must be 0 or 1"
    yield from _content(where, content, optional=role == "assistant" and bool(message.get("tool_calls")))
    if role != "assistant" and message.get("tool_calls"):
        yield "error", "invalid_tool_call", f"{where}: only an assistant calls tools"
    if role == "tool" and not isinstance(message.get("tool_call_id"), str):
        yield "error", "invalid_message", f"{where}.tool_call_id must say which call is answered"
    calls = message.get("tool_calls")
    if calls is not None and not isinstance(calls, list):
        yield "error", "invalid_tool_call", f"{where}.tool_calls must be a list"
        return
    for number, call in enumerate(calls or ()):
        yield from _call(f"{where}.tool_calls[{number}]", call)


def _content(where: str, content: Any, *, optional: bool) -> _Found:
    if content is None:
        if not optional:
            yield "error", "empty_content", f"{where} says nothing"
        return
    if isinstance(content, list):
        if not content or not all(isinstance(part, dict) and isinstance(part.get("type"), str) for part in content):
            yield "error", "invalid_content", f"{where}.content must be a text, or a list of parts with a type"
        elif any(part["type"] == "text" and not isinstance(part.get("text"), str) for part in content):
            yield "error", "invalid_content", f"{where}.content has a part without its text"
        return
    if not isinstance(content, str):
        yield "error", "invalid_content", f"{where}.content must be a text, or a list of parts with a type"
    elif not content.strip() and not optional:
        yield "error", "empty_content", f"{where} says nothing"
    elif content != content.strip() and not optional:
        yield "warning", "invalid_content", f"{where}.content begins or ends with blanks, which are learnt too"


def _call(where: str, call: Any) -> _Found:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str) or not function["name"]:
        yield "error", "invalid_tool_call", f"{where} has no function with a name"
        return
    if not isinstance(call.get("id"), str) or not call["id"]:
        yield "error", "invalid_tool_call", f"{where} has no id, by which its result is found"
    arguments = function.get("arguments")
    try:
        value = msgspec.json.decode(arguments) if isinstance(arguments, str) else None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        value = None
    if not isinstance(value, dict):
        yield "error", "invalid_tool_call", f"{where}.function.arguments must be a text that is a JSON object"


def _order(messages: Sequence[Mapping[str, Any]]) -> _Found:
    roles = [message["role"] for message in messages]
    body = roles[next((at for at, role in enumerate(roles) if role not in _BEGIN), len(roles)) :]
    if any(role in _BEGIN for role in body):
        yield "warning", "role_order", "instructions stand in the midst of the conversation"
    if body and body[0] != "user":
        yield "warning", "role_order", f"the conversation begins with {body[0]!r}, not with a user"
    if "assistant" not in body:
        yield "error", "nothing_to_learn", "no message is an assistant's: there is nothing to learn"
    elif body[-1] != "assistant":
        yield "error", "nothing_to_learn", f"the last message is {body[-1]!r}'s: what follows is what a model learns"
    elif all(one.get("weight") == 0 for one in messages if one["role"] == "assistant"):
        yield "error", "nothing_to_learn", "every assistant's message has the weight 0: there is nothing to learn"
    twice = {first for first, second in pairwise(body) if first == second} - {"tool"}
    for role in sorted(twice):
        yield "warning", "role_order", f"{role!r} speaks twice in a row"


def _calls(messages: Sequence[Mapping[str, Any]], names: set[str] | None) -> _Found:
    """Tell of calls of tools that are not declared, calls without a result, and results without a call."""
    open_calls: dict[str, str] = {}
    for at, message in enumerate(messages):
        where = f"messages[{at}]"
        if message["role"] == "tool":
            if open_calls.pop(message["tool_call_id"], None) is None:
                yield "error", "stray_tool_result", f"{where} answers no call that is open"
            continue
        if open_calls:
            yield "error", "unanswered_tool_call", f"{where} comes before {', '.join(open_calls.values())} was answered"
            open_calls.clear()
        for call in message.get("tool_calls") or ():
            name = call["function"]["name"]
            open_calls[call["id"]] = name[:64]
            if names is None:
                yield "warning", "unknown_tool", f"{where} calls {name[:64]!r}, but 'tools' declares none"
            elif name not in names:
                yield "error", "unknown_tool", f"{where} calls {name[:64]!r}, which 'tools' does not declare"


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else ()
    return " ".join(part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str))

"""Says a call as a Messages request."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import Raw

from wye.adapters import Target, added, asks_to_think, cannot_express, json_instruction, left_out
from wye.adapters.anthropic_messages.conversation import Conversation, cached
from wye.adapters.anthropic_messages.same import WIRE, addressed, same_wire
from wye.adapters.anthropic_messages.schema import native_schema
from wye.adapters.anthropic_messages.tools import hosted_tools, searches
from wye.core.effort import CLAUDE_BUDGETS
from wye.core.request import Call, ChatRequest, Tool, ToolChoice
from wye.core.wire import WireRequest

_EXPRESSED: Final = frozenset({
    "parallel_tool_calls", "reasoning_budget", "reasoning_effort", "response_format", "stop", "temperature", "top_k",
    "top_p", "user", "web_search_options",
})  # fmt: skip
_DEFAULT_MAX_TOKENS: Final = 4096
_LEAST_BUDGET: Final = 1024

_encode = msgspec.json.Encoder().encode
_EMPTY_SCHEMA: Final = Raw(b'{"type":"object","properties":{}}')


def build_request(call: Call, target: Target) -> WireRequest:
    """Say a call as a Messages request; one in this wire format keeps its bytes except for the model's name."""
    if call.wire == WIRE:
        return same_wire(call, target)
    chat = call.chat
    # Thoughts are shown or not only where they are asked for.
    expressed = _EXPRESSED | {"reasoning_summary"} if asks_to_think(chat) else _EXPRESSED
    dropped = list(left_out(call, WIRE, expressed))
    emulated: list[str] = []
    said = Conversation(chat, dropped, emulated, drop=call.drop_unsupported)
    limit = chat.max_output_tokens or target.model.max_output_tokens or _DEFAULT_MAX_TOKENS
    body: dict[str, Any] = {"model": target.name, "max_tokens": limit, "messages": said.turns}
    _add_output_controls(body, chat, target, said.system, emulated)
    _add_thinking(body, chat, target, dropped)
    if said.system:
        body["system"] = said.system
    betas = _add_tools(body, call, target, dropped)
    optional = {
        "temperature": chat.temperature,
        "top_p": chat.top_p,
        "top_k": chat.top_k,
        "stop_sequences": chat.stop or None,
        "metadata": {"user_id": chat.user} if chat.user else None,
        "stream": True if call.stream else None,
    }
    body |= {name: value for name, value in optional.items() if value is not None}
    return addressed(
        _encode({**body, **added(call, dropped)}),
        call,
        target,
        headers={"anthropic-beta": ",".join(betas)} if betas else {},
        dropped=tuple(dict.fromkeys(dropped)),
        emulated=tuple(emulated),
    )


def _add_output_controls(
    body: dict[str, Any], chat: ChatRequest, target: Target, system: list[dict[str, Any]], emulated: list[str]
) -> None:
    """Add the form of the output, natively where the model can, else by instruction."""
    if (form := chat.response_format) is None:
        return
    able = form.schema is not None and "json-schema" in target.model.capabilities
    if able and (schema := native_schema(form.schema or Raw(b""))) is not None:
        body["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
    else:
        system.append({"type": "text", "text": json_instruction(form)})
        emulated.append("response_format")


def _add_thinking(body: dict[str, Any], chat: ChatRequest, target: Target, dropped: list[str]) -> None:
    """Add how much to think: as an effort for the models that think adaptively, else as a budget."""
    effort, budget = chat.reasoning_effort, chat.reasoning_budget
    if effort is None and budget is None:
        return
    if effort == "none" or budget == 0:
        body["thinking"] = {"type": "disabled"}
        return
    if "adaptive-thinking" in target.model.capabilities:
        body["thinking"] = {"type": "adaptive"}
        effort = _effort(budget) if effort is None else "low" if effort == "minimal" else effort
        body["output_config"] = {**body.get("output_config", {}), "effort": effort}
    elif _is_in_tool_loop_without_thoughts(body["messages"]):
        # The wire refuses to begin to think in the midst of a turn.
        dropped += _thinking_members(chat)
        return
    else:
        budget = max(_LEAST_BUDGET, budget if budget and budget > 0 else CLAUDE_BUDGETS.get(effort or "", 4096))
        body["thinking"] = {"type": "enabled", "budget_tokens": budget}
        if chat.max_output_tokens is None or body["max_tokens"] <= budget:
            body["max_tokens"] = max(body["max_tokens"], budget + _DEFAULT_MAX_TOKENS)
    if chat.reasoning_summary is not None:
        body["thinking"]["display"] = "omitted" if chat.reasoning_summary == "none" else "summarized"


def _thinking_members(chat: ChatRequest) -> Iterator[str]:
    for name in ("reasoning_effort", "reasoning_budget", "reasoning_summary"):
        if getattr(chat, name) is not None:
            yield name


def _effort(budget: int | None) -> str:
    """Say a budget as the effort whose own budget it is nearest to, from below."""
    return next((name for name in ("high", "medium") if (budget or 0) >= CLAUDE_BUDGETS[name]), "low")


def _is_in_tool_loop_without_thoughts(turns: list[dict[str, Any]]) -> bool:
    """Tell whether the last turn answers calls that were made without a thought the wire would know as its own."""
    if len(turns) < 2 or turns[-1]["role"] != "user" or turns[-2]["role"] != "assistant":
        return False
    if "tool_result" not in map(_type, turns[-1]["content"]):
        return False
    return _type(turns[-2]["content"][0]) not in {"thinking", "redacted_thinking"}


def _type(block: Any) -> str:
    return str(block["type"]) if isinstance(block, dict) else ""


def _add_tools(body: dict[str, Any], call: Call, target: Target, dropped: list[str]) -> list[str]:
    """Add functions and hosted tools; return the beta features that those need."""
    chat = call.chat
    hosted, betas = hosted_tools(chat.hosted_tools, target.model, call, dropped)
    if (options := chat.options.get("web_search_options")) is not None and not searches(hosted):
        if "web-search" in target.model.capabilities:
            more, _ = hosted_tools((options,), target.model, call, dropped)
            hosted += more
        elif not call.drop_unsupported:
            raise cannot_express("web_search_options", WIRE)
        else:
            dropped.append("web_search_options")
    tools = [*(_tool(tool) for tool in chat.tools), *hosted]
    if tools:
        body["tools"] = tools
        if choice := _tool_choice(chat.tool_choice, chat.parallel_tool_calls):
            body["tool_choice"] = choice
    return betas


def _tool(tool: Tool) -> dict[str, Any]:
    body: dict[str, Any] = {"name": tool.name, "input_schema": tool.parameters or _EMPTY_SCHEMA}
    if tool.description is not None:
        body["description"] = tool.description
    if tool.strict:
        body["strict"] = True
    return cached(body, tool.cache)


def _tool_choice(choice: ToolChoice | None, parallel: bool | None) -> dict[str, Any] | None:  # noqa: FBT001 - the parameter's own three values
    if choice is None and parallel is not False:
        return None
    mode = choice.mode if choice else "auto"
    body: dict[str, Any] = {"type": {"required": "any", "named": "tool"}.get(mode, mode)}
    if choice and choice.mode == "named":
        body["name"] = choice.name
    if parallel is False and mode != "none":
        body["disable_parallel_tool_use"] = True
    return body

"""Says how much a model is to think, in the words of its maker."""

from typing import Any, Final

from wye.adapters.bedrock_converse.content import Said
from wye.adapters.bedrock_converse.family import Family
from wye.core.effort import CLAUDE_BUDGETS
from wye.core.request import ChatRequest

_LEAST: Final = 1024
_ANSWER: Final = 4096
"""Tokens left for the answer beside the thoughts where the caller set no limit that leaves any."""


def add_reasoning(
    chat: ChatRequest, family: Family, limits: dict[str, Any], further: dict[str, Any], said: Said
) -> None:
    """Add to `further`, the model's own parameters, what the caller asks of its thinking."""
    effort, budget = chat.reasoning_effort, chat.reasoning_budget
    if effort is None and budget is None:
        return
    level = effort or _level(budget or 0)
    if family.thinking in {"adaptive", "budget"}:
        _add_thinking(chat, level, family, limits, further)
    elif family.thinking == "nova":
        further["reasoningConfig"] = _nova(level)
    elif family.thinking == "effort":
        further["reasoning_effort"] = _within_three(level)
    elif family.thinking == "config" and level != "none":
        further["reasoning_config"] = _within_three(level)
    elif level != "none":
        said.report(said.dropped, "reasoning_effort" if effort is not None else "reasoning_budget")
    if budget is not None and family.thinking in {"adaptive", "nova", "effort", "config"}:
        said.report(said.emulated, "reasoning_budget")


def _add_thinking(
    chat: ChatRequest, level: str, family: Family, limits: dict[str, Any], further: dict[str, Any]
) -> None:
    """Say it in Anthropic's words: as a level where the model finds its budget itself, else as a budget."""
    if level == "none":
        further["thinking"] = {"type": "disabled"}
    elif family.thinking == "adaptive":
        further["thinking"] = {"type": "adaptive", "display": _display(chat)}
        further["output_config"] = {"effort": "low" if level == "minimal" else level}
    else:
        _add_budget(chat.reasoning_budget or CLAUDE_BUDGETS.get(level, CLAUDE_BUDGETS["medium"]), limits, further)


def _add_budget(budget: int, limits: dict[str, Any], further: dict[str, Any]) -> None:
    """Set a budget; the limit of the whole answer includes it and has to be above."""
    budget = max(budget, _LEAST)
    further["thinking"] = {"type": "enabled", "budget_tokens": budget}
    if limits.get("maxTokens", 0) <= budget:
        limits["maxTokens"] = budget + (limits.get("maxTokens") or _ANSWER)


def _display(chat: ChatRequest) -> str:
    return "omitted" if chat.reasoning_summary == "none" else "summarized"


def _level(budget: int) -> str:
    if budget <= 0:
        return "none"
    return next((level for level in ("low", "medium", "high") if budget <= CLAUDE_BUDGETS[level]), "high")


def _within_three(effort: str) -> str:
    return {"none": "low", "minimal": "low", "xhigh": "high", "max": "high"}.get(effort, effort)


def _nova(effort: str) -> dict[str, Any]:
    if effort == "none":
        return {"type": "disabled"}
    return {"type": "enabled", "maxReasoningEffort": _within_three(effort)}

"""Says how much a model shall think, in the way its provider is asked for it."""

from typing import Any

from wye.adapters import Target
from wye.adapters.openai_chat.notes import Notes
from wye.core.effort import effort_of, nearest
from wye.core.request import ChatRequest


def add_reasoning(body: dict[str, Any], chat: ChatRequest, target: Target, notes: Notes) -> None:
    """Say effort, or a budget; a model that does not think is not asked to."""
    effort, budget, style = chat.reasoning_effort, chat.reasoning_budget, target.traits.reasoning_style
    if chat.reasoning_summary not in {None, "none"} and style != "object":
        notes.drop("reasoning_summary")  # thoughts are shown, or are not: the wire has no word for it
    if effort is None and budget is None:
        return
    if not target.model.reasons:
        if effort != "none" and budget != 0:
            notes.drop("reasoning_effort" if effort else "reasoning_budget")
        return
    if style == "object":
        asked: dict[str, Any] = {"max_tokens": budget} if effort is None and budget else {"effort": effort or "none"}
        body["reasoning"] = {**asked, "exclude": True} if chat.reasoning_summary == "none" else asked
        return
    if effort is None:
        effort = effort_of(budget or 0)
        notes.emulate("reasoning_budget")
    if style == "thinking":
        body["thinking"] = {"type": "disabled" if effort == "none" else "enabled"}
    elif style == "template":
        body["chat_template_kwargs"] = {"enable_thinking": effort != "none"}
    if effort != "none" or style == "effort":
        _add_word(body, effort, target, notes)


def _add_word(body: dict[str, Any], effort: str, target: Target, notes: Notes) -> None:
    words = target.model.reasoning_efforts or target.traits.reasoning_efforts
    if words:
        body["reasoning_effort"] = word = nearest(effort, words)
        if word != effort:
            notes.emulate("reasoning_effort")

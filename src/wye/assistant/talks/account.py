"""What is kept of an answer beside its text, in the form in which it is shown."""

from typing import Any, Final

from wye.assistant.talks.history import Fitted
from wye.core.usage import Usage
from wye.toolloop import Answered

_SHOWN: Final = 4_000
"""Characters of a tool's result that are kept with the answer."""


def content_of(answer: Answered) -> dict[str, Any]:
    """Return what an answer is beside its text."""
    response = answer.response
    choice = response.choices[0] if response.choices else None
    told: dict[str, Any] = {
        "reasoning": response.reasoning,
        "refusal": choice.refusal if choice is not None else None,
        "citations": [{"url": one.url, "title": one.title, "citedText": one.cited_text} for one in choice.citations]
        if choice is not None
        else [],
        "toolsCalled": [
            {
                "name": run.name,
                "success": not run.is_error,
                "arguments": run.arguments,
                "result": run.text[:_SHOWN],
                "round": run.round,
                "seconds": round(run.seconds, 3),
            }
            for run in answer.runs
        ],
        "toolCalls": [{"id": one.id, "name": one.name, "arguments": one.arguments} for one in answer.pending],
    }
    return {name: value for name, value in told.items() if value}


def account_of(answer: Answered, fitted: Fitted) -> dict[str, Any]:
    """Return what an answer took, in the form in which it is shown; `cost` is USD as a text."""
    told: dict[str, Any] = {
        "usage": usage_of(answer.usage),
        "cost": None if answer.cost is None else str(answer.cost),
        "attempts": answer.attempts,
        "finishReason": answer.finish_reason,
        "requestIds": list(answer.request_ids),
    }
    if fitted.truncated:
        told["context"] = {"truncated": fitted.truncated, "summarised": fitted.summary is not None}
    return {name: value for name, value in told.items() if value is not None}


def usage_of(usage: Usage | None) -> dict[str, Any] | None:
    """Return tokens in the form in which they are shown."""
    if usage is None:
        return None
    return {
        "inputTokens": usage.input_tokens,
        "outputTokens": usage.output_tokens,
        "totalTokens": usage.total_tokens,
        "cachedTokens": usage.cache_read_tokens,
        "reasoningTokens": usage.reasoning_tokens,
        "estimated": usage.estimated,
    }


def plain(value: Any) -> Any:
    """Return a value without U+0000, which PostgreSQL keeps in no text."""
    match value:
        case str():
            return value.replace("\0", "")
        case dict():
            return {name: plain(item) for name, item in value.items()}
        case list():
            return [plain(item) for item in value]
    return value

"""What came of a turn, whole and as events: those of `wye.gateway.api.answers`, and `start` and `toolResult`."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import field

from wye.assistant.talks.turn import Begun, Turn, TurnEvent
from wye.gateway.api.answers import CitationView, ToolCallView, UsageView, citation_view, error_event, usage_view
from wye.gateway.api.views import View
from wye.toolloop import (
    Answered,
    Cited,
    Failed,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolAnswered,
    ToolCalled,
    ToolRun,
)


class ToolRunView(View, frozen=True, kw_only=True):
    """A tool that was called; `arguments` is JSON text, `result` what the model was told, `seconds` what it took."""

    name: str
    success: bool
    arguments: str
    result: str
    round: int
    seconds: float


class FitView(View, frozen=True, kw_only=True):
    """How much of the conversation was sent: `truncated` earlier messages were not, or only as a summary.

    `pdfsAsText` PDFs were sent as their text, since the model reads none.
    """

    messages: int
    estimated_tokens: int
    truncated: int
    summarised: bool
    pdfs_as_text: int


class TurnView(View, frozen=True, kw_only=True):
    """An answer, who gave it and what it took; `cost` is USD with all rounds, `null` where it is unknown.

    `toolsCalled` were run, `toolCalls` were not: they are the caller's, or the rounds were over. `conversation` is
    where both sides are kept, `null` where they are not. `emulated` tells that the model cannot call tools by itself
    and was told of them in words.
    """

    success: bool
    response: str
    reasoning: str | None
    refusal: str | None
    model: str | None
    provider: str | None
    finish_reason: str | None
    usage: UsageView | None
    cost: Decimal | None
    estimated: bool
    attempts: int
    rounds: int
    tools_called: Sequence[ToolRunView]
    tool_calls: Sequence[ToolCallView]
    citations: Sequence[CitationView]
    emulated: bool
    dropped: Sequence[str]
    context: FitView
    conversation: str | None
    title: str | None
    user_message_id: str | None
    message_id: str | None
    request_id: str


class PlainUsageView(View, frozen=True, kw_only=True):
    """Tokens over all rounds, in the documents' names."""

    input_tokens: int = field(name="input_tokens")
    output_tokens: int = field(name="output_tokens")


class ChatView(View, frozen=True, kw_only=True):
    """An answer in the documents' form (`LLMResponse`), and who gave it; `cost` is USD, `null` where it is unknown."""

    content: str
    reasoning: str | None
    usage: PlainUsageView | None
    tools_called: Sequence[ToolRunView]
    tool_calls: Sequence[ToolCallView]
    citations: Sequence[CitationView]
    model: str | None
    provider: str | None
    finish_reason: str | None
    cost: Decimal | None
    attempts: int
    context: FitView
    request_id: str


def turn_view(turn: Turn, request_id: str) -> TurnView:
    """Return a turn as it is shown."""
    answer, response = turn.answer, turn.answer.response
    choice = response.choices[0] if response.choices else None
    return TurnView(
        success=True,
        response=response.content,
        reasoning=response.reasoning or None,
        refusal=choice.refusal if choice is not None else None,
        model=response.model or None,
        provider=response.provider or None,
        finish_reason=answer.finish_reason,
        usage=None if answer.usage is None else usage_view(answer.usage),
        cost=answer.cost,
        estimated=answer.estimated,
        attempts=answer.attempts,
        rounds=answer.rounds,
        tools_called=[run_view(run) for run in answer.runs],
        tool_calls=_pending(answer),
        citations=_citations(answer),
        emulated=answer.emulated,
        dropped=answer.dropped,
        context=_fit(turn),
        conversation=turn.conversation,
        title=turn.title,
        user_message_id=turn.user_message,
        message_id=turn.message,
        request_id=request_id,
    )


def chat_view(turn: Turn, request_id: str) -> ChatView:
    """Return a turn of a conversation that the caller keeps."""
    answer, response = turn.answer, turn.answer.response
    usage = answer.usage
    return ChatView(
        content=response.content,
        reasoning=response.reasoning or None,
        usage=None
        if usage is None
        else PlainUsageView(input_tokens=usage.input_tokens, output_tokens=usage.output_tokens),
        tools_called=[run_view(run) for run in answer.runs],
        tool_calls=_pending(answer),
        citations=_citations(answer),
        model=response.model or None,
        provider=response.provider or None,
        finish_reason=answer.finish_reason,
        cost=answer.cost,
        attempts=answer.attempts,
        context=_fit(turn),
        request_id=request_id,
    )


def run_view(run: ToolRun) -> ToolRunView:
    """Return a call that was run."""
    return ToolRunView(
        name=run.name,
        success=not run.is_error,
        arguments=run.arguments,
        result=run.text,
        round=run.round,
        seconds=round(run.seconds, 6),
    )


def _pending(answer: Answered) -> list[ToolCallView]:
    return [ToolCallView(id=one.id, name=one.name, arguments=one.arguments) for one in answer.pending]


def _citations(answer: Answered) -> list[CitationView]:
    choice = answer.response.choices[0] if answer.response.choices else None
    found = choice.citations if choice is not None else ()
    return [citation_view(one) for one in found]


def _fit(turn: Turn) -> FitView:
    fitted = turn.fitted
    return FitView(
        messages=len(fitted.messages),
        estimated_tokens=fitted.tokens,
        truncated=fitted.truncated,
        summarised=fitted.summary is not None,
        pdfs_as_text=turn.as_texts,
    )


def told(event: TurnEvent, request_id: str) -> Mapping[str, Any] | None:
    """Return the event that tells of what happened, `None` where there is nothing to tell yet."""
    match event:
        case Begun():
            return {"type": "start", "conversation": event.conversation, "requestId": request_id}
        case TextDelta(text):
            return {"type": "content", "text": text}
        case ReasoningDelta(text):
            return {"type": "reasoning", "text": text}
        case RefusalDelta(text):
            return {"type": "refusal", "text": text}
        case Cited(one):
            return {"type": "citation", "url": one.url, "title": one.title}
        case ToolCalled():
            called = {"id": event.id, "name": event.name, "arguments": event.arguments}
            return {"type": "toolCall", **called, "round": event.round, "pending": event.pending}
        case ToolAnswered(run):
            ran: dict[str, Any] = msgspec.to_builtins(run_view(run))
            return {"type": "toolResult", "id": run.id, **ran}
        case Failed():
            return error_event(event.error, request_id)
    return None

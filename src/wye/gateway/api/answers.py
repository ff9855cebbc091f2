"""Writes answers for the application API: camelCase JSON, and a stream of events that end with the whole account.

Events of a stream are JSON objects with a `type`: `content` and `reasoning` bring `text`, `toolCall` a piece of a call,
and `done` says who answered, why it ended and what it took. An `error` ends a stream that failed.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from wye.core.content import Citation
from wye.core.errors import WyeError
from wye.core.exchange import Exchange
from wye.core.request import Call
from wye.core.response import ModelResponse, StreamChunk
from wye.core.usage import Usage
from wye.gateway.api.views import View
from wye.surfaces import openai_chat

WIRE: Final = "application"
FORWARDED: Final[frozenset[bytes]] = frozenset()

_encode = msgspec.json.Encoder(decimal_format="number").encode


class UsageView(View, frozen=True, kw_only=True):
    """Tokens: `inputTokens` includes cached ones, `outputTokens` reasoning. `estimated` where nobody counted."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    estimated: bool


class ToolCallView(View, frozen=True, kw_only=True):
    """A call of a function; `arguments` is JSON text."""

    id: str
    name: str
    arguments: str


class CitationView(View, frozen=True, kw_only=True):
    """A source."""

    url: str | None
    title: str | None
    cited_text: str | None


class AccountView(View, frozen=True, kw_only=True):
    """Who answered, why the answer ended and what it took; `cost` is USD, `null` where it is unknown."""

    model: str | None
    provider: str | None
    finish_reason: str | None
    usage: UsageView | None
    cost: Decimal | None
    attempts: int
    request_id: str


class AnswerView(AccountView, frozen=True, kw_only=True):
    """A whole answer."""

    content: str
    reasoning: str | None
    refusal: str | None
    tool_calls: Sequence[ToolCallView]
    citations: Sequence[CitationView]


class DoneView(AccountView, frozen=True, kw_only=True, tag_field="type", tag="done"):
    """The last event of a stream that went well."""


class Told:
    """The surface of one exchange, whose account it tells at the end."""

    WIRE = WIRE
    FORWARDED = FORWARDED
    parse_request = staticmethod(openai_chat.parse_request)
    render_error = staticmethod(openai_chat.render_error)

    def __init__(self, exchange: Exchange) -> None:
        """Tell of `exchange`."""
        self._exchange = exchange

    def render_response(self, response: ModelResponse, call: Call, *, model: str, request_id: str) -> bytes:
        """Return a whole answer."""
        del call, model, request_id
        choice = response.choices[0] if response.choices else None
        view = AnswerView(
            content=response.content,
            reasoning=response.reasoning or None,
            refusal=choice.refusal if choice else None,
            tool_calls=[ToolCallView(id=one.id, name=one.name, arguments=one.arguments) for one in response.tool_calls],
            citations=[citation_view(one) for one in choice.citations] if choice else [],
            **_account(self._exchange, response.usage, response.finish_reason),
        )
        return _encode(view)

    def open_stream(self, call: Call, *, request_id: str) -> "ToldStream":
        """Begin to write a streamed answer."""
        del call, request_id
        return ToldStream(self._exchange)


class ToldStream:
    """Writes one streamed answer."""

    content_type: Final = "text/event-stream; charset=utf-8"

    def __init__(self, exchange: Exchange) -> None:
        """Tell of `exchange`; `model` is set by who sends."""
        self.model = ""
        self._exchange = exchange
        self._usage: Usage | None = None
        self._finish_reason: str | None = None

    def render(self, chunks: Iterable[StreamChunk]) -> bytes:
        """Return the events for `chunks`."""
        return b"".join(event(told) for chunk in chunks for told in self._events(chunk))

    def end(self) -> bytes:
        """Return the event that tells the account."""
        return event(DoneView(**_account(self._exchange, self._usage, self._finish_reason)))

    def fail(self, error: WyeError) -> bytes:
        """Return the event of an error, which is the last one."""
        return event(error_event(error, self._exchange.id))

    def comment(self, text: str) -> bytes:
        """Return a comment."""
        return f": {text}\n\n".encode()

    def _events(self, chunk: StreamChunk) -> Iterable[Mapping[str, Any]]:
        self._usage = chunk.usage or self._usage
        for choice in chunk.first:
            self._finish_reason = choice.finish_reason or self._finish_reason
            if choice.reasoning is not None and choice.reasoning.text:
                yield {"type": "reasoning", "text": choice.reasoning.text}
            if choice.content:
                yield {"type": "content", "text": choice.content}
            if choice.refusal:
                yield {"type": "refusal", "text": choice.refusal}
            for piece in choice.tool_calls:
                called = {"index": piece.index, "id": piece.id, "name": piece.name, "arguments": piece.arguments}
                yield {"type": "toolCall", **called}
            for citation in choice.citations:
                yield {"type": "citation", "url": citation.url, "title": citation.title}


def error_event(error: WyeError, request_id: str) -> dict[str, Any]:
    """Return the event of an error, which is the last one."""
    told: dict[str, Any] = msgspec.json.decode(openai_chat.render_error(error))
    return {"type": "error", **told, "requestId": request_id}


def _account(exchange: Exchange, usage: Usage | None, finish_reason: str | None) -> dict[str, Any]:
    attempt = exchange.attempt
    return {
        "model": attempt.model if attempt else None,
        "provider": attempt.provider if attempt else None,
        "finish_reason": finish_reason,
        "usage": None if usage is None else usage_view(usage),
        "cost": exchange.cost,
        "attempts": len(exchange.outcomes),
        "request_id": exchange.id,
    }


def usage_view(usage: Usage) -> UsageView:
    """Return tokens as they are shown."""
    return UsageView(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        total_tokens=usage.total_tokens,
        cached_tokens=usage.cache_read_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        estimated=usage.estimated,
    )


def citation_view(citation: Citation) -> CitationView:
    """Return a source as it is shown."""
    return CitationView(url=citation.url, title=citation.title, cited_text=citation.cited_text)


def event(value: object) -> bytes:
    """Return an event as it is sent."""
    return b"data: %b\n\n" % _encode(value)

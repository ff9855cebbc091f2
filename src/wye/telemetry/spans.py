"""Traces and metrics for OpenTelemetry: a span for each request, one below it for each call to a provider.

What is asked and answered is told only where the configuration wants that.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec
from opentelemetry.context import Context
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, format_trace_id, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from wye.core.content import Reasoning, Text, ToolCall, ToolResult
from wye.core.errors import BudgetExceededError, LimitExceededError, WyeError
from wye.core.exchange import Exchange
from wye.core.plan import Attempt, Outcome
from wye.core.response import ModelResponse, StreamChunk
from wye.telemetry import semconv

if TYPE_CHECKING:
    from opentelemetry.util.types import AttributeValue

Attributes = dict[str, "AttributeValue"]
_LONGEST_TEXT: Final = 256 * 1024
"""Characters of an answer that a span holds."""
_encode = msgspec.json.Encoder().encode
_propagator = TraceContextTextMapPropagator()


class Tracing:
    """Makes the spans and figures of exchanges and hands them to the providers it is given.

    `names` says what the conventions call a provider, by its id. With `content` spans hold what was asked and answered.
    """

    def __init__(
        self,
        spans: TracerProvider,
        figures: MeterProvider,
        *,
        names: Callable[[str], str] = str,
        content: bool = False,
        serves: bool = True,
    ) -> None:
        """Tell `spans` and `figures`; `serves` says that requests come from outside this process."""
        self._spans = spans
        self._figures = figures
        self._tracer = spans.get_tracer("wye")
        meter = figures.get_meter("wye")
        self.names = names
        self.content = content
        self.kind = SpanKind.SERVER if serves else SpanKind.INTERNAL
        self.tokens = meter.create_histogram(
            semconv.TOKEN_USAGE, "{token}", "Tokens a call took.",
            explicit_bucket_boundaries_advisory=semconv.TOKEN_BUCKETS,
        )  # fmt: skip
        self.duration = meter.create_histogram(
            semconv.OPERATION_DURATION, "s", "How long a call took.",
            explicit_bucket_boundaries_advisory=semconv.DURATION_BUCKETS,
        )  # fmt: skip
        self.first_chunk = meter.create_histogram(
            semconv.TIME_TO_FIRST_CHUNK, "s", "From a call's begin to its first content.",
            explicit_bucket_boundaries_advisory=semconv.FIRST_CHUNK_BUCKETS,
        )  # fmt: skip

        self.refused = meter.create_counter(
            semconv.REFUSED_REQUESTS, "{request}", "Requests that a limit or a budget did not let in."
        )

    def begin(self, exchange: Exchange) -> "RequestTrace":
        """Follow an exchange from its arrival on; below the caller's own span where it named one."""
        above: Context | None = None
        if exchange.traceparent is not None:
            above = _propagator.extract({"traceparent": exchange.traceparent})
        call, caller = exchange.call, exchange.caller
        operation = semconv.OPERATIONS.get(call.operation, call.operation)
        attributes: Attributes = {
            semconv.OPERATION_NAME: operation,
            semconv.REQUEST_MODEL: call.model,
            semconv.REQUEST_STREAM: call.stream,
            semconv.REQUEST_ID: exchange.id,
            semconv.SURFACE: call.wire,
            semconv.USER: caller.user,
        }
        told = {semconv.KEY: caller.key, semconv.TEAM: caller.team, semconv.CONVERSATION_ID: exchange.conversation}
        attributes.update({name: value for name, value in told.items() if value is not None})
        if self.content and call.operation == "chat" and (asked := _asked(exchange)) is not None:
            attributes[semconv.INPUT_MESSAGES] = asked
        span = self.start(operation, above, self.kind, exchange.at * 1000, attributes)
        return RequestTrace(self, span, operation, stream=call.stream)

    def start(self, name: str, above: Context | None, kind: SpanKind, at: int | None, attributes: Attributes) -> Span:
        """Begin a span."""
        return self._tracer.start_span(name, above, kind, attributes, start_time=at)

    def follow(self, exchange: Exchange, failure: BaseException | None) -> None:
        """See an exchange end."""
        if isinstance(failure, LimitExceededError | BudgetExceededError) and not exchange.admitted:
            self._count(failure)
        if isinstance(trace := exchange.trace, RequestTrace):
            trace.finish(exchange, failure)

    def _count(self, failure: LimitExceededError | BudgetExceededError) -> None:
        if (by := failure.refused_by) is not None:
            told = {semconv.REFUSED_BY: by.by, semconv.SCOPE: by.scope, semconv.MEASURE: by.measure}
            self.refused.add(1, told)

    def close(self) -> None:
        """Send what is left; may take a while, in which the caller waits."""
        self._spans.shutdown()
        self._figures.shutdown()

    async def aclose(self) -> None:
        """Send what is left."""
        await asyncio.to_thread(self.close)


class RequestTrace:
    """One request's spans."""

    __slots__ = ("_above", "_call", "_facts", "_operation", "_said", "_span", "_stream", "_tracing", "headers", "id")

    def __init__(self, tracing: Tracing, span: Span, operation: str, *, stream: bool) -> None:
        self._tracing = tracing
        self._span = span
        self._above = set_span_in_context(span)
        self._operation = operation
        self._stream = stream
        self._call: Span | None = None
        self._facts: Attributes = {}
        self._said = _Said() if tracing.content else None
        self.headers: Mapping[str, str] = {}
        self.id = format_trace_id(span.get_span_context().trace_id)

    def begin(self, attempt: Attempt) -> None:
        """Begin the span of a call, and say in headers what goes below it."""
        self._facts = {
            semconv.OPERATION_NAME: self._operation,
            semconv.PROVIDER_NAME: self._tracing.names(attempt.provider),
            semconv.REQUEST_MODEL: attempt.model,
        }
        attributes = {**self._facts, semconv.REQUEST_STREAM: self._stream, semconv.REASON: attempt.reason}
        name = f"{self._operation} {attempt.model}"
        self._call = self._tracing.start(name, self._above, SpanKind.CLIENT, None, attributes)
        headers: dict[str, str] = {}
        _propagator.inject(headers, set_span_in_context(self._call))
        self.headers = headers

    def end(self, outcome: Outcome) -> None:
        """End it, and count what it took."""
        span, self._call, tracing = self._call, None, self._tracing
        if span is None:
            return
        facts, usage = self._facts, outcome.usage
        failed = _failure(outcome.error, cancelled=outcome.cancelled)
        if failed is not None:
            facts = {**facts, semconv.ERROR_TYPE: failed}
            span.set_attribute(semconv.ERROR_TYPE, failed)
            span.set_status(Status(StatusCode.ERROR))
        tracing.duration.record(outcome.duration, facts)
        if outcome.first_token is not None:
            span.set_attribute(semconv.RESPONSE_TIME_TO_FIRST_CHUNK, outcome.first_token)
            tracing.first_chunk.record(outcome.first_token, facts)
        if outcome.finish_reason is not None:
            span.set_attribute(semconv.RESPONSE_FINISH_REASONS, (outcome.finish_reason,))
        if usage is not None:
            span.set_attributes({
                semconv.USAGE_INPUT_TOKENS: usage.input_tokens,
                semconv.USAGE_OUTPUT_TOKENS: usage.output_tokens,
                semconv.USAGE_CACHE_READ: usage.cache_read_tokens,
                semconv.USAGE_CACHE_CREATION: usage.cache_write_tokens,
                semconv.USAGE_REASONING: usage.reasoning_tokens,
            })  # fmt: skip
            tracing.tokens.record(usage.input_tokens, {**facts, semconv.TOKEN_TYPE: "input"})
            tracing.tokens.record(usage.output_tokens, {**facts, semconv.TOKEN_TYPE: "output"})
        span.end()

    def answered(self, response: ModelResponse) -> None:
        """Keep what was said, where that is to be seen."""
        if self._said is not None:
            self._said.whole(response)

    def said(self, chunks: Sequence[StreamChunk]) -> None:
        """Keep pieces of it."""
        if self._said is not None:
            self._said.pieces(chunks)

    def finish(self, exchange: Exchange, failure: BaseException | None) -> None:
        """End the request's own span."""
        span = self._span
        if exchange.attempt is not None:
            span.set_attribute(semconv.PROVIDER_NAME, self._tracing.names(exchange.attempt.provider))
            span.set_attribute(semconv.RESPONSE_MODEL, exchange.attempt.full_id)
        if exchange.cost is not None:
            span.set_attribute(semconv.COST_USD, float(exchange.cost))
        if exchange.cache is not None:
            span.set_attribute(semconv.CACHE, exchange.cache)
        if exchange.plan is not None and exchange.plan.strategy is not None:
            span.set_attribute(semconv.STRATEGY, exchange.plan.strategy)
        span.set_attribute(semconv.CALLS, len(exchange.outcomes))
        if (usage := exchange.usage) is not None:
            span.set_attribute(semconv.USAGE_INPUT_TOKENS, usage.input_tokens)
            span.set_attribute(semconv.USAGE_OUTPUT_TOKENS, usage.output_tokens)
        if self._said is not None and (text := self._said.text) is not None:
            span.set_attribute(semconv.OUTPUT_MESSAGES, text)
        if failure is not None:
            error = failure if isinstance(failure, WyeError) else None
            cancelled = isinstance(failure, asyncio.CancelledError | GeneratorExit)
            span.set_attribute(semconv.ERROR_TYPE, _failure(error, cancelled=cancelled) or type(failure).__name__)
            span.set_status(Status(StatusCode.ERROR))
        span.end()


def _failure(error: WyeError | None, *, cancelled: bool) -> str | None:
    """Return the code of what went wrong; messages may quote what a provider or caller said."""
    if cancelled:
        return "cancelled"
    return None if error is None else error.code


class _Said:
    """An answer as it is told by the conventions: its choices' texts and calls, up to a length."""

    def __init__(self) -> None:
        self._choices: dict[int, dict[str, Any]] = {}
        self._length = 0

    def whole(self, response: ModelResponse) -> None:
        for choice in response.choices:
            one = self._choice(choice.index)
            self._add(one, choice.content or "")
            one["reason"] = choice.finish_reason
            for call in choice.tool_calls:
                arguments = self._fitting(call.arguments)
                one["calls"][len(one["calls"])] = {"id": call.id, "name": call.name, "arguments": arguments}

    def pieces(self, chunks: Sequence[StreamChunk]) -> None:
        for chunk in chunks:
            for choice in chunk.choices:
                one = self._choice(choice.index)
                self._add(one, choice.content)
                one["reason"] = choice.finish_reason or one["reason"]
                for piece in choice.tool_calls:
                    call = one["calls"].setdefault(piece.index, {"id": None, "name": "", "arguments": ""})
                    call["id"] = call["id"] or piece.id
                    call["name"] = call["name"] or piece.name or ""
                    if piece.arguments:
                        call["arguments"] += self._fitting(piece.arguments)

    def _choice(self, index: int) -> dict[str, Any]:
        return self._choices.setdefault(index, {"texts": [], "calls": {}, "reason": None})

    def _add(self, one: dict[str, Any], text: str) -> None:
        if text := self._fitting(text):
            one["texts"].append(text)

    def _fitting(self, text: str) -> str:
        """Return as much of what was said as there is room left for."""
        text = text[: _LONGEST_TEXT - self._length]
        self._length += len(text)
        return text

    @property
    def text(self) -> str | None:
        if not self._choices:
            return None
        return _encode([
            {
                "role": "assistant",
                "parts": [
                    *([{"type": "text", "content": "".join(one["texts"])}] if one["texts"] else []),
                    *({"type": "tool_call", **call} for call in one["calls"].values()),
                ],
                "finish_reason": one["reason"],
            }
            for _, one in sorted(self._choices.items())
        ]).decode()  # fmt: skip


def _asked(exchange: Exchange) -> str | None:
    """Return the messages of a chat as the conventions write them; what is no text is only named."""
    try:
        messages = exchange.call.chat.messages
    except WyeError:
        return None  # whoever answers says what is wrong with them
    told = [{"role": message.role, "parts": [_part(part) for part in message.parts]} for message in messages]
    return _encode(told).decode()[:_LONGEST_TEXT]


def _part(part: Any) -> dict[str, Any]:
    match part:
        case Text():
            return {"type": "text", "content": part.text}
        case Reasoning():
            return {"type": "reasoning", "content": part.text}
        case ToolCall():
            return {"type": "tool_call", "id": part.id, "name": part.name, "arguments": part.arguments}
        case ToolResult():
            said = "".join(one.text for one in part.parts if isinstance(one, Text))
            return {"type": "tool_call_response", "id": part.call_id, "response": said}
        case _:
            return {"type": type(part).__name__.lower()}

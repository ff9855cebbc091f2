"""What an adapter read, in the oracle's own shape, so that the two can be compared as they are."""

import json
from collections.abc import Iterable

from tests.support.oracle import (
    Expected,
    ExpectedChoice,
    ExpectedToolCall,
    ExpectedUsage,
    arguments_of,
    stream_documents,
)
from tests.support.recordings import Recording

from wye.adapters import Adapter
from wye.core.errors import WyeError
from wye.core.response import ChoiceDelta, ModelResponse, StreamChunk
from wye.core.usage import Usage
from wye.core.wire import ServerEvent, StreamState
from wye.transport.framing import decoder


def observe(adapter: Adapter, recording: Recording) -> Expected:
    """Read a recording with an adapter, into the oracle's own shape."""
    if recording.streamed:
        return observe_stream(adapter, events_of(adapter, recording))
    try:
        return whole(adapter.parse_response(recording.response_body))
    except WyeError as error:
        return Expected([], None, error.message)


def events_of(adapter: Adapter, recording: Recording) -> list[ServerEvent]:
    body = recording.response_body
    if body.lstrip().startswith(b"["):
        # Nobody asked this one for events, as the adapter always does: an array of what would have been events.
        return [ServerEvent(json.dumps(document).encode()) for document in stream_documents(body)]
    framing = decoder(adapter.FRAMING)
    return [*framing.feed(body), *framing.close()]


def observe_stream(adapter: Adapter, events: Iterable[ServerEvent]) -> Expected:
    state = StreamState()
    chunks: list[StreamChunk] = []
    error = None
    try:
        for event in events:
            chunks += adapter.parse_event(event, state)
    except WyeError as raised:
        error = raised.message
    choices: dict[int, ExpectedChoice] = {}
    usage = None
    for chunk in chunks:
        usage = chunk.usage or usage
        for delta in chunk.choices:
            add(choices.setdefault(delta.index, ExpectedChoice(delta.index)), delta)
    for choice in choices.values():
        for call in choice.tool_calls:
            call.arguments = arguments_of(str(call.arguments))
    return Expected([choice for _, choice in sorted(choices.items())], counts(usage), error)


def add(choice: ExpectedChoice, delta: ChoiceDelta) -> None:
    choice.text += delta.content
    choice.reasoning += delta.reasoning.text if delta.reasoning else ""
    choice.refusal += delta.refusal or ""
    choice.finish_reason = delta.finish_reason or choice.finish_reason
    for piece in delta.tool_calls:
        while len(choice.tool_calls) <= piece.index:
            choice.tool_calls.append(ExpectedToolCall(None, "", ""))
        call = choice.tool_calls[piece.index]
        call.id = call.id or piece.id
        call.name = call.name or piece.name or ""
        call.arguments = str(call.arguments) + piece.arguments


def whole(response: ModelResponse) -> Expected:
    choices = [
        ExpectedChoice(
            index=choice.index,
            text=choice.content or "",
            reasoning="".join(piece.text for piece in choice.reasoning),
            refusal=choice.refusal or "",
            tool_calls=[ExpectedToolCall(c.id, c.name, arguments_of(c.arguments)) for c in choice.tool_calls],
            finish_reason=choice.finish_reason,
        )
        for choice in response.choices
    ]
    return Expected(choices, counts(response.usage))


def counts(usage: Usage | None) -> ExpectedUsage | None:
    if usage is None:
        return None
    return ExpectedUsage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        reasoning_tokens=usage.reasoning_tokens,
    )

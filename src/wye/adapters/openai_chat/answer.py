"""Reads answers, whole and streamed, of providers that speak this wire."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec
from msgspec import Raw, structs

from wye.adapters import count, decoded, made_call_id, tier_of
from wye.adapters.openai_chat.errors import parse_error
from wye.adapters.openai_chat.notes import WIRE
from wye.adapters.openai_chat.shapes import (
    NO_DETAILS,
    NULL,
    Body,
    BodyChoice,
    CalledFunction,
    CalledTool,
    Details,
    Message,
    Skimmed,
    UsageBlock,
)
from wye.adapters.openai_chat.thoughts import citations, signatures, sources, thoughts
from wye.core.content import Citation, FunctionCall, Reasoning, ToolCall
from wye.core.errors import MalformedResponseError
from wye.core.response import Choice, ChoiceDelta, ModelResponse, StreamChunk, ToolCallDelta
from wye.core.usage import Usage
from wye.core.wire import ServerEvent, StreamState

_decode_skim = msgspec.json.Decoder(Skimmed).decode
_decode = msgspec.json.Decoder(Body).decode
_TEXT: Final = b'"content":"'
_BACKSLASH: Final = ord("\\")
_BITS: Final = 21
"""As many as the number of a call has at most; in a slot that of its choice stands above it."""
_decode_any = msgspec.json.Decoder().decode
_NO_EXTRA: Final[dict[str, Raw]] = {}

FINISH_REASONS: Final[Mapping[str, str]] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "function_call": "tool_calls",
    "model_length": "length",
    "eos": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "end_turn": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "sensitive": "content_filter",
    "model_context_window_exceeded": "length",
    "insufficient_system_resource": "length",
    "network_error": "length",
    "error": "length",
}
"""Words providers use, in OpenAI's vocabulary; others are kept as they are. An answer broken off has a length."""


def parse_response(body: bytes) -> ModelResponse:
    """Read a chat completion."""
    data = _read(body)
    if _has_error(data):
        raise parse_error(500, {}, body)
    if data.choices is None:
        message = "the provider's answer holds no choices"
        raise MalformedResponseError(message)
    plain = True
    choices = []
    for position, item in enumerate(data.choices):
        index = position if item.index is None else item.index
        source = item.message or Message()
        text, reasoning = _content(source)
        plain = plain and not isinstance(source.content, list)
        calls = _calls(source)
        signed = signatures(source.reasoning_details) if source.reasoning_details else {}
        choices.append(
            Choice(
                index=index,
                content=text,
                reasoning=_reasoning(source, reasoning, calls),
                refusal=source.refusal,
                tool_calls=tuple(_call(call, data.id or "", index, at, signed) for at, call in enumerate(calls))
                if calls
                else (),
                citations=_citations(source, data) if position == 0 else (),
                finish_reason=_finish(item.finish_reason),
                extra=_extra(item, source),
            )
        )
    return ModelResponse(
        id=data.id or "",
        created=count(data.created),
        choices=tuple(choices),
        usage=_usage(data),
        extra=_beside(data),
        wire=WIRE,
        raw=body if plain else None,
        upstream_model=data.model or "",
    )


def skim_response(body: bytes) -> ModelResponse:
    """Read of a chat completion what the books need, for a caller who gets its bytes."""
    data = decoded(_decode_skim, body, "a chat completion")
    if data.error or data.object == "error" or data.choices is None:
        return parse_response(body)
    choices = []
    for choice in data.choices:
        if choice.message is not None and isinstance(choice.message.content, list):
            return parse_response(body)
        reason = choice.finish_reason
        choices.append(Choice(finish_reason=FINISH_REASONS.get(reason, reason) if reason else None))
    return ModelResponse(
        id=data.id or "",
        choices=tuple(choices),
        usage=_usage(data),
        wire=WIRE,
        raw=body,
        upstream_model=data.model or "",
    )


def parse_event(event: ServerEvent, state: StreamState) -> Iterable[StreamChunk]:
    """Read one event of a streamed chat completion."""
    payload = event.data
    if state.model and state.raw_events and (_fits(payload, state.frame) or _is_text_only(payload)):
        if state.frame is None:
            state.frame = _frame(payload)
        return (StreamChunk(wire=WIRE, raw=payload, upstream_model=state.model),)
    if payload == b"[DONE]":
        state.done = True
        return ()
    if payload.isspace() or not payload:
        return ()
    data = _read(payload)
    if event.name == "error" or _has_error(data):
        return _failed(data, payload)
    plain = True
    choices = []
    for position, item in enumerate(data.choices or ()):
        index = position if item.index is None else item.index
        source = item.delta or item.message or Message()
        text, reasoning = _content(source)
        plain = plain and not isinstance(source.content, list)
        finish = _finish(item.finish_reason)
        if finish:
            state.finish_seen = True
        calls = _calls(source)
        pieces = _reasoning(source, reasoning, calls)
        choices += [ChoiceDelta(index=index, reasoning=piece) for piece in pieces[:-1]]
        choices.append(
            ChoiceDelta(
                index=index,
                content=text or "",
                reasoning=pieces[-1] if pieces else None,
                refusal=source.refusal,
                tool_calls=_called(_deltas(source, calls, data.id or "", index) if calls else (), index, finish, state)
                if calls or state.bare_tools
                else (),
                citations=_citations(source, data if finish else None) if position == 0 else (),
                finish_reason=finish,
                extra=_extra(item, source),
            )
        )
    chunk = StreamChunk(
        choices=tuple(choices),
        usage=_usage(data),
        id=data.id or "",
        created=count(data.created),
        wire=WIRE,
        raw=payload if plain else None,
        upstream_model=data.model or "",
    )
    if not state.model and chunk.is_content:
        state.model = chunk.upstream_model
    return (chunk,)


def _frame(payload: bytes) -> tuple[bytes, bytes] | None:
    """Return what stands before and behind the text of an event that brings nothing else; `None` for odd texts."""
    start = payload.index(_TEXT) + len(_TEXT)
    end = payload.find(b'"', start)
    return None if end < 0 or payload[end - 1] == _BACKSLASH else (payload[:start], payload[end:])


def _fits(payload: bytes, frame: tuple[bytes, bytes] | None) -> bool:
    """Tell whether an event is like an earlier one but for its text, as nearly all events of a stream are."""
    if frame is None:
        return False
    before, behind = frame
    return (
        payload.startswith(before)
        and payload.endswith(behind)
        and payload.find(b'"', len(before)) == len(payload) - len(behind)  # no other member stands between
    )


def _is_text_only(payload: bytes) -> bool:
    """Tell, without decoding, whether an event of a stream under way brings a piece of answer and nothing else.

    Inside a JSON string these quotes would be escaped, so that what is found is a member. Whatever is spelled
    otherwise, with spaces say, is decoded.
    """
    return (
        b'"finish_reason":null' in payload
        and b'"finish_reason":"' not in payload
        and b'"usage":{' not in payload
        and b'"error"' not in payload
        and _TEXT in payload
        and payload.endswith(b"}")
    )


def _failed(data: Body, payload: bytes) -> Iterable[StreamChunk]:
    """Raise the error of an event; where it says what was used up, only after the chunk that tells."""
    error = parse_error(500, {}, payload)
    usage = _usage(data)
    if usage is None:
        raise error

    def used_then_failed() -> Iterator[StreamChunk]:
        yield StreamChunk(usage=usage, id=data.id or "", wire=WIRE, upstream_model=data.model or "")
        raise error

    return used_then_failed()


def _read(body: bytes) -> Body:
    return decoded(_decode, body, "a chat completion")


def _has_error(data: Body) -> bool:
    return bool(data.error) or data.object == "error"


def _content(message: Message) -> tuple[str | None, str]:
    """Return text and reasoning; Mistral's models that think send a list of parts."""
    reasoning = message.reasoning_content or (message.reasoning if isinstance(message.reasoning, str) else "")
    if not isinstance(message.content, list):
        return message.content, reasoning
    text = "".join(part.text or "" for part in message.content if part.type == "text")
    thoughts = "".join(_thought(part.thinking) for part in message.content if part.type == "thinking")
    return text, reasoning or thoughts


def _reasoning(message: Message, text: str, calls: list[CalledTool]) -> tuple[Reasoning, ...]:
    """Return the thoughts with what their provider wants back; where that has no text, the plain one goes first."""
    if not message.reasoning_details:
        return (Reasoning(text=text),) if text else ()
    pieces = thoughts(message.reasoning_details, frozenset(call.id for call in calls))
    if text and not any(piece.text for piece in pieces):
        return (Reasoning(text=text), *pieces)
    return pieces


def _citations(message: Message, data: Body | None) -> tuple[Citation, ...]:
    """Return the sources; those that stand beside an answer come with every event of its stream, and count once."""
    if message.annotations:
        return tuple(citations(message.annotations))
    if data is None or (_is_absent(data.citations) and _is_absent(data.search_results)):
        return ()
    return tuple(sources(_decode_any(data.search_results), _decode_any(data.citations)))


def _beside(data: Body) -> Mapping[str, Raw]:
    """Keep what searching providers say beside their choices."""
    if data.citations is NULL and data.search_results is NULL and data.related_questions is NULL:
        return _NO_EXTRA
    members = {
        "citations": data.citations, "search_results": data.search_results, "related_questions": data.related_questions,
    }  # fmt: skip
    return {name: value for name, value in members.items() if not _is_absent(value)}


def _is_absent(value: Raw) -> bool:
    return value is NULL or bytes(value) == b"null"


def _extra(choice: BodyChoice, message: Message) -> dict[str, Raw]:
    """Keep what no other wire has a word for: log probabilities, pictures and sounds."""
    if _is_absent(choice.logprobs) and message.images is NULL and message.audio is NULL:
        return _NO_EXTRA
    members = {"logprobs": choice.logprobs, "images": message.images, "audio": message.audio}
    return {name: value for name, value in members.items() if bytes(value) != b"null"}


def _thought(thinking: object) -> str:
    if isinstance(thinking, list):
        texts = (item.get("text") for item in thinking if isinstance(item, dict))
        return "".join(text for text in texts if isinstance(text, str))
    return thinking if isinstance(thinking, str) else ""


def _calls(message: Message) -> list[CalledTool]:
    """Return the tool calls; OpenAI's first form had one, without an id."""
    if message.tool_calls:
        return message.tool_calls
    return [CalledTool(function=message.function_call)] if message.function_call else []


def _arguments(arguments: str | dict[str, Raw] | None) -> str:
    """Return arguments as JSON text; some servers send the object itself."""
    if isinstance(arguments, dict):
        return msgspec.json.encode(arguments).decode()
    return arguments or ""


def _call(
    call: CalledTool, answer_id: str, choice: int, position: int, signed: Mapping[str, tuple[str, str]]
) -> ToolCall:
    function = call.function or CalledFunction()
    name, arguments = function.name or "", _arguments(function.arguments) or "{}"
    signature, origin = signed.get(call.id or "", (None, None))
    call_id = call.id or made_call_id(answer_id, choice, position)
    return ToolCall(call_id, FunctionCall(name, arguments), signature=signature, origin=origin)


def _deltas(message: Message, calls: list[CalledTool], answer_id: str, choice: int) -> tuple[ToolCallDelta, ...]:
    deltas = tuple(_call_delta(call, answer_id, choice, at) for at, call in enumerate(calls))
    if not message.reasoning_details or not (signed := signatures(message.reasoning_details)):
        return deltas
    return tuple(
        structs.replace(delta, signature=signed[delta.id][0], origin=signed[delta.id][1])
        if delta.id in signed
        else delta
        for delta in deltas
    )


def _called(
    deltas: tuple[ToolCallDelta, ...], choice: int, finish: str | None, state: StreamState
) -> tuple[ToolCallDelta, ...]:
    """Return the pieces of calls; with the end of a choice those that were given no arguments get the empty object.

    One that was cut off before its arguments stays without.
    """
    for delta in deltas:
        slot = choice << _BITS | delta.index
        if delta.name and slot not in state.slots:
            state.slots[slot] = delta.index
            state.bare_tools.add(slot)
        if delta.arguments:
            state.bare_tools.discard(slot)
    if finish is None or finish == "length":
        return deltas
    bare = sorted(slot for slot in state.bare_tools if slot >> _BITS == choice)
    state.bare_tools.difference_update(bare)
    return (*deltas, *(ToolCallDelta(index=state.slots[slot], arguments="{}") for slot in bare))


def _call_delta(call: CalledTool, answer_id: str, choice: int, position: int) -> ToolCallDelta:
    """Read a piece of a call; the one with the name is the first and has an id, if need be one of our making."""
    function = call.function or CalledFunction()
    index = position if call.index is None else call.index
    return ToolCallDelta(
        index=index,
        id=call.id or (made_call_id(answer_id, choice, index) if function.name else None),
        name=function.name or None,
        arguments=_arguments(function.arguments),
    )


def _finish(reason: str | None) -> str | None:
    return FINISH_REASONS.get(reason, reason) if reason else None


def _usage(data: Body | Skimmed) -> Usage | None:
    source = data.usage or (data.x_groq.usage if data.x_groq else None)
    if source is None or (source.prompt_tokens is None and source.completion_tokens is None):
        return None
    prompt = source.prompt_tokens_details or NO_DETAILS
    completion = source.completion_tokens_details or NO_DETAILS
    input_tokens, output_tokens, reasoning = _counts(source, prompt, completion)
    read = prompt.cached_tokens or source.prompt_cache_hit_tokens or source.num_cached_tokens or source.cached_tokens
    written = prompt.cache_write_tokens or source.cache_creation_input_tokens
    # Most answers have none of these, and every answer passes here.
    return Usage(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cache_read_tokens=count(read) if read else 0,
        cache_write_tokens=count(written) if written else 0,
        reasoning_tokens=reasoning,
        audio_input_tokens=count(prompt.audio_tokens) if prompt.audio_tokens else 0,
        audio_output_tokens=count(completion.audio_tokens) if completion.audio_tokens else 0,
        image_output_tokens=count(completion.image_tokens) if completion.image_tokens else 0,
        search_requests=_searches(source),
        reported_cost=None if source.cost is None else _reported_cost(source.cost),
        service=None if data.service_tier is None else tier_of(data.service_tier),
    )


def _searches(source: UsageBlock) -> int:
    """Return the searches the provider ran: Perplexity, xAI and OpenRouter each have a name of their own for them."""
    served = source.server_tool_use_details or source.server_tool_use
    searches = source.num_search_queries or source.num_sources_used or (served.web_search_requests if served else None)
    return count(searches) if searches else 0


def _counts(source: UsageBlock, prompt: Details, completion: Details) -> tuple[int, int, int]:
    """Return input, output and reasoning tokens.

    Where the total is more than the sum, some count something beside it: audio (Mistral), and otherwise reasoning (xAI,
    Gemini's imitation of this wire).
    """
    input_tokens, output_tokens = count(source.prompt_tokens), count(source.completion_tokens)
    thought = completion.reasoning_tokens or source.reasoning_tokens
    reasoning = count(thought) if thought else 0
    beside = count(source.total_tokens) - input_tokens - output_tokens
    if beside <= 0:
        return input_tokens, output_tokens, reasoning
    if beside == count(prompt.audio_tokens):
        return input_tokens + beside, output_tokens, reasoning
    return input_tokens, output_tokens + beside, max(reasoning, beside)


def _reported_cost(value: Any) -> Decimal | None:
    """Read the provider's own figure: a number (OpenRouter) or `{"total_cost": …}` (Perplexity), USD."""
    if isinstance(value, dict):
        value = value.get("total_cost")
    return Decimal(str(value)) if isinstance(value, int | float) and not isinstance(value, bool) else None

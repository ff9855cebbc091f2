"""Reads what generateContent answers: whole, in events, or as an error."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct, field

from wye.adapters import Index, count, decoded, made_call_id, says_too_long, tier_of
from wye.adapters.gemini.sources import Cited, Grounding, citations, searches
from wye.adapters.gemini.thoughts import WIRE
from wye.core.content import FunctionCall, Opaque, Reasoning, ToolCall
from wye.core.errors import (
    ContextLengthError,
    InvalidRequestError,
    MalformedResponseError,
    OverloadedError,
    ProviderAuthenticationError,
    ProviderModelMissingError,
    ProviderPermissionError,
    QuotaExceededError,
    RateLimitError,
    UpstreamError,
    UpstreamTimeoutError,
    WyeError,
    error_class,
)
from wye.core.hints import retry_after
from wye.core.response import Choice, ChoiceDelta, ModelResponse, StreamChunk, ToolCallDelta
from wye.core.usage import Usage
from wye.core.wire import ServerEvent, StreamState

_encode = msgspec.json.Encoder().encode
_NULL: Final = Raw(b"null")
_OWN: Final[Mapping[str, str]] = {
    "executable_code": "executableCode", "code_execution_result": "codeExecutionResult", "tool_call": "toolCall",
    "tool_response": "toolResponse",
}  # fmt: skip
"""Parts about tools that Google runs, which other wire formats have no words for."""


class _FunctionCall(Struct):
    name: str | None = None
    id: str | None = None
    args: Raw = Raw(b"{}")


class _Blob(Struct, rename="camel"):
    data: str = ""
    mime_type: str = ""


class _Part(Struct, rename="camel"):
    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: _FunctionCall | None = None
    inline_data: _Blob | None = None
    executable_code: Raw = _NULL
    code_execution_result: Raw = _NULL
    tool_call: Raw = _NULL
    tool_response: Raw = _NULL


class _Content(Struct):
    parts: list[_Part] | None = None


class _Token(Struct, rename="camel"):
    token: str = ""
    log_probability: float | None = None


class _TopTokens(Struct):
    candidates: list[_Token] | None = None


class _Logprobs(Struct, rename="camel"):
    chosen_candidates: list[_Token] | None = None
    top_candidates: list[_TopTokens] | None = None


class _Candidate(Struct, rename="camel"):
    index: Index | None = None
    content: _Content | None = None
    finish_reason: str | int | None = None
    logprobs_result: _Logprobs | None = None
    grounding_metadata: Grounding | None = None
    citation_metadata: Cited | None = None


class _Modality(Struct, rename="camel"):
    modality: str | int | None = None
    token_count: float | None = None


class _Usage(Struct, rename="camel"):
    prompt_token_count: float | None = None
    tool_use_prompt_token_count: float | None = None
    candidates_token_count: float | None = None
    thoughts_token_count: float | None = None
    cached_content_token_count: float | None = None
    prompt_tokens_details: list[_Modality] | None = None
    candidates_tokens_details: list[_Modality] | None = None
    tool_use_prompt_tokens_details: list[_Modality] | None = None
    cache_tokens_details: list[_Modality] | None = None
    service_tier: Any = None
    traffic_type: Any = None


class _Feedback(Struct, rename="camel"):
    block_reason: str | int | None = None


class _Body(Struct, rename="camel"):
    candidates: list[_Candidate] | None = None
    prompt_feedback: _Feedback | None = None
    usage_metadata: _Usage | None = None
    model_version: str | None = None
    response_id: str | None = None
    error: Any = None


_decode = msgspec.json.Decoder(_Body).decode

FINISH_REASONS: Final[Mapping[str | int, str]] = {
    "MAX_TOKENS": "length", "SAFETY": "content_filter", "RECITATION": "content_filter", "LANGUAGE": "content_filter",
    "BLOCKLIST": "content_filter", "PROHIBITED_CONTENT": "content_filter", "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter", "IMAGE_SAFETY": "content_filter", "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter", "MALFORMED_FUNCTION_CALL": "length", "UNEXPECTED_TOOL_CALL": "length",
    "TOO_MANY_TOOL_CALLS": "length", "MALFORMED_RESPONSE": "length", 2: "length", 3: "content_filter",
    4: "content_filter", 6: "content_filter", 7: "content_filter", 8: "content_filter",
}  # fmt: skip
"""The reasons that are not a plain stop, by name and, where Google's services agree on it, by number.

A call that could not be read broke the answer off: nobody should take what there is of it for the whole.
"""

_UNSPECIFIED: Final = frozenset({None, "", "FINISH_REASON_UNSPECIFIED", 0})
_AUDIO: Final[frozenset[str | int]] = frozenset({"AUDIO", 4})
_IMAGE: Final[frozenset[str | int]] = frozenset({"IMAGE", 2})


def _read(body: bytes) -> _Body:
    data = decoded(_decode, body, "a generateContent answer")
    if data.error:
        raise parse_error(500, {}, body)
    return data


def parse_response(body: bytes) -> ModelResponse:
    """Read an answer; a blocked prompt is a choice filtered for its content."""
    data = _read(body)
    choices = tuple(
        _choice(candidate, at, data.response_id or "") for at, candidate in enumerate(data.candidates or ())
    )
    if not choices:
        if not _is_blocked(data):
            message = "the provider's answer holds no candidates"
            raise MalformedResponseError(message)
        choices = (Choice(finish_reason="content_filter"),)
    return ModelResponse(
        id=data.response_id or "",
        choices=choices,
        usage=_usage(data.usage_metadata, _searched(data, data.model_version or "")),
        wire=WIRE,
        raw=body,
        upstream_model=data.model_version or "",
    )


def _is_blocked(data: _Body) -> bool:
    return data.prompt_feedback is not None and bool(data.prompt_feedback.block_reason)


def _choice(candidate: _Candidate, position: int, answer_id: str) -> Choice:
    """Put the pieces of a candidate together; a signature ends a piece of reasoning."""
    index = position if candidate.index is None else candidate.index
    pieces = tuple(_pieces(candidate, index, answer_id, 0))
    texts = [piece.content for piece in pieces if piece.content]
    calls = tuple(
        ToolCall(
            call.id or "",
            FunctionCall(call.name or "", call.arguments),
            signature=call.signature,
            origin=call.origin,
        )
        for piece in pieces
        for call in piece.tool_calls
    )
    extra = _logprobs(candidate.logprobs_result)
    if images := [image for piece in pieces for image in piece.extra.values()]:
        extra["images"] = Raw(b"[" + b",".join(bytes(image)[1:-1] for image in images) + b"]")
    return Choice(
        index=index,
        content="".join(texts) if texts or not calls else None,
        reasoning=_joined(piece.reasoning for piece in pieces if piece.reasoning),
        tool_calls=calls,
        citations=citations(candidate.grounding_metadata, candidate.citation_metadata, "".join(texts)),
        opaque=tuple(part for piece in pieces for part in piece.opaque),
        finish_reason=_finish(candidate.finish_reason, called=bool(calls)),
        extra=extra,
    )


def _joined(pieces: Iterable[Reasoning]) -> tuple[Reasoning, ...]:
    whole: list[Reasoning] = []
    text = ""
    for piece in pieces:
        text += piece.text
        if piece.signature:
            whole.append(Reasoning(text=text, signature=piece.signature, origin=WIRE))
            text = ""
    return (*whole, Reasoning(text=text)) if text else tuple(whole)


def _pieces(candidate: _Candidate, index: int, answer_id: str, calls: int) -> Iterator[ChoiceDelta]:
    """Read the parts of a candidate that are for the caller; `calls` is how many it has made before."""
    for part in (candidate.content.parts if candidate.content else None) or ():
        signature = part.thought_signature or None
        if part.function_call is not None:
            yield ChoiceDelta(
                index=index, tool_calls=(_call(part.function_call, calls, signature, (answer_id, index)),)
            )
            calls += 1
        elif part.inline_data is not None:
            url = f"data:{part.inline_data.mime_type};base64,{part.inline_data.data}"
            image = [{"type": "image_url", "image_url": {"url": url}}]
            yield ChoiceDelta(index=index, extra={"images": Raw(_encode(image))})
        elif part.thought and (part.text or signature):
            origin = WIRE if signature else None
            thought = Reasoning(text=part.text or "", signature=signature, origin=origin)
            yield ChoiceDelta(index=index, reasoning=thought)
        elif part.text or (part.text is not None and signature):
            reasoning = Reasoning(signature=signature, origin=WIRE) if signature else None
            yield ChoiceDelta(index=index, content=part.text, reasoning=reasoning)
        elif (own := _own(part, signature)) is not None:
            yield ChoiceDelta(index=index, opaque=(own,))


def _own(part: _Part, signature: str | None) -> Opaque | None:
    for name, written in _OWN.items():
        if bytes(raw := getattr(part, name)) != b"null":
            signed = {"thoughtSignature": signature} if signature else {}
            return Opaque(wire=WIRE, raw=Raw(_encode({written: raw, **signed})))
    return None


def _call(call: _FunctionCall, number: int, signature: str | None, answer: tuple[str, int]) -> ToolCallDelta:
    answer_id, index = answer
    arguments = bytes(call.args).decode()
    return ToolCallDelta(
        index=number,
        id=call.id or made_call_id(answer_id, index, number),
        name=call.name or "",
        arguments="{}" if arguments == "null" else arguments,
        signature=signature,
        origin=WIRE if signature else None,
    )


def _finish(reason: str | int | None, *, called: bool) -> str | None:
    if reason in _UNSPECIFIED or reason is None:
        return None
    return FINISH_REASONS.get(reason, "tool_calls" if called else "stop")


def _logprobs(result: _Logprobs | None) -> dict[str, Raw]:
    """Say log probabilities in OpenAI's form."""
    if result is None:
        return {}
    tops = result.top_candidates or ()
    content = [
        {
            **_token(chosen),
            "top_logprobs": [_token(top) for top in (tops[at].candidates if at < len(tops) else ()) or ()],
        }
        for at, chosen in enumerate(result.chosen_candidates or ())
    ]
    return {"logprobs": Raw(_encode({"content": content}))}


def _token(token: _Token) -> dict[str, Any]:
    return {"token": token.token, "logprob": token.log_probability, "bytes": list(token.token.encode())}


def _usage(source: _Usage | None, searched: int = 0) -> Usage | None:
    """Count the thoughts as output and the results of the provider's own tools as input."""
    if source is None or source == _Usage(service_tier=source.service_tier, traffic_type=source.traffic_type):
        return None  # nothing was counted yet, or nothing ever
    reasoning = count(source.thoughts_token_count)
    heard = (*(source.prompt_tokens_details or ()), *(source.tool_use_prompt_tokens_details or ()))
    return Usage(
        input_tokens=count(source.prompt_token_count) + count(source.tool_use_prompt_token_count),
        output_tokens=count(source.candidates_token_count) + reasoning,
        cache_read_tokens=count(source.cached_content_token_count),
        reasoning_tokens=reasoning,
        audio_input_tokens=_of(_AUDIO, heard),
        cache_read_audio_tokens=_of(_AUDIO, source.cache_tokens_details),
        audio_output_tokens=_of(_AUDIO, source.candidates_tokens_details),
        image_output_tokens=_of(_IMAGE, source.candidates_tokens_details),
        search_requests=searched,
        service=_service(source),
    )


_TRAFFIC: Final = {0: "unspecified", 1: "on_demand", 2: "provisioned_throughput"}
"""Vertex AI's kinds of traffic where it answers with their numbers."""


def _service(source: _Usage) -> str | None:
    told = source.service_tier if source.service_tier is not None else source.traffic_type
    return tier_of(_TRAFFIC.get(told, f"traffic_{told}") if isinstance(told, int) else told)


def _of(modality: frozenset[str | int], details: Iterable[_Modality] | None) -> int:
    return sum(count(item.token_count) for item in details or () if item.modality in modality)


def _searched(data: _Body, model: str) -> int:
    return sum(searches(candidate.grounding_metadata, model) for candidate in data.candidates or ())


def parse_event(event: ServerEvent, state: StreamState) -> Iterable[StreamChunk]:
    """Read one event of a streamed answer.

    The wire has no end marker, and some models give a finish reason with every event: the stream ends with its body.
    """
    data = _read(event.data)
    state.id = state.id or data.response_id or ""
    state.model = data.model_version or state.model
    deltas = [delta for at, candidate in enumerate(data.candidates or ()) for delta in _deltas(candidate, at, state)]
    blocked = not data.candidates and _is_blocked(data)
    if blocked:
        deltas = [ChoiceDelta(finish_reason="content_filter")]
    state.finish_seen = (bool(state.slots) and not state.unfinished) or blocked
    state.usage["searches"] = max(state.usage.get("searches", 0), _searched(data, state.model))
    usage = _usage(data.usage_metadata, state.usage["searches"])
    if state.raw_events:
        return [_chunk(state, tuple(deltas), usage, raw=event.data, event=event.name)]
    chunks = [_chunk(state, (delta,)) for delta in deltas]
    if usage:
        last = chunks.pop() if chunks else _chunk(state)
        chunks.append(msgspec.structs.replace(last, usage=usage))
    return chunks


def _chunk(
    state: StreamState,
    choices: tuple[ChoiceDelta, ...] = (),
    usage: Usage | None = None,
    raw: bytes | None = None,
    event: str | None = None,
) -> StreamChunk:
    return StreamChunk(
        choices=choices, usage=usage, id=state.id, wire=WIRE, upstream_model=state.model, raw=raw, event=event
    )


def _deltas(candidate: _Candidate, position: int, state: StreamState) -> Iterator[ChoiceDelta]:
    index = position if candidate.index is None else candidate.index
    state.unfinished.add(index)
    calls = state.slots.setdefault(index, 0)
    for piece in _pieces(candidate, index, state.id, calls):
        state.slots[index] += len(piece.tool_calls)
        if not piece.content.isascii():
            state.usage[f"wide {index}"] = 1
        yield piece
    finish = _finish(candidate.finish_reason, called=state.slots[index] > 0)
    if finish is not None:
        state.unfinished.discard(index)
    ascii_only = f"wide {index}" not in state.usage
    cited = citations(candidate.grounding_metadata, candidate.citation_metadata, ascii_only=ascii_only)
    if finish is not None or candidate.logprobs_result is not None or cited:
        extra = _logprobs(candidate.logprobs_result)
        yield ChoiceDelta(index=index, citations=cited, finish_reason=finish, extra=extra)


class _Violation(Struct, rename="camel"):
    quota_id: str = ""


class _Detail(Struct, rename="camel"):
    """Google's error details of all kinds, laid over one another."""

    reason: str = ""
    retry_delay: str = ""
    violations: list[_Violation] = field(default_factory=list)


class _Error(Struct):
    message: str = ""
    status: str = ""
    code: int = 0
    details: list[_Detail] = field(default_factory=list)


class _ErrorBody(Struct):
    error: _Error


_decode_error = msgspec.json.Decoder(_ErrorBody | list[_ErrorBody]).decode

_BY_STATUS: Final[Mapping[str, type[WyeError]]] = {
    "INVALID_ARGUMENT": InvalidRequestError,
    "OUT_OF_RANGE": InvalidRequestError,
    "FAILED_PRECONDITION": ProviderPermissionError,
    "UNAUTHENTICATED": ProviderAuthenticationError,
    "PERMISSION_DENIED": ProviderPermissionError,
    "NOT_FOUND": ProviderModelMissingError,
    "RESOURCE_EXHAUSTED": RateLimitError,
    "CANCELLED": UpstreamError,
    "ABORTED": UpstreamError,
    "INTERNAL": UpstreamError,
    "UNAVAILABLE": OverloadedError,
    "DEADLINE_EXCEEDED": UpstreamTimeoutError,
}
"""https://ai.google.dev/gemini-api/docs/troubleshooting; a failed precondition is a region or a missing plan."""

_SECONDS: Final = re.compile(r"(\d+(?:\.\d+)?)s")


def parse_error(status: int, headers: Mapping[str, str], body: bytes) -> WyeError:
    """Read a refused request; an endpoint that streams may wrap its error in a list."""
    try:
        data = _decode_error(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        data = []
    first = (data[0] if data else None) if isinstance(data, list) else data
    error = first.error if first else _Error()
    kind = _BY_STATUS.get(error.status) or error_class(error.code if 400 <= error.code < 600 else status)
    delays = (_SECONDS.fullmatch(detail.retry_delay) for detail in error.details)
    delay = next((float(found[1]) for found in delays if found), None)
    kind = _exactly(kind, error)
    return kind(
        error.message or f"the provider answered with status {status}",
        retry_after=delay if delay is not None else retry_after(headers, kind, error.message),
        upstream_status=status,
    )


def _exactly(kind: type[WyeError], error: _Error) -> type[WyeError]:
    """Tell apart what shares a status: keys and long prompts from bad requests, a day's quota from a minute's."""
    lowered = error.message.lower()
    if kind is InvalidRequestError:
        if any(detail.reason.startswith("API_KEY_") for detail in error.details) or lowered.startswith("api key"):
            return ProviderAuthenticationError
        if says_too_long(error.message):
            return ContextLengthError
    quotas = [violation.quota_id for detail in error.details for violation in detail.violations]
    if kind is RateLimitError and any("PerDay" in quota for quota in quotas):
        return QuotaExceededError
    return kind

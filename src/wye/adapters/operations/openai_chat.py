"""Embeddings, reranking, images, audio and moderation as servers of OpenAI's form speak them.

Shapes: https://platform.openai.com/docs/api-reference/embeddings, /images, /audio and /moderations. Reranking is not
OpenAI's: servers of this form speak Jina's (https://jina.ai/reranker, llama.cpp, vLLM), whose request is Cohere's.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec
from msgspec import Struct

from wye.adapters import Target, cannot_express, count, decoded, texts_of
from wye.core.errors import InvalidRequestError, MalformedResponseError
from wye.core.operations import (
    EmbeddingsAnswer,
    EmbeddingsRequest,
    ForwardedAnswer,
    ForwardedRequest,
    OperationCall,
    RankedDocument,
    RerankAnswer,
    RerankRequest,
    from_base64,
)
from wye.core.request import Operation
from wye.core.usage import Usage
from wye.core.wire import WireRequest, splice

WIRE: Final = "openai_embeddings"
_FEATURES: Final = "/feature-extraction"

_PATHS: Final[dict[Operation, str]] = {
    "embeddings": "/embeddings",
    "rerank": "/rerank",
    "image_generation": "/images/generations",
    "image_edit": "/images/edits",
    "transcription": "/audio/transcriptions",
    "translation": "/audio/translations",
    "speech": "/audio/speech",
    "moderation": "/moderations",
}


class _Details(Struct):
    audio_tokens: int | float | None = None
    image_tokens: int | float | None = None
    cached_tokens: int | float | None = None


class _Usage(Struct):
    """OpenAI's counts by every name: `prompt_tokens` for embeddings, `input_tokens` for images and speech."""

    prompt_tokens: int | float | None = None
    completion_tokens: int | float | None = None
    input_tokens: int | float | None = None
    output_tokens: int | float | None = None
    total_tokens: int | float | None = None
    input_tokens_details: _Details | None = None
    input_token_details: _Details | None = None
    output_tokens_details: _Details | None = None
    prompt_tokens_details: _Details | None = None
    seconds: int | float | None = None
    prompt_audio_seconds: int | float | None = None
    cost: Any = None
    cost_in_usd_ticks: int | float | None = None


class _Vector(Struct):
    index: int | None = None
    embedding: msgspec.Raw = msgspec.Raw(b"null")


class _Embeddings(Struct):
    data: list[_Vector] | None = None
    model: str | None = None
    id: str | None = None
    usage: _Usage | None = None


class _Ranked(Struct):
    index: int
    relevance_score: float | None = None
    score: float | None = None


class _Rerank(Struct):
    results: list[_Ranked] | None = None
    data: list[_Ranked] | None = None
    model: str | None = None
    id: str | None = None
    usage: _Usage | None = None


class _Any(Struct):
    """What an answer that is passed on may tell of its usage."""

    usage: _Usage | None = None
    data: list[Any] | None = None
    duration: float | None = None
    model: str | None = None


_decode_embeddings = msgspec.json.Decoder(_Embeddings).decode
_decode_rerank = msgspec.json.Decoder(list[_Ranked] | _Rerank).decode
_decode_vector = msgspec.json.Decoder(str | list[float]).decode
_decode_vectors = msgspec.json.Decoder(list[list[float]]).decode
_decode_any = msgspec.json.Decoder(_Any).decode


def build_embeddings(call: OperationCall[EmbeddingsRequest], target: Target) -> tuple[WireRequest, ...]:
    """Send the caller's bytes on with the provider's name for the model, or the texts to a feature extraction."""
    path = _path(call.operation, target)
    if path.endswith(_FEATURES):
        return _features(call, path)
    changes: dict[str, Any] = {"model": target.name}
    asked, drop = call.request, frozenset[str]()
    if asked.dimensions is not None and target.traits.dimensions_field != "dimensions":
        changes[target.traits.dimensions_field], drop = asked.dimensions, frozenset({"dimensions"})
    return (_request(call, target, changes, drop),)


def _features(call: OperationCall[EmbeddingsRequest], path: str) -> tuple[WireRequest, ...]:
    """Say the call as Hugging Face's task "feature extraction", which has no name for a length or a purpose.

    https://huggingface.co/docs/inference-providers/tasks/feature-extraction
    """
    asked = call.request
    dropped = tuple(name for name in ("dimensions", "input_type", "user") if getattr(asked, name) is not None)
    if asked.dimensions is not None and not call.drop_unsupported:
        raise cannot_express("dimensions", "feature-extraction")
    body = msgspec.json.encode({**asked.extra, "inputs": texts_of(call, "feature-extraction")})
    return (WireRequest(path=path, body=body, dropped=dropped),)


def parse_embeddings(
    body: bytes, headers: Mapping[str, str], call: OperationCall[EmbeddingsRequest]
) -> EmbeddingsAnswer:
    """Read a list of embeddings; the vectors are left alone where the caller reads this very form."""
    del headers
    if body.lstrip().startswith(b"["):
        vectors = decoded(_decode_vectors, body, "a list of vectors")
        return EmbeddingsAnswer(vectors=tuple(vectors))
    data = decoded(_decode_embeddings, body, "a list of embeddings")
    if data.data is None:
        raise MalformedResponseError("the provider's answer holds no embeddings")
    rows = data.data
    text = call.request.encoding == "base64"
    passes = call.wire == WIRE and bool(data.model) and all(_is_text(row.embedding) == text for row in rows)
    found: tuple[Sequence[float], ...] = ()
    if not (call.raw_events and passes):
        ordered = sorted(enumerate(rows), key=lambda at: at[0] if at[1].index is None else at[1].index)
        found = tuple(_vector(row.embedding) for _, row in ordered)
    return EmbeddingsAnswer(
        id=data.id or "",
        vectors=found,
        usage=_usage(data.usage),
        wire=WIRE,
        raw=body if passes else None,
        upstream_model=data.model or "",
    )


def _is_text(raw: msgspec.Raw) -> bool:
    return bytes(memoryview(raw)[:1]) == b'"'


def _vector(raw: msgspec.Raw) -> Sequence[float]:
    value = decoded(_decode_vector, bytes(raw), "a vector")
    try:
        return from_base64(value) if isinstance(value, str) else value
    except ValueError as error:
        raise MalformedResponseError(f"the provider's vector is not base64 of 32-bit floats: {error}") from None


def build_rerank(call: OperationCall[RerankRequest], target: Target) -> tuple[WireRequest, ...]:
    """Send the caller's bytes on with the provider's name for the model."""
    return (_request(call, target, {"model": target.name}),)


def parse_rerank(body: bytes, headers: Mapping[str, str], call: OperationCall[RerankRequest]) -> RerankAnswer:
    """Read a ranking: Jina's `results`, `data` with a `score` as some have it, or a bare list (TEI)."""
    del headers, call
    data = decoded(_decode_rerank, body, "a ranking")
    if isinstance(data, list):
        data = _Rerank(results=data)
    rows = data.results if data.results is not None else data.data
    if rows is None:
        raise MalformedResponseError("the provider's answer holds no ranking")
    return RerankAnswer(
        id=data.id or "",
        results=tuple(
            RankedDocument(index=row.index, relevance_score=row.relevance_score or row.score or 0.0) for row in rows
        ),
        usage=_usage(data.usage),
        upstream_model=data.model or "",
    )


def build_forwarded(call: OperationCall[ForwardedRequest], target: Target) -> tuple[WireRequest, ...]:
    """Send the body on as it is, with the provider's name for the model."""
    asked = call.request
    if asked.content_type.startswith("application/json"):
        return (_request(call, target, {"model": target.name}),)
    body = call.body
    if asked.model_at is not None:
        start, end = asked.model_at
        body = b"".join((body[:start], target.name.encode(), body[end:]))
    headers = {"content-type": asked.content_type}
    return (WireRequest(path=_path(call.operation, target), body=body, headers=headers),)


def parse_forwarded(body: bytes, headers: Mapping[str, str], call: OperationCall[ForwardedRequest]) -> ForwardedAnswer:
    """Read the usage an answer tells, in JSON or in the last of its events; sound and text tell none."""
    told = _last_event(body) if body.startswith((b"data:", b"event:")) else body
    data: _Any | None = None
    if told.lstrip().startswith(b"{"):
        try:
            data = _decode_any(told)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            data = None
    usage = _usage(data.usage) if data else None
    if usage is None:
        usage = _by_measure(call, data)
    kind = headers.get("content-type", "application/octet-stream")
    return ForwardedAnswer(
        body=body, content_type=kind, usage=usage, upstream_model=(data.model if data else None) or ""
    )


def _by_measure(call: OperationCall[ForwardedRequest], data: _Any | None) -> Usage | None:
    """Return what can be counted from outside where the provider counts nothing: pictures, seconds, characters."""
    if call.operation == "speech" and call.request.characters:
        return Usage(characters=call.request.characters)
    if data is None:
        return None
    if call.operation in {"image_generation", "image_edit"} and data.data:
        return Usage(images=len(data.data))
    if call.operation in {"transcription", "translation"} and data.duration:
        return Usage(audio_seconds=_seconds(data.duration))
    return None


def _last_event(body: bytes) -> bytes:
    """Return the data of the last event that tells of usage."""
    lines = (line[5:].strip() for line in body.splitlines() if line.startswith(b"data:"))
    return next((data for data in reversed(list(lines)) if b'"usage"' in data), b"")


def _request(
    call: OperationCall[Any], target: Target, changes: dict[str, Any], drop: frozenset[str] = frozenset()
) -> WireRequest:
    try:
        body = splice(call.body, {name: msgspec.json.encode(value) for name, value in changes.items()}, drop)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f"the request body is not valid JSON: {error}"
        raise InvalidRequestError(message, code="invalid_json") from None
    return WireRequest(path=_path(call.operation, target), body=body)


def _path(operation: Operation, target: Target) -> str:
    return target.path(operation, _PATHS[operation])


def _usage(source: _Usage | None) -> Usage | None:
    if source is None:
        return None
    inputs = source.prompt_tokens if source.prompt_tokens is not None else source.input_tokens
    outputs = source.completion_tokens if source.completion_tokens is not None else source.output_tokens
    cost = _reported(source)
    seconds = source.seconds or source.prompt_audio_seconds
    if inputs is None and outputs is None and source.total_tokens is not None:
        inputs = source.total_tokens  # Jina's ranking and some embeddings have nothing else
    if inputs is None and outputs is None and seconds is None and cost is None:
        return None
    details = source.input_tokens_details or source.input_token_details or source.prompt_tokens_details or _Details()
    drawn = source.output_tokens_details or _Details()
    return Usage(
        input_tokens=count(inputs),
        output_tokens=count(outputs),
        cache_read_tokens=count(details.cached_tokens),
        audio_input_tokens=count(details.audio_tokens),
        image_input_tokens=count(details.image_tokens),
        image_output_tokens=count(drawn.image_tokens),
        audio_seconds=Decimal(0) if inputs else _seconds(seconds),
        reported_cost=cost,
    )


def _seconds(value: float | None) -> Decimal:
    if value is None or not 0 < value < _LONGEST_SECONDS:
        return Decimal(0)
    return Decimal(str(value))


_LONGEST_SECONDS: Final = 10**7
_TICKS_PER_USD: Final = Decimal(10**10)


def _reported(source: _Usage) -> Decimal | None:
    """Read the provider's own figure: `cost` in USD (OpenRouter), or ticks of 10**-10 USD (xAI)."""
    if isinstance(source.cost, int | float) and not isinstance(source.cost, bool):
        return Decimal(str(source.cost))
    return None if source.cost_in_usd_ticks is None else Decimal(str(source.cost_in_usd_ticks)) / _TICKS_PER_USD

"""Embeddings as Ollama speaks them: https://docs.ollama.com/api/embed."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from wye.adapters import Target, count, decoded, texts_of
from wye.core.errors import MalformedResponseError
from wye.core.operations import EmbeddingsAnswer, EmbeddingsRequest, OperationCall
from wye.core.usage import Usage
from wye.core.wire import WireRequest

WIRE: Final = "ollama_chat"


class _Answer(Struct):
    embeddings: list[list[float]] | None = None
    embedding: list[float] | None = None
    model: str | None = None
    prompt_eval_count: int | float | None = None


_decode = msgspec.json.Decoder(_Answer).decode


def build_embeddings(call: OperationCall[EmbeddingsRequest], target: Target) -> tuple[WireRequest, ...]:
    """Send all texts at once."""
    asked = call.request
    body: dict[str, Any] = {**asked.extra, "model": target.name, "input": texts_of(call, WIRE)}
    if asked.dimensions is not None:
        body["dimensions"] = asked.dimensions
    dropped = tuple(name for name in ("user", "input_type") if getattr(asked, name) is not None)
    path = target.path("embeddings", "/api/embed")
    return (WireRequest(path=path, body=msgspec.json.encode(body), dropped=dropped),)


def parse_embeddings(
    body: bytes, headers: Mapping[str, str], call: OperationCall[EmbeddingsRequest]
) -> EmbeddingsAnswer:
    """Read vectors, or the one of the older `/api/embeddings`, which counts no tokens."""
    del headers, call
    data = decoded(_decode, body, "an answer of Ollama's with embeddings")
    vectors = data.embeddings
    if vectors is None and data.embedding is not None:
        vectors = [data.embedding]
    if vectors is None:
        raise MalformedResponseError("the provider's answer holds no embeddings")
    tokens = data.prompt_eval_count
    return EmbeddingsAnswer(
        vectors=tuple(vectors),
        usage=None if tokens is None else Usage(input_tokens=count(tokens)),
        upstream_model=data.model or "",
    )

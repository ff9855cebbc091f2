"""Embeddings as the Gemini API and Vertex AI speak them, three forms of which the path tells.

Shapes: https://ai.google.dev/api/embeddings (`:batchEmbedContents`, `:embedContent`) and
https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api (`:predict`).
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from wye.adapters import Target, count, decoded, texts_of
from wye.core.errors import MalformedResponseError
from wye.core.operations import EmbeddingsAnswer, EmbeddingsRequest, InputType, OperationCall
from wye.core.usage import Usage
from wye.core.wire import WireRequest

WIRE: Final = "gemini"
_AT_ONCE: Final = 100
"""The most texts of one batch."""
_TASKS: Final[Mapping[InputType, str]] = {
    "query": "RETRIEVAL_QUERY",
    "document": "RETRIEVAL_DOCUMENT",
    "classification": "CLASSIFICATION",
    "clustering": "CLUSTERING",
}


class _Statistics(Struct):
    token_count: int | float | None = None


class _Vector(Struct):
    values: list[float] | None = None
    statistics: _Statistics | None = None


class _Prediction(Struct):
    embeddings: _Vector | None = None


class _Usage(Struct, rename="camel"):
    prompt_token_count: int | float | None = None


class _Answer(Struct, rename="camel"):
    embeddings: list[_Vector] | None = None
    embedding: _Vector | None = None
    predictions: list[_Prediction] | None = None
    usage_metadata: _Usage | None = None


_decode = msgspec.json.Decoder(_Answer).decode


def build_embeddings(call: OperationCall[EmbeddingsRequest], target: Target) -> tuple[WireRequest, ...]:
    """Send the texts, as many at once as the form takes: a hundred, or one."""
    texts = texts_of(call, WIRE)
    path = target.path("embeddings", "/models/{model}:batchEmbedContents")
    if path.endswith(":predict"):
        bodies = [_prediction(call.request, text) for text in texts]
    elif path.endswith(":embedContent"):
        bodies = [_content(call.request, text) for text in texts]
    else:
        named = {"model": f"models/{target.name}"}
        each = [named | _content(call.request, text) for text in texts]
        bodies = [{"requests": each[at : at + _AT_ONCE]} for at in range(0, len(each), _AT_ONCE)]
    dropped = ("user",) if call.request.user is not None else ()
    return tuple(WireRequest(path=path, body=msgspec.json.encode(body), dropped=dropped) for body in bodies)


def _content(asked: EmbeddingsRequest, text: str) -> dict[str, Any]:
    body: dict[str, Any] = {**asked.extra, "content": {"parts": [{"text": text}]}}
    if asked.input_type is not None:
        body["taskType"] = _TASKS[asked.input_type]
    if asked.dimensions is not None:
        body["outputDimensionality"] = asked.dimensions
    return body


def _prediction(asked: EmbeddingsRequest, text: str) -> dict[str, Any]:
    instance = {"content": text}
    if asked.input_type is not None:
        instance["task_type"] = _TASKS[asked.input_type]
    body: dict[str, Any] = {**asked.extra, "instances": [instance]}
    if asked.dimensions is not None:
        body["parameters"] = {"outputDimensionality": asked.dimensions}
    return body


def parse_embeddings(
    body: bytes, headers: Mapping[str, str], call: OperationCall[EmbeddingsRequest]
) -> EmbeddingsAnswer:
    """Read vectors in any of the forms; the Gemini API's older models do not say how many tokens there were."""
    del headers, call
    data = decoded(_decode, body, "an answer of Gemini's with embeddings")
    found = data.embeddings
    if found is None and data.predictions is not None:
        found = [prediction.embeddings or _Vector() for prediction in data.predictions]
    if found is None and data.embedding is not None:
        found = [data.embedding]
    if found is None or any(vector.values is None for vector in found):
        raise MalformedResponseError("the provider's answer holds no embeddings")
    tokens = data.usage_metadata.prompt_token_count if data.usage_metadata else None
    if tokens is None:
        counts = [vector.statistics.token_count for vector in found if vector.statistics]
        known = [number for number in counts if number is not None]
        tokens = sum(known) if known and len(known) == len(found) else None
    return EmbeddingsAnswer(
        vectors=tuple(vector.values or () for vector in found),
        usage=None if tokens is None else Usage(input_tokens=count(tokens)),
    )

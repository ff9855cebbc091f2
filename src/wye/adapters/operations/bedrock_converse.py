"""Embeddings and reranking on Bedrock, where each family has a body of its own, sent by InvokeModel.

Shapes: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html,
/model-parameters-embed-v3.html, /model-parameters-embed-v4.html, the Nova user guide's embeddings-schema.html, and
https://docs.aws.amazon.com/bedrock/latest/userguide/rerank-supported.html. Tokens are counted in a header.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import msgspec
from msgspec import Struct

from wye.adapters import Target, VectorsByType, cannot_express, count, decoded, texts_of, vectors_by_type
from wye.core.errors import MalformedResponseError
from wye.core.operations import (
    EmbeddingsAnswer,
    EmbeddingsRequest,
    InputType,
    OperationCall,
    RankedDocument,
    RerankAnswer,
    RerankRequest,
    unsupported,
)
from wye.core.usage import Usage
from wye.core.wire import WireRequest

WIRE: Final = "bedrock_converse"
_COHERE_AT_ONCE: Final = 96
_TOKENS_HEADER: Final = "x-amzn-bedrock-input-token-count"
_COHERE_TYPES: Final[Mapping[InputType | None, str]] = {
    None: "search_document",
    "query": "search_query",
    "document": "search_document",
    "classification": "classification",
    "clustering": "clustering",
}
_NOVA_PURPOSES: Final[Mapping[InputType | None, str]] = {
    None: "GENERIC_INDEX",
    "query": "GENERIC_RETRIEVAL",
    "document": "GENERIC_INDEX",
    "classification": "CLASSIFICATION",
    "clustering": "CLUSTERING",
}


class _Nova(Struct):
    embedding: list[float] | None = None


class _Answer(Struct):
    """Titan's `embedding`, Cohere's `embeddings` with and without their type, Nova's list of objects."""

    embedding: list[float] | None = None
    embeddings: msgspec.Raw = msgspec.Raw(b"null")
    input_text_token_count: int | float | None = msgspec.field(default=None, name="inputTextTokenCount")
    id: str | None = None


class _Ranked(Struct):
    index: int
    relevance_score: float


class _Rerank(Struct):
    results: list[_Ranked] | None = None


_decode = msgspec.json.Decoder(_Answer).decode
_decode_typed = msgspec.json.Decoder(VectorsByType | None).decode
_decode_list = msgspec.json.Decoder(list[list[float] | _Nova]).decode
_decode_rerank = msgspec.json.Decoder(_Rerank).decode


def build_embeddings(call: OperationCall[EmbeddingsRequest], target: Target) -> tuple[WireRequest, ...]:
    """Send the texts in the form of the model's family: Cohere takes many at once, Amazon's models one."""
    asked, texts = call.request, texts_of(call, WIRE)
    name = target.name
    if "titan-embed" in name:
        bodies = [_titan(call, name, text) for text in texts]
    elif "cohere.embed" in name:
        bodies = [_cohere(asked, texts[at : at + _COHERE_AT_ONCE]) for at in range(0, len(texts), _COHERE_AT_ONCE)]
    elif "nova" in name and "embedding" in name:
        bodies = [_nova(asked, text) for text in texts]
    else:
        raise unsupported("embeddings", target.model.full_id)
    dropped = ["user"] if asked.user is not None else []
    if "titan-embed" in name and asked.input_type is not None:
        dropped.append("input_type")
    if "titan-embed-text-v1" in name and asked.dimensions is not None:
        dropped.append("dimensions")
    emulated = () if asked.input_type or "titan-embed" in name else ("input_type",)
    return tuple(_invoke(name, body, tuple(dropped), emulated) for body in bodies)


def _invoke(
    name: str, body: dict[str, Any], dropped: tuple[str, ...] = (), emulated: tuple[str, ...] = ()
) -> WireRequest:
    path = f"/model/{quote(name, safe='')}/invoke"
    headers = {"accept": "application/json"}
    return WireRequest(path=path, body=msgspec.json.encode(body), headers=headers, dropped=dropped, emulated=emulated)


def _titan(call: OperationCall[EmbeddingsRequest], name: str, text: str) -> dict[str, Any]:
    asked = call.request
    body: dict[str, Any] = {**asked.extra, "inputText": text}
    if asked.dimensions is not None and "titan-embed-text-v1" not in name:
        body["dimensions"] = asked.dimensions
    elif asked.dimensions is not None and not call.drop_unsupported:
        raise cannot_express("dimensions", WIRE)
    return body


def _cohere(asked: EmbeddingsRequest, texts: tuple[str, ...]) -> dict[str, Any]:
    body: dict[str, Any] = {"embedding_types": ["float"], **asked.extra, "texts": texts}
    body["input_type"] = _COHERE_TYPES[asked.input_type]
    if asked.dimensions is not None:
        body["output_dimension"] = asked.dimensions
    return body


def _nova(asked: EmbeddingsRequest, text: str) -> dict[str, Any]:
    said: dict[str, Any] = {
        "embeddingPurpose": _NOVA_PURPOSES[asked.input_type],
        "text": {"truncationMode": "NONE", "value": text},
    }
    if asked.dimensions is not None:
        said["embeddingDimension"] = asked.dimensions
    return {**asked.extra, "taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": said}


def parse_embeddings(
    body: bytes, headers: Mapping[str, str], call: OperationCall[EmbeddingsRequest]
) -> EmbeddingsAnswer:
    """Read the vectors of any family."""
    del call
    data = decoded(_decode, body, "an answer of Bedrock's with embeddings")
    return EmbeddingsAnswer(
        id=data.id or "", vectors=_vectors(data), usage=_usage(headers, data.input_text_token_count)
    )


def _vectors(data: _Answer) -> tuple[Sequence[float], ...]:
    if data.embedding is not None:
        return (data.embedding,)
    many = bytes(data.embeddings)
    if not many.startswith(b"["):
        return vectors_by_type(decoded(_decode_typed, many, "embeddings by type") or {})
    found = decoded(_decode_list, many, "a list of embeddings")
    vectors = [item.embedding if isinstance(item, _Nova) else item for item in found]
    if None in vectors:
        raise MalformedResponseError("the provider's answer holds no embeddings")
    return tuple(vector for vector in vectors if vector is not None)


def build_rerank(call: OperationCall[RerankRequest], target: Target) -> tuple[WireRequest, ...]:
    """Send the documents in the form Amazon's and Cohere's models share."""
    asked = call.request
    body: dict[str, Any] = {**asked.extra, "query": asked.query, "documents": asked.documents}
    if "cohere.rerank" in target.name:
        body["api_version"] = 2
        if asked.max_tokens_per_doc is not None:
            body["max_tokens_per_doc"] = asked.max_tokens_per_doc
    elif asked.max_tokens_per_doc is not None and not call.drop_unsupported:
        raise cannot_express("max_tokens_per_doc", WIRE)
    if asked.top_n is not None:
        body["top_n"] = asked.top_n
    left_out = asked.max_tokens_per_doc is not None and "max_tokens_per_doc" not in body
    return (_invoke(target.name, body, ("max_tokens_per_doc",) if left_out else ()),)


def parse_rerank(body: bytes, headers: Mapping[str, str], call: OperationCall[RerankRequest]) -> RerankAnswer:
    """Read a ranking. Bedrock charges a query for every hundred documents begun, and does not say how many it was."""
    del headers
    data = decoded(_decode_rerank, body, "a ranking")
    if data.results is None:
        raise MalformedResponseError("the provider's answer holds no ranking")
    return RerankAnswer(
        results=tuple(RankedDocument(index=row.index, relevance_score=row.relevance_score) for row in data.results),
        usage=Usage(search_requests=-(-len(call.request.documents) // 100), estimated=True),
    )


def _usage(headers: Mapping[str, str], told: float | None) -> Usage | None:
    header = headers.get(_TOKENS_HEADER, "")
    if told is None and not (header.isascii() and header.isdigit() and len(header) < 16):
        return None
    return Usage(input_tokens=count(told if told is not None else int(header)))

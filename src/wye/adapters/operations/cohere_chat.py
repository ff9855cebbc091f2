"""Embeddings and reranking as Cohere's version 2 speaks them.

Shapes: https://docs.cohere.com/reference/embed and https://docs.cohere.com/reference/rerank. Version 1's answers are
read too: it says vectors without their type.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from wye.adapters import Target, VectorsByType, count, decoded, texts_of, vectors_by_type
from wye.core.errors import InvalidRequestError, MalformedResponseError
from wye.core.operations import (
    EmbeddingsAnswer,
    EmbeddingsRequest,
    InputType,
    OperationCall,
    RankedDocument,
    RerankAnswer,
    RerankRequest,
)
from wye.core.usage import Usage
from wye.core.wire import WireRequest, splice

WIRE: Final = "cohere_chat"
_RERANK: Final = "cohere_rerank"
_AT_ONCE: Final = 96
"""The most texts of one request."""
INPUT_TYPES: Final[Mapping[InputType | None, str]] = {
    None: "search_document",
    "query": "search_query",
    "document": "search_document",
    "classification": "classification",
    "clustering": "clustering",
}


class _Billed(Struct):
    input_tokens: int | float | None = None
    image_tokens: int | float | None = None
    search_units: int | float | None = None


class _Meta(Struct):
    billed_units: _Billed | None = None


class _Embeddings(Struct):
    embeddings: list[list[float]] | VectorsByType | None = None
    id: str | None = None
    meta: _Meta | None = None


class _Ranked(Struct):
    index: int
    relevance_score: float


class _Rerank(Struct):
    results: list[_Ranked] | None = None
    id: str | None = None
    meta: _Meta | None = None


_decode_embeddings = msgspec.json.Decoder(_Embeddings).decode
_decode_rerank = msgspec.json.Decoder(_Rerank).decode


def build_embeddings(call: OperationCall[EmbeddingsRequest], target: Target) -> tuple[WireRequest, ...]:
    """Send the texts, as many at once as are allowed; Cohere insists on a purpose, documents where none is said."""
    asked = call.request
    texts = texts_of(call, WIRE)
    path = target.path("embeddings", "/embed")
    common: dict[str, Any] = {"embedding_types": ["float"], **asked.extra}
    common |= {"model": target.name, "input_type": INPUT_TYPES[asked.input_type]}
    if asked.dimensions is not None:
        common["output_dimension"] = asked.dimensions
    return tuple(
        WireRequest(
            path=path,
            body=msgspec.json.encode({**common, "texts": texts[at : at + _AT_ONCE]}),
            dropped=("user",) if asked.user is not None else (),
            emulated=() if asked.input_type else ("input_type",),
        )
        for at in range(0, len(texts), _AT_ONCE)
    )


def parse_embeddings(
    body: bytes, headers: Mapping[str, str], call: OperationCall[EmbeddingsRequest]
) -> EmbeddingsAnswer:
    """Read the vectors of floats."""
    del headers, call
    data = decoded(_decode_embeddings, body, "an answer of Cohere's with embeddings")
    given = data.embeddings
    vectors = tuple(given) if isinstance(given, list) else vectors_by_type(given or {})
    return EmbeddingsAnswer(id=data.id or "", vectors=vectors, usage=_usage(data.meta))


def build_rerank(call: OperationCall[RerankRequest], target: Target) -> tuple[WireRequest, ...]:
    """Send the caller's bytes on with the provider's name for the model; say in full what version 2 no longer takes.

    That is documents which are no plain texts, `rank_fields` and `return_documents`; these the caller gets anyway.
    """
    asked = call.request
    path = target.path("rerank", "/rerank")
    try:
        changes = {"model": msgspec.json.encode(target.name), "documents": msgspec.json.encode(asked.documents)}
        body = splice(call.body, changes, ("rank_fields", "return_documents"))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f"the request body is not valid JSON: {error}"
        raise InvalidRequestError(message, code="invalid_json") from None
    return (WireRequest(path=path, body=body),)


def parse_rerank(body: bytes, headers: Mapping[str, str], call: OperationCall[RerankRequest]) -> RerankAnswer:
    """Read a ranking."""
    del headers
    data = decoded(_decode_rerank, body, "a ranking of Cohere's")
    if data.results is None:
        raise MalformedResponseError("the provider's answer holds no ranking")
    return RerankAnswer(
        id=data.id or "",
        results=tuple(RankedDocument(index=row.index, relevance_score=row.relevance_score) for row in data.results),
        usage=_usage(data.meta),
        wire=_RERANK,
        raw=body if call.wire == _RERANK else None,
    )


def _usage(meta: _Meta | None) -> Usage | None:
    """Read what is billed; pictures that are billed apiece are not tokens, and so unknown."""
    billed = (meta and meta.billed_units) or _Billed()
    if billed.input_tokens is None and billed.image_tokens is None and billed.search_units is None:
        return None
    return Usage(
        input_tokens=count(billed.input_tokens) + count(billed.image_tokens),
        search_requests=count(billed.search_units),
    )

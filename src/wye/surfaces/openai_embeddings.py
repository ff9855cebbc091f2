"""OpenAI's embeddings as clients speak them.

Shapes: https://platform.openai.com/docs/api-reference/embeddings; `input_type` (query, document) is what other vendors
added for models that make a difference.
"""

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Raw, Struct

from wye.core.errors import InvalidRequestError
from wye.core.operations import (
    EmbeddingsAnswer,
    EmbeddingsRequest,
    Encoding,
    InputType,
    OperationAnswer,
    OperationCall,
    to_base64,
)
from wye.core.request import NOTHING_ASKED, Asked, Call
from wye.core.wire import replace_model
from wye.surfaces import decode_request

WIRE: Final = "openai_embeddings"


class _Body(Struct):
    model: str
    input: str | list[str | int | list[int]]
    dimensions: int | None = None
    encoding_format: str | None = None
    input_type: str | None = None
    user: str | None = None


_TYPED: Final = frozenset(_Body.__struct_fields__)
_ENCODINGS: Final[Mapping[str, Encoding]] = {"float": "float", "base64": "base64"}
INPUT_TYPES: Final[Mapping[str, InputType]] = {
    "query": "query",
    "search_query": "query",
    "retrieval_query": "query",
    "retrieval.query": "query",
    "document": "document",
    "passage": "document",
    "search_document": "document",
    "retrieval_document": "document",
    "retrieval.passage": "document",
    "classification": "classification",
    "clustering": "clustering",
}
"""What vendors call the purpose of a text."""

_decode = msgspec.json.Decoder(_Body).decode
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode
_encode = msgspec.json.Encoder().encode


def parse_request(body: bytes, asked: Asked = NOTHING_ASKED) -> OperationCall[EmbeddingsRequest]:
    """Read a request; raise `InvalidRequestError` whose `param` is the member at fault."""
    data = decode_request(_decode, body)
    members = decode_request(_decode_members, body)
    if data.dimensions is not None and data.dimensions < 1:
        raise _wrong("dimensions", "must be at least 1")
    encoding = _ENCODINGS.get(data.encoding_format or "float")
    if encoding is None:
        raise _wrong("encoding_format", "must be 'float' or 'base64'")
    kind = INPUT_TYPES.get(data.input_type.lower()) if data.input_type else None
    if data.input_type and kind is None:
        raise _wrong("input_type", f"must be one of {', '.join(INPUT_TYPES)}")
    texts, tokens = _inputs(data.input)
    request = EmbeddingsRequest(
        texts=texts,
        tokens=tokens,
        dimensions=data.dimensions,
        encoding=encoding,
        input_type=kind,
        user=data.user,
        extra={name: value for name, value in members.items() if name not in _TYPED},
    )
    return OperationCall(operation="embeddings", wire=WIRE, body=body, model=data.model, request=request, asked=asked)


def _inputs(given: str | list[str | int | list[int]]) -> tuple[tuple[str, ...], tuple[tuple[int, ...], ...]]:
    """Return texts and lists of tokens, of which one is empty."""
    if isinstance(given, str):
        return (given,), ()
    texts = tuple(item for item in given if isinstance(item, str))
    lists = tuple(tuple(item) for item in given if isinstance(item, list))
    numbers = tuple(item for item in given if isinstance(item, int))
    if not given or len(given) not in {len(texts), len(lists), len(numbers)} or not all(lists):
        raise _wrong("input", "must be a text, a list of texts, or the tokens of one or several, and not be empty")
    return texts, (numbers,) if numbers else lists


def _wrong(param: str, what: str) -> InvalidRequestError:
    return InvalidRequestError(f"'{param}' {what}", code="invalid_value", param=param)


def render_answer(answer: OperationAnswer, call: Call, *, model: str, request_id: str) -> bytes:
    """Write a list of embeddings in the encoding that was asked for; bytes of this form keep all but the model."""
    del request_id
    if answer.wire == WIRE and answer.raw is not None and answer.upstream_model:
        return replace_model(answer.raw, answer.upstream_model, model)
    if not isinstance(answer, EmbeddingsAnswer) or not isinstance(call, OperationCall):
        raise TypeError("only an answer of embeddings can be written here")
    as_text = call.request.encoding == "base64"
    rows = [
        {"object": "embedding", "index": at, "embedding": to_base64(vector) if as_text else list(vector)}
        for at, vector in enumerate(answer.vectors)
    ]
    tokens = answer.usage.input_tokens if answer.usage else None
    # Clients take the member for granted, so it is there, and null where nobody knows the count.
    usage = None if tokens is None else {"prompt_tokens": tokens, "total_tokens": tokens}
    return _encode({"object": "list", "data": rows, "model": model, "usage": usage})

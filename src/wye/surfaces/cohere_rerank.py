"""Cohere's rerank, versions 1 and 2, as clients speak it; Jina's is the same but for `usage`, which is there too.

Shapes: https://docs.cohere.com/reference/rerank and https://docs.cohere.com/v1/reference/rerank.
"""

from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from wye.core.errors import InvalidRequestError
from wye.core.operations import OperationAnswer, OperationCall, RerankAnswer, RerankRequest
from wye.core.request import NOTHING_ASKED, Asked, Call
from wye.surfaces import decode_request

WIRE: Final = "cohere_rerank"


class _Body(Struct):
    model: str
    query: str
    documents: list[str | dict[str, Any]]
    top_n: int | None = None
    return_documents: bool | None = None
    rank_fields: list[str] | None = None
    max_tokens_per_doc: int | None = None


_TYPED: Final = frozenset(_Body.__struct_fields__)
_decode = msgspec.json.Decoder(_Body).decode
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_answer = msgspec.json.Decoder(dict[str, Raw]).decode
_encode = msgspec.json.Encoder().encode


def parse_request(body: bytes, asked: Asked = NOTHING_ASKED) -> OperationCall[RerankRequest]:
    """Read a request; raise `InvalidRequestError` whose `param` is the member at fault."""
    data = decode_request(_decode, body)
    members = decode_request(_decode_members, body)
    if not data.documents:
        raise _wrong("documents", "must hold at least one document")
    if data.top_n is not None and data.top_n < 1:
        raise _wrong("top_n", "must be at least 1")
    request = RerankRequest(
        query=data.query,
        documents=tuple(_text(item, data.rank_fields, at) for at, item in enumerate(data.documents)),
        top_n=data.top_n,
        return_documents=bool(data.return_documents),
        max_tokens_per_doc=data.max_tokens_per_doc,
        extra={name: value for name, value in members.items() if name not in _TYPED},
    )
    return OperationCall(operation="rerank", wire=WIRE, body=body, model=data.model, request=request, asked=asked)


def _text(item: str | dict[str, Any], fields: list[str] | None, at: int) -> str:
    """Return what a document says: its text, or the fields that are to be ranked, one a line."""
    if isinstance(item, str):
        return item
    if fields:
        return "\n".join(f"{name}: {item[name]}" for name in fields if name in item)
    text = item.get("text")
    if not isinstance(text, str):
        raise _wrong(f"documents[{at}].text", "must be a text, unless 'rank_fields' names others")
    return text


def _wrong(param: str, what: str) -> InvalidRequestError:
    return InvalidRequestError(f"'{param}' {what}", code="invalid_value", param=param)


def render_answer(answer: OperationAnswer, call: Call, *, model: str, request_id: str) -> bytes:
    """Write a ranking; an answer of this form keeps its bytes, with the documents added where they were asked for."""
    if not isinstance(answer, RerankAnswer) or not isinstance(call, OperationCall):
        raise TypeError("only a ranking can be written here")
    asked: RerankRequest = call.request
    if answer.wire == WIRE and answer.raw is not None and not asked.return_documents:
        return answer.raw
    results = []
    for found in answer.results[: asked.top_n]:
        row: dict[str, Any] = {"index": found.index, "relevance_score": found.relevance_score}
        if asked.return_documents and 0 <= found.index < len(asked.documents):
            row["document"] = {"text": asked.documents[found.index]}
        results.append(row)
    body: dict[str, Any] = {"id": answer.id or request_id, "model": model, "results": results}
    billed: dict[str, Any] = {}
    if (usage := answer.usage) is not None:
        if usage.search_requests:
            billed["search_units"] = usage.search_requests
        if usage.input_tokens:
            body["usage"] = {"prompt_tokens": usage.input_tokens, "total_tokens": usage.total_tokens}
            billed["input_tokens"] = usage.input_tokens
    body["meta"] = {"api_version": {"version": "2"}, "billed_units": billed}
    return _encode(body)

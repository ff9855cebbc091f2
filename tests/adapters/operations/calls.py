"""What these tests share: calls as a client of OpenAI's or Cohere's makes them."""

import json
from typing import Any

from wye.adapters import Operator, Target, load, operator
from wye.catalog.schema import ModelInfo, WireTraits
from wye.core.operations import EmbeddingsRequest, ForwardedRequest, OperationCall, RerankRequest
from wye.core.request import Asked, Operation
from wye.core.wire import WireRequest
from wye.surfaces import cohere_rerank, openai_embeddings, openai_forwarded


def embedding(*, drop: bool = False, raw: bool = False, **members: Any) -> OperationCall[EmbeddingsRequest]:
    body = json.dumps({"model": "asked", "input": ["a", "b"], **members}).encode()
    return openai_embeddings.parse_request(body, Asked(drop_unsupported=drop, raw_events=raw))


def ranking(*, drop: bool = False, **members: Any) -> OperationCall[RerankRequest]:
    body = json.dumps({"model": "asked", "query": "q", "documents": ["a", "b"], **members}).encode()
    return cohere_rerank.parse_request(body, Asked(drop_unsupported=drop))


def forwarded(operation: Operation, **members: Any) -> OperationCall[ForwardedRequest]:
    body = json.dumps({"model": "asked", "input": "a", **members}).encode()
    return openai_forwarded.parse_request(body, operation=operation)


def does(wire: str, operation: Operation) -> Operator:
    found = operator(load(wire), operation)
    assert found is not None
    return found


def built(
    wire: str, call: OperationCall[Any], name: str = "m-1", traits: WireTraits | None = None
) -> tuple[WireRequest, ...]:
    return does(wire, call.operation).build(call, Target(ModelInfo(id=name, provider="p"), traits or WireTraits()))


def body_of(wire: str, call: OperationCall[Any], name: str = "m-1", traits: WireTraits | None = None) -> Any:
    (request,) = built(wire, call, name, traits)
    return json.loads(request.body)

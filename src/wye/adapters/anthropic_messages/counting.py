"""Asks how many tokens a request is: https://docs.anthropic.com/en/api/messages-count-tokens."""

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Struct, structs

from wye.adapters import Target, count, decoded
from wye.adapters.anthropic_messages.same import WIRE, is_vertex, same_wire
from wye.core.errors import MalformedResponseError
from wye.core.operations import ForwardedAnswer, ForwardedRequest, OperationCall, unsupported
from wye.core.usage import Usage
from wye.core.wire import WireRequest, splice

_encode = msgspec.json.Encoder().encode
_VERTEX_MODEL: Final = "count-tokens"
"""Vertex AI counts by a model of this name, and has the real one in the body."""


class _Counted(Struct):
    input_tokens: int | float | None = None


_decode = msgspec.json.Decoder(_Counted).decode


def build_count_tokens(call: OperationCall[ForwardedRequest], target: Target) -> tuple[WireRequest, ...]:
    """Pass the body on with the provider's name for the model; only a request of this wire format can be counted."""
    if call.wire != WIRE:
        raise unsupported(call.operation, target.model.full_id)
    request = same_wire(call, target)
    if is_vertex(target):
        path = target.traits.messages_path.format(model=_VERTEX_MODEL, method="rawPredict")
        return (structs.replace(request, path=path, body=splice(request.body, {"model": _encode(target.name)})),)
    return (structs.replace(request, path=f"{request.path}/count_tokens"),)


def parse_count_tokens(
    body: bytes, headers: Mapping[str, str], call: OperationCall[ForwardedRequest]
) -> ForwardedAnswer:
    """Read the count, which is free of charge."""
    del headers, call
    counted = decoded(_decode, body, "a count of tokens")
    if counted.input_tokens is None:
        raise MalformedResponseError("the provider's answer holds no 'input_tokens'")
    return ForwardedAnswer(body=_encode({"input_tokens": count(counted.input_tokens)}), usage=Usage(), wire=WIRE)

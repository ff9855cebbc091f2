"""Passes on a request that is in this wire format already, and addresses every request where its provider wants it."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw

from wye.adapters import Target
from wye.core.errors import InvalidRequestError
from wye.core.request import Call
from wye.core.sealed import PREFIX
from wye.core.wire import WireRequest, replace_model, splice

WIRE: Final = "anthropic_messages"

_VERTEX_VERSION: Final = b'"vertex-2023-10-16"'
"""Source: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude."""
_MARK: Final = f'"{PREFIX}'.encode()
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_turns = msgspec.json.Decoder(list[dict[str, Raw]]).decode
_decode_any: Final = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def same_wire(call: Call, target: Target) -> WireRequest:
    """Send the caller's bytes on with the provider's name for the model."""
    body = call.body
    dropped: tuple[str, ...] = ()
    try:
        if _MARK in body:
            body, dropped = without_sealed(body)
        if not is_vertex(target):
            body = replace_model(body, call.model, target.name)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"the request body is not valid JSON: {error}"
        raise InvalidRequestError(message, code="invalid_json") from None
    return addressed(body, call, target, headers=dict(call.headers), dropped=dropped)


def addressed(
    body: bytes,
    call: Call,
    target: Target,
    *,
    headers: Mapping[str, str],
    dropped: tuple[str, ...] = (),
    emulated: tuple[str, ...] = (),
) -> WireRequest:
    """Make the request; Vertex AI wants the model in the path and the version of the API in the body."""
    path = target.traits.messages_path
    if is_vertex(target):
        path = path.format(model=target.name, method="streamRawPredict" if call.stream else "rawPredict")
        body = for_vertex(body)
    return WireRequest(path=path, body=body, headers=dict(headers), dropped=dropped, emulated=emulated)


def for_vertex(body: bytes) -> bytes:
    """Return a body as `rawPredict` takes it."""
    members = _decode_members(body)
    members.pop("model", None)
    members.setdefault("anthropic_version", Raw(_VERTEX_VERSION))
    return _encode(members)


def is_vertex(target: Target) -> bool:
    """Tell whether the provider is Vertex AI."""
    return "{model}" in target.traits.messages_path


def without_sealed(body: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Take out thoughts and citations that were wrapped for another wire, and name them: Anthropic refuses them."""
    turns = _decode_turns(_decode_members(body)["messages"])
    dropped: list[str] = []
    for index, turn in enumerate(turns):
        content = turn.get("content", Raw(b"null"))
        if _MARK not in bytes(content) or not bytes(content).startswith(b"["):
            continue
        blocks: list[Any] = []
        for at, block in enumerate(_decode_any(bytes(content))):
            if _is_sealed(block):
                dropped.append(f"messages[{index}].content[{at}]")
            else:
                blocks.append(_without_sealed_citations(block))
        turn["content"] = Raw(_encode(blocks))
    kept = [turn for turn in turns if bytes(turn.get("content", b"")) != b"[]"]
    return splice(body, {"messages": _encode(kept)}), tuple(dropped)


def _is_sealed(block: Any) -> bool:
    if not isinstance(block, dict) or block.get("type") not in {"thinking", "redacted_thinking"}:
        return False
    return str(block.get("signature") or block.get("data") or "").startswith(PREFIX)


def _without_sealed_citations(block: Any) -> Any:
    if not isinstance(block, dict) or not isinstance(block.get("citations"), list):
        return block
    own = [
        one
        for one in block["citations"]
        if not (isinstance(one, dict) and str(one.get("encrypted_index", "")).startswith(PREFIX))
    ]
    rest = {name: value for name, value in block.items() if name != "citations"}
    return {**rest, "citations": own} if own else rest

"""Writes a message and errors; what a message's stream shares with it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw

from wye.core.content import CLAUDE_SIGNED, Citation, Opaque, Reasoning, ToolCall
from wye.core.errors import ContextLengthError, QuotaExceededError, WyeError
from wye.core.request import Call
from wye.core.response import Choice, ModelResponse
from wye.core.sealed import PREFIX, Sealed, seal
from wye.core.usage import Usage
from wye.core.wire import replace_model
from wye.surfaces.anthropic_messages.blocks import NO_THREADS, WIRE

encode = msgspec.json.Encoder().encode
_decode_object = msgspec.json.Decoder(dict[str, Raw]).decode

STOP_REASONS: Final[Mapping[str, str]] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}


def render_response(response: ModelResponse, _call: Call, *, model: str, request_id: str) -> bytes:
    """Return a message answered by `model`; bytes of the same wire format are kept.

    `request_id` stands in for an answer's id where the provider gave none.
    """
    if response.raw is not None and response.wire == WIRE:
        return replace_model(response.raw, response.upstream_model, model)
    choice = response.choices[0] if response.choices else Choice()
    return encode(
        {
            "id": response.id or f"msg_{request_id}",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": list(_content(choice, response.wire)),
            "stop_reason": stop_reason(choice.finish_reason, called=bool(choice.tool_calls)),
            "stop_sequence": None,
            "usage": render_usage(response.usage or Usage()),
        }
    )


def stop_reason(finish: str | None, *, called: bool) -> str:
    """Say a finish reason in Anthropic's words; some providers stop where they mean that they called a tool."""
    if called and finish in {None, "stop"}:
        return "tool_use"
    return STOP_REASONS.get(finish or "stop", "end_turn")


def render_usage(usage: Usage) -> dict[str, Any]:
    """Return usage in Anthropic's form: `input_tokens` are those neither read from nor written to a cache."""
    short = usage.cache_write_tokens - usage.cache_write_1h_tokens
    body: dict[str, Any] = {
        "input_tokens": max(0, usage.input_tokens - usage.cache_read_tokens - usage.cache_write_tokens),
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cache_read_tokens,
        "cache_creation": {
            "ephemeral_5m_input_tokens": max(0, short),
            "ephemeral_1h_input_tokens": usage.cache_write_1h_tokens,
        },
        "output_tokens": usage.output_tokens,
    }
    if usage.reasoning_tokens:
        body["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    if usage.search_requests:
        body["server_tool_use"] = {"web_search_requests": usage.search_requests, "web_fetch_requests": 0}
    return body


def _content(choice: Choice, wire: str) -> Iterator[dict[str, Any]]:
    yield from (thinking_block(piece, wire) for piece in choice.reasoning)
    yield from (opaque_block(part) for part in choice.opaque)
    if text := (choice.content or "") + (choice.refusal or ""):
        block: dict[str, Any] = {"type": "text", "text": text}
        if choice.citations:
            block["citations"] = [render_citation(citation) for citation in choice.citations]
        yield block
    for call in choice.tool_calls:
        if call.signature:
            yield signed_call_block(call.id, call.signature, call.origin or wire)
        yield {"type": "tool_use", "id": call.id, "name": call.name, "input": _input(call)}


def thinking_block(piece: Reasoning, wire: str) -> dict[str, Any]:
    """Write thoughts; what their own wire `wire` signed is sealed, so that a client brings it back."""
    signature = sealed_reasoning([piece], wire, shown=bool(piece.text))
    if not piece.text:
        return {"type": "redacted_thinking", "data": signature}
    return {"type": "thinking", "thinking": piece.text, "signature": signature}


def sealed_reasoning(pieces: Iterable[Reasoning], wire: str, *, shown: bool) -> str:
    """Wrap what pieces of one thought say beside their text; `shown` tells whether there is any to stand beside."""
    signature = encrypted = name = None
    origin, summary = wire, False
    for piece in pieces:
        signature, encrypted = piece.signature or signature, piece.encrypted or encrypted
        name, origin, summary = piece.id or name, piece.origin or origin, piece.summary or summary
    claudes = origin == WIRE or (origin in CLAUDE_SIGNED and not (name or summary))
    if shown and claudes and signature and not encrypted:
        return signature  # Claude's, wherever it was asked: nothing to wrap
    return seal(Sealed(origin=origin or None, signature=signature, encrypted=encrypted, id=name, summary=summary))


def opaque_block(part: Opaque) -> dict[str, Any]:
    """Write what only another wire has words for as a block that clients keep and do not look into."""
    return {"type": "redacted_thinking", "data": seal(Sealed(origin=part.wire, opaque=part.raw))}


def signed_call_block(call_id: str, signature: str, origin: str) -> dict[str, Any]:
    """Write a tool call's signature as a block that clients keep."""
    piece = Sealed(origin=origin or None, signature=signature, call_id=call_id)
    return {"type": "redacted_thinking", "data": seal(piece)}


def render_citation(citation: Citation) -> dict[str, Any]:
    """Write a source the way web search results are cited; the mark in it keeps it from going to Anthropic."""
    return {
        "type": "web_search_result_location",
        "url": citation.url or citation.file_id or "",
        "title": citation.title,
        "cited_text": citation.cited_text or "",
        "encrypted_index": PREFIX,
    }


def _input(call: ToolCall) -> Raw | dict[str, Any]:
    """Return the arguments as the object the wire wants; what the model wrote wrong is kept for the tool to refuse."""
    text = call.arguments.strip()
    if not text or text == "null":
        return {}
    try:
        _decode_object(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {"arguments": call.arguments}
    return Raw(text.encode())


_TYPES: Final[Mapping[int, str]] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    413: "request_too_large",
    415: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
"""Source: https://docs.anthropic.com/en/api/errors."""
_TOO_LONG: Final = "prompt is too long"
"""What Anthropic says, and what its clients look for when they decide to shorten a conversation."""


def render_error(error: WyeError, request_id: str | None = None) -> bytes:
    """Return Anthropic's error envelope, with our own code and parameter beside its members."""
    message = error.message
    if isinstance(error, ContextLengthError) and _TOO_LONG not in message.lower():
        message = f"{_TOO_LONG}: {message}"
    kind = "billing_error" if isinstance(error, QuotaExceededError) else _TYPES.get(error.status_code, "api_error")
    facts: dict[str, Any] = {"type": kind, "message": message, "code": error.code}
    if error.code == NO_THREADS:
        facts["details"] = {"error_code": NO_THREADS, "unsupported": [error.param]}
    elif error.details is not None:
        facts["details"] = Raw(error.details)
    if error.param is not None:
        facts["param"] = error.param
    if error.provider is not None:
        facts["provider"] = error.provider
    return encode({"type": "error", "error": facts, "request_id": request_id or error.request_id})

"""Writes a response and its errors; `envelope` and the makers of items serve the stream as well."""

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from wye.core.content import Citation, Opaque, Reasoning, ToolCall
from wye.core.errors import WyeError
from wye.core.request import Call
from wye.core.response import Choice, ModelResponse
from wye.core.sealed import Sealed, seal
from wye.core.usage import Usage
from wye.core.wire import replace_model
from wye.surfaces.openai_responses.conversation import custom_input
from wye.surfaces.openai_responses.request import custom_tools
from wye.surfaces.openai_responses.wire import WIRE

_encode = msgspec.json.Encoder().encode
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode

_ECHOED: Final[Mapping[str, Any]] = {
    "instructions": None, "max_output_tokens": None, "max_tool_calls": None, "metadata": {},
    "parallel_tool_calls": True, "prompt_cache_key": None, "safety_identifier": None, "service_tier": "default",
    "store": True, "temperature": 1.0, "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [],
    "top_logprobs": 0, "top_p": 1.0, "truncation": "disabled", "user": None,
}  # fmt: skip
"""Members of the request that the answer repeats, and what they are where the request does not say."""

_SUFFIXES: Final = {"message": "msg", "reasoning": "rs", "function_call": "fc", "custom_tool_call": "ctc"}


class Envelope:
    """What a response says beside its output: the same at the beginning and at the end of a stream."""

    __slots__ = ("_members", "created", "id", "model")

    def __init__(self, call: Call, *, id: str, model: str, previous: str | None) -> None:  # noqa: A002 - the member's own name
        """Repeat what the request asked for; `previous` is the response it goes on from."""
        asked = _decode_members(call.body)
        self.id = id
        self.model = model
        self.created = int(time.time())
        reasoning = {"effort": None, "summary": None}
        self._members = {
            "background": False,
            "previous_response_id": previous,
            **_ECHOED,
            **{name: asked[name] for name in _ECHOED if _is_given(asked.get(name))},
            "reasoning": asked["reasoning"] if _is_given(asked.get("reasoning")) else reasoning,
        }

    def response(self, status: str, output: list[Any], usage: Usage | None = None, **more: Any) -> dict[str, Any]:
        """Return the response in a state; `more` holds what that state has to say."""
        return {
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "completed_at": int(time.time()) if status == "completed" else None,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "model": self.model,
            "output": output,
            "usage": None if usage is None else render_usage(usage),
            **self._members,
            **more,
        }

    def ended(
        self, reason: str | None, output: list[Any], usage: Usage | None, extra: Mapping[str, Raw]
    ) -> dict[str, Any]:
        """Return the response at its end, which came for `reason`, in chat's words."""
        more = {name: raw for name, raw in extra.items() if name not in self._members}
        if reason in {"length", "content_filter"}:
            why = "content_filter" if reason == "content_filter" else "max_output_tokens"
            return {**more, **self.response("incomplete", output, usage, incomplete_details={"reason": why})}
        return {**more, **self.response("completed", output, usage)}

    def item_id(self, kind: str, at: int) -> str:
        """Return the id of the item at place `at`."""
        return f"{_SUFFIXES.get(kind, 'it')}_{self.id.removeprefix('resp_')}_{at}"


def _is_given(raw: Raw | None) -> bool:
    return raw is not None and bytes(raw) != b"null"


def response_id(request_id: str) -> str:
    """Return the id of the answer to a request."""
    return f"resp_{request_id.removeprefix('req_')}"


def render_response(
    response: ModelResponse, call: Call, *, model: str, request_id: str, previous: str | None = None
) -> bytes:
    """Return the body of a response answered by `model`; bytes of the same wire format are kept.

    `previous` is the response that the request went on from, where that was looked up here.
    """
    if response.raw is not None and response.wire == WIRE:
        return replace_model(response.raw, response.upstream_model, model) if response.upstream_model else response.raw
    if call.action == "/compact":
        return _compaction(response, request_id)
    envelope = Envelope(call, id=response_id(request_id), model=model, previous=previous)
    choice = response.choices[0] if response.choices else Choice()
    output = list(_items(choice, response.wire, envelope, custom_tools(call.body)))
    return _encode(envelope.ended(choice.finish_reason, output, response.usage, response.extra))


def _items(choice: Choice, wire: str, envelope: Envelope, custom: frozenset[str]) -> Iterator[Any]:
    made: list[Any] = []

    def numbered(item: Any) -> Any:
        made.append(item)
        return {"id": envelope.item_id(item["type"], len(made) - 1), **item}

    status = "incomplete" if choice.finish_reason == "length" else "completed"
    for piece in choice.reasoning:
        yield numbered(reasoning_item(piece.text, encrypted_of(piece, wire)))
    for part in choice.opaque:
        yield part.raw if part.wire == WIRE else numbered(carrier(sealed_part(part)))
    parts = []
    if choice.content is not None:
        parts.append(text_part(choice.content, choice.citations, _logprobs(choice.extra)))
    if choice.refusal:
        parts.append({"type": "refusal", "refusal": choice.refusal})
    if parts:
        yield numbered(message_item(parts, status))
    for call in choice.tool_calls:
        yield numbered(call_item(call, custom=call.name in custom))
        if call.signature:
            yield numbered(carrier(sealed_signature(call, wire)))
    for image in images_of(choice.extra):
        yield numbered({"type": "image_generation_call", "status": "completed", "result": image})


def message_item(parts: list[Any], status: str) -> dict[str, Any]:
    """Return what the model says."""
    return {"type": "message", "status": status, "role": "assistant", "content": parts}


def text_part(text: str, citations: Iterable[Citation] = (), logprobs: list[Raw] | None = None) -> dict[str, Any]:
    """Return a text with its sources."""
    return {
        "type": "output_text",
        "text": text,
        "annotations": [annotation(citation, len(text)) for citation in citations],
        "logprobs": logprobs or [],
    }


def annotation(citation: Citation, length: int, before: int = 0) -> dict[str, Any]:
    """Return a source of a text of `length` characters that begins `before` characters into the answer."""
    if citation.url is None and citation.file_id is not None:
        name = citation.title or citation.file_id
        return {"type": "file_citation", "file_id": citation.file_id, "filename": name, "index": max(length - 1, 0)}
    return {
        "type": "url_citation",
        "url": citation.url or "",
        "title": citation.title or citation.url or "",
        "start_index": max((citation.start or 0) - before, 0),
        "end_index": length if citation.end is None else max(citation.end - before, 0),
    }


def reasoning_item(text: str, encrypted: str | None) -> dict[str, Any]:
    """Return what the model thought; `encrypted` is for a later turn."""
    summary = [{"type": "summary_text", "text": text}] if text else []
    kept = {"encrypted_content": encrypted} if encrypted else {}
    return {"type": "reasoning", "summary": summary, **kept}


def carrier(encrypted: str) -> dict[str, Any]:
    """Return an item that says nothing to a client and brings something back."""
    return reasoning_item("", encrypted)


def encrypted_of(piece: Reasoning, wire: str) -> str | None:
    """Return what a client is to keep of a piece of reasoning that came by wire format `wire`, if anything."""
    origin = piece.origin or wire
    if origin == WIRE:
        return piece.encrypted
    if not (piece.signature or piece.encrypted):
        return None
    kept = Sealed(
        origin=origin, signature=piece.signature, encrypted=piece.encrypted, id=piece.id, summary=piece.summary
    )
    return seal(kept)


def sealed_part(part: Opaque) -> str:
    """Return what a client is to keep of a part that another wire format alone understands."""
    return seal(Sealed(origin=part.wire, opaque=part.raw))


def sealed_signature(call: ToolCall, wire: str) -> str:
    """Return what a client is to keep of a tool call's signature."""
    return seal(Sealed(origin=call.origin or wire, signature=call.signature, call_id=call.id))


def call_item(call: ToolCall, *, custom: bool) -> dict[str, Any]:
    """Return a call of one of the caller's tools; a custom tool gets the plain text it was asked for."""
    facts = {"call_id": call.id, "name": call.name, "status": "completed"}
    if custom or call.type == "custom":
        text = call.arguments if call.type == "custom" else custom_input(call.arguments)
        return {"type": "custom_tool_call", **facts, "input": text}
    return {"type": "function_call", **facts, "arguments": call.arguments}


class _LogProbs(Struct):
    content: list[Raw] | None = None


class _ImageUrl(Struct):
    url: str = ""


class _Image(Struct):
    image_url: _ImageUrl = msgspec.field(default_factory=_ImageUrl)


_decode_logprobs = msgspec.json.Decoder(_LogProbs | None).decode
_decode_images = msgspec.json.Decoder(list[_Image] | None).decode


def _logprobs(extra: Mapping[str, Raw]) -> list[Raw]:
    return logprobs_of(extra) if "logprobs" in extra else []


def logprobs_of(extra: Mapping[str, Raw]) -> list[Raw]:
    """Return the probabilities of a piece's tokens, which have the same form in chat completions."""
    try:
        found = _decode_logprobs(extra.get("logprobs", Raw(b"null")))
    except (msgspec.DecodeError, RecursionError):
        return []
    return (found.content if found else None) or []


def images_of(extra: Mapping[str, Raw]) -> list[str]:
    """Return the images of an answer as base64."""
    if "images" not in extra:
        return []
    try:
        found = _decode_images(extra["images"]) or []
    except (msgspec.DecodeError, RecursionError):
        return []
    return [data for image in found if (data := image.image_url.url.partition(";base64,")[2])]


def render_usage(usage: Usage) -> dict[str, Any]:
    """Return usage in this form; `input_tokens` includes cached tokens, `output_tokens` reasoning."""
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.total_tokens,
    }


def _compaction(response: ModelResponse, request_id: str) -> bytes:
    """Return a summary as the item that stands for the conversation from now on."""
    suffix = request_id.removeprefix("req_")
    item = {
        "type": "compaction",
        "id": f"cmp_{suffix}",
        "encrypted_content": seal(Sealed(recap=response.content)),
    }
    usage = None if response.usage is None else render_usage(response.usage)
    created = response.created or int(time.time())
    return _encode(
        {
            "id": f"resp_{suffix}",
            "object": "response.compaction",
            "created_at": created,
            "output": [item],
            "usage": usage,
        }
    )


def render_error(error: WyeError) -> bytes:
    """Return OpenAI's error envelope."""
    body: dict[str, Any] = {
        "message": error.message,
        "type": error.type,
        "param": error.param,
        "code": error.code,
    }
    if error.provider is not None:
        body["provider"] = error.provider
    return _encode({"error": body})

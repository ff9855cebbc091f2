"""Writes a generateContent answer and its errors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw

from wye.core.content import Citation, Opaque, Reasoning
from wye.core.errors import WyeError
from wye.core.request import Call
from wye.core.response import Choice, ModelResponse
from wye.core.usage import Usage
from wye.surfaces.gemini.carried import call_signature, opaque_signature, reasoning_signature
from wye.surfaces.gemini.contents import WIRE

_encode = msgspec.json.Encoder().encode
_decode_object = msgspec.json.Decoder(dict[str, Raw]).decode

_FINISH: Final[Mapping[str | None, str]] = {
    None: "STOP", "stop": "STOP", "tool_calls": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY",
}  # fmt: skip
_VERSION: Final = re.compile(rb'"modelVersion"\s*:\s*')
_STATUS: Final[Mapping[int, str]] = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 402: "RESOURCE_EXHAUSTED", 403: "PERMISSION_DENIED",
    404: "NOT_FOUND", 405: "UNIMPLEMENTED", 408: "DEADLINE_EXCEEDED", 413: "INVALID_ARGUMENT", 422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED", 499: "CANCELLED", 500: "INTERNAL", 502: "UNAVAILABLE", 503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}  # fmt: skip
"""https://cloud.google.com/apis/design/errors#handling_errors"""


def render_response(response: ModelResponse, _call: Call, *, model: str, request_id: str) -> bytes:
    """Return the body of an answer given by `model`; bytes of the same wire format are kept but for its name.

    `request_id` stands in for an answer's id where the provider gave none.
    """
    if response.raw is not None and response.wire == WIRE:
        return renamed(response.raw, response.upstream_model, model)
    return answer(
        [_candidate(choice) for choice in response.choices],
        usage=response.usage,
        model=model,
        answer_id=response.id or request_id,
    )


def renamed(raw: bytes, name: str, model: str) -> bytes:
    """Return an answer or event of the same wire format with `model` for its `modelVersion`, if it has one.

    Where the member's name stands in it once, it is that member: inside a string its quotes would be escaped.
    """
    found = _VERSION.findall(raw) if name and name != model else []
    if not found:
        return raw
    value = _encode(name)
    place = _VERSION.search(raw)
    if len(found) == 1 and place is not None and raw.startswith(value, place.end()):
        return b"%b%b%b" % (raw[: place.end()], _encode(model), raw[place.end() + len(value) :])
    try:
        members = _decode_object(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return raw
    return _encode({**members, "modelVersion": model}) if "modelVersion" in members else raw


def answer(candidates: list[dict[str, Any]], *, usage: Usage | None, model: str, answer_id: str) -> bytes:
    """Return the JSON of a whole answer or of one event of a stream."""
    body: dict[str, Any] = {}
    if candidates:
        body["candidates"] = candidates
    if usage is not None:
        body["usageMetadata"] = render_usage(usage)
    return _encode({**body, "modelVersion": model, "responseId": answer_id})


def render_usage(usage: Usage) -> dict[str, Any]:
    """Return usage in Gemini's form, where the thoughts are not among the candidates' tokens."""
    counts = {
        "promptTokenCount": usage.input_tokens,
        "candidatesTokenCount": max(usage.output_tokens - usage.reasoning_tokens, 0),
        "totalTokenCount": usage.total_tokens,
    }
    if usage.cache_read_tokens:
        counts["cachedContentTokenCount"] = usage.cache_read_tokens
    if usage.reasoning_tokens:
        counts["thoughtsTokenCount"] = usage.reasoning_tokens
    details = {
        "promptTokensDetails": _details(usage.input_tokens, AUDIO=usage.audio_input_tokens),
        "candidatesTokensDetails": _details(
            counts["candidatesTokenCount"], AUDIO=usage.audio_output_tokens, IMAGE=usage.image_output_tokens
        ),
    }
    return {**counts, **{name: value for name, value in details.items() if value}}


def _details(total: int, **others: int) -> list[dict[str, Any]]:
    named = [{"modality": name, "tokenCount": tokens} for name, tokens in others.items() if tokens]
    text = total - sum(others.values())
    return [{"modality": "TEXT", "tokenCount": text}, *named] if named and text > 0 else named


def _candidate(choice: Choice) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [*reasoning_parts(choice.reasoning)]
    parts += (opaque_part(part) for part in choice.opaque)
    for text in (choice.content, choice.refusal):
        if text:
            parts.append({"text": text})
    parts += image_parts(choice.extra)
    broken = ""
    for call in choice.tool_calls:
        part = call_part(call.id, call.name, call.arguments, call_signature(call.signature, call.origin, WIRE))
        if part is None:
            broken = broken or call.arguments
        else:
            parts.append(part)
    return {
        "content": {"parts": parts or [{"text": ""}], "role": "model"},
        **ending(choice.finish_reason, broken, refused=bool(choice.refusal)),
        "index": choice.index,
        **grounding(choice.citations, choice.content or ""),
        **logprobs(choice.extra.get("logprobs")),
    }


def ending(reason: str | None, broken: str, *, refused: bool) -> dict[str, Any]:
    """Say why a candidate ended; a call whose arguments are `broken` has a reason of its own in this wire."""
    if broken:
        return {"finishReason": "MALFORMED_FUNCTION_CALL", "finishMessage": f"not a JSON object: {broken}"}
    return {"finishReason": "SAFETY" if refused else _FINISH.get(reason, "OTHER")}


def reasoning_parts(pieces: Iterable[Reasoning]) -> Iterator[dict[str, Any]]:
    """Say thoughts; what must come back in a later turn stands in their signature."""
    for piece in pieces:
        signature = reasoning_signature(piece, WIRE)
        if piece.text or signature:
            signed = {"thoughtSignature": signature} if signature else {}
            yield {"text": piece.text, "thought": True, **signed}


def opaque_part(part: Opaque) -> dict[str, Any]:
    """Say a part that only one wire format understands: as it is, or carried along for the client to send back."""
    if part.wire == WIRE:
        return dict(_decode_object(part.raw))
    return {"text": "", "thought": True, "thoughtSignature": opaque_signature(part)}


def call_part(call_id: str, name: str, arguments: str, signature: str | None) -> dict[str, Any] | None:
    """Say a call of a function; `None` where its arguments are no JSON object."""
    text = arguments.strip()
    if text in {"", "null"}:
        text = "{}"  # what models write where a function takes nothing
    try:
        _decode_object(text)
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    signed = {"thoughtSignature": signature} if signature else {}
    return {"functionCall": {"id": call_id, "name": name, "args": Raw(text.encode())}, **signed}


def image_parts(extra: Mapping[str, Raw]) -> Iterator[dict[str, Any]]:
    """Say the images of an answer, which come as data URLs in OpenAI's form."""
    if (images := extra.get("images")) is None:
        return
    for image in msgspec.json.decode(images):
        url = image["image_url"]["url"] if isinstance(image, dict) and isinstance(image.get("image_url"), dict) else ""
        head, comma, data = str(url).partition(",")
        if comma and head.startswith("data:"):
            yield {"inlineData": {"mimeType": head[5:].partition(";")[0], "data": data}}
        elif url:
            yield {"fileData": {"mimeType": "image/png", "fileUri": url}}


def grounding(citations: Iterable[Citation], text: str | None = None, *, ascii_only: bool = False) -> dict[str, Any]:
    """Say the sources of an answer and, where they can be told, the segments of `text` that are theirs.

    Segments are counted in bytes. Of a stream's text nothing is kept but whether it was `ascii_only`.
    """
    chunks: list[dict[str, Any]] = []
    supports: list[dict[str, Any]] = []
    places: dict[tuple[str | None, str | None, str | None], int] = {}
    for citation in citations:
        source = (citation.url, citation.title, None if citation.url else citation.cited_text)
        if source not in places:
            places[source] = len(chunks)
            chunks.append(_source(citation))
        segment = _segment(citation, text, ascii_only=ascii_only)
        if segment:
            supports.append({"segment": segment, "groundingChunkIndices": [places[source]]})
    if not chunks:
        return {}
    return {"groundingMetadata": {"groundingChunks": chunks, **({"groundingSupports": supports} if supports else {})}}


def _source(citation: Citation) -> dict[str, Any]:
    if citation.url:
        return {"web": {"uri": citation.url, **({"title": citation.title} if citation.title else {})}}
    known = {"uri": citation.file_id, "title": citation.title, "text": citation.cited_text}
    return {"retrievedContext": {name: value for name, value in known.items() if value}}


def _segment(citation: Citation, text: str | None, *, ascii_only: bool) -> dict[str, Any] | None:
    if citation.start is None or citation.end is None:
        return None
    if text is None:
        return {"startIndex": citation.start, "endIndex": citation.end} if ascii_only else None
    said = text[citation.start : citation.end]
    start = len(text[: citation.start].encode(errors="replace"))
    return {"startIndex": start, "endIndex": start + len(said.encode(errors="replace")), "text": said}


class _Token(msgspec.Struct):
    token: str = ""
    logprob: float | None = None
    top_logprobs: list[_Token] | None = None


class _Logprobs(msgspec.Struct):
    content: list[_Token] | None = None


_decode_logprobs = msgspec.json.Decoder(_Logprobs | None).decode


def logprobs(raw: Raw | None) -> dict[str, Any]:
    """Say log probabilities, which come in OpenAI's form."""
    try:
        data = _decode_logprobs(raw) if raw is not None else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}  # a form that is not OpenAI's
    if data is None or not data.content:
        return {}
    tops = [[_token(top) for top in token.top_logprobs or ()] for token in data.content]
    result: dict[str, Any] = {"chosenCandidates": [_token(token) for token in data.content]}
    if any(tops):
        result["topCandidates"] = [{"candidates": top} for top in tops]
    return {"logprobsResult": result}


def _token(token: _Token) -> dict[str, Any]:
    return {"token": token.token, "logProbability": token.logprob}


def render_error(error: WyeError) -> bytes:
    """Return Google's error envelope; the stable code and the parameter stand in its details."""
    info: dict[str, Any] = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": error.code,
        "domain": "wye",
        "metadata": {
            name: value for name, value in (("param", error.param), ("provider", error.provider)) if value is not None
        },
    }
    details: list[dict[str, Any]] = [info]
    if error.retry_after is not None:
        retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{error.retry_after:g}s"}
        details.append(retry)
    status = _STATUS.get(error.status_code, "INTERNAL")
    return _encode(
        {"error": {"code": error.status_code, "message": error.message, "status": status, "details": details}}
    )

"""Reads the turns of a generateContent request into messages."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct, structs

from wye.core.content import (
    Audio,
    File,
    FunctionCall,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from wye.core.errors import InvalidRequestError
from wye.core.sealed import Sealed
from wye.surfaces.gemini.carried import unwrap

WIRE: Final = "gemini"
_NULL: Final = Raw(b"null")


class _Blob(Struct, rename="camel"):
    data: str = ""
    mime_type: str = ""
    display_name: str | None = None


class _FileData(Struct, rename="camel"):
    file_uri: str = ""
    mime_type: str = ""
    display_name: str | None = None


class _Media(Struct, rename="camel"):
    inline_data: _Blob | None = None
    file_data: _FileData | None = None


class _Call(Struct, rename="camel"):
    name: str = ""
    id: str | None = None
    args: Raw = Raw(b"{}")


class _Response(Struct, rename="camel"):
    name: str = ""
    id: str | None = None
    response: Raw = Raw(b"{}")
    parts: list[_Media] | None = None


class _Part(Struct, rename="camel"):
    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    inline_data: _Blob | None = None
    file_data: _FileData | None = None
    function_call: _Call | None = None
    function_response: _Response | None = None
    executable_code: Raw = _NULL
    code_execution_result: Raw = _NULL
    tool_call: Raw = _NULL
    tool_response: Raw = _NULL


class Content(Struct):
    """One turn: whose it is, and its parts."""

    parts: list[_Part] | None = None
    role: str | None = None


_OWN: Final = {
    "executable_code": "executableCode", "code_execution_result": "codeExecutionResult", "tool_call": "toolCall",
    "tool_response": "toolResponse",
}  # fmt: skip
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_decode_result = msgspec.json.Decoder(dict[str, Raw]).decode


def messages(contents: Sequence[Content]) -> Iterator[Message]:
    """Read turns in order; the results of functions in a user's turn become messages of their own before the rest.

    Calls without an id get one by their place in the conversation, so that it is the same in every later request, and
    results without one answer the first call of their name that has no result yet.
    """
    waiting: dict[str, deque[str]] = {}
    for index, content in enumerate(contents):
        where = f"contents[{index}]"
        if content.role == "model":
            parts = tuple(_joined(_said(content, where, waiting)))
            if parts:
                yield Message(role="assistant", parts=parts)
            continue
        if content.role not in {"user", "function", "tool", "", None}:
            message = f"'{where}.role' must be 'user' or 'model', not {content.role!r}"
            raise InvalidRequestError(message, code="invalid_value", param=f"{where}.role")
        yield from _asked(content, where, waiting)


def _said(content: Content, where: str, waiting: dict[str, deque[str]]) -> Iterator[Part]:
    for at, part in enumerate(content.parts or ()):
        here = f"{where}.parts[{at}]"
        carried = unwrap(part.thought_signature) if part.thought_signature else None
        if part.function_call is not None:
            yield _call(part, part.function_call, here, carried, waiting)
        elif part.thought or (part.thought_signature and part.text is not None):
            yield from _thought(part, carried)
        else:
            yield _part(part, here)


def _joined(parts: Iterable[Part]) -> Iterator[Part]:
    """Join pieces of one thought, which a client of a stream keeps as they came; a signature ends it."""
    open_piece: Reasoning | None = None
    for part in parts:
        if open_piece is not None and isinstance(part, Reasoning):
            part = structs.replace(part, text=open_piece.text + part.text)  # noqa: PLW2901 - it grows
        elif open_piece is not None:
            yield open_piece
        open_piece = None
        if isinstance(part, Reasoning) and not (part.signature or part.encrypted or part.id):
            open_piece = part
        else:
            yield part
    if open_piece is not None:
        yield open_piece


def _thought(part: _Part, carried: Sealed | None) -> Iterator[Part]:
    """Read thoughts, or text that carries the signature of thoughts which were not shown."""
    text = part.text or ""
    if carried is not None and bytes(carried.opaque) != b"null":
        yield Opaque(wire=carried.origin or "", raw=carried.opaque)
    elif carried is not None:
        yield Reasoning(
            text=text if part.thought else "",
            signature=carried.signature,
            encrypted=carried.encrypted,
            id=carried.id,
            origin=carried.origin,
            summary=carried.summary,
        )
    else:
        thought = text if part.thought else ""
        yield Reasoning(text=thought, signature=part.thought_signature or None, origin=WIRE)
    if text and not part.thought:
        yield Text(text)


def _call(part: _Part, call: _Call, where: str, carried: Sealed | None, waiting: dict[str, deque[str]]) -> ToolCall:
    call_id = call.id or _made_id(where, call.name)
    waiting.setdefault(call.name, deque()).append(call_id)
    arguments = bytes(call.args).decode()
    signature: str | None = part.thought_signature or None
    origin: str | None = WIRE
    if carried is not None:
        signature, origin = carried.signature, carried.origin
    return ToolCall(
        call_id,
        FunctionCall(call.name, "{}" if arguments == "null" else arguments),
        signature=signature,
        origin=origin if signature else None,
    )


def _made_id(where: str, name: str) -> str:
    digest = hashlib.blake2b(f"{where}{name}".encode(errors="replace"), digest_size=12)
    return f"call_{digest.hexdigest()}"


def _asked(content: Content, where: str, waiting: dict[str, deque[str]]) -> Iterator[Message]:
    results: list[Part] = []
    parts: list[Part] = []
    for at, part in enumerate(content.parts or ()):
        here = f"{where}.parts[{at}]"
        if part.function_response is not None:
            results.append(_result(part.function_response, here, waiting))
        else:
            parts.append(_part(part, here))
    for result in results:
        yield Message(role="tool", parts=(result,))
    if parts:
        yield Message(role="user", parts=tuple(parts))


def _result(response: _Response, where: str, waiting: dict[str, deque[str]]) -> ToolResult:
    open_calls = waiting.get(response.name) or deque()
    call_id = response.id or (open_calls[0] if open_calls else _made_id(where, response.name))
    if call_id in open_calls:
        open_calls.remove(call_id)
    text, is_error = _outcome(response.response)
    media = tuple(_media(item, f"{where}.functionResponse.parts[{at}]") for at, item in enumerate(response.parts or ()))
    return ToolResult(call_id=call_id, parts=(Text(text), *media), is_error=is_error)


def _outcome(response: Raw) -> tuple[str, bool]:
    """Read what a function gave: its only member `output`, `result` or `error`, else the whole object as JSON."""
    try:
        members = _decode_result(response)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return bytes(response).decode(errors="replace"), False
    if len(members) == 1:
        ((name, value),) = members.items()
        if name in {"output", "result", "error"}:
            plain = _decode(value)
            return plain if isinstance(plain, str) else bytes(value).decode(), name == "error"
    return bytes(response).decode(), False


def _part(part: _Part, where: str) -> Part:
    for name, theirs in _OWN.items():
        if bytes(raw := getattr(part, name)) != b"null":
            whole: dict[str, Any] = {theirs: raw}
            if part.thought_signature:
                whole["thoughtSignature"] = part.thought_signature
            return Opaque(wire=WIRE, raw=Raw(_encode(whole)))
    if part.text is not None:
        return Text(part.text)
    if part.inline_data is not None or part.file_data is not None:
        return _media(_Media(part.inline_data, part.file_data), where)
    message = f"'{where}' holds nothing that is known: text, inlineData, fileData, functionCall or functionResponse"
    raise InvalidRequestError(message, code="invalid_value", param=where)


def _media(media: _Media, where: str) -> Image | Audio | File:
    if media.inline_data is not None:
        return _inline(media.inline_data)
    if media.file_data is None or not media.file_data.file_uri:
        message = f"'{where}' must hold inlineData or fileData with a fileUri"
        raise InvalidRequestError(message, code="missing_field", param=where)
    file = media.file_data
    kind = file.mime_type or None
    if _is_googles(file.file_uri):
        return File(file_id=file.file_uri, media_type=kind, filename=file.display_name)
    if kind and kind.startswith("image/"):
        return Image(url=file.file_uri, media_type=kind)
    return File(url=file.file_uri, media_type=kind, filename=file.display_name)


def _is_googles(uri: str) -> bool:
    """Tell whether only Google can fetch an address: a file that was sent there before, or Cloud Storage."""
    return uri.startswith(("gs://", "files/")) or "/v1beta/files/" in uri or "/v1/files/" in uri


def _inline(blob: _Blob) -> Image | Audio | File:
    # Data may be in the alphabet for addresses, which Google takes and others do not.
    data = blob.data.replace("-", "+").replace("_", "/")
    kind, _, sort = blob.mime_type.partition(";")[0].partition("/")
    if kind == "image":
        return Image(data=data, media_type=blob.mime_type)
    if kind == "audio":
        return Audio(data=data, format=_SOUNDS.get(sort, sort))
    return File(data=data, media_type=blob.mime_type or None, filename=blob.display_name)


_SOUNDS: Final = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav", "x-aac": "aac", "x-flac": "flac"}
"""Names of sound formats as other wires know them."""

"""Reads the messages of a chat completion request."""

from __future__ import annotations

from typing import Any, Final, TypeVar

from msgspec import Raw, Struct

from wye.core.content import (
    Audio,
    File,
    FunctionCall,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    Role,
    Text,
    ToolCall,
    ToolResult,
)
from wye.core.errors import InvalidRequestError, UnsupportedParameterError

_T = TypeVar("_T")
NULL: Final = Raw(b"null")
"""Stands for an absent member: msgspec reads `Raw | None` as null and nothing else."""


_ROLES: Final[dict[str, Role]] = {
    "system": "system", "developer": "developer", "user": "user", "assistant": "assistant", "tool": "tool",
    "function": "tool",
}  # fmt: skip


class _ImageUrl(Struct):
    url: str
    detail: str | None = None


class _InputAudio(Struct):
    data: str
    format: str


class _FileRef(Struct):
    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class _Part(Struct):
    type: str
    text: str | None = None
    image_url: _ImageUrl | str | None = None
    input_audio: _InputAudio | str | None = None
    file: _FileRef | None = None
    document_url: str | None = None
    thinking: Any = None
    refusal: str | None = None
    cache_control: Raw = NULL


class _Function(Struct):
    name: str
    arguments: str = ""


class _ToolCall(Struct):
    id: str
    function: _Function
    type: str = "function"


class _ReasoningDetail(Struct):
    type: str = ""
    text: str | None = None
    summary: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    format: str | None = None


class ChatMessage(Struct):
    """A message as it stands in the request."""

    role: str
    content: str | list[_Part] | None = None
    name: str | None = None
    tool_calls: list[_ToolCall] | None = None
    tool_call_id: str | None = None
    function_call: _Function | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[_ReasoningDetail] | None = None
    cache_control: Raw = NULL


def read_message(item: ChatMessage, index: int, ids: dict[str, str]) -> Message:
    """Read one message; `ids` remembers the calls of functions, which have none in OpenAI's first form of tools."""
    where = f"messages[{index}]"
    role = _ROLES.get(item.role)
    if role is None:
        message = f"'{where}.role' must be one of {', '.join(_ROLES)}, not {item.role!r}"
        raise InvalidRequestError(message, code="invalid_value", param=f"{where}.role")
    parts = _parts(item, where)
    if role == "tool":
        call_id = item.tool_call_id or ids.get(item.name or "") or item.name
        if not call_id:
            message = f"'{where}.tool_call_id' is required for a tool's result"
            raise InvalidRequestError(message, code="missing_field", param=f"{where}.tool_call_id")
        allowed = tuple(part for part in parts if isinstance(part, Text | Image | Audio | File))
        return Message(role=role, parts=(ToolResult(call_id=call_id, parts=allowed, cache=given(item.cache_control)),))
    if role == "assistant":
        calls = _calls(item)
        if item.function_call is not None and not calls:
            ids[item.function_call.name] = call_id = f"call_{index}_{item.function_call.name}"
            calls = (ToolCall(call_id, FunctionCall(item.function_call.name, item.function_call.arguments)),)
        parts = (*_reasoning(item), *parts, *calls)
    return Message(role=role, parts=parts, name=item.name)


def _parts(item: ChatMessage, where: str) -> tuple[Part, ...]:
    if item.content is None:
        parts: tuple[Part, ...] = ()
    elif isinstance(item.content, str):
        parts = (Text(item.content, given(item.cache_control)),) if item.content else ()
    else:
        parts = tuple(_part(part, f"{where}.content[{at}]") for at, part in enumerate(item.content))
    return (*parts, Refusal(item.refusal)) if item.refusal else parts


def _part(part: _Part, where: str) -> Part:
    cache = given(part.cache_control)
    match part.type:
        case "text":
            return Text(need(part.text, f"{where}.text"), cache)
        case "image_url":
            image = need(part.image_url, f"{where}.image_url")
            return _image(image if isinstance(image, _ImageUrl) else _ImageUrl(str(image)), cache)
        case "input_audio":
            audio = need(part.input_audio, f"{where}.input_audio")
            return Audio(data=audio.data, format=audio.format) if isinstance(audio, _InputAudio) else _sound(str(audio))
        case "file":
            return _file(need(part.file, f"{where}.file"), cache, where)
        case "document_url":
            return _file(_FileRef(file_data=need(part.document_url, f"{where}.document_url")), cache, where)
        case "thinking":
            return Reasoning(text=_thought(part.thinking))
        case "refusal":
            return Refusal(need(part.refusal, f"{where}.refusal"))
    message = f"'{where}.type' is {part.type!r}, which only a provider of the same wire format could understand"
    raise UnsupportedParameterError(message, param=f"{where}.type")


def _sound(audio: str) -> Audio:
    """Read a sound in Mistral's form, which is its base64, bare or as a data URL."""
    media_type, data = _data_url(audio)
    return Audio(data=data or audio, format=(media_type or "audio/mp3").removeprefix("audio/"))


def _thought(thinking: object) -> str:
    """Read a thought in Mistral's form: a text, or a list of parts."""
    if isinstance(thinking, list):
        texts = (item.get("text") for item in thinking if isinstance(item, dict))
        return "".join(text for text in texts if isinstance(text, str))
    return thinking if isinstance(thinking, str) else ""


def _image(image: _ImageUrl, cache: Raw | None) -> Image:
    media_type, data = _data_url(image.url)
    if data is None:
        return Image(url=image.url, detail=image.detail, cache=cache)
    return Image(data=data, media_type=media_type, detail=image.detail, cache=cache)


def _file(file: _FileRef, cache: Raw | None, where: str) -> File:
    if file.file_id:
        return File(file_id=file.file_id, filename=file.filename, cache=cache)
    source = need(file.file_data, f"{where}.file.file_data")
    if source.startswith(("http://", "https://")):
        return File(url=source, filename=file.filename, cache=cache)
    media_type, data = _data_url(source)
    if data is None:
        data, media_type = source, None
    if media_type is None and (file.filename or "").lower().endswith(".pdf"):
        media_type = "application/pdf"
    return File(data=data, media_type=media_type, filename=file.filename, cache=cache)


def _data_url(url: str) -> tuple[str | None, str | None]:
    """Split `data:<media type>;base64,<data>`; `(None, None)` for any other URL."""
    if not url.startswith("data:"):
        return None, None
    head, comma, data = url[5:].partition(",")
    if not comma or not head.endswith(";base64"):
        return None, None
    return head.removesuffix(";base64").partition(";")[0] or None, data


def given(raw: Raw) -> Raw | None:
    """Return a member that is there."""
    return None if bytes(raw) == b"null" else raw


def need(value: _T | None, param: str) -> _T:
    """Return a member that must be there; raise `InvalidRequestError` where it is not."""
    if value is None:
        message = f"'{param}' is required"
        raise InvalidRequestError(message, code="missing_field", param=param)
    return value


def _reasoning(item: ChatMessage) -> tuple[Reasoning, ...]:
    """Read what the model thought; pieces of a stream, which a client may have kept one by one, become one again."""
    calls = {call.id for call in item.tool_calls or ()}
    pieces: list[Reasoning] = []
    text = ""
    summary = False
    for detail in item.reasoning_details or ():
        if detail.id is not None and detail.id in calls:
            continue
        text += detail.text or detail.summary or ""
        summary = summary or detail.summary is not None
        if detail.signature or detail.data:
            pieces.append(
                Reasoning(
                    text=text,
                    signature=detail.signature,
                    encrypted=detail.data,
                    id=detail.id,
                    origin=detail.format,
                    summary=summary,
                )
            )
            text, summary = "", False
    text = text or ("" if pieces else item.reasoning_content or item.reasoning or "")
    if text:
        pieces.append(Reasoning(text=text, summary=summary))
    return tuple(pieces)


def _calls(item: ChatMessage) -> tuple[ToolCall, ...]:
    signed = {detail.id: detail for detail in item.reasoning_details or () if detail.id and detail.data}
    calls = []
    for call in item.tool_calls or ():
        detail = signed.get(call.id)
        calls.append(
            ToolCall(
                call.id,
                FunctionCall(call.function.name, call.function.arguments),
                signature=detail.data if detail else None,
                origin=detail.format if detail else None,
            )
        )
    return tuple(calls)

"""Reads the items of a request's input into turns, and a conversation into the request to sum it up."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from wye.core.content import (
    File,
    FunctionCall,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Role,
    Text,
    ToolCall,
    ToolResult,
)
from wye.core.errors import InvalidRequestError, UnsupportedParameterError
from wye.core.sealed import PREFIX, RECAP_HEADING, Sealed, unseal
from wye.surfaces.openai_responses.wire import NULL, WIRE, given, need

CUSTOM_SCHEMA: Final = Raw(
    b'{"type":"object","properties":{"input":{"type":"string"}},"required":["input"],"additionalProperties":false}'
)
"""The parameters of a custom tool on wires where every tool is a function."""


class _Part(Struct):
    type: str = ""
    text: str | None = None
    refusal: str | None = None
    image_url: str | None = None
    file_id: str | None = None
    detail: str | None = None
    file_data: str | None = None
    file_url: str | None = None
    filename: str | None = None
    prompt_cache_breakpoint: Raw = NULL


class _Item(Struct):
    type: str | None = None
    role: str | None = None
    id: str | None = None
    content: str | list[_Part] | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str = ""
    input: str = ""
    output: str | list[_Part] | None = None
    summary: list[_Part] | None = None
    encrypted_content: str | None = None


class _Kind(Struct):
    type: str | None = None
    role: str | None = None
    id: str | None = None


_ROLES: Final[dict[str, Role]] = {
    "system": "system", "developer": "developer", "user": "user", "assistant": "assistant",
}  # fmt: skip
_TYPED: Final = frozenset({
    "message", "function_call", "custom_tool_call", "function_call_output", "custom_tool_call_output", "reasoning",
    "compaction", "compaction_summary",
})  # fmt: skip
"""Items every wire has words for; the rest is decoded by nobody but a provider of this wire format."""

_EPHEMERAL: Final = Raw(b'{"type":"ephemeral"}')
_decode_input = msgspec.json.Decoder(str | list[Raw] | None).decode
_decode_kind = msgspec.json.Decoder(_Kind).decode
_decode_item = msgspec.json.Decoder(_Item).decode
_decode_instructions = msgspec.json.Decoder(str | list[Raw] | None).decode
_encode = msgspec.json.Encoder().encode
_PLACE: Final = re.compile(r" - at `\$\.?(.*?)`$")


def messages_of(instructions: Raw, given_input: Raw) -> tuple[Message, ...]:
    """Return a request's conversation; what the model said between two turns of the caller's is one message."""
    messages: list[Message] = []
    for name, raw in (("instructions", instructions), ("input", given_input)):
        value = _read(_decode_input, raw, name)
        if isinstance(value, str):
            role: Role = "system" if name == "instructions" else "user"
            messages.append(Message(role=role, parts=(Text(value),) if value else ()))
        else:
            messages += _turns(value or (), name)
    if not any(message.role != "system" or message.parts for message in messages):
        message = "'input' must hold something to answer"
        raise InvalidRequestError(message, code="missing_field", param="input")
    return tuple(message for message in messages if message.parts or message.role != "system")


def _turns(raws: Iterable[Raw], name: str) -> list[Message]:
    turns: list[Message] = []
    said: list[Part] = []
    signatures: dict[str, Sealed] = {}
    for at, raw in enumerate(raws):
        where = f"{name}[{at}]"
        role, parts = _item(raw, where, signatures)
        if role == "assistant":
            said += parts
            continue
        if said:
            turns.append(Message(role="assistant", parts=tuple(said)))
            said = []
        turns.append(Message(role=role, parts=tuple(parts)))
    if said:
        turns.append(Message(role="assistant", parts=tuple(said)))
    return [_signed(turn, signatures) for turn in turns] if signatures else turns


def _signed(turn: Message, signatures: dict[str, Sealed]) -> Message:
    """Give tool calls back the signatures that travelled beside them."""
    return msgspec.structs.replace(turn, parts=tuple(_signed_part(part, signatures) for part in turn.parts))


def _signed_part(part: Part, signatures: dict[str, Sealed]) -> Part:
    if isinstance(part, ToolCall) and (known := signatures.get(part.id)) is not None:
        return msgspec.structs.replace(part, signature=known.signature, origin=known.origin)
    return part


def _read(decoder: Callable[[Raw], Any], raw: Raw, where: str) -> Any:
    try:
        return decoder(raw)
    except msgspec.ValidationError as error:
        text = str(error)
        place = _PLACE.search(text)
        param = f"{where}.{place.group(1)}".replace(".[", "[") if place else where
        what = (text[: place.start()] if place else text).replace("`", "")
        raise InvalidRequestError(f"'{param}': {what}", code="invalid_type", param=param) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"the request body is not valid JSON: {error}"
        raise InvalidRequestError(message, code="invalid_json") from None


def _item(raw: Raw, where: str, signatures: dict[str, Sealed]) -> tuple[Role, list[Part]]:
    """Return who speaks in an item, and what is said."""
    kind: _Kind = _read(_decode_kind, raw, where)
    named = kind.type or ("message" if kind.role else "item_reference")
    if named == "item_reference":
        message = f"there is no item {kind.id!r} to refer to; send the item itself"
        raise InvalidRequestError(message, code="item_not_found", param=where)
    if named not in _TYPED:
        return "assistant", [Opaque(wire=WIRE, raw=raw)]
    item: _Item = _read(_decode_item, raw, where)
    match named:
        case "message":
            return _message(item, where)
        case "reasoning":
            return "assistant", _reasoning(item, signatures)
        case "compaction" | "compaction_summary":
            return _compaction(item, raw)
        case "function_call":
            call = FunctionCall(need(item.name, f"{where}.name"), item.arguments)
            return "assistant", [ToolCall(need(item.call_id, f"{where}.call_id"), call)]
        case "custom_tool_call":
            call = FunctionCall(need(item.name, f"{where}.name"), _encode({"input": item.input}).decode())
            return "assistant", [ToolCall(need(item.call_id, f"{where}.call_id"), call)]
    call_id = need(item.call_id, f"{where}.call_id")
    need(item.output, f"{where}.output")
    parts = _parts(item.output or "", f"{where}.output")
    allowed = tuple(part for part in parts if isinstance(part, Text | Image | File))
    return "tool", [ToolResult(call_id=call_id, parts=allowed)]


def _message(item: _Item, where: str) -> tuple[Role, list[Part]]:
    role = _ROLES.get(item.role or "user")
    if role is None:
        message = f"'{where}.role' must be one of {', '.join(_ROLES)}, not {item.role!r}"
        raise InvalidRequestError(message, code="invalid_value", param=f"{where}.role")
    return role, _parts(item.content or "", f"{where}.content")


def _parts(content: str | list[_Part], where: str) -> list[Part]:
    if isinstance(content, str):
        return [Text(content)] if content else []
    return [_part(part, f"{where}[{at}]") for at, part in enumerate(content)]


def _part(part: _Part, where: str) -> Part:
    cache = _EPHEMERAL if given(part.prompt_cache_breakpoint) is not None else None
    match part.type:
        case "input_text" | "output_text" | "text" | "summary_text" | "reasoning_text":
            return Text(need(part.text, f"{where}.text"), cache)
        case "refusal":
            return Refusal(need(part.refusal, f"{where}.refusal"))
        case "input_image" if part.image_url is not None:
            media_type, data = _data_url(part.image_url)
            url = None if data is not None else part.image_url
            return Image(url=url, data=data, media_type=media_type, detail=part.detail, cache=cache)
        case "input_file":
            return _file(part, cache, where)
        case "input_image":
            message = f"'{where}.image_url' is required: a file of the provider's is known to that provider only"
            raise UnsupportedParameterError(message, param=f"{where}.image_url")
    message = f"'{where}.type' is {part.type!r}, which only a provider of the same wire format could understand"
    raise UnsupportedParameterError(message, param=f"{where}.type")


def _file(part: _Part, cache: Raw | None, where: str) -> File:
    if part.file_id:
        return File(file_id=part.file_id, filename=part.filename, cache=cache)
    if part.file_url:
        return File(url=part.file_url, filename=part.filename, cache=cache)
    media_type, data = _data_url(need(part.file_data, f"{where}.file_data"))
    if data is None:
        data = part.file_data
    if media_type is None and (part.filename or "").lower().endswith(".pdf"):
        media_type = "application/pdf"
    return File(data=data, media_type=media_type, filename=part.filename, cache=cache)


def _data_url(url: str) -> tuple[str | None, str | None]:
    """Split `data:<media type>;base64,<data>`; `(None, None)` for any other URL."""
    if not url.startswith("data:"):
        return None, None
    head, comma, data = url[5:].partition(",")
    if not comma or not head.endswith(";base64"):
        return None, None
    return head.removesuffix(";base64").partition(";")[0] or None, data


def _reasoning(item: _Item, signatures: dict[str, Sealed]) -> list[Part]:
    """Read reasoning: a provider's of this wire format, or what another wire format gave a client to carry."""
    text = "".join(part.text or "" for part in (item.content if isinstance(item.content, list) else ()) or ())
    summary = "\n\n".join(part.text or "" for part in item.summary or ())
    said, sums_up = text or summary, not text and bool(summary)
    sealed = unseal(item.encrypted_content)
    if sealed is None:
        if item.encrypted_content and item.encrypted_content.startswith(PREFIX):
            return []  # damaged on its way
        encrypted = item.encrypted_content or None
        return [Reasoning(text=said, encrypted=encrypted, id=item.id, origin=WIRE, summary=sums_up)]
    if sealed.call_id is not None:
        signatures[sealed.call_id] = sealed
        return []
    if bytes(sealed.opaque) != b"null":
        return [Opaque(wire=sealed.origin or "", raw=sealed.opaque)]
    return [
        Reasoning(
            text=said,
            signature=sealed.signature,
            encrypted=sealed.encrypted,
            id=sealed.id,
            origin=sealed.origin,
            summary=sealed.summary,
        )
    ]


def _compaction(item: _Item, raw: Raw) -> tuple[Role, list[Part]]:
    sealed = unseal(item.encrypted_content)
    if sealed is None or sealed.recap is None:
        return "assistant", [Opaque(wire=WIRE, raw=raw)]
    return "user", [Text(RECAP_HEADING + sealed.recap)]


# --- Compaction for models that have none of their own ---

_SUMMARISE: Final = (
    "You are given the transcript of a conversation between a user and an assistant that may call tools. Write what "
    "the assistant must know to go on without the transcript: the user's wishes and constraints in their own words "
    "where those matter, decisions, facts and figures, names, file paths, identifiers, results of tools, what was done "
    "and what remains to be done. Do not answer the conversation, do not add anything; write the summary, nothing else."
)


def summarising(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Return a conversation that asks for the summary of `messages`.

    The conversation becomes a transcript, so that neither its tools nor its signatures are needed to sum it up.
    """
    transcript = "\n\n".join(line for message in messages for line in _lines(message))
    return (
        Message(role="system", parts=(Text(_SUMMARISE),)),
        Message(role="user", parts=(Text(f"<transcript>\n{transcript}\n</transcript>"),)),
    )


def _lines(message: Message) -> Iterable[str]:
    for part in message.parts:
        match part:
            case Text(text=text) | Refusal(text=text):
                yield f"[{message.role}] {text}"
            case ToolCall():
                yield f"[{message.role} calls {part.name}] {part.arguments}"
            case ToolResult():
                said = " ".join(p.text if isinstance(p, Text) else f"({type(p).__name__.lower()})" for p in part.parts)
                yield f"[tool] {said}"
            case Image() | File():
                yield f"[{message.role}] ({type(part).__name__.lower()})"


def custom_input(arguments: str) -> str:
    """Return the text a model gave to a custom tool that was told to it as a function of one string."""
    try:
        value = json.loads(arguments)
    except ValueError:
        return arguments
    text = value.get("input") if isinstance(value, dict) else None
    return text if isinstance(text, str) else arguments

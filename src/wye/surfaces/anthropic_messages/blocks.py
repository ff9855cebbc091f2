"""Reads the content blocks of a Messages request into parts that every wire can say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec
from msgspec import Raw, Struct

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
from wye.core.errors import InvalidRequestError, UnsupportedParameterError
from wye.core.sealed import Sealed, unseal
from wye.surfaces import decode_request

WIRE: Final = "anthropic_messages"
NO_THREADS: Final = "thread_unsupported_request"
"""Anthropic's code for a request whose conversation cannot be held by the server; its SDK then sends all of it."""
NULL: Final = Raw(b"null")
"""Stands for an absent member: msgspec reads `Raw | None` as null and nothing else."""


class _Source(Struct):
    type: str = ""
    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    file_id: str | None = None
    content: str | list[Raw] | None = None


class _Block(Struct):
    type: str
    text: str | None = None
    source: _Source | str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    name: str | None = None
    input: Raw = NULL
    tool_use_id: str | None = None
    tool_name: str | None = None
    content: Raw = NULL
    is_error: bool | None = None
    title: str | None = None
    context: str | None = None
    cache_control: Raw = NULL


_decode_block = msgspec.json.Decoder(_Block).decode
_decode_content = msgspec.json.Decoder(str | list[Raw] | None).decode
_encode = msgspec.json.Encoder().encode
_RESULT_PARTS: Final = (Text, Image, Audio, File)


def given(raw: Raw) -> Raw | None:
    """Return a member that is there, and not null."""
    return None if bytes(raw) == b"null" else raw


def read_system(system: str | list[Raw] | None) -> tuple[Message, ...]:
    """Return the system prompt as a message, none where there is none."""
    if not system:
        return ()
    if isinstance(system, str):
        return (Message(role="system", parts=(Text(system),)),)
    return (Message(role="system", parts=tuple(_user_parts(_blocks(system, "system"), "system", drop=False))),)


def read_messages(turns: Iterable[tuple[str, str | list[Raw]]], *, drop: bool) -> Iterator[Message]:
    """Return the turns; the results of tools, which are part of a user's turn here, become messages before it.

    `drop` leaves out what no other provider could understand, instead of refusing it.
    """
    for index, (role, content) in enumerate(turns):
        where = f"messages[{index}]"
        if role not in {"user", "assistant", "system"}:
            message = f"'{where}.role' must be 'user' or 'assistant', not {role!r}"
            raise InvalidRequestError(message, code="invalid_value", param=f"{where}.role")
        if isinstance(content, str):
            yield Message(role=role, parts=(Text(content),) if content else ())  # type: ignore[arg-type]  # checked above
            continue
        blocks = _blocks(content, f"{where}.content")
        if role == "assistant":
            yield Message(role="assistant", parts=tuple(_assistant_parts(blocks)))
            continue
        results = [(at, block) for at, (block, _) in enumerate(blocks) if block.type == "tool_result"]
        for at, block in results:
            yield Message(role="tool", parts=(_tool_result(block, f"{where}.content[{at}]", drop=drop),))
        rest = [(block, raw) for block, raw in blocks if block.type != "tool_result"]
        if rest or not results:
            parts = tuple(_user_parts(rest, f"{where}.content", drop=drop))
            yield Message(role=role, parts=parts)  # type: ignore[arg-type]  # checked above


def _blocks(content: Sequence[Raw], where: str) -> list[tuple[_Block, Raw]]:
    blocks = []
    for at, raw in enumerate(content):
        try:
            blocks.append((decode_request(_decode_block, bytes(raw)), raw))
        except InvalidRequestError as error:
            param = f"{where}[{at}].{error.param}" if error.param else f"{where}[{at}]"
            what = error.message.replace(f"'{error.param}'", f"'{param}'", 1) if error.param else error.message
            raise InvalidRequestError(what, code=error.code, param=param) from None
    return blocks


def _user_parts(blocks: Iterable[tuple[_Block, Raw]], where: str, *, drop: bool) -> Iterator[Part]:
    for at, (block, raw) in enumerate(blocks):
        found = list(_plain_parts(block, f"{where}[{at}]", drop=drop))
        yield from found or (Opaque(wire=WIRE, raw=raw),)


def _plain_parts(block: _Block, where: str, *, drop: bool) -> Iterator[Text | Image | Audio | File]:
    """Yield what a block is in words that every wire has; nothing where only this one has any."""
    cache = given(block.cache_control)
    match block:
        case _Block(type="text", text=text):
            yield Text(_need(text, f"{where}.text"), cache)
        case _Block(type="image", source=_Source() as source):
            if _reachable(source, where, drop=drop):
                yield Image(url=source.url, data=source.data, media_type=source.media_type, cache=cache)
        case _Block(type="document", source=_Source() as source):
            yield from _document(block, source, where, drop=drop)
        case _Block(type="search_result", source=str(address)):
            inner = "".join(part.text for part in _inner(block.content, where, drop=drop) if isinstance(part, Text))
            yield Text(_titled(block.title, address, inner), cache)
        case _Block(type="tool_reference", tool_name=str(name)):
            yield Text(name)
        case _Block(type="image" | "document" | "search_result"):
            raise InvalidRequestError(f"'{where}.source' is required", code="missing_field", param=f"{where}.source")


def _reachable(source: _Source, where: str, *, drop: bool) -> bool:
    """Tell whether anybody but Anthropic could get at a source; raise where it may not be left out."""
    if source.data is not None or source.url is not None:
        return True
    if not drop:
        message = f"'{where}.source' names a file that only its own provider has; send the data instead"
        raise UnsupportedParameterError(message, param=f"{where}.source")
    return False


def _document(block: _Block, source: _Source, where: str, *, drop: bool) -> Iterator[Text | Image | Audio | File]:
    cache = given(block.cache_control)
    match source:
        case _Source(type="text", data=str(text)):
            yield Text(_titled(block.title, block.context, text), cache)
            return
        case _Source(type="content"):
            if heading := _titled(block.title, block.context, ""):
                yield Text(heading)
            yield from _inner(Raw(_encode(source.content)), f"{where}.source", drop=drop)
            return
    if not _reachable(source, where, drop=drop):
        return
    if block.context:
        yield Text(block.context)
    yield File(
        data=source.data,
        url=source.url,
        media_type=source.media_type or "application/pdf",
        filename=block.title,
        cache=cache,
    )


def _titled(title: str | None, context: str | None, text: str) -> str:
    return "\n".join(line for line in (title, context, text) if line)


def _inner(content: Raw, where: str, *, drop: bool) -> Iterator[Text | Image | Audio | File]:
    """Yield the parts of a block that has content of its own; what no other wire has words for is kept as its JSON."""
    try:
        items = _decode_content(bytes(content))
    except msgspec.ValidationError:
        items = [content]
    if isinstance(items, str):
        yield from (Text(items),) if items else ()
        return
    for at, (block, raw) in enumerate(_blocks(items or (), f"{where}.content")):
        found = list(_plain_parts(block, f"{where}.content[{at}]", drop=drop))
        yield from found or (Text(bytes(raw).decode(errors="replace")),)


def _tool_result(block: _Block, where: str, *, drop: bool) -> ToolResult:
    return ToolResult(
        call_id=_need(block.tool_use_id, f"{where}.tool_use_id"),
        parts=tuple(_inner(block.content, where, drop=drop)),
        is_error=bool(block.is_error),
        cache=given(block.cache_control),
    )


def _assistant_parts(blocks: Sequence[tuple[_Block, Raw]]) -> Iterator[Part]:
    """Yield the parts of a turn of the model's; what was sealed for another wire comes out as that wire's own."""
    sealed = [unseal(block.data) if block.type == "redacted_thinking" else None for block, _ in blocks]
    signed = {piece.call_id: piece for piece in sealed if piece is not None and piece.call_id is not None}
    for (block, raw), piece in zip(blocks, sealed, strict=True):
        match block:
            case _Block(type="text", text=text):
                yield Text(text or "", given(block.cache_control))
            case _Block(type="thinking"):
                yield _thinking(block)
            case _Block(type="redacted_thinking") if piece is not None:
                yield from _unsealed(piece)
            case _Block(type="redacted_thinking", data=data):
                yield Reasoning(encrypted=data, origin=WIRE)
            case _Block(type="tool_use", id=str(call_id), name=str(name)):
                signature = signed.get(call_id) or Sealed()
                arguments = bytes(block.input).decode(errors="replace") if given(block.input) else "{}"
                yield ToolCall(
                    call_id,
                    FunctionCall(name, arguments),
                    signature=signature.signature,
                    origin=signature.origin,
                )
            case _:
                yield Opaque(wire=WIRE, raw=raw)


def _thinking(block: _Block) -> Reasoning:
    text = block.thinking or ""
    if (piece := unseal(block.signature)) is None:
        return Reasoning(text=text, signature=block.signature or None, origin=WIRE)
    return Reasoning(
        text=text,
        signature=piece.signature,
        encrypted=piece.encrypted,
        id=piece.id,
        origin=piece.origin,
        summary=piece.summary,
    )


def _unsealed(piece: Sealed) -> Iterator[Part]:
    if (opaque := given(piece.opaque)) is not None:
        yield Opaque(wire=piece.origin or "", raw=opaque)
    elif piece.call_id is None:
        yield Reasoning(
            signature=piece.signature,
            encrypted=piece.encrypted,
            id=piece.id,
            origin=piece.origin,
            summary=piece.summary,
        )


def _need(value: str | None, param: str) -> str:
    if value is None:
        raise InvalidRequestError(f"'{param}' is required", code="missing_field", param=param)
    return value

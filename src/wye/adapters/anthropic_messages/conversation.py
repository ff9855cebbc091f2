"""Says messages as the system text, turns and content blocks of this wire."""

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any, Final

from msgspec import Raw

from wye.adapters import arguments_object, cannot_express
from wye.adapters.anthropic_messages.same import WIRE
from wye.core.content import (
    CLAUDE_SIGNED,
    Audio,
    File,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from wye.core.request import ChatRequest

_NOT_IN_IDS: Final = re.compile(r"[^a-zA-Z0-9_-]")


class Conversation:
    """The messages of a request in two lists of this wire, `system` and `turns`.

    Neighbouring turns of one role become one, as the wire wants them. Names of what is left out or expressed by other
    means are added to the lists given.
    """

    def __init__(self, chat: ChatRequest, dropped: list[str], emulated: list[str], *, drop: bool) -> None:
        """Say the messages of `chat`; `drop` leaves out what the wire cannot say instead of refusing it."""
        self.system: list[dict[str, Any]] = []
        self.turns: list[dict[str, Any]] = []
        self._dropped = dropped
        self._drop = drop
        for index, message in enumerate(chat.messages):
            where = f"messages[{index}]"
            blocks = list(self._blocks(message, where))
            if message.role in {"system", "developer"}:
                if self.turns:
                    emulated.append(f"{where}.role")  # the wire knows system text at the beginning only
                self.system += blocks
            elif blocks:
                self._add("assistant" if message.role == "assistant" else "user", blocks)

    def _add(self, role: str, blocks: list[dict[str, Any]]) -> None:
        if self.turns and self.turns[-1]["role"] == role:
            self.turns[-1]["content"] += blocks
        else:
            self.turns.append({"role": role, "content": blocks})

    def _blocks(self, message: Message, where: str) -> Iterator[Any]:
        for at, part in enumerate(message.parts):
            here = f"{where}.content[{at}]"
            match part:
                case Text(text=text) | Refusal(text=text) if not text.strip():
                    continue  # the wire refuses blank text
                case Opaque() | Reasoning():
                    block = part.raw if isinstance(part, Opaque) and part.wire == WIRE else _thinking(part)
                    if block is None:
                        self._dropped.append(here)
                    else:
                        yield block
                case ToolResult():
                    yield self._tool_result(part, where)
                case Audio() if self._drop:
                    self._dropped.append(here)
                case _:
                    yield _block(part, here)

    def _tool_result(self, result: ToolResult, where: str) -> dict[str, Any]:
        block: dict[str, Any] = {
            "type": "tool_result",
            "tool_use_id": _tool_id(result.call_id),
            "content": list(self._blocks(Message(role="tool", parts=result.parts), where)),
        }
        if result.is_error:
            block["is_error"] = True
        return cached(block, result.cache)


def cached(block: dict[str, Any], cache: Raw | None) -> dict[str, Any]:
    """Mark a block as the end of what is to be cached, where the caller did so."""
    if cache is not None:
        block["cache_control"] = cache
    return block


def _block(part: Part, where: str) -> dict[str, Any]:
    match part:
        case Text(text=text, cache=cache):
            return cached({"type": "text", "text": text}, cache)
        case Refusal(text=text):
            return {"type": "text", "text": text}
        case Image():
            return cached({"type": "image", "source": _source(part.url, part.data, part.media_type)}, part.cache)
        case File():
            return cached(_document(part, where), part.cache)
        case ToolCall():
            return {
                "type": "tool_use",
                "id": _tool_id(part.id),
                "name": part.name,
                "input": arguments_object(part.arguments, where),
            }
    raise cannot_express(where, WIRE)


def _thinking(part: Reasoning | Opaque) -> dict[str, Any] | None:
    """Give signed thoughts back; what Claude did not sign came from another model, and the wire refuses that."""
    if isinstance(part, Opaque):
        return None
    ours = part.origin in {None, WIRE}
    if part.encrypted and ours:
        return {"type": "redacted_thinking", "data": part.encrypted}
    if part.signature and (ours or part.origin in CLAUDE_SIGNED):
        return {"type": "thinking", "thinking": part.text, "signature": part.signature}
    return None


def _source(url: str | None, data: str | None, media_type: str | None) -> dict[str, Any]:
    if data is None:
        return {"type": "url", "url": url}
    return {"type": "base64", "media_type": media_type or "image/jpeg", "data": data}


def _document(file: File, where: str) -> dict[str, Any]:
    media_type = file.media_type or "application/pdf"
    if file.file_id:
        source: dict[str, Any] = {"type": "file", "file_id": file.file_id}
    elif file.url:
        source = {"type": "url", "url": file.url}
    elif media_type == "application/pdf":
        source = {"type": "base64", "media_type": "application/pdf", "data": file.data}
    elif media_type.startswith("image/"):
        return {"type": "image", "source": _source(None, file.data, media_type)}
    elif media_type.startswith("text/") and (text := _text(file.data)) is not None:
        source = {"type": "text", "media_type": "text/plain", "data": text}
    else:
        raise cannot_express(f"{where}.file", WIRE)
    title = {"title": file.filename} if file.filename else {}
    return {"type": "document", "source": source, **title}


def _text(data: str | None) -> str | None:
    try:
        return base64.b64decode(data or "", validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def _tool_id(call_id: str) -> str:
    return _NOT_IN_IDS.sub("_", call_id) or "_"

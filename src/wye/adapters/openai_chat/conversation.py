"""Says the messages of a conversation that came in another wire format."""

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeVar

from wye.adapters import Target, cannot_express
from wye.adapters.openai_chat.notes import WIRE, Notes
from wye.catalog.schema import WireTraits
from wye.core.content import (
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

_NINE_ALPHANUMERIC: Final = re.compile(r"[a-zA-Z0-9]{9}")
_LONGEST_ID: Final = 40
"""OpenAI's limit; https://platform.openai.com/docs/api-reference/chat/create."""
_LETTERS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_T = TypeVar("_T")


def call_id(given: str, form: str) -> str:
    """Return a tool call's id in the form a provider insists on: itself where it fits, else the same one every time."""
    if form == "nine_alphanumeric":
        if _NINE_ALPHANUMERIC.fullmatch(given):
            return given
        number = int.from_bytes(hashlib.blake2b(given.encode(errors="replace"), digest_size=8).digest())
        return "".join(_LETTERS[number // len(_LETTERS) ** place % len(_LETTERS)] for place in range(9))
    if len(given) <= _LONGEST_ID:
        return given
    return "call_" + hashlib.blake2b(given.encode(errors="replace"), digest_size=12).hexdigest()


def messages(chat: ChatRequest, target: Target, notes: Notes) -> list[dict[str, Any]]:
    """Return the conversation in this wire's words."""
    writer = _Writer(target.traits, notes)
    wanted = _turns_with_thoughts(chat.messages, target.traits)
    written: list[dict[str, Any]] = []
    for index, message in enumerate(chat.messages):
        written += writer.message(message, f"messages[{index}]", thoughts=index in wanted)
    written += writer.pictures()
    if target.traits.alternating:
        return alternated(written, notes)
    return written


def _turns_with_thoughts(conversation: Iterable[Message], traits: WireTraits) -> set[int]:
    """Return the places of the messages whose thoughts the provider wants back."""
    if traits.reasoning_back in {None, "never"}:
        return set()
    said: list[list[tuple[int, Message]]] = [[]]
    for index, message in enumerate(conversation):
        if message.role == "user" and not any(isinstance(part, ToolResult) for part in message.parts):
            said.append([])
        elif message.role == "assistant":
            said[-1].append((index, message))
    return {
        index
        for turn in said
        if traits.reasoning_turns == "all" or any(_only(ToolCall, message.parts) for _, message in turn)
        for index, _ in turn
    }


class _Writer:
    """Writes one message after the other; pictures that tools returned wait until all results are said."""

    def __init__(self, traits: WireTraits, notes: Notes) -> None:
        self._traits = traits
        self._notes = notes
        self._waiting: list[dict[str, Any]] = []

    def message(self, message: Message, where: str, *, thoughts: bool) -> Iterator[dict[str, Any]]:
        """Write a message; one that holds results of tools becomes one for each and one for the rest."""
        results = _only(ToolResult, message.parts)
        if not results:
            yield from self.pictures()
        for result in results:
            yield self._result(result, where)
        rest = [part for part in message.parts if not isinstance(part, ToolResult)]
        if results and not rest:
            return
        if results:
            yield from self.pictures()
        if message.role == "assistant":
            yield self._assistant(message, where, thoughts=thoughts)
            return
        role = "user" if message.role == "tool" else message.role
        if role == "developer" and not self._traits.developer_role:
            role = "system"
        name = {"name": message.name} if message.name and "name" not in self._traits.refuses else {}
        yield {"role": role, **name, "content": self._content(rest, where, named=True)}

    def pictures(self) -> Iterator[dict[str, Any]]:
        """Write a message of the user's with what could not stand in a tool's result."""
        if self._waiting:
            yield {"role": "user", "content": self._waiting}
            self._waiting = []

    def _assistant(self, message: Message, where: str, *, thoughts: bool) -> dict[str, Any]:
        written: dict[str, Any] = {"role": "assistant"}
        refusal = "".join(part.text for part in _only(Refusal, message.parts))
        said = [part for part in message.parts if not isinstance(part, Reasoning | ToolCall | Refusal)]
        if refusal and "refusal" not in self._traits.takes:
            said.append(Text(refusal))
            refusal = ""
        calls = _only(ToolCall, message.parts)
        content = self._content(said, where)
        if refusal:
            written["refusal"] = refusal
        if content or not (calls or refusal):
            written["content"] = content
        else:
            written["content"] = None
        if calls:
            written["tool_calls"] = [self._call(call) for call in calls]
        if thoughts:
            self._think(written, message)
        return written

    def _call(self, call: ToolCall) -> dict[str, Any]:
        function = {"name": call.name, "arguments": call.arguments if call.arguments.strip() else "{}"}
        return {"id": call_id(call.id, self._traits.tool_call_ids), "type": "function", "function": function}

    def _think(self, written: dict[str, Any], message: Message) -> None:
        """Give thoughts back in the member the provider reads; foreign signatures mean nothing to it."""
        pieces = _only(Reasoning, message.parts)
        text = "".join(piece.text for piece in pieces)
        match self._traits.reasoning_back:
            case "reasoning_details":
                details = [_detail(piece) for piece in pieces if self._is_own(piece)]
                details += [_signed(call) for call in _only(ToolCall, message.parts) if self._is_own(call)]
                if details:
                    written["reasoning_details"] = details
                elif text:
                    written["reasoning"] = text
            case "thinking":
                if text:
                    content = written["content"] or []
                    rest = [{"type": "text", "text": content}] if isinstance(content, str) else content
                    thought = {"type": "thinking", "thinking": [{"type": "text", "text": text}]}
                    written["content"] = [thought, *rest]
            case "reasoning_content" | "reasoning" as member:
                if text or (self._traits.reasoning_turns == "tools" and "tool_calls" in written):
                    written[member] = text  # a model that thinks refuses its calls of tools without any

    def _is_own(self, piece: Reasoning | ToolCall) -> bool:
        """Tell whether a thought can go back as it came: a format the provider signs, or one that nobody named."""
        if piece.origin in {None, WIRE}:
            return bool(piece.signature or (isinstance(piece, Reasoning) and piece.encrypted))
        if isinstance(piece, ToolCall) and not piece.signature:
            return False
        return piece.origin in self._traits.reasoning_formats

    def _result(self, result: ToolResult, where: str) -> dict[str, Any]:
        """Say a result as text: it is all that this wire's tools return. An error says that it is one."""
        texts = [part for part in result.parts if isinstance(part, Text)]
        others = [part for part in result.parts if not isinstance(part, Text)]
        if others:
            self._notes.emulate(f"{where}.content")
            self._waiting += [self._part(part, where) for part in others]
            texts = texts or [Text("The tool's result follows in the next message of the user.")]
        if result.is_error:
            self._notes.emulate(f"{where}.is_error")
            texts = [Text("The tool failed: "), *texts]
        content = "".join(text.text for text in texts) if result.is_error else self._content(texts, where)
        return {
            "role": "tool",
            "tool_call_id": call_id(result.call_id, self._traits.tool_call_ids),
            "content": content,
        }

    def _content(self, parts: Iterable[Part], where: str, *, named: bool = False) -> str | list[Any]:
        """Write parts; one plain text is a string, which every provider of this wire understands."""
        written = []
        for at, part in enumerate(parts):
            if isinstance(part, Opaque) and part.wire != WIRE:
                self._notes.drop(f"{where}.content[{at}]" if named else where)
            elif not isinstance(part, Reasoning):
                written.append(self._part(part, f"{where}.content[{at}]"))
        if not written:
            return ""
        if len(written) == 1 and isinstance(written[0], dict) and set(written[0]) == {"type", "text"}:
            return str(written[0]["text"])
        return written

    def _part(self, part: Part, where: str) -> Any:
        match part:
            case Text():
                return self._cached({"type": "text", "text": part.text}, part)
            case Refusal():
                return {"type": "text", "text": part.text}
            case Image():
                return self._cached({"type": "image_url", "image_url": self._image(part, where)}, part)
            case Audio() if "input_audio" not in self._traits.refuses:
                sound = {"data": part.data, "format": part.format}
                return {"type": "input_audio", "input_audio": part.data if self._traits.audio == "string" else sound}
            case File():
                return self._cached(self._file(part, where), part)
            case Opaque():
                return part.raw
        raise cannot_express(where, WIRE)

    def _cached(self, written: dict[str, Any], part: Text | Image | File) -> dict[str, Any]:
        if part.cache is not None:
            if "cache_control" in self._traits.takes:
                written["cache_control"] = part.cache
            else:
                self._notes.drop("cache_control")
        return written

    def _image(self, image: Image, where: str) -> dict[str, Any]:
        if image.data is not None:
            url = f"data:{image.media_type or 'image/jpeg'};base64,{image.data}"
        elif image.url is not None and self._traits.images == "url":
            url = image.url
        else:
            raise cannot_express(f"{where}.image_url", WIRE)
        return {"url": url, "detail": image.detail} if image.detail else {"url": url}

    def _file(self, file: File, where: str) -> dict[str, Any]:
        name = {"filename": file.filename} if file.filename else {}
        if file.data is not None and (file.media_type or "").startswith("text/"):
            self._notes.emulate(where)  # a document that is text is a text
            return {"type": "text", "text": _plain_text(file.data)}
        source = file.url
        if file.data is not None:
            source = f"data:{file.media_type or 'application/pdf'};base64,{file.data}"
        if self._traits.files == "document_url" and source is not None:
            named = {"document_name": file.filename} if file.filename else {}
            return {"type": "document_url", "document_url": source, **named}
        if file.file_id is not None:
            return {"type": "file", "file": {"file_id": file.file_id}}
        if source is None or (file.data is None and "file_url" not in self._traits.takes):
            raise cannot_express(f"{where}.file", WIRE)
        return {"type": "file", "file": {"filename": file.filename or "document.pdf", **name, "file_data": source}}


def _plain_text(data: str) -> str:
    try:
        return base64.b64decode(data).decode(errors="replace")
    except ValueError:
        return data


def _detail(piece: Reasoning) -> dict[str, Any]:
    facts = {"id": piece.id, "format": None if piece.origin == WIRE else piece.origin, "signature": piece.signature}
    known = {name: value for name, value in facts.items() if value is not None}
    if piece.encrypted is not None:
        return {"type": "reasoning.encrypted", "data": piece.encrypted, **known}
    if piece.summary:
        return {"type": "reasoning.summary", "summary": piece.text, **known}
    return {"type": "reasoning.text", "text": piece.text, **known}


def _signed(call: ToolCall) -> dict[str, Any]:
    form = {} if call.origin in {None, WIRE} else {"format": call.origin}
    return {"type": "reasoning.encrypted", "id": call.id, "data": call.signature, **form}


def _only(kind: type[_T], parts: Iterable[Part]) -> list[_T]:
    return [part for part in parts if isinstance(part, kind)]


def alternated(written: Iterable[dict[str, Any]], notes: Notes) -> list[dict[str, Any]]:
    """Join neighbours of one role, and put what the system says first, for providers that want turns in turn."""
    everything = list(written)
    system = [message for message in everything if message["role"] == "system"]
    rest = [message for message in everything if message["role"] != "system"]
    if everything[: len(system)] != system:
        notes.emulate("messages")
    turns: list[dict[str, Any]] = []
    for message in (*system, *rest):
        if turns and turns[-1]["role"] == message["role"] and "tool_call_id" not in message:
            turns[-1] = _joined([turns[-1], message])
            notes.emulate("messages")
        else:
            turns.append(message)
    return turns


def _joined(same: list[dict[str, Any]]) -> dict[str, Any]:
    contents = [message.get("content") or "" for message in same]
    if all(isinstance(content, str) for content in contents):
        return {**same[0], "content": "\n\n".join(content for content in contents if content)}
    parts = [
        part
        for content in contents
        for part in (content if isinstance(content, list) else [{"type": "text", "text": content}] if content else [])
    ]
    return {**same[0], "content": parts}

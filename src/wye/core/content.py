"""The parts a message is made of, independent of any wire format."""

from typing import Literal, TypeAlias

from msgspec import Raw, Struct

Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool"]
FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter"]


class Text(Struct, frozen=True):
    """Plain text. `cache` asks the provider to cache the prompt up to here (`cache_control`, as the caller sent it)."""

    text: str
    cache: Raw | None = None


class Image(Struct, frozen=True, kw_only=True):
    """An image by `url`, or as base64 `data` of `media_type`."""

    url: str | None = None
    data: str | None = None
    media_type: str | None = None
    detail: str | None = None
    cache: Raw | None = None


class Audio(Struct, frozen=True, kw_only=True):
    """Base64 audio; `format` is `wav`, `mp3` and the like."""

    data: str
    format: str


class File(Struct, frozen=True, kw_only=True):
    """A document as base64 `data` of `media_type`, by `url`, or by the provider's own `file_id`."""

    data: str | None = None
    url: str | None = None
    file_id: str | None = None
    media_type: str | None = None
    filename: str | None = None
    cache: Raw | None = None


class Refusal(Struct, frozen=True):
    """The model declined, in its own words."""

    text: str


class Reasoning(Struct, frozen=True, kw_only=True):
    """What the model thought; `signature` and `encrypted` go back to the provider unchanged in later turns."""

    text: str = ""
    signature: str | None = None
    encrypted: str | None = None


class FunctionCall(Struct, frozen=True):
    """A function's `name` and its `arguments` as JSON text, exactly as the model wrote it."""

    name: str
    arguments: str


class ToolCall(Struct, frozen=True):
    """One call of a caller's tool. `signature` is the thought signature some wires attach to a call."""

    id: str
    function: FunctionCall
    type: str = "function"
    signature: str | None = None

    @property
    def name(self) -> str:
        """The function's name."""
        return self.function.name

    @property
    def arguments(self) -> str:
        """The arguments as JSON text."""
        return self.function.arguments


class ToolResult(Struct, frozen=True, kw_only=True):
    """What a tool answered to the call `call_id`."""

    call_id: str
    parts: tuple["Text | Image | Audio | File", ...]
    is_error: bool = False
    cache: Raw | None = None


Part: TypeAlias = Text | Image | Audio | File | Refusal | Reasoning | ToolCall | ToolResult


class Message(Struct, frozen=True, kw_only=True):
    """One turn. Tool results are parts of a message with the role `tool`."""

    role: Role
    parts: tuple[Part, ...]
    name: str | None = None

    @property
    def text(self) -> str:
        """All text parts, joined."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))

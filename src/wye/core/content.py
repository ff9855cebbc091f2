"""The parts a message is made of, independent of any wire format."""

from typing import Final, Literal, TypeAlias

from msgspec import Raw, Struct

CLAUDE_SIGNED: Final = frozenset({"anthropic_messages", "bedrock_converse", "anthropic-claude-v1"})
"""Whence a thought's signature is Claude's own, which Anthropic, Bedrock and Vertex AI take from each other (the last
is OpenRouter's name for it): https://platform.claude.com/docs/en/build-with-claude/extended-thinking."""

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
    """What the model thought; `signature` and `encrypted` go back to the provider unchanged in later turns.

    They mean something to the wire format `origin` only (`None`: nobody said), and to those that share its signatures;
    `id` is the wire's own name for the piece, where it has one. `summary` tells that `text` sums the thoughts up
    instead of being them.
    """

    text: str = ""
    signature: str | None = None
    encrypted: str | None = None
    id: str | None = None
    origin: str | None = None
    summary: bool = False


class FunctionCall(Struct, frozen=True):
    """A function's `name` and its `arguments` as JSON text, exactly as the model wrote it."""

    name: str
    arguments: str


class ToolCall(Struct, frozen=True):
    """One call of a caller's tool. `signature` is the thought signature that wire format `origin` attached to it."""

    id: str
    function: FunctionCall
    type: str = "function"
    signature: str | None = None
    origin: str | None = None

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


class Opaque(Struct, frozen=True, kw_only=True):
    """A part that only wire format `wire` has words for, as JSON: a hosted tool's call, its result, a compaction.

    It goes back unchanged to a provider of that wire format. To others it cannot be said: it is left out and reported.
    """

    wire: str
    raw: Raw


class Citation(Struct, frozen=True, kw_only=True):
    """A source of the text between characters `start` and `end` of an answer, where the provider says which.

    `cited_text` is what the source says, `file_id` and `page` name a document of the request instead of a `url`.
    """

    url: str | None = None
    title: str | None = None
    cited_text: str | None = None
    start: int | None = None
    end: int | None = None
    file_id: str | None = None
    page: int | None = None


Part: TypeAlias = Text | Image | Audio | File | Refusal | Reasoning | ToolCall | ToolResult | Opaque


class Message(Struct, frozen=True, kw_only=True):
    """One turn. Tool results are parts of a message with the role `tool`."""

    role: Role
    parts: tuple[Part, ...]
    name: str | None = None

    @property
    def text(self) -> str:
        """All text parts, joined."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))

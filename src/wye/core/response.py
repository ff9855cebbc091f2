"""An answer, whole or in pieces, as every wire can say it."""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Raw, Struct, field

from wye.core.content import Citation, Opaque, Reasoning, ToolCall
from wye.core.usage import Usage


class Choice(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of the answers to a request.

    `opaque` holds what only the answering wire has words for and wants back in a later turn. `extra` holds what
    OpenAI's wire says of a choice beyond this (logprobs).
    """

    index: int = 0
    content: str | None = None
    reasoning: tuple[Reasoning, ...] = ()
    refusal: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    citations: tuple[Citation, ...] = ()
    opaque: tuple[Opaque, ...] = ()
    finish_reason: str | None = None
    extra: Mapping[str, Raw] = field(default_factory=dict)


class ModelResponse(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A whole answer.

    `model` and `provider` are the catalog's names of who answered, `cost` is USD or `None` where a price or the usage
    is unknown. `raw` holds the body as received from a provider of wire format `wire`. `extra` holds what that body
    says beyond this (citations, search results, system fingerprint).
    """

    id: str = ""
    created: int = 0
    model: str = ""
    provider: str = ""
    choices: tuple[Choice, ...] = ()
    usage: Usage | None = None
    cost: Decimal | None = None
    extra: Mapping[str, Raw] = field(default_factory=dict)
    wire: str = ""
    raw: bytes | None = None
    upstream_model: str = ""

    @property
    def content(self) -> str:
        """The text of the first choice, empty where there is none."""
        return (self.choices[0].content or "") if self.choices else ""

    @property
    def reasoning(self) -> str:
        """The reasoning text of the first choice, empty where there is none."""
        return "".join(part.text for part in self.choices[0].reasoning) if self.choices else ""

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The tool calls of the first choice."""
        return self.choices[0].tool_calls if self.choices else ()

    @property
    def finish_reason(self) -> str | None:
        """Why the first choice ended."""
        return self.choices[0].finish_reason if self.choices else None


class ToolCallDelta(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A piece of a tool call: `id` and `name` come with its first piece, `arguments` is JSON text to append."""

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""
    signature: str | None = None
    origin: str | None = None


class ChoiceDelta(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A piece of one choice."""

    index: int = 0
    content: str = ""
    reasoning: Reasoning | None = None
    refusal: str | None = None
    tool_calls: tuple[ToolCallDelta, ...] = ()
    citations: tuple[Citation, ...] = ()
    opaque: tuple[Opaque, ...] = ()
    finish_reason: str | None = None
    extra: Mapping[str, Raw] = field(default_factory=dict)

    @property
    def is_content(self) -> bool:
        """Tell whether a caller can see something of this piece."""
        return bool(self.content or self.reasoning or self.tool_calls or self.refusal or self.finish_reason)


def pieces_of(choice: Choice) -> list[ChoiceDelta]:
    """Return a whole choice as the pieces of a stream: one for each thought before the last, then one for the rest."""
    earlier = [ChoiceDelta(index=choice.index, reasoning=thought) for thought in choice.reasoning[:-1]]
    rest = ChoiceDelta(
        index=choice.index,
        content=choice.content or "",
        reasoning=choice.reasoning[-1] if choice.reasoning else None,
        refusal=choice.refusal,
        tool_calls=tuple(
            ToolCallDelta(
                index=at,
                id=call.id,
                name=call.name,
                arguments=call.arguments,
                signature=call.signature,
                origin=call.origin,
            )
            for at, call in enumerate(choice.tool_calls)
        ),
        citations=choice.citations,
        opaque=choice.opaque,
        finish_reason=choice.finish_reason,
        extra=choice.extra,
    )
    return [*earlier, rest]


class StreamChunk(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event of a streamed answer.

    `raw` holds the event's data as received from a provider of wire format `wire`, and `event` its name. Usage, where
    the provider reports it, comes on a late chunk, at times together with a finish reason. `cost` (USD) is set on the
    last chunk only.
    """

    choices: tuple[ChoiceDelta, ...] = ()
    usage: Usage | None = None
    id: str = ""
    created: int = 0
    model: str = ""
    provider: str = ""
    cost: Decimal | None = None
    extra: Mapping[str, Raw] = field(default_factory=dict)
    wire: str = ""
    raw: bytes | None = None
    event: str | None = None
    upstream_model: str = ""

    @property
    def first(self) -> tuple[ChoiceDelta, ...]:
        """The pieces of the first choice: one as a rule, none where the chunk is of another choice or of none."""
        return tuple(choice for choice in self.choices if choice.index == 0)

    @property
    def content(self) -> str:
        """The piece of text of the first choice, empty where there is none."""
        return "".join(choice.content for choice in self.first)

    @property
    def reasoning(self) -> str:
        """The piece of reasoning of the first choice, empty where there is none."""
        return "".join(choice.reasoning.text for choice in self.first if choice.reasoning)

    @property
    def tool_calls(self) -> tuple[ToolCallDelta, ...]:
        """The pieces of tool calls of the first choice."""
        return tuple(piece for choice in self.first for piece in choice.tool_calls)

    @property
    def finish_reason(self) -> str | None:
        """Why the first choice ended, on the chunk that ends it."""
        return next((choice.finish_reason for choice in self.first if choice.finish_reason), None)

    @property
    def is_content(self) -> bool:
        """Tell whether a caller can see something of this chunk; the first such chunk commits the stream."""
        return any(choice.is_content for choice in self.choices)

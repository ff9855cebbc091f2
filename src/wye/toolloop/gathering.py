"""Puts the pieces of a streamed answer together again, as the whole answer that the next round needs."""

from msgspec import Struct, structs

from wye.core.content import Citation, FunctionCall, Opaque, Reasoning, ToolCall
from wye.core.response import Choice, ChoiceDelta, ModelResponse, StreamChunk, ToolCallDelta
from wye.core.usage import Usage


class _Called(Struct):
    """A call so far."""

    id: str = ""
    name: str = ""
    arguments: list[str] = []
    signature: str | None = None
    origin: str | None = None

    def add(self, piece: ToolCallDelta) -> None:
        """Add a piece."""
        self.id = self.id or piece.id or ""
        self.name = self.name or piece.name or ""
        self.signature = piece.signature or self.signature
        self.origin = piece.origin or self.origin
        if piece.arguments:
            self.arguments.append(piece.arguments)

    def whole(self) -> ToolCall:
        """Return it."""
        function = FunctionCall(self.name, "".join(self.arguments))
        return ToolCall(self.id, function, signature=self.signature, origin=self.origin)


class Gathered:
    """The first choice of one answer."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._text: list[str] = []
        self._refusal: list[str] = []
        self._thoughts: list[Reasoning] = []
        self._thinking: list[Reasoning] = []
        self._calls: dict[int, _Called] = {}
        self._citations: list[Citation] = []
        self._opaque: list[Opaque] = []
        self._finish_reason: str | None = None
        self._usage: Usage | None = None
        self._head = StreamChunk()

    def add(self, chunk: StreamChunk) -> None:
        """Add a chunk."""
        self._usage = chunk.usage or self._usage
        if chunk.id and not self._head.id:
            self._head = chunk
        for choice in chunk.choices:
            if choice.index == 0:
                self._add(choice)

    def _add(self, choice: ChoiceDelta) -> None:
        self._finish_reason = choice.finish_reason or self._finish_reason
        if choice.content:
            self._text.append(choice.content)
        if choice.refusal:
            self._refusal.append(choice.refusal)
        if (piece := choice.reasoning) is not None:
            self._thinking.append(piece)
            if piece.signature or piece.encrypted:
                self._end_thought()
        for called in choice.tool_calls:
            self._calls.setdefault(called.index, _Called()).add(called)
        self._citations += choice.citations
        self._opaque += choice.opaque

    def _end_thought(self) -> None:
        """Make the pieces so far one thought: a signature is of all that came before it."""
        if self._thinking:
            text = "".join(piece.text for piece in self._thinking)
            self._thoughts.append(structs.replace(self._thinking[-1], text=text))
            self._thinking = []

    @property
    def usage(self) -> Usage | None:
        """What was reported."""
        return self._usage

    def whole(self) -> ModelResponse:
        """Return the answer so far."""
        self._end_thought()
        choice = Choice(
            content="".join(self._text) or None,
            reasoning=tuple(self._thoughts),
            refusal="".join(self._refusal) or None,
            tool_calls=tuple(self._calls[at].whole() for at in sorted(self._calls)),
            citations=tuple(self._citations),
            opaque=tuple(self._opaque),
            finish_reason=self._finish_reason,
        )
        head = self._head
        return ModelResponse(id=head.id, created=head.created, choices=(choice,), usage=self._usage, wire=head.wire)

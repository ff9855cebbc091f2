"""How much of an answer has come, for the books: measured as it passes, at next to no cost."""

import re
from typing import Final

from wye.core.response import Choice, ChoiceDelta, ModelResponse, StreamChunk

_TEXT: Final = re.compile(
    rb'"(?:content|text|delta|thinking|reasoning|reasoning_content|partial_json|arguments)"\s*:\s*"((?:[^"\\]|\\.)+)"'
)


class Produced:
    """Counts bytes of text: of what a caller reads, reasoning, and the arguments of tool calls.

    Events of a stream that only pass are not decoded. They differ in their text alone, so that what stands around it
    is measured once, at the first of them, when somebody asks.
    """

    __slots__ = ("_decoded", "_events", "_first", "_passed")

    def __init__(self) -> None:
        """Begin with nothing."""
        self._decoded = 0
        self._passed = 0
        self._events = 0
        self._first: bytes | None = None

    def unread(self, chunk: StreamChunk) -> None:
        """Count an event that was not decoded."""
        event = chunk.raw
        if event is None or not (chunk.event is None or chunk.event.endswith("delta")):
            return
        if self._first is None:
            if _TEXT.search(event) is None:
                return
            self._first = event
        self._passed += len(event)
        self._events += 1

    def read(self, chunk: StreamChunk) -> None:
        """Count a piece."""
        for choice in chunk.choices:
            if choice.content:
                self._decoded += len(choice.content.encode(errors="replace"))
            if choice.reasoning is not None or choice.tool_calls or choice.refusal:
                self._decoded += _beside(choice)

    def whole(self, answer: ModelResponse) -> None:
        """Count a whole answer."""
        for choice in answer.choices:
            self._decoded += len((choice.content or "").encode(errors="replace")) + _beside(choice)

    @property
    def bytes(self) -> int:
        """The bytes of text so far."""
        if self._first is None:
            return self._decoded
        texts = [match.group(1) for match in _TEXT.finditer(self._first)]
        around = len(self._first) - sum(map(len, texts))
        return self._decoded + max(0, self._passed - self._events * around)


def _beside(choice: Choice | ChoiceDelta) -> int:
    thoughts = choice.reasoning if isinstance(choice, Choice) else (choice.reasoning,) if choice.reasoning else ()
    texts = [*(piece.text for piece in thoughts), *(call.arguments for call in choice.tool_calls), choice.refusal or ""]
    return sum(len(text.encode(errors="replace")) for text in texts)

"""Writes a streamed generateContent answer, as events or as one JSON array."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct, field

from wye.core.content import Citation
from wye.core.errors import WyeError
from wye.core.request import Call
from wye.core.response import ChoiceDelta, StreamChunk, ToolCallDelta
from wye.core.usage import Usage
from wye.surfaces.gemini.answer import (
    answer,
    call_part,
    ending,
    grounding,
    image_parts,
    logprobs,
    opaque_part,
    reasoning_parts,
    renamed,
    render_error,
)
from wye.surfaces.gemini.carried import call_signature
from wye.surfaces.gemini.contents import WIRE


def open_stream(call: Call, *, request_id: str) -> AnswerStream:
    """Begin a stream of server-sent events, for `alt=sse`."""
    return AnswerStream(model=call.model, request_id=request_id)


def open_array(call: Call, *, request_id: str) -> AnswerStream:
    """Begin a stream that is one JSON array, whose items come as they are ready."""
    return ArrayStream(model=call.model, request_id=request_id)


class _Open(Struct):
    """A call of a function whose arguments are still coming; this wire has them whole only."""

    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)
    signature: str | None = None


class _Progress(Struct):
    """What is remembered of a candidate: its unfinished calls, its end, and its sources up to then."""

    calls: dict[int, _Open] = field(default_factory=dict)
    finish: str | None = None
    broken: str = ""
    refused: bool = False
    citations: list[Citation] = field(default_factory=list)
    ascii: bool = True
    """Whether a place in the text so far is the same in characters, as citations have it, and in bytes."""


class AnswerStream:
    """Writes one stream as server-sent events; events of the same wire format keep their bytes but the model's name.

    A candidate's end waits for the usage, so that both are in the last event, where clients look for them.
    """

    __slots__ = ("_id", "_progress", "_usage", "model")

    def __init__(self, *, model: str, request_id: str) -> None:
        """Begin a stream; `model` is what answers, and may be set when that is known."""
        self.model = model
        self._id = request_id
        self._progress: dict[int, _Progress] = {}
        self._usage: Usage | None = None

    @property
    def content_type(self) -> str:
        """Server-sent events."""
        return "text/event-stream"

    def render(self, chunks: Iterable[StreamChunk]) -> bytes:
        """Return the bytes to send for `chunks`; empty where there is nothing to say yet."""
        out: list[bytes] = []
        for chunk in chunks:
            if chunk.raw is not None and chunk.wire == WIRE:
                out.append(self._framed(renamed(chunk.raw, chunk.upstream_model, self.model)))
                continue
            self._id = chunk.id or self._id
            self._usage = chunk.usage or self._usage
            candidates = [said for choice in chunk.choices if (said := self._candidate(choice)) is not None]
            if candidates:
                out.append(self._framed(self._answer(candidates)))
        return b"".join(out)

    def end(self) -> bytes:
        """Return the last event of a stream that went well: how every candidate ended, and the usage."""
        candidates = [self._last(index, progress) for index, progress in sorted(self._progress.items())]
        if not candidates and self._usage is None:
            return b""
        return self._framed(self._answer(candidates, self._usage))

    def fail(self, error: WyeError) -> bytes:
        """Return an error as the last event."""
        return self._framed(render_error(error))

    def comment(self, _text: str) -> bytes:
        """Return an empty line: Google's own clients take a comment for the beginning of JSON."""
        return b"\r\n"

    def _framed(self, data: bytes) -> bytes:
        # What came in several lines goes so.
        return b"data: %b\r\n\r\n" % data.replace(b"\n", b"\ndata: ")

    def _answer(self, candidates: list[dict[str, Any]], usage: Usage | None = None) -> bytes:
        return answer(candidates, usage=usage, model=self.model, answer_id=self._id)

    def _candidate(self, choice: ChoiceDelta) -> dict[str, Any] | None:
        progress = self._progress.setdefault(choice.index, _Progress())
        parts: list[dict[str, Any]] = []
        if choice.reasoning is not None:
            parts += reasoning_parts([choice.reasoning])
        parts += (opaque_part(part) for part in choice.opaque)
        for text in (choice.content, choice.refusal):
            if text:
                parts.append({"text": text})
        parts += image_parts(choice.extra)
        for piece in choice.tool_calls:
            parts += _collect(progress, piece)
        if choice.finish_reason is not None:
            progress.finish = choice.finish_reason
            parts += _complete(progress, ended=True)
        progress.refused = progress.refused or bool(choice.refusal)
        progress.citations += choice.citations
        progress.ascii = progress.ascii and choice.content.isascii()
        chances = logprobs(choice.extra.get("logprobs"))
        if not parts and not chances:
            return None
        return {"content": {"parts": parts or [{"text": ""}], "role": "model"}, "index": choice.index, **chances}

    def _last(self, index: int, progress: _Progress) -> dict[str, Any]:
        return {
            "content": {"parts": _complete(progress, ended=True) or [{"text": ""}], "role": "model"},
            **ending(progress.finish, progress.broken, refused=progress.refused),
            "index": index,
            **grounding(progress.citations, ascii_only=progress.ascii),
        }


def _collect(progress: _Progress, piece: ToolCallDelta) -> list[dict[str, Any]]:
    """Add a piece to the call it belongs to; return the calls before it, which are complete when another begins."""
    complete: list[dict[str, Any]] = []
    call = progress.calls.get(piece.index)
    if call is None:
        complete = _complete(progress, ended=False)
        call = progress.calls[piece.index] = _Open()
    call.id = call.id or piece.id or ""
    call.name = call.name or piece.name or ""
    call.arguments.append(piece.arguments)
    if piece.signature:
        call.signature = call_signature(piece.signature, piece.origin, WIRE)
    return complete


def _complete(progress: _Progress, *, ended: bool) -> list[dict[str, Any]]:
    """Return the calls that are complete; one without arguments may yet get the empty object, until all has ended."""
    parts: list[dict[str, Any]] = []
    for index, call in list(progress.calls.items()):
        arguments = "".join(call.arguments)
        if not (arguments or ended):
            break
        del progress.calls[index]
        part = call_part(call.id, call.name, arguments, call.signature)
        if part is None:
            progress.broken = progress.broken or arguments
        else:
            parts.append(part)
    return parts


class ArrayStream(AnswerStream):
    """Writes one stream as a JSON array, as the API does for callers who do not ask for events."""

    __slots__ = ("_begun",)

    def __init__(self, *, model: str, request_id: str) -> None:
        """Begin as any stream."""
        super().__init__(model=model, request_id=request_id)
        self._begun = False

    @property
    def content_type(self) -> str:
        """JSON."""
        return "application/json"

    def end(self) -> bytes:
        """Return the last item and the end of the array."""
        last = super().end()
        return last + (b"\n]\n" if self._begun else b"[]\n")

    def fail(self, error: WyeError) -> bytes:
        """Return an error as the last item."""
        return super().fail(error) + b"\n]\n"

    def comment(self, _text: str) -> bytes:
        """Return white space."""
        return b"\n"

    def _framed(self, data: bytes) -> bytes:
        begun, self._begun = self._begun, True
        return (b",\r\n" if begun else b"[") + data

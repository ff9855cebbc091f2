"""Writes a streamed response: every step of every item is an event, numbered without a gap."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct, structs

from wye.core.content import Citation, FunctionCall, Opaque, Reasoning, ToolCall
from wye.core.errors import WyeError
from wye.core.request import Call
from wye.core.response import ChoiceDelta, StreamChunk, ToolCallDelta
from wye.core.usage import Usage
from wye.core.wire import replace_model
from wye.surfaces.openai_responses.answer import (
    Envelope,
    annotation,
    call_item,
    carrier,
    encrypted_of,
    images_of,
    logprobs_of,
    message_item,
    reasoning_item,
    response_id,
    sealed_part,
    sealed_signature,
    text_part,
)
from wye.surfaces.openai_responses.request import custom_tools
from wye.surfaces.openai_responses.wire import WIRE

_encode = msgspec.json.Encoder().encode
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode
_FAILED: Final = "failed"


class _Thought(Struct):
    """An item of reasoning under way."""

    id: str
    at: int
    name: str | None
    texts: list[str] = []
    encrypted: str | None = None


class _Said(Struct):
    """A message under way. `before` counts the characters of the answer before it."""

    id: str
    at: int
    before: int
    parts: list[Any] = []
    kind: str = ""
    texts: list[str] = []
    logprobs: list[Raw] = []
    annotations: list[Any] = []
    head: bytes = b""


class _Called(Struct):
    """A tool call under way."""

    id: str
    at: int
    call: ToolCall
    custom: bool
    texts: list[str] = []


def open_stream(call: Call, *, request_id: str, previous: str | None = None) -> "ResponsesStream":
    """Begin a stream; `previous` is the response that the request went on from, where that was looked up here."""
    return ResponsesStream(call, request_id=request_id, previous=previous)


class ResponsesStream:
    """Writes one stream as server-sent events.

    Events of the same wire format keep their bytes except for the model's name. The last one waits for `end`, so that
    nobody hears of a response before it is kept; `finished` holds that response as JSON from then on. `passed_on` tells
    that it came in this wire format.
    """

    def __init__(self, call: Call, *, request_id: str, previous: str | None) -> None:
        """Begin a stream; the name of the model that answers may be set when it is known."""
        self.model = call.model
        self.finished: bytes | None = None
        self.passed_on = False
        self._call = call
        self._id = response_id(request_id)
        self._previous = previous
        self._envelope: Envelope | None = None
        self._last: tuple[str | None, bytes] | None = None
        self._number = 0
        self._output: list[Any] = []
        self._thought: _Thought | None = None
        self._said: _Said | None = None
        self._calls: dict[int, _Called] = {}
        self._custom: frozenset[str] | None = None
        self._length = 0
        self._reason: str | None = None
        self._usage: Usage | None = None
        self._extra: dict[str, Raw] = {}
        self._citations: list[Citation] = []

    @property
    def content_type(self) -> str:
        """Server-sent events."""
        return "text/event-stream; charset=utf-8"

    def render(self, chunks: Iterable[StreamChunk]) -> bytes:
        """Return the bytes to send for `chunks`; empty where there is nothing to say yet."""
        out: list[bytes] = []
        for chunk in chunks:
            if chunk.raw is not None and chunk.wire == WIRE:
                self._pass_on(chunk, chunk.raw, out)
                continue
            self._usage = chunk.usage or self._usage
            self._extra.update(chunk.extra)
            if self._envelope is None:
                out += self._begin()
            for choice in chunk.choices:
                if choice.index == 0:
                    out += self._choice(choice, chunk.wire)
        return b"".join(out)

    # --- Events of the same wire format ---

    def _pass_on(self, chunk: StreamChunk, raw: bytes, out: list[bytes]) -> None:
        self._number += 1
        self.passed_on = True
        self._id = chunk.id or self._id
        if b'"response"' in raw and b'"model"' in raw:
            raw = _renamed(raw, chunk.upstream_model, self.model)
        if chunk.finish_reason:
            self._last = chunk.event, raw
            return
        out.append(_framed(chunk.event, raw))

    # --- Events of ours ---

    def _event(self, kind: str, **members: Any) -> bytes:
        number = self._number
        self._number += 1
        data = _encode({"type": kind, **members, "sequence_number": number})
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), data)

    def _begin(self) -> Iterator[bytes]:
        envelope = self._envelope = Envelope(self._call, id=self._id, model=self.model, previous=self._previous)
        begun = envelope.response("in_progress", [])
        yield self._event("response.created", response=begun)
        yield self._event("response.in_progress", response=begun)

    def _choice(self, choice: ChoiceDelta, wire: str) -> Iterator[bytes]:
        if choice.reasoning is not None:
            yield from self._think(choice.reasoning, wire)
        for part in choice.opaque:
            yield from self._keep(part)
        if choice.content:
            yield from self._say(choice.content, choice)
        if choice.refusal:
            yield from self._refuse(choice.refusal)
        if choice.citations:
            yield from self._cite(choice.citations)
        for piece in choice.tool_calls:
            yield from self._ask(piece, wire)
        for image in images_of(choice.extra):
            yield from self._whole({"type": "image_generation_call", "status": "completed", "result": image})
        self._reason = choice.finish_reason or self._reason

    def _place(self, kind: str) -> tuple[str, int]:
        """Take the next place in the output; return the id of the item there."""
        at = len(self._output)
        self._output.append(None)
        envelope = self._envelope
        return (envelope.item_id(kind, at) if envelope else ""), at

    def _added(self, at: int, item: dict[str, Any]) -> bytes:
        return self._event("response.output_item.added", output_index=at, item=item)

    def _done(self, at: int, item: dict[str, Any]) -> bytes:
        self._output[at] = item
        return self._event("response.output_item.done", output_index=at, item=item)

    def _whole(self, item: dict[str, Any]) -> Iterator[bytes]:
        """Add an item that has come in one piece."""
        item_id, at = self._place(item["type"])
        item = {"id": item_id, **item}
        yield self._added(at, item)
        yield self._done(at, item)

    def _keep(self, part: Opaque) -> Iterator[bytes]:
        yield from self._close_thought()
        yield from self._close_said()
        if part.wire != WIRE:
            yield from self._whole(carrier(sealed_part(part)))
            return
        _, at = self._place("opaque")
        item: Any = part.raw
        yield self._added(at, item)
        yield self._done(at, item)

    # Reasoning

    def _think(self, piece: Reasoning, wire: str) -> Iterator[bytes]:
        """Say a piece of reasoning as a summary, which is what clients show; a signature ends the item."""
        thought = self._thought
        if thought is not None and piece.id is not None and piece.id != thought.name:
            yield from self._close_thought()
            thought = None
        if thought is None:
            yield from self._close_said()
            item_id, at = self._place("reasoning")
            thought = self._thought = _Thought(item_id, at, piece.id, [])
            yield self._added(at, {"id": item_id, **reasoning_item("", None)})
        place = {"item_id": thought.id, "output_index": thought.at, "summary_index": 0}
        if piece.text:
            if not thought.texts:
                part = {"type": "summary_text", "text": ""}
                yield self._event("response.reasoning_summary_part.added", **place, part=part)
            thought.texts.append(piece.text)
            yield self._event("response.reasoning_summary_text.delta", **place, delta=piece.text)
        if encrypted := encrypted_of(piece, wire):
            thought.encrypted = encrypted
            yield from self._close_thought()

    def _close_thought(self) -> Iterator[bytes]:
        thought, self._thought = self._thought, None
        if thought is None:
            return
        text = "".join(thought.texts)
        if text:
            place = {"item_id": thought.id, "output_index": thought.at, "summary_index": 0}
            yield self._event("response.reasoning_summary_text.done", **place, text=text)
            part = {"type": "summary_text", "text": text}
            yield self._event("response.reasoning_summary_part.done", **place, part=part)
        yield self._done(thought.at, {"id": thought.id, **reasoning_item(text, thought.encrypted)})

    # Text

    def _say(self, text: str, choice: ChoiceDelta) -> Iterator[bytes]:
        said = self._said
        if said is None or said.kind != "output_text":
            yield from self._open_part("output_text", text_part(""))
            said = self._said
        if said is None:  # never: the part was opened above
            return
        said.texts.append(text)
        probabilities = b"[]"
        if choice.extra and (found := logprobs_of(choice.extra)):
            said.logprobs += found
            probabilities = _encode(found)
        number = self._number
        self._number += 1
        yield b'%b%b,"logprobs":%b,"sequence_number":%d}\n\n' % (said.head, _encode(text), probabilities, number)
        if self._citations:
            waiting, self._citations = tuple(self._citations), []
            yield from self._cite(waiting)

    def _refuse(self, text: str) -> Iterator[bytes]:
        if self._said is None or self._said.kind != "refusal":
            yield from self._open_part("refusal", {"type": "refusal", "refusal": ""})
        if (said := self._said) is not None:
            said.texts.append(text)
            yield self._event("response.refusal.delta", **self._part_place(said), delta=text)

    def _open_part(self, kind: str, part: dict[str, Any]) -> Iterator[bytes]:
        if self._said is None:
            yield from self._close_thought()
            item_id, at = self._place("message")
            self._said = _Said(item_id, at, self._length, [])
            yield self._added(at, {"id": item_id, **message_item([], "in_progress")})
        else:
            yield from self._close_part(self._said)
        said = self._said
        said.kind, said.texts, said.logprobs, said.annotations = kind, [], [], []
        place = self._part_place(said)
        head = _encode({"type": "response.output_text.delta", **place, "delta": ""})
        said.head = b"event: response.output_text.delta\ndata: " + head[: -len(b'""}')]
        yield self._event("response.content_part.added", **place, part=part)

    def _part_place(self, said: _Said) -> dict[str, Any]:
        return {"item_id": said.id, "output_index": said.at, "content_index": len(said.parts)}

    def _cite(self, citations: tuple[Citation, ...]) -> Iterator[bytes]:
        said = self._said
        if said is None or said.kind != "output_text":
            self._citations += citations  # sources that come before the text they belong to
            return
        length = sum(map(len, said.texts))
        for citation in citations:
            made = annotation(citation, length, said.before)
            number = len(said.annotations)
            said.annotations.append(made)
            yield self._event(
                "response.output_text.annotation.added",
                **self._part_place(said),
                annotation_index=number,
                annotation=made,
            )

    def _close_part(self, said: _Said) -> Iterator[bytes]:
        if not said.kind:
            return
        text = "".join(said.texts)
        place = self._part_place(said)
        if said.kind == "refusal":
            part: dict[str, Any] = {"type": "refusal", "refusal": text}
            yield self._event("response.refusal.done", **place, refusal=text)
        else:
            self._length += len(text)
            part = {**text_part(text, (), said.logprobs), "annotations": said.annotations}
            yield self._event("response.output_text.done", **place, text=text, logprobs=said.logprobs)
        yield self._event("response.content_part.done", **place, part=part)
        said.parts.append(part)
        said.kind = ""

    def _close_said(self, status: str = "completed") -> Iterator[bytes]:
        said, self._said = self._said, None
        if said is None:
            return
        yield from self._close_part(said)
        yield self._done(said.at, {"id": said.id, **message_item(said.parts, status)})

    # Tool calls

    def _ask(self, piece: ToolCallDelta, wire: str) -> Iterator[bytes]:
        called = self._calls.get(piece.index)
        if called is None:
            yield from self._close_thought()
            yield from self._close_said()
            called = self._calls[piece.index] = self._open_call(piece)
            item = {**call_item(called.call, custom=called.custom), "status": "in_progress"}
            yield self._added(called.at, {"id": called.id, **item})
        if piece.signature:
            called.call = structs.replace(called.call, signature=piece.signature, origin=piece.origin or wire)
        if piece.arguments:
            called.texts.append(piece.arguments)
            if not called.custom:
                place = {"item_id": called.id, "output_index": called.at}
                yield self._event("response.function_call_arguments.delta", **place, delta=piece.arguments)

    def _open_call(self, piece: ToolCallDelta) -> _Called:
        if self._custom is None:
            self._custom = custom_tools(self._call.body)
        name = piece.name or ""
        custom = name in self._custom
        item_id, at = self._place("custom_tool_call" if custom else "function_call")
        call = ToolCall(piece.id or f"call_{item_id}", FunctionCall(name, ""))
        return _Called(item_id, at, call, custom, [])

    def _close_calls(self) -> Iterator[bytes]:
        calls, self._calls = self._calls, {}
        for _, called in sorted(calls.items()):
            call = called.call
            arguments = "".join(called.texts)
            item = call_item(structs.replace(call, function=FunctionCall(call.name, arguments)), custom=called.custom)
            place = {"item_id": called.id, "output_index": called.at}
            if called.custom:
                yield self._event("response.custom_tool_call_input.delta", **place, delta=item["input"])
                yield self._event("response.custom_tool_call_input.done", **place, input=item["input"])
            else:
                done = {**place, "name": call.name, "arguments": arguments}
                yield self._event("response.function_call_arguments.done", **done)
            yield self._done(called.at, {"id": called.id, **item})
            if call.signature:
                yield from self._whole(carrier(sealed_signature(call, "")))

    # The end

    def _close(self) -> Iterator[bytes]:
        yield from self._close_thought()
        yield from self._close_said("incomplete" if self._reason == "length" else "completed")
        yield from self._close_calls()

    def end(self) -> bytes:
        """Return the end of a stream that went well."""
        if self._last is not None:
            name, raw = self._last
            self.finished = bytes(_decode_members(raw)["response"])
            return _framed(name, raw)
        out = [] if self._envelope else list(self._begin())
        out += self._close()
        if (envelope := self._envelope) is not None:
            response = envelope.ended(self._reason, self._output, self._usage, self._extra)
            self.finished = _encode(response)
            out.append(self._event(f"response.{response['status']}", response=Raw(self.finished)))
        return b"".join(out)

    def fail(self, error: WyeError) -> bytes:
        """Return the event of a response that failed, which is the last; what was said so far stays said."""
        out = [] if self._envelope or self._number else list(self._begin())
        envelope = self._envelope or Envelope(self._call, id=self._id, model=self.model, previous=self._previous)
        what = {"code": error.code, "message": error.message}
        said = [item for item in self._output if item is not None]
        out.append(self._event("response.failed", response=envelope.response(_FAILED, said, self._usage, error=what)))
        return b"".join(out)

    def comment(self, text: str) -> bytes:
        """Return a comment."""
        return b": %b\n\n" % text.encode()


def _framed(name: str | None, raw: bytes) -> bytes:
    if b"\n" in raw:
        raw = raw.replace(b"\n", b"\ndata: ")  # it came in several lines, and goes so
    return b"event: %b\ndata: %b\n\n" % (name.encode(), raw) if name else b"data: %b\n\n" % raw


def _renamed(raw: bytes, old: str, new: str) -> bytes:
    """Return an event whose response names `new` instead of `old`, with all other bytes kept."""
    if not old:
        return raw
    try:
        inner = _decode_members(raw).get("response")
        if inner is None or (response := bytes(inner)) == b"null" or response[:1] != b"{":
            return raw
        changed = replace_model(response, old, new) if b'"model"' in response else response
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return raw
    at = raw.find(response)
    return b"".join((raw[:at], changed, raw[at + len(response) :]))

"""Writes the events of a streamed message."""

import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from msgspec import Raw

from wye.core.content import Citation, Reasoning
from wye.core.errors import WyeError
from wye.core.request import Call
from wye.core.response import ChoiceDelta, StreamChunk, ToolCallDelta
from wye.core.usage import Usage
from wye.core.wire import splice
from wye.surfaces.anthropic_messages.answer import (
    encode,
    opaque_block,
    render_citation,
    render_error,
    render_usage,
    sealed_reasoning,
    signed_call_block,
    stop_reason,
)
from wye.surfaces.anthropic_messages.blocks import WIRE

_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode
_MODEL: Final = re.compile(rb'("model"\s*:\s*)"(?:[^"\\]|\\.)*"')


def open_stream(call: Call, *, request_id: str) -> "MessageStream":
    """Begin a stream."""
    return MessageStream(model=call.model, request_id=request_id)


class MessageStream:
    """Writes one stream as server-sent events.

    Events of the same wire format keep their bytes except for the model's name in the first. Of others, blocks are
    made: one open at a time, in the order in which the model began them. Pieces of a tool call that come while another
    call is not complete wait for it.
    """

    __slots__ = (
        "_after", "_arguments", "_block", "_called", "_finish", "_kind", "_last", "_next", "_passing", "_request_id",
        "_started", "_thoughts", "_usage", "_waiting", "_wire", "model",
    )  # fmt: skip

    def __init__(self, *, model: str, request_id: str) -> None:
        """Begin a stream; `model` is what answers, and may be set when that is known."""
        self.model = model
        self._request_id = request_id
        self._wire = ""
        self._passing = False
        self._last = b""
        self._started = False
        self._kind: str | int | None = None
        self._block = 0
        self._next = 0
        self._thoughts: list[Reasoning] = []
        self._arguments = ""
        self._waiting: dict[int, list[ToolCallDelta]] = {}
        self._after: list[dict[str, Any]] = []
        self._called: dict[int, tuple[str, int]] = {}
        self._usage: Usage | None = None
        self._finish: str | None = None

    @property
    def content_type(self) -> str:
        """Server-sent events."""
        return "text/event-stream; charset=utf-8"

    def render(self, chunks: Iterable[StreamChunk]) -> bytes:
        """Return the bytes to send for `chunks`; empty where there is nothing to say yet."""
        out: list[bytes] = []
        for chunk in chunks:
            if chunk.raw is not None and chunk.wire == WIRE:
                self._pass_on(chunk, out)
                continue
            self._usage = chunk.usage or self._usage
            self._wire = chunk.wire or self._wire
            if chunk.choices:
                self._start(chunk, out)
            for choice in chunk.choices:
                if choice.index == 0:
                    self._add(choice, out)
        return b"".join(out)

    def end(self) -> bytes:
        """Return the end of a stream that went well."""
        if self._passing:
            return self._last
        out: list[bytes] = []
        self._start(StreamChunk(), out)
        if self._kind == "text":
            self._after.clear()
        self._close_all(out)
        reason = stop_reason(self._finish, called=bool(self._called))
        delta = {"stop_reason": reason, "stop_sequence": None}
        usage = render_usage(self._usage or Usage())
        out.append(_event("message_delta", {"delta": delta, "usage": usage}))
        out.append(_event("message_stop", {}))
        return b"".join(out)

    def fail(self, error: WyeError) -> bytes:
        """Return an error event; a stream that ends so has no end marker."""
        return b"event: error\ndata: " + render_error(error, self._request_id) + b"\n\n"

    def comment(self, text: str) -> bytes:
        """Return a comment."""
        return b": %b\n\n" % text.encode()

    def _pass_on(self, chunk: StreamChunk, out: list[bytes]) -> None:
        data = chunk.raw or b""
        self._passing = True
        if not self._started and b'"message_start"' in data:
            self._started = True
            data = _renamed(data, self.model)
        if b"\n" in data:
            data = data.replace(b"\n", b"\ndata: ")  # it came in several lines, and goes so
        if chunk.event is None:
            out += (b"data: ", data, b"\n\n")
        elif chunk.event == "message_stop":
            self._last = b"event: message_stop\ndata: " + data + b"\n\n"  # it leaves once the books are written
        else:
            out += (b"event: ", chunk.event.encode(errors="replace"), b"\ndata: ", data, b"\n\n")

    def _start(self, chunk: StreamChunk, out: list[bytes]) -> None:
        if self._started:
            return
        self._started = True
        message: dict[str, Any] = {
            "id": chunk.id or f"msg_{self._request_id}",
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": render_usage(chunk.usage or Usage()),
        }
        out.append(_event("message_start", {"message": message}))

    def _add(self, choice: ChoiceDelta, out: list[bytes]) -> None:
        if choice.reasoning is not None:
            self._think(choice.reasoning, out)
        for part in choice.opaque:
            self._whole(opaque_block(part), out)
        if text := choice.content + (choice.refusal or ""):
            self._say({"type": "text_delta", "text": text}, out)
        for citation in choice.citations:
            self._cite(citation, out)
        for piece in choice.tool_calls:
            self._call(piece, out)
        self._finish = choice.finish_reason or self._finish

    def _think(self, piece: Reasoning, out: list[bytes]) -> None:
        """Add to a thought; a signature ends it."""
        if not (piece.text or piece.signature or piece.encrypted):
            return
        if piece.id and self._thoughts and self._thoughts[-1].id not in {None, piece.id}:
            self._close(out)
        if piece.text or self._kind != "thinking":
            if not piece.text:
                self._sign(
                    {"type": "redacted_thinking", "data": sealed_reasoning([piece], self._wire, shown=False)}, out
                )
                return
            self._open("thinking", {"type": "thinking", "thinking": "", "signature": ""}, out)
            out.append(self._delta({"type": "thinking_delta", "thinking": piece.text}))
        self._thoughts.append(piece)
        if piece.signature or piece.encrypted:
            self._close(out)

    def _sign(self, block: dict[str, Any], out: list[bytes]) -> None:
        """Write a signature; one that comes in the midst of a text waits for its end.

        Clients show the last block of an answer, so that a text which ends one has to be whole and last. What would
        come behind it is left out: no wire insists on the signature of a text, as it does on that of a call.
        """
        if self._kind == "text":
            self._after.append(block)
        else:
            self._whole(block, out)

    def _say(self, delta: dict[str, Any], out: list[bytes]) -> None:
        self._open("text", {"type": "text", "text": ""}, out)
        out.append(self._delta(delta))

    def _cite(self, citation: Citation, out: list[bytes]) -> None:
        self._say({"type": "citations_delta", "citation": render_citation(citation)}, out)

    def _call(self, piece: ToolCallDelta, out: list[bytes]) -> None:
        """Add to a call where its turn has come, else let the piece wait."""
        if piece.index in self._waiting or self._is_open_call_before(piece.index):
            self._waiting.setdefault(piece.index, []).append(piece)
            return
        self._write_call(piece, out)

    def _is_open_call_before(self, index: int) -> bool:
        return isinstance(self._kind, int) and self._kind != index and not _is_complete(self._arguments)

    def _write_call(self, piece: ToolCallDelta, out: list[bytes]) -> None:
        call_id, block = self._called.get(piece.index, (piece.id or f"toolu_{self._request_id}_{piece.index}", -1))
        if piece.signature:
            signed = signed_call_block(call_id, piece.signature, piece.origin or self._wire)
            if self._kind == piece.index:
                self._after.append(signed)
            else:
                self._whole(signed, out)
        if block < 0:
            start = {"type": "tool_use", "id": call_id, "name": piece.name or "", "input": {}}
            self._open(piece.index, start, out)
            self._called[piece.index] = (call_id, self._block)
            self._arguments = ""
        if piece.arguments.strip() == "null" and not self._arguments:
            self._arguments = "{}"  # what some models write where a function takes nothing; no delta says the same
        elif piece.arguments:
            delta = {"type": "input_json_delta", "partial_json": piece.arguments}
            if self._kind == piece.index:
                self._arguments += piece.arguments
                block = self._block
            out.append(_event("content_block_delta", {"index": block, "delta": delta}))
        self._next_call(out)

    def _next_call(self, out: list[bytes]) -> None:
        """Write the calls that waited for this one, as far as they are complete."""
        if self._waiting and _is_complete(self._arguments):
            pieces = self._waiting.pop(next(iter(self._waiting)))
            for piece in pieces:
                self._write_call(piece, out)

    def _whole(self, block: dict[str, Any], out: list[bytes]) -> None:
        """Write a block that comes at once."""
        self._open("whole", block, out)
        self._close(out)

    def _open(self, kind: str | int, block: dict[str, Any], out: list[bytes]) -> None:
        if self._kind == kind:
            return
        if isinstance(kind, int):
            self._close(out)
        else:
            self._close_all(out)
        self._kind, self._block = kind, self._next
        self._next += 1
        out.append(_event("content_block_start", {"index": self._block, "content_block": block}))

    def _close(self, out: list[bytes]) -> None:
        if self._kind is None:
            return
        if self._kind == "thinking":
            signature = sealed_reasoning(self._thoughts, self._wire, shown=True)
            self._thoughts.clear()
            out.append(self._delta({"type": "signature_delta", "signature": signature}))
        self._kind = None
        out.append(_event("content_block_stop", {"index": self._block}))
        after, self._after = self._after, []
        for block in after:
            self._whole(block, out)

    def _close_all(self, out: list[bytes]) -> None:
        """Close the open block, and write the calls that waited, complete or not."""
        waiting, self._waiting = self._waiting, {}
        self._close(out)
        for pieces in waiting.values():
            for piece in pieces:
                self._write_call(piece, out)
        if waiting:
            self._close(out)

    def _delta(self, delta: dict[str, Any]) -> bytes:
        return _event("content_block_delta", {"index": self._block, "delta": delta})


def _event(name: str, members: dict[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), encode({"type": name, **members}))


def _is_complete(arguments: str) -> bool:
    try:
        _decode_members(arguments)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    return True


def _renamed(data: bytes, model: str) -> bytes:
    """Replace the model's name in the first event, where it stands in its message."""
    found = list(_MODEL.finditer(data))
    name = encode(model)
    if len(found) == 1:
        return b"".join((data[: found[0].end(1)], name, data[found[0].end() :]))
    try:
        message = _decode_members(data)["message"]
        return splice(data, {"message": splice(bytes(message), {"model": name})})
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError):
        return data

"""Cuts a byte stream into events, wherever the network happened to cut it: server-sent events, NDJSON, AWS frames.

Server-sent events follow https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream with
one leniency: an event that the end of the body cuts off before its blank line still counts, for providers that leave
the last newline out. Memory is one event; a longer one than `MAX_EVENT_BYTES` is refused.
"""

from typing import Final, Protocol

from wye.core.errors import MalformedResponseError
from wye.core.wire import Framing, ServerEvent
from wye.transport.extras import needs

MAX_EVENT_BYTES: Final = 64 * 1024 * 1024
"""Above any event seen; images in base64 travel in single events."""

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class Decoder(Protocol):
    """Turns pieces of a body into events."""

    def feed(self, data: bytes) -> list[ServerEvent]:
        """Return the events that `data` completes."""

    def close(self) -> list[ServerEvent]:
        """Return what is left at the end of the body."""


class _Buffer:
    """Collects bytes until a separator comes, without looking at any byte twice."""

    __slots__ = ("_longest", "_searched", "waiting")

    def __init__(self, longest: int) -> None:
        self.waiting = bytearray()
        self._longest = longest
        self._searched = 0

    def split(self, data: bytes, separator: bytes) -> list[bytes]:
        """Add `data` and return the blocks that are complete."""
        if not self.waiting and data.endswith(separator):
            return data.split(separator)
        self.waiting += data
        last = self.waiting.rfind(separator, max(0, self._searched - len(separator) + 1))
        if last < 0:
            self._searched = len(self.waiting)
            if self._searched > self._longest:
                raise MalformedResponseError(f"an event of the stream is longer than {self._longest} bytes")
            return []
        blocks = bytes(self.waiting[:last]).split(separator)
        del self.waiting[: last + len(separator)]
        self._searched = 0
        return blocks

    def rest(self) -> bytes:
        """Return what no separator has ended, and forget it."""
        rest = bytes(self.waiting)
        self.waiting.clear()
        self._searched = 0
        return rest


class SseDecoder:
    """Server-sent events with any of the three line ends, comments and several data lines."""

    __slots__ = ("_begun", "_buffer", "_carriage_return")

    def __init__(self, longest: int = MAX_EVENT_BYTES) -> None:
        """Begin a stream; an event of more than `longest` bytes is refused."""
        self._buffer = _Buffer(longest)
        self._begun = False
        self._carriage_return = False

    def feed(self, data: bytes) -> list[ServerEvent]:
        """Return the events that `data` completes."""
        if self._is_one_event(data):
            self._begun = True
            return [ServerEvent(data[6:-2])]
        if self._carriage_return or b"\r" in data:
            data = self._with_line_feeds(data)
        blocks = self._buffer.split(data, b"\n\n")
        if blocks and not self._begun:
            self._begun = True
            blocks[0] = blocks[0].removeprefix(_BYTE_ORDER_MARK)
        return [event for block in blocks if block and (event := _event(block))]

    def close(self) -> list[ServerEvent]:
        """Return the event that the end of the body cut off before its blank line."""
        return self.feed(b"\n\n")

    def _is_one_event(self, data: bytes) -> bool:
        """Tell whether a piece is one event of one line, as most are, and nothing came before it."""
        return (
            data.startswith(b"data: ")
            and data.endswith(b"\n\n")
            and data.find(b"\n") == len(data) - 2
            and b"\r" not in data
            and not self._buffer.waiting
            and not self._carriage_return
        )

    def _with_line_feeds(self, data: bytes) -> bytes:
        """Make every line end a line feed, also one that was cut in two."""
        if not data:
            return data
        if self._carriage_return:
            data = data.removeprefix(b"\n")
        self._carriage_return = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _event(block: bytes) -> ServerEvent | None:
    """Read one block of lines; `None` where it holds no data."""
    if block.startswith(b"data: ") and b"\n" not in block:
        return ServerEvent(block[6:])
    name: str | None = None
    lines: list[bytes] = []
    for line in block.split(b"\n"):
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            lines.append(value)
        elif field == b"event":
            name = value.decode("utf-8", "replace")
    return ServerEvent(b"\n".join(lines), name) if lines else None


class NdjsonDecoder:
    """One JSON value a line."""

    __slots__ = ("_buffer",)

    def __init__(self, longest: int = MAX_EVENT_BYTES) -> None:
        """Begin a stream; an event of more than `longest` bytes is refused."""
        self._buffer = _Buffer(longest)

    def feed(self, data: bytes) -> list[ServerEvent]:
        """Return the lines that `data` completes."""
        return [ServerEvent(line) for block in self._buffer.split(data, b"\n") if (line := block.strip())]

    def close(self) -> list[ServerEvent]:
        """Return the last line, where it has no line feed."""
        line = self._buffer.rest().strip()
        return [ServerEvent(line)] if line else []


def check(framing: Framing) -> None:
    """Raise `ConfigurationError`, whose `param` is `extra`, where what reads a framing is not installed."""
    if framing == "eventstream":
        needs("botocore")


def decoder(framing: Framing) -> Decoder:
    """Return a decoder for a stream framed so."""
    if framing == "sse":
        return SseDecoder()
    if framing == "ndjson":
        return NdjsonDecoder()
    from wye.transport.eventstream import EventStreamDecoder

    return EventStreamDecoder()

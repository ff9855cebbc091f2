"""AWS's binary event streams, parsed by botocore.

A frame is a prelude of 12 bytes (the frame's length, its headers' length, a checksum of both), headers, a payload and
a checksum: https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html#streaming-event-stream.
Memory is one frame, of 24 MB at most; the piece that completes it is not looked at twice.
"""

import struct
from typing import Any, Final

import msgspec

from wye.core.errors import MalformedResponseError, StreamInterruptedError
from wye.core.wire import ServerEvent
from wye.transport.extras import needs

_PRELUDE: Final = 12
_LEAST: Final = 16
"""A frame without headers and payload."""


class EventStreamDecoder:
    """Frames become events; frames that say of themselves that they are errors become events that failed."""

    __slots__ = ("_frames", "_parser_error", "_waiting", "_wanted")

    def __init__(self) -> None:
        """Begin a stream. Raises `ConfigurationError` where botocore is not installed."""
        needs("botocore")
        from botocore.eventstream import EventStreamBuffer, ParserError

        self._frames: Any = EventStreamBuffer()
        self._parser_error: type[Exception] = ParserError
        self._waiting = bytearray()
        self._wanted = 0

    def feed(self, data: bytes) -> list[ServerEvent]:
        """Return the events whose frames `data` completes."""
        self._waiting += data
        events = []
        try:
            while len(self._waiting) >= max(self._wanted, _PRELUDE):
                if not self._wanted:
                    self._check_prelude()
                    continue
                # The parser has the prelude already; it gets the rest of the frame at once.
                self._frames.add_data(bytes(memoryview(self._waiting)[_PRELUDE : self._wanted]))
                del self._waiting[: self._wanted]
                self._wanted = 0
                events += [_event(message.headers, message.payload) for message in self._frames]
        except (self._parser_error, struct.error, LookupError, ValueError) as error:
            raise MalformedResponseError(f"the provider's stream holds a broken frame: {error}") from None
        return events

    def close(self) -> list[ServerEvent]:
        """Return nothing: a frame that the end of the body cuts off cannot be read."""
        if self._waiting:
            raise StreamInterruptedError("the provider's stream broke off inside a frame")
        return []

    def _check_prelude(self) -> None:
        """Learn a frame's length from its prelude, once the parser has found its checksum right."""
        prelude = bytes(self._waiting[:_PRELUDE])
        length = int.from_bytes(prelude[:4])
        self._frames.add_data(prelude)
        next(self._frames, None)
        if length < _LEAST:
            raise MalformedResponseError(f"the provider's stream holds a frame of {length} bytes")
        self._wanted = length


def _event(headers: dict[str, Any], payload: bytes) -> ServerEvent:
    kind = headers.get(":message-type")
    if kind == "exception":
        return ServerEvent(payload, _text(headers.get(":exception-type")), failed=True)
    if kind == "error":
        said = {"message": _text(headers.get(":error-message"))}
        return ServerEvent(payload or msgspec.json.encode(said), _text(headers.get(":error-code")), failed=True)
    return ServerEvent(payload, _text(headers.get(":event-type")))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""

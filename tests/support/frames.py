"""AWS's event-stream frames, read and written without anybody's library, so that those can be tested with them.

https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html#streaming-event-stream
"""

import json
import struct
import zlib
from collections.abc import Iterator


def frame_bounds(body: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each frame begins and ends; one that was cut off ends with the body."""
    start = 0
    while start + 4 <= len(body):
        end = min(start + int.from_bytes(body[start : start + 4]), len(body))
        yield start, end
        start = end


def frames(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the payload of every whole frame, checksums verified."""
    for start, end in frame_bounds(body):
        frame = body[start:end]
        if len(frame) < 16 or len(frame) < int.from_bytes(frame[:4]):
            return
        total, headers_length, prelude_sum = struct.unpack_from(">III", frame)
        assert total == len(frame)
        assert zlib.crc32(frame[:8]) == prelude_sum
        assert zlib.crc32(frame[:-4]) == int.from_bytes(frame[-4:])
        headers = _headers(frame[12 : 12 + headers_length])
        name = headers.get(":event-type") or headers.get(":exception-type") or headers.get(":error-code") or ""
        yield name, frame[12 + headers_length : -4]


def _headers(data: bytes) -> dict[str, str]:
    found = {}
    at = 0
    while at < len(data):
        name_end = at + 1 + data[at]
        assert data[name_end] == 7, "only text is expected"
        size = int.from_bytes(data[name_end + 1 : name_end + 3])
        found[data[at + 1 : name_end].decode()] = data[name_end + 3 : name_end + 3 + size].decode()
        at = name_end + 3 + size
    return found


def frame(payload: object, headers: dict[str, str]) -> bytes:
    """Write one frame: a payload of bytes as it is, anything else as JSON."""
    content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    head = b"".join(
        struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", 7, len(value.encode())) + value.encode()
        for name, value in headers.items()
    )
    lengths = struct.pack(">II", 16 + len(head) + len(content), len(head))
    body = lengths + struct.pack(">I", zlib.crc32(lengths)) + head + content
    return body + struct.pack(">I", zlib.crc32(body))


def event(name: str, payload: object) -> bytes:
    """Write the frame of an event."""
    return frame(payload, {":event-type": name, ":content-type": "application/json", ":message-type": "event"})


def exception(name: str, payload: object) -> bytes:
    """Write the frame of an exception."""
    return frame(payload, {":exception-type": name, ":content-type": "application/json", ":message-type": "exception"})

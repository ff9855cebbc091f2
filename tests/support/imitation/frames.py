"""Writes AWS event-stream frames: https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html.

A frame is prelude (total length, headers' length), CRC of the prelude, headers, payload, CRC of all before it.
"""

import struct
import zlib

_STRING = 7


def frame(event_type: str, payload: bytes) -> bytes:
    """Write an event."""
    return _frame({":event-type": event_type, ":content-type": "application/json", ":message-type": "event"}, payload)


def exception_frame(kind: str, payload: bytes) -> bytes:
    """Write an exception, which ends a stream whose status was 200."""
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return _frame(headers, payload)


def _frame(headers: dict[str, str], payload: bytes) -> bytes:
    block = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack(">II", 16 + len(block) + len(payload), len(block))
    body = prelude + struct.pack(">I", zlib.crc32(prelude)) + block + payload
    return body + struct.pack(">I", zlib.crc32(body))


def _header(name: str, value: str) -> bytes:
    return struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", _STRING, len(value)) + value.encode()

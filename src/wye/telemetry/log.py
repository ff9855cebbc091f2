"""Structured logs: one JSON object a line, without prompt or answer text.

Lines are gathered and written a few times a second, so that a request does not pay for a system call.
"""

import asyncio
import sys
import time
from typing import Any, Final, TextIO

import msgspec
from msgspec import Struct

_FLUSH_SECONDS: Final = 0.25
_FLUSH_BYTES: Final = 64 * 1024


class RequestLine(Struct, omit_defaults=True, kw_only=True):
    """One finished request. `time` is seconds since the epoch, `duration_ms` from its arrival to its last byte.

    `asked` is the model as the caller named it, `strategy` what chose another one, where there was a choice. `cache` is
    what became of the request there, where answers are kept, `trace` its trace's name.
    """

    time: float
    event: str
    request_id: str
    method: str
    path: str
    status: int
    duration_ms: float
    stream: bool = False
    provider: str | None = None
    model: str | None = None
    asked: str | None = None
    strategy: str | None = None
    attempts: int = 0
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: str | None = None
    cache: str | None = None
    trace: str | None = None
    error: str | None = None


class LogWriter:
    """Writes lines to a stream, at most a quarter of a second late."""

    def __init__(self, stream: TextIO | None = None, *, enabled: bool = True) -> None:
        """Write to `stream`, standard error by default."""
        self._stream = stream or sys.stderr
        self._enabled = enabled
        self._pending = bytearray()
        self._timer: asyncio.TimerHandle | None = None
        self._encoder = msgspec.json.Encoder()

    def request(self, line: RequestLine) -> None:
        """Log a finished request."""
        if not self._enabled:
            return
        self._encoder.encode_into(line, self._pending, -1)
        self._pending += b"\n"
        self._soon()

    def event(self, event: str, **facts: Any) -> None:
        """Log anything else; `facts` must hold no secret and no prompt text."""
        self._pending += self._encoder.encode({"time": time.time(), "event": event, **facts})
        self._pending += b"\n"
        self.flush()

    def flush(self) -> None:
        """Write what has been gathered."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._pending:
            self._stream.write(self._pending.decode())
            self._stream.flush()
            self._pending.clear()

    def _soon(self) -> None:
        if len(self._pending) >= _FLUSH_BYTES:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self.flush)

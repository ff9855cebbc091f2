"""Where the chunks of a streamed answer go."""

from collections.abc import Awaitable, Sequence
from typing import Protocol

from wye.core.response import StreamChunk


class Sink(Protocol):
    """Takes the chunks of one answer."""

    def put(self, chunks: Sequence[StreamChunk]) -> Awaitable[None] | None:
        """Take chunks that came together; where an awaitable comes back, bring no more before it is done."""

"""A stream as it is written down while it passes, up to a size."""

from collections.abc import Sequence

from wye.cache.entry import GOOD_ENDS, encode, unpack_chunks
from wye.core.response import StreamChunk


class Recording:
    """Chunks as bytes, so that they take the room that is said. One that gets too large is `full`, and takes no more.

    `good` tells whether the stream ended in a way that is worth keeping.
    """

    __slots__ = ("_ended", "_spoilt", "data", "full", "most")

    def __init__(self, most: int) -> None:
        """Take up to `most` bytes."""
        self.most = most
        self.data = bytearray()
        self.full = False
        self._ended = False
        self._spoilt = False

    @property
    def good(self) -> bool:
        """Whether all of it is here, with a good end."""
        return self._ended and not self._spoilt and not self.full

    def take(self, chunks: Sequence[StreamChunk]) -> bool:
        """Write chunks down; tell whether there was room."""
        if not self.full:
            try:
                written = b"".join([b"%b," % encode(chunk) for chunk in chunks])
            except (TypeError, ValueError):  # a provider in this process put something of its own into them
                written = b""
                self.full = True
            self.full = self.full or len(self.data) + len(written) > self.most
        if self.full:
            return False
        self.data += written
        for chunk in chunks:
            for choice in chunk.choices:
                if choice.finish_reason is not None:
                    self._ended = True
                    self._spoilt = self._spoilt or choice.finish_reason not in GOOD_ENDS
        return True

    def since(self, offset: int) -> Sequence[StreamChunk]:
        """Return what was written after `offset` bytes."""
        return unpack_chunks(self.data[offset:]) if offset < len(self.data) else ()

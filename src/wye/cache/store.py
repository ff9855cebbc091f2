"""Where answers are kept: for this process, in memory."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from wye.cache.entry import Entry
from wye.cache.key import Key


class Store(Protocol):
    """Keeps entries for a while. Nothing of it raises: what cannot be had is not there."""

    async def find(self, key: Key) -> Entry | None:
        """Return what is kept under `key`."""

    def keep(self, key: Key, entry: Entry) -> None:
        """Keep an entry; it may be there a moment later."""

    async def aclose(self) -> None:
        """Let go of what is held."""


class MemoryStore:
    """Keeps entries in this process: so many bytes, so long. What nobody used for the longest time goes first."""

    def __init__(self, *, max_bytes: int, ttl: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Keep nothing yet; `ttl` is seconds on `clock`."""
        self._max_bytes = max_bytes
        self._ttl = ttl
        self._clock = clock
        self._kept: OrderedDict[Key, tuple[float, Entry]] = OrderedDict()
        self.bytes = 0

    async def find(self, key: Key) -> Entry | None:
        """Return an entry that is not too old."""
        found = self._kept.get(key)
        if found is None:
            return None
        if found[0] <= self._clock():
            self._forget(key)
            return None
        self._kept.move_to_end(key)
        return found[1]

    def keep(self, key: Key, entry: Entry) -> None:
        """Keep an entry, and drop others where there is no more room."""
        self._forget(key)
        if entry.size > self._max_bytes:
            return
        self._kept[key] = (self._clock() + self._ttl, entry)
        self.bytes += entry.size
        while self.bytes > self._max_bytes:
            self._forget(next(iter(self._kept)))

    def _forget(self, key: Key) -> None:
        if (gone := self._kept.pop(key, None)) is not None:
            self.bytes -= gone[1].size

    async def aclose(self) -> None:
        """Nothing to let go."""

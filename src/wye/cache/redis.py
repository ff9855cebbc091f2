"""Where answers are kept: for all processes, in Redis or Valkey.

No request waits long for it: what does not come within `[state] timeout` is not there, and a server that is away is
left alone for a while. Answers are written in the background.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import msgspec

from wye.cache.entry import Entry
from wye.cache.key import Key
from wye.state.config import StateConfig
from wye.state.redis import AWAY, client

_LEFT_ALONE_SECONDS: Final = 1.0
_WRITTEN_AT_ONCE: Final = 64
"""Entries on their way to the server; further ones are not kept."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Entry).decode


class RedisStore:
    """Keeps entries in Redis; memory is the server's own (`maxmemory` with `volatile-lru`)."""

    def __init__(self, config: StateConfig, *, ttl: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Connect when there is something to find or keep."""
        self._redis = client(config)
        self._timeout = config.timeout
        self._prefix = f"{{{config.prefix}}}:answer"
        self._milliseconds = round(ttl * 1000)
        self._clock = clock
        self._away_until = 0.0
        self._writing: set[asyncio.Task[None]] = set()

    async def find(self, key: Key) -> Entry | None:
        """Ask the server, shortly."""
        if self._clock() < self._away_until:
            return None
        try:
            async with asyncio.timeout(self._timeout):
                found = await self._redis.get(self._name(key))
        except AWAY:
            self._away_until = self._clock() + _LEFT_ALONE_SECONDS
            return None
        try:
            return _decode(found) if isinstance(found, bytes) else None
        except msgspec.DecodeError:
            return None

    def keep(self, key: Key, entry: Entry) -> None:
        """Tell the server, in the background."""
        if self._clock() < self._away_until or len(self._writing) >= _WRITTEN_AT_ONCE:
            return
        task = asyncio.get_running_loop().create_task(self._write(key, entry))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _write(self, key: Key, entry: Entry) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                await self._redis.set(self._name(key), _encode(entry), px=self._milliseconds)
        except AWAY:
            self._away_until = self._clock() + _LEFT_ALONE_SECONDS

    def _name(self, key: Key) -> str:
        return f"{self._prefix}:{key.tenant}:{key.digest}"

    async def aclose(self) -> None:
        """Finish what is being written, and hang up."""
        await asyncio.gather(*self._writing)
        with suppress(*AWAY):
            await self._redis.aclose()

"""Answers that a caller may go on from, kept in Redis for all processes.

An answer is a hash of its bytes and of the id before it, so that the server itself can find a whole conversation in
one step. Time to live is the only limit here; memory is the server's own (`maxmemory` with `volatile-lru`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, TypeVar

import msgspec

from wye.core.errors import StateUnavailableError
from wye.state.config import StateConfig
from wye.state.redis import AWAY, client
from wye.state.responses import KEPT_SECONDS, KeptResponse
from wye.state.scripts import CONVERSATION

_T = TypeVar("_T")
LARGEST: Final = 64 * 1024 * 1024
"""Bytes of an answer with what was asked for it; Redis itself takes 512 MB at most."""
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(KeptResponse).decode


class RedisResponses:
    """Keeps answers in Redis or Valkey."""

    def __init__(self, config: StateConfig, *, seconds: float = KEPT_SECONDS) -> None:
        """Connect when there is something to keep."""
        self._timeout = config.timeout
        self._where = config.shown
        self._seconds = int(seconds)
        self._prefix = f"{{{config.prefix}}}"
        self._redis = client(config)
        self._conversation = self._redis.register_script(CONVERSATION)

    async def put(self, owner: str, response: KeptResponse) -> None:
        """Keep an answer; where Redis is away, or it is too large, it is not kept: its caller has it all the same."""
        if response.size > LARGEST:
            return
        key = self._key("response", owner, response.id)

        async def write() -> None:
            pipe = self._redis.pipeline(transaction=False)
            pipe.hset(key, mapping={"kept": _encode(response), "previous": response.previous or ""})
            pipe.expire(key, self._seconds)
            for item_id, _ in response.said:
                if item_id:
                    pipe.set(self._key("item", owner, item_id), response.id, ex=self._seconds)
            await pipe.execute()

        with suppress(StateUnavailableError):
            await self._within(write)

    async def get(self, owner: str, response_id: str) -> KeptResponse | None:
        """Return an answer."""
        found = await self._asked(self._redis.hget, self._key("response", owner, response_id), "kept")
        return _decode(found) if found is not None else None

    async def delete(self, owner: str, response_id: str) -> bool:
        """Forget an answer."""
        return bool(await self._asked(self._redis.delete, self._key("response", owner, response_id)))

    async def conversation(self, owner: str, response_id: str) -> list[KeptResponse] | None:
        """Return all turns."""
        prefix = self._key("response", owner, "")

        async def walk() -> Any:
            return await self._conversation(keys=[f"{prefix}{response_id}"], args=[prefix, self._seconds])

        turns = await self._within(walk)
        return [_decode(turn) for turn in reversed(turns)] or None

    async def holder(self, owner: str, item_id: str) -> KeptResponse | None:
        """Return the answer that holds an item."""
        found = await self._asked(self._redis.get, self._key("item", owner, item_id))
        return await self.get(owner, found.decode()) if found is not None else None

    async def aclose(self) -> None:
        """Hang up."""
        with suppress(*AWAY):
            await self._redis.aclose()

    def _key(self, kind: str, owner: str, name: str) -> str:
        return f"{self._prefix}:{kind}:{owner}:{name}"

    async def _asked(self, command: Callable[..., Any], *arguments: Any) -> Any:
        async def ask() -> Any:
            return await command(*arguments)

        return await self._within(ask)

    async def _within(self, work: Callable[[], Awaitable[_T]]) -> _T:
        """Do something for as long as Redis may take, or say that it is away."""
        try:
            async with asyncio.timeout(self._timeout):
                return await work()
        except AWAY:
            message = f"what earlier answers said cannot be read: {self._where} is away; try again"
            raise StateUnavailableError(message, retry_after=1.0) from None

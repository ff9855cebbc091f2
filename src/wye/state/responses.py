"""Answers that a caller may go on from by their id (`previous_response_id`), for who does not keep them himself."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Protocol

from msgspec import Struct

MAX_RESPONSES: Final = 10_000
MAX_BYTES: Final = 256 * 1024 * 1024
KEPT_SECONDS: Final = 30 * 24 * 3600.0
"""How long OpenAI keeps a response. Source: https://platform.openai.com/docs/guides/your-data."""


class KeptResponse(Struct, frozen=True, kw_only=True):
    """One answer: its `body` as JSON, what was asked for it, and the answer it went on from.

    `given` are the input items as JSON, `said` those of the output with their ids. `provider` is who answered; `native`
    says that the provider keeps the response as well, under the same id, and can go on from it. `owed` is the request's
    record, packed, while its provider still works on the answer, whose cost is not booked yet.
    """

    id: str
    provider: str
    body: bytes
    given: tuple[bytes, ...] = ()
    said: tuple[tuple[str, bytes], ...] = ()
    previous: str | None = None
    native: bool = False
    owed: bytes | None = None

    @property
    def size(self) -> int:
        """The bytes it holds."""
        said = sum(len(item) for _, item in self.said)
        return len(self.id) + len(self.body) + sum(map(len, self.given)) + said


class ResponseStore(Protocol):
    """Keeps answers for their owners; nobody sees another's."""

    async def put(self, owner: str, response: KeptResponse) -> None:
        """Keep an answer."""

    async def get(self, owner: str, response_id: str) -> KeptResponse | None:
        """Return an answer, `None` where it is not, or no longer, there."""

    async def delete(self, owner: str, response_id: str) -> bool:
        """Forget an answer; tell whether it was there."""

    async def conversation(self, owner: str, response_id: str) -> list[KeptResponse] | None:
        """Return all turns up to an answer and with it, the first one first; `None` where one of them is missing."""

    async def holder(self, owner: str, item_id: str) -> KeptResponse | None:
        """Return the answer that holds an item."""

    async def aclose(self) -> None:
        """Let go of what is held."""


class MemoryResponses:
    """Keeps answers in memory: so many, so many bytes, so long. What nobody used for the longest time goes first.

    Each turn is kept once, however long its conversation. Going on from an answer counts as a use of all before it, so
    that a conversation is lost from its beginning only when all of it is the oldest.
    """

    def __init__(
        self,
        *,
        max_responses: int = MAX_RESPONSES,
        max_bytes: int = MAX_BYTES,
        seconds: float = KEPT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep nothing yet."""
        self._max_responses = max_responses
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._clock = clock
        self._kept: OrderedDict[tuple[str, str], tuple[float, KeptResponse]] = OrderedDict()
        self._items: dict[tuple[str, str], str] = {}
        self._bytes = 0

    async def put(self, owner: str, response: KeptResponse) -> None:
        """Keep an answer, and drop the oldest where there is no more room; one that is too large is not kept."""
        self._forget((owner, response.id))
        if response.size > self._max_bytes:
            return
        self._kept[owner, response.id] = (self._clock() + self._seconds, response)
        self._items.update({(owner, item_id): response.id for item_id, _ in response.said if item_id})
        self._bytes += response.size
        while len(self._kept) > self._max_responses or self._bytes > self._max_bytes:
            self._forget(next(iter(self._kept)))

    async def get(self, owner: str, response_id: str) -> KeptResponse | None:
        """Return an answer."""
        return self._find((owner, response_id))

    async def delete(self, owner: str, response_id: str) -> bool:
        """Forget an answer."""
        there = self._find((owner, response_id)) is not None
        self._forget((owner, response_id))
        return there

    async def conversation(self, owner: str, response_id: str) -> list[KeptResponse] | None:
        """Return all turns."""
        turns: list[KeptResponse] = []
        seen: set[str] = set()
        name: str | None = response_id
        while name is not None:
            turn = self._find((owner, name))
            if turn is None or name in seen:
                return None
            seen.add(name)
            turns.append(turn)
            name = turn.previous
        return turns[::-1]

    async def holder(self, owner: str, item_id: str) -> KeptResponse | None:
        """Return the answer that holds an item."""
        return self._find((owner, self._items.get((owner, item_id), "")))

    async def aclose(self) -> None:
        """Nothing to let go."""

    def _find(self, key: tuple[str, str]) -> KeptResponse | None:
        found = self._kept.get(key)
        if found is None:
            return None
        until, response = found
        if until <= self._clock():
            self._forget(key)
            return None
        self._kept.move_to_end(key)
        return response

    def _forget(self, key: tuple[str, str]) -> None:
        found = self._kept.pop(key, None)
        if found is None:
            return
        self._bytes -= found[1].size
        for item_id, _ in found[1].said:
            if self._items.get((key[0], item_id)) == key[1]:
                del self._items[key[0], item_id]

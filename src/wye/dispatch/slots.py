"""How many calls a provider is given at a time: a fixed number, and a queue of bounded length before them."""

import asyncio
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Final, TypeAlias

from wye.core.errors import OverloadedError

_TRY_AGAIN_SECONDS: Final = 1.0
"""What a caller is told to wait where nothing is known of when there will be room."""


class Slots:
    """Room for `limit` calls at a time; up to `queue` more wait for it, first come first served.

    The numbers hold for one process. A call takes one slot by `enter` and gives it back by `leave`.
    """

    __slots__ = ("_waiting", "busy", "limit", "queue")

    def __init__(self, limit: int, queue: int = 0) -> None:
        """Begin with all of them free."""
        self.limit = limit
        self.queue = queue
        self.busy = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def resize(self, limit: int, queue: int) -> None:
        """Change the numbers; calls under way go on, and whoever waits keeps its place."""
        self.limit, self.queue = limit, queue
        self._let_in()

    async def enter(self, deadline: float) -> bool:
        """Take a slot, waiting for one until `deadline` (the loop's clock); tell whether there is one.

        `False` comes at once where the queue is full. Raises `TimeoutError` at the deadline.
        """
        if self.busy < self.limit and not self._waiting:
            self.busy += 1
            return True
        if len(self._waiting) >= self.queue:
            return False
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout_at(deadline):
                await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self.leave()  # the slot came in the very moment its call was given up
            else:
                with suppress(ValueError):  # it may have been passed over already
                    self._waiting.remove(turn)
            raise
        return True

    def leave(self) -> None:
        """Give a slot back, to whoever has waited longest."""
        self.busy -= 1
        self._let_in()

    def _let_in(self) -> None:
        while self._waiting and self.busy < self.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                self.busy += 1
                turn.set_result(None)


Limits: TypeAlias = Mapping[str, Slots]
"""The slots of the providers that have a limit, by their ids."""


def full(provider: str, slots: Slots) -> OverloadedError:
    """Return the error of a provider whose slots and queue are taken."""
    return OverloadedError(
        f"{provider} has {slots.busy} calls under way and {slots.waiting} waiting, which is all that "
        f"[providers.{provider}] max_concurrency and max_queue allow; try again in a moment",
        provider=provider,
        retry_after=_TRY_AGAIN_SECONDS,
    )

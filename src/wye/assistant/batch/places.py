"""How many lines of batches are under way at a time: fewer while people wait for answers, and always one."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Final

_LOOK_SECONDS: Final = 0.05
"""How often whoever waits for a place asks whether interactive requests have left one."""


class Places:
    """Places for lines, taken by `async with`, first come first served: batches take turns."""

    def __init__(self, most: Callable[[], int], under_way: Callable[[], int]) -> None:
        """Give `most` places at a time, less the requests `under_way` that are no lines of batches."""
        self.busy = 0
        self._most = most
        self._under_way = under_way
        self._turn = asyncio.Lock()
        self._freed = asyncio.Event()

    @property
    def allowed(self) -> int:
        """How many lines may be under way now."""
        return max(1, self._most() - max(0, self._under_way() - self.busy))

    async def __aenter__(self) -> None:
        """Take a place as soon as there is one."""
        async with self._turn:
            while self.busy >= self.allowed:
                self._freed.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_SECONDS):
                        await self._freed.wait()
            self.busy += 1

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back."""
        self.busy -= 1
        self._freed.set()

"""Closes what a new configuration put out of use, once the last call that began before it has ended."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Protocol


class Closing(Protocol):
    """What may be closed once nobody uses it."""

    async def aclose(self) -> None:
        """Let go of what it has."""


class Generation:
    """The calls that began under one configuration, and what is to be closed after them."""

    __slots__ = ("calls", "left")

    def __init__(self) -> None:
        self.calls = 0
        self.left: Sequence[Closing] = ()


class Turnover:
    """Counts calls by the configuration they began under; a call that is never left keeps connections, no more."""

    def __init__(self) -> None:
        """Begin with the first configuration."""
        self._current = Generation()
        self._past: deque[Generation] = deque()
        self._orphans: list[Closing] = []
        self._closing: set[asyncio.Task[None]] = set()

    def enter(self) -> Generation:
        """Begin a call; hand what comes back to `leave` once."""
        generation = self._current
        generation.calls += 1
        return generation

    def leave(self, generation: Generation) -> None:
        """End a call."""
        generation.calls -= 1
        if not generation.calls and generation is not self._current:
            self._sweep()

    def swap(self, left: Sequence[Closing]) -> None:
        """Let calls that begin from now on be another generation's; `left` are used by earlier ones only."""
        self._current.left = left
        self._past.append(self._current)
        self._current = Generation()
        self._sweep()

    def _sweep(self) -> None:
        """Close what is left of every generation before which no call is under way any more."""
        while self._past and not self._past[0].calls:
            self._orphans += self._past.popleft().left
        if not self._orphans:
            return
        try:
            task = asyncio.get_running_loop().create_task(self._close_orphans())
        except RuntimeError:  # no loop runs, so nobody is in a hurry: `aclose` comes to it
            return
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _close_orphans(self) -> None:
        while self._orphans:
            await self._orphans.pop().aclose()

    async def aclose(self) -> None:
        """Close all that was put out of use, whoever still uses it."""
        for generation in self._past:
            self._orphans += generation.left
        self._past.clear()
        await self._close_orphans()
        await asyncio.gather(*self._closing)

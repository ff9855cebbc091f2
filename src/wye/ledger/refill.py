"""Fills up slices in the background, gives back what lies idle, and asks at once where a request waits for it.

One task does all the asking, for all lines of whoever keeps the amounts together: what comes up while an answer is
under way is asked next. While nobody answers, requests do not wait: each process has a share of its own for that time.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Literal, TypeAlias

from wye.core.errors import WyeError
from wye.core.leases import Ask, Leases
from wye.ledger.line import Line

Condition: TypeAlias = Literal["ok", "degraded"]
TICK: Final = 1.0
"""Seconds after which what lies idle is given back."""
_LONGEST_PAUSE: Final = 2.0
_MARGIN: Final = 0.8
"""The part of a lease's time in which its slice is spent; the rest is for clocks and wires."""


class Refill:
    """The way to whoever keeps some amounts. Leases there last for `lasting` seconds."""

    def __init__(
        self,
        leases: Leases,
        *,
        lasting: float,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        """Ask nothing yet; `clock` tells seconds, `wall` microseconds since the epoch."""
        self.noticed: Callable[[Condition, str], None] = lambda _condition, _why: None
        self.condition: Condition = "ok"
        self._leases = leases
        self._lasting = lasting
        self._clock = clock
        self._wall = wall
        self._lines: dict[str, Line] = {}
        self._urgent: dict[str, Line] = {}
        self._waiters: list[asyncio.Future[None]] = []
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._ticked = -1.0
        self._failures = 0

    @property
    def away(self) -> bool:
        """Whether the last ask was not answered."""
        return self._failures > 0

    def now(self) -> float:
        """Return the seconds of the clock that only goes forward."""
        return self._clock()

    def start(self) -> None:
        """Begin; where nothing was started, the first request that waits does it."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="refill")

    def soon(self, line: Line) -> None:
        """Have a line's slice filled up, or given back, without waiting for it."""
        self._lines[line.subject] = self._urgent[line.subject] = line
        if not self._failures:
            self._wake.set()

    async def wait(self, line: Line, number: int) -> None:
        """Ask for `number` at once, and return when that is answered, whatever the answer is."""
        self.start()
        line.waiting += number
        self.soon(line)
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(answered)
        try:
            await answered
        finally:
            line.waiting -= number

    async def aclose(self) -> None:
        """Give everything back and let go."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        self._answer(self._waiters)
        if not self._failures:
            await self.turn(last=True)  # what was spent since it was told last
        await self._leases.aclose()

    async def _run(self) -> None:
        while True:
            pause = TICK if not self._failures else min(TICK * 2 ** (self._failures - 1), _LONGEST_PAUSE)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            self._wake.clear()
            waiters, self._waiters = self._waiters, []
            try:
                await self.turn()
            finally:
                self._answer(waiters)

    async def turn(self, *, last: bool = False) -> None:
        """Ask once for all that is needed now; the `last` time tell all that was spent, and give the rest back."""
        asking = self._left() if last else self._due()
        if not asking and not self._failures:
            return
        began, at = self._clock(), self._wall()
        try:
            grants = await self._leases.exchange([ask for _, ask in asking])
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may wait for it, and it is tried again
            self._failures += 1
            why = error.message if isinstance(error, WyeError) else f"dividing failed with {type(error).__name__}"
            self._come_into("degraded", why)
            self._urgent = {line.subject: line for line, _ in asking} | self._urgent
            return
        self._failures = 0
        self._come_into("ok", "what several processes share is divided again")
        for (line, ask), grant in zip(asking, grants, strict=True):
            line.hear(ask, grant, now=began, at=at, lasting=self._lasting * _MARGIN)

    def _due(self) -> list[tuple[Line, Ask]]:
        """Return the lines that are to be asked for, each with what; every second those that may be trimmed as well."""
        now, at = self._clock(), self._wall()
        urgent, self._urgent = self._urgent, {}
        due: dict[str, tuple[Line, Ask]] = {}
        for name, line in urgent.items():
            line.current(at)
            due[name] = (line, line.ask(at, idle=False))
        if now - self._ticked < TICK:
            return list(due.values())
        self._ticked = now
        for name, line in list(self._lines.items()):
            if name in due:
                continue
            allowance = line.allowance
            if line.is_over(at):
                del self._lines[name]
                continue
            idle = line.rests(at)
            if idle and not allowance.free > 0 and line.is_told:
                del self._lines[name]
                continue
            keep = 0 if idle or not allowance.is_sliced else allowance.slice()
            old = now - line.renewed > self._lasting / 3
            if old or (idle and not line.is_told) or allowance.free > 2 * keep or (not line.hard and not idle):
                due[name] = (line, line.ask(at, idle=idle))
        return list(due.values())

    def _left(self) -> list[tuple[Line, Ask]]:
        """Return the lines of which something was not told yet or is still in hand, each with what is left of it."""
        at = self._wall()
        lines = [line for line in self._lines.values() if not line.is_over(at)]
        return [(line, line.ask(at, idle=True)) for line in lines if line.allowance.free > 0 or not line.is_told]

    def _come_into(self, condition: Condition, why: str) -> None:
        if condition != self.condition:
            self.condition = condition
            self.noticed(condition, why)

    @staticmethod
    def _answer(waiters: list[asyncio.Future[None]]) -> None:
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

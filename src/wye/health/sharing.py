"""Tells other processes what this one finds out about providers, models and keys, and takes over what they tell.

A breaker that opens here opens everywhere, with what is left of its time. When the time is over, one process claims
the probes for a few seconds and the others stand back: nobody on the way of a request waits for that, since the claim
is made a moment before it is needed. Where the others cannot be reached everybody decides alone, as one process would.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, get_args

import msgspec
from msgspec import Struct

from wye.health.board import Health, Subject
from wye.health.breaker import Breaker
from wye.health.view import Mark
from wye.state import SharedState

_EVERY_SECONDS: Final = 0.25
_AHEAD_SECONDS: Final = 1.0
"""How long before a breaker lets calls through again its probes are claimed."""
_LEASE_SECONDS: Final = 5.0
"""How long who has claimed probes may make them, before others may claim them too."""
_STAND_BACK_SECONDS: Final = 1.5
_LINGER_SECONDS: Final = 60.0
"""How long an opened breaker is remembered after its time, so that it can be told that it works again."""
_RETIRED_SECONDS: Final = 24 * 3600.0
"""How long a mark without an end is remembered; whoever makes the same mistake then marks it again."""
_OPEN: Final = "breaker_open"


class _Told(Struct, array_like=True):
    """A mark on its way; `lingers` are the seconds it stays after its end, `None` where it has none."""

    code: str
    reason: str
    lingers: float | None


_decode = msgspec.json.Decoder(_Told).decode
_encode = msgspec.json.Encoder().encode


class Sharing:
    """Stands between the health of one process and what all processes share."""

    def __init__(
        self,
        health: Health,
        state: SharedState,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Join the two; `clock` and `wall` are those of `health`."""
        self._health = health
        self._state = state
        self._clock = clock
        self._wall = wall
        self._due: dict[str, float] = {}
        self._leases: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        if not state.alone:
            health.listener = self._tell
            state.hearer = self._hear

    def start(self) -> None:
        """Begin to claim probes."""
        if self._task is None and not self._state.alone:
            self._task = asyncio.create_task(self._claim_probes(), name="probes")

    async def aclose(self) -> None:
        """Claim no more."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    def _tell(self, subject: Subject, name: str, mark: Mark | None) -> None:
        key = f"{subject}:{name}"
        self._leases.discard(key)
        self._due.pop(key, None)
        if mark is None:
            self._state.retract(key)
            return
        left = _RETIRED_SECONDS if mark.until is None else max(mark.until - self._wall(), 0.0)
        lingers = _LINGER_SECONDS if mark.code == _OPEN else 0.0
        told = _Told(mark.code, mark.reason, None if mark.until is None else lingers)
        if mark.code == _OPEN:
            self._due[key] = self._clock() + left
        self._state.publish(key, _encode(told), left + lingers)

    def _hear(self, key: str, value: bytes | None, seconds: float) -> None:
        subject, _, name = key.partition(":")
        if subject not in get_args(Subject):
            return
        self._leases.discard(key)
        self._due.pop(key, None)
        if value is None:
            self._health.adopt(subject, name, None)  # type: ignore[arg-type]  # checked above
            return
        try:
            told = _decode(value)
        except msgspec.DecodeError:
            return  # another version's
        until = None if told.lingers is None else self._wall() + seconds - told.lingers
        self._health.adopt(subject, name, Mark(told.code, told.reason, until))  # type: ignore[arg-type]
        if told.code == _OPEN and told.lingers is not None:
            self._due[key] = self._clock() + seconds - told.lingers

    async def _claim_probes(self) -> None:
        while True:
            now = self._clock()
            for key, due in tuple(self._due.items()):
                if due - now <= _AHEAD_SECONDS:
                    await self._claim(key, due, now)
            await asyncio.sleep(_EVERY_SECONDS)

    async def _claim(self, key: str, due: float, now: float) -> None:
        """See to it that one process makes the probes of one breaker: this one, or another."""
        breaker = self._breaker(key)
        if breaker is None or breaker.state == "CLOSED":
            self._due.pop(key, None)
            self._leases.discard(key)
            return
        rests = key in self._leases and breaker.state == "OPEN"  # had its chance, and no request came
        seconds = max(due - now, 0.0) + _LEASE_SECONDS
        won = not rests and await self._state.claim(f"probe:{key}", seconds)
        if self._due.get(key) != due:
            return  # somebody found out more meanwhile
        if won:
            self._leases.add(key)
            self._due[key] = now + seconds
            return
        self._leases.discard(key)
        until = max(due, now + _STAND_BACK_SECONDS)
        self._due[key] = until
        subject, _, name = key.partition(":")
        waits = Mark(_OPEN, "another process tries whether it works again", self._wall() + until - self._clock())
        self._health.adopt(subject, name, waits)  # type: ignore[arg-type]  # one of ours

    def _breaker(self, key: str) -> Breaker | None:
        subject, _, name = key.partition(":")
        known = self._health.providers if subject == "provider" else self._health.models
        found = known.get(name)
        return found.breaker if found is not None else None

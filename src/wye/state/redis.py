"""Shared state in Redis or Valkey.

One task in the background does all the talking: every now and then, and as soon as there is something to say, one
script on the server takes what is new here and answers with what is new there. Times travel as what is left of them,
measured on the server's clock, since the clocks of two machines differ. While the server is away, what is said here
waits in a bounded queue, and what was heard stays as it was.
"""

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence, Set
from contextlib import suppress
from typing import Any, Final

from msgspec import Struct
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from wye.core.errors import ConfigurationError
from wye.state.config import StateConfig
from wye.state.scripts import CLAIM, EXCHANGE
from wye.state.shared import Condition, Hearer, Noticed

AWAY: Final = (RedisError, OSError, TimeoutError)
"""What a call raises where the server does not answer as it should."""
_CONNECT_SECONDS: Final = 1.0
_QUEUE_AT_MOST: Final = 10_000
"""Marks that wait to be told; the oldest make room."""
_BACKOFF_AT_MOST: Final = 5.0
_CONNECTIONS_AT_MOST: Final = 32
_COUNTERS_AT_MOST: Final = 4096
_RETRACTED: Final = -1


class _Mark(Struct, frozen=True):
    """A mark as it was said or heard; `until` is on the clock of this process."""

    value: bytes
    until: float


def client(config: StateConfig) -> "Redis":
    """Return a client that tries once, and not for long; where all its connections are busy, it waits for one as long.

    Raises `ConfigurationError` for a URL that is none.
    """
    try:
        pool = BlockingConnectionPool.from_url(
            config.url.reveal(),
            timeout=config.timeout,
            socket_timeout=config.timeout,
            socket_connect_timeout=max(config.timeout, _CONNECT_SECONDS),
            retry=Retry(NoBackoff(), 0),
            max_connections=_CONNECTIONS_AT_MOST,
            protocol=2,
        )
    except ValueError:
        raise ConfigurationError("state.url is no URL of a Redis: redis://host:6379/0", param="state.url") from None
    return Redis.from_pool(pool)


class RedisState:
    """The state of a process that has others beside it."""

    def __init__(self, config: StateConfig, clock: Callable[[], float] = time.monotonic) -> None:
        """Prepare; `start` connects."""
        self.alone = False
        self.hearer: Hearer | None = None
        self.noticed: Noticed | None = None
        self.condition: Condition = "degraded"
        self.dropped = 0
        self._config = config
        self._clock = clock
        self._redis = client(config)
        self._exchange = self._redis.register_script(EXCHANGE)
        self._claim = self._redis.register_script(CLAIM)
        self._me = secrets.token_hex(8)
        self._serial = 0
        self._keys = [f"{{{config.prefix}}}:{name}" for name in ("marks", "ends", "meta", "turns")]
        self._birth = b""
        self._version = -1
        self._waiting: OrderedDict[str, _Mark | None] = OrderedDict()
        self._said: dict[str, _Mark] = {}
        self._heard: dict[str, _Mark] = {}
        self._turns: dict[str, list[int]] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._failures = 0
        self._stopping = False

    def publish(self, name: str, value: bytes, seconds: float) -> None:
        """Put a mark into the queue."""
        self._serial += 1  # the same words again are another mark
        mark = _Mark(f"{self._me}:{self._serial}:".encode() + value, self._clock() + seconds)
        self._said[name] = mark
        self._queue(name, mark)

    def retract(self, name: str) -> None:
        """Put its end into the queue."""
        self._said.pop(name, None)
        self._queue(name, None)

    def _queue(self, name: str, mark: _Mark | None) -> None:
        self._waiting.pop(name, None)
        self._waiting[name] = mark
        if len(self._waiting) > _QUEUE_AT_MOST:
            self._waiting.popitem(last=False)
            self.dropped += 1
        if not self._failures:
            self._wake.set()

    def turn(self, name: str) -> int:
        """Return what everybody has counted so far, as far as is known here, and count one more."""
        counted = self._turns.get(name)
        if counted is None:
            if len(self._turns) >= _COUNTERS_AT_MOST:  # names come from callers
                del self._turns[next(iter(self._turns))]
            counted = self._turns[name] = [0, 0]
        number = counted[0] + counted[1]
        counted[1] += 1
        return number

    async def claim(self, name: str, seconds: float) -> bool:
        """Ask the server, for as long as `timeout` says."""
        if self._failures:
            return True
        try:
            key = f"{{{self._config.prefix}}}:claim:{name}"
            async with asyncio.timeout(self._config.timeout):
                return bool(await self._claim(keys=[key], args=[self._me, max(int(seconds * 1000), 1)]))
        except AWAY:
            return True

    async def start(self) -> None:
        """Begin to talk, without waiting for an answer."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="shared state")

    async def aclose(self) -> None:
        """Say what is left, in one attempt, and hang up."""
        if self._task is not None:
            # The client may swallow a cancellation that comes while it reads; it is asked in words as well.
            self._stopping = True
            self._wake.set()
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None
            if self._waiting and not self._failures:
                with suppress(*AWAY):
                    await self._talk()
        with suppress(*AWAY):
            await self._redis.aclose()

    async def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            try:
                await self._talk()
            except AWAY as error:
                self._failures += 1
                self._come_into("degraded", f"{self._config.shown} does not answer: {type(error).__name__}")
            else:
                self._failures = 0
                self._come_into("ok", f"{self._config.shown} answers")
            pause = min(self._config.refresh_interval * 2 ** min(self._failures, 8), _BACKOFF_AT_MOST)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause if self._failures else self._config.refresh_interval):
                    await self._wake.wait()

    def _come_into(self, condition: Condition, why: str) -> None:
        first = self._failures == 1 and condition == "degraded"
        if condition != self.condition or first:
            self.condition = condition
            if self.noticed is not None:
                self.noticed(condition, why)

    async def _talk(self) -> None:
        """Say what waits and hear what is new, in one round trip."""
        saying, self._waiting = self._waiting, OrderedDict()
        counting = {name: numbers for name, numbers in self._turns.items() if numbers[1]}
        counted = {name: numbers[1] for name, numbers in counting.items()}
        began = self._clock()
        try:
            async with asyncio.timeout(self._config.timeout + _CONNECT_SECONDS):
                arguments = self._arguments(saying, counted, began)
                birth, version, fresh, marks, totals = await self._exchange(keys=self._keys, args=arguments)
        except BaseException:
            self._waiting = OrderedDict([*saying.items(), *self._waiting.items()])
            while len(self._waiting) > _QUEUE_AT_MOST:
                self._waiting.popitem(last=False)
                self.dropped += 1
            raise
        for name, total in zip(counted, totals, strict=True):
            # One that made room meanwhile, and perhaps began anew, is none of the server's any more.
            counting[name][:] = total, counting[name][1] - counted[name]
        if birth != self._birth or version < self._version:
            self._begin_anew(birth, saying)
        self._version = version
        if fresh:
            self._hear(marks, began, saying.keys())

    def _arguments(self, saying: "OrderedDict[str, _Mark | None]", counted: dict[str, int], now: float) -> list[Any]:
        marks: list[Any] = []
        for name, mark in saying.items():
            if mark is None:
                marks += [name, _RETRACTED, b""]
            elif (left := int((mark.until - now) * 1000)) > 0:
                marks += [name, left, mark.value]
        turns = [part for pair in counted.items() for part in pair]
        return [self._birth, self._version, secrets.token_hex(8), len(marks) // 3, *marks, len(counted), *turns]

    def _begin_anew(self, birth: bytes, said_now: "OrderedDict[str, _Mark | None]") -> None:
        """Meet a server that remembers nothing, or for the first time: what it lacks was not taken back by anybody."""
        self._birth = birth
        self._heard.clear()
        now = self._clock()
        self._said = {name: mark for name, mark in self._said.items() if mark.until > now}
        for name, mark in self._said.items():
            if name not in said_now and name not in self._waiting:
                self._queue(name, mark)

    def _hear(self, marks: Sequence[Any], began: float, said: Set[str]) -> None:
        """Pass on what others said since the last time, and what they took back."""
        heard: dict[str, _Mark] = {}
        for at in range(0, len(marks), 3):
            name, value, left = marks[at].decode(), marks[at + 1], marks[at + 2]
            heard[name] = _Mark(value, began + left / 1000)
        before, self._heard = self._heard, heard
        if self.hearer is None:
            return
        now = self._clock()
        for name, mark in heard.items():
            origin, _, rest = mark.value.partition(b":")
            value = rest.partition(b":")[2]
            known = before.get(name)
            again = known is not None and known.value == mark.value
            if origin != self._me.encode() and not again and name not in self._waiting:
                self.hearer(name, value, mark.until - now)
        for name, known in before.items():
            ended = known.until - now < self._slack
            if name not in heard and not ended and name not in self._waiting and name not in said:
                self._said.pop(name, None)
                self.hearer(name, None, 0.0)

    @property
    def _slack(self) -> float:
        """Seconds by which an end may be wrong here: an answer may have been under way for so long."""
        return self._config.timeout + _CONNECT_SECONDS

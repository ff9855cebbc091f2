"""Asks providers now and then how they are, by the cheapest question there is: the list of their models."""

import asyncio
import random
from collections.abc import Callable, Mapping
from contextlib import suppress

from wye.core.errors import ConfigurationError, WyeError
from wye.dispatch.upstream import Upstream
from wye.health import Health, HealthConfig

_SPREAD = 0.1
"""By how much of the interval a round may come later, so that many gateways do not ask in the same moment."""


class Checks:
    """A task that asks every provider in use with each of its keys, and tells `health` what came of it."""

    def __init__(self, health: Health, in_use: Callable[[], Mapping[str, Upstream]]) -> None:
        """Ask those that `in_use` returns; nothing is asked before `follow` says so."""
        self._health = health
        self._in_use = in_use
        self._config = HealthConfig()
        self._task: asyncio.Task[None] | None = None

    def follow(self, config: HealthConfig) -> None:
        """Begin, change or stop, as the configuration says; must be called within an event loop."""
        if config == self._config:
            return
        self._config = config
        if self._task is not None:
            self._task.cancel()
        self._task = asyncio.get_running_loop().create_task(self._run()) if config.active else None

    async def aclose(self) -> None:
        """Stop."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def check(self) -> None:
        """Ask everybody once, all at the same time."""
        await asyncio.gather(*(self._ask(name, upstream) for name, upstream in self._in_use().items()))

    async def _run(self) -> None:
        while True:
            await self.check()
            await asyncio.sleep(self._config.interval * (1 + _SPREAD * random.random()))  # noqa: S311 - no secret

    async def _ask(self, provider: str, upstream: Upstream) -> None:
        for key in self._health.keys(provider):
            error: WyeError | None = None
            try:
                await upstream.list_models(self._config.timeout, key)
            except ConfigurationError:
                return  # it has no list that could be asked for
            except WyeError as failure:
                error = failure.at(provider)
            self._health.checked(provider, key, error)

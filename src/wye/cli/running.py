"""Runs what a command does, so that Ctrl-C ends it at any moment."""

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

_T = TypeVar("_T")


def run(work: Coroutine[Any, Any, _T]) -> _T:
    """Run `work` to its end; Ctrl-C cancels it, and raises `KeyboardInterrupt` once it has cleaned up.

    `asyncio.run` alone may miss a Ctrl-C that comes just before it begins to wait, until something else wakes it up:
    its handler is run between two instructions. One that is added to the loop is itself what wakes it.
    """
    return asyncio.run(_stoppable(work))


async def _stoppable(work: Coroutine[Any, Any, _T]) -> _T:
    task = asyncio.current_task()
    with suppress(NotImplementedError, RuntimeError):  # where signals are not the loop's: another system or thread
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, task.cancel if task else lambda: None)
    try:
        return await work
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None

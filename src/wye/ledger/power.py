"""Waits until what was written down is on the disk, for those who want books that survive the power.

Whoever waits shares the way to the disk with everybody who came while the one before was on it: however many requests
there are, one of these is under way at a time, in a thread.
"""

import asyncio
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from wye.core.errors import BooksUnavailableError
from wye.ledger.journal import Journal

_RETRY_AFTER: Final = 5.0


def to_disk(paths: Iterable[Path]) -> None:
    """Have these files and folders on the disk, once this returns; those that are gone need not be. Raises `OSError`.

    What was written through memory is in the system's cache like anything else.
    """
    for path in paths:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class OnDisk:
    """One journal's way to the disk."""

    def __init__(self, journal: Journal, write: Callable[[Iterable[Path]], None] = to_disk) -> None:
        """Have nothing written yet; `write` does it, in a thread."""
        self._journal = journal
        self._write = write
        self._waiters: list[asyncio.Future[None]] = []
        self._task: asyncio.Task[None] | None = None

    async def wait(self) -> None:
        """Return once all that is in the journal now is on the disk. Raises `BooksUnavailableError`."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(written)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run(), name="journal to disk")
        await written

    async def _run(self) -> None:
        while self._waiters:
            waiters, self._waiters = self._waiters, []
            failure: BooksUnavailableError | None = None
            paths: list[Path] = []
            try:
                paths = self._journal.unsafe()
                await asyncio.to_thread(self._write, paths)
            except Exception as error:  # noqa: BLE001 - whatever it is, nobody may wait for it in vain
                self._journal.still_unsafe(paths)
                why = (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
                message = f"usage cannot be brought to the disk: {why}; nothing is let in until it can"
                failure = BooksUnavailableError(message, retry_after=_RETRY_AFTER)
            for waiter in waiters:
                if waiter.done():
                    continue
                if failure is None:
                    waiter.set_result(None)
                else:
                    waiter.set_exception(failure)

"""Runs the calls of one answer, several at a time, and tells of each as it ends."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from wye.core.content import ToolCall
from wye.toolloop.offered import Tools
from wye.toolloop.values import ToolRun

_CALLS_AT_MOST: Final = 64
"""Of one answer; what a model calls beyond that is told to be too much."""


class Failures:
    """Remembers which calls have failed, so that a model that repeats one is told."""

    def __init__(self) -> None:
        """Begin with none."""
        self._seen: set[tuple[str, bytes]] = set()

    def note(self, call: ToolCall) -> bool:
        """Note that a call failed; tell whether the same one had before."""
        key = (call.name, _plain(call.arguments))
        known = key in self._seen
        self._seen.add(key)
        return known


class _Plain(Struct, frozen=True):
    """An output of the loop's own."""

    text: str
    is_error: bool = True
    cut: bool = False


async def work(
    calls: Sequence[ToolCall],
    tools: Tools,
    failures: Failures,
    *,
    number: int,
    at_once: int,
    left: Callable[[], float | None],
) -> AsyncGenerator[tuple[int, ToolRun]]:
    """Run `calls` of the round `number`, yielding each with its place as it ends; closing it cancels what still runs.

    `left` returns the seconds that are left for all, and raises when there are none.
    """
    slots = asyncio.Semaphore(max(1, at_once))

    async def one(at: int, call: ToolCall) -> tuple[int, ToolRun]:
        async with slots:
            began = time.perf_counter()
            output = _refused(at, call, tools) or await tools.call(call.name, call.arguments)
            seconds = time.perf_counter() - began
        return at, ToolRun(
            round=number,
            id=call.id,
            name=call.name,
            arguments=call.arguments,
            text=output.text.encode(errors="replace").decode(),
            is_error=output.is_error,
            cut=output.cut,
            seconds=seconds,
            repeated=output.is_error and failures.note(call),
        )

    running = {asyncio.ensure_future(one(at, call)) for at, call in enumerate(calls)}
    try:
        while running:
            done, running = await asyncio.wait(running, timeout=left(), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                yield task.result()
    finally:
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)


def unfinished(call: ToolCall, number: int) -> ToolRun:
    """Return what is told of a call of the round `number` that was begun and did not come to its end."""
    return ToolRun(
        round=number,
        id=call.id,
        name=call.name,
        arguments=call.arguments,
        text="error: this call was not finished",
        is_error=True,
        cut=False,
        seconds=0.0,
    )


def _refused(at: int, call: ToolCall, tools: Tools) -> _Plain | None:
    """Return why a call is not made, where that is so."""
    if at >= _CALLS_AT_MOST:
        return _Plain(f"error: {_CALLS_AT_MOST} calls are the most at once, and this is one more; call fewer")
    if call.name not in tools.names:
        there = ", ".join(sorted(tools.names)) or "none"
        return _Plain(f"error: there is no tool {call.name[:64]!r} here; there are: {there}")
    return None


def _plain(arguments: str) -> bytes:
    """Return arguments so that the same ones are the same, however they were written."""
    try:
        value: Any = msgspec.json.decode(arguments or "{}")
        return msgspec.json.encode(value, order="deterministic")
    except (msgspec.DecodeError, RecursionError):
        return arguments.encode(errors="replace")

"""Runs a program that is an MCP server, and speaks to it over its input and output, a message a line.

The protocol's library has this as well, but takes a line of any length, and tells nobody when a program ends that is
not just being asked.
"""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final, TypeAlias

import anyio
import mcp_types as types
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.client.stdio import get_default_environment
from mcp.shared.message import SessionMessage

from wye.config.tools import McpServerSettings
from wye.transport import trace

LINE_AT_MOST: Final = 8 * 1024 * 1024
_PATIENCE: Final = 2.0
"""Seconds that a program has to end once its input is closed, and once more when it is asked to."""
_LOOK_SECONDS: Final = 0.01
_In: TypeAlias = SessionMessage | Exception


@asynccontextmanager
async def spoken_to(
    settings: McpServerSettings, ended: asyncio.Event
) -> AsyncIterator[tuple[MemoryObjectReceiveStream[_In], MemoryObjectSendStream[SessionMessage]]]:
    """Start a server's program; give what it says and what it is told. `ended` is set when it says no more.

    It is gone when the context is left. Raises `OSError` where it cannot be started.
    """
    process = await asyncio.create_subprocess_exec(
        *settings.command,
        stdin=PIPE,
        stdout=PIPE,
        stderr=None if trace.enabled() else DEVNULL,
        env={**get_default_environment(), **{name: value.reveal() for name, value in settings.env.items()}},
        cwd=settings.cwd,
        limit=LINE_AT_MOST,
        start_new_session=True,  # so that what it starts itself ends with it
    )
    said, heard = anyio.create_memory_object_stream[_In]()
    told, telling = anyio.create_memory_object_stream[SessionMessage]()
    pumps = (
        asyncio.create_task(_hear(process, said, ended)),
        asyncio.create_task(_tell(process, telling, ended)),
    )
    try:
        yield heard, told
    finally:
        for pump in pumps:
            pump.cancel()
        for stream in (said, heard, told, telling):
            stream.close()
        await asyncio.shield(asyncio.ensure_future(_see_off(process)))


async def _hear(process: Process, said: MemoryObjectSendStream[_In], ended: asyncio.Event) -> None:
    """Pass on what a program says, until it ends, or says a line that is too long."""
    if process.stdout is None:
        raise RuntimeError("a program without output")
    try:
        with suppress(ValueError, anyio.BrokenResourceError, ConnectionError):
            while line := await process.stdout.readline():
                await said.send(_message(line))
    finally:
        said.close()
        ended.set()


def _message(line: bytes) -> _In:
    try:
        return SessionMessage(types.jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError as error:
        return error


async def _tell(process: Process, telling: MemoryObjectReceiveStream[SessionMessage], ended: asyncio.Event) -> None:
    """Pass on what a program is told."""
    if process.stdin is None:
        raise RuntimeError("a program without input")
    try:
        with suppress(ConnectionError):
            async for one in telling:
                process.stdin.write(one.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")
                await process.stdin.drain()
    finally:
        telling.close()
        ended.set()


async def _see_off(process: Process) -> None:
    """Let a program end by closing its input, then ask it to, then end it with all that it started."""
    if process.stdin is not None:
        process.stdin.close()
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGKILL):
        if await _has_ended(process):
            break
        _signal(process, number)
    _signal(process, signal.SIGKILL)  # to what it started, and left behind
    process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001 - nothing else closes a pipe not read to its end


async def _has_ended(process: Process) -> bool:
    """Wait for a program's end for a while; its own `wait` would wait for whoever else holds its output, too."""
    for _ in range(round(_PATIENCE / _LOOK_SECONDS)):
        if process.returncode is not None:
            return True
        await asyncio.sleep(_LOOK_SECONDS)
    return process.returncode is not None


def _signal(process: Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)

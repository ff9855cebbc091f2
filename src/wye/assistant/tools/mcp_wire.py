"""Speaks to one MCP server by the protocol's own library: how it is reached, asked, and told to be gone.

This module alone knows the library, which is an extra; it is imported when a server is configured.
"""

import asyncio
import ipaddress
import logging
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import anyio
import httpx2
import mcp_types as types
import msgspec
from mcp.client import Client
from mcp.client._transport import TransportStreams
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from msgspec import Struct
from pydantic import ValidationError

from wye import __version__
from wye.assistant.tools.mcp_program import spoken_to
from wye.assistant.tools.seam import ToolError, ToolOutput
from wye.config.tools import McpServerSettings
from wye.transport.guard import public_addresses

_ANSWER_AT_MOST: Final = 8 * 1024 * 1024
_PAGES_AT_MOST: Final = 20
_MESSAGE_AT_MOST: Final = 500
_A_LITTLE_LESS: Final = 0.95
"""Of the time that a call has, so that a silent server is told from a caller who leaves."""
logging.getLogger("mcp").addHandler(logging.NullHandler())  # else what servers say wrongly is printed between our lines


class EndedError(Exception):
    """The connection to a server has ended; the message says how."""


class SilentError(Exception):
    """A server did not answer in time."""


class Row(Struct, frozen=True):
    """A tool as its server describes it."""

    name: str
    description: str
    parameters: Mapping[str, Any]


class Link:
    """A connection to a server, for as long as the context it came from is open."""

    def __init__(self, client: Client) -> None:
        """Ask over `client`."""
        self._client = client

    async def rows(self) -> list[Row]:
        """Return the tools that the server has. Raises `EndedError`."""
        found: list[Row] = []
        cursor: str | None = None
        for _ in range(_PAGES_AT_MOST):
            try:
                page = await self._client.list_tools(cursor=cursor)
            except (MCPError, ValidationError) as error:
                raise EndedError(f"its tools cannot be listed: {_short(error)}") from None
            found += [Row(tool.name, tool.description or tool.title or "", tool.input_schema) for tool in page.tools]
            cursor = page.next_cursor
            if cursor is None:
                break
        return found

    async def call(self, tool: str, arguments: Mapping[str, Any], seconds: float) -> ToolOutput:
        """Call a tool. Raises `EndedError`, `SilentError`, or `ToolError` where the server refuses."""
        try:
            result = await self._client.call_tool(tool, dict(arguments), read_timeout_seconds=seconds * _A_LITTLE_LESS)
        except MCPError as error:
            if error.code == types.CONNECTION_CLOSED:
                raise EndedError("it ended during the call") from None
            if error.code == types.REQUEST_TIMEOUT:
                raise SilentError from None
            raise ToolError(f"the server refuses: {_short(error)}") from None
        except (anyio.ClosedResourceError, anyio.BrokenResourceError, httpx2.HTTPError):
            raise EndedError("it ended during the call") from None
        except (ValidationError, RuntimeError) as error:
            raise ToolError(f"the server answered with something else than a result: {_short(error)}") from None
        return ToolOutput(text=_text(result), is_error=result.is_error)


@asynccontextmanager
async def connected(settings: McpServerSettings, ended: asyncio.Event) -> AsyncIterator[Link]:
    """Reach a server, and give the connection to it; `ended` is set where a program closes its output.

    What goes wrong is an `OSError`, a `WyeError`, or one of the library's own.
    """
    async with AsyncExitStack() as stack:
        if settings.url is not None:
            await _check_address(settings)
            transport = _over_http(settings, await stack.enter_async_context(_http_client(settings)))
        else:
            transport = spoken_to(settings, ended)
        client = Client(
            transport,
            read_timeout_seconds=settings.start_seconds,
            client_info=types.Implementation(name="wye", version=__version__),
            cache=None,
        )
        yield Link(await stack.enter_async_context(client))


async def _check_address(settings: McpServerSettings) -> None:
    """Say that an address is refused before the library is asked, which would tell of a connection that was closed."""
    if settings.allow_private_network:
        return
    try:
        url = urlsplit(settings.url or "")
        host, port = url.hostname or "", url.port or (443 if url.scheme == "https" else 80)
    except ValueError:
        raise EndedError("its 'url' is not one") from None
    await public_addresses(host, port)


def _over_http(
    settings: McpServerSettings, client: httpx2.AsyncClient
) -> AbstractAsyncContextManager[TransportStreams]:
    return streamable_http_client(settings.url or "", http_client=client)


def _http_client(settings: McpServerSettings) -> httpx2.AsyncClient:
    silence = max(settings.start_seconds, settings.seconds or 0.0, 300.0)
    return httpx2.AsyncClient(
        headers={
            "accept-encoding": "identity",
            **{name: value.reveal() for name, value in settings.headers.items()},
        },
        timeout=httpx2.Timeout(30.0, connect=10.0, read=silence),
        transport=_Guarded(guarded=not settings.allow_private_network),
        trust_env=False,  # a proxy would look the name up by itself
    )


class _Guarded(httpx2.AsyncBaseTransport):
    """Connects to the address that was checked, and takes no answer that is too long."""

    def __init__(self, *, guarded: bool) -> None:
        self._inner = httpx2.AsyncHTTPTransport()
        self._guarded = guarded

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._sent(request)
        if not response.headers.get("content-type", "").startswith("text/event-stream"):  # whose events are bounded
            response.stream = _Bounded(response.stream)  # type: ignore[arg-type]  # an asynchronous client's
        return response

    async def _sent(self, request: httpx2.Request) -> httpx2.Response:
        if not self._guarded:
            return await self._inner.handle_async_request(request)
        host = request.url.host
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        *others, last = await public_addresses(host, port)
        for address in others:
            try:
                return await self._inner.handle_async_request(_to(address, request))
            except httpx2.ConnectError:
                continue
        return await self._inner.handle_async_request(_to(last, request))

    async def aclose(self) -> None:
        await self._inner.aclose()


def _to(address: str, request: httpx2.Request) -> httpx2.Request:
    """Return the same request for this very address; its host is still the one that was named."""
    host = request.url.host
    extensions = dict(request.extensions)
    if not _is_address(host):
        extensions["sni_hostname"] = host
    return httpx2.Request(
        request.method,
        request.url.copy_with(host=address.partition("%")[0]),
        headers=request.headers,
        stream=request.stream,
        extensions=extensions,
    )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class _Bounded(httpx2.AsyncByteStream):
    """The pieces of an answer, up to a size."""

    def __init__(self, inner: httpx2.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for piece in self._inner:
            size += len(piece)
            if size > _ANSWER_AT_MOST:
                raise httpx2.ReadError("the answer is too long")
            yield piece

    async def aclose(self) -> None:
        await self._inner.aclose()


def _text(result: types.CallToolResult) -> str:
    """Return what a model can read of a result."""
    parts = [_part(one) for one in result.content]
    if not parts and result.structured_content is not None:
        return msgspec.json.encode(result.structured_content).decode()
    return "\n".join(parts) or "(nothing)"


def _part(part: object) -> str:
    match part:
        case types.TextContent(text=text):
            return text
        case types.EmbeddedResource(resource=types.TextResourceContents(text=text, uri=uri)):
            return f"{uri}\n{text}"
        case types.ResourceLink(uri=uri, name=name):
            return f"{name}: {uri}"
        case types.ImageContent(mime_type=kind) | types.AudioContent(mime_type=kind):
            return f"({kind}, which cannot be shown here)"
    return "(something that cannot be shown here)"


def _short(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= _MESSAGE_AT_MOST else f"{text[:_MESSAGE_AT_MOST]}…"


def shown(error: Exception) -> str:
    """Return why a server could not be reached."""
    match error:
        case MCPError() | EndedError():
            return _short(error)
        case OSError(errno=int(number)):
            return f"it cannot be started: {os.strerror(number)}"
        case httpx2.HTTPError():
            return f"it cannot be reached: {_short(error)}"
    return type(error).__name__

"""Both event loops the gateway runs on, and both transports, each with its connections closed at the end."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, Protocol, TypeAlias

import pytest
import pytest_asyncio
import uvloop
from tests.support.upstream import Upstream

from wye.transport import Timeouts, Transport
from wye.transport.plain import PlainTransport
from wye.transport.secure import SecureTransport

Loops: TypeAlias = Mapping[str, Callable[[], asyncio.AbstractEventLoop]]


class Connect(Protocol):
    """Makes a transport that the fixture closes."""

    def __call__(self, url: str, *, read: float = 5.0, connect: float = 5.0, guarded: bool = False) -> Transport: ...


@pytest.hookimpl(tryfirst=True)
def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Loops:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the machine's own proxies out."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest_asyncio.fixture
async def plain() -> AsyncIterator[Connect]:
    async for connect in _connecting(PlainTransport):
        yield connect


@pytest_asyncio.fixture
async def secure() -> AsyncIterator[Connect]:
    async for connect in _connecting(SecureTransport):
        yield connect


@pytest_asyncio.fixture(params=[PlainTransport, SecureTransport], ids=["plain", "secure"])
async def either(request: pytest.FixtureRequest) -> AsyncIterator[Connect]:
    async for connect in _connecting(request.param):
        yield connect


async def _connecting(kind: type[PlainTransport] | type[SecureTransport]) -> AsyncIterator[Connect]:
    opened: list[Transport] = []
    failures: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, failure: failures.append(failure))

    def connect(url: str, *, read: float = 5.0, connect: float = 5.0, guarded: bool = False) -> Transport:
        transport = kind(url, timeouts=Timeouts(connect=connect, read=read), guarded=guarded)
        opened.append(transport)
        return transport

    yield connect
    for transport in opened:
        await transport.aclose()
    await asyncio.sleep(0)
    assert failures == [], "the loop had to catch what a transport let out"

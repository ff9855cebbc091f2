"""`https://` endpoints as they are reached: whole answers that can be given up, streams over what is offered."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress

import pytest
from tests.transport.tls import Authority
from tests.transport.wire import OK, request, serving

from wye.core.errors import ConnectionFailedError
from wye.transport import connect, plain

DEADLINE = 20.0

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[Authority]:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.root))
    plain._trust.cache_clear()
    yield authority
    plain._trust.cache_clear()


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await request(reader):
        writer.write(OK)


async def test_whole_and_streamed_answers_come_over_tls(trusted: Authority) -> None:
    async with serving(greet, tls=trusted.context()) as url:
        transport = connect(url)
        for _ in range(2):
            assert (await transport.send("/chat", {}, b"{}", DEADLINE)).body == b"{}"
        async with transport.stream("/chat", {}, b"{}") as answer:
            assert (answer.status, await answer.read(), await answer.read()) == (200, b"{}", None)
        await transport.aclose()


@pytest.mark.parametrize("host", ["127.0.0.1", "elsewhere.test"])
async def test_a_certificate_that_does_not_fit_is_a_connection_error(
    authority: Authority, host: str, request: pytest.FixtureRequest
) -> None:
    plain._trust.cache_clear()
    if host != "127.0.0.1":
        request.getfixturevalue("trusted")
    async with serving(greet, tls=authority.context(host)) as url:
        transport = connect(url)
        with pytest.raises(ConnectionFailedError, match=r"(?i)certificate"):
            await transport.send("/chat", {"authorization": "Bearer canary"}, b"{}", DEADLINE)
        await transport.aclose()


async def test_giving_a_whole_answer_up_closes_its_connection(trusted: Authority) -> None:
    asked, left = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        asked.set()
        with suppress(OSError):  # a connection may be reset as well as closed
            await reader.read()
        left.set()

    async with serving(silent, tls=trusted.context()) as url:
        transport = connect(url)
        waiting = asyncio.create_task(transport.send("/chat", {}, b"{}", DEADLINE))
        await asyncio.wait_for(asked.wait(), 5)
        waiting.cancel()
        await asyncio.wait([waiting])
        await asyncio.wait_for(left.wait(), 5)
        await transport.aclose()

"""`https://` endpoints as they are reached: whole answers that can be given up, streams over what is offered."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress

import pytest
from tests.transport.tls import Authority
from tests.transport.wire import OK, request, serving

from wye.core.errors import (
    ConnectionFailedError,
    MalformedResponseError,
    StreamInterruptedError,
    UpstreamTimeoutError,
    WyeError,
)
from wye.transport import Timeouts, connect, plain

DEADLINE = 20.0


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


async def test_large_bodies_pass_both_ways_and_one_connection_serves_one_after_another(trusted: Authority) -> None:
    large = b"0123456789abcdef" * (1 << 20)
    connections = 0

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while said := await request(reader):
            body = said.partition(b"\r\n\r\n")[2]
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)

    async with serving(echo, tls=trusted.context()) as url:
        transport = connect(url)
        for _ in range(2):
            assert (await transport.send("/chat", {}, large, DEADLINE)).body == large
        await transport.aclose()
    assert connections == 1


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (b"", ConnectionFailedError),
        (b"HTTP/1.1 200 OK\r\n", ConnectionFailedError),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab", StreamInterruptedError),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n", StreamInterruptedError),
        (b"SSH-2.0-OpenSSH\r\n", MalformedResponseError),
    ],
)
async def test_an_answer_that_breaks_off_is_an_error(trusted: Authority, said: bytes, kind: type[WyeError]) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(said)

    async with serving(talk, tls=trusted.context()) as url:
        transport = connect(url)
        with pytest.raises(kind):
            await transport.send("/chat", {}, b"{}", DEADLINE)
        await transport.aclose()


async def test_silence_is_a_timeout_before_and_after_the_handshake(trusted: Authority) -> None:
    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            await reader.read()

    for tls in (trusted.context(), None):
        async with serving(silent, tls=tls) as url, asyncio.timeout(5):
            transport = connect(url.replace("http:", "https:"), timeouts=Timeouts(connect=0.2, read=0.2))
            with pytest.raises(UpstreamTimeoutError):
                await transport.send("/chat", {}, b"{}", 0.4)
            await transport.aclose()


async def test_a_server_without_tls_is_a_connection_error(trusted: Authority) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")

    async with serving(talk) as url:
        transport = connect(url.replace("http:", "https:"))
        with pytest.raises(ConnectionFailedError, match="TLS"):
            await transport.send("/chat", {}, b"{}", DEADLINE)
        await transport.aclose()

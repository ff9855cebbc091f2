"""Which transport a base URL gets, and when a proxy stands in between."""

import asyncio
from collections.abc import Iterator

import pytest
from tests.support.upstream import Reply, Upstream
from tests.transport.wire import serving

from wye.core.errors import AddressRefusedError, ConfigurationError, ConnectionFailedError
from wye.transport import Timeouts, Transport, connect
from wye.transport.https import HttpsTransport
from wye.transport.plain import PlainTransport

DEADLINE = 20.0
pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.openai.com/v1",
        "localhost:8000",
        "ftp://example.com",
        "file:///etc/passwd",
        "unix:///var/run/docker.sock",
        "https://",
        "http:///v1",
        "http://example.com:99999",
        "http://example.com:0",
        "http://example.com:x",
        "http://[::1",
        "https://user:secret-word@example.com/v1",
        "https://secret-word@example.com/v1",
        f"http://{'x' * 64}.example.com",
        "http://a..example.com",
    ],
)
@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "trusted"])
async def test_a_url_that_cannot_be_used_is_a_configuration_error(url: str, *, guarded: bool) -> None:
    with pytest.raises(ConfigurationError) as raised:
        connect(url, guarded=guarded)
    assert raised.value.param == "base_url"
    assert "secret-word" not in repr(raised.value)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("http://127.0.0.1:8000/v1", PlainTransport),
        ("http://[::1]:8000/v1", PlainTransport),
        ("https://api.openai.com/v1", HttpsTransport),
        ("https://bücher.example/v1", HttpsTransport),
    ],
)
async def test_each_endpoint_gets_its_client(url: str, kind: type[Transport]) -> None:
    transport = connect(url)
    assert isinstance(transport, kind)
    await transport.aclose()


@pytest.fixture
def proxy() -> Iterator[Upstream]:
    """An HTTP proxy as plain requests see one: it gets the whole URL as the path."""
    with Upstream() as running:
        running.reply_with(Reply.json({"by": "the proxy"}))
        yield running


async def ask(url: str, *, guarded: bool = False) -> bytes:
    transport = connect(url, timeouts=Timeouts(connect=2, read=2), guarded=guarded)
    try:
        return (await transport.send("/chat", {}, b"{}", DEADLINE)).body
    finally:
        await transport.aclose()


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
async def test_a_proxy_of_the_environment_is_used(
    monkeypatch: pytest.MonkeyPatch, proxy: Upstream, variable: str
) -> None:
    monkeypatch.setenv(variable, proxy.url)
    assert await ask("http://provider.invalid/v1") == b'{"by": "the proxy"}'
    assert proxy.received[0].path == "http://provider.invalid/v1/chat"
    assert proxy.received[0].headers["host"] == "provider.invalid"


@pytest.mark.parametrize("exception", ["127.0.0.1", "localhost,127.0.0.1", "*"])
async def test_no_proxy_is_honoured(
    monkeypatch: pytest.MonkeyPatch, proxy: Upstream, upstream: Upstream, exception: str
) -> None:
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.setenv("no_proxy", exception)
    upstream.reply_with(Reply.json({"by": "the provider"}))
    assert await ask(upstream.url) == b'{"by": "the provider"}'
    assert proxy.received == []


async def test_a_proxy_for_https_is_not_used_for_http(
    monkeypatch: pytest.MonkeyPatch, proxy: Upstream, upstream: Upstream
) -> None:
    monkeypatch.setenv("https_proxy", proxy.url)
    upstream.reply_with(Reply.json({"by": "the provider"}))
    assert await ask(upstream.url) == b'{"by": "the provider"}'


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_guarded_endpoint_is_not_asked_through_a_proxy(
    monkeypatch: pytest.MonkeyPatch, proxy: Upstream, scheme: str
) -> None:
    for variable in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(variable, proxy.url)
    with pytest.raises(AddressRefusedError):
        await ask(f"{scheme}://127.0.0.1:9/v1", guarded=True)
    with pytest.raises(ConnectionFailedError):
        await ask(f"{scheme}://provider.invalid/v1", guarded=True)
    assert proxy.connections == 0


async def test_an_https_endpoint_is_asked_for_through_its_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")

    async with serving(refuse) as proxy:
        monkeypatch.setenv("https_proxy", proxy)
        with pytest.raises(ConnectionFailedError):
            await ask("https://provider.invalid/v1")
    assert asked[0].startswith(b"CONNECT provider.invalid:443 HTTP/1.1\r\n")

"""TLS as a provider speaks it: who is trusted, and HTTP/2 where it is offered."""

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.upstream import Hang, Reply, Upstream
from tests.transport.conftest import Connect
from tests.transport.tls import Authority
from tests.transport.wire import OK, request, serving

from wye.core.errors import ConnectionFailedError

DEADLINE = 20.0
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin")

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Authority:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.root))
    return authority


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await request(reader):
        writer.write(OK)


async def test_a_trusted_certificate_is_accepted(secure: Connect, trusted: Authority) -> None:
    async with serving(greet, tls=trusted.context()) as url:
        transport = secure(url)
        assert (await transport.send("/chat", {}, b"{}", DEADLINE)).body == b"{}"
        async with transport.stream("/chat", {}, b"{}", DEADLINE) as answer:
            assert (answer.status, await answer.read(), await answer.read()) == (200, b"{}", None)


async def test_a_certificate_of_nobody_s_authority_is_a_connection_error(secure: Connect, authority: Authority) -> None:
    async with serving(greet, tls=authority.context()) as url:
        with pytest.raises(ConnectionFailedError, match=r"(?i)certificate"):
            await secure(url).send("/chat", {"authorization": "Bearer canary"}, b"{}", DEADLINE)


async def test_a_certificate_for_another_host_is_a_connection_error(secure: Connect, trusted: Authority) -> None:
    async with serving(greet, tls=trusted.context("elsewhere.test")) as url:
        with pytest.raises(ConnectionFailedError, match=r"(?i)certificate"):
            await secure(url).send("/chat", {}, b"{}", DEADLINE)


async def test_a_server_without_tls_is_a_connection_error(secure: Connect) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")

    async with serving(talk) as url:
        with pytest.raises(ConnectionFailedError):
            await secure(url.replace("http:", "https:")).send("/chat", {}, b"{}", DEADLINE)


@pytest.fixture
def http2(trusted: Authority, tmp_path: Path, upstream: Upstream) -> Iterator[str]:
    """nginx with TLS and HTTP/2 before the upstream, which learns in `x-protocol` what the client spoke."""
    if NGINX is None:
        pytest.skip("HTTP/2 needs nginx on this machine")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    certificate, key = trusted.files("127.0.0.1")
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(f"""
        daemon off; master_process off; pid {tmp_path}/pid; error_log stderr; worker_processes 1;
        events {{ worker_connections 64; }}
        http {{
            access_log off; client_body_temp_path {tmp_path}/a; proxy_temp_path {tmp_path}/b;
            fastcgi_temp_path {tmp_path}/c; uwsgi_temp_path {tmp_path}/d; scgi_temp_path {tmp_path}/e;
            server {{
                listen 127.0.0.1:{port} ssl http2;
                ssl_certificate {certificate}; ssl_certificate_key {key};
                location / {{
                    proxy_pass {upstream.url}; proxy_http_version 1.1; proxy_buffering off;
                    proxy_set_header x-protocol $server_protocol; proxy_set_header connection "";
                    proxy_set_header x-client-port $remote_port;
                }}
            }}
        }}
    """)
    server = subprocess.Popen([NGINX, "-e", "stderr", "-c", str(configuration)], stderr=subprocess.PIPE)
    try:
        _wait_until_open(port)
        yield f"https://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.communicate(timeout=5)


def _wait_until_open(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            probe.settimeout(0.05)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    pytest.fail("nginx does not listen")


async def test_http_2_is_spoken_where_it_is_offered(secure: Connect, http2: str, upstream: Upstream) -> None:
    upstream.reply_with(Reply.stream([b"data: 1\n\n", b"data: 2\n\n"]))
    transport = secure(http2)
    replies = await asyncio.gather(*(transport.send("/chat", {"x-a": "b"}, b"{}", DEADLINE) for _ in range(5)))
    assert [reply.body for reply in replies] == [b"data: 1\n\ndata: 2\n\n"] * 5
    assert {received.headers["x-protocol"] for received in upstream.received} == {"HTTP/2.0"}
    assert upstream.received[0].headers["x-a"] == "b"


async def test_pieces_come_over_http_2_as_they_are_written(secure: Connect, http2: str, upstream: Upstream) -> None:
    upstream.reply_with(Reply.stream([b"data: 1\n\n", Hang()]))
    async with secure(http2).stream("/chat", {}, b"{}", DEADLINE) as answer:
        assert await answer.read() == b"data: 1\n\n"
    assert await asyncio.to_thread(upstream.wait_disconnect, 5), "leaving an HTTP/2 stream ends it at the provider"


@pytest.mark.xfail(strict=True, reason="pyreqwest 0.15.1 lets the request of a cancelled task run on until its headers")
@pytest.mark.parametrize("whole", [True, False], ids=["whole", "streamed"])
async def test_cancelling_before_the_headers_closes_the_connection(
    secure: Connect, upstream: Upstream, *, whole: bool
) -> None:
    upstream.reply_with(Reply.silence())
    transport = secure(upstream.url)

    async def call() -> None:
        if whole:
            await transport.send("/chat", {}, b"{}", DEADLINE)
        else:
            async with transport.stream("/chat", {}, b"{}", DEADLINE):
                pass

    waiting = asyncio.create_task(call())
    assert await asyncio.to_thread(upstream.wait_received, 5)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert await asyncio.to_thread(upstream.wait_disconnect, 0.5)

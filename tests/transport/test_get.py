"""A GET has no body and no length, and is answered, refused and traced like a POST."""

import io
import math

import pytest
from tests.support.upstream import Reply, Upstream

from wye.core.errors import ConnectionFailedError, UpstreamTimeoutError
from wye.transport import Timeouts, connect, trace
from wye.transport.seam import Transport
from wye.transport.secure import SecureTransport


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


def client(kind: str, url: str) -> Transport:
    timeouts = Timeouts(connect=5.0, read=0.5)
    return connect(url, timeouts=timeouts) if kind == "plain" else SecureTransport(url, timeouts=timeouts)


@pytest.mark.parametrize("kind", ["plain", "secure"])
async def test_a_get_is_sent_without_a_body(kind: str) -> None:
    with Upstream() as server:
        server.reply_with(Reply.json({"data": []}, headers={"X-Page": "1"}), Reply.json({}, status=404))
        transport = client(kind, f"{server.url}/v1")
        reply = await transport.get("/models?limit=1", {"authorization": "Bearer k"}, 5.0)
        assert (reply.status, reply.body, reply.headers["x-page"]) == (200, b'{"data": []}', "1")
        assert (await transport.get("/models", {}, math.inf)).status == 404
        await transport.aclose()
        first = server.received[0]
        assert (first.method, first.path, first.body) == ("GET", "/v1/models?limit=1", b"")
        assert first.headers["authorization"] == "Bearer k"
        assert first.headers.get("content-length") in {None, "0"}


@pytest.mark.parametrize("kind", ["plain", "secure"])
async def test_a_get_fails_like_a_post(kind: str) -> None:
    with Upstream() as server:
        transport = client(kind, server.url)
        server.reply_with(Reply.silence())
        with pytest.raises(UpstreamTimeoutError):
            await transport.get("/models", {}, 0.2)
        server.refusing = True
        with pytest.raises(ConnectionFailedError):
            await transport.get("/models", {}, 5.0)
        await transport.aclose()


async def test_gets_and_posts_share_a_connection() -> None:
    with Upstream() as server:
        server.reply_with(Reply.json({}))
        transport = client("plain", server.url)
        await transport.get("/a", {}, 5.0)
        await transport.send("/a", {}, b"{}", 5.0)
        await transport.get("/a", {}, 5.0)
        await transport.aclose()
        assert [request.method for request in server.received] == ["GET", "POST", "GET"]
        assert server.connections == 1


async def test_a_get_is_traced_as_one_and_shows_no_key() -> None:
    shown = io.StringIO()
    trace.enable(shown)
    try:
        with Upstream() as server:
            server.reply_with(Reply.json({}))
            transport = client("plain", server.url)
            await transport.get("/models", {"authorization": "Bearer sk-canary-1234567890"}, 5.0)
            await transport.aclose()
    finally:
        trace.disable()
    assert "--> GET http" in shown.getvalue()
    assert "canary" not in shown.getvalue()

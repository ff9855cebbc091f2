"""Nobody reaches a private address through the web search, by a name, a redirect, or words that are no words."""

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.upstream import Reply, Upstream

from wye.assistant.tools.seam import ToolContext, ToolError
from wye.assistant.tools.web_search import WebSearch
from wye.config.tools import WebSearchSettings
from wye.core.caller import LOCAL
from wye.core.secret import Secret

CONTEXT = ToolContext(caller=LOCAL)
METADATA = "http://169.254.169.254/latest/meta-data/"


@pytest.fixture
def inside() -> Iterator[Upstream]:
    """Serve what must not be reached."""
    with Upstream() as running:
        running.reply_with(Reply.json({"results": [{"title": "t", "url": "https://x.example/", "content": "canary"}]}))
        yield running


async def refused(settings: WebSearchSettings, query: str = "x") -> str:
    with pytest.raises(ToolError) as raised:
        await WebSearch(settings).call({"query": query}, CONTEXT)
    return raised.value.message


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "127.1"]
)
async def test_a_private_address_is_not_asked_however_it_is_written(inside: Upstream, host: str) -> None:
    url = inside.url.replace("127.0.0.1", host)
    message = await refused(WebSearchSettings(provider="searxng", base_url=url))
    assert "has a private address, which is not asked" in message
    assert host not in message
    assert inside.received == []


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "10.0.0.5", "::1", "fd00::1", "168.63.129.16"])
async def test_a_public_name_that_leads_inside_is_not_asked(
    inside: Upstream, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    async def resolved(host: str, port: int, **_more: Any) -> Any:
        assert host == "search.example"
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolved, raising=False)
    url = inside.url.replace("127.0.0.1", "search.example")
    assert "private address" in await refused(WebSearchSettings(provider="searxng", base_url=url))
    assert inside.received == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("provider", ["searxng", "tavily"])
async def test_a_redirect_is_not_followed(inside: Upstream, status: int, provider: Any) -> None:
    with Upstream() as service:
        service.reply_with(Reply.json({}, status=status, headers={"location": f"{inside.url}/search"}))
        settings = WebSearchSettings(
            provider=provider, base_url=service.url, api_key=Secret("key-0123456789"), allow_private_network=True
        )
        assert "sends elsewhere, which is not followed" in await refused(settings)
    assert inside.received == []


@pytest.mark.parametrize(
    "query",
    [
        "x&format=html&engines=evil",
        "x#fragment",
        "x HTTP/1.1\r\nhost: evil.example\r\n\r\nGET /admin",
        "../../admin?",
        "x\0y",
        METADATA,
    ],
)
async def test_words_are_words_and_never_a_part_of_the_request(inside: Upstream, query: str) -> None:
    settings = WebSearchSettings(provider="searxng", base_url=inside.url, allow_private_network=True)
    await WebSearch(settings).call({"query": query}, CONTEXT)
    [request] = inside.received
    assert request.path.startswith("/search?q=")
    assert request.path.endswith("&format=json")
    assert request.path.count("&") == 1
    assert "evil.example" not in request.headers["host"]


async def test_a_long_answer_is_not_read_to_its_end() -> None:
    with Upstream() as service:
        service.reply_with(Reply.stream([b"x" * 1024 * 1024] * 8, "application/json"))
        settings = WebSearchSettings(provider="searxng", base_url=service.url, allow_private_network=True)
        assert "cannot be reached now" in await refused(settings)


async def test_a_deep_answer_is_an_error_of_ours() -> None:
    with Upstream() as service:
        service.reply_with(Reply.raw(b"[" * 1_000_000, "application/json"))
        settings = WebSearchSettings(provider="searxng", base_url=service.url, allow_private_network=True)
        assert "something else than results" in await refused(settings)

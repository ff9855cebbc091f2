"""What a request points to is fetched from public addresses only, within limits, and only if it is what it must be."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.support.upstream import Pause, Reply, Upstream

from wye.core.errors import InvalidRequestError
from wye.transport import guard
from wye.transport.fetch import Limits, fetch

PNG = b"\x89PNG picture"
PLACE = "messages[0].content[1].image_url"


@pytest.fixture
def reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this machine count as the public Internet."""
    monkeypatch.setattr(guard, "is_public", lambda _: True)


def picture(kind: str = "image/png", *body: Any, status: int = 200, **headers: str) -> Reply:
    return Reply(status, {"content-type": kind, **headers}, list(body or (PNG,)))


@pytest.mark.usefixtures("reachable")
async def test_a_picture_comes_with_its_type(upstream: Upstream) -> None:
    upstream.reply_with(picture("Image/PNG; charset=binary"))
    found = await fetch(f"{upstream.url}/cat.png?size=1", PLACE, ("image/",))
    assert (found.media_type, found.body) == ("image/png", PNG)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "169.254.169.254", "[::1]", "10.0.0.1", "2130706433"])
async def test_a_private_address_is_refused_without_a_connection(upstream: Upstream, host: str) -> None:
    url = upstream.url.replace("127.0.0.1", host)
    with pytest.raises(InvalidRequestError, match="private address") as raised:
        await fetch(f"{url}/cat.png", PLACE, ("image/",))
    assert raised.value.param == PLACE
    assert upstream.connections == 0


async def test_a_redirect_to_a_private_address_is_refused(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def public_once(address: str) -> bool:
        asked.append(address)
        return len(asked) == 1

    monkeypatch.setattr(guard, "is_public", public_once)
    upstream.reply_with(picture(status=302, location="http://127.0.0.1:9/secret"))
    with pytest.raises(InvalidRequestError, match="private address"):
        await fetch(f"{upstream.url}/cat.png", PLACE, ("image/",))
    assert len(asked) == 2


REFUSED: dict[str, tuple[Callable[[], Reply], str]] = {
    "missing": (lambda: picture(status=404), "status 404"),
    "no picture": (lambda: picture("text/html"), "it is text/html"),
    "too long": (lambda: picture("image/png", b"x" * 600, b"y" * 600), "longer than 1000 bytes"),
    "too slow": (lambda: picture("image/png", b"x", Pause(3)), "did not come within"),
    "in a circle": (lambda: picture(status=301, location="/again"), "redirected too often"),
}


@pytest.mark.usefixtures("reachable")
@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_no_picture_within_the_limits_is_refused_by_name(upstream: Upstream, name: str) -> None:
    reply, reason = REFUSED[name]
    upstream.reply_with(reply())
    with pytest.raises(InvalidRequestError, match=reason) as raised:
        await fetch(f"{upstream.url}/cat.png", PLACE, ("image/",), Limits(size=1000, seconds=0.6))
    assert (raised.value.param, raised.value.code) == (PLACE, "invalid_url")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/y", "http://a:b@host/x", "http://", "http://h\r\nx/"])
async def test_what_is_no_address_of_the_web_is_refused(url: str) -> None:
    with pytest.raises(InvalidRequestError):
        await fetch(url, PLACE, ("image/",))

"""What `--debug` shows has no key in it."""

import io
from collections.abc import Iterator

import pytest
from tests.support.upstream import Reply, Upstream
from tests.transport.conftest import Connect

from wye.transport import trace

KEY = "sk-canary-0123456789"


@pytest.fixture
def shown() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    trace.enable(stream)
    yield stream
    trace.disable()


@pytest.mark.parametrize(
    "header",
    ["authorization", "Authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie", "x-my-key", "X-Auth-Token"],
)
async def test_what_is_sent_and_received_is_shown_without_the_key(
    either: Connect, upstream: Upstream, shown: io.StringIO, header: str
) -> None:
    upstream.reply_with(Reply.json({"answer": "é"}), Reply.stream([b"data: 1\n\n"]))
    transport = either(upstream.url)
    headers = {header: KEY, "anthropic-version": "2023-06-01"}
    await transport.send("/chat", headers, b'{"prompt":"hello"}', 5.0)
    async with transport.stream("/chat", headers, b"{}", 5.0) as answer:
        while await answer.read() is not None:
            pass
    text = shown.getvalue()
    assert KEY not in text
    for part in (f"--> POST {upstream.url}/chat", "2023-06-01", '{"prompt":"hello"}', '"answer"', "data: 1"):
        assert part in text


async def test_a_long_body_is_cut(either: Connect, upstream: Upstream, shown: io.StringIO) -> None:
    upstream.reply_with(Reply.json({}))
    await either(upstream.url).send("/chat", {}, b"x" * 5000, 5.0)
    assert "… 904 bytes more" in shown.getvalue()


async def test_nothing_is_shown_unless_it_was_asked_for(
    either: Connect, upstream: Upstream, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not trace.enabled()
    upstream.reply_with(Reply.json({}))
    await either(upstream.url).send("/chat", {}, b"{}", 5.0)
    assert capsys.readouterr() == ("", "")

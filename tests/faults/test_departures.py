"""A client that leaves ends everything that is done for it, wherever it was, and nothing is done for it after that."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.faults.house import settings
from tests.support.gateway import Json, Running, chat_body, serving
from tests.support.openai_wire import answer, refusal, words
from tests.support.upstream import Hang, Reply, Upstream

WHILE = 0.5
"""Seconds after which what would still be done for a client that has left would have begun."""


@pytest.fixture
def two() -> Iterator[tuple[Upstream, Upstream]]:
    with Upstream() as up, Upstream() as spare:
        spare.reply_with(answer("Other"))
        yield up, spare


@contextmanager
def asking(gateway: Running, body: Json) -> Iterator[socket.socket]:
    """Send a request and leave at the end of the block."""
    encoded = json.dumps(body).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as peer:
        peer.sendall(head + b"content-length: %d\r\n\r\n%b" % (len(encoded), encoded))
        yield peer


def both(two: tuple[Upstream, Upstream], breaker: str = "") -> str:
    return settings({"up": two[0].url, "spare": two[1].url}, breaker=breaker)


STREAMED = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])


@STREAMED
def test_leaving_while_a_provider_is_silent_asks_no_other(two: tuple[Upstream, Upstream], streamed: bool) -> None:  # noqa: FBT001 - a parameter
    up, spare = two
    up.reply_with(Reply.silence())
    with serving(both(two)) as gateway:
        with asking(gateway, chat_body("either", stream=streamed)):
            assert up.wait_received(5)
        assert up.wait_disconnect(5)
        assert gateway.wait_line(status=499)["attempts"] == 1
        time.sleep(WHILE)
    assert (len(up.received), len(spare.received)) == (1, 0)


@STREAMED
def test_leaving_while_the_spare_is_asked_lets_the_spare_go(two: tuple[Upstream, Upstream], streamed: bool) -> None:  # noqa: FBT001 - a parameter
    up, spare = two
    up.reply_with(refusal(500))
    spare.reply_with(Reply.silence())
    with serving(both(two)) as gateway:
        with asking(gateway, chat_body("either", stream=streamed)):
            assert spare.wait_received(5)
        assert spare.wait_disconnect(5)
        assert gateway.wait_line(status=499)["attempts"] == 2
        time.sleep(WHILE)
    assert (len(up.received), len(spare.received)) == (1, 1)


@STREAMED
def test_leaving_in_the_pause_before_another_try_ends_it(two: tuple[Upstream, Upstream], streamed: bool) -> None:  # noqa: FBT001 - a parameter
    up, _ = two
    up.reply_with(refusal(503, retry_after_ms="400"), answer())
    with serving(both(two)) as gateway:
        with asking(gateway, chat_body("up/m", stream=streamed)):
            assert up.wait_received(5)
            time.sleep(0.1)  # into the pause
        gateway.wait_line(status=499)
        time.sleep(WHILE)
    assert len(up.received) == 1


def test_leaving_in_the_midst_of_a_stream_lets_the_provider_go(two: tuple[Upstream, Upstream]) -> None:
    up, spare = two
    up.reply_with(Reply.stream([*words("Hello"), Hang()]))
    with serving(both(two)) as gateway:
        with asking(gateway, chat_body("either", stream=True)) as peer:
            seen = b""
            while b"Hello" not in seen:
                seen += peer.recv(4096)
        assert up.wait_disconnect(5)
        assert gateway.wait_line(status=499)["attempts"] == 1
        time.sleep(WHILE)
    assert (len(up.received), len(spare.received)) == (1, 0)


def test_those_who_leave_are_not_held_against_the_provider(two: tuple[Upstream, Upstream]) -> None:
    up, _ = two
    with serving(both(two, "failure_threshold = 2")) as gateway:
        for turn in range(1, 7):
            up.reply_with(Reply.silence())
            with asking(gateway, chat_body("up/m")):
                assert up.wait_received(5, turn)
            assert up.wait_disconnect(5, turn)
        up.reply_with(answer())
        assert gateway.chat("up/m").status == 200

"""What is more than the gateway or a provider takes at a time is refused at once, with a time to come back."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from tests.gateway.test_departures import asking
from tests.support.callers import callers
from tests.support.callers.talk import Ask
from tests.support.gateway import PATIENCE, Address, Answer, Running, chat_body, provider, serving
from tests.support.openai_wire import answer, stream, words
from tests.support.upstream import Hang, Hold, Received, Reply, Upstream

ONE_AT_A_TIME = "[server]\nmax_concurrency = 1\n"


@contextmanager
def occupied(gateway: Running, upstream: Upstream, model: str = "up/m") -> Iterator[Upstream]:
    """Have one request under way, at whose answer the provider works until the end of the block."""
    let_go = threading.Event()

    def reply(request: Received) -> Reply:
        if b"occupy" not in request.body:
            return stream("Hello") if request.json.get("stream") else answer()
        return Reply.stream([*words("Hello"), Hold(let_go), *stream("!").pieces])

    upstream.handler = reply
    address = Address(gateway.port)
    begun = address.begin(model, "occupy", stream=True)
    try:
        yield upstream
    finally:
        let_go.set()
        begun.read()
        address.hang_up()


def refused(told: Answer, *words_: str) -> None:
    assert (told.status, told.error["code"], told.error["type"]) == (503, "overloaded", "overloaded_error")
    assert told.headers["retry-after"] == "1"
    assert all(word in told.error["message"] for word in words_)


def until(holds: Callable[[], bool]) -> None:
    """Wait for what another thread is about to do."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


# --- The gateway ---


def test_a_request_too_many_is_refused_before_its_body_is_looked_at(upstream: Upstream) -> None:
    with serving(provider("up", upstream.url) + ONE_AT_A_TIME) as gateway:
        with occupied(gateway, upstream):
            refused(gateway.chat("up/m"), "[server] max_concurrency")
            refused(gateway.post(b"{"), "[server] max_concurrency")
            assert len(upstream.received) == 1
        assert gateway.chat("up/m").status == 200
        line = gateway.wait_line(status=503)
    assert (line["error"], line.get("attempts")) == ("overloaded", None)


@pytest.mark.parametrize("surface", callers())
def test_every_client_is_told_so_in_its_own_words(upstream: Upstream, surface: str) -> None:
    caller = callers()[surface]
    request = caller.request(Ask("up/m", caller.user("hi"), stream=True))
    with serving(provider("up", upstream.url) + ONE_AT_A_TIME) as gateway, occupied(gateway, upstream):
        told = gateway.request("POST", request.path, request.encoded, request.headers)
    assert (told.status, told.headers["retry-after"]) == (503, "1")
    assert caller.failure(told.body).code == "overloaded"


@pytest.mark.parametrize("path", ["generate", "stream"])
def test_applications_count_as_well(upstream: Upstream, path: str) -> None:
    body = json.dumps({"messages": [{"role": "user", "content": "hi"}], "provider": "up", "model": "m"}).encode()
    with serving(provider("up", upstream.url) + ONE_AT_A_TIME) as gateway, occupied(gateway, upstream):
        told = gateway.request("POST", f"/api/models/{path}", body)
        assert (told.status, told.headers["retry-after"]) == (503, "1")
        assert gateway.get("/api/models/").status == 200


def test_what_costs_no_providers_time_is_always_answered(upstream: Upstream) -> None:
    with serving(provider("up", upstream.url) + ONE_AT_A_TIME) as gateway, occupied(gateway, upstream):
        assert {path: gateway.get(path).status for path in ("/healthz", "/readyz", "/v1/models", "/")} == dict.fromkeys(
            ("/healthz", "/readyz", "/v1/models", "/"), 200
        )


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_whoever_leaves_makes_room(upstream: Upstream, streamed: bool) -> None:  # noqa: FBT001 - a parameter
    upstream.reply_with(Reply.silence())
    with serving(provider("up", upstream.url) + ONE_AT_A_TIME) as gateway:
        with asking(gateway, chat_body("up/m", stream=streamed)):
            assert upstream.wait_received(5)
        assert upstream.wait_disconnect(5)
        gateway.wait_line(status=499)
        upstream.reply_with(answer())
        assert gateway.chat("up/m").status == 200


# --- A provider ---


def house(upstream: Upstream, spare: Upstream, queue: int) -> str:
    limits = f"max_concurrency = 1\nmax_queue = {queue}"
    either = '[aliases]\neither = ["up/m", "spare/m"]\n'
    return provider("up", upstream.url, limits) + provider("spare", spare.url) + either


@pytest.fixture
def spare_one() -> Iterator[Upstream]:
    with Upstream() as running:
        running.handler = lambda request: stream("Other") if request.json.get("stream") else answer("Other")
        yield running


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_a_full_provider_is_called_no_further(
    upstream: Upstream,
    spare_one: Upstream,
    streamed: bool,  # noqa: FBT001 - a parameter
) -> None:
    with serving(house(upstream, spare_one, 0)) as gateway, occupied(gateway, upstream):
        refused(gateway.chat("up/m", stream=streamed), "[providers.up] max_concurrency")
        told = gateway.chat("either", stream=streamed)
        assert (told.status, told.headers["x-wye-provider"], told.headers["x-wye-attempts"]) == (200, "spare", "1")
        assert len(upstream.received) == 1


def test_a_request_waits_in_the_queue_and_a_further_one_is_refused(upstream: Upstream, spare_one: Upstream) -> None:
    with serving(house(upstream, spare_one, 1)) as gateway, ThreadPoolExecutor(1) as pool:
        late = Address(gateway.port)
        with occupied(gateway, upstream):
            queued = pool.submit(late.chat, "up/m")
            slots = gateway.gateway.engine.rules.limits["up"]
            until(lambda: slots.waiting == 1)
            refused(gateway.chat("up/m"), "[providers.up] max_concurrency")
            assert len(upstream.received) == 1
        assert queued.result(10).status == 200
        late.hang_up()
        assert (slots.busy, slots.waiting) == (0, 0)


def test_whoever_leaves_the_queue_leaves_no_gap(upstream: Upstream, spare_one: Upstream) -> None:
    with serving(house(upstream, spare_one, 1)) as gateway:
        slots = gateway.gateway.engine.rules.limits["up"]
        with occupied(gateway, upstream):
            with asking(gateway, chat_body("up/m")):
                until(lambda: slots.waiting == 1)
            gateway.wait_line(status=499)
            assert (slots.busy, slots.waiting) == (1, 0)
        assert gateway.chat("up/m").status == 200


def test_waiting_in_the_queue_ends_with_the_deadline(upstream: Upstream, spare_one: Upstream) -> None:
    with serving(house(upstream, spare_one, 1)) as gateway, occupied(gateway, upstream):
        told = gateway.chat("up/m", headers={"x-wye-timeout": "0.1"})
        assert (told.status, told.error["code"]) == (504, "deadline_exceeded")
        assert len(upstream.received) == 1


def test_a_stream_that_breaks_off_gives_its_room_back(upstream: Upstream, spare_one: Upstream) -> None:
    upstream.reply_with(Reply.stream([*words("Hello"), Hang()]))
    with serving(house(upstream, spare_one, 0)) as gateway:
        with asking(gateway, chat_body("up/m", stream=True)):
            assert upstream.wait_received(5)
        assert upstream.wait_disconnect(5)
        gateway.wait_line(status=499)
        upstream.reply_with(answer())
        assert gateway.chat("up/m").status == 200

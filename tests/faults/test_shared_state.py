"""Redis is killed, hangs, and comes back: nobody waits for it, readiness says so, and what is known is shared again."""

import time
from collections.abc import Callable, Iterator

import pytest
from tests.faults.house import settings
from tests.support.gateway import PATIENCE, Running, serving
from tests.support.openai_wire import answer, refusal, stream
from tests.support.redis import Server, redis_server
from tests.support.upstream import Received, Reply, Upstream

SOON = 1.0
"""Seconds within which a request is answered whose provider answers at once, on a busy machine too."""


@pytest.fixture
def redis() -> Iterator[Server]:
    with redis_server() as server:
        yield server


@pytest.fixture
def up() -> Iterator[Upstream]:
    def reply(request: Received) -> Reply:
        return stream("Hello") if request.json.get("stream") else answer()

    with Upstream() as upstream:
        upstream.handler = reply
        yield upstream


def house(up: Upstream, redis: Server, breaker: str = "") -> str:
    state = f'url = "{redis.url}"\nrefresh_interval = 0.1\ntimeout = 0.1'
    return settings({"up": up.url}, state=state, breaker=breaker, retry="max_retries = 0")


def until(what: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline, "it never came to be so"
        time.sleep(0.02)


def is_shared(gateway: Running) -> bool:
    answer = gateway.get("/readyz")
    assert answer.status == 200  # without Redis it goes on by itself, and so is ready
    return bool(answer.json["state"] == "ok")


def slowest(gateway: Running, requests: int = 20) -> float:
    """Ask, whole and streamed in turns; return the seconds of the slowest."""
    worst = 0.0
    for number in range(requests):
        began = time.monotonic()
        assert gateway.chat("up/m", stream=bool(number % 2)).status == 200
        worst = max(worst, time.monotonic() - began)
    return worst


@pytest.mark.parametrize("fault", ["killed", "hangs"])
def test_nobody_waits_for_a_redis_that_is_away(up: Upstream, redis: Server, fault: str) -> None:
    with serving(house(up, redis)) as gateway:
        until(lambda: is_shared(gateway))
        assert slowest(gateway) < SOON
        (redis.kill if fault == "killed" else redis.hang)()
        assert slowest(gateway) < SOON  # it is not known yet
        until(lambda: not is_shared(gateway))
        assert slowest(gateway) < SOON
        (redis.start if fault == "killed" else redis.go_on)()
        until(lambda: is_shared(gateway))
        assert slowest(gateway) < SOON


def test_a_gateway_begins_without_its_redis(up: Upstream, redis: Server) -> None:
    redis.kill()
    with serving(house(up, redis)) as gateway:
        assert slowest(gateway) < SOON
        assert not is_shared(gateway)
        redis.start()
        until(lambda: is_shared(gateway))


def test_what_one_finds_out_the_other_knows_also_after_redis_forgot_all(up: Upstream, redis: Server) -> None:
    breaker = "failure_threshold = 2\nopen_seconds = 600"
    with serving(house(up, redis, breaker)) as one, serving(house(up, redis, breaker)) as two:
        until(lambda: is_shared(one) and is_shared(two))
        redis.kill()
        until(lambda: not is_shared(one) and not is_shared(two))
        up.handler = None
        up.reply_with(refusal(500))
        assert [one.chat("up/m").status for _ in range(3)] == [502, 502, 503]
        assert len(up.received) == 2  # decided here, while nothing was shared
        up.reply_with(answer())
        assert two.chat("up/m").status == 200  # nobody told the other
        redis.start()
        until(lambda: is_shared(one) and is_shared(two))
        until(lambda: two.chat("up/m").status == 503)
        assert "up" in two.chat("up/m").error["message"]


def test_a_limit_that_one_key_ran_into_is_known_to_all(up: Upstream, redis: Server) -> None:
    limited = refusal(429, "slow down", "rate_limit_exceeded", retry_after="600")
    with serving(house(up, redis)) as one, serving(house(up, redis)) as two:
        until(lambda: is_shared(one) and is_shared(two))
        up.handler = None
        up.reply_with(limited)
        assert one.chat("up/m").status == 429
        up.reply_with(answer())
        until(lambda: two.chat("up/m").status == 429)

"""Half the keys are dead: the other half carries on, and each dead one is found out once."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.faults.house import settings
from tests.support.gateway import Address, serving
from tests.support.openai_wire import answer, refusal, stream
from tests.support.upstream import Received, Reply, Upstream

DEAD = ("sk-dead-1", "sk-dead-2", "sk-dead-3")
ALIVE = ("sk-alive-1", "sk-alive-2", "sk-alive-3")
KEYS = tuple(key for pair in zip(DEAD, ALIVE, strict=True) for key in pair)


def key_of(request: Received) -> str:
    return request.headers["authorization"].removeprefix("Bearer ")


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


def dying_by(upstream: Upstream, death: Reply) -> Counter[str]:
    """Let the dead keys be refused like this; count the requests of each key."""
    asked: Counter[str] = Counter()

    def reply(request: Received) -> Reply:
        asked[key_of(request)] += 1
        if key_of(request) in DEAD:
            return death
        return stream("Hello") if request.json.get("stream") else answer()

    upstream.handler = reply
    return asked


DEATHS = {
    "refused": refusal(401, "invalid key", "invalid_api_key"),
    "out of quota": refusal(429, "no credit", "insufficient_quota"),
    "limited for long": refusal(429, "slow down", "rate_limit_exceeded", retry_after="600"),
}


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("death", DEATHS)
def test_every_request_is_answered_and_a_dead_key_is_asked_with_once(
    upstream: Upstream,
    death: str,
    streamed: bool,  # noqa: FBT001 - a parameter
) -> None:
    asked = dying_by(upstream, DEATHS[death])
    with serving(settings({"up": upstream.url}, KEYS)) as gateway:
        statuses = [gateway.chat("up/m", stream=streamed).status for _ in range(30)]
    assert statuses == [200] * 30
    assert all(asked[key] == 1 for key in DEAD), asked
    assert sum(asked[key] for key in ALIVE) == 30
    assert all(asked[key] >= 8 for key in ALIVE), asked  # taken in turns
    assert not [key for key in DEAD if key in gateway.log]


def test_so_it_is_for_many_at_once(upstream: Upstream) -> None:
    asked = dying_by(upstream, DEATHS["refused"])
    with (
        serving(settings({"up": upstream.url}, KEYS)) as gateway,
        ThreadPoolExecutor(8) as pool,
    ):

        def ask(_: int) -> int:
            address = Address(gateway.port)
            try:
                return address.chat("up/m").status
            finally:
                address.hang_up()

        statuses = list(pool.map(ask, range(80)))
    assert statuses == [200] * 80
    assert sum(asked[key] for key in DEAD) <= 8 * len(DEAD)  # those under way together each find out for themselves


def test_with_all_keys_dead_nobody_is_asked_any_more(upstream: Upstream) -> None:
    upstream.reply_with(DEATHS["refused"])
    with serving(settings({"up": upstream.url}, DEAD)) as gateway:
        first = gateway.chat("up/m")
        assert (first.status, first.error["code"]) == (401, "provider_authentication_failed")
        asked = len(upstream.received)
        assert asked == len(DEAD)
        second = gateway.chat("up/m")
    assert (second.status, second.error["code"]) == (401, "provider_authentication_failed")
    assert len(upstream.received) == asked
    assert not [key for key in DEAD if key in second.error["message"]]

"""Active checks ask for lists of models alone, notice what is down and what is mended, and are off unless wanted."""

import asyncio
import itertools

from tests.dispatch.test_keys import KEYS, house, key_of
from tests.support.upstream import Received, Reply
from tests.support.upstream import Upstream as Server

from wye.core.plan import Attempt
from wye.dispatch.checks import Checks
from wye.health import BreakerConfig, HealthConfig

MODELS = Reply.json({"object": "list", "data": [{"id": "model", "object": "model"}]})
NO = Reply.json({"error": {"message": "no"}}, 401)
ATTEMPT = Attempt(provider="one", model="model")


async def test_a_dead_provider_and_a_dead_key_are_noticed_before_anybody_asks(server: Server) -> None:
    dead = KEYS[1].reveal()
    server.handler = lambda request: NO if key_of(request) == dead else MODELS
    upstream, health = house(server, *KEYS)
    checks = Checks(health, lambda: {"one": upstream})
    await checks.check()
    assert [key.status for key in health.describe()["one"].keys] == ["healthy", "refused", "healthy"]
    assert {(request.method, request.path) for request in server.received} == {("GET", "/models")}
    server.handler = lambda _: Reply.json({}, 500)
    for _ in range(2):
        await checks.check()
    assert health.describe()["one"].status == "unavailable"
    assert health.acquire(ATTEMPT) is None
    server.handler = lambda _: MODELS
    await checks.check()
    assert health.describe()["one"].status == "degraded", "that its models work is for calls to find out"
    assert [key.status for key in health.describe()["one"].keys] == ["healthy"] * 3
    assert health.acquire(ATTEMPT) is not None
    await upstream.aclose()


async def test_a_provider_without_a_list_is_left_alone(server: Server) -> None:
    upstream, health = house(server, config=BreakerConfig(failure_threshold=1))
    server.handler = lambda _: Reply.json({"error": {"message": "no such page"}}, 404)
    await Checks(health, lambda: {"one": upstream}).check()
    assert health.describe()["one"].status == "connected"
    await upstream.aclose()


async def test_they_begin_and_stop_as_the_configuration_says(server: Server) -> None:
    numbers = itertools.count()
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def answer(_: Received) -> Reply:
        if next(numbers) >= 2:
            loop.call_soon_threadsafe(asked.set)
        return MODELS

    server.handler = answer
    upstream, health = house(server)
    checks = Checks(health, lambda: {"one": upstream})
    checks.follow(HealthConfig())
    await asyncio.sleep(0.05)
    assert server.received == []
    checks.follow(HealthConfig(active=True, interval=0.01))
    await asyncio.wait_for(asked.wait(), 10)
    checks.follow(HealthConfig())
    await asyncio.sleep(0.05)
    count = len(server.received)
    await asyncio.sleep(0.1)
    assert len(server.received) == count
    checks.follow(HealthConfig(active=True, interval=60))
    await checks.aclose()
    await upstream.aclose()

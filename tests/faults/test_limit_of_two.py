"""One limit holds on two gateways together, in Redis or in PostgreSQL, also where what keeps it is gone meanwhile."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator

import pytest
from tests.support.databases import postgres, postgres_template  # noqa: F401 - fixtures
from tests.support.gateway import Address, process
from tests.support.postgres import Server as Postgres
from tests.support.redis import Server, redis_server

LIMIT = 60
SETTINGS = f"[[limits]]\nrequests_per_day = {LIMIT}\n"
OF_A_MINUTE = f"[[limits]]\nrequests_per_minute = {LIMIT}\n"
BODY = json.dumps({"model": "mock/mock-fast", "messages": [{"role": "user", "content": "Hi"}]}).encode()


@pytest.fixture
def redis() -> Iterator[Server]:
    with redis_server() as server:
        yield server


async def status_of(gateway: Address) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    head = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    writer.write(f"{head}connection: close\r\ncontent-length: {len(BODY)}\r\n\r\n".encode() + BODY)
    status = int((await reader.readline()).split()[1])
    await reader.read()
    writer.close()
    return status


async def asked(times: int, *gateways: Address) -> Counter[int]:
    """Ask all gateways so many times, twenty at a time."""
    room = asyncio.Semaphore(20)

    async def one(gateway: Address) -> int:
        async with room:
            return await status_of(gateway)

    return Counter(await asyncio.gather(*(one(gateway) for _ in range(times) for gateway in gateways)))


@pytest.mark.parametrize("settings", [SETTINGS, OF_A_MINUTE], ids=["day", "minute"])
def test_redis_lets_two_gateways_in_as_often_as_one(redis: Server, settings: str) -> None:
    with process(settings, REDIS_URL=redis.url) as one, process(settings, REDIS_URL=redis.url) as two:
        assert asyncio.run(asked(LIMIT, one, two)) == {200: LIMIT, 429: LIMIT}
        redis.kill()
        assert asyncio.run(asked(5, one, two)) == {429: 10}, "what was used up stays so"


@pytest.mark.parametrize("way", ["killed", "hung"])
def test_without_redis_each_gateway_has_its_share_and_nobody_waits_long(redis: Server, way: str) -> None:
    with process(SETTINGS, REDIS_URL=redis.url) as one, process(SETTINGS, REDIS_URL=redis.url) as two:
        (redis.kill if way == "killed" else redis.hang)()
        began = asyncio.run(asked(LIMIT, one, two))
        assert began[200] <= LIMIT
        assert began[200] >= LIMIT // 2
        assert one.get("/readyz").json["limits"] == "degraded"
        if way == "hung":
            redis.go_on()


@pytest.mark.parametrize("limits", [SETTINGS, OF_A_MINUTE], ids=["day", "minute"])
def test_postgresql_does_the_same(postgres: Postgres, postgres_template: str, limits: str) -> None:  # noqa: F811 - the fixtures
    postgres.psql(f"CREATE DATABASE limits TEMPLATE {postgres_template} STRATEGY FILE_COPY")
    settings = f'{limits}[store]\nurl = "{postgres.url("limits")}"\n'
    with process(settings) as one, process(settings) as two:
        assert asyncio.run(asked(LIMIT, one, two)) == {200: LIMIT, 429: LIMIT}
    postgres.psql("DROP DATABASE limits WITH (FORCE)")

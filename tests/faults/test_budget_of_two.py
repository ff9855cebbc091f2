"""Two hundred clients spend one budget on two gateways: never beyond it, and never refused while there is enough."""

import asyncio
import json
import math
import time
from collections import Counter

import pytest
from tests.support.databases import *  # noqa: F403
from tests.support.gateway import PATIENCE, Process, chat_body, process, provider
from tests.support.openai_wire import completion
from tests.support.upstream import Reply, Upstream

from wye.core.record import PICO_PER_USD
from wye.store.config import StoreConfig
from wye.store.database import Database

CLIENTS = 200
BUDGET = 30.0
HOLD = 0.2
"""USD that a request holds before anything is known of its model's answers: 200 tokens at $1,000 a million. They have
150 at most, so that no request ever costs more than was held for it and the bound on overrun is nothing at all."""
SETTINGS = """
[models."here/m"]
input_cost_per_million = 0
output_cost_per_million = 1000
[[budgets]]
scope = "global"
amount = {budget}
period = "total"
[store]
url = "{url}"
"""


def answer(tokens: int) -> Reply:
    usage = {"prompt_tokens": 10, "completion_tokens": tokens, "total_tokens": 10 + tokens}
    return Reply.json({**completion("Hi"), "usage": usage})


class Client:
    """One client with a connection of its own, who asks until it is refused again and again."""

    def __init__(self, port: int, until: float = math.inf) -> None:
        self.port = port
        self.until = until
        self.statuses: Counter[int] = Counter()
        self.last = b""

    async def spend(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        refused = 0
        while refused < 4 and time.monotonic() < self.until:
            status, self.last = await self._ask(reader, writer)
            self.statuses[status] += 1
            refused = refused + 1 if status == 402 else 0
            await asyncio.sleep(0.7 if refused else 0.0 if self.until == math.inf else 0.1)
        writer.close()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[int, bytes]:
        body = json.dumps(chat_body("here/m", max_tokens=200)).encode()
        head = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        status = int((await reader.readline()).split()[1])
        length = 0
        while (line := await reader.readline()) != b"\r\n":
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return status, await reader.readexactly(length)


async def booked(config: StoreConfig) -> tuple[int, int, int]:
    """Return what the budget says was spent, what the rows add up to, and how many there are."""
    database = Database(config)
    try:
        async with database.read() as connection:
            # Their number first: once all of them are there, what is read after it holds them all.
            number = (await connection.exec_driver_sql("SELECT count(*) FROM usage_events")).scalar()
            spent = (await connection.exec_driver_sql("SELECT sum(spent + reserved) FROM budget_periods")).scalar()
            rows = (await connection.exec_driver_sql("SELECT sum(cost) FROM usage_events")).scalar()
            return int(spent or 0), int(rows or 0), int(number or 0)
    finally:
        await database.aclose()


def all_booked(config: StoreConfig, number: int) -> tuple[int, int, int]:
    until = time.monotonic() + PATIENCE
    while (found := asyncio.run(booked(config)))[2] < number and time.monotonic() < until:
        time.sleep(0.2)
    return found


async def spend(*gateways: Process) -> list[Client]:
    clients = [Client(gateways[number % len(gateways)].port) for number in range(CLIENTS)]
    await asyncio.gather(*(client.spend() for client in clients))
    return clients


async def spend_for(seconds: float, *gateways: Process) -> int:
    """Ask with twenty clients for some time; return how many requests were let in."""
    until = time.monotonic() + seconds
    clients = [Client(gateways[number % len(gateways)].port, until) for number in range(20)]
    await asyncio.gather(*(client.spend() for client in clients))
    return sum(client.statuses[200] for client in clients)


@pytest.mark.timeout(180)
def test_a_budget_is_spent_to_its_end_and_not_beyond(store_config: StoreConfig, tables: dict[str, str]) -> None:
    with Upstream() as upstream:
        lengths = (50, 100, 150)
        upstream.handler = lambda _: answer(lengths[len(upstream.received) % len(lengths)])
        settings = provider("here", f"{upstream.url}/v1") + SETTINGS.format(
            budget=BUDGET, url=store_config.url.reveal()
        )
        with process(settings) as one, process(settings) as two:
            clients = asyncio.run(spend(one, two))
            statuses = sum((client.statuses for client in clients), Counter[int]())
            assert set(statuses) == {200, 402}, clients[0].last
            spent, rows, number = all_booked(store_config, statuses[200])
        assert number == statuses[200] == len(upstream.received)
    assert spent == rows
    usd = spent / PICO_PER_USD
    tables[f"one budget of ${BUDGET:.2f}, two processes, {CLIENTS} clients, {store_config.dialect}"] = (
        f"spent ${usd:.2f} in {statuses[200]} requests, {statuses[402]} refused"
    )
    assert usd <= BUDGET
    assert usd >= BUDGET - 2 * HOLD, "each process may have less than a hold in hand, which is of no use to it"

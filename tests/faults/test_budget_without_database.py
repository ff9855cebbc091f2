"""A budget is still one while PostgreSQL is gone: each gateway has its share, and everything is counted afterwards."""

import asyncio
import time

import pytest
from tests.faults.test_budget_of_two import SETTINGS, all_booked, answer, spend_for
from tests.support.databases import config_for, make
from tests.support.gateway import PATIENCE, process, provider
from tests.support.postgres import postgres_server
from tests.support.upstream import Upstream

from wye.core.record import PICO_PER_USD

BUDGET = 100.0


@pytest.mark.timeout(180)
def test_a_budget_is_exceeded_by_no_more_than_the_shares(tables: dict[str, str]) -> None:
    with postgres_server() as server, Upstream() as upstream:
        server.psql("CREATE DATABASE wye")
        config = config_for(server.url("wye"))
        make(server.url("wye"))
        upstream.handler = lambda _: answer(100)
        settings = provider("here", f"{upstream.url}/v1") + SETTINGS.format(budget=BUDGET, url=server.url("wye"))
        with process(settings) as one, process(settings) as two:
            before = asyncio.run(spend_for(1.0, one, two))
            server.stop()
            away = asyncio.run(spend_for(4.0, one, two))
            assert one.get("/readyz").json["limits"] == "degraded"
            server.start()
            until = time.monotonic() + PATIENCE
            while {each.get("/readyz").json["limits"] for each in (one, two)} != {"ok"}:
                assert time.monotonic() < until, "it was not noticed that PostgreSQL is there again"
                time.sleep(0.1)
            after = asyncio.run(spend_for(1.0, one, two))
            number = before + away + after
            spent, rows, booked = all_booked(config, number)
    assert booked == number == len(upstream.received)
    assert spent == rows
    usd = spent / PICO_PER_USD
    tables["a budget of $100 while PostgreSQL is stopped"] = (
        f"{before} requests before, {away} while it was away, {after} after; spent ${usd:.2f}"
    )
    assert away > 0
    assert after > 0
    assert usd <= BUDGET * (1 + 2 / 16)

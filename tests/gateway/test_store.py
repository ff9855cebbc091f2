"""A gateway with a store: it comes up with it, says how it is, and forgets nothing over a restart."""

import asyncio
import json
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.databases import config_for
from tests.support.gateway import PATIENCE, Process, process
from tests.support.postgres import Server, postgres_server

from wye.store import runtime_settings
from wye.store.database import Database


@pytest.fixture
def server() -> Iterator[Server]:
    with postgres_server() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "postgresql":
        yield request.getfixturevalue("server").url()
        return
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{folder}/wye.db"


def respond(gateway: Process, text: str, **members: object) -> dict[str, object]:
    body = json.dumps({"model": "mock/mock-fast", "input": text, **members}).encode()
    answer = gateway.request("POST", "/v1/responses", body)
    assert answer.status == 200, answer.body
    found: dict[str, object] = answer.json
    return found


def store_condition(gateway: Process) -> str:
    return str(gateway.get("/readyz").json["store"])


def until(gateway: Process, condition: str) -> None:
    end = time.monotonic() + PATIENCE
    while store_condition(gateway) != condition:
        assert time.monotonic() < end, gateway.log
        time.sleep(0.05)


def test_an_answer_is_there_after_a_restart_and_gone_once_deleted(url: str) -> None:
    with process(DATABASE_URL=url) as gateway:
        first = respond(gateway, "My name is Ada.")
        gateway.tell(signal.SIGKILL)
        gateway.wait()
    with process(DATABASE_URL=url) as gateway:
        path = f"/v1/responses/{first['id']}"
        found = gateway.get(path)
        assert found.status == 200
        assert found.json == first
        respond(gateway, "And?", previous_response_id=first["id"])
        assert gateway.request("DELETE", path).status == 200
        assert gateway.get(path).status == 404


def test_two_gateways_share_one_database(url: str) -> None:
    with process(DATABASE_URL=url) as one, process(DATABASE_URL=url) as two:
        first = respond(one, "Hi")
        assert two.get(f"/v1/responses/{first['id']}").status == 200
        assert store_condition(one) == store_condition(two) == "ok"


def test_a_gateway_goes_on_while_postgresql_is_stopped_and_uses_it_again_when_it_is_back(server: Server) -> None:
    with process(DATABASE_URL=server.url()) as gateway:
        before = respond(gateway, "Hi")
        server.stop()
        until(gateway, "away")
        assert respond(gateway, "Still there?")["status"] == "completed"  # answered, though not kept
        looked = gateway.get(f"/v1/responses/{before['id']}")
        assert (looked.status, looked.json["error"]["code"]) == (503, "store_unavailable")
        server.start()
        until(gateway, "ok")
        assert gateway.get(f"/v1/responses/{before['id']}").status == 200
        said = [line for line in map(json.loads, gateway.log.splitlines()) if line["event"] == "store"]
        assert [line["condition"] for line in said] == ["away", "ok"]


def test_a_gateway_starts_while_postgresql_is_away_and_says_so(server: Server) -> None:
    server.stop()
    with process(DATABASE_URL=server.url()) as gateway:
        assert respond(gateway, "Hi")["status"] == "completed"
        assert store_condition(gateway) == "away"
        server.start()
        until(gateway, "ok")
        first = respond(gateway, "Hi")
        assert gateway.get(f"/v1/responses/{first['id']}").status == 200


def test_without_a_store_nothing_is_written(tmp_path: Path) -> None:
    with process('[store]\nurl = "memory://"\n') as gateway:
        respond(gateway, "Hi")
        assert "store" not in gateway.get("/readyz").json
        assert {path.name for path in gateway.folder.iterdir()} <= {"wye.toml", "stderr"}


def test_a_runtime_setting_is_taken_over_by_every_gateway_and_again_after_a_restart(url: str) -> None:
    async def put(value: list[str]) -> None:
        database = Database(config_for(url))
        async with database.begin() as connection:
            await runtime_settings.put(connection, "aliases.quick", value, by="admin")
        await database.aclose()

    def answers(gateway: Process) -> bool:
        end = time.monotonic() + PATIENCE
        while (answer := gateway.chat("quick")).status != 200:
            assert answer.status == 404
            assert time.monotonic() < end, gateway.log
            time.sleep(0.05)
        return True

    with process(DATABASE_URL=url) as one, process(DATABASE_URL=url) as two:
        assert one.chat("quick").status == 404
        asyncio.run(put(["mock/mock-fast"]))
        assert answers(one)
        assert answers(two)
    with process(DATABASE_URL=url) as again:
        assert again.chat("quick").status == 200

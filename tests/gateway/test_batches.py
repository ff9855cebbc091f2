"""Batches in whole programs: limits, budgets, the books, a kill in the middle, and several gateways on one database."""

import json
import os
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.batches import counts, ended, extras, file_of, library, line, lines_of, ordered, until
from tests.support.gateway import PATIENCE, Address, Json, Process, process, provider
from tests.support.openai_wire import answer, refusal
from tests.support.postgres import Server
from tests.support.upstream import Hold, Received, Reply, Upstream

ADMIN = "wye-admin-0123456789abcdefghij"
PRICES = '[models."up/priced"]\ninput_cost_per_million = 1.0\noutput_cost_per_million = 10.0\n'


def settings(upstream: Upstream, *more: str) -> str:
    up = provider("up", upstream.url, 'api_keys = ["sk-0123456789abcdefghijklmnop"]')
    return "\n".join([f'[server]\nadmin_key = "{ADMIN}"', up, PRICES, *more])


def eventually(holds: Callable[[], Any], what: object = "it") -> Any:
    end = time.monotonic() + PATIENCE
    while not (found := holds()):
        assert time.monotonic() < end, f"{what} did not happen"
        time.sleep(0.02)
    return found


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        running.handler = lambda _: answer("Hello")
        yield running


def admin(gateway: Address, method: str, path: str, body: Json = None) -> Json:
    sent = None if body is None else json.dumps(body).encode()
    told = gateway.request(method, path, sent, {"authorization": f"Bearer {ADMIN}"})
    assert told.status < 300, told.body
    return told.json if told.body else None


def key_of(gateway: Address, name: str, **more: Any) -> Json:
    admin(gateway, "POST", "/api/users", {"id": name, "name": name})
    return admin(gateway, "POST", "/api/keys", {"userId": name, "scopes": ["use", "read"], **more})


def test_a_batch_waits_for_limits_stops_at_budgets_and_is_on_the_books(upstream: Upstream) -> None:
    with process(settings(upstream)) as gateway:
        waits_for_its_limit(gateway, upstream)
        fails_where_the_budget_is_used_up_for_good(gateway)
        is_on_the_books(gateway)
        asks_nothing_more_once_the_key_has_ended(gateway, upstream)


def waits_for_its_limit(gateway: Process, upstream: Upstream) -> None:
    key = key_of(gateway, "slow", limits={"requestsPerDay": 1})["key"]
    with library(gateway, key) as client:
        first = ended(client, ordered(client, file_of(line("a"))).id)
        assert counts(first) == (1, 1, 0)
        asked = len(upstream.received)
        batch = ordered(client, file_of(line("b")))
        waiting = until(client, batch.id, lambda one: extras(one)["waits_for"] or one.status == "completed")
        assert waiting.status == "in_progress"
        assert "1 requests a day" in extras(waiting)["waits_for"]
        assert len(upstream.received) == asked
        client.batches.cancel(batch.id)
        assert ended(client, batch.id).status == "cancelled"


def fails_where_the_budget_is_used_up_for_good(gateway: Process) -> None:
    key = key_of(gateway, "poor")["key"]
    admin(gateway, "POST", "/api/budgets", {"scope": "user", "target": "poor", "amount": 1e-8, "period": "total"})
    authorization = {"authorization": f"Bearer {key}"}
    eventually(lambda: gateway.chat("up/priced", headers=authorization).status == 402, "the budget to hold")
    with library(gateway, key) as client:
        batch = ended(client, ordered(client, file_of(line("a"), line("b"))).id)
        assert (batch.status, counts(batch)) == ("completed", (2, 0, 2))
        told = [one["response"] for one in lines_of(client, batch.error_file_id)]
    assert [(one["status_code"], one["body"]["error"]["code"]) for one in told] == [(402, "budget_exceeded")] * 2


def is_on_the_books(gateway: Process) -> None:
    key = key_of(gateway, "counted", tags=["night"])["key"]
    with library(gateway, key) as client:
        batch = ended(client, ordered(client, file_of(*(line(str(at)) for at in range(5)))).id)
    headers = {"authorization": f"Bearer {key}"}

    def booked() -> Any:
        found = gateway.get(f"/api/usage/requests?parent={batch.id}", headers).json["requests"]
        return found if len(found) == 5 else None

    told = eventually(booked, "five records")
    assert {one["parent"] for one in told} == {batch.id}
    assert {one["user"] for one in told} == {"counted"}
    assert sum(one["cost"] for one in told) == pytest.approx(extras(batch)["cost_usd"]) == pytest.approx(5 * 23e-6)


def asks_nothing_more_once_the_key_has_ended(gateway: Process, upstream: Upstream) -> None:
    made = admin(gateway, "POST", "/api/keys", {"userId": "admin", "scopes": ["use", "read"]})
    upstream.handler = lambda _: refusal(429, "wait", **{"retry-after": "6"})
    with library(gateway, made["key"]) as client, library(gateway, ADMIN) as other:
        batch = ordered(client, file_of(line("a")))
        until(client, batch.id, lambda one: extras(one)["waits_for"])
        admin(gateway, "DELETE", f"/api/keys/{made['id']}")
        upstream.handler = lambda _: answer()
        (told,) = lines_of(other, ended(other, batch.id).error_file_id)
    assert told["response"]["status_code"] == 401
    assert "was revoked" in told["response"]["body"]["error"]["message"]


def held_until(let_go: threading.Event, *early: str) -> Callable[[Received], Reply]:
    """Answer what says one of `early` at once, and everything else when it is let go."""

    def reply(request: Received) -> Reply:
        said = request.json["messages"][0]["content"]
        return answer(said) if said in early or let_go.is_set() else replace(answer(said), before=Hold(let_go))

    return reply


def asked(upstream: Upstream) -> Counter[str]:
    return Counter(request.json["messages"][0]["content"] for request in upstream.received)


def test_what_was_answered_before_a_kill_is_never_asked_again(upstream: Upstream, tmp_path: Path) -> None:
    let_go = threading.Event()
    upstream.handler = held_until(let_go, "one", "two")
    store = f'[store]\nurl = "sqlite:///{tmp_path}/wye.db"\n[batches]\nconcurrency = 3\n'
    texts = ("one", "two", "three", "four", "five", "six")
    with process(settings(upstream, store)) as gateway, library(gateway, ADMIN) as client:
        batch = ordered(client, file_of(*(line(text, text=text) for text in texts)))
        until(client, batch.id, lambda one: counts(one)[1] == 2)
        eventually(lambda: sum(asked(upstream).values()) == 5, "five lines under way")
        os.killpg(gateway.program.pid, signal.SIGKILL)
        gateway.wait()
    over(tmp_path)
    let_go.set()
    with process(settings(upstream, store)) as gateway, library(gateway, ADMIN) as client:
        done = ended(client, batch.id)
        told = lines_of(client, done.output_file_id)
    assert (done.status, counts(done)) == ("completed", (6, 6, 0))
    assert [one["response"]["body"]["choices"][0]["message"]["content"] for one in told] == list(texts)
    again = asked(upstream)
    assert (again["one"], again["two"], again["six"]) == (1, 1, 1)
    assert {again["three"], again["four"], again["five"]} == {2}, "those under way are asked again"


def over(folder: Path) -> None:
    """Let the time pass after which a process that says nothing has lost its batches."""
    with sqlite3.connect(folder / "wye.db") as connection:
        connection.execute("UPDATE batches SET held_until = 0")
    connection.close()


def test_a_gateway_that_stops_leaves_its_batch_to_be_gone_on_with_at_once(upstream: Upstream, tmp_path: Path) -> None:
    upstream.handler = lambda _: refusal(429, "wait", **{"retry-after": "3600"})
    store = f'[store]\nurl = "sqlite:///{tmp_path}/wye.db"\n'
    with process(settings(upstream, store)) as gateway, library(gateway, ADMIN) as client:
        batch = ordered(client, file_of(line("a")))
        until(client, batch.id, lambda one: extras(one)["waits_for"])
        gateway.tell(signal.SIGTERM)
        assert gateway.wait() == 0
    upstream.handler = lambda _: answer()
    with process(settings(upstream, store)) as gateway, library(gateway, ADMIN) as client:
        assert ended(client, batch.id).status == "completed"


def test_of_several_gateways_on_one_database_one_at_a_time_works_on_a_batch(
    upstream: Upstream, postgres: Server, postgres_template: str
) -> None:
    postgres.psql(f"CREATE DATABASE replicas TEMPLATE {postgres_template} STRATEGY FILE_COPY")
    store = f'[store]\nurl = "{postgres.url("replicas")}"\n[batches]\nconcurrency = 4\n'
    written = settings(upstream, store)
    with process(written) as first, process(written) as second:
        with library(first, ADMIN) as here, library(second, ADMIN) as there:
            made = [
                ordered(client, file_of(*(line(str(at), text=f"{number}.{at}") for at in range(30))))
                for number, client in enumerate((here, there, here, there))
            ]
            with ThreadPoolExecutor() as pool:
                done = list(pool.map(lambda one: ended(there, one.id), made))
        assert [counts(one) for one in done] == [(30, 30, 0)] * 4
    assert set(asked(upstream).values()) == {1}
    assert len(asked(upstream)) == 120
    postgres.psql("DROP DATABASE replicas WITH (FORCE)")

"""Several gateways on one Redis: they act as one, and each goes on alone where Redis is away."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.support.gateway import PATIENCE, Address, Process, process, provider, serving
from tests.support.openai_wire import answer, refusal
from tests.support.redis import Server as Redis
from tests.support.redis import redis_server
from tests.support.upstream import Upstream

FALLS_BACK = '[breaker]\n[aliases]\nboth = ["bad/m", "good/m"]\n'


@pytest.fixture
def redis() -> Iterator[Redis]:
    with redis_server() as server:
        yield server


@pytest.fixture
def bad() -> Iterator[Upstream]:
    with Upstream() as running:
        running.reply_with(refusal(500))
        yield running


@pytest.fixture
def good() -> Iterator[Upstream]:
    with Upstream() as running:
        running.reply_with(answer("good"))
        yield running


def until(holds: Callable[[], object], what: str = "it") -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, f"{what} did not happen"
        time.sleep(0.02)


def settings(bad: Upstream, good: Upstream, *more: str) -> str:
    return provider("bad", bad.url) + provider("good", good.url) + FALLS_BACK + "\n".join(more)


def state_of(served: Address) -> str:
    said = served.get("/readyz")
    assert said.status == 200
    assert said.json["status"] == "ready"
    return str(said.json["state"])


def test_a_breaker_opened_in_one_gateway_spares_the_other_its_own_failures(
    redis: Redis, bad: Upstream, good: Upstream
) -> None:
    said = settings(bad, good)
    environ = {"REDIS_URL": redis.url}
    with serving(said, environ=environ) as one, serving(said, environ=environ) as two:
        until(lambda: state_of(one) == state_of(two) == "ok", "Redis")
        for _ in range(6):
            assert one.chat("both").status == 200
        calls = len(bad.received)
        assert 5 <= calls <= 6  # the breaker is open
        began = time.monotonic()
        until(lambda: two.gateway.engine.health.view().blocked("bad", "bad/m"), "the mark")
        assert time.monotonic() - began < 2
        for _ in range(10):
            told = two.chat("both")
            assert told.headers["x-wye-attempts"] == "1"
        assert len(bad.received) == calls


def test_a_key_refused_to_one_gateway_is_not_tried_by_the_other(redis: Redis, good: Upstream) -> None:
    said = provider("good", good.url, 'api_keys = ["key-one", "key-two"]', "[breaker]")
    environ = {"REDIS_URL": redis.url}
    with serving(said, environ=environ) as one, serving(said, environ=environ) as two:
        until(lambda: state_of(one) == state_of(two) == "ok", "Redis")
        good.reply_with(refusal(401), answer())
        one.chat("good/m")  # what it does after the refusal is another test's
        refused = good.received[0].headers["authorization"]
        ring = two.gateway.engine.health.providers["good"].ring
        until(lambda: any(key.code for key in ring.keys), "the mark")
        for _ in range(4):
            assert two.chat("good/m").status == 200
        assert all(one.headers["authorization"] != refused for one in good.received[1:])


def test_redis_killed_and_back_under_traffic_costs_no_answer_and_no_wait(
    redis: Redis, bad: Upstream, good: Upstream
) -> None:
    with serving(settings(bad, good), environ={"REDIS_URL": redis.url}) as served:
        until(lambda: state_of(served) == "ok", "Redis")
        over = threading.Event()
        slowest = [0.0]

        def ask() -> int:
            address, done = Address(served.port), 0
            while not over.is_set():
                began = time.monotonic()
                assert address.chat("both").status == 200
                slowest[0] = max(slowest[0], time.monotonic() - began)
                done += 1
            address.hang_up()
            return done

        with ThreadPoolExecutor() as pool:
            asking = [pool.submit(ask) for _ in range(3)]
            try:
                redis.kill()
                until(lambda: state_of(served) == "degraded", "readiness that tells")
                time.sleep(1)
                redis.start()
                until(lambda: state_of(served) == "ok", "readiness that tells")
                redis.hang()
                until(lambda: state_of(served) == "degraded", "readiness that tells")
                time.sleep(1)
                redis.go_on()
                until(lambda: state_of(served) == "ok", "readiness that tells")
            finally:
                over.set()
            assert all(task.result() > 10 for task in asking)
        assert slowest[0] < 5
        conditions = [
            line["condition"] for line in map(json.loads, served.log.splitlines()) if line["event"] == "state"
        ]
        assert conditions[:5] == ["ok", "degraded", "ok", "degraded", "ok"]


def test_with_no_redis_from_the_beginning_it_serves_all_the_same(good: Upstream) -> None:
    with serving(provider("good", good.url), environ={"REDIS_URL": "redis://127.0.0.1:1"}) as served:
        until(lambda: state_of(served) == "degraded", "readiness that tells")
        assert served.chat("good/m").status == 200


# --- Answers that are gone on from ---


def ask_for_a_response(served: Address, text: str, **members: object) -> tuple[int, dict[str, object]]:
    body = json.dumps({"model": "good/m", "input": text, **members}).encode()
    told = served.request("POST", "/v1/responses", body)
    return told.status, told.json


def test_any_gateway_goes_on_from_an_answer_that_another_gave(redis: Redis, good: Upstream) -> None:
    environ = {"REDIS_URL": redis.url}
    said = provider("good", good.url)
    with serving(said, environ=environ) as one, serving(said, environ=environ) as two:
        status, first = ask_for_a_response(one, "My name is Ada")
        assert status == 200
        status, second = ask_for_a_response(two, "What is my name?", previous_response_id=first["id"])
        assert status == 200
        sent = json.loads(good.received[-1].body)["messages"]
        assert [message["content"] for message in sent] == ["My name is Ada", "good", "What is my name?"]
        assert one.get(f"/v1/responses/{second['id']}").status == 200


def test_without_redis_going_on_is_an_error_that_says_so_and_a_new_conversation_works(
    redis: Redis, good: Upstream
) -> None:
    with serving(provider("good", good.url), environ={"REDIS_URL": redis.url}) as served:
        _, first = ask_for_a_response(served, "My name is Ada")
        redis.kill()
        status, refused = ask_for_a_response(served, "What is my name?", previous_response_id=first["id"])
        assert status == 503
        assert "redis" in str(refused["error"])
        status, _ = ask_for_a_response(served, "Hello")
        assert status == 200


# --- Workers ---


def workers_of(served: Process) -> list[int]:
    children = Path(f"/proc/{served.program.pid}/task/{served.program.pid}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def test_one_worker_killed_the_other_serves_on_and_a_new_one_comes(redis: Redis, good: Upstream) -> None:
    with process(provider("good", good.url), "--workers", "2", REDIS_URL=redis.url) as served:
        assert served.chat("good/m").status == 200
        served.hang_up()
        until(lambda: len(workers_of(served)) == 2, "two workers")
        killed, left = workers_of(served)
        os.kill(killed, signal.SIGKILL)
        for _ in range(30):
            assert served.chat("good/m").status == 200
            served.hang_up()
        until(lambda: len(workers_of(served)) == 2 and killed not in workers_of(served), "a new worker")
        assert left in workers_of(served)


def test_a_worker_that_comes_later_knows_what_the_others_found_out(redis: Redis, bad: Upstream, good: Upstream) -> None:
    with process(settings(bad, good), "--workers", "2", REDIS_URL=redis.url) as served:
        for _ in range(14):  # enough for either of the two, should they be taken in turns
            assert served.chat("both").status == 200
            served.hang_up()
        until(lambda: redis.client().hlen("{wye}:marks"), "a mark")
        time.sleep(2)
        calls = len(bad.received)
        for killed in workers_of(served):
            os.kill(killed, signal.SIGKILL)
        until(lambda: len(workers_of(served)) == 2, "new workers")
        until(lambda: _answers(served), "an answer")
        time.sleep(2)
        for _ in range(10):
            assert served.chat("both").status == 200
            served.hang_up()
        assert len(bad.received) <= calls + 2


def _answers(served: Process) -> bool:
    try:
        return served.get("/healthz").status == 200
    except OSError:
        return False
    finally:
        served.hang_up()

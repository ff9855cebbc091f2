"""What Prometheus reads, and who may."""

import http.client
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.support.gateway import (
    PATIENCE,
    Address,
    Running,
    catalog_rows,
    command,
    environment,
    process,
    provider,
    serving,
)
from tests.support.openai_wire import answer, refusal, stream
from tests.support.redis import redis_server
from tests.support.upstream import Upstream

from wye.config import load_settings
from wye.core.caller import Caller
from wye.core.errors import PermissionDeniedError
from wye.engine import Engine
from wye.gateway.metrics import Metrics
from wye.gateway.request import Request
from wye.telemetry.config import MetricsConfig

KEY = "sk-canary-0123456789abcdefghij"
ADMIN = "canary-admin-0123456789"


def settings(first: Upstream, second: Upstream, *more: str) -> str:
    return "\n".join([
        *more,
        provider("up", first.url, f'api_keys = ["{KEY}", "{KEY}2"]', "max_concurrency = 7"),
        provider("spare", second.url),
        '[aliases]\neither = ["up/m", "spare/m"]\n',
        '[models."up/m"]\ninput_cost_per_million = 1.0\noutput_cost_per_million = 10.0\n',
        '[models."spare/m"]\n',
        "[retry]\nmax_retries = 1\nbase_delay = 0.01\n",
        "[cache]\nenabled = true\n",
    ])  # fmt: skip


@pytest.fixture
def upstreams() -> Iterator[tuple[Upstream, Upstream]]:
    with Upstream() as first, Upstream() as second:
        yield first, second


def figures(text: str) -> dict[tuple[str, ...], float]:
    """Return every sample by its name and its labels' values, in the order of their names."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def read(gateway: Address, headers: dict[str, str] | None = None) -> dict[tuple[str, ...], float]:
    page = gateway.get("/metrics", headers)
    assert page.status == 200, page.body
    assert page.headers["content-type"].startswith("text/plain")
    return figures(page.body.decode())


def test_what_became_of_requests_can_be_read(upstreams: tuple[Upstream, Upstream]) -> None:
    first, second = upstreams
    with serving(settings(first, second)) as gateway:
        first.reply_with(answer("Hi"))
        second.reply_with(answer("Hi"))
        gateway.chat("up/m", "one")
        gateway.chat("up/m", "one")
        first.reply_with(stream("Hi"))
        gateway.chat("up/m", "two", stream=True)
        first.reply_with(refusal(503))
        assert gateway.chat("either", "three").headers["x-wye-provider"] == "spare"
        first.reply_with(refusal(400, "no", "a_code_of_theirs"))
        assert gateway.chat("up/m", "four").status == 400
        gateway.chat("up/made-up-by-somebody", "five")
        seen = read(gateway)
        page = gateway.get("/metrics").body.decode()
    assert seen["wye_requests_total", "m", "chat", "up", "ok"] == 3
    assert seen["wye_requests_total", "m", "chat", "up", "error"] == 1
    assert seen["wye_requests_total", "m", "chat", "spare", "ok"] == 1
    assert seen["wye_calls_total", "m", "up", "ok"] == 2
    assert seen["wye_calls_total", "m", "up", "overloaded"] == 1
    assert seen["wye_failovers_total", "m", "up"] == 1
    assert seen["wye_tokens_total", "input", "m", "up"] == 6
    assert seen["wye_tokens_total", "output", "m", "up"] == 4
    assert seen["wye_cost_usd_total", "m", "up"] == pytest.approx(0.000046)
    assert seen["wye_saved_usd_total", "m", "up"] == pytest.approx(0.000023)
    assert seen["wye_unpriced_requests_total", "m", "spare"] == 1
    assert seen["wye_cached_answers_total", "m", "up"] == 1
    assert seen["wye_cache_lookups_total", "hit"] == 1
    assert seen["wye_time_to_first_token_seconds_count", "m", "up"] == 1
    assert seen["wye_request_duration_seconds_count", "m", "up"] == 4
    assert seen["wye_request_duration_seconds_bucket", "+Inf", "m", "up"] == 4
    assert seen["wye_breaker_state", "up", "CLOSED"] == 1
    assert sum(value for name, value in seen.items() if name[:2] == ("wye_keys", "up")) == 2
    assert seen["wye_calls_under_way", "busy", "up"] == 0
    assert seen["wye_state_degraded",] == 0
    assert seen["wye_requests_total", "other", "chat", "up", "error"] == 1
    assert "made-up" not in page
    assert KEY not in page


def test_only_the_admin_key_opens_the_page(upstreams: tuple[Upstream, Upstream]) -> None:
    with serving(settings(*upstreams, f'[server]\nadmin_key = "{ADMIN}"\n')) as gateway:
        assert gateway.get("/metrics").status == 401
        seen = read(gateway, {"authorization": f"Bearer {ADMIN}"})
        page = gateway.get("/metrics", {"authorization": f"Bearer {ADMIN}"}).body.decode()
    assert any(name[0] == "wye_build_info" for name in seen)
    assert ADMIN not in page


async def test_a_key_that_may_only_use_models_does_not_open_it() -> None:
    metrics = Metrics(
        Engine(load_settings(catalog_rows(), environ={}, path="/dev/null"), catalog_rows()), MetricsConfig()
    )

    async def nothing(*_: object) -> Any:
        raise AssertionError("nothing is sent")

    request = Request({"type": "http", "method": "GET", "path": "/metrics", "headers": []}, nothing, nothing)
    request.caller = Caller(user="somebody", scopes=frozenset({"use", "read", "manage"}))
    with pytest.raises(PermissionDeniedError, match="admin key"):
        await metrics.answer(request)


def test_openmetrics_is_spoken_to_who_asks_for_it(upstreams: tuple[Upstream, Upstream]) -> None:
    with serving(settings(*upstreams)) as gateway:
        page = gateway.get("/metrics", {"accept": "application/openmetrics-text; version=1.0.0"})
    assert page.headers["content-type"].startswith("application/openmetrics-text")
    assert page.body.endswith(b"# EOF\n")


def test_a_port_of_its_own_needs_no_key_and_shows_nothing_else(upstreams: tuple[Upstream, Upstream]) -> None:
    more = f'[metrics]\nport = 0\n[server]\nadmin_key = "{ADMIN}"\n'
    with serving(settings(*upstreams, more)) as gateway:
        port = port_of(gateway)
        own = Address(port)
        assert figures(own.get("/metrics").body.decode())
        for path in ("/", "/v1/models", "/metrics/x"):
            own.hang_up()
            assert own.get(path).status == 404
        own.hang_up()
        assert own.request("POST", "/metrics", b"{}").status == 404
        own.hang_up()
        with pytest.raises((http.client.HTTPException, OSError)):
            own.get("/metrics", {"x": "y" * 100_000})
        own.hang_up()
        assert own.get("/metrics").status == 200
        own.hang_up()


def port_of(gateway: Running) -> int:
    gateway.get("/healthz")  # it has begun to serve
    assert gateway.gateway.metrics is not None
    assert gateway.gateway.metrics.port is not None
    return gateway.gateway.metrics.port


def test_a_port_that_is_taken_is_said_plainly() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, tempfile.TemporaryDirectory() as folder:
        port = taken.getsockname()[1]
        Path(folder, "wye.toml").write_text(f"[metrics]\nport = {port}\n")
        ended = subprocess.run(
            command("serve", "--port", "0"), cwd=folder, env=environment(), capture_output=True, text=True,
            timeout=PATIENCE, check=False,
        )  # fmt: skip
    assert ended.returncode != 0
    assert f"cannot listen on 127.0.0.1, port {port} ([metrics] port)" in ended.stderr


def test_a_page_that_is_off_is_not_there(upstreams: tuple[Upstream, Upstream]) -> None:
    with serving(settings(*upstreams, "[metrics]\nenabled = false\n")) as gateway:
        assert gateway.get("/metrics").status == 404


def test_without_the_library_the_page_says_what_to_install(
    upstreams: tuple[Upstream, Upstream], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wye.telemetry.prometheus.find_spec", lambda _: None)
    with serving(settings(*upstreams)) as gateway:
        page = gateway.get("/metrics")
    assert page.status >= 400
    assert "pip install '.[telemetry]'" in page.error["message"]


def test_what_is_left_of_a_budget_can_be_read(upstreams: tuple[Upstream, Upstream]) -> None:
    spends = '[[budgets]]\nname = "all of us"\nscope = "global"\namount = 1.0\nperiod = "month"\n'
    spends += '[[budgets]]\nname = "all of us"\nscope = "global"\namount = 0.5\nperiod = "day"\n'
    upstreams[0].reply_with(answer("Hi"))
    with process(settings(*upstreams) + spends) as gateway:
        gateway.chat("up/m", "one")
        seen = read(gateway)
    left = {labels: value for labels, value in seen.items() if labels[0] == "wye_budget_left_usd"}
    assert len(left) == 2, "budgets of one name do not hide each other"
    assert sorted(left.values()) == pytest.approx([0.5 - 0.000023, 1 - 0.000023])
    assert seen["wye_journal_bytes",] > 0


def test_any_worker_tells_of_all_of_them(upstreams: tuple[Upstream, Upstream]) -> None:
    upstreams[0].reply_with(answer("Hi"))
    with redis_server() as redis:
        told = settings(*upstreams).replace("enabled = true", "enabled = false")
        with process(told, "--workers", "2", REDIS_URL=redis.url) as gateway:
            for number in range(20):
                gateway.chat("up/m", str(number))
                gateway.hang_up()  # the next one may reach the other worker
            until = time.monotonic() + PATIENCE
            found: set[float] = set()
            while found != {20.0}:
                assert time.monotonic() < until, found
                found = set()
                for _ in range(8):
                    found.add(read(gateway).get(("wye_requests_total", "m", "chat", "up", "ok"), 0.0))
                    gateway.hang_up()
                time.sleep(0.05)


def test_an_estimated_count_of_tokens_is_no_failure() -> None:
    body = b'{"model":"mock/mock-fast","messages":[{"role":"user","content":"Hello there"}]}'
    with serving("") as gateway:
        assert gateway.request("POST", "/v1/messages/count_tokens", body).json["input_tokens"] > 0
        page = gateway.get("/metrics").body.decode()
    assert 'operation="count_tokens",provider="mock",status="ok"} 1.0' in page


def test_who_is_refused_is_counted_by_what_refused_it(upstreams: tuple[Upstream, Upstream]) -> None:
    first, second = upstreams
    limits = (
        '[[limits]]\nrequests_per_day = 2\n[[budgets]]\nscope = "model"\ntarget = "up/m"\nperiod = "day"\namount = 0\n'
    )
    with serving(settings(first, second) + limits) as gateway:
        second.reply_with(answer("Hi"))
        assert gateway.chat("up/m").status == 402
        assert gateway.chat("spare/m").status == 200
        assert gateway.chat("spare/m", max_tokens=7).status == 200
        for _ in range(3):
            assert gateway.chat("spare/m").status == 429
        told = read(gateway)
    name = "wye_refused_requests_total"
    assert told[name, "budget", "day", "model"] == 1
    assert told[name, "limit", "requests_per_day", "global"] == 3
    assert sum(value for (first, *_), value in told.items() if first == "wye_requests_total") == 2

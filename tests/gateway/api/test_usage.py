"""Usage and metrics over HTTP: what was asked is told, to whoever may see it, in every form."""

import asyncio
import csv
import http.client
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.gateway.api.conftest import PREFIXES, Api
from tests.support.gateway import PATIENCE, Json, Running, serving

import wye.gateway.app
from wye.core.caller import ADMIN, Caller
from wye.gateway.api.usage import in_turns
from wye.insights.export import csv_lines

pytestmark = pytest.mark.skipif(
    not wye.gateway.app.__file__.endswith(".py"), reason="compiled, a gateway takes no gate but its own"
)


class AsSaid:
    """A gate that lets in whoever a header names, with few scopes."""

    def check(self, _: str, headers: dict[bytes, bytes], **__: bool) -> Caller:
        name = headers.get(b"x-user", b"").decode()
        scopes = frozenset({"use", "manage" if name == "boss" else "read"})
        team = "red" if name in {"ann", "boss"} else "blue"
        return Caller(user=name, team=team, scopes=scopes) if name else ADMIN  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def gateway() -> Iterator[Running]:
    """A gateway that Ann (red) has asked twice, once for a model that fails, and Bob (blue) once."""
    settings = '[providers.away]\nadapter = "openai_chat"\nbase_url = "http://127.0.0.1:9/v1"\n'
    settings += 'allow_private_network = true\n[retry]\nmax_retries = 0\n[routing]\nfallback_order = ["mock"]\n'
    with serving(settings) as running:
        running.gateway._gate = AsSaid()  # type: ignore[assignment]
        assert running.chat("mock/mock-fast", headers={"x-user": "ann"}).status == 200
        assert running.chat("away/m", headers={"x-user": "ann"}).status == 502
        assert running.chat("mock/mock-fast", headers={"x-user": "bob"}).status == 200
        yield running


def told(gateway: Running, path: str, user: str = "") -> Json:
    """Return what is told to a user."""
    answer = gateway.get(path, {"x-user": user} if user else {})
    assert answer.status == 200, answer.body
    return answer.json


@pytest.mark.parametrize("prefix", PREFIXES)
def test_metrics_are_told_by_provider_model_and_hour(gateway: Running, prefix: str) -> None:
    found = told(gateway, f"{prefix}/telemetry")
    assert found["total"]["requests"] == 3
    assert found["total"]["successes"] == 2
    away = found["providers"]["away"]
    assert (away["requests"], away["failures"], away["failedCalls"], away["successRate"]) == (1, 1, 1, 0.0)
    assert away["recentErrors"][0]["error"] == "connection_failed"
    (model,) = found["providers"]["mock"]["models"].values()
    assert model["durationMs"]["p99"] >= model["durationMs"]["p50"] > 0
    assert {one["provider"] for one in found["history"]} == {"away", "mock"}
    assert 0 < found["errorBound"] < 0.05
    assert set(told(gateway, f"{prefix}/telemetry?provider=mock&hours=1")["providers"]) == {"mock"}
    assert told(gateway, f"{prefix}/telemetry/insights").keys() == {"alerts", "recommendations"}


@pytest.mark.parametrize("prefix", PREFIXES)
def test_metrics_are_exported(gateway: Running, prefix: str) -> None:
    rows = told(gateway, f"{prefix}/telemetry/export?format=json")
    answer = gateway.get(f"{prefix}/telemetry/export?format=csv")
    table = list(csv.DictReader(io.StringIO(answer.body.decode())))
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    assert [(row["provider"], int(row["requests"])) for row in table] == [
        (row["provider"], row["requests"]) for row in rows
    ]
    assert sum(row["requests"] for row in rows) == 3


def test_usage_is_told_by_anything(gateway: Running) -> None:
    found = told(gateway, "/api/usage?by=user&step=day&compare=true&since=2d")
    assert {one["name"]: one["usage"]["requests"] for one in found["groups"]} == {"ann": 2, "bob": 1}
    assert found["total"]["before"]["requests"] == 0
    assert sum(step["requests"] for one in found["groups"] for step in one["steps"]) == 3
    for by in ("model", "provider", "key", "team", "conversation", "tag"):
        assert told(gateway, f"/api/usage?by={by}")["by"] == by
    table = gateway.get("/api/usage?by=team&format=csv").body.decode().splitlines()
    assert table[0].startswith("team,requests")
    assert len(table) == 3
    assert {one["name"] for one in told(gateway, "/api/usage/models")["models"]} >= {"mock/mock-fast"}


def test_requests_are_paged_through_and_shown(gateway: Running) -> None:
    first = told(gateway, "/api/usage/requests?limit=2")
    second = told(gateway, f"/api/usage/requests?limit=2&before={first['next']}")
    assert [len(page["requests"]) for page in (first, second)] == [2, 1]
    assert second["next"] is None
    (failed,) = told(gateway, "/api/usage/requests?status=error")["requests"]
    shown = told(gateway, f"/api/usage/requests/{failed['id']}")
    assert shown["request"] == failed
    assert [call["error"] for call in shown["attempts"]] == ["connection_failed"]
    took = int(failed["durationMs"])
    assert failed in told(gateway, f"/api/usage/requests?longerThanMs={took - 1 if took else 0}")["requests"]
    assert not told(gateway, "/api/usage/requests?longerThanMs=600000")["requests"]
    assert len(gateway.get("/api/usage/requests?format=csv").body.splitlines()) == 4
    assert gateway.get("/api/usage/requests/req_unknown").status == 404


def test_nobody_sees_what_is_not_theirs(gateway: Running) -> None:
    everything = told(gateway, "/api/usage/requests")["requests"]
    (bobs,) = [one["id"] for one in everything if one["user"] == "bob"]
    assert gateway.get(f"/api/usage/requests/{bobs}", {"x-user": "ann"}).status == 404
    for user, requests in (("ann", 2), ("bob", 1), ("boss", 2), ("eve", 0)):
        assert len(told(gateway, "/api/usage/requests", user)["requests"]) == requests
        assert told(gateway, "/api/usage?by=user", user)["total"]["usage"]["requests"] == requests
        assert told(gateway, f"{PREFIXES[0]}/telemetry", user)["total"]["requests"] == requests
        rows = told(gateway, f"{PREFIXES[0]}/telemetry/export", user)
        assert sum(row["requests"] for row in rows) == requests
        assert told(gateway, "/api/usage/models", user)["models"] == [] or requests
    assert told(gateway, "/api/usage?by=user&user=bob", "ann")["groups"] == []
    assert told(gateway, "/api/usage/requests?user=bob&team=blue", "ann")["requests"] == []
    refused = gateway.request("POST", f"{PREFIXES[0]}/telemetry/reset", b"{}", {"x-user": "boss"})
    assert (refused.status, refused.error["code"]) == (403, "scope_missing")


def test_requests_are_told_as_they_end_to_whoever_may_see_them(gateway: Running) -> None:
    watching = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE)
    watching.request("GET", "/api/usage/live", headers={"x-user": "ann"})
    events = watching.getresponse()
    assert events.getheader("content-type") == "text/event-stream"
    for user in ("bob", "ann"):
        assert gateway.chat("mock/mock-fast", f"from {user}", headers={"x-user": user}).status == 200
    while not (line := events.readline()).startswith(b"data: "):
        pass
    assert json.loads(line[6:])["user"] == "ann", "the first that is told is not Bob's"
    watching.close()


def test_requests_are_planned_again_under_another_strategy(gateway: Running) -> None:
    found = Api(gateway).post(f"{PREFIXES[1]}/replay", {"strategy": "cost"})
    assert found.status == 200, found.body
    assert found.json["strategy"] == "cost"
    assert found.json["requests"] >= 2


def test_only_admins_have_very_many_requests_planned_again(gateway: Running) -> None:
    many = json.dumps({"strategy": "cost", "limit": 1001}).encode()
    assert gateway.request("POST", f"{PREFIXES[1]}/replay", many).status == 200
    refused = gateway.request("POST", f"{PREFIXES[1]}/replay", many, {"x-user": "ann"})
    assert (refused.status, refused.error["param"]) == (400, "limit")


async def test_others_have_turns_while_requests_are_planned_again() -> None:
    turns, seen = 0, []

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    def planned() -> Iterator[Any]:
        for _ in range(500):
            seen.append(turns)
            yield None

    task = asyncio.create_task(other())
    assert len(await in_turns(planned())) == 500
    task.cancel()
    assert seen[-1] - seen[0] >= 9


def test_a_reset_moves_the_beginning_and_deletes_nothing() -> None:
    with serving() as running:
        assert running.chat("mock/mock-fast").status == 200
        assert Api(running).post(f"{PREFIXES[0]}/telemetry/reset").status == 200
        assert told(running, f"{PREFIXES[0]}/telemetry")["total"]["requests"] == 0
        assert told(running, f"{PREFIXES[0]}/telemetry")["resetAt"]
        assert told(running, "/api/usage")["total"]["usage"]["requests"] == 1


def test_what_cannot_be_answered_is_refused_by_name(gateway: Running) -> None:
    for query, param in (
        ("since=yesterday", "since"),
        ("by=colour", "by"),
        ("tag=a&conversation=b", "tag"),
        ("step=hour&since=900d", "step"),
        ("limit=0", "limit"),
        ("models=a", "models"),
    ):
        answer = gateway.get(f"/api/usage?{query}")
        assert (answer.status, answer.error["param"]) == (400, param), answer.body
    assert gateway.get("/api/usage/requests?before=x").error["param"] == "before"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@sum(a)", "\tx"])
def test_no_cell_of_a_csv_is_a_formula(text: str) -> None:
    assert next(csv.reader(io.StringIO(csv_lines([[text]]).decode())))[0] == f"'{text}"

"""Providers are added, changed and forgotten while the gateway runs; their keys are sealed and go nowhere else."""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from tests.gateway.api.conftest import everything
from tests.support.databases import config_for
from tests.support.gateway import Answer, Running, serving
from tests.support.openai_wire import answer
from tests.support.upstream import Upstream

PREFIX = "/api/llm-providers/providers"
KEY = "their-CANARY-key-0123456789"
SECRET = "a secret for these tests"
PRIVATE = "[identity]\nprivate_endpoints = true\n"
Serve: TypeAlias = Callable[..., AbstractContextManager[Running]]


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        running.reply_with(answer())
        yield running


@pytest.fixture
def file(sqlite_template: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "wye.db"
    shutil.copy(sqlite_template, copy)
    return copy


@pytest.fixture
def serve(file: Path) -> Serve:
    """Return a function that serves with the same store, as after a restart."""

    def run(settings: str = PRIVATE, *, secret: str = SECRET) -> AbstractContextManager[Running]:
        return serving(settings, environ={"WYE_SECRET_KEY": secret}, store=config_for(f"sqlite:///{file}"))

    return run


def ask(gateway: Running, method: str, path: str = "", body: Any = None) -> Answer:
    return gateway.request(method, f"{PREFIX}{path}", None if body is None else json.dumps(body).encode())


def form(upstream: Upstream, **more: Any) -> dict[str, Any]:
    models = [{"id": "qwen3", "inputCostPerMillion": 0.1, "outputCostPerMillion": 0.2, "contextWindow": 1000}]
    return {"id": "cluster", "name": "Our cluster", "baseUrl": upstream.url, "apiKey": KEY, "models": models, **more}


def test_one_that_is_added_answers_at_once_and_after_a_restart(serve: Serve, upstream: Upstream) -> None:
    with serve() as gateway:
        told = ask(gateway, "POST", body=form(upstream))
        assert told.status == 201, told.body
        assert (told.json["available"], told.json["models"][0]["contextWindow"]) == (True, 1000)
        assert gateway.chat("cluster/qwen3").headers["x-wye-cost-usd"]
    with serve() as gateway:
        assert gateway.chat("cluster/qwen3").status == 200
        assert gateway.chat("auto").headers["x-wye-provider"] == "cluster"
        assert upstream.received[-1].headers["authorization"] == f"Bearer {KEY}"
        assert gateway.get("/api/llm-providers/status").json["providers"]["cluster"]["name"] == "Our cluster"
        (listed,) = ask(gateway, "GET").json["providers"]
        assert (listed["id"], listed["updatedBy"]) == ("cluster", "local")


def test_its_key_is_sealed_and_shown_nowhere(serve: Serve, upstream: Upstream, file: Path) -> None:
    with serve() as gateway:
        seen = [ask(gateway, "POST", body=form(upstream)).body, ask(gateway, "GET").body]
        seen += [ask(gateway, "PATCH", "/cluster", {"apiKey": f"{KEY}2"}).body]
        seen += [gateway.get(path).body for path in ("/api/settings", "/api/audit", "/api/llm-providers/status")]
        seen += [gateway.log.encode()]
        assert not [body for body in seen if b"CANARY" in body]
        assert b'"api_key"' not in gateway.get("/api/audit").body
    rows = sqlite3.connect(file).execute("SELECT * FROM settings").fetchall()
    assert "CANARY" not in str(rows)


def test_another_address_drops_the_key(serve: Serve, upstream: Upstream) -> None:
    with serve() as gateway, Upstream() as other:
        other.reply_with(answer())
        ask(gateway, "POST", body=form(upstream))
        told = ask(gateway, "PATCH", "/cluster", {"baseUrl": other.url}).json
        assert told["apiKey"] is None
        assert gateway.chat("cluster/qwen3").status == 200
        assert "authorization" not in other.received[-1].headers
        kept = ask(gateway, "PATCH", "/cluster", {"baseUrl": upstream.url, "apiKey": KEY, "name": "X"}).json
        assert (kept["apiKey"] is not None, kept["name"]) == (True, "X")


def test_models_are_replaced_and_the_first_is_the_default(serve: Serve, upstream: Upstream) -> None:
    with serve() as gateway:
        ask(gateway, "POST", body=form(upstream))
        ask(gateway, "PATCH", "/cluster", {"models": [{"id": "new", "capabilities": ["text", "function_calling"]}]})
        assert gateway.chat("auto").headers["x-wye-model"] == "new"
        known = gateway.get("/api/models?provider=cluster").json["models"]
        assert [(one["id"], "function-calling" in one["capabilities"]) for one in known] == [("new", True)]


def test_it_is_tried_out_and_asked_for_its_models_as_any_other(serve: Serve, upstream: Upstream) -> None:
    with serve() as gateway:
        upstream.handler = everything
        ask(gateway, "POST", body=form(upstream, models=[], defaultModel="gpt-of-tomorrow"))
        body = json.dumps({"provider": "cluster", "complete": True}).encode()
        told = gateway.request("POST", "/api/llm-providers/test", body).json
        assert (told["ok"], [step["step"] for step in told["steps"]]) == (True, ["models", "answer"])
        assert gateway.get("/api/models?provider=cluster").json["totalModels"] == 3
        switch = json.dumps({"provider": "cluster", "model": "gpt-4o"}).encode()
        assert gateway.request("POST", "/api/llm-providers/switch", switch).json["kept"] is True
        assert gateway.chat("auto").headers["x-wye-model"] == "gpt-4o"


def test_one_that_is_forgotten_takes_its_settings_with_it(serve: Serve, upstream: Upstream) -> None:
    with serve() as gateway:
        ask(gateway, "POST", body=form(upstream))
        off = json.dumps({"key": "providers.cluster.enabled", "value": False}).encode()
        assert gateway.request("PUT", "/api/settings", off).status == 200
        assert ask(gateway, "GET").json["providers"][0]["reason"] == "it is disabled in the configuration"
        assert ask(gateway, "DELETE", "/cluster").json == {"id": "cluster", "deleted": True}
        assert gateway.chat("cluster/qwen3").status == 404
        assert ask(gateway, "GET").json["providers"] == []
        assert "providers.cluster" not in gateway.get("/api/settings").body.decode()
        assert (ask(gateway, "DELETE", "/cluster").status, ask(gateway, "PATCH", "/cluster", {}).status) == (404, 404)
        assert ask(gateway, "POST", body=form(upstream)).status == 201


def test_one_that_the_settings_need_is_not_forgotten(serve: Serve, upstream: Upstream) -> None:
    with serve() as gateway:
        ask(gateway, "POST", body=form(upstream))
        order = json.dumps({"key": "routing.fallback_order", "value": ["cluster", "mock"]}).encode()
        assert gateway.request("PUT", "/api/settings", order).status == 200
        refused = ask(gateway, "DELETE", "/cluster")
        assert (refused.status, refused.error["code"]) == (400, "invalid_setting")
        assert "'cluster'" in refused.error["message"]
        assert gateway.chat("cluster/qwen3").status == 200


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"id": "openai"}, "provider_exists"),
        ({"id": "google"}, "provider_exists"),
        ({"id": "auto"}, "name_taken"),
        ({"id": "Über"}, "invalid_type"),
        ({"baseUrl": "file:///etc/passwd"}, "invalid_value"),
        ({"baseUrl": "https://user:word@llm.invalid"}, "invalid_value"),
        ({"apiKey": "env:OPENAI_API_KEY"}, "invalid_value"),
        ({"apiKey": "Bearer x"}, "invalid_value"),
        ({"name": "env:WYE_SECRET_KEY"}, "invalid_setting"),
        ({"models": [{"id": "a"}, {"id": "a"}]}, "invalid_value"),
        ({"models": [{"id": "a", "capabilities": ["telepathy"]}]}, "invalid_setting"),
        ({"models": [{"id": "a", "price": 1}]}, "unknown_field"),
    ],
)
def test_what_could_not_work_is_refused(serve: Serve, upstream: Upstream, more: dict[str, Any], code: str) -> None:
    with serve() as gateway:
        refused = ask(gateway, "POST", body=form(upstream, **more))
        assert (refused.status, refused.error["code"]) == (400, code), refused.body
        assert SECRET not in refused.body.decode()
        assert ask(gateway, "GET").json["providers"] == []


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9", "https://10.0.0.5/v1", "https://localhost/v1", "https://[::1]/v1"]
)
def test_private_addresses_are_refused_unless_the_file_allows_them(serve: Serve, upstream: Upstream, url: str) -> None:
    with serve("") as gateway:
        refused = ask(gateway, "POST", body=form(upstream, baseUrl=url))
        assert refused.status == 400
        assert refused.error["param"] == "baseUrl"


def test_a_name_that_leads_to_a_private_address_is_refused_where_it_is_asked(serve: Serve, upstream: Upstream) -> None:
    with serve() as gateway:
        ask(gateway, "POST", body=form(upstream))
    with serve("") as gateway:  # the file does not allow it any more
        upstream.received.clear()
        refused = gateway.chat("cluster/qwen3")
        assert (refused.status, refused.error["code"]) == (502, "address_refused")
        assert not upstream.received


def test_one_whose_key_cannot_be_opened_is_left_out_and_the_log_says_so(serve: Serve, upstream: Upstream) -> None:
    with serve() as gateway:
        ask(gateway, "POST", body=form(upstream))
    with serve(secret="another secret for these tests") as gateway:
        assert gateway.wait_line(event="providers")["provider"] == "cluster"
        (listed,) = ask(gateway, "GET").json["providers"]
        assert (listed["available"], listed["reason"]) == (False, "its key cannot be opened: see the log")
        assert gateway.chat("mock/mock-fast").status == 200
        assert ask(gateway, "PATCH", "/cluster", {"apiKey": KEY}).json["available"] is True


def test_without_a_secret_no_key_is_kept(file: Path, upstream: Upstream) -> None:
    with serving(PRIVATE, store=config_for(f"sqlite:///{file}")) as gateway:
        refused = ask(gateway, "POST", body=form(upstream))
        assert (refused.status, refused.error["code"]) == (503, "secret_key_missing")
        assert ask(gateway, "POST", body=form(upstream, apiKey=None)).status == 201
        assert gateway.chat("cluster/qwen3").status == 200


def test_the_file_goes_before_what_was_added(serve: Serve, upstream: Upstream) -> None:
    with serve() as gateway:
        ask(gateway, "POST", body=form(upstream))
    with Upstream() as other:
        other.reply_with(answer())
        with serve(
            f'{PRIVATE}[providers.cluster]\nbase_url = "{other.url}"\nallow_private_network = true\n'
        ) as gateway:
            upstream.received.clear()
            assert gateway.chat("cluster/qwen3").status == 200
            assert other.received
            assert not upstream.received


def test_who_is_no_admin_adds_nothing(serve: Serve, upstream: Upstream) -> None:
    with serve() as gateway:
        made = gateway.request("POST", "/api/keys", b'{"scopes": ["use", "read", "manage"]}').json["key"]
        theirs = {"authorization": f"Bearer {made}"}
        for method, path, body in (
            ("GET", PREFIX, None),
            ("POST", PREFIX, json.dumps(form(upstream)).encode()),
            ("PATCH", f"{PREFIX}/x", b"{}"),
            ("DELETE", f"{PREFIX}/x", None),
        ):
            assert gateway.request(method, path, body, theirs).status == 403

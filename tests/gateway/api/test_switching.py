"""What goes first can be changed while the gateway runs: for all by a switch that is kept, for one by preferences."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.api.conftest import OPENAI_KEY, everything
from tests.support.databases import config_for
from tests.support.gateway import Answer, Json, Running, provider, serving
from tests.support.upstream import Upstream

from wye.store.config import StoreConfig

PREFIX = "/api/llm-providers"
AUTO = {"prompt": "Hi"}


@pytest.fixture
def store(sqlite_template: Path, tmp_path: Path) -> StoreConfig:
    file = tmp_path / "wye.db"
    shutil.copy(sqlite_template, file)
    return config_for(f"sqlite:///{file}")


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        running.handler = everything
        yield running


@pytest.fixture
def settings(upstream: Upstream) -> str:
    names = ("openai", "groq")
    keys = {"openai": OPENAI_KEY, "groq": "gsk_0123456789abcdefghijABCDEFGHIJ0123456789abcdefghijkl"}
    return "\n".join(provider(name, upstream.url, f'api_keys = ["{keys[name]}"]') for name in names)


def ask(gateway: Running, method: str, path: str, body: Any = None) -> Answer:
    return gateway.request(method, path, None if body is None else json.dumps(body).encode())


def chosen(gateway: Running, **more: Any) -> tuple[str, str]:
    answer = ask(gateway, "POST", "/api/models/generate", {**AUTO, **more})
    assert answer.status == 200, answer.body
    return answer.json["provider"], answer.json["model"]


def current(gateway: Running) -> tuple[str, str]:
    told = gateway.get(f"{PREFIX}/status").json
    return told["current"], told["currentModel"]


def test_a_switch_is_there_after_a_restart_and_goes_before_the_environment(settings: str, store: StoreConfig) -> None:
    environ = {"LLM_PROVIDER": "openai", "OPENAI_MODEL": "gpt-4o-mini"}
    with serving(settings, environ=environ, store=store) as gateway:
        assert current(gateway) == ("openai", "gpt-4o-mini")
        told = ask(gateway, "POST", f"{PREFIX}/switch", {"provider": "openai", "model": "gpt-4o"}).json
        assert told["kept"] is True
        assert told["previous"] == {"provider": "openai", "model": "gpt-4o-mini"}
    with serving(settings, environ=environ, store=store) as gateway:
        assert current(gateway) == chosen(gateway) == ("openai", "gpt-4o")
        assert gateway.get("/api/audit?target=setting").json["changes"][0]["after"] == "openai/gpt-4o"
        assert ask(gateway, "DELETE", "/api/settings?key=routing.first").status == 200
        assert current(gateway) == ("openai", "gpt-4o-mini")


def test_a_switch_to_what_is_written_down_already_holds_too(settings: str, store: StoreConfig) -> None:
    with serving(settings, store=store) as gateway:
        for model in ("gpt-4o", "gpt-4o-mini", "gpt-4o-mini"):
            assert ask(gateway, "POST", f"{PREFIX}/switch", {"provider": "openai", "model": model}).status == 200
        assert current(gateway) == ("openai", "gpt-4o-mini")


def test_without_a_store_a_switch_holds_until_the_end_and_says_so(settings: str) -> None:
    with serving(settings) as gateway:
        told = ask(gateway, "POST", f"{PREFIX}/switch", {"provider": "openai", "model": "gpt-4o"}).json
        assert told["kept"] is False
        assert current(gateway) == ("openai", "gpt-4o")


def test_a_switch_to_what_is_gone_stands_in_nobodys_way(settings: str, store: StoreConfig) -> None:
    with serving(settings, store=store) as gateway:
        assert put(gateway, "routing.first", "gone/model").status == 200
        assert chosen(gateway)[0] in {"openai", "groq"}
        assert put(gateway, "routing.first", "no slash").error["code"] == "invalid_setting"


def put(gateway: Running, key: str, value: Json) -> Answer:
    return ask(gateway, "PUT", "/api/settings", {"key": key, "value": value})


def test_providers_are_reordered_switched_off_and_on_while_the_gateway_runs(settings: str, store: StoreConfig) -> None:
    with serving(settings, store=store) as gateway:
        for order in (["groq", "openai"], ["openai", "groq"]):
            assert put(gateway, "routing.fallback_order", order).status == 200
            assert gateway.get(f"{PREFIX}/status").json["fallbackOrder"] == order
        assert put(gateway, "providers.openai.enabled", False).status == 200
        assert chosen(gateway)[0] == "groq"
        off = gateway.get(f"{PREFIX}/status").json["providers"]["openai"]
        assert (off["available"], off["needs"]) == (False, "it is disabled in the configuration")
        assert put(gateway, "providers.openai.enabled", True).status == 200
        assert gateway.get(f"{PREFIX}/status").json["providers"]["openai"]["available"] is True


def test_what_a_user_prefers_holds_where_a_request_leaves_it_open(
    settings: str, store: StoreConfig, upstream: Upstream
) -> None:
    with serving(settings, store=store) as gateway:
        said = {
            "preferredLlmProvider": "openai",
            "defaults": {"model": "gpt-4o-mini", "temperature": 0.25, "maxTokens": 77, "theme": "dark"},
        }
        told = ask(gateway, "PUT", "/api/preferences", said).json
        assert told["defaults"] == said["defaults"]
        assert chosen(gateway) == ("openai", "gpt-4o-mini")
        assert _asked(upstream) == (0.25, 77)
        assert chosen(gateway, options={"temperature": 1, "maxTokens": 5}) == ("openai", "gpt-4o-mini")
        assert _asked(upstream) == (1, 5)
        assert chosen(gateway, model="gpt-4o") == ("openai", "gpt-4o")
        assert gateway.chat("gpt-4o").status == 200  # on the clients' APIs as well
        assert _asked(upstream) == (0.25, 77)
        assert ask(gateway, "PUT", "/api/preferences", {}).status == 200
        gateway.chat("gpt-4o")
        assert _asked(upstream) == (None, None)


def _asked(upstream: Upstream) -> tuple[float | None, int | None]:
    body = json.loads(upstream.received[-1].body)
    return body.get("temperature"), body.get("max_tokens", body.get("max_completion_tokens"))


def test_a_strategy_goes_before_the_default_model(settings: str, store: StoreConfig) -> None:
    with serving(settings, store=store) as gateway:
        ask(gateway, "PUT", "/api/preferences", {"defaults": {"model": "no-such-model"}})
        assert ask(gateway, "POST", "/api/models/generate", AUTO).status == 404
        assert chosen(gateway, context={"strategy": "cost"})
        ask(gateway, "PUT", "/api/preferences", {"strategy": "cost", "defaults": {"model": "no-such-model"}})
        assert chosen(gateway)


@pytest.mark.parametrize(
    ("defaults", "param"),
    [
        ({"temperature": 3}, "defaults.temperature"),
        ({"maxTokens": 0}, "defaults.maxTokens"),
        ({"model": 5}, "defaults.model"),
    ],
)
def test_defaults_that_could_not_work_are_refused(
    settings: str, store: StoreConfig, defaults: Json, param: str
) -> None:
    with serving(settings, store=store) as gateway:
        refused = ask(gateway, "PUT", "/api/preferences", {"defaults": defaults})
        assert (refused.status, refused.error["param"]) == (400, param)

"""What a user brings along is used for its requests alone, is shown to nobody, and hurts nobody else's."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.api.test_isolation import ADMIN_KEY, As, caller
from tests.support.databases import config_for, make
from tests.support.gateway import chat_body, provider, serving
from tests.support.openai_wire import answer, refusal
from tests.support.upstream import Upstream

OPERATORS = "sk-operator-0123456789abcdefghij"
ANNS = "sk-anns-own-0123456789abcdefghij"
SECRET = {"WYE_SECRET_KEY": "a secret for these tests"}


@pytest.fixture(scope="module")
def _upstream() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


@pytest.fixture
def upstream(_upstream: Upstream) -> Upstream:
    _upstream.received.clear()
    _upstream.handler = lambda _: answer()
    return _upstream


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("own") / "wye.db"
    make(f"sqlite:///{found}")
    return found


@pytest.fixture(scope="module")
def admin(_upstream: Upstream, file: Path) -> Iterator[As]:
    settings = [
        f'[server]\nadmin_key = "{ADMIN_KEY}"\n[identity]\nprivate_endpoints = true\n',
        provider("openai", _upstream.url, f'api_keys = ["{OPERATORS}"]', 'headers = { x-inside = "operators-header" }'),
        "[breaker]\nfailure_threshold = 2\n[retry]\nmax_retries = 0\n",
    ]
    with serving("\n".join(settings), environ=SECRET, store=config_for(f"sqlite:///{file}")) as running:
        yield As(running, ADMIN_KEY)


@pytest.fixture
def ann(admin: As) -> Iterator[As]:
    someone = caller(admin, "ann")
    yield someone
    for model in someone("GET", "/api/models/own").json["models"]:
        someone("DELETE", f"/api/models/{model['id']}")
    someone("DELETE", "/api/provider-keys/openai")


@pytest.fixture
def bob(admin: As) -> As:
    return caller(admin, "bob")


def chat(who: As, model: str) -> Any:
    return who("POST", "/v1/chat/completions", chat_body(model))


def sent_keys(upstream: Upstream) -> list[str]:
    return [request.headers["authorization"].removeprefix("Bearer ") for request in upstream.received]


def test_an_own_key_takes_the_operators_place_for_its_user_alone(ann: As, bob: As, upstream: Upstream) -> None:
    told = ann("PUT", "/api/provider-keys/openai", {"apiKey": ANNS})
    assert (told.status, told.json["apiKey"]) == (200, "sk-anns…ghij")
    assert chat(ann, "openai/gpt-4o-mini").status == 200
    assert chat(bob, "openai/gpt-4o-mini").status == 200
    assert sent_keys(upstream) == [ANNS, OPERATORS]
    assert "x-inside" not in upstream.received[0].headers
    assert upstream.received[1].headers["x-inside"] == "operators-header"
    assert ann("DELETE", "/api/provider-keys/openai").status == 204
    assert chat(ann, "openai/gpt-4o-mini").status == 200
    assert sent_keys(upstream)[-1] == OPERATORS


def test_the_models_that_an_own_key_opens_are_available_to_its_user_alone(ann: As, bob: As) -> None:
    ann("PUT", "/api/provider-keys/anthropic", {"apiKey": "sk-ant-anns-own-0123456789abcdefghij"})
    there = "/api/llm-providers/models?provider=anthropic&available=true"
    assert ann("GET", there).json["models"]
    assert bob("GET", there).json["models"] == []
    wish = {"capabilities": ["vision"], "provider": "anthropic"}
    found = [who("POST", "/api/llm-providers/models/recommend", wish).json["recommendation"] for who in (ann, bob)]
    assert [one["available"] for one in found] == [True, False]
    assert ann("DELETE", "/api/provider-keys/anthropic").status == 204
    assert ann("GET", there).json["models"] == []


def test_a_users_bad_key_is_held_against_nobody_else(ann: As, bob: As, upstream: Upstream) -> None:
    ann("PUT", "/api/provider-keys/openai", {"apiKey": ANNS})
    upstream.handler = lambda request: (
        refusal(401, "no such key") if ANNS in request.headers["authorization"] else answer()
    )
    for _ in range(4):
        assert chat(ann, "openai/gpt-4o-mini").status >= 400
    assert chat(bob, "openai/gpt-4o-mini").status == 200
    status = As(bob.gateway, ADMIN_KEY)("GET", "/api/llm-providers/status").json["providers"]["openai"]
    assert [key["status"] for key in status["keys"]] == ["healthy"]
    assert ANNS not in json.dumps(status)


def test_an_own_model_is_there_for_its_user_alone(ann: As, bob: As, upstream: Upstream) -> None:
    model = ann.made(
        "/api/models",
        name="my model",
        provider="custom",
        modelId="llama",
        baseUrl=upstream.url,
        apiKey=ANNS,
        config={"temperature": 0.5, "inputCostPerMillion": 1.0, "outputCostPerMillion": 2.0},
    )
    assert model["apiKey"] == "sk-anns…ghij"
    for name in ("my model", model["id"]):
        answered = chat(ann, name)
        assert answered.status == 200, answered.body
        assert answered.headers["x-wye-model"] == "llama"
        assert "x-wye-cost-usd" in answered.headers
        assert chat(bob, name).status == 404
    assert [request.json["model"] for request in upstream.received] == ["llama", "llama"]
    assert upstream.received[0].json["temperature"] == 0.5
    assert set(sent_keys(upstream)) == {ANNS}
    listed = {row["id"] for row in ann("GET", "/v1/models").json["data"]}
    assert {"my model", model["id"]} <= listed
    assert not {row["id"] for row in bob("GET", "/v1/models").json["data"]} & {"my model", model["id"]}
    tried = ann("POST", f"/api/models/{model['id']}/test").json
    assert (tried["ok"], tried["provider"]) == (True, "custom")


@pytest.mark.parametrize(
    ("method", "tail", "body"),
    [("GET", "", None), ("PATCH", "", {"name": "mine"}), ("DELETE", "", None), ("POST", "/test", None)],
)
def test_anothers_model_is_not_there(ann: As, bob: As, upstream: Upstream, method: str, tail: str, body: Any) -> None:
    model = ann.made("/api/models", name="target", provider="custom", modelId="x", baseUrl=upstream.url, apiKey=ANNS)
    refused = bob(method, f"/api/models/{model['id']}{tail}", body)
    assert refused.status == 404
    assert ann("GET", f"/api/models/{model['id']}").json == model
    assert bob("GET", "/api/models/own").json["models"] == []
    assert bob("GET", "/api/provider-keys").json["providerKeys"] == []


def test_the_operators_key_is_lent_to_no_address_of_a_users(ann: As, upstream: Upstream) -> None:
    ann.made("/api/models", name="trap", provider="openai", modelId="gpt-4o-mini", baseUrl=upstream.url)
    assert chat(ann, "trap").status == 404
    assert upstream.received == []


def test_another_address_drops_the_key(ann: As, upstream: Upstream) -> None:
    model = ann.made("/api/models", name="moves", provider="custom", modelId="x", baseUrl=upstream.url, apiKey=ANNS)
    moved = ann("PATCH", f"/api/models/{model['id']}", {"baseUrl": f"{upstream.url}/elsewhere"}).json

    assert moved["apiKey"] is None
    chat(ann, "moves")
    assert "authorization" not in upstream.received[-1].headers
    both = ann("PATCH", f"/api/models/{model['id']}", {"baseUrl": upstream.url, "apiKey": ANNS}).json
    assert both["apiKey"] == "sk-anns…ghij"


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"apiKey": "env:OPENAI_API_KEY"}, "apiKey"),
        ({"apiKey": "'sk-quoted-0123456789abcdefghij'"}, "apiKey"),
        ({"apiKey": "two words"}, "apiKey"),
        ({"provider": "none-such"}, "provider"),
        ({"provider": "mock"}, "provider"),
        ({"provider": "bedrock"}, "provider"),
        ({"baseUrl": "ftp://example.com"}, "baseUrl"),
        ({"baseUrl": "https://user:pass@example.com/v1"}, "baseUrl"),
        ({"baseUrl": "https://example.com/v1?x=1"}, "baseUrl"),
        ({"baseUrl": "https://[broken"}, "baseUrl"),
        ({"baseUrl": None}, "baseUrl"),
        ({"name": "gpt-4o-mini"}, "name"),
        ({"name": "auto"}, "name"),
        ({"name": "a/b"}, "name"),
    ],
)
def test_what_cannot_be_is_refused_and_names_the_member(ann: As, members: dict[str, Any], param: str) -> None:
    body = {"name": "x", "provider": "custom", "modelId": "x", "baseUrl": "https://example.com/v1", **members}
    refused = ann("POST", "/api/models", body)
    assert (refused.status, refused.error["param"]) == (400, param), refused.body


def test_nothing_of_a_key_is_in_the_database_the_log_or_the_audit(ann: As, upstream: Upstream, file: Path) -> None:
    ann.made("/api/models", name="kept", provider="custom", modelId="x", baseUrl=upstream.url, apiKey=ANNS)
    ann("PUT", "/api/provider-keys/openai", {"apiKey": ANNS})
    upstream.handler = lambda _: refusal(401, f"the key {ANNS} is wrong")
    failed = chat(ann, "kept")
    rows = sqlite3.connect(file)
    written = "\n".join(rows.iterdump())
    rows.close()
    assert "w1." in written
    for text in (written, ann.gateway.log, failed.body.decode(), ann("GET", "/api/audit").body.decode()):
        assert ANNS not in text


def test_private_addresses_are_refused_where_the_operator_did_not_allow_them(tmp_path: Path) -> None:
    make(f"sqlite:///{tmp_path}/wye.db")
    with serving(environ=SECRET, store=config_for(f"sqlite:///{tmp_path}/wye.db")) as gateway:
        for url in ("https://127.0.0.1/v1", "https://169.254.169.254/latest", "https://localhost", "https://[::1]/v1"):
            body = {"name": "x", "provider": "custom", "modelId": "x", "baseUrl": url}
            refused = gateway.request("POST", "/api/models", json.dumps(body).encode())
            assert (refused.status, refused.error["code"]) == (400, "address_refused"), url
        named = {"name": "x", "provider": "custom", "modelId": "x", "baseUrl": "https://localtest.invalid/v1"}
        assert gateway.request("POST", "/api/models", json.dumps(named).encode()).status == 201


def test_without_a_secret_key_nothing_is_kept_and_the_operator_is_told(tmp_path: Path) -> None:
    make(f"sqlite:///{tmp_path}/wye.db")
    with serving(store=config_for(f"sqlite:///{tmp_path}/wye.db")) as gateway:
        body = json.dumps({"apiKey": ANNS}).encode()
        refused = gateway.request("PUT", "/api/provider-keys/openai", body)
        assert (refused.status, refused.error["code"]) == (503, "secret_key_missing")
        assert "WYE_SECRET_KEY" in refused.error["message"]

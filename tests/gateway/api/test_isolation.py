"""Nobody reaches another's things by any route, gives away more than it has, or does what its scopes do not say."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.databases import config_for
from tests.support.gateway import Answer, Running, chat_body, serving

ADMIN_KEY = "wye-admin-0123456789abcdefghij"


class As:
    """Asks a gateway with a key."""

    def __init__(self, gateway: Running, key: str) -> None:
        self.gateway = gateway
        self.key = key

    def __call__(self, method: str, path: str, body: Any = None) -> Answer:
        sent = None if body is None else json.dumps(body).encode()
        return self.gateway.request(method, path, sent, {"authorization": f"Bearer {self.key}"})

    def made(self, path: str, **body: Any) -> Any:
        answer = self("POST", path, body)
        assert answer.status == 201, answer.body
        return answer.json


@pytest.fixture(scope="module")
def admin(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[As]:
    file = tmp_path_factory.mktemp("isolation") / "wye.db"
    shutil.copy(sqlite_template, file)
    settings = f'[server]\nadmin_key = "{ADMIN_KEY}"\n'
    environ = {"WYE_SECRET_KEY": "a secret for these tests"}
    with serving(settings, environ=environ, store=config_for(f"sqlite:///{file}")) as running:
        yield As(running, ADMIN_KEY)


def caller(admin: As, user: str, scopes: list[str] | None = None, **key: Any) -> As:
    """Return somebody with a key of its own, who is added where it is not there yet."""
    if admin("GET", f"/api/users/{user}").status == 404:
        team = admin.made("/api/teams", name=f"team of {user}", id=f"t-{user}")["id"]
        admin.made("/api/users", name=user, id=user, teamId=team)
    scopes = ["use", "read", "manage"] if scopes is None else scopes
    return As(admin.gateway, admin.made("/api/keys", userId=user, scopes=scopes, **key)["key"])


@pytest.fixture(scope="module")
def ann(admin: As) -> As:
    return caller(admin, "ann")


@pytest.fixture(scope="module")
def bob(admin: As) -> As:
    return caller(admin, "bob")


CROSSING = [
    ("GET", "/api/keys/{key}", None),
    ("PATCH", "/api/keys/{key}", {"name": "mine"}),
    ("DELETE", "/api/keys/{key}", None),
    ("POST", "/api/keys/{key}/rotate", None),
    ("GET", "/api/users/ann", None),
    ("GET", "/api/teams/t-ann", None),
]


@pytest.mark.parametrize(("method", "path", "body"), CROSSING, ids=[f"{m} {p}" for m, p, _ in CROSSING])
def test_anothers_things_are_not_there(ann: As, bob: As, method: str, path: str, body: Any) -> None:
    key = ann.made("/api/keys", name="target")
    path = path.replace("{key}", key["id"])
    refused = bob(method, path, body)
    assert refused.status == 404, refused.body
    assert "ann" not in refused.error["message"].replace(path, "").replace("'ann'", "").replace("'t-ann'", "")
    there = ann("GET", f"/api/keys/{key['id']}").json
    assert (there["status"], there["name"], there["prefix"]) == ("active", "target", key["prefix"])


def test_lists_hold_ones_own_things_only(ann: As, bob: As) -> None:
    ann.made("/api/keys", name="seen by ann alone")
    assert {key["userId"] for key in ann("GET", "/api/keys").json["keys"]} == {"ann"}
    assert {key["userId"] for key in bob("GET", "/api/keys?userId=ann").json["keys"]} == {"bob"}
    assert {key["userId"] for key in bob("GET", "/api/keys?teamId=t-ann").json["keys"]} <= {"bob"}
    assert {change["userId"] for change in bob("GET", "/api/audit").json["changes"]} <= {"bob"}
    assert {change["userId"] for change in ann("GET", "/api/audit?target=key").json["changes"]} == {"ann"}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/users", None),
        ("POST", "/api/users", {"name": "x"}),
        ("PATCH", "/api/users/bob", {"scopes": ["admin"]}),
        ("GET", "/api/teams", None),
        ("POST", "/api/teams", {"name": "x"}),
        ("PATCH", "/api/teams/t-bob", {"enabled": False}),
        ("GET", "/api/preferences?userId=ann", None),
        ("PUT", "/api/preferences?userId=ann", {}),
        ("POST", "/api/keys", {"userId": "ann"}),
        ("POST", "/api/keys", {"scopes": ["admin"]}),
        ("POST", "/api/keys", {"teamId": "t-ann"}),
        ("POST", "/api/llm-providers/switch", {"provider": "mock"}),
        ("POST", "/api/llm-providers/models/refresh", {}),
        ("POST", "/api/llm-providers/test", {"provider": "mock"}),
        ("POST", "/api/models/test", {"provider": "mock"}),
    ],
)
def test_what_is_for_admins_is_refused_to_others(ann: As, bob: As, method: str, path: str, body: Any) -> None:
    refused = bob(method, path, body)
    assert (refused.status, refused.error["type"]) == (403, "permission_error"), refused.body


def test_a_key_cannot_give_more_than_it_has(admin: As) -> None:
    bound = {
        "models": ["mock/*"],
        "providers": ["mock"],
        "limits": {"requestsPerMinute": 5},
        "tags": ["project"],
        "expiresAt": "2099-01-01T00:00:00Z",
    }
    strong = admin.made("/api/keys", userId="ann", scopes=["use", "read", "manage"])
    weak = caller(admin, "ann", ["manage", "use"], **bound)
    inherited = weak.made("/api/keys", name="child", scopes=["use"])
    assert {name: inherited[name] for name in bound} == bound
    beyond: list[dict[str, Any]] = [
        {"models": None},
        {"models": ["mock/*", "openai/*"]},
        {"providers": None},
        {"limits": None},
        {"limits": {"requestsPerMinute": 6}},
        {"limits": {"requestsPerDay": 1}},
        {"tags": []},
        {"expiresAt": None},
        {"expiresAt": "2099-01-01T00:00:01Z"},
        {"scopes": ["read"]},
    ]
    for more in beyond:
        assert weak("POST", "/api/keys", {"scopes": ["use"], **more}).status == 403, more
        assert weak("PATCH", f"/api/keys/{inherited['id']}", more).status == 403, more
    assert weak("POST", f"/api/keys/{strong['id']}/rotate").status == 403
    assert weak("PATCH", f"/api/keys/{strong['id']}", {"name": "x"}).status == 403
    assert weak("DELETE", f"/api/keys/{strong['id']}").status == 200  # whoever finds a key lost may close it


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        (["use"], {"chat", "models", "providers"}),
        (["read"], {"models", "providers", "keys"}),
        (["manage"], {"keys", "create", "audit"}),
        ([], set()),
    ],
)
def test_nothing_works_without_its_scope(admin: As, scopes: list[str], allowed: set[str]) -> None:
    asks = caller(admin, "ann", scopes)
    answers = {
        "chat": asks("POST", "/v1/chat/completions", chat_body("mock-fast")),
        "models": asks("GET", "/v1/models"),
        "providers": asks("GET", "/api/llm-providers/status"),
        "keys": asks("GET", "/api/keys"),
        "create": asks("POST", "/api/keys", {"scopes": scopes}),
        "audit": asks("GET", "/api/audit"),
    }
    assert {name for name, answer in answers.items() if answer.status in {200, 201}} == allowed
    assert {answer.status for name, answer in answers.items() if name not in allowed} == {403}


def test_what_is_inside_is_shown_to_admins_alone(admin: As, bob: As) -> None:
    told = bob("GET", "/api/llm-providers/status").json["providers"]
    assert not any(one["keys"] or one["baseUrl"] for one in told.values())
    assert any(one["baseUrl"] for one in admin("GET", "/api/llm-providers/status").json["providers"].values())


def test_allowed_models_hold_on_every_wire_and_in_every_list(admin: As) -> None:
    asks = caller(admin, "ann", ["use"], models=["mock/mock-fast"])
    body = {"model": "mock-slow", "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]}
    for path in ("/v1/chat/completions", "/v1/messages", "/api/models/generate"):
        sent = body if path.startswith("/v1") else {"model": "mock-slow", "prompt": "Hi"}
        refused = asks("POST", path, sent)
        assert refused.status == 403, (path, refused.body)
        assert "mock/mock-fast" in refused.error["message"]
    assert asks("POST", "/v1/chat/completions", chat_body("mock-fast")).status == 200
    rows = [one["id"] for one in asks("GET", "/v1/models").json["data"] if one["owned_by"] != "wye"]
    assert rows == ["mock/mock-fast"]
    assert asks("GET", "/v1/models/mock-slow").status == 403


def test_every_change_is_in_the_audit_log_with_who_made_it(admin: As) -> None:
    mine = caller(admin, "ann")
    key = mine.made("/api/keys", name="watched")
    mine("PATCH", f"/api/keys/{key['id']}", {"name": "renamed"})
    mine("POST", f"/api/keys/{key['id']}/rotate")
    admin("DELETE", f"/api/keys/{key['id']}")
    found = admin("GET", f"/api/audit?target=key&targetId={key['id']}").json["changes"]
    told = [(one["action"], one["userId"]) for one in reversed(found)]
    assert told == [("create", "ann"), ("update", "ann"), ("rotate", "ann"), ("revoke", "admin")]
    assert found[2]["before"]["name"] == "watched"
    assert found[2]["after"]["name"] == "renamed"
    assert key["key"].rpartition("-")[2] not in json.dumps(found)


@pytest.mark.parametrize("form", ["authorization", "x-api-key", "x-goog-api-key", "api-key"])
def test_every_clients_form_of_header_signs_in(admin: As, form: str) -> None:
    key = admin.made("/api/keys", userId="ann")["key"]
    value = f"Bearer {key}" if form == "authorization" else key
    assert admin.gateway.get("/v1/models", {form: value}).status == 200
    assert admin.gateway.get("/v1/models", {form: value[:-1]}).status == 401


def test_a_key_in_the_query_signs_in_where_googles_clients_write_it_and_is_not_logged(admin: As) -> None:
    key = admin.made("/api/keys", userId="ann")["key"]
    answer = admin.gateway.get(f"/v1beta/models?key={key}")
    assert answer.status == 200
    admin.gateway.wait_line(request_id=answer.headers.get("x-request-id", ""))
    assert key.rpartition("-")[2] not in admin.gateway.log

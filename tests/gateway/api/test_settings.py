"""`/api/settings`: what is in force and from where, changed for every replica, and never what only the file may say."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.databases import config_for
from tests.support.gateway import Answer, Json, Running, serving

ADMIN = {"authorization": "Bearer 0123456789-CANARY-0123456789"}


@pytest.fixture
def gateway(sqlite_template: Path, tmp_path: Path) -> Iterator[Running]:
    file = tmp_path / "wye.db"
    shutil.copy(sqlite_template, file)
    written = "[routing]\ndeadline = 50\n[providers.openai]\napi_keys = ['sk-0123456789-CANARY-0123456789-012345']\n"
    environ = {"WYE_ADMIN_KEY": ADMIN["authorization"].removeprefix("Bearer "), "OPENAI_MODEL": "gpt-4o"}
    with serving(written, environ=environ, store=config_for(f"sqlite:///{file}")) as running:
        yield running


def put(gateway: Running, key: str, value: Json, **more: Json) -> Answer:
    body = json.dumps({"key": key, "value": value, **more}).encode()
    return gateway.request("PUT", "/api/settings", body, ADMIN)


def remove(gateway: Running, key: str) -> Answer:
    return gateway.request("DELETE", f"/api/settings?key={key}", None, ADMIN)


def in_force(gateway: Running) -> dict[str, Json]:
    answer = gateway.get("/api/settings", ADMIN)
    assert answer.status == 200
    assert "CANARY" not in answer.body.decode()
    return {one["key"]: one for one in answer.json["settings"]}


def test_settings_are_listed_with_where_they_are_from_and_without_secrets(gateway: Running) -> None:
    found = in_force(gateway)
    assert (found["routing.deadline"]["value"], found["routing.deadline"]["version"]) == (50, None)
    assert found["routing.deadline"]["origin"].startswith("file ")
    assert found["retry.max_retries"]["origin"] == "default"
    assert found["routing.deadline"]["changeable"]
    assert not found["server.port"]["changeable"]
    waiting = {key for key, one in found.items() if one["needsRestart"]}
    assert {"server.port", "store.url", "metrics.max_models", "telemetry.enabled"} <= waiting
    assert not {"telemetry.content", "cache.ttl", "routing.deadline"} & waiting


def test_answers_are_kept_from_when_that_is_said_until_it_is_taken_back(gateway: Running) -> None:
    def verdicts() -> list[str | None]:
        return [gateway.chat("mock-fast", "same", headers=ADMIN).headers.get("x-wye-cache") for _ in range(2)]

    assert verdicts() == [None, None]
    assert put(gateway, "cache.enabled", value=True).status == 200
    assert verdicts() == ["miss", "hit"]
    assert put(gateway, "cache.share", "team").status == 200
    assert verdicts() == ["miss", "hit"], "what was kept in memory went"
    remove(gateway, "cache.enabled")
    assert verdicts() == [None, None]


def test_a_setting_is_changed_used_at_once_and_taken_back(gateway: Running) -> None:
    assert gateway.chat("quick", headers=ADMIN).status == 404
    answer = put(gateway, "aliases.quick", ["mock/mock-fast"])
    assert answer.status == 200
    told = answer.json
    assert (told["value"], told["origin"], told["version"]) == (["mock/mock-fast"], "runtime setting", 1)
    assert told["updatedBy"] == "admin"
    assert gateway.chat("quick", headers=ADMIN).status == 200
    assert put(gateway, "aliases.quick", ["mock/mock-slow"]).json["version"] == 2
    assert remove(gateway, "aliases.quick").json == {"key": "aliases.quick", "deleted": True}
    assert gateway.chat("quick", headers=ADMIN).status == 404
    assert (remove(gateway, "aliases.quick").status, remove(gateway, "aliases.quick").error["code"]) == (
        404,
        "setting_not_found",
    )


def test_the_file_says_it_again_once_a_setting_is_removed(gateway: Running) -> None:
    assert put(gateway, "routing.deadline", 12.5).status == 200
    assert in_force(gateway)["routing.deadline"]["value"] == 12.5
    remove(gateway, "routing.deadline")
    assert in_force(gateway)["routing.deadline"]["value"] == 50


def test_a_setting_that_the_environment_overrules_is_kept_and_says_so(gateway: Running) -> None:
    told = put(gateway, "providers.openai.default_model", "gpt-4o-mini").json
    assert (told["value"], told["origin"], told["version"]) == ("gpt-4o", "environment OPENAI_MODEL", 1)


def test_what_keys_are_hashed_with_is_nobodys_to_see(gateway: Running) -> None:
    body = json.dumps({"name": "one"}).encode()
    assert gateway.request("POST", "/api/keys", body, ADMIN).status == 201  # the pepper is made for the first key
    assert not [key for key in in_force(gateway) if key.startswith("_")]
    assert put(gateway, "_pepper", "x").status == 400
    assert remove(gateway, "_pepper").status == 404
    assert put(gateway, "routing.deadline", 5).status == 200  # and it stands in nobody's way


@pytest.mark.parametrize("key", ["server.admin_key", "providers.openai.api_keys", "providers.openai.base_url", "x"])
def test_what_only_the_file_may_say_is_refused(gateway: Running, key: str) -> None:
    answer = put(gateway, key, "http://127.0.0.1")
    assert (answer.status, answer.error["code"], answer.error["param"]) == (400, "setting_not_changeable", "key")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("routing.stratgy", "cost", "strategy"),
        ("routing.strategy", "cheapest-ever", "strategy"),
        ("routing.deadline", -1, "deadline"),
        ("routing.deadline", "env:HOME", "settings file only"),
        ("providers.nobody.timeout", 5, "nobody"),
        ("aliases.a", [], "aliases.a"),
    ],
)
def test_what_could_not_work_is_refused_before_anybody_has_it(
    gateway: Running, key: str, value: Json, said: str
) -> None:
    before = in_force(gateway)
    answer = put(gateway, key, value)
    assert (answer.status, answer.error["code"]) == (400, "invalid_setting")
    assert said in answer.error["message"]
    assert in_force(gateway) == before


def test_a_change_made_from_an_old_version_is_refused(gateway: Running) -> None:
    assert put(gateway, "routing.deadline", 5, version=0).status == 200
    late = put(gateway, "routing.deadline", 6, version=0)
    assert (late.status, late.error["code"]) == (400, "version_conflict")
    assert in_force(gateway)["routing.deadline"]["value"] == 5


def test_every_change_is_in_the_audit_log(gateway: Running) -> None:
    put(gateway, "routing.deadline", 5)
    put(gateway, "routing.deadline", 6)
    remove(gateway, "routing.deadline")
    changes = gateway.get("/api/audit?target=setting", ADMIN).json["changes"]
    assert [(one["action"], one["before"], one["after"]) for one in changes] == [
        ("delete", 6, None),
        ("update", 5, 6),
        ("create", None, 5),
    ]
    assert {one["targetId"] for one in changes} == {"routing.deadline"}


def test_only_admins_see_and_change_settings(gateway: Running) -> None:
    body = json.dumps({"name": "other", "scopes": ["use", "read", "manage"]}).encode()
    key = gateway.request("POST", "/api/keys", body, ADMIN).json["key"]
    theirs = {"authorization": f"Bearer {key}"}
    for method, path, sent in (
        ("GET", "/api/settings", None),
        ("PUT", "/api/settings", b'{"key": "routing.deadline", "value": 5}'),
        ("DELETE", "/api/settings?key=routing.deadline", None),
    ):
        assert gateway.request(method, path, sent, theirs).status == 403

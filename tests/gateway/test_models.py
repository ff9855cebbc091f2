"""`/v1/models` lists what can be asked for, `/v1/models/{id}` shows what a name would reach."""

import pytest
from tests.support.gateway import Running, provider, serving
from tests.support.upstream import Upstream


def test_the_models_of_providers_in_use_are_listed_with_aliases_and_auto(gateway: Running) -> None:
    listed = gateway.get("/v1/models")
    assert listed.status == 200
    assert listed.json["object"] == "list"
    rows = {row["id"]: row for row in listed.json["data"]}
    named = {"either", "up/priced", "mock/mock-fast", "mock/mock-slow", "mock/mock-embed"}
    assert named == {name for name in rows if not name.startswith("auto")}
    assert {"auto", "auto:cost", "auto:round-robin", "auto:coding"} <= rows.keys()
    assert all({"id", "object", "created", "owned_by"} <= row.keys() for row in rows.values())
    assert all(row["object"] == "model" for row in rows.values())
    assert rows["either"]["owned_by"] == "wye"
    assert rows["up/priced"]["owned_by"] == "up"
    assert rows["up/priced"]["input_cost_per_million"] == 1.0
    assert rows["mock/mock-fast"]["capabilities"] == sorted(rows["mock/mock-fast"]["capabilities"])


def test_with_a_providers_key_its_models_are_listed() -> None:
    with serving(environ={"OPENAI_API_KEY": "sk-test"}) as gateway:
        listed = {row["id"] for row in gateway.get("/v1/models").json["data"]}
        assert "openai/gpt-4o-mini" in listed
        assert not any(name.startswith("anthropic/") for name in listed)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("mock/mock-fast", "mock/mock-fast"),
        ("mock-fast", "mock/mock-fast"),
        ("mock:mock-fast", "mock/mock-fast"),
        ("mock%2Fmock-fast", "mock/mock-fast"),
        ("up/priced", "up/priced"),
    ],
)
def test_a_model_is_shown_by_any_of_its_names(gateway: Running, asked: str, told: str) -> None:
    shown = gateway.get(f"/v1/models/{asked}")
    assert shown.status == 200
    assert shown.json["id"] == told
    assert shown.json == next(row for row in gateway.get("/v1/models").json["data"] if row["id"] == told)


def test_a_name_with_several_slashes_is_one_name(upstream: Upstream) -> None:
    settings = provider("openrouter", upstream.url, 'api_keys = ["sk-or-test"]')
    with serving(settings) as gateway:
        shown = gateway.get("/v1/models/openrouter/anthropic/claude-sonnet-4.5")
        assert shown.json["id"] == "openrouter/anthropic/claude-sonnet-4.5"


@pytest.mark.parametrize("name", ["auto", "auto:quality", "either"])
def test_what_is_listed_is_shown_under_its_own_name(gateway: Running, name: str) -> None:
    shown = gateway.get(f"/v1/models/{name}")
    assert shown.status == 200
    assert shown.json == next(row for row in gateway.get("/v1/models").json["data"] if row["id"] == name)


@pytest.mark.parametrize("name", ["none-such", "up/none-such", "anthropic/claude-sonnet-4-5", "", "%20"])
def test_a_model_that_is_not_there_is_a_404(gateway: Running, name: str) -> None:
    refused = gateway.get(f"/v1/models/{name}")
    assert (refused.status, refused.error["code"]) == (404, "model_not_found")


def test_every_model_listed_is_shown() -> None:
    with serving(environ={"OPENROUTER_API_KEY": "sk-or-test"}) as gateway:
        listed = gateway.get("/v1/models").json["data"]
        shown = [gateway.get(f"/v1/models/{row['id']}").json for row in listed]
        assert len(listed) > 20
        assert shown == listed


def test_health_is_ok_and_readiness_ends_when_the_server_is_told_to_stop() -> None:
    with serving() as gateway:
        assert gateway.get("/healthz").json == {"status": "ok"}
        assert (gateway.get("/readyz").status, gateway.get("/readyz").json) == (200, {"status": "ready", "state": "ok"})
        gateway.gateway.ready = False
        assert (gateway.get("/readyz").status, gateway.get("/readyz").json) == (
            503,
            {"status": "stopping", "state": "ok"},
        )
        assert gateway.get("/healthz").status == 200


def test_the_root_says_where_things_are(gateway: Running) -> None:
    assert gateway.get("/").json["api"] == "/v1"

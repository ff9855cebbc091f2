"""The OpenAPI document says what there is, with examples that work; nothing that fits it breaks the gateway."""

import base64
import hashlib
import json
import os
import re
import secrets
import shutil
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
import tools.write_openapi as writer
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from schemathesis import GenerationMode
from tests.gateway.api.conftest import PREFIXES, Api
from tests.support.databases import config_for
from tests.support.gateway import Answer, Json, Running, serving
from tests.support.postgres import Server

from wye.gateway.api.application import build
from wye.gateway.api.reference import document

DOCUMENT: Json = document(build())
OPERATIONS = [(method, path) for path, operations in DOCUMENT["paths"].items() for method in operations]
BODIES = [
    (method, path, name, example["value"])
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
    if "requestBody" in operation
    for name, example in operation["requestBody"]["content"].get("application/json", {}).get("examples", {}).items()
]
ROUTES = {
    "get": [
        "models",
        "models/{provider}/{model}",
        "models/stats",
        "status",
        "providers",
        "telemetry",
        "telemetry/insights",
        "telemetry/export",
    ],
    "patch": ["providers/{provider_id}"],
    "delete": ["providers/{provider_id}"],
    "post": [
        "models/recommend",
        "models/refresh",
        "discover",
        "switch",
        "providers",
        "test",
        "explain",
        "telemetry/reset",
        "replay",
    ],
}
SECRET = {"WYE_SECRET_KEY": "a secret for these tests"}
OWN = {"provider": "custom", "modelId": "x", "baseUrl": "https://llm.invalid/v1"}
PEOPLE = {
    ("get", "/api/keys"), ("post", "/api/keys"), ("get", "/api/keys/{key_id}"), ("patch", "/api/keys/{key_id}"),
    ("delete", "/api/keys/{key_id}"), ("post", "/api/keys/{key_id}/rotate"), ("get", "/api/users"),
    ("post", "/api/users"), ("get", "/api/users/{user_id}"), ("patch", "/api/users/{user_id}"), ("get", "/api/teams"),
    ("post", "/api/teams"), ("get", "/api/teams/{team_id}"), ("patch", "/api/teams/{team_id}"),
    ("get", "/api/budgets"), ("post", "/api/budgets"), ("get", "/api/budgets/{budget_id}"),
    ("patch", "/api/budgets/{budget_id}"), ("delete", "/api/budgets/{budget_id}"), ("get", "/api/limits"),
    ("put", "/api/limits/users/{user_id}"), ("put", "/api/limits/teams/{team_id}"),
    ("post", "/api/datasets/validate"), ("post", "/api/evaluations/judge"), ("get", "/api/evaluations"),
    ("get", "/api/preferences"), ("put", "/api/preferences"), ("get", "/api/audit"),
    ("get", "/api/settings"), ("put", "/api/settings"), ("delete", "/api/settings"),
    ("get", "/api/models/own"), ("post", "/api/models"), ("get", "/api/models/{model_id}"),
    ("patch", "/api/models/{model_id}"), ("delete", "/api/models/{model_id}"), ("post", "/api/models/{model_id}/test"),
    ("get", "/api/provider-keys"), ("put", "/api/provider-keys/{provider}"),
    ("delete", "/api/provider-keys/{provider}"),
    ("get", "/api/session"), ("post", "/api/session"), ("delete", "/api/session"),
    ("get", "/api/documents"), ("post", "/api/documents"), ("get", "/api/documents/search"),
    ("get", "/api/documents/{document_id}"), ("delete", "/api/documents/{document_id}"),
    ("get", "/v1/files"), ("post", "/v1/files"), ("get", "/v1/files/{file_id}"), ("delete", "/v1/files/{file_id}"),
    ("get", "/v1/files/{file_id}/content"), ("get", "/v1/batches"), ("post", "/v1/batches"),
    ("get", "/v1/batches/{batch_id}"), ("post", "/v1/batches/{batch_id}/cancel"),
}  # fmt: skip
TALK = "/api/conversations/{conversation_id}"
TALKS = {
    ("post", "/api/chat"), ("post", "/api/chat/stream"), ("post", "/api/chat/message"),
    ("post", "/api/chat/message/stream"), ("post", "/api/analytics/chat"), ("post", "/api/analytics/chat/stream"),
    ("get", "/api/agents"), ("get", "/api/conversations"), ("post", "/api/conversations"),
    ("delete", "/api/conversations"), ("get", TALK), ("patch", TALK), ("delete", TALK), ("get", f"{TALK}/messages"),
    ("post", f"{TALK}/messages/{{message_id}}/edit"), ("post", f"{TALK}/messages/{{message_id}}/edit/stream"),
    ("post", f"{TALK}/regenerate"), ("post", f"{TALK}/regenerate/stream"), ("get", f"{TALK}/export"),
    ("get", f"{TALK}/attachments/{{attachment_id}}"), ("post", "/api/conversations/generate-title"),
}  # fmt: skip
BARE = {"get": ["", "/providers", "/stats"], "post": ["/generate", "/stream", "/test"]}

USAGE = ["", "/models", "/requests", "/requests/{request_id}", "/live"]


@pytest.fixture(scope="module")
def alone(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Serve with no settings but a database, where the mock answers."""
    file = tmp_path_factory.mktemp("alone") / "wye.db"
    shutil.copy(sqlite_template, file)
    with serving(environ=SECRET, store=config_for(f"sqlite:///{file}")) as running:
        yield running


@pytest.fixture(scope="module")
def on_postgres(postgres: Server, postgres_template: str) -> Iterator[Running]:
    """Serve the same with PostgreSQL."""
    postgres.psql(f"CREATE DATABASE reference TEMPLATE {postgres_template} STRATEGY FILE_COPY")
    with serving(environ=SECRET, store=config_for(postgres.url("reference"))) as running:
        yield running
    postgres.psql("DROP DATABASE reference WITH (FORCE)")


def real(gateway: Running, path: str) -> str:
    """Return a path with ids of what there is."""
    for name, where, body in (
        ("key_id", "/api/keys", {"name": "one"}),
        ("user_id", "/api/users", {"name": "one"}),
        ("team_id", "/api/teams", {"name": secrets.token_hex(4)}),
        ("provider_id", f"{PREFIXES[0]}/providers", {"id": f"p{secrets.token_hex(4)}", "baseUrl": OWN["baseUrl"]}),
        ("budget_id", "/api/budgets", {"scope": "global", "amount": 1, "period": "day"}),
        ("document_id", "/api/documents", {"name": "one.txt", "text": secrets.token_hex(4)}),
        ("model_id", "/api/models", {**OWN, "name": secrets.token_hex(4)}),
    ):
        if f"{{{name}}}" in path:
            made = Api(gateway).post(where, body)
            path = path.replace(f"{{{name}}}", made.json["id"])
    if "{conversation_id}" in path:
        turn = Api(gateway).post("/api/chat/message", {"message": "Hi"}).json
        path = path.replace("{conversation_id}", turn["conversation"]).replace("{message_id}", turn["userMessageId"])
    return path.replace("{provider}", "openai").replace("{tool}", "calculator")


def handed_in(gateway: Running) -> str:
    """Return the id of a file that batches can be made of."""
    parts = b'--x\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
    form = parts % (b"purpose", b"", b"batch") + parts % (b"file", b'; filename="a.jsonl"', b"{}") + b"--x--\r\n"
    made = gateway.request("POST", "/v1/files", form, {"content-type": "multipart/form-data; boundary=x"})
    assert made.status == 200, made.body
    return str(made.json["id"])


def test_every_route_of_the_contract_is_described() -> None:
    wanted = {
        (method, f"{prefix}/{route}") for prefix in PREFIXES for method, routes in ROUTES.items() for route in routes
    }
    wanted |= {(method, f"/api/models{route}") for method, several in BARE.items() for route in several}
    wanted |= PEOPLE
    wanted |= {("get", f"/api/usage{route}") for route in USAGE}
    wanted |= TALKS
    wanted |= {("get", "/api/training"), ("get", "/api/training/{run}")}
    wanted |= {("get", "/api/tools"), ("post", "/api/tools/{tool}")}
    assert set(OPERATIONS) == wanted


def test_every_operation_has_a_name_of_its_own_and_says_what_it_is_for() -> None:
    operations = [DOCUMENT["paths"][path][method] for method, path in OPERATIONS]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    assert all(operation["summary"] and "default" in operation["responses"] for operation in operations)


def test_every_body_has_examples() -> None:
    taking = {(method, path) for method, path in OPERATIONS if method in {"post", "put", "patch"}}
    assert taking - {(method, path) for method, path, _, _ in BODIES} == {
        ("post", "/api/keys/{key_id}/rotate"),
        ("post", "/api/models/{model_id}/test"),
        ("post", "/v1/files"),  # a form, of which `test_batches` sends many
        ("post", "/v1/batches/{batch_id}/cancel"),
    }


@pytest.mark.parametrize(
    ("method", "path", "name", "body"), BODIES, ids=[f"{m} {path}: {n}" for m, path, n, _ in BODIES]
)
def test_every_example_works_without_any_settings(
    alone: Running, method: str, path: str, name: str, body: Json
) -> None:
    if path == "/v1/batches":
        body = {**body, "input_file_id": handed_in(alone)}
    answer = alone.request(method.upper(), real(alone, path), json.dumps(body).encode())
    assert answer.status in ({401} if path == "/api/session" else {200, 201}), (name, answer.body)
    if path == "/api/preferences":
        assert alone.request("PUT", path, b"{}").status == 200
    if path.startswith("/api/provider-keys/"):
        assert alone.request("DELETE", real(alone, path)).status == 204
    tidy(alone)


def tidy(gateway: Running) -> None:
    """Forget what was added: else `auto` would choose it, and nobody answers there."""
    for one in gateway.get("/api/models/own").json["models"]:
        assert gateway.request("DELETE", f"/api/models/{one['id']}").status == 204
    for one in gateway.get(f"{PREFIXES[0]}/providers").json["providers"]:
        assert gateway.request("DELETE", f"{PREFIXES[0]}/providers/{one['id']}").status == 200
    for one in gateway.get("/api/provider-keys").json["providerKeys"]:
        assert gateway.request("DELETE", f"/api/provider-keys/{one['provider']}").status == 204


def test_the_documents_of_both_prefixes_are_the_same() -> None:
    first, second = (
        {
            path.removeprefix(prefix): operations
            for path, operations in DOCUMENT["paths"].items()
            if path.startswith(prefix)
        }
        for prefix in PREFIXES
    )
    assert without_names(first) == without_names(second)


def without_names(part: Any) -> Any:
    """Return a part of the document without what must differ."""
    if isinstance(part, dict):
        return {name: without_names(value) for name, value in part.items() if name not in {"operationId", "tags"}}
    return [without_names(one) for one in part] if isinstance(part, list) else part


def test_every_reference_leads_somewhere() -> None:
    schemas = set(re.findall(r'"#/components/schemas/(\w+)"', writer.text()))
    assert schemas <= DOCUMENT["components"]["schemas"].keys()


def test_the_document_that_is_kept_is_the_one_that_is_served(alone: Running) -> None:
    assert writer.DOCUMENT.read_text(encoding="utf-8") == writer.text(), "run `make docs`"
    assert alone.get("/api/openapi.json").json == DOCUMENT


def test_the_page_asks_no_other_site_and_runs_nothing_but_its_own_script(alone: Running) -> None:
    page = alone.get("/api/docs")
    assert page.headers["content-type"].startswith("text/html")
    text = page.body.decode()
    assert not re.findall(r"""(?:src|href|url|import)\s*[=(]\s*["']?(?:https?:)?//""", text)
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    for element, rule in (("script", "script-src"), ("style", "style-src")):
        (inside,) = re.findall(rf"<{element}>(.*?)</{element}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{rule} 'sha256-{digest}'" in policy


EXAMPLES = int(os.environ.get("WYE_EXAMPLES", "15"))
"""Requests that are made up for each operation on each database."""
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)


ENDING = [one for one in OPERATIONS if one != ("get", "/api/usage/live")]
"""All but the one whose answer goes on until somebody leaves."""


own_random = pytest.mark.filterwarnings(
    "ignore:Do not use the .random. module:hypothesis.errors.HypothesisDeprecationWarning"
)
"""What makes up requests that do not fit draws from it, now and then."""


@own_random
@pytest.mark.parametrize(("method", "path"), ENDING, ids=[" ".join(one) for one in ENDING])
def test_nothing_that_fits_the_document_or_nearly_does_breaks_the_gateway(
    alone: Running, method: str, path: str
) -> None:
    holds_for(alone, method, path)


@own_random
@pytest.mark.parametrize(("method", "path"), ENDING, ids=[" ".join(one) for one in ENDING])
def test_nor_does_it_where_the_database_is_postgresql(on_postgres: Running, method: str, path: str) -> None:
    holds_for(on_postgres, method, path)


def fits(method: str, path: str, answer: Answer) -> None:
    """See that an answer is as the document says of its status."""
    responses = DOCUMENT["paths"][path][method]["responses"]
    said = responses.get(str(answer.status)) or responses["default"]
    if "$ref" in said:
        said = DOCUMENT["components"]["responses"][said["$ref"].rpartition("/")[2]]
    content = said.get("content", {})
    kind = answer.headers.get("content-type", "").partition(";")[0]
    # Of reports the description says so: a second type would make clients that are generated look at each answer's.
    by_description = kind == "text/csv" and "CSV" in said["description"]
    assert answer.status == 204 or not content or kind in content or by_description, (
        answer.status,
        kind,
        list(content),
    )
    if kind == "application/json" and kind in content:
        schema = {**content[kind].get("schema", {}), "components": DOCUMENT["components"]}
        problems = [problem.message for problem in Draft202012Validator(schema).iter_errors(answer.json)]
        assert problems == [], (answer.status, answer.body[:500])


def holds_for(gateway: Running, method: str, path: str) -> None:
    operation = SCHEMA[path][method.upper()]
    modes = [operation.as_strategy(generation_mode=mode) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)]

    @hypothesis.settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=st.one_of(*modes))
    def holds(case: Any) -> None:
        sent = case.as_transport_kwargs(base_url=gateway.url)
        query = urllib.parse.urlencode(sent.get("params") or {}, doseq=True)
        where = urllib.parse.urlsplit(sent["url"]).path + (f"?{query}" if query else "")
        body = json.dumps(sent["json"]).encode() if "json" in sent else sent.get("data")
        answer = gateway.request(
            method.upper(), where, body if body is None or isinstance(body, bytes) else str(body).encode()
        )
        assert answer.status < 500, (where, body, answer.body)
        if answer.status not in {200, 201, 204}:
            assert answer.error["code"]
            assert answer.error["message"]
        fits(method, path, answer)

    holds()
    tidy(gateway)

"""The OpenAPI document says what there is, with examples that work; nothing that fits it breaks the gateway."""

import base64
import hashlib
import json
import re
import urllib.parse
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
import tools.write_openapi as writer
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from schemathesis import GenerationMode
from tests.gateway.api.conftest import PREFIXES, Api
from tests.support.gateway import Json, Running, serving

from wye.gateway.api.application import build
from wye.gateway.api.reference import document

DOCUMENT: Json = document(build())
OPERATIONS = [(method, path) for path, operations in DOCUMENT["paths"].items() for method in operations]
BODIES = [
    (path, name, example["value"])
    for path, operations in DOCUMENT["paths"].items()
    for operation in operations.values()
    if "requestBody" in operation
    for name, example in operation["requestBody"]["content"]["application/json"]["examples"].items()
]
ROUTES = {
    "get": ["models", "models/{provider}/{model}", "models/stats", "status"],
    "post": ["models/recommend", "models/refresh", "discover", "switch", "test", "explain"],
}
BARE = {"get": ["", "/providers", "/stats"], "post": ["/generate", "/stream", "/test"]}


@pytest.fixture(scope="module")
def alone() -> Iterator[Running]:
    """Serve with no settings at all, where the mock answers."""
    with serving() as running:
        yield running


def test_every_route_of_the_contract_is_described() -> None:
    wanted = {
        (method, f"{prefix}/{route}") for prefix in PREFIXES for method, routes in ROUTES.items() for route in routes
    }
    wanted |= {(method, f"/api/models{route}") for method, several in BARE.items() for route in several}
    assert set(OPERATIONS) == wanted


def test_every_operation_has_a_name_of_its_own_and_says_what_it_is_for() -> None:
    operations = [DOCUMENT["paths"][path][method] for method, path in OPERATIONS]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    assert all(operation["summary"] and "default" in operation["responses"] for operation in operations)


def test_every_body_has_examples() -> None:
    posts = {path for method, path in OPERATIONS if method == "post"}
    assert {path for path, _, _ in BODIES} == posts


@pytest.mark.parametrize(("path", "name", "body"), BODIES, ids=[f"{path}: {name}" for path, name, _ in BODIES])
def test_every_example_works_without_any_settings(alone: Running, path: str, name: str, body: Json) -> None:
    answer = Api(alone).post(path, body)
    assert answer.status == 200, (name, answer.body)


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


SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=[" ".join(one) for one in OPERATIONS])
def test_nothing_that_fits_the_document_or_nearly_does_breaks_the_gateway(
    alone: Running, method: str, path: str
) -> None:
    operation = SCHEMA[path][method.upper()]
    modes = [operation.as_strategy(generation_mode=mode) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)]

    @hypothesis.settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=st.one_of(*modes))
    def holds(case: Any) -> None:
        sent = case.as_transport_kwargs(base_url=alone.url)
        query = urllib.parse.urlencode(sent.get("params") or {}, doseq=True)
        where = urllib.parse.urlsplit(sent["url"]).path + (f"?{query}" if query else "")
        body = json.dumps(sent["json"]).encode() if "json" in sent else sent.get("data")
        answer = alone.request(
            method.upper(), where, body if body is None or isinstance(body, bytes) else str(body).encode()
        )
        assert answer.status < 500, (where, body, answer.body)
        if answer.status != 200:
            assert answer.error["code"]
            assert answer.error["message"]

    holds()

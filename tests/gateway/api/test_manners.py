"""Keys, manners, limits and the one form of errors hold on the application API as everywhere else."""

import gzip
import http.client
import json
from collections.abc import Iterator, Mapping

import pytest
from tests.gateway.api.conftest import GEMINI_KEY, OPENAI_KEY, PREFIXES, Api
from tests.support.gateway import PATIENCE, Answer, Json, Running, read, serving

ADMIN_KEY = "wye-admin-0123456789abcdefghij"
LOCKED = [
    ("GET", "/api/llm-providers/status"),
    ("GET", "/api/settings/llm-providers/models"),
    ("GET", "/api/models"),
    ("GET", "/api/models/nothing"),
    ("POST", "/api/models/generate"),
    ("POST", "/api/llm-providers/switch"),
    ("OPTIONS", "/api/models"),
]


@pytest.fixture(scope="module")
def locked() -> Iterator[Running]:
    with serving('[server]\nadmin_key = "env:KEY_OF_OURS"\n', environ={"KEY_OF_OURS": ADMIN_KEY}) as gateway:
        yield gateway


def bare(api: Api, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
    """Send just these headers."""
    connection = http.client.HTTPConnection("127.0.0.1", api.gateway.port, timeout=PATIENCE)
    try:
        connection.request(method, path, body, dict(headers))
        return read(connection.getresponse())
    finally:
        connection.close()


@pytest.mark.parametrize(("method", "path"), LOCKED)
def test_without_the_admin_key_nothing_is_told(locked: Running, method: str, path: str) -> None:
    for headers in ({}, {"authorization": "Bearer wrong"}):
        refused = locked.request(method, path, None if method == "GET" else b"{}", headers)
        assert refused.status == 401
        assert refused.error["code"] == "invalid_api_key"
        assert refused.headers["www-authenticate"] == "Bearer"


def test_with_the_admin_key_everything_is(locked: Running) -> None:
    headers = {"authorization": f"Bearer {ADMIN_KEY}"}
    assert locked.get("/api/llm-providers/status", headers).status == 200
    assert locked.request("POST", "/api/models/generate", b'{"prompt": "Hi"}', headers).status == 200


def test_the_reference_tells_nothing_of_an_installation_and_is_open(locked: Running) -> None:
    assert locked.get("/api/docs").status == 200
    assert locked.get("/api/openapi.json").json == serving_document()


def serving_document() -> Json:
    """Return the document of an installation without any settings."""
    with serving() as gateway:
        return gateway.get("/api/openapi.json").json


@pytest.mark.parametrize("path", ["/api/models", "/api/llm-providers/status"])
def test_only_loopback_names_are_answered(api: Api, path: str) -> None:
    refused = bare(api, "GET", path, {"host": "rebound.example"})
    assert (refused.status, refused.error["code"]) == (403, "permission_denied")


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "https://evil.example", "content-type": "application/json"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_no_page_of_another_site_can_post_even_without_a_body(api: Api, headers: dict[str, str]) -> None:
    for path in ("/api/llm-providers/models/refresh", "/api/llm-providers/discover"):
        assert bare(api, "POST", path, headers).status == 403


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_a_body_must_be_json(api: Api, kind: str) -> None:
    for body in (b"{}", None):
        refused = bare(api, "POST", "/api/llm-providers/models/refresh", {"content-type": kind}, body)
        assert (refused.status, refused.error["code"]) == (400, "invalid_content_type")
    refused = bare(api, "POST", "/api/llm-providers/models/refresh", {}, b"{}")
    assert (refused.status, refused.error["code"]) == (400, "invalid_content_type")
    assert bare(api, "POST", "/v1/chat/completions", {}).error["code"] == "invalid_content_type"


def test_a_body_that_is_too_long_is_refused() -> None:
    with serving("[server]\nmax_body_bytes = 1000\n") as gateway:
        refused = gateway.request("POST", "/api/models/generate", json.dumps({"prompt": "x" * 2000}).encode())
        assert (refused.status, refused.error["code"]) == (413, "request_too_large")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/nothing", 404, "not_found"),
        ("GET", "/api/", 404, "not_found"),
        ("GET", "/api/llm-providers", 404, "not_found"),
        ("GET", "/api/models/nothing/there", 404, "not_found"),
        ("GET", "/schema/openapi.json", 404, "not_found"),
        ("GET", "/api/llm-providers/models/openai/gpt-4p", 404, "model_not_found"),
        ("GET", "/api/llm-providers/models/opnai/gpt-4o", 400, "unknown_provider"),
        ("PUT", "/api/models/generate", 405, "method_not_allowed"),
        ("DELETE", "/api/llm-providers/status", 405, "method_not_allowed"),
    ],
)
def test_errors_have_the_form_of_all_others(api: Api, method: str, path: str, status: int, code: str) -> None:
    refused = api.gateway.request(method, path, b"{}" if method == "PUT" else None)
    assert (refused.status, refused.error["code"]) == (status, code)
    assert refused.headers["content-type"] == "application/json"
    assert refused.error.keys() >= {"message", "type", "param", "code"}
    assert api.gateway.wait_line(request_id=refused.headers["x-request-id"])["error"] == code
    if status == 405:
        assert "GET" in refused.headers["allow"] or "POST" in refused.headers["allow"]


@pytest.mark.parametrize(
    ("path", "body", "param", "near"),
    [
        ("models/recommend", {"capabilites": []}, "capabilites", "capabilities"),
        ("models/recommend", {"max_cost": 1}, "max_cost", "maxCost"),
        ("models/recommend", {"preferOpensource": True}, "preferOpensource", "preferOpenSource"),
        ("models/recommend", {"capabilities": ["function-caling"]}, "capabilities", "function-calling"),
        ("models/refresh", {"provider": "openai"}, "provider", "providers"),
        ("models/refresh", {"providers": ["opnai"]}, "provider", "openai"),
        ("switch", {"provider": "openai", "modle": "gpt-4o"}, "modle", "model"),
        ("switch", {"provider": "openai", "model": "gpt-4p"}, "model", "gpt-4o"),
        ("test", {"provider": "gemni"}, "provider", "gemini"),
        ("explain", {"prompt": "x", "context": {"manual_model": "x"}}, "context.manual_model", "manualModel"),
        ("explain", {"prompt": "x", "options": {"max_tokens": 1}}, "options.max_tokens", "maxTokens"),
        ("explain", {"prompt": "x", "context": {"strategy": "cheap"}}, "context.strategy", "cost"),
    ],
)
def test_a_name_that_is_not_known_is_refused_with_near_ones(
    api: Api, path: str, body: Json, param: str, near: str
) -> None:
    for prefix in PREFIXES:
        refused = api.post(f"{prefix}/{path}", body)
        assert refused.status in {400, 404}
        assert refused.error["param"] == param
        assert near in refused.error["message"]


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("provder=openai", "provder"),
        ("max_cost=1", "max_cost"),
        ("maxCost=cheap", "maxCost"),
        ("maxCost=-1", "maxCost"),
        ("maxCost=nan", "maxCost"),
        ("maxCost=1&maxCost=2", "maxCost"),
        ("minContextWindow=1.5", "minContextWindow"),
        ("latencyTier=instant", "latencyTier"),
        ("qualityTier=best", "qualityTier"),
        ("openSource=perhaps", "openSource"),
        ("available=2", "available"),
        ("provider=nobody", "provider"),
        ("capability=flying", "capabilities"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused_by_name(api: Api, query: str, param: str) -> None:
    for path in (*(f"{prefix}/models" for prefix in PREFIXES), "/api/models"):
        refused = api.get(f"{path}?{query}")
        assert (refused.status, refused.error["param"]) == (400, param)


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (b"{", "invalid_json", None),
        (b"[]", "invalid_type", None),
        (b'"text"', "invalid_type", None),
        (b'{"maxCost": "3"}', "invalid_type", "maxCost"),
        (b'{"maxCost": -1}', "invalid_type", "maxCost"),
        (b'{"limit": 0}', "invalid_type", "limit"),
        (b'{"minQuality": "best"}', "invalid_type", "minQuality"),
        (b'{"capabilities": "text"}', "invalid_type", "capabilities"),
        (b'{"capabilities": [1]}', "invalid_type", "capabilities[0]"),
        (b"\xff", "invalid_json", None),
    ],
)
def test_a_body_of_another_form_is_refused_by_name(api: Api, body: bytes, code: str, param: str | None) -> None:
    refused = api.post("/api/llm-providers/models/recommend", body)
    assert (refused.status, refused.error["code"], refused.error["param"]) == (400, code, param)


def test_capabilities_are_understood_with_underscores_and_commas(api: Api) -> None:
    kebab = api.get("/api/models?capability=function-calling&capability=vision").body
    assert api.get("/api/models?capability=function_calling,vision").body == kebab
    asked = {"capabilities": ["function_calling"]}
    assert api.post("/api/llm-providers/models/recommend", asked).json["recommendation"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "models?provider=openai", None),
        ("GET", "models/openai/gpt-4o", None),
        ("GET", "models/stats", None),
        ("POST", "models/recommend", {"task": "coding"}),
        ("POST", "explain", {"prompt": "Hi", "model": "auto:cost"}),
        ("GET", "status", None),
        ("POST", "switch", {"provider": "nobody"}),
        ("POST", "test", {}),
    ],
)
def test_both_prefixes_say_the_same(api: Api, method: str, path: str, body: Json) -> None:
    encoded = None if body is None else json.dumps(body).encode()
    first, second = (api.gateway.request(method, f"{prefix}/{path}", encoded) for prefix in PREFIXES)
    assert first.status == second.status
    assert first.json == second.json


def test_head_is_answered_like_get_without_the_body(api: Api) -> None:
    shown = api.gateway.request("HEAD", "/api/models/stats")
    assert (shown.status, shown.body) == (200, b"")


def test_no_key_is_shown_anywhere(api: Api) -> None:
    told = [
        api.get(f"{PREFIXES[0]}/status"),
        api.get("/api/models/providers"),
        api.post(f"{PREFIXES[0]}/test", {"provider": "openai"}),
    ]
    for answer in told:
        assert OPENAI_KEY.encode() not in answer.body
        assert GEMINI_KEY.encode() not in answer.body
    assert told[0].json["providers"]["openai"]["keys"][0]["key"] == "sk-open…ghij"


# --- Compressed where it is worth it ---

TAKES_GZIP = {"accept-encoding": "br, gzip"}


def test_a_long_answer_goes_compressed_to_who_takes_it_so(api: Api) -> None:
    packed = bare(api, "GET", "/api/models", TAKES_GZIP)
    plain = bare(api, "GET", "/api/models", {})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["vary"] == "accept-encoding"
    assert "content-encoding" not in plain.headers
    assert len(packed.body) * 4 < len(plain.body)
    assert json.loads(gzip.decompress(packed.body)).keys() == plain.json.keys()


@pytest.mark.parametrize("takes", ["", "identity", "br", "gzip;q=0"])
def test_nobody_gets_it_compressed_who_does_not_take_it(api: Api, takes: str) -> None:
    answer = bare(api, "GET", "/api/models", {"accept-encoding": takes})
    assert "content-encoding" not in answer.headers
    assert answer.json


def test_short_answers_and_those_to_what_is_written_go_as_they_are(api: Api) -> None:
    assert "content-encoding" not in bare(api, "GET", "/api/session", TAKES_GZIP).headers
    body = json.dumps({"prompt": "word " * 4000}).encode()
    said = {**TAKES_GZIP, "content-type": "application/json"}
    answer = bare(api, "POST", "/api/models/generate", said, body)
    assert answer.status == 200
    assert "content-encoding" not in answer.headers


def test_what_goes_in_pieces_is_compressed_as_well(api: Api) -> None:
    path = "/api/usage/?by=model"
    packed = bare(api, "GET", path, TAKES_GZIP)
    assert packed.headers["content-encoding"] == "gzip"
    assert json.loads(gzip.decompress(packed.body)).keys() == bare(api, "GET", path, {}).json.keys()

"""Who may call: whoever has the admin key; without one this machine's programs, and no web page in disguise."""

from collections.abc import Iterator

import pytest
from tests.support.gateway import Running, chat_body, serving

ADMIN_KEY = "wye-admin-0123456789abcdefghij"
OPEN = ("/", "/healthz", "/readyz")


@pytest.fixture(scope="module")
def locked() -> Iterator[Running]:
    with serving('[server]\nadmin_key = "env:KEY_OF_OURS"\n', environ={"KEY_OF_OURS": ADMIN_KEY}) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def unlocked() -> Iterator[Running]:
    with serving() as gateway:
        yield gateway


# --- With an admin key ---


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {ADMIN_KEY}"},
        {"authorization": f"bearer {ADMIN_KEY}"},
        {"authorization": f"BEARER  {ADMIN_KEY} "},
        {"x-api-key": ADMIN_KEY},
        {"x-goog-api-key": ADMIN_KEY},
    ],
)
def test_the_admin_key_opens_in_every_form_of_header(locked: Running, headers: dict[str, str]) -> None:
    assert locked.get("/v1/models", headers).status == 200
    assert locked.post(chat_body("mock-fast"), headers).status == 200


WRONG = [
    {"authorization": f"Bearer {ADMIN_KEY}x"},
    {"authorization": f"Bearer {ADMIN_KEY[:-1]}"},
    {"authorization": "Bearer"},
    {"authorization": "Bearer "},
    {"authorization": f"Basic {ADMIN_KEY}"},
    {"authorization": ADMIN_KEY},
    {"authorization": "Bearer wrong", "x-api-key": ADMIN_KEY},
    {"x-api-key": ""},
    {"x-api-key": "wrong"},
    {"x-goog-api-key": "wrong"},
    {"cookie": f"key={ADMIN_KEY}"},
    {},
]


@pytest.mark.parametrize("headers", WRONG)
def test_without_the_key_nothing_is_told_but_that_it_is_needed(locked: Running, headers: dict[str, str]) -> None:
    asked = [
        locked.get("/v1/models", headers),
        locked.get("/v1/models/none-such", headers),
        locked.get("/no/such/path", headers),
        locked.request("DELETE", "/v1/chat/completions", b"{}", headers),
        locked.post(chat_body("none-such"), headers),
        locked.post(b"not json", headers),
    ]
    assert {answer.status for answer in asked} == {401}
    assert len({answer.body for answer in asked}) <= 2  # one, but for a list that Google's clients get in their form
    assert asked[-1].error["type"] == "authentication_error"
    assert asked[-1].error["code"] == "invalid_api_key"
    assert ADMIN_KEY not in asked[-1].body.decode()
    assert all(answer.headers["content-type"] == "application/json" for answer in asked)
    assert all(answer.headers["www-authenticate"] == "Bearer" for answer in asked)


def test_the_key_in_the_query_opens_nothing_and_is_not_logged(locked: Running) -> None:
    refused = locked.get(f"/v1/models?key={ADMIN_KEY}")
    assert refused.status == 401
    assert locked.wait_line(request_id=refused.headers["x-request-id"])["path"] == "/v1/models"
    assert ADMIN_KEY not in locked.log


@pytest.mark.parametrize("path", OPEN)
def test_health_is_told_without_a_key(locked: Running, path: str) -> None:
    assert locked.get(path).status == 200


def test_with_a_key_any_name_any_site_and_any_content_type_are_welcome(locked: Running) -> None:
    headers = {
        "host": "llm.example.com",
        "origin": "https://app.example.com",
        "content-type": "text/plain",
        "authorization": f"Bearer {ADMIN_KEY}",
    }
    assert locked.post(chat_body("mock-fast"), headers).status == 200


# --- Without one, on loopback ---


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8080", "LOCALHOST", "127.0.0.1:1", "127.0.0.53", "[::1]", "[::1]:80"]
)
def test_loopback_names_are_answered(unlocked: Running, host: str) -> None:
    assert unlocked.get("/v1/models", {"host": host}).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example.com",
        "127.evil.example.com",
        "127.0.0.1.nip.io",
        "localhost.evil.example.com",
        "evil.example.com:127",
        "127.0.0.1@evil.example.com",
        "0.0.0.0",
        "192.168.1.1",
        "[::]",
        "[",
        "",
    ],
)
def test_names_made_to_point_here_are_refused(unlocked: Running, host: str) -> None:
    refused = unlocked.get("/v1/models", {"host": host})
    assert (refused.status, refused.error["code"]) == (403, "permission_denied")
    assert refused.error["type"] == "permission_error"


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1", "http://[::1]:8080"])
def test_pages_of_this_machine_are_answered(unlocked: Running, origin: str) -> None:
    assert unlocked.post(chat_body("mock-fast"), {"origin": origin}).status == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example.com", "http://127.0.0.1.evil.example.com", "null", "", "http://[", "file://"]
)
def test_pages_of_other_sites_are_refused(unlocked: Running, origin: str) -> None:
    assert unlocked.post(chat_body("mock-fast"), {"origin": origin}).status == 403
    assert unlocked.get("/v1/models", {"origin": origin}).status == 403


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_json_is_taken(unlocked: Running, kind: str) -> None:
    assert unlocked.post(chat_body("mock-fast"), {"content-type": kind}).status == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_what_a_form_can_send_is_refused(unlocked: Running, kind: str) -> None:
    refused = unlocked.post(chat_body("mock-fast"), {"content-type": kind})
    assert (refused.status, refused.error["code"]) == (400, "invalid_content_type")
    assert refused.headers["accept"] == "application/json"


@pytest.mark.parametrize("path", OPEN)
def test_health_is_told_to_whoever_asks(unlocked: Running, path: str) -> None:
    assert unlocked.get(path, {"host": "10.0.0.7:8080", "origin": "https://elsewhere.example.com"}).status == 200

"""A browser signs in with a key and keeps a cookie: which nobody can make, steal by a page, or use after the key."""

import base64
import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.databases import config_for
from tests.support.gateway import PATIENCE, Answer, Running, serving

from wye.core.caller import ADMIN
from wye.core.errors import AuthenticationError
from wye.core.secret import Secret
from wye.gateway.sessions import LASTS, Sessions

ADMIN_KEY = "wye-admin-0123456789abcdefghij"
AS_ADMIN = {"authorization": f"Bearer {ADMIN_KEY}"}
OURS = {"sec-fetch-site": "same-origin"}


@pytest.fixture(scope="module")
def locked(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    file = tmp_path_factory.mktemp("sessions") / "wye.db"
    shutil.copy(sqlite_template, file)
    settings = '[server]\nadmin_key = "env:KEY_OF_OURS"\n'
    with serving(settings, environ={"KEY_OF_OURS": ADMIN_KEY}, store=config_for(f"sqlite:///{file}")) as running:
        yield running


@pytest.fixture(scope="module")
def unlocked() -> Iterator[Running]:
    with serving() as running:
        yield running


def sign_in(gateway: Running, key: str, **headers: str) -> Answer:
    return gateway.request("POST", "/api/session", json.dumps({"key": key}).encode(), {**OURS, **headers})


def cookie(answer: Answer) -> dict[str, str]:
    return {"cookie": answer.headers["set-cookie"].partition(";")[0], **OURS}


def new_key(gateway: Running, **more: object) -> dict[str, str]:
    body = json.dumps({"name": "a person", **more}).encode()
    made = gateway.request("POST", "/api/keys", body, AS_ADMIN)
    assert made.status == 201, made.body
    found: dict[str, str] = made.json
    return found


# --- Signing in and out ---


def test_the_admin_signs_in_and_the_cookie_is_for_no_script_and_no_other_site(locked: Running) -> None:
    answer = sign_in(locked, ADMIN_KEY)
    assert answer.status == 200
    assert answer.json["signedIn"]
    assert set(answer.json["scopes"]) == {"admin", "manage", "use", "read"}
    said = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/", f"Max-Age={LASTS}"} <= {part.strip() for part in said.split(";")}
    assert "Secure" not in said
    assert ADMIN_KEY not in said
    assert answer.headers["cache-control"] == "no-store"


def test_over_https_the_cookie_is_for_https_alone(locked: Running) -> None:
    assert "; Secure" in sign_in(locked, ADMIN_KEY, **{"x-forwarded-proto": "https"}).headers["set-cookie"]


def test_a_session_asks_models_and_the_api(locked: Running) -> None:
    session = cookie(sign_in(locked, ADMIN_KEY))
    assert locked.get("/v1/models", session).status == 200
    assert locked.get("/api/keys", session).status == 200
    assert locked.chat("mock/mock-fast", headers=session).status == 200
    told = locked.get("/api/session", session).json
    assert (told["user"], told["via"], told["open"]) == ("admin", "session", False)
    assert told["expiresAt"]


def test_a_person_has_the_scopes_of_the_key_and_no_more(locked: Running) -> None:
    made = new_key(locked, scopes=["use", "read"])
    answer = sign_in(locked, made["key"])
    assert set(answer.json["scopes"]) == {"use", "read"}
    assert answer.json["key"] == made["id"]
    session = cookie(answer)
    assert locked.get("/v1/models", session).status == 200
    assert locked.get("/api/audit", session).error["code"] == "scope_missing"


def test_nobody_is_signed_in_without_a_cookie_which_is_no_error(locked: Running) -> None:
    told = locked.get("/api/session")
    assert told.status == 200
    assert (told.json["signedIn"], told.json["user"], told.json["scopes"]) == (False, None, [])


def test_whoever_signs_out_is_out_also_with_the_old_cookie(locked: Running) -> None:
    session = cookie(sign_in(locked, ADMIN_KEY))
    out = locked.request("DELETE", "/api/session", None, session)
    assert out.status == 200
    assert "Max-Age=0" in out.headers["set-cookie"]
    assert locked.get("/v1/models", session).error["code"] == "session_ended"


@pytest.mark.parametrize("whose", ["the admin's", "a person's"])
def test_whoever_signs_out_is_out_of_every_gateway_on_that_database(
    tmp_path: Path, sqlite_template: Path, whose: str
) -> None:
    shutil.copy(sqlite_template, tmp_path / "wye.db")
    settings = '[server]\nadmin_key = "env:KEY_OF_OURS"\n'
    store = config_for(f"sqlite:///{tmp_path}/wye.db")
    with (
        serving(settings, environ={"KEY_OF_OURS": ADMIN_KEY}, store=store) as here,
        serving(settings, environ={"KEY_OF_OURS": ADMIN_KEY}, store=store) as there,
    ):
        key = ADMIN_KEY if whose == "the admin's" else new_key(here)["key"]
        session, other = (cookie(sign_in(here, key)) for _ in range(2))
        assert there.get("/v1/models", session).status == 200
        assert here.request("DELETE", "/api/session", None, session).status == 200
        assert here.get("/v1/models", session).error["code"] == "session_ended"
        deadline = time.monotonic() + PATIENCE  # it is heard of within about a second
        while there.get("/v1/models", session).status == 200 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert there.get("/v1/models", session).error["code"] == "session_ended"
        assert there.get("/v1/models", other).status == 200
    with serving(settings, environ={"KEY_OF_OURS": ADMIN_KEY}, store=store) as later:
        assert later.get("/v1/models", session).error["code"] == "session_ended"


def test_what_is_no_session_is_not_written_down_as_an_ended_one(locked: Running) -> None:
    session = cookie(sign_in(locked, ADMIN_KEY))
    forged = {**session, "cookie": session["cookie"].partition(".")[0] + ".AAAA"}
    assert locked.request("DELETE", "/api/session", None, forged).status == 200
    assert locked.get("/v1/models", session).status == 200


# --- What ends a session, and what never was one ---


def test_a_revoked_key_ends_its_sessions(locked: Running) -> None:
    made = new_key(locked)
    session = cookie(sign_in(locked, made["key"]))
    assert locked.get("/v1/models", session).status == 200
    assert locked.request("DELETE", f"/api/keys/{made['id']}", None, AS_ADMIN).status == 200
    deadline = time.monotonic() + PATIENCE  # it is heard of within about a second
    while locked.get("/v1/models", session).status == 200 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert locked.get("/v1/models", session).status == 401


def test_a_session_outlives_the_process_and_works_in_another(locked: Running, sqlite_template: Path) -> None:
    del sqlite_template
    session = cookie(sign_in(locked, new_key(locked)["key"]))
    directory = locked.gateway.directory
    assert directory is not None
    pepper, known = directory._pepper, dict(directory._known)
    directory._pepper = None
    directory._known.clear()
    try:
        assert locked.get("/v1/models", session).status == 200
    finally:
        directory._pepper = pepper
        directory._known.update(known)


def test_no_wrong_key_signs_in(locked: Running, unlocked: Running) -> None:
    for gateway in (locked, unlocked):
        for key in ("wrong", "wye-sk-AbCd1234-0123456789abcdefghijABCDEFGHIJ0123456789", "wye-sk-", " "):
            answer = sign_in(gateway, key)
            assert answer.status == 401, key
            assert "set-cookie" not in answer.headers


def test_a_cookie_that_was_tampered_with_opens_nothing(locked: Running) -> None:
    value = cookie(sign_in(locked, new_key(locked)["key"]))["cookie"].partition("=")[2]
    said, _, signature = value.partition(".")
    digest, until, name = json.loads(base64.urlsafe_b64decode(said + "=" * (-len(said) % 4)))
    forged = [
        ["", until, name],
        [digest, until + 9999, name],
        ["0" * 64, until, name],
    ]
    values = [
        *(base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") + f".{signature}" for one in forged),
        f"{said}.",
        said,
        f"{said}.{signature[:-2]}",
        ".",
        "x.y",
        "\u00e9",
        "",
    ]
    for one in values:
        answer = locked.get("/v1/models", {"cookie": f"wye_session={one}", **OURS})
        assert answer.status == 401, one


def test_a_session_ends_by_itself_and_with_the_admin_key() -> None:
    now = [1_000_000.0]
    sessions = Sessions(Secret(ADMIN_KEY), None, wall=lambda: now[0])
    value, until = sessions.begin(ADMIN, ADMIN_KEY.encode())
    assert until == 1_000_000 + LASTS
    caller = sessions.check(value)
    assert getattr(caller, "via", None) == "session"
    with pytest.raises(AuthenticationError):
        Sessions(Secret("another admin key"), None, wall=lambda: now[0]).check(value)
    with pytest.raises(AuthenticationError):
        Sessions(None, None, wall=lambda: now[0]).check(value)
    now[0] = until
    with pytest.raises(AuthenticationError):
        sessions.check(value)


# --- Pages of other sites ---


FOREIGN = [
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"origin": "https://evil.example"},
    {"origin": "http://["},
    {"sec-fetch-site": "none"},
    {},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_nothing_is_written_for_a_page_of_another_site(locked: Running, headers: dict[str, str]) -> None:
    session = {"cookie": cookie(sign_in(locked, ADMIN_KEY))["cookie"], **headers}
    answer = locked.request("POST", "/api/teams", b'{"name": "theirs"}', session)
    assert answer.status == 403
    assert answer.error["code"] == "cross_site"


def test_nothing_is_read_for_a_page_of_another_site_either(locked: Running) -> None:
    session = {"cookie": cookie(sign_in(locked, ADMIN_KEY))["cookie"], "sec-fetch-site": "same-site"}
    assert locked.get("/api/keys", session).status == 403


def test_an_older_browser_says_where_it_comes_from_by_the_origin(locked: Running) -> None:
    bare = {"cookie": cookie(sign_in(locked, ADMIN_KEY))["cookie"]}
    ours = {**bare, "origin": locked.url, "host": locked.url.removeprefix("http://")}
    assert locked.request("POST", "/v1/chat/completions", b"{}", ours).status == 400
    assert locked.request("POST", "/v1/chat/completions", b"{}", bare).status == 403


def test_a_form_is_no_json(locked: Running) -> None:
    session = {**cookie(sign_in(locked, ADMIN_KEY)), "content-type": "text/plain"}
    assert locked.request("POST", "/api/teams", b'{"name": "x"}', session).error["code"] == "invalid_content_type"


def test_a_file_is_uploaded_by_the_console_and_by_no_other_page(locked: Running) -> None:
    path, body = "/api/documents?name=a.txt", b"words of a file"
    session = {"cookie": cookie(sign_in(locked, ADMIN_KEY))["cookie"], "content-type": "text/plain"}
    for headers in FOREIGN:
        assert locked.request("POST", path, body, {**session, **headers}).error["code"] == "cross_site"
    assert locked.request("POST", path, body, {**session, **OURS}).status == 201


def test_nobody_is_signed_in_as_somebody_else_by_another_site(locked: Running) -> None:
    assert sign_in(locked, ADMIN_KEY, **{"sec-fetch-site": "cross-site"}).status == 403


def test_a_key_goes_before_a_cookie(locked: Running) -> None:
    session = cookie(sign_in(locked, ADMIN_KEY))
    assert locked.get("/v1/models", {**session, "authorization": "Bearer wrong"}).status == 401


# --- A gateway that asks nobody ---


def test_an_open_gateway_needs_no_session_and_minds_no_old_one(unlocked: Running) -> None:
    told = unlocked.get("/api/session").json
    assert (told["signedIn"], told["open"], told["via"]) == (True, True, "open")
    assert unlocked.get("/v1/models", {"cookie": "wye_session=old.one", **OURS}).status == 200


def test_an_open_gateway_still_answers_to_loopback_names_alone(unlocked: Running) -> None:
    assert unlocked.get("/api/session", {"host": "evil.example"}).json["signedIn"] is False
    assert unlocked.request("POST", "/api/session", b'{"key": "x"}', {"host": "evil.example"}).status == 403


# --- Guessing ---


def test_who_guesses_keys_has_to_wait(sqlite_template: Path, tmp_path: Path) -> None:
    shutil.copy(sqlite_template, tmp_path / "wye.db")
    settings = '[server]\nadmin_key = "env:KEY_OF_OURS"\n'
    store = config_for(f"sqlite:///{tmp_path}/wye.db")
    with serving(settings, environ={"KEY_OF_OURS": ADMIN_KEY}, store=store) as gateway:
        answers = [sign_in(gateway, f"guess {number}").status for number in range(12)]
        assert answers[0] == 401
        assert answers[-1] == 429


def test_the_key_that_was_typed_is_in_no_log(locked: Running) -> None:
    key = new_key(locked)["key"]
    answer = sign_in(locked, key)
    assert answer.status == 200
    assert key.encode() not in answer.body
    assert not re.search(re.escape(key), "".join(map(str, locked.log)))

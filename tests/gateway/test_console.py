"""The console is served as it was built: quickly, to nobody else's page, and plainly where it is missing."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.gateway import Answer, Running, serving

from wye.gateway.console import Console

PAGE = b"<!doctype html><title>Wye</title>" + b" " * 2000
SCRIPT = b"console.log('hello')" + b" " * 2000
ADMIN_KEY = "wye-admin-0123456789abcdefghij"


@pytest.fixture(scope="module")
def gateway() -> Iterator[Running]:
    settings = '[server]\nadmin_key = "env:KEY_OF_OURS"\n'
    with serving(settings, environ={"KEY_OF_OURS": ADMIN_KEY}) as running:
        yield running


@pytest.fixture
def built(gateway: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Running:
    """Let the gateway serve a page and a script, both also compressed."""
    (tmp_path / "assets").mkdir()
    for name, body in (("index.html", PAGE), ("assets/page-1a2b.js", SCRIPT), ("wye.svg", b"<svg/>")):
        (tmp_path / name).write_bytes(body)
        if len(body) > 1000:
            (tmp_path / f"{name}.gz").write_bytes(gzip.compress(body))
            (tmp_path / f"{name}.br").write_bytes(b"brotli of " + name.encode())
    (tmp_path.parent / "secret.txt").write_text("not for you")
    serve_from(gateway, tmp_path, monkeypatch)
    return gateway


def serve_from(gateway: Running, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway.gateway._console.endpoint.__self__, "_folder", folder)  # type: ignore[attr-defined]
    monkeypatch.setattr(gateway.gateway._console.endpoint.__self__, "_files", {})  # type: ignore[attr-defined]


def test_every_address_of_the_console_is_its_page_and_needs_no_key(built: Running) -> None:
    for path in ("/console/", "/console", "/console/models", "/console/requests/req_1"):
        answer = built.get(path)
        assert (answer.status, answer.body) == (200, PAGE), path
        assert answer.headers["cache-control"] == "no-cache"


def test_what_has_its_hash_in_its_name_is_kept_for_good(built: Running) -> None:
    answer = built.get("/console/assets/page-1a2b.js")
    assert answer.body == SCRIPT
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/javascript")


def test_what_a_browser_has_is_not_sent_again(built: Running) -> None:
    tag = built.get("/console/").headers["etag"]
    again = built.get("/console/models", {"if-none-match": f'"x", W/{tag}'})
    assert (again.status, again.body) == (304, b"")
    assert built.get("/console/", {"if-none-match": '"another"'}).status == 200


@pytest.mark.parametrize(
    ("accepts", "encoding"),
    [("gzip, deflate, br", "br"), ("gzip", "gzip"), ("br;q=0, gzip;q=0.5", "gzip"), ("identity", None), ("", None)],
)
def test_text_is_sent_as_small_as_the_browser_takes_it(built: Running, accepts: str, encoding: str | None) -> None:
    answer = built.get("/console/assets/page-1a2b.js", {"accept-encoding": accepts})
    assert answer.headers.get("content-encoding") == encoding
    assert answer.headers["vary"] == "accept-encoding"


def test_a_page_may_run_nothing_but_its_own_and_stand_in_no_frame(built: Running) -> None:
    for answer in (built.get("/console/"), built.get("/console/assets/page-1a2b.js"), missing(built)):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"


def missing(gateway: Running) -> Answer:
    return gateway.get("/console/wye.svg")


@pytest.mark.parametrize(
    "path",
    [
        "/console/assets/none.js",
        "/console/../secret.txt",
        "/console/..%2fsecret.txt",
        "/console/assets/../../secret.txt",
        "/console/.../secret.txt",
        "/console//secret.txt",
        "/console/..\\secret.txt",
        "/console/assets/page-1a2b.js.br",
        "/console/index.py",
    ],
)
def test_nothing_else_of_the_machine_is_served(built: Running, path: str) -> None:
    answer = built.get(path)
    assert answer.status in {401, 404}, answer.body
    assert b"not for you" not in answer.body


def test_it_is_for_reading(built: Running) -> None:
    assert built.request("POST", "/console/", b"{}").status == 405
    assert built.request("HEAD", "/console/").status == 200


def test_a_browser_is_led_to_the_console_and_a_program_told_what_there_is(built: Running) -> None:
    led = built.get("/", {"accept": "text/html,*/*;q=0.8"})
    assert (led.status, led.headers["location"]) == (307, "/console/")
    assert built.get("/").json["name"] == "wye"


def test_a_console_that_is_not_built_says_what_to_do(
    gateway: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_from(gateway, tmp_path, monkeypatch)
    answer = gateway.get("/console/models")
    assert answer.status == 503
    assert b"make console" in answer.body
    assert answer.headers["content-type"].startswith("text/html")
    assert not Console(tmp_path).is_built

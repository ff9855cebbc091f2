"""Documents are uploaded as they are or as JSON, found with where they stand, and gone when they are deleted."""

import base64
import itertools
import json
import shutil
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.databases import config_for
from tests.support.gateway import Answer, Json, Running, serving
from tests.support.postgres import Server

PAGE = (
    b"# Refunds\n\nWhoever sends a thing back gets the money.\n\n## Enterprise\n\nContracts say otherwise: ask legal.\n"
)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def gateway(
    request: pytest.FixtureRequest, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    if request.param == "sqlite":
        file = tmp_path_factory.mktemp("uploads") / "wye.db"
        shutil.copy(sqlite_template, file)
        url = f"sqlite:///{file}"
    else:
        server: Server = request.getfixturevalue("postgres")
        template = request.getfixturevalue("postgres_template")
        server.psql(f"CREATE DATABASE uploads TEMPLATE {template} STRATEGY FILE_COPY")
        url = server.url("uploads")
    settings = "[tools.document_search]\nmax_bytes = 300000\nmax_documents = 12\nmax_characters = 50000\n"
    with serving(settings, store=config_for(url)) as running:
        yield running
    if request.param != "sqlite":
        server.psql("DROP DATABASE uploads WITH (FORCE)")


@pytest.fixture(autouse=True)
def _empty(gateway: Running) -> None:
    for one in gateway.get("/api/documents").json["documents"]:
        assert gateway.request("DELETE", f"/api/documents/{one['id']}").status == 204


def upload(gateway: Running, body: bytes, kind: str, name: str = "", **headers: str) -> Answer:
    query = f"?{urllib.parse.urlencode({'name': name})}" if name else ""
    return gateway.request("POST", f"/api/documents{query}", body, {"content-type": kind, **headers})


def as_json(gateway: Running, **form: Any) -> Answer:
    return gateway.request("POST", "/api/documents", json.dumps(form).encode())


def search(gateway: Running, said: str, **more: Any) -> list[Json]:
    query = urllib.parse.urlencode({"q": said, **more}, doseq=True)
    answer = gateway.get(f"/api/documents/search?{query}")
    assert answer.status == 200, answer.body
    found: list[Json] = answer.json["found"]
    return found


def test_a_file_is_found_with_its_title_section_and_place(gateway: Running) -> None:
    made = upload(gateway, PAGE, "text/markdown", "refunds.md")
    assert made.status == 201, made.body
    row = made.json
    assert {name: row[name] for name in ("title", "mediaType", "size", "pages")} == {
        "title": "refunds.md",
        "mediaType": "text/markdown",
        "size": len(PAGE),
        "pages": None,
    }
    (found,) = search(gateway, "enterprise contracts")
    assert (found["documentId"], found["title"]) == (row["id"], "refunds.md")
    passage = found["passage"]
    assert passage["section"] == "Refunds > Enterprise"
    assert passage["text"] == "Contracts say otherwise: ask legal."
    assert passage["end"] - passage["start"] == len(passage["text"])


@pytest.mark.parametrize("form", ["text", "content"])
def test_a_file_may_come_as_json(gateway: Running, form: str) -> None:
    said = PAGE.decode() if form == "text" else base64.b64encode(PAGE).decode()
    made = as_json(gateway, name="refunds.md", **{form: said})
    assert (made.status, made.json["mediaType"]) == (201, "text/markdown")
    assert len(search(gateway, "refunds")) == 2


def test_the_same_file_again_is_the_document_there_is(gateway: Running) -> None:
    first = upload(gateway, PAGE, "text/markdown", "refunds.md").json
    assert upload(gateway, PAGE, "text/markdown", "again.md").json == first
    assert as_json(gateway, name="third.md", text=PAGE.decode()).json == first
    assert len(gateway.get("/api/documents").json["documents"]) == 1


def test_a_deleted_document_is_gone_from_everywhere(gateway: Running) -> None:
    row = upload(gateway, PAGE, "text/markdown", "refunds.md").json
    assert gateway.request("DELETE", f"/api/documents/{row['id']}").status == 204
    assert search(gateway, "refunds") == []
    for method in ("GET", "DELETE"):
        gone = gateway.request(method, f"/api/documents/{row['id']}")
        assert (gone.status, gone.error["code"]) == (404, "document_not_found")
    assert gateway.get("/api/documents").json == {"documents": [], "next": None}


def test_a_document_is_shown_in_pages_that_make_its_text(gateway: Running) -> None:
    text = "\n\n".join(f"Paragraph number {at} says something of its own, and then some more." for at in range(200))
    row = as_json(gateway, name="long.txt", text=text).json
    seen: list[Json] = []
    after: Json = -1
    while after is not None:
        page = gateway.get(f"/api/documents/{row['id']}?limit=3&after={after}").json
        seen += page["passages"]
        after = page["next"]
    assert [one["position"] for one in seen] == list(range(row["passages"]))
    assert all(text[one["start"] : one["end"]] == one["text"] for one in seen)
    assert all(later["start"] <= earlier["end"] + 2 for earlier, later in itertools.pairwise(seen))
    assert seen[-1]["end"] == row["characters"] == len(text)


def test_a_search_may_keep_to_some_documents(gateway: Running) -> None:
    rows = [as_json(gateway, name=f"{at}.txt", text=f"the lighthouse number {at}").json for at in range(3)]
    found = search(gateway, "lighthouse", document=[rows[0]["id"], rows[2]["id"]])
    assert {one["title"] for one in found} == {"0.txt", "2.txt"}
    assert search(gateway, "lighthouse", document="doc_of_somebody_else") == []
    assert len(search(gateway, "lighthouse", limit=1)) == 1


def test_lists_come_in_pages(gateway: Running) -> None:
    for at in range(5):
        as_json(gateway, name=f"{at}.txt", text=f"number {at}")
    first = gateway.get("/api/documents?limit=3").json
    second = gateway.get(f"/api/documents?limit=3&before={first['next']}").json
    assert [one["title"] for one in (*first["documents"], *second["documents"])] == [
        f"{at}.txt" for at in (4, 3, 2, 1, 0)
    ]
    assert second["next"] is None


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"GIF89a", "image/gif", 400, "invalid_content_type"),
        (b"PK\x03\x04", "application/octet-stream", 400, "unsupported_document"),
        (b"%PDF-1.7 nothing more", "application/pdf", 400, "unreadable_document"),
        (b"a\0b", "text/plain", 400, "unreadable_document"),
        (b"   \n\n ", "text/plain", 400, "no_text"),
        (b"", "text/plain", 400, "no_text"),
        (b"<script>alert(1)</script>", "text/html", 400, "no_text"),
        (b"x" * 300_001, "text/plain", 413, "document_too_large"),
        (b"word " * 20_000, "text/plain", 400, "document_too_long"),
        (b"{", "application/json", 400, "invalid_json"),
        (b'{"name": "x"}', "application/json", 400, "missing_field"),
        (b'{"name": "x.txt", "content": "&&&"}', "application/json", 400, "invalid_value"),
        (b'{"name": "x.txt", "text": "a", "content": "YQ=="}', "application/json", 400, "missing_field"),
        (b'{"name": "x.gif", "content": "R0lGODlh"}', "application/json", 400, "unsupported_document"),
        (b'{"name": "x.txt", "text": "a\\u0000b"}', "application/json", 400, "unreadable_document"),
    ],
)
def test_what_cannot_be_read_is_refused_and_said(
    gateway: Running, body: bytes, kind: str, status: int, code: str
) -> None:
    refused = upload(gateway, body, kind)
    assert (refused.status, refused.error["code"]) == (status, code), refused.body
    assert gateway.get("/api/documents").json["documents"] == []


def test_one_user_keeps_no_more_than_is_allowed(gateway: Running) -> None:
    for at in range(12):
        assert as_json(gateway, name=f"{at}.txt", text=f"number {at}").status == 201
    refused = as_json(gateway, name="more.txt", text="number 13")
    assert (refused.status, refused.error["code"]) == (400, "too_many_documents")


def test_no_page_of_another_site_can_upload(gateway: Running) -> None:
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
        assert upload(gateway, PAGE, "text/plain", "x.txt", **headers).status == 403
    assert gateway.request("POST", "/api/models/generate", b"x", {"content-type": "text/plain"}).status == 400
    assert upload(gateway, PAGE, "text/plain", "x.txt", **{"sec-fetch-site": "same-origin"}).status == 201


def test_a_name_is_kept_in_one_line_without_what_nobody_sees(gateway: Running) -> None:
    made = as_json(gateway, name="a\r\nb\u202egnp.\u200bexe \U000e0041", text="some words")
    assert made.json["title"] == "a bgnp.exe"
    assert upload(gateway, b"# The title\n\nwords", "text/markdown").json["title"] == "The title"

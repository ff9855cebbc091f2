"""No file harms the gateway that reads it, and no question reaches another user's documents."""

import json
import random
import shutil
import time
import urllib.parse
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.support import pdfs
from tests.support.databases import config_for
from tests.support.gateway import Answer, Running, serving

from wye.assistant.documents.child import Ask, answer
from wye.assistant.documents.reading import Reading
from wye.config.tools import DocumentSettings
from wye.core.errors import InvalidRequestError

ADMIN_KEY = "wye-admin-0123456789abcdefghij"
SECONDS = 3.0
SMALL = structs.replace(DocumentSettings(), read_seconds=SECONDS, max_pages=100, max_characters=1_000_000)


def packed(size: int, byte: bytes = b" ") -> bytes:
    """Return a compressed stream of `size` bytes of one kind, without ever holding them."""
    squeezer, piece = zlib.compressobj(1), byte * 2**20
    return b"".join([*(squeezer.compress(piece) for _ in range(size >> 20)), squeezer.flush()])


def nested(depth: int) -> bytes:
    return pdfs.with_contents(b"[" * depth + b"]" * depth)


def circular() -> bytes:
    return pdfs.put_together(
        [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 1000000000 >>"]
    )


def doubling() -> bytes:
    """Return a tree of pages in which every level names the next one ten times."""
    levels = [b"<< /Type /Pages /Count 1 /Kids [%b] >>" % (b"%d 0 R " % number * 10) for number in range(3, 20)]
    return pdfs.put_together([b"<< /Type /Catalog /Pages 2 0 R >>", *levels, pdfs.page(1)])


def forms_in_forms() -> bytes:
    """Return a page that draws a form which draws itself."""
    form = pdfs.stream(b"/X Do /X Do", more=b"/Type /XObject /Subtype /Form /Resources << /XObject << /X 6 0 R >> >>")
    page = (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 5 0 R /Resources << /XObject << /X 6 0 R >> >> >>"
    )
    return pdfs.put_together(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [4 0 R] /Count 1 >>",
            b"null",
            page,
            pdfs.stream(b"/X Do"),
            form,
        ]
    )


BOMBS: dict[str, Callable[[], bytes]] = {
    "much of nothing": lambda: pdfs.with_contents(pdfs.stream(packed(2**28), packed=False)),
    "a bomb within a bomb": lambda: pdfs.with_contents(
        pdfs.stream(zlib.compress(packed(2**28)), packed=False).replace(b"/FlateDecode", b"[/FlateDecode /FlateDecode]")
    ),
    "endless operators": lambda: pdfs.with_contents(pdfs.stream(b"(x) Tj " * 3_000_000)),
    "a deep array": lambda: nested(200_000),
    "a tree of pages that is a circle": circular,
    "a tree of pages that doubles": doubling,
    "a form that draws itself": forms_in_forms,
    "a wide predictor": lambda: pdfs.with_contents(
        pdfs.stream(b"x" * 1000, more=b"/DecodeParms << /Predictor 15 /Columns 2000000000 >>")
    ),
    "a length that is a lie": lambda: pdfs.with_contents(b"<< /Length 99999999999 >>\nstream\nx\nendstream"),
    "ten million objects": lambda: pdfs.put_together([b"<< /Type /Catalog /Pages 2 0 R >>"]).replace(
        b"0 2\n", b"0 9999999999\n"
    ),
}
PAGES = {
    "a million elements": b"<div>" * 1_000_000 + b"x",
    "a million ends": b"x" + b"</div>" * 1_000_000,
    "tags that never close": b"<a " * 500_000,
    "attributes without end": b"<a " + b'b="c" ' * 500_000,
    "declarations": b"<!" * 300_000,
    "comments that never close": b"<!--" * 300_000,
    "references": b"&" * 1_000_000 + b"&#x110000;&#xD800;&#0;",
    "hidden in hidden": b"<div hidden>" * 300_000,
    "processing": b"<?" * 300_000,
    "brackets": b"<" * 2_000_000,
    "sections": b"<![CDATA[" * 200_000,
    "headings": b"<h1>" * 300_000,
    "charset": b"<meta charset=" * 200 + b"x",
}


REFUSALS = {"document_too_complex", "unreadable_document", "no_text", "too_many_pages", "document_too_long"}


async def refusal(body: bytes, kind: str) -> str | None:
    """Read a file, and return the code with which it was refused."""
    try:
        await Reading(SMALL).read(body, kind)
    except InvalidRequestError as refused:
        return refused.code
    return None


@pytest.mark.parametrize("name", BOMBS)
async def test_a_pdf_made_to_harm_is_given_up_in_time(name: str) -> None:
    body = BOMBS[name]()
    assert len(body) < SMALL.max_bytes
    began = time.monotonic()
    assert await refusal(body, "application/pdf") in REFUSALS
    assert time.monotonic() - began < SECONDS + 20  # what it may take, and what a busy machine adds


@pytest.mark.parametrize("name", PAGES)
async def test_html_made_to_harm_is_read_or_given_up_in_time(name: str) -> None:
    began = time.monotonic()
    assert await refusal(PAGES[name], "text/html") in {None, *REFUSALS}
    assert time.monotonic() - began < SECONDS + 20


@pytest.mark.parametrize("seed", range(300))
def test_a_damaged_pdf_is_read_or_refused(seed: int) -> None:
    chance = random.Random(seed)
    body = bytearray(pdfs.pdf(["Refunds take five days.", "Contracts say otherwise."], title="Terms"))
    for _ in range(chance.choice([1, 3, 10, 40])):
        at = chance.randrange(len(body))
        match chance.randrange(4):
            case 0:
                body[at] = chance.randrange(256)
            case 1:
                del body[at : at + chance.randrange(1, 40)]
            case 2:
                body[at:at] = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 20)))
            case 3:
                other = chance.randrange(len(body))
                body[at : at + 20] = body[other : other + 20]
    ask = Ask(kind="pdf", max_pages=100, max_characters=10_000, seconds=10, memory=2**30)
    told = answer(ask, bytes(body))
    assert told.passages or told.code in {"unreadable_document", "no_text", "too_many_pages", "encrypted_document"}
    json.dumps([one.text for one in told.passages]).encode()


class As:
    """Asks a gateway with a key."""

    def __init__(self, gateway: Running, key: str) -> None:
        self.gateway = gateway
        self.key = key

    def __call__(self, method: str, path: str, body: Any = None) -> Answer:
        sent = None if body is None else json.dumps(body).encode()
        return self.gateway.request(method, path, sent, {"authorization": f"Bearer {self.key}"})

    def search(self, said: str, **more: str) -> Answer:
        return self("GET", f"/api/documents/search?{urllib.parse.urlencode({'q': said, **more})}")


@pytest.fixture(scope="module")
def admin(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[As]:
    file = tmp_path_factory.mktemp("attacks") / "wye.db"
    shutil.copy(sqlite_template, file)
    with serving(f'[server]\nadmin_key = "{ADMIN_KEY}"\n', store=config_for(f"sqlite:///{file}")) as running:
        yield As(running, ADMIN_KEY)


def person(admin: As, name: str, *scopes: str) -> As:
    if admin("GET", f"/api/users/{name}").status == 404:
        admin("POST", "/api/users", {"name": name, "id": name})
    made = admin("POST", "/api/keys", {"userId": name, "scopes": list(scopes or ("use",))})
    return As(admin.gateway, made.json["key"])


def test_another_users_document_is_not_there(admin: As) -> None:
    ann, bob = person(admin, "ann"), person(admin, "bob")
    secret = ann("POST", "/api/documents", {"name": "plan.txt", "text": "the lighthouse opens in May"}).json["id"]
    unknown = bob("GET", "/api/documents/doc_0")
    for who in (bob, admin):
        for method in ("GET", "DELETE"):
            refused = who(method, f"/api/documents/{secret}")
            assert (refused.status, refused.error["code"]) == (404, unknown.error["code"])
            assert refused.error["message"].replace(secret, "doc_0") == unknown.error["message"]
        assert who.search("lighthouse").json == {"found": []}
        assert who.search("lighthouse", document=secret).json == {"found": []}
        assert who("GET", "/api/documents").json["documents"] == []
        assert who("GET", f"/api/documents?before={secret}").json["documents"] == []
        # The same file is nobody's proof that another has it.
        mine = who("POST", "/api/documents", {"name": "mine.txt", "text": "the lighthouse opens in May"}).json
        assert (mine["id"] != secret, mine["title"]) == (True, "mine.txt")
        assert who("DELETE", f"/api/documents/{mine['id']}").status == 204
    assert len(ann.search("lighthouse").json["found"]) == 1


def test_the_tool_sees_its_callers_documents_alone(admin: As) -> None:
    ann, bob = person(admin, "ann"), person(admin, "bob")
    secret = ann("POST", "/api/documents", {"name": "tide.txt", "text": "the tide table is in the drawer"}).json["id"]
    for arguments in (
        {"query": "tide table drawer"},
        {"query": "tide", "document": secret},
        {"query": "tide", "document": "tide.txt"},
        {"query": "tide' OR user_id='ann"},
    ):
        told = bob("POST", "/api/tools/document_search", {"arguments": arguments})
        assert told.status == 200, told.body
        assert b"drawer" not in told.body.replace(b"tide table drawer", b"")
    assert b"drawer" in ann("POST", "/api/tools/document_search", {"arguments": {"query": "tide"}}).body


@pytest.mark.parametrize("scope", ["read", "manage", "use"])
def test_each_scope_does_what_it_says(admin: As, scope: str) -> None:
    asks = person(admin, f"only-{scope}", scope)
    statuses = {
        "look": asks("GET", "/api/documents").status,
        "upload": asks("POST", "/api/documents", {"name": "x.txt", "text": scope}).status,
        "search": asks.search("x").status,
    }
    assert statuses == {
        "look": 403 if scope == "manage" else 200,
        "upload": 403 if scope == "read" else 201,
        "search": 403 if scope == "manage" else 200,
    }


@pytest.mark.parametrize(
    "said",
    [
        "'; DROP TABLE passages; --", '" OR ""="', "x') UNION SELECT text FROM passages --", "NEAR(a b)", "terms:*",
        "*", "a" * 2000, "=cmd|' /C calc'!A0", "<script>alert(1)</script>", "${jndi:ldap://x}", "%s%n", "\u202e",
        "\U0001f469\u200d\U0001f467",
    ],
)  # fmt: skip
def test_no_name_and_no_question_is_more_than_words(admin: As, said: str) -> None:
    ann = person(admin, "ann")
    assert ann.search(said).status == 200
    made = ann("POST", "/api/documents", {"name": f"{said[:190]}.txt", "text": f"{said} among others"})
    assert made.status == 201, made.body
    shown = ann("GET", f"/api/documents/{made.json['id']}")
    assert shown.headers["content-type"] == "application/json"
    assert shown.json["document"] == made.json
    assert ann.search("among others").json["found"]
    assert ann("DELETE", f"/api/documents/{made.json['id']}").status == 204


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain", "text/plain; charset=utf-7", 'text/html; charset="', "text/html", "application/pdf",
        "text/markdown", "application/xhtml+xml", "application/octet-stream", "application/json", "text/",
        "application/json; charset=x", "multipart/form-data; boundary=x", "x" * 4000, "\xff/\xff", "application/zip",
    ],
)  # fmt: skip
def test_no_body_of_any_type_breaks_the_gateway(admin: As, kind: str) -> None:
    ann, chance = person(admin, "ann"), random.Random(kind)
    headers = {"authorization": f"Bearer {ann.key}", "content-type": kind}
    for size in (0, 1, 300, 5000):
        body = chance.randbytes(size)
        answer = admin.gateway.request("POST", "/api/documents?name=%F0%9F%98%80", body, headers)
        assert answer.status in {201, 400, 413}, (kind, size, answer.body)
        if answer.status == 201:
            assert ann("DELETE", f"/api/documents/{answer.json['id']}").status == 204
        else:
            assert answer.error["code"]


def test_what_is_no_question_is_refused(admin: As) -> None:
    ann = person(admin, "ann")
    for query in ("", "?q=", f"?q={'x' * 2001}", "?q=%00", "?q=a&q=b", "?q=a&limit=0", "?q=a&limit=51", "?what=a"):
        refused = ann("GET", f"/api/documents/search{query}")
        assert (refused.status, refused.error["type"]) == (400, "invalid_request_error"), query

"""Nobody reaches another's conversations, and nothing that is said, sent along or named does more than be kept."""

import base64
import json
import urllib.parse
from typing import Any

import pytest
from tests.support.gateway import Json
from tests.support.talking import Scripted, Talker

INJECTIONS = (
    "'; DROP TABLE messages; --",
    '" OR 1=1 --',
    "%' OR '1'='1",
    "1); DELETE FROM conversations; --",
    "\\'; SELECT pg_sleep(10); --",
    "NEAR(a b) AND text:* OR ^x",
    "${jndi:ldap://x}",
    "{{7*7}}",
    "a" * 200,
)


def encoded(media_type: str, body: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(body).decode()}"


CROSSING = [
    ("GET", "/api/conversations/{talk}", None),
    ("PATCH", "/api/conversations/{talk}", {"title": "mine"}),
    ("PATCH", "/api/conversations/{talk}", {"head": "{message}"}),
    ("DELETE", "/api/conversations/{talk}", None),
    ("GET", "/api/conversations/{talk}/messages", None),
    ("GET", "/api/conversations/{talk}/messages?head={message}", None),
    ("POST", "/api/conversations/{talk}/messages/{message}/edit", {"message": "mine"}),
    ("POST", "/api/conversations/{talk}/messages/{message}/edit/stream", {"message": "mine"}),
    ("POST", "/api/conversations/{talk}/regenerate", {}),
    ("POST", "/api/conversations/{talk}/regenerate/stream", {"messageId": "{message}"}),
    ("GET", "/api/conversations/{talk}/export", None),
    ("GET", "/api/conversations/{talk}/export?format=md", None),
    ("GET", "/api/conversations/{talk}/attachments/{file}", None),
    ("POST", "/api/conversations/generate-title", {"conversation": "{talk}"}),
    ("POST", "/api/chat/message", {"message": "Hi", "conversation": "{talk}", "model": "up/large"}),
    ("POST", "/api/chat/message/stream", {"message": "Hi", "conversation": "{talk}", "model": "up/large"}),
]


@pytest.mark.parametrize(("method", "path", "body"), CROSSING, ids=[f"{m} {p}" for m, p, _ in CROSSING])
def test_anothers_conversation_is_not_there(
    ann: Talker, bob: Talker, model: Scripted, method: str, path: str, body: Any
) -> None:
    model.says = lambda _: "ann's secret answer"
    turn = ann.says("ann's secret", attachments=[{"name": "ann.txt", "text": "ann's file"}])
    (question, _) = ann.told(turn["conversation"])
    names = {
        "talk": turn["conversation"],
        "message": turn["userMessageId"],
        "file": question["attachments"][0]["id"],
    }
    for name, value in names.items():
        path = path.replace(f"{{{name}}}", value)
        body = json.loads(json.dumps(body).replace(f"{{{name}}}", value))
    asked = len(model.asked)
    refused = bob(method, path, body)
    assert refused.status == 404, refused.body
    assert b"secret" not in refused.body
    assert len(model.asked) == asked, "nobody was asked"
    nowhere = path.replace(turn["conversation"], "conv_0000000000000000000000")
    other = json.loads(json.dumps(body).replace(turn["conversation"], "conv_0000000000000000000000"))
    unknown = bob(method, nowhere, other)
    told = refused.body.replace(turn["conversation"].encode(), b"X")
    assert unknown.body.replace(b"conv_0000000000000000000000", b"X") == told, "as if there were none"
    assert [one["text"] for one in ann.told(turn["conversation"])] == ["ann's secret", "ann's secret answer"]


def test_a_message_of_ones_own_does_not_open_anothers_conversation(ann: Talker, bob: Talker) -> None:
    theirs, mine = ann.says("theirs"), bob.says("mine")
    talk = mine["conversation"]
    crossed = [
        ("POST", f"/api/conversations/{talk}/messages/{theirs['userMessageId']}/edit", {"message": "x"}),
        ("POST", f"/api/conversations/{talk}/regenerate", {"messageId": theirs["messageId"]}),
        ("PATCH", f"/api/conversations/{talk}", {"head": theirs["messageId"]}),
        ("GET", f"/api/conversations/{talk}/messages?head={theirs['messageId']}", None),
    ]
    for method, path, body in crossed:
        assert bob(method, path, body).status == 404, path
    other = bob.says("another of mine", attachments=[{"text": "file"}])
    (question, _) = bob.told(other["conversation"])
    file = question["attachments"][0]["id"]
    assert bob("GET", f"/api/conversations/{talk}/attachments/{file}").status == 404


def test_lists_and_searches_find_ones_own_alone(ann: Talker, bob: Talker) -> None:
    ann.says("the heliotrope password")
    assert bob("GET", "/api/conversations?q=heliotrope").json["conversations"] == []
    mine = {one["id"] for one in ann("GET", "/api/conversations?limit=200").json["conversations"]}
    theirs = {one["id"] for one in bob("GET", "/api/conversations?limit=200").json["conversations"]}
    assert mine
    assert not mine & theirs


@pytest.mark.parametrize("text", INJECTIONS)
def test_what_looks_like_sql_is_text_wherever_it_stands(ann: Talker, model: Scripted, text: str) -> None:
    model.says = lambda _: text
    made = ann("POST", "/api/conversations", {"title": text, "tags": [text[:64]], "metadata": {text: text}}).json
    turn = ann.says(text, conversation=made["id"], attachments=[{"name": text, "text": text}])
    quoted = urllib.parse.quote(text)
    for query in (f"q={quoted}", f"tag={urllib.parse.quote(text[:64])}", f"cursor=1-{quoted[:60]}"):
        answer = ann("GET", f"/api/conversations?{query}")
        assert answer.status == 200, answer.body
    tagged = ann("GET", f"/api/conversations?tag={urllib.parse.quote(text[:64])}").json["conversations"]
    assert made["id"] in {one["id"] for one in tagged}
    shown = ann.shown(turn["conversation"])
    assert (shown["title"], shown["tags"], shown["metadata"]) == (text, [text[:64]], {text: text})
    assert [one["text"] for one in ann.told(made["id"])] == [text, text]
    for path in (f"/api/conversations/{quoted}", f"/api/conversations/{made['id']}/messages?head={quoted[:99]}"):
        assert ann("GET", path).status in {400, 404}
    assert ann.shown(made["id"])["title"] == text


@pytest.mark.parametrize(
    ("attachments", "status", "code"),
    [
        ([{"data": encoded("image/png", b"GIF89a not a png")}], 400, "invalid_attachment"),
        ([{"data": encoded("image/webp", b"RIFF1234NOPE")}], 400, "invalid_attachment"),
        ([{"data": encoded("application/pdf", b"MZ a program")}], 400, "invalid_attachment"),
        ([{"data": encoded("image/svg+xml", b"<svg onload=alert(1)>")}], 400, "unsupported_attachment"),
        ([{"data": encoded("text/html", b"\xff\xfe")}], 400, "invalid_attachment"),
        ([{"data": encoded("text/plain", b"a\0b")}], 400, "invalid_attachment"),
        ([{"data": encoded("application/x-msdownload", b"MZ")}], 400, "unsupported_attachment"),
        ([{"data": "data:image/png;base64,%%%"}], 400, "invalid_attachment"),
        ([{"data": "data:image/png;base64,"}], 400, "invalid_attachment"),
        ([{"data": "https://example.com/a.png"}], 400, "invalid_attachment"),
        ([{"data": "file:///etc/passwd"}], 400, "invalid_attachment"),
        ([{"data": "data:" + "x" * 10_000 + ";;;;,"}], 400, "invalid_attachment"),
        ([{}], 400, "invalid_attachment"),
        ([{"data": "data:,x", "text": "y"}], 400, "invalid_attachment"),
        ([{"text": "x" * 20_001}], 413, "attachment_too_large"),
        ([{"data": encoded("text/plain", b"x" * 20_001)}], 413, "attachment_too_large"),
        ([{"data": "data:text/plain," + "%41" * 30_000}], 413, "attachment_too_large"),
        ([{"text": "x"}] * 4, 400, "too_many_attachments"),
        ([{"text": "x", "path": "/etc/passwd"}], 400, "unknown_field"),
        ("x", 400, "invalid_type"),
    ],
)
def test_what_cannot_be_sent_along_is_refused_by_name(
    ann: Talker, model: Scripted, attachments: Any, status: int, code: str
) -> None:
    refused = ann("POST", "/api/chat/message", {"message": "Hi", "model": "up/large", "attachments": attachments})
    assert (refused.status, refused.error["code"]) == (status, code), refused.body
    assert refused.error["param"].startswith("attachments")
    assert not model.asked


def test_metadata_is_no_place_for_much(ann: Talker) -> None:
    much = {"metadata": {"x": "y" * 20_000}}
    assert ann("POST", "/api/conversations", much).error["code"] == "metadata_too_large"
    talk = ann("POST", "/api/conversations", {"metadata": {"x": "y"}}).json["id"]
    assert ann("PATCH", f"/api/conversations/{talk}", much).error["code"] == "metadata_too_large"
    assert ann.shown(talk)["metadata"] == {"x": "y"}
    assert ann("PATCH", f"/api/conversations/{talk}", {"metadata": None}).json["metadata"] is None


def test_a_message_that_is_too_long_or_empty_is_refused(ann: Talker, model: Scripted) -> None:
    long = ann("POST", "/api/chat/message", {"message": "x" * 5001, "model": "up/large"})
    assert (long.status, long.error["code"]) == (400, "message_too_long")
    assert ann("POST", "/api/chat/message", {"message": "", "model": "up/large"}).error["param"] == "message"
    assert ann("POST", "/api/chat/message", {"message": "a\0b", "model": "up/large"}).status == 400
    assert not model.asked


def test_a_conversation_takes_so_much_and_no_more(ann: Talker, model: Scripted) -> None:
    talk = ann.says("Hi", attachments=[{"text": "x" * 20_000}])["conversation"]
    ann.says("Hi", conversation=talk)
    body = {"message": "Hi", "model": "up/large", "conversation": talk}
    full = ann("POST", "/api/chat/message", {**body, "attachments": [{"text": "x" * 15_000}]})
    assert (full.status, full.error["code"]) == (400, "conversation_full")
    assert "max_conversation_bytes" in full.error["message"]
    for _ in range(13):
        ann.says("Hi", conversation=talk)
    asked = len(model.asked)
    assert "max_messages" in ann("POST", "/api/chat/message", body).error["message"]
    assert ann("POST", f"/api/conversations/{talk}/regenerate", {}).error["code"] == "conversation_full"
    assert len(model.asked) == asked


def test_a_file_cannot_name_its_way_anywhere(ann: Talker) -> None:
    names = [
        "../../etc/passwd",
        "..\\..\\boot.ini",
        "a\r\nset-cookie: x=1",
        "\u202egpj.exe",
        "x" * 299,
        '"; filename=evil',
    ]
    for name in names:
        turn = ann.says("Hi", attachments=[{"name": name, "text": "x"}])
        (question, _) = ann.told(turn["conversation"])
        (kept,) = question["attachments"]
        assert not set(kept["name"]) & set("/\\\r\n\u202e")
        assert len(kept["name"]) <= 120
        file = ann("GET", kept["url"])
        assert file.headers["content-disposition"] == f'attachment; filename="{kept["id"]}"'
        assert "set-cookie" not in file.headers


MARKDOWN = """# Assistant (forged)

<script>alert(1)</script> <IMG SRC=x onerror="alert(1)"> <div onclick=alert(1)> \\<script src=//evil>
[click](javascript:alert(1)) [two](java&#115;cript:alert(1)) [three](<data:text/html,x>) ![x](https://evil/?q=1)
[ref]: javascript:alert(1)
```
<iframe src=x>
```
```"""


def test_what_is_said_forges_nothing_in_an_exported_file(ann: Talker, model: Scripted) -> None:
    model.says = lambda _: MARKDOWN
    talk = ann("POST", "/api/conversations", {"title": "x\n# <script>alert(1)</script> [a](javascript:b)"}).json["id"]
    ann.says(MARKDOWN, conversation=talk, attachments=[{"name": "<b>![x](y)", "text": "x"}])
    written = ann("GET", f"/api/conversations/{talk}/export?format=md").body.decode()
    headings = [line for line in written.splitlines() if line.startswith("#")]
    assert [line.partition(",")[0] for line in headings[1:]] == ["## User", "## Assistant (large)"]
    lowered = written.lower()
    for tag in ("<script", "<img", "<div onclick", "<iframe", "](javascript", "](java&#115", "](<data", "![x](http"):
        assert tag not in lowered
    assert "]: javascript" not in lowered
    quoted = [line for line in written.splitlines() if "forged" in line]
    assert quoted
    assert all(line.startswith(">") for line in quoted)
    whole: Json = ann("GET", f"/api/conversations/{talk}/export").json
    assert [one["text"] for one in whole["messages"]] == [MARKDOWN, MARKDOWN], "JSON says it as it was"

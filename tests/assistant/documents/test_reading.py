"""Files are read apart, within bounds, and told no secret."""

import asyncio
import io
import os
import time
from pathlib import Path

import pytest
from msgspec import structs
from pypdf import PdfWriter
from tests.support.pdfs import pdf

from wye.assistant.documents.child import Answer, Ask, answer
from wye.assistant.documents.reading import Reading, media_type_of
from wye.config.tools import DocumentSettings
from wye.core.errors import InvalidRequestError, OverloadedError, RequestTooLargeError


def ask(kind: str = "plain", **more: object) -> Ask:
    values = {"kind": kind, "max_pages": 10, "max_characters": 100_000, "seconds": 10, "memory": 2**30, **more}
    return Ask(**values)  # type: ignore[arg-type]


def read(kind: str, body: str | bytes, **more: object) -> Answer:
    return answer(ask(kind, **more), body if isinstance(body, bytes) else body.encode())


def told(kind: str, body: str | bytes) -> list[tuple[str, str]]:
    got = read(kind, body)
    assert got.code is None, got
    return [(one.section, one.text) for one in got.passages]


def test_markdown_is_cut_at_its_headings() -> None:
    text = "Before.\n\n# One #\nA\n\n## Two\nB\n\nThree\n=====\nC\n\nFour\n----\nD\n"
    assert told("markdown", text) == [
        ("", "Before."),
        ("One", "A"),
        ("One > Two", "B"),
        ("Three", "C"),
        ("Three > Four", "D"),
    ]


def test_code_in_markdown_holds_no_headings() -> None:
    text = "# Real\n```sh\n# no heading\n\n---\nls\n```\nafter\n"
    assert told("markdown", text) == [("Real", "```sh\n# no heading\n\n---\nls\n```\nafter")]


def test_front_matter_names_the_document_and_is_none_of_its_text() -> None:
    got = read("markdown", '---\ntitle: "The plan"\nlayout: page\n---\nBody\n')
    assert (got.title, [one.text for one in got.passages]) == ("The plan", ["Body"])


def test_a_line_over_dashes_in_a_paragraph_is_no_heading() -> None:
    assert told("markdown", "one\ntwo\n---\nthree") == [("", "one\ntwo\n---\nthree")]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("Grüße".encode(), "Grüße"),
        ("Grüße".encode("utf-8-sig"), "Grüße"),
        ("Grüße".encode("utf-16"), "Grüße"),
        ("Grüße “so”".encode("cp1252"), "Grüße “so”"),
        (b"a\r\nb\rc", "a\nb\nc"),
        (b"a\x07b\xe2\x80\x8b\xc2\xadc", "abc"),
    ],
)
def test_text_is_decoded_however_it_is_written(body: bytes, expected: str) -> None:
    assert told("plain", body) == [("", expected)]


def test_a_charset_that_its_sender_names_is_heeded_where_it_is_one_of_texts() -> None:
    japanese = "東京".encode("shift_jis")
    assert answer(ask(charset="Shift_JIS"), japanese).passages[0].text == "東京"
    for name in ("zlib", "unicode_escape", "idna", "no-such", "utf-8\0"):
        assert answer(ask(charset=name), b"plain").passages[0].text == "plain"


def test_html_is_read_as_it_is_shown() -> None:
    page = """<!DOCTYPE html><html><head><title>A &amp; B</title><style>p{}</style></head><body>
    <script>document.write("evil")</script><noscript>no</noscript>
    <h1>One</h1><p>First <b>bold</b>
    line<br>second line</p><p hidden>unseen</p><div style="Display: None">nor this <div>nor that</div></div>
    <h2>Two <i>here</i></h2><ul><li>a<li>b</ul><table><tr><th>x<td>y</tr></table>
    <pre>keep
      this</pre><p aria-hidden="true">not read</p>&#x202e;end<!-- remark --></body></html>"""
    got = read("html", page)
    assert got.title == "A & B"
    assert [(one.section, one.text) for one in got.passages] == [
        ("One", "First bold line\nsecond line"),
        ("One > Two here", "- a\n\n- b\n\nx | y\n\nkeep\n      this\n\nend"),
    ]


@pytest.mark.parametrize(
    "page",
    [
        "<p>a<script>x", "<p>a<svg><svg><p>x</svg></svg>", "<p>a<svg/>", "<p>a<script/>x</script>",
        "<p>a<template><p>x",
        "<p>a<div hidden/>x</div>", "<p>a<![CDATA[x]]>", "<p>a<?x?>", "<p>a</p></p></div></template>",
    ],
)  # fmt: skip
def test_broken_html_shows_what_is_shown(page: str) -> None:
    texts = [text for _, text in told("html", page)]
    assert texts == ["a"]


def test_passages_are_parts_of_the_text_and_overlap_within_a_section() -> None:
    sentences = [f"Sentence number {at} goes on for a while, as sentences do." for at in range(200)]
    text = " ".join(sentences)
    got = read("plain", text)
    assert got.characters == len(text)
    assert all(text[one.start : one.start + len(one.text)] == one.text for one in got.passages)
    assert all(len(one.text) <= 1200 for one in got.passages)
    for sentence in sentences:
        assert any(sentence in one.text for one in got.passages)
    for before, after in zip(got.passages, got.passages[1:], strict=False):
        assert before.start < after.start < before.start + len(before.text)


@pytest.mark.parametrize("text", ["x" * 50_000, "字" * 50_000, " x" * 30_000, "\n".join("y" * 30_000), "." * 50_000])
def test_text_without_sentences_is_cut_all_the_same(text: str) -> None:
    got = read("plain", text)
    assert all(0 < len(one.text) <= 1200 for one in got.passages)
    assert got.passages[-1].start + len(got.passages[-1].text) == got.characters


@pytest.mark.parametrize(
    "text",
    [
        "#" * 1_000_000, "# " * 500_000, "```\n" * 250_000, "=\n" * 500_000, "a\n=\n" * 250_000, '."' * 500_000,
        ". " * 500_000, "---\n" + "title: x\n" * 100_000, "\n" * 1_000_000, " \n" * 500_000, "." + " " * 1_000_000,
        "-" * 1_000_000, "~~~" * 300_000, "# x\n" * 250_000,
    ],
)  # fmt: skip
@pytest.mark.timeout(20)
def test_no_text_takes_longer_than_its_length_explains(text: str) -> None:
    assert read("markdown", text, max_characters=2_000_000).code in {None, "no_text"}


@pytest.mark.parametrize(
    ("said", "name", "body", "expected"),
    [
        ("text/plain; charset=utf-8", "x.md", b"", "text/plain"),
        (None, "x.MD", b"", "text/markdown"),
        ("application/octet-stream", "x.htm", b"", "text/html"),
        ("", "unnamed", b"%PDF-1.7", "application/pdf"),
        ("TEXT/CSV", "x", b"", "text/plain"),
        ("application/xhtml+xml", "x", b"", "text/html"),
    ],
)
def test_a_type_is_what_is_said_or_what_the_name_says(said: str | None, name: str, body: bytes, expected: str) -> None:
    assert media_type_of(said, name, body) == expected


@pytest.mark.parametrize("said", ["image/png", "application/zip", "application/octet-stream", ""])
def test_other_types_are_refused_with_what_is_read(said: str) -> None:
    with pytest.raises(InvalidRequestError, match="text/markdown"):
        media_type_of(said, "x.bin", b"\x7fELF")


async def test_a_process_reads_what_libraries_of_others_read() -> None:
    got = await Reading(DocumentSettings()).read(b"<h1>T</h1><p>words", "text/html")
    assert (got.title, [one.text for one in got.passages]) == ("T", ["words"])


async def test_what_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "python"
    program.write_text('#!/bin/sh\nenv > "$(dirname "$0")/told"\nexec sleep 60\n')
    program.chmod(0o700)
    monkeypatch.setattr("sys.executable", str(program))
    monkeypatch.setenv("OPENAI_API_KEY", "canary-0123456789")
    began = time.monotonic()
    with pytest.raises(InvalidRequestError) as refused:
        await Reading(structs.replace(DocumentSettings(), read_seconds=1)).read(b"<p>x", "text/html")
    assert refused.value.code == "document_too_complex"
    assert time.monotonic() - began < 30
    assert "canary" not in (tmp_path / "told").read_text()


async def test_a_reader_whose_request_is_cancelled_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "python"
    program.write_text('#!/bin/sh\ncd "$(dirname "$0")"\necho $$ > new; mv new pid\nexec sleep 60\n')
    program.chmod(0o700)
    monkeypatch.setattr("sys.executable", str(program))
    task = asyncio.create_task(Reading(DocumentSettings()).read(b"<p>x", "text/html"))
    while not (tmp_path / "pid").exists():  # noqa: ASYNC110 - another process says so
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


async def test_more_than_can_wait_are_refused() -> None:
    reading = Reading(DocumentSettings())
    asked = [asyncio.create_task(reading.read(b"<p>x", "text/html")) for _ in range(19)]
    await asyncio.sleep(0)
    with pytest.raises(OverloadedError):
        await asked[-1]
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    assert (await reading.read(b"x", "text/plain")).characters == 1


async def test_what_is_too_large_is_not_read() -> None:
    with pytest.raises(RequestTooLargeError, match="max_bytes"):
        await Reading(structs.replace(DocumentSettings(), max_bytes=3)).read(b"four", "text/plain")


async def test_a_pdf_is_read_page_by_page() -> None:
    body = pdf(["Refunds take five days.\nAsk us.", "", "Con-\ntracts say otherwise (see annex)."], title="Terms")
    got = await Reading(DocumentSettings()).read(body, "application/pdf")
    assert (got.title, got.pages) == ("Terms", 3)
    assert [(one.page, one.text) for one in got.passages] == [
        (1, "Refunds take five days.\nAsk us."),
        (3, "Contracts say otherwise (see annex)."),
    ]


def test_a_pdf_with_too_many_pages_is_refused_with_their_number() -> None:
    got = read("pdf", pdf(["x"] * 11))
    assert (got.code, "11 pages" in got.message, "10 are read" in got.message) == ("too_many_pages", True, True)


def test_a_pdf_without_text_says_that_scans_must_be_recognised() -> None:
    got = read("pdf", pdf(["", ""]))
    assert (got.code, "recognised" in got.message) == ("no_text", True)


def test_a_pdf_behind_a_password_is_refused_and_one_that_only_forbids_printing_is_read() -> None:
    for password, code in (("secret", "encrypted_document"), ("", None)):
        writer = PdfWriter(clone_from=io.BytesIO(pdf(["words"])))
        writer.encrypt(password, "owner", algorithm="AES-256")
        out = io.BytesIO()
        writer.write(out)
        assert read("pdf", out.getvalue()).code == code

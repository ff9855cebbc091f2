"""Reads plain text and Markdown."""

import codecs
import re
from collections.abc import Iterator
from typing import Final

from wye.assistant.documents.parsed import Block, Headings, Parsed, Refused, clean

_ENCODING: Final = re.compile(
    r"(utf[-_]?(8|16|32)([-_]?[bl]e)?|(us[-_])?ascii|iso[-_]?8859[-_]\d+|latin[-_]?1|windows[-_]\d+|cp\d+|koi8[-_][ru]"
    r"|shift[-_]?jis|euc[-_](jp|kr)|gb(k|2312|18030)|big5)"
)
"""Those in which texts are written; Python knows others, of which some take very long."""
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_HEADING: Final = re.compile(r" {0,3}(#{1,6})[ \t]+(.*)")
_UNDERLINE: Final = re.compile(r" {0,3}(=+|-+)[ \t]*")
_FENCE: Final = re.compile(r" {0,3}(```+|~~~+)")
_FRONT_MATTER_AT_MOST: Final = 200
_TITLE: Final = re.compile(r"title:[ \t]*(.+)", re.IGNORECASE)


def decode(body: bytes, charset: str | None) -> str:
    """Return the text that a file holds; `charset` is what its sender says. Raises `Refused` where it holds none."""
    found = next((name for mark, name in _MARKS if body.startswith(mark)), None)
    named = charset.lower() if charset and _ENCODING.fullmatch(charset.lower()) else None
    for name in (found, named, "utf-8"):
        if name is None:
            continue
        try:
            text = body.decode(name)
            break
        except (UnicodeError, LookupError):
            continue
    else:
        text = body.decode("cp1252", "replace")
    if "\0" in text:
        raise Refused(
            "unreadable_document",
            "the file is not text: send text, Markdown or HTML as such, and PDF as application/pdf",
        )
    return clean(text)


def plain(text: str) -> Parsed:
    """Read paragraphs, with a blank line between them."""
    return Parsed(blocks=[Block(text=one) for one in _paragraphs(text.split("\n"))])


def markdown(text: str) -> Parsed:
    """Read paragraphs and code below their headings."""
    lines, title = _without_front_matter(text.split("\n"))
    headings, blocks, open_lines = Headings(), list[Block](), list[str]()

    def close() -> None:
        blocks.extend(Block(text=one, section=headings.path) for one in _paragraphs(open_lines))
        open_lines.clear()

    fence = ""
    for line in lines:
        if fence:
            open_lines.append(line or " ")  # a blank line ends no code
            if line.strip().startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
        elif opened := _FENCE.match(line):
            fence = opened[1]
            open_lines.append(line)
        elif heading := _HEADING.fullmatch(line):
            close()
            headings.enter(len(heading[1]), heading[2].rstrip("# \t"))
        elif (under := _UNDERLINE.fullmatch(line)) and _is_single(open_lines):
            said = open_lines.pop()
            close()
            headings.enter(1 if under[1].startswith("=") else 2, said)
        else:
            open_lines.append(line)
    close()
    return Parsed(blocks=blocks, title=title or headings.first)


def _is_single(lines: list[str]) -> bool:
    """Tell whether the last line is a paragraph of its own."""
    return bool(lines) and bool(lines[-1].strip()) and (len(lines) == 1 or not lines[-2].strip())


def _without_front_matter(lines: list[str]) -> tuple[list[str], str | None]:
    if not lines or lines[0].strip() != "---":
        return lines, None
    title = None
    for at, line in enumerate(lines[1:_FRONT_MATTER_AT_MOST], 1):
        if line.strip() == "---":
            return lines[at + 1 :], title
        if named := _TITLE.fullmatch(line):
            title = named[1].strip().strip("\"'")
    return lines, None


def _paragraphs(lines: list[str]) -> Iterator[str]:
    paragraph: list[str] = []
    for line in (*lines, ""):
        if line.strip() or line == " ":
            paragraph.append(line.rstrip())
        elif paragraph:
            text = "\n".join(paragraph).strip("\n")
            if text.strip():
                yield text
            paragraph = []

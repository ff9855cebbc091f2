"""Reads HTML: the text that a browser would show, below its headings. Nothing in it is run or fetched."""

import re
from html.parser import HTMLParser
from typing import Final

from wye.assistant.documents.parsed import Block, Headings, Parsed, clean

_VOID: Final = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}
)
_UNSHOWN: Final = frozenset(
    {
        "script", "style", "template", "noscript", "iframe", "object", "svg", "math", "canvas", "select", "textarea",
        "audio", "video",
    }
)  # fmt: skip
_BREAKING: Final = frozenset(
    {
        "address", "article", "aside", "blockquote", "body", "dd", "details", "div", "dl", "dt", "fieldset",
        "figcaption",        "figure",
        "footer", "form", "header", "hr", "html", "legend", "li", "main", "nav", "ol", "p", "pre", "section",
        "summary", "table", "tbody", "tfoot", "thead", "tr", "ul",
    }
)  # fmt: skip
_HEADINGS: Final = {f"h{level}": level for level in range(1, 7)}
_HIDDEN: Final = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])", re.IGNORECASE)
_CHARSET: Final = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?([\w-]{1,40})", re.IGNORECASE)


def charset_of(body: bytes) -> str | None:
    """Return the encoding that a page names."""
    found = _CHARSET.search(body[:2048])
    return found[1].decode() if found else None


def html(text: str) -> Parsed:
    """Read a page."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    reader.end_block()
    return Parsed(blocks=reader.blocks, title=reader.title or reader.headings.first)


class _Reader(HTMLParser):
    """Follows the tags; it never holds more of the tree than the elements that are not shown."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[Block] = []
        self.headings = Headings()
        self.title: str | None = None
        self._said: list[str] = []
        self._heading = ""
        self._pre = 0
        self._in_title = False
        self._unshown = ""
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._unshown:
            self._depth += tag == self._unshown
        elif (tag in _UNSHOWN or _is_hidden(attrs)) and tag not in _VOID:
            self._unshown, self._depth = tag, 1
        elif tag == "title":
            self._in_title = True
        elif tag in _HEADINGS:
            self.end_block()
            self._heading = tag
        elif tag == "br":
            self._said.append("\n")
        elif tag in {"td", "th"}:
            self._said.append(" | " if "".join(self._said).strip() else "")
        elif tag in _BREAKING:
            self.end_block()
            self._pre += tag == "pre"
            if tag == "li":
                self._said.append("- ")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # The slash ends elements of SVG and MathML; elsewhere browsers take no notice of it.
        if tag in _VOID or not (self._unshown or tag in {"svg", "math"}):
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self._unshown:
            self._depth -= tag == self._unshown
            if not self._depth:
                self._unshown = ""
        elif tag == "title":
            self._in_title = False
        elif tag in _HEADINGS:
            self._end_heading()
        elif tag in _BREAKING:
            self.end_block()
            self._pre = max(0, self._pre - (tag == "pre"))

    def handle_data(self, data: str) -> None:
        if self._unshown:
            return
        if self._in_title:
            self.title = clean(((self.title or "") + data)[:300]).strip() or None
        else:
            self._said.append(data if self._pre else re.sub(r"\s+", " ", data))

    def end_block(self) -> None:
        """End a paragraph."""
        if self._heading:
            self._end_heading()
            return
        said = "".join(self._said)
        self._said.clear()
        lines = [line.rstrip() if self._pre else line.strip() for line in said.split("\n")]
        text = clean("\n".join(lines)).strip("\n")
        if text.strip(" -|\n"):
            self.blocks.append(Block(text=text, section=self.headings.path))

    def _end_heading(self) -> None:
        if self._heading:
            self.headings.enter(_HEADINGS[self._heading], clean("".join(self._said)))
            self._said.clear()
            self._heading = ""


def _is_hidden(attrs: list[tuple[str, str | None]]) -> bool:
    return any(
        name == "hidden"
        or (name == "aria-hidden" and value == "true")
        or (name == "style" and value is not None and _HIDDEN.search(value) is not None)
        for name, value in attrs
    )

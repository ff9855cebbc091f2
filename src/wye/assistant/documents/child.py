"""The program that reads one file: a process of its own, which a file made to harm can only take down with itself.

It is asked by its one argument and its standard input, and answers on its standard output; see `reading`.
"""

import logging
import resource
import sys
from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct

from wye.assistant.documents.cutting import cut
from wye.assistant.documents.markup import charset_of, html
from wye.assistant.documents.parsed import Parsed, Refused
from wye.assistant.documents.pdf import pdf
from wye.assistant.documents.texts import decode, markdown, plain
from wye.core.document import Passage

Kind: TypeAlias = Literal["plain", "markdown", "html", "pdf"]


class Ask(Struct, frozen=True, kw_only=True):
    """What is to be read, and within what: `seconds` of the processor, `memory` in bytes."""

    kind: Kind
    charset: str | None = None
    max_pages: int
    max_characters: int
    seconds: int
    memory: int


class Answer(Struct, frozen=True, kw_only=True):
    """What was read, or why not: `code` is set where it was refused."""

    passages: list[Passage] = []
    characters: int = 0
    pages: int | None = None
    title: str | None = None
    code: str | None = None
    message: str = ""


def answer(ask: Ask, body: bytes) -> Answer:
    """Read a file."""
    try:
        return _answer(ask, body)
    except Refused as refused:
        return Answer(code=refused.code, message=refused.message)
    except (MemoryError, RecursionError):
        return Answer(code="document_too_complex", message="reading the document takes too much memory: simplify it")
    except Exception:  # noqa: BLE001 - a damaged file may make the library that reads it raise anything
        return Answer(code="unreadable_document", message="the document is damaged: open it and save it again")


def _answer(ask: Ask, body: bytes) -> Answer:
    parsed = _parsed(ask, body)
    passages, characters = cut(parsed.blocks)
    if characters > ask.max_characters:
        message = f"the document has more than {ask.max_characters:,} characters of text: split it"
        raise Refused("document_too_long", message)
    if not passages:
        why = "; a scan needs its text recognised first" if ask.kind == "pdf" else ""
        raise Refused("no_text", f"there is no text in this document{why}")
    return Answer(passages=passages, characters=characters, pages=parsed.pages, title=parsed.title)


def _parsed(ask: Ask, body: bytes) -> Parsed:
    if ask.kind == "pdf":
        return pdf(body, max_pages=ask.max_pages, max_characters=ask.max_characters)
    if ask.kind == "html":
        return html(decode(body, ask.charset or charset_of(body)))
    text = decode(body, ask.charset)
    return markdown(text) if ask.kind == "markdown" else plain(text)


def main() -> None:
    """Answer once, within the limits that are asked for."""
    ask = msgspec.json.decode(sys.argv[1], type=Ask)
    body = sys.stdin.buffer.read()
    logging.disable(logging.CRITICAL)
    if ask.kind == "pdf":
        import pypdf  # noqa: F401 - what it takes to load is not the file's fault
    resource.setrlimit(resource.RLIMIT_AS, (ask.memory, ask.memory))
    resource.setrlimit(resource.RLIMIT_CPU, (ask.seconds, ask.seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    sys.stdout.buffer.write(msgspec.json.encode(answer(ask, body)))


if __name__ == "__main__":
    main()

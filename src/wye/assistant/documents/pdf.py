"""Reads PDF, page by page."""

import io
import re
from typing import Final

from wye.assistant.documents.parsed import Block, Parsed, Refused, clean

_HYPHEN: Final = re.compile(r"(?<=[^\W\d_])-\n(?=[^\W\d_])")
_DAMAGED: Final = "the file is no PDF that can be read: open and save it again with another program"


def pdf(body: bytes, *, max_pages: int, max_characters: int) -> Parsed:
    """Read a PDF. Raises `Refused`, and whatever a damaged one makes of the library that reads it."""
    import pypdf
    from pypdf.errors import PyPdfError

    try:
        reader = pypdf.PdfReader(io.BytesIO(body))
        if reader.is_encrypted and not reader.decrypt(""):
            raise Refused("encrypted_document", "the PDF needs a password: save it without one")
        pages = len(reader.pages)
    except PyPdfError:
        raise Refused("unreadable_document", _DAMAGED) from None
    if pages > max_pages:
        raise Refused("too_many_pages", f"the PDF has {pages} pages; {max_pages} are read at most: split it")
    blocks: list[Block] = []
    characters = 0
    for number, page in enumerate(reader.pages, 1):
        try:
            text = clean(page.extract_text())
        except PyPdfError:
            continue  # the other pages may be well
        characters += len(text)
        if characters > max_characters:
            break  # whoever cuts this into passages refuses it
        text = _HYPHEN.sub("", re.sub(r"[ \t]+", " ", text)).strip()
        if text:
            blocks.append(Block(text=text, page=number))
    return Parsed(blocks=blocks, title=_title(reader), pages=pages)


def _title(reader: object) -> str | None:
    try:
        said = getattr(getattr(reader, "metadata", None), "title", None)
    except Exception:  # noqa: BLE001 - a title is not worth failing for
        return None
    return clean(said).strip()[:200] or None if isinstance(said, str) else None

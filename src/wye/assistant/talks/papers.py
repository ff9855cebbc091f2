"""PDFs for models that read none: their text is sent instead, and it is said."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import structs

from wye.assistant.documents.reading import Reading
from wye.assistant.talks.history import Draft, Past
from wye.assistant.talks.sent import PDF
from wye.core.document import Passage
from wye.core.errors import ContextLengthError, InvalidRequestError, UnsupportedOperationError
from wye.engine import Engine

_PAPER: Final = f"data:{PDF};base64,"


def papers_in(messages: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether a PDF was sent along with any of these messages."""
    return any(_is_paper(part) for one in messages for part in _parts(one))


async def as_texts(
    engine: Engine, draft: Draft, reading: Reading, past: Sequence[Past], last: Mapping[str, Any]
) -> tuple[Sequence[Past], Mapping[str, Any], int]:
    """Return messages with the text of their PDFs where nobody who may answer reads PDFs, and how many there were.

    Raises `InvalidRequestError` for one whose text cannot be read.
    """
    messages = [*(one.message for one in past), last]
    if not papers_in(messages):
        return past, last, 0
    try:
        draft.plan(engine, messages, "pdf")
    except UnsupportedOperationError:
        pass
    except ContextLengthError:
        return past, last, 0  # there is somebody who reads them
    else:
        return past, last, 0
    reading.config = engine.snapshot.settings.tools.document_search
    read = [structs.replace(one, message=await _read(one.message, reading)) for one in past]
    count = sum(_is_paper(part) for one in messages for part in _parts(one))
    return read, await _read(last, reading), count


async def _read(message: Mapping[str, Any], reading: Reading) -> Mapping[str, Any]:
    parts = [await _as_text(part, reading) if _is_paper(part) else part for part in _parts(message)]
    return {**message, "content": parts} if parts else message


async def _as_text(part: Mapping[str, Any], reading: Reading) -> dict[str, Any]:
    name = part["file"].get("filename") or "a PDF"
    try:
        body = base64.b64decode(part["file"]["file_data"][len(_PAPER) :], validate=True)
    except (binascii.Error, ValueError):
        message = f"the base64 of the file {name} is damaged"
        raise InvalidRequestError(message, code="invalid_attachment", param="messages") from None
    text = _joined((await reading.read(body, PDF)).passages)
    return {"type": "text", "text": f"The text of the file {name}:\n\n{text}\n\n(End of the file {name}.)"}


def _joined(passages: Sequence[Passage]) -> str:
    """Return the text that passages were cut from; they overlap."""
    text, end = "", 0
    for one in passages:
        text += one.text if one.start >= end else one.text[end - one.start :]
        end = max(end, one.start + len(one.text))
        text += "\n" if not text.endswith("\n") else ""
    return text


def _parts(message: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    content = message.get("content")
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else ()


def _is_paper(part: Mapping[str, Any]) -> bool:
    file = part.get("file") if part.get("type") == "file" else None
    data = file.get("file_data") if isinstance(file, dict) else None
    return isinstance(data, str) and data.startswith(_PAPER)

"""Has files read within bounds of size, time and memory: in a process of their own what others' libraries read."""

import asyncio
import math
import sys
from importlib.util import find_spec
from typing import Final

import msgspec

from wye.assistant.documents.child import Answer, Ask, Kind, answer
from wye.config.tools import DocumentSettings
from wye.core.errors import InvalidRequestError, OverloadedError, RequestTooLargeError
from wye.core.extras import adding

TYPES: Final[dict[str, Kind]] = {
    "text/plain": "plain",
    "text/markdown": "markdown",
    "text/x-markdown": "markdown",
    "text/html": "html",
    "application/xhtml+xml": "html",
    "application/pdf": "pdf",
}
_SUFFIXES: Final[dict[str, str]] = {
    ".txt": "text/plain",
    ".text": "text/plain",
    ".log": "text/plain",
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".html": "text/html",
    ".htm": "text/html",
    ".xhtml": "text/html",
    ".pdf": "application/pdf",
}
_MEMORY: Final = 768 * 1024 * 1024
"""Bytes of address space that reading one file may take, with what Python and its libraries take."""
_SMALL: Final = 1024 * 1024
"""Bytes of plain text and Markdown that are read in this process, in time that grows no faster than they do."""
_AT_ONCE: Final = 2
_WAITING_AT_MOST: Final = 16
_TOO_COMPLEX: Final = "document_too_complex"


def media_type_of(said: str | None, name: str, body: bytes) -> str:
    """Return a file's media type: what its sender says or, where that says nothing, what its name and beginning do.

    Raises `InvalidRequestError` for one that cannot be read.
    """
    said = (said or "").partition(";")[0].strip().lower()
    if said in TYPES:
        return "text/html" if TYPES[said] == "html" else "text/markdown" if TYPES[said] == "markdown" else said
    if not said or said == "application/octet-stream":
        dot = name.rfind(".")
        by_name = _SUFFIXES.get(name[dot:].lower()) if dot >= 0 else None
        if by_name is None and body.startswith(b"%PDF-"):
            by_name = "application/pdf"
        if by_name is not None:
            return by_name
    elif said.startswith("text/"):
        return "text/plain"
    raise InvalidRequestError(
        f"documents of the type {said[:100] or 'of this file'!r} are not read; send "
        "text/plain, text/markdown, text/html or application/pdf as 'mediaType' or Content-Type",
        code="unsupported_document",
        param="mediaType",
    )


class Reading:
    """Reads files, a few at a time."""

    def __init__(self, config: DocumentSettings) -> None:
        """Read within the bounds of `config`."""
        self.config = config
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._asked = 0

    async def read(self, body: bytes, media_type: str, *, charset: str | None = None) -> Answer:
        """Return what a file says.

        Raises `RequestTooLargeError` for one that is too large, `InvalidRequestError` for one that cannot be read, and
        `OverloadedError` where too many wait to be read.
        """
        config = self.config
        if len(body) > config.max_bytes:
            raise RequestTooLargeError(
                f"the document is larger than {config.max_bytes:,} bytes ([tools.document_search] max_bytes): split it",
                code="document_too_large",
            )
        if TYPES[media_type] == "pdf" and find_spec("pypdf") is None:
            raise InvalidRequestError(
                f"this gateway reads no PDF: its operator can add that ({adding('documents')})",
                code="unsupported_document",
            )
        if self._asked >= _AT_ONCE + _WAITING_AT_MOST:
            raise OverloadedError("too many documents are being read; try again in a moment", retry_after=5.0)
        ask = Ask(
            kind=TYPES[media_type],
            charset=charset,
            max_pages=config.max_pages,
            max_characters=config.max_characters,
            seconds=math.ceil(config.read_seconds),
            memory=_MEMORY,
        )
        self._asked += 1
        try:
            async with self._slots:
                here = ask.kind in {"plain", "markdown"} and len(body) <= _SMALL
                told = await (asyncio.to_thread(answer, ask, body) if here else self._run(ask, body))
        finally:
            self._asked -= 1
        if told.code is not None:
            raise InvalidRequestError(told.message, code=told.code)
        return told

    async def _run(self, ask: Ask, body: bytes) -> Answer:
        program = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # nothing of the working directory is imported
            "-X",
            "utf8",
            "-m",
            "wye.assistant.documents.child",
            msgspec.json.encode(ask).decode(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={},  # it is told no secret
        )
        try:
            async with asyncio.timeout(self.config.read_seconds):
                said, _ = await program.communicate(body)
        except TimeoutError:
            said = b""
        finally:
            if program.returncode is None:
                program.kill()
                await program.wait()
        if program.returncode != 0 or not said:
            message = (
                f"reading the document takes longer than {self.config.read_seconds:g} s, or more memory than it may: "
                "split or simplify it"
            )
            raise InvalidRequestError(message, code=_TOO_COMPLEX)
        return msgspec.json.decode(said, type=Answer)

"""Reads a form with a file in it as it comes: what has arrived is kept, and a little of it is in memory at a time."""

from collections.abc import AsyncIterator
from typing import Final

from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser, parse_options_header

from wye.assistant.batch.files import Draft
from wye.core.errors import InvalidRequestError
from wye.gateway.api.here import Here
from wye.gateway.http import ClientLeftError, Receive, too_large
from wye.store.files import File

_LONGEST_FIELD: Final = 1000
_FIELDS: Final = ("file", "purpose", "expires_after[anchor]", "expires_after[seconds]")
_LEAST_SECONDS: Final = 3600
_MOST_SECONDS: Final = 30 * 24 * 3600
_HEADS: Final = 64 * 1024
"""Bytes that a form may have beside its file."""


async def take(here: Here) -> File:
    """Keep the file of a form that is being sent. Raises `InvalidRequestError`, `RequestTooLargeError`."""
    parser = _parser(here.request.headers.get(b"content-type", b""), here.files.largest)
    declared = here.request.headers.get(b"content-length", b"")
    if declared.isdigit() and int(declared) > here.files.largest + _HEADS:
        raise too_large(here.files.largest, "[batches] max_file_bytes")
    async with here.files.draft(here.caller.user) as draft:
        form = _Form(draft)
        try:
            async for data in _arriving(here.request.receive):
                for event in parser.parse(data):
                    await form.see(event)
            parser.close()
        except ParserLimitReached:
            raise InvalidRequestError("the form has too many or too long parts", code="invalid_form") from None
        except MultipartError:
            raise InvalidRequestError("the form is broken off, or no form", code="invalid_form") from None
        return await draft.finish(form.filename(), lasts=form.lasts())


def _parser(content_type: bytes, largest: int) -> PushMultipartParser:
    kind, options = parse_options_header(content_type.decode("latin-1"))
    if kind != "multipart/form-data":
        message = "send a form with a file: 'Content-Type: multipart/form-data'"
        raise InvalidRequestError(message, code="invalid_content_type")
    try:
        return PushMultipartParser(
            options.get("boundary", ""), max_segment_size=largest + 1, max_segment_count=len(_FIELDS), strict=True
        )
    except (MultipartError, UnicodeError):
        raise InvalidRequestError("the form's 'Content-Type' names no boundary", code="invalid_form") from None


async def _arriving(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeftError
        if data := message.get("body", b""):
            yield data
        if not message.get("more_body"):
            return


class _Form:
    """What has come of a form so far; its file goes on to a draft."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._part: MultipartSegment | None = None
        self._fields: dict[str, bytes] = {}
        self._filename: str | None = None

    async def see(self, event: MultipartSegment | bytearray | bytes | None) -> None:
        """See the head of a part, some of it, or its end."""
        if isinstance(event, MultipartSegment):
            self._begin(event)
        elif event is None:
            self._part = None
        elif self._part is not None and self._part.name == "file":
            await self._draft.write(event)
        elif self._part is not None:
            name = self._part.name or ""
            self._fields[name] += event
            if len(self._fields[name]) > _LONGEST_FIELD:
                raise InvalidRequestError(f"the field {name!r} is too long", code="invalid_value", param=name)

    def _begin(self, part: MultipartSegment) -> None:
        name = part.name or ""
        if name not in _FIELDS:
            message = f"there is no field {name[:100]!r}; known are: {', '.join(_FIELDS)}"
            raise InvalidRequestError(message, code="unknown_field", param=name[:100])
        if name in self._fields:
            raise InvalidRequestError(f"the field {name!r} may be given once", code="invalid_value", param=name)
        self._part = part
        self._fields[name] = b""
        if name == "file":
            self._filename = part.filename or ""

    def filename(self) -> str:
        """Return the file's name, once all has come. Raises `InvalidRequestError` where that is not what is wanted."""
        if self._filename is None:
            raise InvalidRequestError("'file' is required", code="missing_field", param="file")
        if "purpose" not in self._fields:
            raise InvalidRequestError("'purpose' is required: write 'batch'", code="missing_field", param="purpose")
        if (purpose := self._text("purpose")) != "batch":
            message = f"'purpose' is {purpose[:50]!r}: files are for batches here, write 'batch'"
            raise InvalidRequestError(message, code="invalid_value", param="purpose")
        return self._filename

    def lasts(self) -> int | None:
        """Return for how many seconds the file is to be kept, where that is said."""
        anchor, seconds = "expires_after[anchor]", "expires_after[seconds]"
        if anchor not in self._fields and seconds not in self._fields:
            return None
        if self._text(anchor) != "created_at":
            raise InvalidRequestError(f"'{anchor}' is 'created_at'", code="invalid_value", param=anchor)
        said = self._text(seconds)
        number = int(said) if said.isascii() and said.isdigit() else 0
        if not _LEAST_SECONDS <= number <= _MOST_SECONDS:
            message = f"'{seconds}' is a number from {_LEAST_SECONDS:,} to {_MOST_SECONDS:,}"
            raise InvalidRequestError(message, code="invalid_value", param=seconds)
        return number

    def _text(self, name: str) -> str:
        return self._fields.get(name, b"").decode("utf-8", "replace")

"""What is sent along with a message: pictures, PDFs and texts, checked, and said in OpenAI's form."""

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from msgspec import Struct

from wye.config.talks import ChatConfig
from wye.core.errors import InvalidRequestError, RequestTooLargeError

PDF: Final = "application/pdf"
_PICTURES: Final[dict[str, tuple[bytes, ...]]] = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/webp": (b"RIFF",),
}
"""What files of a kind begin with; other kinds of pictures may hold scripts, or no model reads them."""
_TEXTS: Final = frozenset(
    {"application/json", "application/x-ndjson", "application/xml", "application/yaml", "application/toml"}
)
_TAKEN: Final = "image/png, image/jpeg, image/gif, image/webp, application/pdf, text/* and application/json"
_HEAD: Final = re.compile(r"data:([\w.+-]+/[\w.+-]+)?((?:;[\w-]+=[^;,]*)*)(;base64)?,", re.ASCII)
_LONGEST_NAME: Final = 120


class Upload(Struct, frozen=True, kw_only=True):
    """Something to be sent along, as it came in: a data URL, or a text."""

    name: str = ""
    data: str | None = None
    text: str | None = None


class Sent(Struct, frozen=True, kw_only=True):
    """Something that is sent along."""

    name: str
    media_type: str
    body: bytes

    @property
    def is_picture(self) -> bool:
        """Whether a model has to see it."""
        return self.media_type in _PICTURES


def accept(uploads: Sequence[Upload], config: ChatConfig, param: str = "attachments") -> list[Sent]:
    """Return what came in, checked. Raises `InvalidRequestError` and `RequestTooLargeError`, which name the one."""
    if len(uploads) > config.max_attachments:
        message = f"a message takes {config.max_attachments} attachments at most ([chat] max_attachments)"
        raise InvalidRequestError(message, code="too_many_attachments", param=param)
    return [_accepted(upload, config, f"{param}[{at}]") for at, upload in enumerate(uploads)]


def _accepted(upload: Upload, config: ChatConfig, where: str) -> Sent:
    if (upload.data is None) == (upload.text is None):
        raise _bad(where, "give 'data', a data URL, or 'text'")
    if upload.text is not None:
        found = Sent(name=_named(upload.name, "text.txt"), media_type="text/plain", body=upload.text.encode())
    else:
        found = _from_url(upload.data or "", upload.name, config, where)
    if len(found.body) > config.max_attachment_bytes:
        raise _too_large(where, config)
    if not found.body:
        raise _bad(where, "there is nothing in it")
    _check_kind(found, where)
    return found


def _from_url(url: str, name: str, config: ChatConfig, where: str) -> Sent:
    head = _HEAD.match(url)
    if head is None:
        raise _bad(where, "'data' is a data URL, as in 'data:image/png;base64,iVBORw0…'")
    written = url[head.end() :]
    if len(written) > 4 * config.max_attachment_bytes:
        raise _too_large(where, config)
    media_type = (head[1] or "text/plain").lower()
    if head[3] is None:
        body = unquote_to_bytes(written)
    else:
        try:
            body = base64.b64decode(written, validate=True)
        except (binascii.Error, ValueError):
            raise _bad(where, "its base64 is damaged") from None
    return Sent(name=_named(name, media_type.replace("/", ".")), media_type=media_type, body=body)


def _check_kind(found: Sent, where: str) -> None:
    """Raise `InvalidRequestError` where a file is not what it says it is, or nothing that a model can be told."""
    if found.is_picture:
        begins = found.body.startswith(_PICTURES[found.media_type])
        if not begins or (found.media_type == "image/webp" and found.body[8:12] != b"WEBP"):
            raise _bad(where, f"it is no {found.media_type}, which it says it is")
    elif found.media_type == PDF:
        if b"%PDF-" not in found.body[:1024]:
            raise _bad(where, "it is no PDF, which it says it is")
    elif found.media_type.startswith("text/") or found.media_type in _TEXTS:
        try:
            text = found.body.decode()
        except UnicodeDecodeError:
            raise _bad(where, "a text has to be UTF-8") from None
        if "\0" in text:
            raise _bad(where, "a text holds no U+0000")
    else:
        raise _bad(where, f"{found.media_type} cannot be sent along; what can: {_TAKEN}", "unsupported_attachment")


def content_of(text: str, sent: Iterable[Sent]) -> str | list[dict[str, Any]]:
    """Return a message's content in OpenAI's form."""
    parts = [_part(one) for one in sent]
    if not parts:
        return text
    return [*parts, {"type": "text", "text": text}] if text else parts


def _part(sent: Sent) -> dict[str, Any]:
    if sent.is_picture:
        return {"type": "image_url", "image_url": {"url": data_url(sent)}}
    if sent.media_type == PDF:
        return {"type": "file", "file": {"filename": sent.name, "file_data": data_url(sent)}}
    return {"type": "text", "text": f"The file {sent.name}:\n\n{sent.body.decode()}\n\n(End of the file {sent.name}.)"}


def data_url(sent: Sent) -> str:
    """Return it as a URL that holds all of it."""
    return f"data:{sent.media_type};base64,{base64.b64encode(sent.body).decode()}"


def _named(name: str, otherwise: str) -> str:
    """Return a name without a path, and without characters that are not seen."""
    last = re.split(r"[/\\]", name)[-1]
    plain = "".join(character for character in last if unicodedata.category(character)[0] != "C").strip()
    return plain[:_LONGEST_NAME] or otherwise


def _bad(where: str, message: str, code: str = "invalid_attachment") -> InvalidRequestError:
    return InvalidRequestError(f"'{where}': {message}", code=code, param=where)


def _too_large(where: str, config: ChatConfig) -> RequestTooLargeError:
    most = config.max_attachment_bytes
    return RequestTooLargeError(
        f"'{where}' has more than {most} bytes ([chat] max_attachment_bytes)", code="attachment_too_large", param=where
    )

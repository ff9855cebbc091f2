"""OpenAI's images, audio and moderation as clients speak them: only the model is read, everything goes through.

Shapes: https://platform.openai.com/docs/api-reference/images, /audio and /moderations. Files come as a form
(RFC 7578), of which the bytes stay as they are but for the model's name.
"""

import re
from typing import Final

import msgspec
from msgspec import Struct

from wye.core.errors import InvalidRequestError
from wye.core.operations import ForwardedAnswer, ForwardedRequest, OperationAnswer, OperationCall
from wye.core.request import NOTHING_ASKED, Asked, Call, Operation
from wye.core.wire import replace_model
from wye.surfaces import decode_request

WIRE: Final = "openai_forwarded"
FORMS: Final[frozenset[Operation]] = frozenset({"image_edit", "transcription", "translation"})
"""Operations whose requests come as forms with files."""


class _Body(Struct):
    model: str | None = None
    input: msgspec.Raw = msgspec.Raw(b"null")


_decode = msgspec.json.Decoder(_Body).decode
_decode_text = msgspec.json.Decoder(str).decode
_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,200})"|([^;\s]{1,200}))', re.IGNORECASE)
_NAME = re.compile(rb'form-data\s*;[^\r\n]*?\bname="?model"?\s*(?:;|$)', re.IGNORECASE | re.MULTILINE)


def parse_request(
    body: bytes, asked: Asked = NOTHING_ASKED, *, operation: Operation = "moderation", content_type: str = ""
) -> OperationCall[ForwardedRequest]:
    """Read which model is asked, `auto` where none is, as OpenAI's clients may leave it out."""
    if content_type.lower().startswith("multipart/form-data"):
        place = _model_in_form(body, content_type)
        model = body[slice(*place)].decode(errors="replace") if place else ""
        request = ForwardedRequest(content_type=content_type, model_at=place)
    else:
        data = decode_request(_decode, body)
        model = data.model or ""
        spoken = len(decode_request(_decode_text, bytes(data.input))) if operation == "speech" else 0
        request = ForwardedRequest(characters=spoken)
    return OperationCall(operation=operation, wire=WIRE, body=body, model=model or "auto", request=request, asked=asked)


def _model_in_form(body: bytes, content_type: str) -> tuple[int, int] | None:
    """Return where the value of the field `model` begins and ends."""
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise InvalidRequestError("the form's 'Content-Type' names no boundary", code="invalid_content_type")
    mark = b"--" + (found[1] or found[2]).encode("latin-1", errors="replace")
    at = body.find(mark)
    if at < 0:
        raise InvalidRequestError("the form does not hold the boundary its 'Content-Type' names", code="invalid_form")
    while at >= 0:
        end_of_head = body.find(b"\r\n\r\n", at)
        after = body.find(b"\r\n" + mark, at + len(mark))
        if end_of_head < 0 or after < 0:
            return None
        if _NAME.search(body, at, end_of_head + 2):
            return end_of_head + 4, after
        at = after + 2
    return None


def render_answer(answer: OperationAnswer, call: Call, *, model: str, request_id: str) -> bytes:
    """Return the body as it came, but for the model's name where it tells one."""
    del call, request_id
    if not isinstance(answer, ForwardedAnswer):
        raise TypeError("only an answer that is passed on can be written here")
    if answer.upstream_model and answer.content_type.startswith("application/json"):
        return replace_model(answer.body, answer.upstream_model, model)
    return answer.body

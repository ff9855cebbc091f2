"""The client's side of the wire: pure functions that read a request and write an answer, a stream or an error.

A surface is a module or package with the names of `Surface`. It does no I/O and knows no other surface.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar

import msgspec

from wye.core.errors import InvalidRequestError, WyeError
from wye.core.operations import OperationAnswer, OperationCall
from wye.core.request import Asked, Call
from wye.core.response import ModelResponse, StreamChunk

_T = TypeVar("_T")


class AnswerStream(Protocol):
    """Writes one streamed answer. `model` is the name of what answers, set when that is known."""

    model: str

    @property
    def content_type(self) -> str:
        """The media type of the stream."""

    def render(self, chunks: Iterable[StreamChunk]) -> bytes:
        """Return the bytes to send for `chunks`; empty where there is nothing to say yet.

        Chunks with `raw` of the surface's own wire keep their bytes except for the model's name.
        """

    def end(self) -> bytes:
        """Return the end of a stream that went well."""

    def fail(self, error: WyeError) -> bytes:
        """Return an error as the stream's last event; a stream that ends so has no end marker."""

    def comment(self, text: str) -> bytes:
        """Return bytes that say `text` to people and nothing to programs; empty where the form has none."""


class Surface(Protocol):
    """One client API that asks models for answers. Implemented by modules."""

    WIRE: str
    """The name of the wire format; where an adapter has it too, bytes pass between the two."""
    FORWARDED: frozenset[bytes]
    """Request headers, in lower case, that a provider of the same wire format gets to see."""

    def parse_request(self, body: bytes, asked: Asked = ...) -> Call:
        """Read a request as far as it must be read; raise `InvalidRequestError` that names the member at fault."""

    def render_response(self, response: ModelResponse, call: Call, *, model: str, request_id: str) -> bytes:
        """Write a whole answer, given by `model`; `request_id` stands in for an id the provider did not give."""

    def open_stream(self, call: Call, *, request_id: str) -> AnswerStream:
        """Begin to write a streamed answer."""

    def render_error(self, error: WyeError) -> bytes:
        """Write an error's body."""


class OperationSurface(Protocol):
    """One client API that asks for something other than chat. Implemented by modules."""

    WIRE: str
    """The name of the wire format, as `OperationAnswer.wire` says it."""

    def parse_request(self, body: bytes, asked: Asked = ...) -> OperationCall[Any]:
        """Read a request; raise `InvalidRequestError` that names the member at fault."""

    def render_answer(self, answer: OperationAnswer, call: Call, *, model: str, request_id: str) -> bytes:
        """Write an answer, given by `model`; `request_id` stands in for an id the provider did not give."""


_LOCATION = re.compile(r" - at `\$\.?(.*?)`$")
_MISSING = re.compile(r"missing required field `(\w+)`")


def decode_request(decode: Callable[[bytes], _T], body: bytes) -> _T:
    """Decode what a caller sent.

    Raises `InvalidRequestError` whose `param` is the member at fault, with `code` `invalid_json`, `missing_field` or
    `invalid_type`.
    """
    try:
        return decode(body)
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"the request body is not valid JSON: {error}"
        raise InvalidRequestError(message, code="invalid_json") from None


def _invalid(text: str) -> InvalidRequestError:
    location = _LOCATION.search(text)
    param = location.group(1) if location else ""
    what = text[: location.start()] if location else text
    code = "invalid_type"
    if missing := _MISSING.search(what):
        code = "missing_field"
        param = f"{param}.{missing.group(1)}" if param else missing.group(1)
        return InvalidRequestError(f"'{param}' is required", code=code, param=param)
    what = what.replace("`", "")
    return InvalidRequestError(f"'{param}': {what}" if param else what, code=code, param=param or None)

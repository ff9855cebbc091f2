"""Reads a batch's file line by line and says, with their numbers, what is wrong with its lines."""

from collections.abc import AsyncIterator
from typing import Final

import msgspec
from msgspec import Raw, Struct

from wye.assistant.batch.endpoints import OPERATIONS, read
from wye.core.caller import Caller
from wye.core.errors import (
    InvalidRequestError,
    ModelNotFoundError,
    PermissionDeniedError,
    RequestError,
    UnsupportedOperationError,
)
from wye.core.request import Call
from wye.engine import Engine
from wye.store.batch_work import Line
from wye.store.batches import Mistake
from wye.surfaces import decode_request

MOST_MISTAKES: Final = 100
"""Mistakes that are told of one file; whoever has so many has made one of them often."""
LONGEST_LINE: Final = 32 * 1024 * 1024
_LONGEST_ID: Final = 512
_BOM: Final = b"\xef\xbb\xbf"


class _Written(Struct):
    custom_id: str
    method: str
    url: str
    body: Raw


_decode = msgspec.json.Decoder(_Written).decode


async def lines_of(pieces: AsyncIterator[bytes]) -> AsyncIterator[tuple[int, bytes | None]]:
    """Return the lines of a file with their numbers, counted from 1; `None` for one that is too long, and no more.

    Empty lines are left out.
    """
    rest, number = b"", 0
    async for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            number += 1
            if said := _said(line, number):
                yield number, said
        if len(rest) > LONGEST_LINE:
            yield number + 1, None
            return
    if said := _said(rest, number + 1):
        yield number + 1, said


def _said(line: bytes, number: int) -> bytes:
    return (line.removeprefix(_BOM) if number == 1 else line).strip()


class Checker:
    """Checks one file's lines in order."""

    def __init__(self, engine: Engine, caller: Caller, endpoint: str, most: int) -> None:
        """Check lines for `endpoint`, of which a file may have `most`, that `caller` is to ask."""
        self.mistakes: list[Mistake] = []
        self.models: set[str] = set()
        self.count = 0
        self._engine = engine
        self._caller = caller
        self._endpoint = endpoint
        self._most = most
        self._seen: dict[str, int] = {}
        self._refused: dict[str, RequestError | None] = {}

    @property
    def full(self) -> bool:
        """Whether enough is known of what is wrong."""
        return len(self.mistakes) >= MOST_MISTAKES or self.count > self._most

    def check(self, number: int, raw: bytes | None) -> Line | None:
        """Return a line that is in order; `None` for one that is not, which `mistakes` then tells of."""
        self.count += 1
        if self.count > self._most:
            self._wrong(
                "too_many_tasks", f"the file has more than {self._most:,} lines ([batches] max_requests)", number
            )
            return None
        if raw is None:
            self._wrong("line_too_long", f"the line is longer than {LONGEST_LINE:,} bytes", number)
            return None
        try:
            written = decode_request(_decode, raw)
        except InvalidRequestError as error:
            code = "missing_required_parameter" if error.code == "missing_field" else error.code
            message = error.message.replace("the request body", "the line")
            self._wrong("invalid_json_line" if code == "invalid_json" else code, message, number, error.param)
            return None
        return self._checked(number, written)

    def _checked(self, number: int, written: _Written) -> Line | None:
        before = len(self.mistakes)
        self._check_id(number, written.custom_id)
        if written.method != "POST":
            self._wrong("invalid_method", f"'method' is {written.method[:20]!r}: write 'POST'", number, "method")
        if written.url != self._endpoint:
            said = f"'url' is {written.url[:100]!r}, and the batch is for {self._endpoint}"
            self._wrong("invalid_url", said, number, "url")
        body = bytes(written.body)
        try:
            call = read(self._engine, self._endpoint, body)
        except InvalidRequestError as error:
            self._wrong(error.code, error.message, number, f"body.{error.param}" if error.param else "body")
            return None
        self._check_model(number, call)
        if len(self.mistakes) > before:
            return None
        self.models.add(call.model)
        return Line(position=number, custom_id=written.custom_id, body=body)

    def _check_id(self, number: int, name: str) -> None:
        if not name or len(name) > _LONGEST_ID or "\0" in name:
            said = f"'custom_id' has 1 to {_LONGEST_ID} characters, none of them U+0000"
            self._wrong("invalid_custom_id", said, number, "custom_id")
        elif (first := self._seen.setdefault(name, number)) != number:
            said = f"'custom_id' {name[:64]!r} is that of line {first} already: each line needs its own"
            self._wrong("duplicate_custom_id", said, number, "custom_id")

    def _check_model(self, number: int, call: Call) -> None:
        """Say where the caller may not ask a model, or there is none of that name; one that is away may come back.

        What only this line's request is too much for is found out by asking: other lines of the model may be answered.
        """
        if call.model not in self._refused:
            self._refused[call.model] = None
            try:
                self._engine.plan_call(call, caller=self._caller)
            except (ModelNotFoundError, PermissionDeniedError) as error:
                self._refused[call.model] = error
            except UnsupportedOperationError as error:
                if self._endpoint in OPERATIONS:  # elsewhere it is what a line asks for besides, tools say
                    self._refused[call.model] = error
            except Exception:  # noqa: BLE001 - whatever else it is, asking the line will tell
                self._refused[call.model] = None
        if (refused := self._refused[call.model]) is not None:
            self._wrong(refused.code, refused.message, number, "body.model")

    def _wrong(self, code: str, message: str, line: int, param: str | None = None) -> None:
        if len(self.mistakes) < MOST_MISTAKES:
            self.mistakes.append(Mistake(code=code, message=message, line=line, param=param))

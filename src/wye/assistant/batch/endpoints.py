"""What the lines of a batch may ask for, and how one of them is asked: as any request of its wire is."""

from collections.abc import Mapping
from typing import Final, cast

import msgspec
from msgspec import Raw, Struct

from wye.core.caller import Caller
from wye.core.errors import InvalidRequestError, PermissionDeniedError, WyeError
from wye.core.exchange import Exchange
from wye.core.request import Asked, Call
from wye.engine import Engine
from wye.ledger.settlement import pico
from wye.store.batch_work import Spent
from wye.surfaces import (
    OperationSurface,
    Surface,
    anthropic_messages,
    decode_request,
    openai_chat,
    openai_completions,
    openai_embeddings,
    openai_responses,
)
from wye.surfaces.openai_responses.references import reference

ENDPOINTS: Final[Mapping[str, Surface | OperationSurface]] = {
    "/v1/chat/completions": openai_chat,
    "/v1/responses": openai_responses,
    "/v1/embeddings": openai_embeddings,
    "/v1/completions": openai_completions,
    "/v1/messages": anthropic_messages,
}
OPERATIONS: Final = frozenset({"/v1/embeddings"})
"""Those that are answered otherwise than by words."""
_encode = msgspec.json.Encoder().encode


class Told(Struct, frozen=True, kw_only=True):
    """What came of asking once: the answer's body as its wire has it, or an error; and what that took."""

    body: bytes = b""
    error: WyeError | None = None
    request_id: str | None = None
    spent: Spent = Spent()


class _Standing(Struct):
    """What a request for a response may say that no line of a batch can keep to."""

    previous_response_id: str | None = None
    background: bool | None = None
    conversation: Raw = Raw(b"null")
    input: str | list[Raw] | None = None


_decode_standing = msgspec.json.Decoder(_Standing).decode


def read(engine: Engine, endpoint: str, body: bytes) -> Call:
    """Read what a line asks. Raises `InvalidRequestError` that names the member at fault."""
    asked = Asked(drop_unsupported=engine.drops_unsupported, raw_events=not engine.records_content)
    call = ENDPOINTS[endpoint].parse_request(body, asked)
    if call.stream:
        raise InvalidRequestError("nobody waits for a batch's answers as a stream: leave 'stream' out", param="stream")
    if endpoint == "/v1/responses":
        _check_stands_alone(body)
    return call


def _check_stands_alone(body: bytes) -> None:
    said = decode_request(_decode_standing, body)
    named = {
        "previous_response_id": said.previous_response_id is not None,
        "background": bool(said.background),
        "conversation": bytes(said.conversation) != b"null",
    }
    for name, there in named.items():
        if there:
            raise InvalidRequestError(f"a line of a batch stands alone: leave {name!r} out", param=name)
    for at, item in enumerate(said.input if isinstance(said.input, list) else ()):
        if decode_request(reference, bytes(item)) is not None:  # at the operator's account it may be anybody's
            message = "a line of a batch stands alone: write the item out instead of referring to it"
            raise InvalidRequestError(message, param=f"input[{at}]")


async def ask(engine: Engine, endpoint: str, body: bytes, caller: Caller, batch_id: str) -> Told:
    """Ask what a line asks, once, for `caller`, as a part of a batch; never raises a `WyeError`."""
    surface, exchange = ENDPOINTS[endpoint], None
    try:
        if not caller.may("use"):
            raise PermissionDeniedError("the key may not ask models any more", code="scope_missing")
        exchange = engine.begin(read(engine, endpoint, body), caller=caller)
        exchange.parent = batch_id
        answer = await _answer(engine, surface, exchange, is_chat=endpoint not in OPERATIONS)
    except WyeError as error:
        return Told(error=error, request_id=exchange.id if exchange is not None else None, spent=_spent(exchange))
    return Told(body=answer, request_id=exchange.id, spent=_spent(exchange))


async def _answer(engine: Engine, surface: Surface | OperationSurface, exchange: Exchange, *, is_chat: bool) -> bytes:
    if is_chat:
        answer = await engine.complete(exchange)
        render = cast("Surface", surface).render_response
        return render(answer, exchange.call, model=_answering(exchange), request_id=exchange.id)
    found = await engine.perform(exchange)
    write = cast("OperationSurface", surface).render_answer
    return write(found, exchange.call, model=_answering(exchange), request_id=exchange.id)


def _answering(exchange: Exchange) -> str:
    return exchange.attempt.full_id if exchange.attempt is not None else exchange.call.model


def _spent(exchange: Exchange | None) -> Spent:
    if exchange is None or not exchange.outcomes:
        return Spent()
    usage = exchange.usage
    cost = pico(exchange.cost)
    if usage is None:
        return Spent(cost=cost)
    return Spent(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        cost=cost,
    )


def error_body(endpoint: str, error: WyeError) -> bytes:
    """Write an error as the endpoint does."""
    render = getattr(ENDPOINTS[endpoint], "render_error", openai_chat.render_error)
    written: bytes = render(error)
    return written


def answered_line(batch_id: str, position: int, custom_id: str, told: Told, endpoint: str) -> bytes:
    """Return the line of the output file, or of the error file, that says what was answered."""
    error = told.error
    body = told.body if error is None else error_body(endpoint, error)
    response = {
        "status_code": 200 if error is None else error.status_code,
        "request_id": told.request_id or "",
        "body": Raw(msgspec.json.format(body, indent=-1)),
    }
    return _line(batch_id, position, custom_id, response, None)


def unasked_line(batch_id: str, position: int, custom_id: str, code: str, message: str) -> bytes:
    """Return the line of the error file of a request that nobody asked any more."""
    return _line(batch_id, position, custom_id, None, {"code": code, "message": message})


def _line(batch_id: str, position: int, custom_id: str, response: object, error: object) -> bytes:
    name = f"batch_req_{batch_id.removeprefix('batch_')}_{position}"
    return _encode({"id": name, "custom_id": custom_id, "response": response, "error": error}) + b"\n"

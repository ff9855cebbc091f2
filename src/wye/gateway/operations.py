"""Asks the engine for what is not chat, and says it in the words of a surface."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Final

from msgspec import Struct

from wye.core.caller import Caller
from wye.core.exchange import Exchange
from wye.core.operations import ForwardedAnswer
from wye.core.request import Asked, Operation
from wye.engine import Engine
from wye.gateway.chat import answering, describe, heed, timeout_of, wants_dropping
from wye.gateway.http import JSON, Departure, Header, Send, respond
from wye.gateway.wishes import wishes_of
from wye.surfaces import OperationSurface, cohere_rerank, openai_embeddings, openai_forwarded


class Way(Struct, frozen=True):
    """What stands behind a path: a surface, and what it asks for. `takes_forms` lets a body be a form with files."""

    surface: OperationSurface
    operation: Operation
    takes_forms: bool = False


def _forwarded(operation: Operation) -> Way:
    return Way(openai_forwarded, operation, operation in openai_forwarded.FORMS)


WAYS: Final[Mapping[str, Way]] = {
    "/v1/embeddings": Way(openai_embeddings, "embeddings"),
    "/v1/rerank": Way(cohere_rerank, "rerank"),
    "/v2/rerank": Way(cohere_rerank, "rerank"),
    "/v1/images/generations": _forwarded("image_generation"),
    "/v1/images/edits": _forwarded("image_edit"),
    "/v1/audio/transcriptions": _forwarded("transcription"),
    "/v1/audio/translations": _forwarded("translation"),
    "/v1/audio/speech": _forwarded("speech"),
    "/v1/moderations": _forwarded("moderation"),
}


def open_exchange(
    engine: Engine, way: Way, body: bytes, headers: Mapping[bytes, bytes], *, request_id: str, caller: Caller
) -> Exchange:
    """Read the request and the caller's wishes of it."""
    asked = Asked(drop_unsupported=wants_dropping(engine, headers), raw_events=True)
    parse = way.surface.parse_request
    if way.surface is openai_forwarded:
        content_type = headers.get(b"content-type", b"").decode("latin-1")
        parse = partial(openai_forwarded.parse_request, operation=way.operation, content_type=content_type)
    exchange = engine.begin(parse(body, asked), timeout=timeout_of(headers), request_id=request_id, caller=caller)
    exchange.wishes = wishes_of(headers)
    heed(engine, exchange, headers)
    return exchange


async def answer(engine: Engine, way: Way, exchange: Exchange, departure: Departure, send: Send) -> int:
    """Answer in one piece; return the status sent."""
    try:
        found = await engine.perform(exchange)
    except asyncio.CancelledError:
        if departure.absorb():
            return 499
        raise
    finally:
        departure.end()
    body = way.surface.render_answer(found, exchange.call, model=answering(exchange), request_id=exchange.id)
    kind: Header = JSON
    if isinstance(found, ForwardedAnswer):
        kind = (b"content-type", found.content_type.encode("latin-1", errors="replace"))
    await respond(send, 200, body, [kind, *describe(exchange)])
    return 200

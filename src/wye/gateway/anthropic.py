"""What Anthropic's API has beside messages: the list of models, and the count of tokens."""

import asyncio
import datetime
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec

from wye.catalog.schema import ModelInfo
from wye.core.caller import Caller
from wye.core.errors import InvalidRequestError, UnsupportedOperationError
from wye.core.estimate import estimate_input_tokens
from wye.core.exchange import Exchange
from wye.core.operations import ForwardedAnswer, ForwardedRequest, OperationCall
from wye.core.request import Asked, Call
from wye.engine import Engine
from wye.gateway.chat import describe, timeout_of, wants_dropping
from wye.gateway.http import JSON, Departure, Header, Send, respond
from wye.surfaces import anthropic_messages

_encode = msgspec.json.Encoder().encode
_ESTIMATED: Final[Header] = (b"x-wye-estimated", b"input_tokens")
_SINCE_EVER: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
"""What the API says of a model whose day of release is unknown."""
_MOST_LISTED: Final = 1000


def is_client(headers: Mapping[bytes, bytes]) -> bool:
    """Tell whether a request for a path that several APIs have comes from a client of Anthropic's."""
    return b"anthropic-version" in headers


def open_count(
    engine: Engine, body: bytes, headers: Mapping[bytes, bytes], *, request_id: str, caller: Caller
) -> tuple[Exchange, Call]:
    """Read a request for a count; return it also as the call whose tokens are to be counted."""
    forwarded = {
        name.decode(): headers[name].decode("latin-1") for name in anthropic_messages.FORWARDED if name in headers
    }
    asked = Asked(headers=forwarded, drop_unsupported=wants_dropping(engine, headers), raw_events=True)
    call = anthropic_messages.parse_request(body, asked)
    counting: OperationCall[ForwardedRequest] = OperationCall(
        operation="count_tokens",
        wire=call.wire,
        body=body,
        model=call.model,
        request=ForwardedRequest(),
        asked=asked,
    )
    return engine.begin(counting, timeout=timeout_of(headers), request_id=request_id, caller=caller), call


async def count_tokens(engine: Engine, exchange: Exchange, call: Call, departure: Departure, send: Send) -> int:
    """Answer with the provider's own count where it counts for this API, else with an estimate, which a header says."""
    more: list[Header] = []
    try:
        answer = await engine.perform(exchange)
        body = answer.body if isinstance(answer, ForwardedAnswer) else b"{}"
    except UnsupportedOperationError:
        body = _encode({"input_tokens": estimate_input_tokens(call.chat)})
        more = [_ESTIMATED]
    except asyncio.CancelledError:
        if departure.absorb():
            return 499
        raise
    finally:
        departure.end()
    await respond(send, 200, body, [JSON, *describe(exchange), *more])
    return 200


def list_models(engine: Engine, query: bytes, caller: Caller) -> dict[str, Any]:
    """Return the models of the providers in use; `limit`, `after_id` and `before_id` choose a page of them.

    Shape: https://docs.anthropic.com/en/api/models-list. Without a limit the page holds all of them.
    """
    rows = engine.models_for(caller)
    asked = parse_qs(query.decode("latin-1"))
    after, before = asked.get("after_id", [""])[-1], asked.get("before_id", [""])[-1]
    ids = [row.full_id for row in rows]
    start = ids.index(after) + 1 if after in ids else 0
    end = ids.index(before) if before in ids else len(rows)
    limit = _limit(asked) or len(rows)
    page = rows[max(start, end - limit) : end] if before and not after else rows[start : min(end, start + limit)]
    more = page[:1] != rows[:1] if before and not after else page[-1:] != rows[-1:]
    return {
        "data": [_row(row) for row in page],
        "has_more": bool(page) and more,
        "first_id": page[0].full_id if page else None,
        "last_id": page[-1].full_id if page else None,
    }


def _limit(asked: Mapping[str, list[str]]) -> int | None:
    text = asked.get("limit", [""])[-1]
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= _MOST_LISTED):
        message = f"'limit' must be a whole number from 1 to {_MOST_LISTED}"
        raise InvalidRequestError(message, code="invalid_value", param="limit")
    return int(text[:9])


def show_model(engine: Engine, name: str, caller: Caller) -> dict[str, Any]:
    """Return the model that a request for `name` would reach first."""
    return _row(engine.model_for(caller, name, "chat"))


def _row(model: ModelInfo) -> dict[str, Any]:
    return {
        "type": "model",
        "id": model.full_id,
        "display_name": model.name or model.id,
        "created_at": _SINCE_EVER,
        "max_input_tokens": model.context_window,
        "max_tokens": model.max_output_tokens,
    }

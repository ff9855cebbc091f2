"""Answers that a provider still works on when their request is over (`"background": true`): who owes what for them."""

import time
from typing import Final

import msgspec
from msgspec import Struct

from wye.adapters import openai_responses
from wye.catalog import Catalog
from wye.core.exchange import Exchange
from wye.core.record import Status, UsageRecord
from wye.ledger.later import rest_of
from wye.ledger.settlement import settlement

_WORKING: Final = frozenset({"queued", "in_progress"})
_ENDS: Final[dict[str | None, tuple[Status, str | None]]] = {
    "failed": ("error", "upstream_error"),
    "cancelled": ("cancelled", None),
}
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(UsageRecord).decode


class _Answer(Struct):
    status: str | None = None
    created_at: float | None = None
    completed_at: float | None = None


_decode_answer = msgspec.json.Decoder(_Answer).decode


def is_worked_on(body: bytes) -> bool:
    """Tell whether an answer has not come to its end."""
    return _decode_answer(body).status in _WORKING


def debt(exchange: Exchange, catalog: Catalog) -> bytes:
    """Return what is to be known of a request once its answer ends: its record."""
    return _encode(settlement(exchange, catalog, _now(), None))


def paid(owed: bytes, body: bytes, catalog: Catalog) -> UsageRecord | None:
    """Return the record of what an answer that has ended took beyond what was booked; `None` where it says nothing."""
    usage = openai_responses.parse_response(body).usage
    if usage is None:
        return None
    answer = _decode_answer(body)
    status, error = _ENDS.get(answer.status, ("ok", None))
    seconds = (answer.completed_at or 0) - (answer.created_at or 0)
    first = _decode(owed)
    duration = round(seconds * 1e6) if answer.completed_at and seconds >= 0 else max(0, _now() - first.at)
    return rest_of(first, usage, catalog, status=status, error=error, duration=duration)


def _now() -> int:
    return time.time_ns() // 1000

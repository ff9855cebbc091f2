"""What a request will likely cost before it is asked: the price of its input, as estimated, and of a likely answer."""

import datetime
import re
from decimal import Decimal
from typing import Final

from msgspec import MsgspecError, Raw
from msgspec.json import Decoder

from wye.catalog.schema import ModelInfo, Price
from wye.core.errors import InvalidRequestError
from wye.core.estimate import estimate_input_tokens
from wye.core.record import PICO_PER_USD
from wye.core.request import Call
from wye.core.usage import Usage
from wye.ledger.price import Rater
from wye.ledger.rates import ExpectedRates

_BYTES_PER_TOKEN: Final = 4
_LONG: Final = 32 * 1024
_SHORT: Final = 4 * 1024
_SAMPLES: Final = 16
_SAMPLE: Final = 512
_ATTACHED: Final = (b"base64", b"inlineData", b"inline_data", b"input_audio", b"file_data")
"""What bodies hold whose bytes are not text."""
_CAP: Final = re.compile(rb'"(?:max(?:_completion|_output)?_tokens|max_?[oO]utput_?[tT]okens)"\s*:\s*(\d{1,9})').search
_TIERS: Final = re.compile(
    rb'"(?:service_?[tT]ier|speed|inference_geo)"\s*:\s*(?:\{\s*"type"\s*:\s*)?"([A-Za-z][\w-]{0,39})"'
).findall
_TIER_MEMBERS: Final = ("service_tier", "serviceTier", "speed", "inference_geo")
_members: Final = Decoder(dict[str, Raw]).decode
_USUAL: Final = frozenset({"auto", "default", "standard", "standard_only", "on_demand", "unspecified", "global"})
"""Words that leave the tier of service to the provider."""
_PICO_PER_MICRO: Final = 10**6
_SILENT: Final = frozenset({"embeddings", "rerank", "moderation", "count_tokens"})
_DRAWN: Final = frozenset({"image_generation", "image_edit"})
_MEASURED: Final = frozenset({"transcription", "translation", "speech", *_DRAWN})
_UPLOADED: Final = frozenset({"transcription", "translation", "image_edit"})
_UPLOADED_TOKENS: Final = 1000
_HEARD_SECONDS: Final = 60
_KEPT: Final = 10_000
"""Prices that are remembered; rows that were replaced leave theirs behind."""
_rater: Final = Rater()


class Expected:
    """Prices requests that are to come; what a model's price comes to is worked out once."""

    def __init__(self) -> None:
        """Begin with nothing worked out."""
        self._known: dict[int, ExpectedRates] = {}

    def cost(self, row: ModelInfo, call: Call, input_tokens: int, output_tokens: int) -> int | None:
        """Return picodollars, `None` where the price is unknown."""
        price = row.price
        if price.services and (service := tier_at(price, call)):
            return _dearer(price, call, input_tokens, output_tokens, service)
        if call.operation in _MEASURED or price.tiers or price.windows:
            return _exactly(price, call, input_tokens, output_tokens)
        rates = self._known.get(id(price))
        if rates is None or rates.price is not price:
            if price.input is None or (price.output is None and call.operation not in _SILENT):
                return _exactly(price, call, input_tokens, output_tokens)
            rates = ExpectedRates(
                price,
                round(price.input * _PICO_PER_MICRO),
                round((price.output or 0) * _PICO_PER_MICRO),
                round((price.per_request or 0) * PICO_PER_USD),
            )
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[id(price)] = rates
        return input_tokens * rates.input + output_tokens * rates.output + rates.flat


def input_tokens(call: Call) -> int:
    """Return about how many tokens a request's input is; only bodies with pictures and the like are read for it."""
    size = len(call.body)
    if call.operation in _UPLOADED:
        return _UPLOADED_TOKENS
    if size > _LONG and _holds_no_words(call.body) and any(mark in call.body for mark in _ATTACHED):
        try:
            return estimate_input_tokens(call.chat)
        except InvalidRequestError:
            pass  # whoever sends it on says what is wrong
    return size // _BYTES_PER_TOKEN


def _holds_no_words(body: bytes) -> bool:
    """Tell whether a long body has a stretch without any space, as files and pictures are, judged by a few samples."""
    step = len(body) // _SAMPLES
    return any(body.find(b" ", at, at + _SAMPLE) < 0 for at in range(step // 2, len(body) - _SAMPLE, step))


def most_output_tokens(call: Call, row: ModelInfo | None) -> int | None:
    """Return the longest answer that a request lets a model give, as far as either says."""
    if call.operation in _SILENT:
        return 0
    said = _said_at_most(call.body)
    can = row.max_output_tokens if row is not None else None
    return min(said, can) if said is not None and can is not None else said if said is not None else can


def asked_tier(call: Call) -> str | None:
    """Return the tier of service that a request asks for, `None` where it leaves that to the provider.

    It stands before or behind the conversation, as the limit on the answer does. Tools may have parameters of the same
    names, and callers' notes members: only where something of the kind is found is the body read for its own members.
    """
    body = call.body
    if len(body) > 2 * _SHORT:
        body = body[:_SHORT] + b"\0" + body[-_SHORT:]
    if b"ervice" not in body and b'"speed"' not in body and b'"inference_geo"' not in body:
        return None
    if not _words(body):
        return None
    try:
        members = _members(call.body)
    except MsgspecError:
        return None  # no JSON, an uploaded file say
    own = b",".join(b'"%s":%s' % (name.encode(), bytes(members[name])) for name in _TIER_MEMBERS if name in members)
    return "+".join(sorted(_words(own))) or None


def tier_at(price: Price, call: Call) -> str:
    """Return the tier of service that a request asks for, as far as there are prices for it; empty is the usual one.

    Only the provider's own word for a tier can make a price unknown.
    """
    asked = asked_tier(call)
    if asked is None:
        return ""
    now = price.at(datetime.datetime.now(datetime.UTC))
    return "+".join(word for word in asked.split("+") if now.served(word) is not None)


def _words(body: bytes) -> set[str]:
    return {word.lower().removeprefix(b"service_tier_").decode() for word in _TIERS(body)} - _USUAL


def _said_at_most(body: bytes) -> int | None:
    """Return the limit on the answer that a body names; in a long one it stands before or behind the conversation."""
    found = _CAP(body, 0, _SHORT)
    if found is None and len(body) > _SHORT:
        found = _CAP(body, max(_SHORT, len(body) - _SHORT))
    return int(found[1]) if found is not None else None


def _dearer(price: Price, call: Call, input_tokens: int, output_tokens: int, service: str) -> int | None:
    """Return what a request costs in its tier of service, or in the usual one if that is dearer.

    A provider may serve a request in its usual tier whatever was asked for, and a budget must have enough then too.
    """
    usual = _exactly(price, call, input_tokens, output_tokens)
    served = price.at(datetime.datetime.now(datetime.UTC)).served(service)
    asked = None if served is None else _exactly(served, call, input_tokens, output_tokens)
    return usual if asked is None else asked if usual is None else max(asked, usual)


def _exactly(price: Price, call: Call, input_tokens: int, output_tokens: int) -> int | None:
    usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens)
    if call.operation in _DRAWN:
        usage = Usage(input_tokens=input_tokens, images=1)
    elif call.operation == "speech":
        usage = Usage(characters=len(call.body))
    elif call.operation in _MEASURED:
        usage = Usage(audio_seconds=Decimal(_HEARD_SECONDS))
    cost = _rater.cost(price, usage)
    return None if cost is None else round(cost * PICO_PER_USD)

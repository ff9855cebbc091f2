"""Prices in whole atto-dollars (10**-18), worked out once so that a request is priced by integer products."""

from decimal import Decimal
from typing import Final

from msgspec import Struct

from wye.catalog.schema import Price

_ATTO_PER_MICRO: Final = 10**12
_MICRO_PER_USD: Final = 10**6


class WholeRates(Struct, frozen=True):
    """Atto-dollars per token, character, request, search, image and hour; `None` is unknown."""

    input: int | None
    output: int | None
    cache_read: int | None
    cache_write: int | None
    cache_write_1h: int | None
    audio_input: int | None
    image_input: int | None
    audio_output: int | None
    image_output: int | None
    reasoning: int | None
    per_request: int
    per_search: int | None
    per_image: int | None
    per_audio_hour: int | None
    per_character: int | None


class ExpectedRates(Struct, frozen=True):
    """Picodollars per token of input and output, and per request, of a price that has nothing else."""

    price: Price
    input: int
    output: int
    flat: int


def whole(price: Price) -> WholeRates:
    """Work out what a price comes to."""
    plain_input, plain_output = _atto(price.input), _atto(price.output)
    written = _first(_atto(price.cache_write), plain_input)
    return WholeRates(
        input=plain_input,
        output=plain_output,
        cache_read=_first(_atto(price.cache_read), plain_input),
        cache_write=written,
        cache_write_1h=_first(_atto(price.cache_write_1h), written),
        audio_input=_first(_atto(price.audio_input), plain_input),
        image_input=_first(_atto(price.image_input), plain_input),
        audio_output=_first(_atto(price.audio_output), plain_output),
        image_output=_first(_atto(price.image_output), plain_output),
        reasoning=_atto(price.reasoning),
        per_request=_apiece(price.per_request) or 0,
        per_search=_apiece(price.per_search),
        per_image=_apiece(price.per_image),
        per_audio_hour=_apiece(price.per_audio_hour),
        per_character=_atto(price.per_million_characters),
    )


def _atto(micro: Decimal | None) -> int | None:
    return None if micro is None else round(micro * _ATTO_PER_MICRO)


def _apiece(usd: Decimal | None) -> int | None:
    return None if usd is None else round(usd * _ATTO_PER_MICRO * _MICRO_PER_USD)


def _first(special: int | None, plain: int | None) -> int | None:
    return special if special is not None else plain

"""What of a user's `defaults` this house acts on: the rest of them is kept for clients as it is."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from wye.core.errors import InvalidRequestError


class Defaults(Struct, frozen=True, kw_only=True, rename="camel"):
    """What holds where a request says nothing: the model's name, the temperature, the longest answer in tokens."""

    model: Annotated[str, Meta(min_length=1, max_length=300)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    max_tokens: Annotated[int, Meta(ge=1, le=10**9)] | None = None


def checked(said: Mapping[str, Any] | None) -> None:
    """Raise `InvalidRequestError` for defaults that could not be acted on."""
    try:
        msgspec.convert(said or {}, Defaults)
    except msgspec.ValidationError as error:
        what, _, place = str(error).replace("`", "").partition(" - at $")
        message = f"'defaults{place}': {what}"
        raise InvalidRequestError(message, code="invalid_value", param=f"defaults{place}") from None


def defaults_of(said: Mapping[str, Any] | None) -> Defaults:
    """Return what of a user's defaults is acted on; nothing of what nobody checked."""
    try:
        return msgspec.convert(said or {}, Defaults)
    except msgspec.ValidationError:
        return Defaults()

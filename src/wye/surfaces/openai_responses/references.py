"""Which items of a request's input stand for what a provider keeps, and say nothing themselves."""

from typing import Final

import msgspec
from msgspec import Raw, Struct


class _Item(Struct):
    type: str | None = None
    role: str | None = None
    id: str | None = None
    result: Raw = Raw(b"null")


_decode: Final = msgspec.json.Decoder(_Item).decode


def reference(raw: bytes | Raw) -> str | None:
    """Return the id of an item that is only referred to. Raises msgspec's errors where it is no item at all."""
    item = _decode(raw)
    alone = item.type == "image_generation_call" and bytes(item.result) == b"null"
    return item.id if alone or item.type == "item_reference" or (item.type is None and item.role is None) else None

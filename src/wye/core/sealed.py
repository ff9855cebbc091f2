"""What one wire format wants back later, wrapped into text that a client of another wire format keeps for it.

A client sends signed thoughts back to whom they came from. Where the client's wire and the model's differ, what the
model signed travels inside the client's own field for signatures, so that it survives the round trip; a provider of
the client's wire would refuse such a field, and can be spared it, because it begins with `PREFIX`.
"""

import base64
import binascii
from typing import Final

import msgspec
from msgspec import Raw, Struct

PREFIX: Final = "wye1."
"""What every sealed text begins with; no provider's signature, which is base64, has a full stop."""

RECAP_HEADING: Final = "The conversation so far, in summary:\n\n"
"""Stands before a recap where it is said as a message."""


class Sealed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A signature (or encrypted thoughts, or a part only `origin` has words for) of wire format `origin`.

    `call_id` names the tool call that the signature belongs to; `id` is the wire's own name for the piece. `recap` is
    no wire's: it sums up a conversation and stands in its place from then on.
    """

    origin: str | None = None
    signature: str | None = None
    encrypted: str | None = None
    id: str | None = None
    summary: bool = False
    call_id: str | None = None
    opaque: Raw = Raw(b"null")
    recap: str | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Sealed).decode


def seal(piece: Sealed) -> str:
    """Wrap a piece into text."""
    return PREFIX + base64.urlsafe_b64encode(_encode(piece)).decode().rstrip("=")


def unseal(text: str | None) -> Sealed | None:
    """Unwrap what `seal` made; `None` for anything else, also where it was damaged on its way."""
    if not text or not text.startswith(PREFIX):
        return None
    data = text[len(PREFIX) :]
    try:
        return _decode(base64.urlsafe_b64decode(data + "=" * (-len(data) % 4)))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, binascii.Error, ValueError):
        return None

"""Lets a Gemini client carry what only another wire format understands, in the one member it must keep untouched.

A `thoughtSignature` is opaque to clients, and they send it back. A signature of Gemini's own stands there as it is; one
of another wire format is sealed with that format's name. The member holds bytes, so it is written in base64 once more.
"""

import base64
import binascii

from wye.core.content import Opaque, Reasoning
from wye.core.sealed import Sealed, seal, unseal


def wrap(piece: Sealed) -> str:
    """Return the text of a `thoughtSignature` that carries this."""
    return base64.b64encode(seal(piece).encode()).decode()


def unwrap(signature: str) -> Sealed | None:
    """Return what a `thoughtSignature` carries for another wire format; `None` where it is Gemini's own."""
    try:
        # Clients may write it in the alphabet for addresses.
        data = base64.b64decode(signature.replace("-", "+").replace("_", "/") + "=" * (-len(signature) % 4))
        return unseal(data.decode())
    except (binascii.Error, ValueError):
        return None


def reasoning_signature(piece: Reasoning, own: str) -> str | None:
    """Return the `thoughtSignature` of a piece of reasoning, where it has anything that must come back."""
    if piece.origin in {None, own} and not piece.encrypted:
        return piece.signature
    if not (piece.signature or piece.encrypted):
        return None  # a piece of a thought, or one that has only a name
    return wrap(
        Sealed(
            origin=piece.origin,
            signature=piece.signature,
            encrypted=piece.encrypted,
            id=piece.id,
            summary=piece.summary,
        )
    )


def call_signature(signature: str | None, origin: str | None, own: str) -> str | None:
    """Return the `thoughtSignature` of a tool call."""
    if not signature or origin in {None, own}:
        return signature
    return wrap(Sealed(origin=origin, signature=signature))


def opaque_signature(part: Opaque) -> str:
    """Return the `thoughtSignature` that carries a part of another wire format."""
    return wrap(Sealed(origin=part.wire, opaque=part.raw))

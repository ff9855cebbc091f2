"""Virtual keys as they are written, shown and stored: the key itself is shown once and kept nowhere."""

import hashlib
import re
import secrets
import string
from typing import Final

from msgspec import Struct

from wye.core.errors import AuthenticationError
from wye.core.secret import Secret

MARK: Final = "wye-sk-"
"""What every virtual key begins with."""
_LETTERS: Final = string.ascii_letters + string.digits
_SHOWN: Final = 8
_HIDDEN: Final = 40
"""Letters and digits: 238 bits, which nobody guesses."""
_KEY: Final = re.compile(rb"wye-sk-[A-Za-z0-9]{8}-[A-Za-z0-9]{32,64}").fullmatch
LONGEST: Final = 256
"""Bytes; what is longer is no key of anybody's, and is not looked at."""


class Minted(Struct, frozen=True):
    """A new key: `secret` to be shown once, `prefix` to be shown ever after, `hash` to be found by."""

    secret: Secret
    prefix: str
    hash: str


def mint(pepper: bytes) -> Minted:
    """Make a key; `pepper` is the deployment's secret, without which a stored hash is worth nothing."""
    shown = "".join(secrets.choice(_LETTERS) for _ in range(_SHOWN))
    hidden = "".join(secrets.choice(_LETTERS) for _ in range(_HIDDEN))
    key = f"{MARK}{shown}-{hidden}"
    return Minted(Secret(key), f"{MARK}{shown}", hashed(key.encode(), pepper))


def is_key(given: bytes) -> bool:
    """Tell whether something is written as a virtual key is."""
    return len(given) <= LONGEST and _KEY(given) is not None


def hashed(key: bytes, pepper: bytes) -> str:
    """Return what a key is stored and found by: BLAKE2b keyed with `pepper`, 32 bytes, in hexadecimal.

    It is made for keyed hashing, so it needs no HMAC around it, and takes a seventh of the time: every request does it.
    """
    return hashlib.blake2b(key, digest_size=32, key=pepper).hexdigest()


def wrong_key() -> AuthenticationError:
    """Return what is said of a key that is nobody's: not more than that."""
    return AuthenticationError("the API key is wrong")


def new_pepper() -> bytes:
    """Return a secret for a new deployment."""
    return secrets.token_bytes(32)

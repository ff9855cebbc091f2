"""Encrypts what must be kept but not be read from the database: users' own keys of providers.

AES-256-GCM under keys derived from `WYE_SECRET_KEY`. Each value is bound to where it belongs (`place`), so that one
that is copied into another row does not open there. Of several keys, with commas between them, the first encrypts and
all decrypt, so that a key is replaced in three steps: put the new one in front, `wye keys rotate-secret`, drop the old.
"""

import base64
import binascii
import hashlib
import os
from collections.abc import Mapping
from typing import Final

from wye.core.errors import ConfigurationError, WyeError
from wye.core.secret import Secret

VARIABLE: Final = "WYE_SECRET_KEY"
_VERSION: Final = "w1"
_SHORTEST: Final = 16
_NONCE: Final = 12
_HOW: Final = f"set {VARIABLE} to a long random text ('openssl rand -base64 32' makes one) and keep it safe"


class VaultClosedError(WyeError):
    """There is no key to encrypt with."""

    status_code = 503
    default_code = "secret_key_missing"


class SealBrokenError(WyeError):
    """What was encrypted cannot be opened: its key is not among those set, or it was tampered with."""

    default_code = "secret_key_wrong"


class Vault:
    """Seals and opens; without a key it does neither."""

    def __init__(self, text: Secret | None = None) -> None:
        """Derive the keys of `text`, which are separated by commas. Raises `ConfigurationError` for a short one."""
        words = [word.strip() for word in text.reveal().split(",")] if text else []
        words = [word for word in words if word]
        if any(len(word) < _SHORTEST for word in words):
            raise ConfigurationError(
                f"{VARIABLE}: a key has at least {_SHORTEST} characters; {_HOW}", param=VARIABLE.lower()
            )
        self._keys: Mapping[str, bytes] = {_name(key): key for key in map(_derived, words)}

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Vault":
        """Take the keys of `WYE_SECRET_KEY`."""
        text = environ.get(VARIABLE, "").strip()
        return cls(Secret(text) if text else None)

    @property
    def is_open(self) -> bool:
        """Whether there is a key."""
        return bool(self._keys)

    def require(self, what: str) -> None:
        """Raise `VaultClosedError` where there is no key to keep `what` with."""
        if not self._keys:
            raise VaultClosedError(f"{what} cannot be kept: the operator has to {_HOW}")

    def seal(self, value: Secret, place: str) -> str:
        """Return `value` encrypted for `place`. Raises `VaultClosedError`."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # takes its time to import

        self.require("a key")
        name, key = next(iter(self._keys.items()))
        nonce = os.urandom(_NONCE)
        sealed = nonce + AESGCM(key).encrypt(nonce, value.reveal().encode(), place.encode())
        return f"{_VERSION}.{name}.{base64.urlsafe_b64encode(sealed).decode()}"

    def open(self, sealed: str, place: str) -> Secret:
        """Return what was sealed for `place`. Raises `SealBrokenError`, and `VaultClosedError` without any key."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self.require("a key")
        version, _, rest = sealed.partition(".")
        name, _, text = rest.partition(".")
        key = self._keys.get(name)
        if version != _VERSION or key is None:
            raise SealBrokenError(f"what is stored was encrypted with another {VARIABLE}: put that one after a comma")
        try:
            raw = base64.urlsafe_b64decode(text.encode())
            return Secret(AESGCM(key).decrypt(raw[:_NONCE], raw[_NONCE:], place.encode()).decode())
        except (InvalidTag, binascii.Error, ValueError):
            raise SealBrokenError("what is stored is damaged, or belongs elsewhere: store it again") from None

    def is_current(self, sealed: str) -> bool:
        """Tell whether a value is encrypted with the first key."""
        return bool(self._keys) and sealed.startswith(f"{_VERSION}.{next(iter(self._keys))}.")


def _derived(word: str) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"wye vault 1").derive(word.encode())


def _name(key: bytes) -> str:
    """Return what tells keys apart, and tells nothing of them."""
    return hashlib.sha256(b"wye vault name" + key).hexdigest()[:8]

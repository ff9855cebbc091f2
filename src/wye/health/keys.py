"""A provider's keys: which one is used next, and which are left alone for how long."""

import hashlib
import math
from collections.abc import Sequence
from typing import Final

from wye.core.secret import Secret

COOLDOWN_SECONDS: Final = 1.0
"""The first cooldown after a rate limit whose provider does not say how long it lasts; each further one doubles."""
COOLDOWN_AT_MOST: Final = 60.0
HINT_AT_MOST: Final = 3600.0
"""The longest wait that is believed of a provider's hint."""
QUOTA_SECONDS: Final = 3600.0
"""How long a key whose account has no credit left is not tried."""
SIGN_IN_SECONDS: Final = 30.0
"""The first cooldown after a refused sign-in that renews itself; each further one doubles, up to ten minutes."""
_SIGN_IN_AT_MOST: Final = 600.0


class Key:
    """One key and how it fares; `secret` is `None` where a provider needs none or signs in by itself.

    `until` is when it may be used again, on a clock that never goes back; `code` says why not before.
    """

    __slots__ = ("code", "in_flight", "last_error", "name", "secret", "strikes", "turn", "until", "used")

    def __init__(self, secret: Secret | None) -> None:
        """Begin healthy."""
        self.secret = secret
        self.name = fingerprint(secret)
        self.in_flight = 0
        self.used = 0
        self.turn = 0
        self.until = 0.0
        self.code = ""
        self.strikes = 0
        self.last_error = ""

    @property
    def masked(self) -> str:
        """Enough of it to tell it from others."""
        return self.secret.masked() if self.secret is not None else ""

    def worked(self) -> None:
        """Note an answer: whatever was held against the key is over, unless it is being left alone right now."""
        self.strikes = 0

    def limited(self, now: float, retry_after: float | None) -> None:
        """Cool down after a rate limit; several at once are one."""
        if retry_after is not None and retry_after > 0:
            self.rest("cooling_down", max(self.until, now + min(retry_after, HINT_AT_MOST)))
        elif now >= self.until:
            self.rest("cooling_down", now + min(COOLDOWN_SECONDS * 2**self.strikes, COOLDOWN_AT_MOST))
            self.strikes = min(self.strikes + 1, 16)

    def exhausted(self, now: float, retry_after: float | None) -> None:
        """Leave the key alone for long: its account has no credit or quota left."""
        self.rest("quota_exceeded", now + min(retry_after or QUOTA_SECONDS, 24 * HINT_AT_MOST))

    def refused(self, now: float) -> None:
        """Retire the key; where there is none, what signs in may do better in a while."""
        if self.secret is not None:
            self.rest("refused", math.inf)
        elif now >= self.until:
            self.rest("refused", now + min(SIGN_IN_SECONDS * 2**self.strikes, _SIGN_IN_AT_MOST))
            self.strikes = min(self.strikes + 1, 16)

    def rest(self, code: str, until: float) -> None:
        """Leave the key alone until then."""
        self.code, self.until = code, until

    def revive(self) -> None:
        """Forget what was held against it."""
        self.until, self.code, self.strikes, self.last_error = 0.0, "", 0, ""


class KeyRing:
    """The keys of one provider; a provider without any has one that is `None`."""

    __slots__ = ("_turn", "keys")

    def __init__(self, secrets: Sequence[Secret] = ()) -> None:
        """Hold these keys, all healthy."""
        self.keys: tuple[Key, ...] = tuple(map(Key, dict.fromkeys(secrets))) or (Key(None),)
        self._turn = 0

    def pick(self, now: float) -> Key | None:
        """Return the healthy key with the fewest calls under way, of those the one unused for longest; claim it."""
        best: Key | None = None
        for key in self.keys:
            if key.until <= now and (
                best is None
                or key.in_flight < best.in_flight
                or (key.in_flight == best.in_flight and key.turn < best.turn)
            ):
                best = key
        if best is not None:
            self._turn = best.turn = self._turn + 1
            best.in_flight += 1
            best.used += 1
        return best

    def frees_at(self) -> float:
        """Return when the next key may be used, infinity where that is never."""
        return min(key.until for key in self.keys)

    def replace(self, secrets: Sequence[Secret]) -> None:
        """Hold these keys instead; those that stay keep their health."""
        known = {key.secret: key for key in self.keys}
        fresh: list[Secret | None] = [*dict.fromkeys(secrets)] or [None]
        self.keys = tuple(known.get(secret) or Key(secret) for secret in fresh)


def fingerprint(secret: Secret | None) -> str:
    """Return a name for a key that tells nothing of it, the same in every process."""
    return hashlib.blake2b(secret.reveal().encode(), digest_size=8).hexdigest() if secret is not None else "none"

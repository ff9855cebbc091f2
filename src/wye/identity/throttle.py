"""Slows down who tries keys: after some that were wrong, an address waits twice as long after each further one."""

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from wye.core.errors import TooManyAttemptsError

FREE: Final = 10
"""So many different wrong keys are forgiven: people mistype, and keys are replaced one service at a time."""
FIRST_WAIT: Final = 1.0
LONGEST_WAIT: Final = 300.0
KEPT: Final = 10_000
"""Addresses at a time; the one that failed longest ago is forgotten first."""
_FORGOTTEN_AFTER: Final = 900.0
_REMEMBERED_KEYS: Final = 32


class _Failures:
    __slots__ = ("count", "keys", "last", "until")

    def __init__(self) -> None:
        self.count = 0
        self.keys: OrderedDict[bytes, None] = OrderedDict()
        self.last = 0.0
        self.until = 0.0


class Throttle:
    """Counts the different wrong keys that each address tried, in bounded memory.

    The same wrong key again is no further attempt: a program that goes on with a key that was revoked guesses nothing,
    and must not shut out what shares its address. An IPv6 address counts as its network of 64 bits.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with nobody; `clock` tells seconds."""
        self._clock = clock
        self._known: OrderedDict[str, _Failures] = OrderedDict()

    def check(self, address: str) -> None:
        """Raise `TooManyAttemptsError` where an address has to wait before it may try a key that is not known."""
        if not self._known:
            return
        found = self._known.get(_network(address))
        if found is None:
            return
        wait = found.until - self._clock()
        if wait > 0:
            message = f"too many wrong keys came from here: try again in {math.ceil(wait)} s"
            raise TooManyAttemptsError(message, retry_after=wait)

    def failed(self, address: str, digest: bytes) -> None:
        """Count a wrong key; `digest` tells it from others and is not the key."""
        network, now = _network(address), self._clock()
        found = self._known.pop(network, None)
        if found is None or now - found.last > _FORGOTTEN_AFTER:
            found = _Failures()
        self._known[network] = found
        found.last = now
        if digest in found.keys:
            return
        found.keys[digest] = None
        if len(found.keys) > _REMEMBERED_KEYS:
            found.keys.popitem(last=False)
        found.count += 1
        if found.count > FREE:
            exponent = min(found.count - FREE - 1, 32)
            found.until = now + min(FIRST_WAIT * 2**exponent, LONGEST_WAIT)
        if len(self._known) > KEPT:
            self._known.popitem(last=False)

    def succeeded(self, address: str) -> None:
        """Forget what an address did before it had the right key."""
        if self._known:
            self._known.pop(_network(address), None)


def _network(address: str) -> str:
    if ":" not in address:
        return address
    try:
        return str(ipaddress.ip_network((address.partition("%")[0], 64), strict=False))
    except ValueError:
        return address

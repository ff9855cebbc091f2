"""Whom a request came from where proxies stand between: each writes down whom it heard from (`X-Forwarded-For`).

Anybody may send that header; what counts are the entries that proxies of the operator's own added, from the right.
"""

import ipaddress
from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from wye.core.errors import ConfigurationError

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_HEADER: Final = b"x-forwarded-for"
_MOST: Final = 32
"""Entries that are looked at; nobody has as many proxies."""


class Proxies:
    """The proxies whose word is taken."""

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        """Trust these addresses and networks. Raises `ConfigurationError` for what is neither."""
        self._trusted = [_network(one) for one in trusted]

    def origin(self, scope: Any) -> str:
        """Return the address that a request came from, by its ASGI scope; empty where there is none."""
        client = scope.get("client")
        origin: str = client[0] if client else ""
        if not self._trusted or not self._trusts(_address(origin)):
            return origin
        said = b",".join(value for name, value in scope["headers"] if name == _HEADER)
        for entry in reversed(said.rsplit(b",", _MOST)[-_MOST:]):
            found = _address(entry.decode("latin-1"))
            if found is None:
                return origin  # nothing that could be counted by: the one who passed it on
            origin = str(found)
            if not self._trusts(found):
                return origin
        return origin

    def _trusts(self, address: _Address | None) -> bool:
        return address is not None and any(address in network for network in self._trusted)


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        message = f"server.trusted_proxies: {text!r} is neither an address (10.0.0.5) nor a network (10.0.0.0/8)"
        raise ConfigurationError(message, param="server.trusted_proxies") from None


def _address(text: str) -> _Address | None:
    """Read an address, also with a port: `10.0.0.5`, `10.0.0.5:443`, `2001:db8::1`, `[2001:db8::1]:443`."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found

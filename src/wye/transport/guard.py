"""Refuses private addresses for endpoints that nobody vouched for.

The address that was checked is the one connected to: the client is told the address, it does not look the name up
again, so a name that answers differently the second time (DNS rebinding) gains nothing.
"""

import asyncio
import ipaddress
import socket
from typing import TypeAlias

from wye.core.errors import AddressRefusedError, ConnectionFailedError

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_INSIDE = frozenset({ipaddress.IPv4Address("168.63.129.16")})
"""Public by their numbers, but inside a cloud's own network: Azure's wire server gives out its machines' settings."""
_HANDED_OUT = ipaddress.IPv6Network("2000::/3")
"""What there is of public IPv6: https://www.iana.org/assignments/ipv6-address-space."""


def is_public(address: str) -> bool:
    """Tell whether `address` is on the public Internet, seen through the wrappings of IPv4 in IPv6."""
    ip: Address = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if ip not in _HANDED_OUT:
            return False
    return ip.is_global and not ip.is_multicast and ip not in _INSIDE


async def public_addresses(host: str, port: int) -> tuple[str, ...]:
    """Look `host` up and return its addresses, in the order in which they should be tried.

    Raises `AddressRefusedError` where any of them is not public, `ConnectionFailedError` where there is none.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ConnectionFailedError(f"the name {host!r} cannot be resolved: {error.strerror}") from None
    addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not all(is_public(address) for address in addresses):
        raise AddressRefusedError(
            f"{host!r} is a private address; set 'allow_private_network = true' for the provider if that is meant"
        )
    return addresses

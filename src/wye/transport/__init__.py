"""The only outbound I/O: HTTP with its pools and timeouts, the framing of streams, the address guard."""

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from wye.core.errors import ConfigurationError
from wye.transport.plain import PlainTransport
from wye.transport.seam import LARGEST_ANSWER, HttpReply, HttpStream, Timeouts, Transport

__all__ = ["LARGEST_ANSWER", "HttpReply", "HttpStream", "Timeouts", "Transport", "connect"]


def connect(
    base_url: str, *, timeouts: Timeouts | None = None, guarded: bool = False, largest: int = LARGEST_ANSWER
) -> Transport:
    """Return the transport for a base URL; connections are made when they are needed.

    `guarded` refuses private addresses, `largest` bounds a whole answer, in bytes. Raises `ConfigurationError` for a
    URL that cannot be used.
    """
    try:
        url = urlsplit(base_url)
        port = url.port
        (url.hostname or "").encode("idna")
    except ValueError as error:
        raise ConfigurationError(f"{base_url!r} is not a URL: {error}", param="base_url") from None
    if url.scheme not in {"http", "https"} or not url.hostname or port == 0:
        raise ConfigurationError("a base URL is 'https://host/path' or 'http://host:port/path'", param="base_url")
    if url.username or url.password:
        raise ConfigurationError("a base URL holds no credentials; put the key into 'api_keys'", param="base_url")
    if not guarded and _behind_proxy(url.scheme, url.hostname):
        from wye.transport.secure import SecureTransport

        return SecureTransport(base_url, timeouts=timeouts, largest=largest)
    if url.scheme == "http":
        return PlainTransport(base_url, timeouts=timeouts, guarded=guarded, largest=largest)
    from wye.transport.https import HttpsTransport

    return HttpsTransport(base_url, timeouts=timeouts, guarded=guarded, largest=largest)


def _behind_proxy(scheme: str, host: str) -> bool:
    proxies = getproxies()
    return bool(proxies.get(scheme) or proxies.get("all")) and not proxy_bypass(host)

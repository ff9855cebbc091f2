"""Who may call: the admin key where there is one; without it only this machine, and no web page in disguise.

Without keys the gateway is open on loopback, so two ways in from a browser are closed: a name that was made to point
here (the `Host` must be a loopback name), and a page of another site that posts (the `Origin` must be one of ours, and
a body must be JSON, which a form cannot send; where forms are taken, no browser may say that another site sent it).
"""

import hmac
import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from wye.core.caller import ADMIN, LOCAL, Caller
from wye.core.errors import AuthenticationError, InvalidRequestError, PermissionDeniedError
from wye.core.secret import Secret


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address is this machine's own; `127.example.com` is somebody's name."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


class Gate:
    """Checks one request's headers; names are lower-case bytes."""

    def __init__(self, admin_key: Secret | None) -> None:
        """Require `admin_key`, or loopback manners where there is none."""
        self._key = admin_key.reveal().encode() if admin_key else None
        self._known_hosts: set[bytes] = set()

    def check(self, method: str, headers: Mapping[bytes, bytes], *, forms: bool = False, bare: bool = False) -> Caller:
        """Return who asks.

        Raises `AuthenticationError`, `PermissionDeniedError` or `InvalidRequestError` for who may not.
        `forms` lets the body be a form with files, as few paths take it, and `bare` lets there be no body at all.
        """
        if self._key is not None:
            self._check_key(headers)
            return ADMIN
        self._check_manners(method, headers, forms=forms, bare=bare)
        return LOCAL

    def _check_key(self, headers: Mapping[bytes, bytes]) -> None:
        given = headers.get(b"authorization", b"")
        scheme, _, key = given.partition(b" ")
        if scheme.lower() != b"bearer":
            key = headers.get(b"x-api-key") or headers.get(b"x-goog-api-key") or headers.get(b"api-key") or b""
        if self._key is None or not hmac.compare_digest(key.strip(), self._key):
            what = "the API key is wrong" if key else "an API key is required: 'Authorization: Bearer <key>'"
            raise AuthenticationError(what)

    def _check_manners(self, method: str, headers: Mapping[bytes, bytes], *, forms: bool, bare: bool) -> None:
        host = headers.get(b"host", b"")
        if host not in self._known_hosts:
            if not is_loopback(_host_of(f"//{host.decode('latin-1')}")):
                raise PermissionDeniedError("without an admin key only loopback names are answered; see 'Host'")
            if len(self._known_hosts) < 100:
                self._known_hosts.add(host)
        origin = headers.get(b"origin")
        if origin is not None and not is_loopback(_host_of(origin.decode("latin-1"))):
            raise PermissionDeniedError("without an admin key requests from other sites are refused; see 'Origin'")
        content_type = headers.get(b"content-type", b"").lower()
        has_body = headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers
        empty = bare and not content_type and not has_body
        if empty or (forms and content_type.startswith(b"multipart/form-data")):
            # A page of another site could send such a form, or nothing; browsers say so, programs do not.
            if headers.get(b"sec-fetch-site", b"none") not in {b"none", b"same-origin"}:
                raise PermissionDeniedError("without an admin key requests from other sites are refused")
            return
        if method == "POST" and not content_type.startswith(b"application/json"):
            raise InvalidRequestError("send 'Content-Type: application/json'", code="invalid_content_type")


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""

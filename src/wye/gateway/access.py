"""Who asks: whoever has a virtual key or the admin key; without an admin key also this machine, and no web page.

A virtual key says who asks wherever it is shown. Without one, the admin key is required where there is one; virtual
keys that exist do not close a gateway without an admin key to its own machine, where somebody has to make them. Then
it is open on loopback, so two ways in from a browser are closed: a name that was made to point here (the `Host` must
be a loopback name), and a page of another site that posts (the `Origin` must be one of ours, and a body must be JSON,
which a form cannot send; where forms or files are taken, no browser may say that another site sent it).
"""

import hashlib
import hmac
import ipaddress
from collections.abc import Awaitable, Mapping, Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from wye.core.caller import ADMIN, LOCAL, Caller, Scope
from wye.core.errors import AuthenticationError, InvalidRequestError, PermissionDeniedError
from wye.core.secret import Secret
from wye.gateway.proxies import Proxies
from wye.gateway.sessions import Sessions, check_same_origin, cookie_of
from wye.identity.minting import LONGEST, MARK, is_key, wrong_key
from wye.identity.throttle import Throttle

if TYPE_CHECKING:
    from wye.identity.directory import Directory  # which loads what speaks to a database
    from wye.store.opened import Store

_MARK: Final = MARK.encode()
_FILES: Final = (b"text/", b"application/pdf", b"application/xhtml+xml", b"application/octet-stream")
_OTHERS: Final[Mapping[tuple[bool, bool], tuple[bytes, ...]]] = {
    (forms, files): (*((b"multipart/form-data",) if forms else ()), *(_FILES if files else ()))
    for forms in (False, True)
    for files in (False, True)
}
"""What a body may be beside JSON, by whether a path takes forms and files."""


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address is this machine's own; `127.example.com` is somebody's name."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


class Gate:
    """Finds out from one request's headers who asks; names are lower-case bytes."""

    def __init__(
        self,
        admin_key: Secret | None,
        directory: "Directory | None" = None,
        throttle: Throttle | None = None,
        store: "Store | None" = None,
        proxies: Proxies | None = None,
    ) -> None:
        """Let in who has `admin_key` or a key that `directory` knows; without an admin key, also this machine.

        Which sessions were signed out of is in `store`; `proxies` say whom requests came from.
        """
        self._key = admin_key.reveal().encode() if admin_key else None
        self._directory = directory
        self._throttle = throttle or Throttle()
        self.proxies: Final = proxies or Proxies()
        self._known_hosts: set[bytes] = set()
        self.sessions: Final = Sessions(admin_key, directory, store)

    @property
    def is_open(self) -> bool:
        """Whether this machine needs no key."""
        return self._key is None

    def check(
        self,
        method: str,
        headers: Mapping[bytes, bytes],
        *,
        address: str = "",
        forms: bool = False,
        files: bool = False,
        bare: bool = False,
    ) -> Caller | Awaitable[Caller]:
        """Return who asks; an awaitable where the database has to be asked, which may raise the same.

        Raises `AuthenticationError`, `TooManyAttemptsError`, `SignInUnavailableError`, `PermissionDeniedError` or
        `InvalidRequestError` for who may not. `address` is where the request came from; `forms` lets the body be a
        form with files and `files` a file as it is, as few paths take them, and `bare` lets there be no body at all.
        """
        key, directory = key_of(headers), self._directory
        others = _OTHERS[forms, files]
        if not key and (cookie := cookie_of(headers)) is not None:
            found = self._check_session(cookie, method, headers, others=others, bare=bare)
            if found is not None:
                return found
        if directory is not None and key.startswith(_MARK) and (self._key is None or not self._is_admins(key)):
            return self._check_virtual(directory, key, address)
        if self._key is not None:
            self._check_admins(key, address)
            return directory.of_the_house(ADMIN) if directory is not None else ADMIN
        self._check_manners(method, headers, others=others, bare=bare)
        return directory.of_the_house(LOCAL) if directory is not None else LOCAL

    def _check_session(
        self, cookie: str, method: str, headers: Mapping[bytes, bytes], *, others: tuple[bytes, ...], bare: bool
    ) -> Caller | Awaitable[Caller] | None:
        """Return whose session it is; `None` where it has ended and nobody needs one here."""
        try:
            found = self.sessions.check(cookie)
        except AuthenticationError:
            if self.is_open:
                return None
            raise
        check_same_origin(method, headers, others=others)
        if self.is_open:
            self._check_manners(method, headers, others=others, bare=bare)
        return found

    async def sign_in(self, key: bytes, headers: Mapping[bytes, bytes], address: str) -> Caller:
        """Return whose key it is that a person typed in.

        Raises `AuthenticationError`, `TooManyAttemptsError` or `SignInUnavailableError`.
        """
        if self.is_open:
            self._check_manners("POST", headers, others=(), bare=False)
        if not key or (self.is_open and not (self._directory is not None and key.startswith(_MARK))):
            self._throttle.check(address)
            self._throttle.failed(address, hashlib.sha256(key[:LONGEST]).digest())
            raise wrong_key()
        found = self.check("POST", {b"authorization": b"Bearer " + key}, address=address)
        return found if isinstance(found, Caller) else await found

    def _is_admins(self, key: bytes) -> bool:
        return self._key is not None and self._key.startswith(_MARK) and hmac.compare_digest(key, self._key)

    def _check_virtual(self, directory: "Directory", key: bytes, address: str) -> Caller | Awaitable[Caller]:
        try:
            if len(key) <= LONGEST and (caller := directory.known(key)) is not None:
                return caller
            if not is_key(key):
                self._throttle.check(address)
                raise wrong_key()
        except AuthenticationError:
            self._throttle.failed(address, directory.digest(key[:LONGEST]))
            raise
        self._throttle.check(address)
        return self._look_up(directory, key, address)

    async def _look_up(self, directory: "Directory", key: bytes, address: str) -> Caller:
        try:
            return await directory.look_up(key)
        except AuthenticationError:
            self._throttle.failed(address, directory.digest(key))
            raise

    def _check_admins(self, key: bytes, address: str) -> None:
        if not key or self._key is None:
            raise AuthenticationError("an API key is required: 'Authorization: Bearer <key>'")
        if hmac.compare_digest(key, self._key):  # first of all: nobody shuts the admin out who shares an address
            self._throttle.succeeded(address)
            return
        self._throttle.check(address)
        self._throttle.failed(address, hashlib.sha256(key[:LONGEST]).digest())
        raise wrong_key()

    def _check_manners(
        self, method: str, headers: Mapping[bytes, bytes], *, others: tuple[bytes, ...], bare: bool
    ) -> None:
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
        if empty or content_type.startswith(others):
            # A page of another site could send such a form or text, or nothing; browsers say so, programs do not.
            if headers.get(b"sec-fetch-site", b"none") not in {b"none", b"same-origin"}:
                raise PermissionDeniedError("without an admin key requests from other sites are refused")
            return
        if method == "POST" and not content_type.startswith(b"application/json"):
            raise InvalidRequestError("send 'Content-Type: application/json'", code="invalid_content_type")


def check_scope(needs: Sequence[Scope], caller: Caller) -> None:
    """Raise `PermissionDeniedError` where a caller has none of the scopes that a route needs; none is for everybody."""
    if needs and not any(map(caller.may, needs)):
        what = " or ".join(map(repr, needs))
        raise PermissionDeniedError(f"the key may not do this: it lacks the scope {what}", code="scope_missing")


def key_of(headers: Mapping[bytes, bytes]) -> bytes:
    """Return the key of a request, in whichever form a client writes it; empty where there is none.

    `Authorization: Bearer`, Anthropic's `x-api-key`, Google's `x-goog-api-key`, Azure's `api-key`.
    """
    given = headers.get(b"authorization")
    if given is not None:
        scheme, _, key = given.partition(b" ")
        if scheme.lower() == b"bearer":
            return key.strip()
    key = headers.get(b"x-api-key") or headers.get(b"x-goog-api-key") or headers.get(b"api-key") or b""
    return key.strip()


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""

"""Sign-in for browsers: a cookie that stands for a key, which the page itself never has.

The cookie says whose session it is and until when, under a signature that only this deployment can make: with the
admin key for the admin, with the directory's secret for everybody else. Nothing of a session is stored, so that it
works in every worker and without a database, and whatever ends a key ends its sessions: revoking it, its expiry,
another admin key. Only that one was signed out of is written down, for the other workers to hear of.
A browser sends the cookie by itself, also where another site told it to; so a request that rests on it must come from
a page of ours (`check_same_origin`).
"""

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct, structs

from wye.core.caller import ADMIN, Caller
from wye.core.errors import (
    AuthenticationError,
    InvalidRequestError,
    PermissionDeniedError,
    SignInUnavailableError,
    StoreUnavailableError,
)
from wye.core.secret import Secret

if TYPE_CHECKING:
    from wye.identity.directory import Directory
    from wye.store.opened import Store

COOKIE: Final = "wye_session"
LASTS: Final = 12 * 3600
"""Seconds from signing in until it has to be done again: a working day."""
_PURPOSE: Final = b"wye session 1"
_LONGEST: Final = 1024
_KEPT: Final = 10_000
_SAFE: Final = frozenset({"GET", "HEAD"})
_OURS: Final = frozenset({b"same-origin", b"none"})


class _Told(Struct, frozen=True, array_like=True):
    """What a cookie says: the hash of the key, empty for the admin; seconds since the epoch; what tells it apart."""

    digest: str
    until: int
    name: str


_decode = msgspec.json.Decoder(_Told).decode


class Sessions:
    """The sessions of one gateway's callers."""

    def __init__(
        self,
        admin_key: Secret | None,
        directory: "Directory | None",
        store: "Store | None" = None,
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Let `admin_key` and the keys that `directory` knows stand behind sessions.

        Those that were signed out of are written into `store`, without which only this process knows of them. `wall`
        is seconds since 1970.
        """
        self._admin = hmac.digest(admin_key.reveal().encode(), _PURPOSE, "sha256") if admin_key else None
        self._directory = directory
        self._store = store
        self._wall = wall
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._ended_anywhere: set[str] = set()
        if store is not None:
            from wye.store.sessions import TOPIC  # what speaks to a database is not loaded without one

            store.changes.on(TOPIC, partial(self._hear, store))

    def begin(self, caller: Caller, key: bytes) -> tuple[str, int]:
        """Return a cookie's value for who has shown `key`, and until when it holds, in seconds since the epoch."""
        digest = ""
        if caller.via != "admin_key":
            if self._directory is None:
                raise AuthenticationError("there is no database here that could know this key")
            digest = self._directory.digest(key).decode()
        until = int(self._wall()) + LASTS
        told = msgspec.json.encode(_Told(digest, until, secrets.token_urlsafe(12)))
        return f"{_text(told)}.{_text(self._signature(told, digest) or b'')}", until

    def check(self, value: str) -> Caller | Awaitable[Caller]:
        """Return whose session it is; an awaitable where the database has to be asked, which may raise the same.

        Raises `AuthenticationError` for one that has ended or was never begun, and for one whose key has ended.
        """
        said, _, signature = value.partition(".")
        try:
            raw, mac = _bytes(said), _bytes(signature)
            told = _decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, binascii.Error, ValueError):
            raise _ended() from None
        if told.until <= self._wall() or told.name in self._ended or told.name in self._ended_anywhere:
            raise _ended()
        if not told.digest:
            self._check_signature(raw, "", mac)
            found = self._directory.of_the_house(ADMIN) if self._directory is not None else ADMIN
            return structs.replace(found, via="session")
        if self._directory is None:
            raise _ended()
        known = None
        if self._directory.secret_for(_PURPOSE) is not None:
            self._check_signature(raw, told.digest, mac)
            known = self._directory.known_by(told.digest)
        if known is None:
            return self._look_up(self._directory, told.digest, raw, mac)
        return structs.replace(known, via="session")

    async def _look_up(self, directory: "Directory", digest: str, raw: bytes, mac: bytes) -> Caller:
        found = await directory.look_up_by(digest)
        self._check_signature(raw, digest, mac)  # only now is what it is signed with known for sure
        return structs.replace(found, via="session")

    async def end(self, value: str) -> None:
        """End a session: this process takes it no more, and every other one hears of it within about a second.

        While the database is away no other one does. What is no session, or was one, is left as it is: nobody fills
        the books of ended ones with made-up names.
        """
        try:
            found = self.check(value)
            if not isinstance(found, Caller):
                await found
        except (AuthenticationError, SignInUnavailableError):
            return
        told = _decode(_bytes(value.partition(".")[0]))
        self._ended[told.name] = None
        if len(self._ended) > _KEPT:
            self._ended.popitem(last=False)
        if self._store is not None:
            from wye.store import sessions

            with suppress(StoreUnavailableError):
                async with self._store.database.begin() as connection:
                    await sessions.end(connection, told.name, told.until * 1_000_000)

    async def _hear(self, store: "Store") -> None:
        """Read which sessions were signed out of. Raises `StoreUnavailableError`."""
        from wye.store import sessions

        async with store.database.read() as connection:
            self._ended_anywhere = await sessions.ended(connection)

    def until(self, value: str) -> int:
        """Return until when a session that `check` let in holds, in seconds since the epoch."""
        return _decode(_bytes(value.partition(".")[0])).until

    def _check_signature(self, raw: bytes, digest: str, given: bytes) -> None:
        made = self._signature(raw, digest)
        if made is None or not hmac.compare_digest(made, given):
            raise _ended()

    def _signature(self, raw: bytes, digest: str) -> bytes | None:
        secret = self._admin
        if digest:
            secret = self._directory.secret_for(_PURPOSE) if self._directory is not None else None
        return None if secret is None else hmac.digest(secret, raw, hashlib.sha256)


def cookie_of(headers: Mapping[bytes, bytes]) -> str | None:
    """Return the session's cookie of a request, `None` where it has none."""
    given = headers.get(b"cookie")
    if given is None:
        return None
    for pair in given.split(b";"):
        name, _, value = pair.strip().partition(b"=")
        if name == COOKIE.encode():
            return value.decode("latin-1")[:_LONGEST] or None
    return None


def cookie_header(value: str, *, secure: bool, lasts: int = LASTS) -> str:
    """Return what sets the cookie, for so many seconds; 0 drops it."""
    attributes = f"Path=/; HttpOnly; SameSite=Strict; Max-Age={lasts}"
    return f"{COOKIE}={value}; {attributes}{'; Secure' if secure else ''}"


def check_same_origin(method: str, headers: Mapping[bytes, bytes], *, others: tuple[bytes, ...] = ()) -> None:
    """Refuse a request that a page of another site made the browser send along with our cookie.

    Browsers say where a request comes from (`Sec-Fetch-Site`, older ones `Origin`); what only another site's form
    could be is refused by its content type as well. `others` are what content types beside JSON's may begin with.
    """
    site, origin = headers.get(b"sec-fetch-site"), headers.get(b"origin")
    theirs = site not in _OURS if site is not None else origin is not None and not _is_of(origin, headers)
    if theirs or (method not in _SAFE and site != b"same-origin" and origin is None):
        raise PermissionDeniedError(
            "a session is for the console's own pages; a program sends its key: 'Authorization: Bearer <key>'",
            code="cross_site",
        )
    if method in _SAFE:
        return
    content_type = headers.get(b"content-type", b"").lower()
    has_body = headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers
    if content_type.startswith((b"application/json", *others)):
        return
    if has_body or content_type:
        raise InvalidRequestError("send 'Content-Type: application/json'", code="invalid_content_type")


def _is_of(origin: bytes, headers: Mapping[bytes, bytes]) -> bool:
    try:
        return urlsplit(origin.decode("latin-1")).netloc.encode() == headers.get(b"host", b"")
    except ValueError:
        return False


def _ended() -> AuthenticationError:
    return AuthenticationError("the session has ended: sign in again", code="session_ended")


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

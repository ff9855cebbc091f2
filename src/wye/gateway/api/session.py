"""Routes about the session of a browser: who is signed in, signing in and out."""

import datetime
from collections.abc import Sequence
from typing import Final, Literal

from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import structs

from wye import __version__
from wye.core.caller import Caller
from wye.core.errors import AuthenticationError, PermissionDeniedError
from wye.gateway.api.here import Here
from wye.gateway.api.session_forms import SessionForm
from wye.gateway.api.views import View
from wye.gateway.sessions import check_same_origin, cookie_header, cookie_of
from wye.identity.directory import ALL_SCOPES

_ANYBODY: Final = {"needs": ()}


class SessionView(View, frozen=True, kw_only=True):
    """Who asks, and what they may. `open` is a gateway that asks nobody on this machine for a key.

    `expiresAt` is when a browser has to sign in anew, `null` where it did not have to.
    """

    signed_in: bool
    open: bool
    user: str | None
    name: str | None
    key: str | None
    team: str | None
    scopes: Sequence[str]
    via: Literal["admin_key", "virtual_key", "session", "open", "library"] | None
    expires_at: datetime.datetime | None
    version: str


@get("/session", opt=_ANYBODY)
async def show_session(here: NamedDependency[Here]) -> SessionView:
    """Show who is signed in; who is not is no error here."""
    request = here.request
    try:
        asks = here.gate.check(request.method, request.headers, address=_address(here), bare=True)
        caller = asks if isinstance(asks, Caller) else await asks
    except (AuthenticationError, PermissionDeniedError):
        return _view(here, None)
    until = None
    if caller.via == "session" and (cookie := cookie_of(request.headers)) is not None:
        until = here.gate.sessions.until(cookie)
    return _view(here, caller, until)


@post("/session", status_code=200, opt=_ANYBODY)
async def sign_in(here: NamedDependency[Here], data: JSONBody[SessionForm]) -> Response[SessionView]:
    """Sign in with the admin key or a virtual key; the answer sets a cookie that no script can read."""
    _check_site(here)
    key = data.key.strip().encode()
    caller = await here.gate.sign_in(key, here.request.headers, _address(here))
    value, until = here.gate.sessions.begin(caller, key)
    return Response(
        _view(here, structs.replace(caller, via="session"), until),
        headers={"set-cookie": cookie_header(value, secure=_secure(here)), **_UNKEPT},
    )


@delete("/session", status_code=200, opt=_ANYBODY)
async def sign_out(here: NamedDependency[Here]) -> Response[SessionView]:
    """Sign out: the cookie is dropped, and holds no more in any worker within about a second."""
    cookie = cookie_of(here.request.headers)
    if cookie is not None:
        check_same_origin("DELETE", here.request.headers)
        await here.gate.sessions.end(cookie)
    return Response(
        _view(here, None), headers={"set-cookie": cookie_header("", secure=_secure(here), lasts=0), **_UNKEPT}
    )


_UNKEPT: Final = {"cache-control": "no-store"}


def _view(here: Here, caller: Caller | None, until: int | None = None) -> SessionView:
    if caller is None:
        caller, signed_in = Caller(user="", scopes=frozenset()), False
    else:
        signed_in = True
    return SessionView(
        signed_in=signed_in,
        open=here.gate.is_open,
        user=caller.user or None,
        name=caller.name or None,
        key=caller.key,
        team=caller.team,
        scopes=[scope for scope in ALL_SCOPES if caller.may(scope)] if signed_in else [],
        via=caller.via if signed_in else None,
        expires_at=None if until is None else datetime.datetime.fromtimestamp(until, datetime.UTC),
        version=__version__,
    )


def _check_site(here: Here) -> None:
    """Refuse a page of another site that signs its visitor in as somebody else."""
    site = here.request.headers.get(b"sec-fetch-site", b"none")
    if site not in {b"same-origin", b"none"}:
        raise PermissionDeniedError("sign in on the console's own page", code="cross_site")


def _address(here: Here) -> str:
    return here.gate.proxies.origin(here.request.scope)


def _secure(here: Here) -> bool:
    """Tell whether the browser speaks HTTPS; a proxy in front says so, and who lies about it harms themselves."""
    forwarded = here.request.headers.get(b"x-forwarded-proto", b"")
    return here.request.scope.get("scheme") == "https" or forwarded == b"https"


HANDLERS: Final = (show_session, sign_in, sign_out)

"""What answers a path, and how errors are written there."""

import math
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from msgspec import Struct, structs

from wye.core.caller import Scope
from wye.core.errors import AuthenticationError, InvalidRequestError, MethodNotAllowedError, WyeError
from wye.gateway import anthropic, chat, google
from wye.gateway.http import JSON, Header
from wye.gateway.request import Request
from wye.surfaces import anthropic_messages, gemini, openai_chat

_LONGEST_WAIT_SECONDS: Final = 365 * 24 * 3600
"""Nobody is told to come back later than this, whatever a provider says."""

Endpoint: TypeAlias = Callable[[Request], Awaitable[int]]


class Route(Struct, frozen=True):
    """What answers a path, and how the errors of it are written; without a `method` it looks at that itself.

    `needs` are the scopes of which a caller must have one.
    """

    method: str | None
    endpoint: Endpoint
    render_error: Callable[[WyeError], bytes] = openai_chat.render_error
    takes_forms: bool = False
    takes_files: bool = False
    also: tuple[str, ...] = ()
    needs: tuple[Scope, ...] = ("use",)
    taken: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Work out, once, which methods are taken."""
        head = ("HEAD",) if self.method == "GET" else ()
        structs.force_setattr(self, "taken", frozenset((self.method or "", *self.also, *head)))


def error_form(route: Route | None, request: Request) -> Callable[[WyeError], bytes]:
    """Choose how an error is written: as the path says, and where several APIs share it, as the client does."""
    if route is None or request.path.startswith("/v1/models"):
        if anthropic.is_client(request.headers):
            return anthropic_messages.render_error
        if google.speaks(request.path) or google.is_client(request.headers):
            return gemini.render_error
    return route.render_error if route is not None else openai_chat.render_error


def error_headers(route: Route | None, request: Request, error: WyeError) -> list[Header]:
    """Return the headers of an answer that is an error, with what its client may make of it."""
    headers = [JSON]
    headers += chat.describe(request.exchange) if request.exchange else [(b"x-request-id", request.id.encode())]
    if error.retry_after is not None:
        headers.append((b"retry-after", b"%d" % math.ceil(min(error.retry_after, _LONGEST_WAIT_SECONDS))))
    if isinstance(error, AuthenticationError):
        headers.append((b"www-authenticate", b"Bearer"))
    if request.allow:
        headers.append((b"allow", request.allow))
    elif isinstance(error, MethodNotAllowedError) and route is not None:
        also = "".join(f", {method}" for method in route.also)
        headers.append((b"allow", b"POST" if route.method == "POST" else b"GET, HEAD" + also.encode()))
    if isinstance(error, InvalidRequestError) and error.code == "invalid_content_type":
        headers.append((b"accept", b"application/json"))
    return headers


def where(error: BaseException) -> str:
    """Return the file and line an exception was raised at."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""

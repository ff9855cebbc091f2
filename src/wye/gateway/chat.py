"""Asks the engine for an answer and says it in the words of a surface, whole or as it comes."""

import asyncio
import functools
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol

from wye.core.caller import Caller
from wye.core.errors import InvalidRequestError, WyeError
from wye.core.exchange import Exchange
from wye.core.request import Asked
from wye.core.response import StreamChunk
from wye.core.reuse import Reuse
from wye.engine import Engine
from wye.gateway.http import JSON, STREAM, Departure, Header
from wye.gateway.limits import limit_headers
from wye.gateway.outlet import Outlet
from wye.gateway.wishes import USAGE_TAGS, reuse_of, summary, usage_tags, wishes_of
from wye.surfaces import AnswerStream, Surface

_MAX_TIMEOUT_SECONDS: Final = 24 * 3600.0
_NOTHING: Final[dict[str, str]] = {}


def open_exchange(  # noqa: PLR0913 - what its path says of a request are keywords of their own
    engine: Engine,
    surface: Surface,
    body: bytes,
    headers: Mapping[bytes, bytes],
    *,
    request_id: str,
    caller: Caller,
    model: str | None = None,
    stream: bool | None = None,
    action: str = "",
) -> Exchange:
    """Read the request and the caller's wishes of it; `model`, `stream` and `action` are what its path says of them."""
    drop = wants_dropping(engine, headers)
    forwarded = _NOTHING
    if not surface.FORWARDED.isdisjoint(headers):
        forwarded = {name.decode(): headers[name].decode("latin-1") for name in surface.FORWARDED if name in headers}
    asked = Asked(
        model=model,
        stream=stream,
        action=action,
        headers=forwarded,
        drop_unsupported=drop,
        raw_events=not engine.records_content,
    )
    call = surface.parse_request(body, asked)
    exchange = engine.begin(call, timeout=timeout_of(headers), request_id=request_id, caller=caller)
    exchange.wishes = wishes_of(headers)
    heed(engine, exchange, headers)
    return exchange


class Heeding(Protocol):
    """Whatever headers say something of."""

    tags: tuple[str, ...]
    reuse: Reuse | None
    traceparent: str | None


def heed(engine: Engine, exchange: Heeding, headers: Mapping[bytes, bytes]) -> None:
    """Read what headers say of the request's tags in the books, of kept answers and of traces, where there are any."""
    if (tags := headers.get(USAGE_TAGS)) is not None:
        exchange.tags = usage_tags(tags)
    if engine.cache is not None:
        exchange.reuse = reuse_of(headers)
    if engine.tracing is not None and (above := headers.get(b"traceparent")) is not None:
        exchange.traceparent = above.decode("latin-1")


def wants_dropping(engine: Engine, headers: Mapping[bytes, bytes]) -> bool:
    """Tell whether parameters that a wire cannot express are to be left out."""
    wish = headers.get(b"x-wye-drop-unsupported")
    return engine.drops_unsupported if wish is None else wish.lower() in {b"true", b"1", b"yes"}


def timeout_of(headers: Mapping[bytes, bytes]) -> float | None:
    """Return the seconds the caller allows; raise `InvalidRequestError` where they make no sense."""
    header = headers.get(b"x-wye-timeout")
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= _MAX_TIMEOUT_SECONDS:
        raise InvalidRequestError("'x-wye-timeout' must be a number of seconds above 0", param="x-wye-timeout")
    return seconds


async def answer_whole(
    engine: Engine, surface: Surface, exchange: Exchange, departure: Departure, outlet: Outlet
) -> int:
    """Answer in one piece; return the status sent."""
    try:
        response = await engine.complete(exchange)
    except asyncio.CancelledError:
        if departure.absorb():
            return 499
        raise
    finally:
        departure.end()
    body = surface.render_response(response, exchange.call, model=answering(exchange), request_id=exchange.id)
    if (wait := outlet.answer(200, [JSON, *describe(exchange)], body)) is not None:
        await wait
    return 200


def answering(exchange: Exchange) -> str:
    """Return the full id of the model that answers."""
    return exchange.attempt.full_id if exchange.attempt else exchange.call.model


def describe(exchange: Exchange) -> list[Header]:
    """Return the headers that say who answered, after how many attempts, what it cost, and whether it was kept."""
    headers: list[Header] = [(b"x-request-id", exchange.id.encode())]
    if (attempt := exchange.attempt) is not None:
        ended = exchange.settled or exchange.cached
        tried = len(exchange.outcomes) if ended else len(exchange.outcomes) + 1
        headers += (*who(attempt.provider, attempt.model), (b"x-wye-attempts", b"%d" % tried))
    if exchange.wishes is not None and exchange.wishes.explain and exchange.plan is not None:
        headers.append((b"x-wye-explain", summary(exchange.plan)))
    if exchange.cost_text is not None:
        headers.append((b"x-wye-cost-usd", exchange.cost_text.encode()))
        if exchange.estimated:
            headers.append((b"x-wye-estimated", b"x-wye-cost-usd"))
    if exchange.cache is not None:
        headers.append((b"x-wye-cache", exchange.cache.encode()))
        if exchange.age is not None:
            headers.append((b"age", b"%d" % exchange.age))
    if exchange.allowance is not None:
        headers += limit_headers(exchange)
    if exchange.dropped:
        headers.append((b"x-wye-dropped-params", _printable(", ".join(exchange.dropped))))
    if exchange.emulated:
        headers.append((b"x-wye-emulated", _printable(", ".join(exchange.emulated))))
    return headers


@functools.lru_cache(maxsize=1024)
def who(provider: str, model: str) -> tuple[Header, Header]:
    """Return the headers that say who answered."""
    return (b"x-wye-provider", provider.encode()), (b"x-wye-model", _printable(model))


def _printable(names: str) -> bytes:
    """Write names as a header can hold them: callers make some up."""
    return names.encode() if names.isascii() and names.isprintable() else names.encode("unicode_escape")


async def answer_stream(
    engine: Engine, surface: Surface, exchange: Exchange, departure: Departure, outlet: Outlet, *, keep_alive: float
) -> int:
    """Answer in pieces; return the status sent. An error before the first piece is raised, a later one is an event."""
    out = _EventStream(surface.open_stream(exchange.call, request_id=exchange.id), exchange, outlet, keep_alive)
    try:
        await engine.stream(exchange, out)
        end = out.writer.end()
    except WyeError as error:
        if not out.started:
            raise
        end = out.writer.fail(error)
    except asyncio.CancelledError:
        if departure.absorb():
            return 499
        raise
    finally:
        out.close()
        departure.end()
    if exchange.cost_text is not None:
        end = out.writer.comment(f"x-wye-cost-usd {exchange.cost_text}") + end
    await out.finish(end)
    return 200


async def _done(wait: Awaitable[None] | None) -> None:
    if wait is not None:
        await wait


class Paced:
    """An answer in pieces, with comments while there is nothing to say."""

    def __init__(self, outlet: Outlet, keep_alive: float, head: Callable[[], list[Header]], comment: bytes) -> None:
        """Send into `outlet`, after `head`; `comment` at the latest after twice `keep_alive` seconds of silence."""
        self.started = False
        self._outlet = outlet
        self._keep_alive = keep_alive
        self._head = head
        self._filler = comment
        self._loop = asyncio.get_running_loop()
        self._quiet = True
        self._blocked = False
        self._comment: asyncio.Future[None] | None = None
        self._timer = self._loop.call_later(keep_alive, self._tick)

    def start(self) -> None:
        """Set the status and headers, once."""
        if not self.started:
            self.started = True
            self._outlet.begin(200, self._head())

    def send(self, data: bytes) -> Awaitable[None] | None:
        """Send a piece."""
        self._quiet = False
        wait = self._outlet.write(data)
        return None if wait is None else self._blocked_by(wait)

    async def finish(self, data: bytes) -> None:
        """Send the last piece."""
        self.start()
        await _done(self._outlet.finish(data))

    async def _blocked_by(self, wait: Awaitable[None]) -> None:
        self._blocked = True
        await wait
        self._blocked = False

    def close(self) -> None:
        """Send no more comments."""
        self._timer.cancel()
        if self._comment is not None:
            self._comment.cancel()

    def _tick(self) -> None:
        """Fill a silence of the provider, at the latest after twice the time that comments are to be apart."""
        if self._quiet and not self._blocked:
            self.start()
            if (wait := self._outlet.write(self._filler)) is not None:
                self._comment = asyncio.ensure_future(_done(wait))
        self._quiet = True
        self._timer = self._loop.call_later(self._keep_alive, self._tick)


class _EventStream(Paced):
    """Sends chunks as events of an exchange."""

    def __init__(self, writer: AnswerStream, exchange: Exchange, outlet: Outlet, keep_alive: float) -> None:
        super().__init__(outlet, keep_alive, self._headers, writer.comment("keep-alive"))
        self.writer = writer
        self._exchange = exchange
        self._answered = False

    def _headers(self) -> list[Header]:
        return [(b"content-type", self.writer.content_type.encode()), *STREAM, *describe(self._exchange)]

    def put(self, chunks: Sequence[StreamChunk]) -> Awaitable[None] | None:
        """Send chunks as they come."""
        if not self._answered:
            self._answered = True
            self.writer.model = answering(self._exchange)
            self.start()
        data = self.writer.render(chunks)
        return self.send(data) if data else None

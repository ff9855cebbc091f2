"""The ASGI application: one table of routes, one place where errors become answers, one line of log per request."""

import asyncio
import re
import time
from collections.abc import Awaitable
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from wye.config import ServerConfig
from wye.core.caller import Caller
from wye.core.caller import Scope as KeyScope
from wye.core.errors import (
    MethodNotAllowedError,
    OverloadedError,
    RouteNotFoundError,
    WyeError,
)
from wye.engine import Engine
from wye.gateway import anthropic, chat, console, google, models, operations, responses
from wye.gateway.access import Gate, check_scope
from wye.gateway.directory import directory_of
from wye.gateway.http import JSON, ClientLeftError, Departures, Receive, Scope, Send, respond
from wye.gateway.metrics import Metrics
from wye.gateway.proxies import Proxies
from wye.gateway.reload import Reloader, Source
from wye.gateway.request import Request
from wye.gateway.routes import Endpoint, Route, error_form, error_headers, where
from wye.insights.window import Window
from wye.ledger.limiter import Limiter
from wye.ledger.refusal import described, usd
from wye.state import keep_responses
from wye.state.responses import ResponseStore
from wye.state.shared import Condition
from wye.surfaces import Surface, anthropic_messages, gemini, openai_chat, openai_completions, openai_responses
from wye.surfaces.gemini import array as gemini_array
from wye.telemetry.log import LogWriter, RequestLine
from wye.telemetry.shelf import Shelf

if TYPE_CHECKING:
    from wye.gateway.api.mount import Mounted
    from wye.store.opened import Store

_encode = msgspec.json.Encoder(decimal_format="number").encode
_API: Final = ("/api/", "/v1/files", "/v1/batches")
"""Where the application API begins, which OpenAI's files and batches are a part of."""
_LOOKING: Final[tuple[KeyScope, ...]] = ("use", "read")
_APPLICATIONS_ANSWERS: Final = re.compile(
    r"/api/(?:models/(?:generate|stream)|chat(?:/message)?(?:/stream)?|analytics/chat(?:/stream)?"
    r"|conversations/[^/]+/(?:regenerate|messages/[^/]+/edit)(?:/stream)?)"
)
"""Where applications ask for what costs time."""
_UPLOADS: Final = frozenset({"/api/documents", "/api/documents/"})
"""Where a body may be a file."""
_FORMS: Final = frozenset({"/v1/files", "/v1/files/"})
"""Where it is a form with one."""


class Gateway:
    """Serves an engine over HTTP. `ready` turns false when the server is told to stop."""

    def __init__(
        self,
        engine: Engine,
        config: ServerConfig | None = None,
        log: LogWriter | None = None,
        source: Source | None = None,
        shelf: Shelf | None = None,
    ) -> None:
        """Serve `engine` as `config` says; changed settings are taken over from `source`, where there is one.

        `shelf` is where other workers of the same gateway lay down what they count.
        """
        self.engine = engine
        self.config = config or engine.snapshot.settings.server
        self.log = log or LogWriter()
        self.ready = True
        self._under_way = 0
        self._mounted: Mounted | None = None
        database = engine.store.database if engine.store is not None else None
        self.responses: ResponseStore = keep_responses(engine.snapshot.settings.state, database)
        self.reloader = Reloader(engine, source, self.log) if source is not None else None
        metrics = engine.snapshot.settings.metrics
        self.metrics = Metrics(engine, metrics, shelf) if metrics.enabled else None
        self._window = Window()
        if database is None:
            engine.books.meters = (*engine.books.meters, self._window)
        self._departures = Departures()
        self.directory = directory_of(engine)
        proxies = Proxies(self.config.trusted_proxies)
        self._proxies = proxies if self.config.trusted_proxies else None
        self._gate = Gate(self.config.admin_key, self.directory, store=engine.store, proxies=proxies)
        self._open: Final = frozenset({"/", "/healthz", "/readyz", "/api/docs", "/api/openapi.json", "/api/session"})
        self._console: Final = Route("GET", console.Console().answer, needs=())
        self._routes: Final[dict[str, Route]] = {
            "/v1/chat/completions": self._answers(openai_chat),
            **{
                f"/v1/responses{action}": Route("POST", partial(self._respond, action), openai_responses.render_error)
                for action in ("", "/compact", "/input_tokens")
            },
            "/v1/completions": self._answers(openai_completions),
            "/v1/messages": self._answers(anthropic_messages),
            "/v1/messages/count_tokens": Route("POST", self._count_messages, anthropic_messages.render_error),
            **{path: self._does(way) for path, way in operations.WAYS.items()},
            "/v1/models": Route("GET", self._list_models, needs=_LOOKING),
            "/healthz": Route("GET", self._healthz),
            "/readyz": Route("GET", self._readyz),
            "/": Route("GET", self._root),
        }
        if self.metrics is not None:
            self._routes["/metrics"] = Route("GET", self.metrics.answer, needs=("admin",))

    def _answers(self, surface: Surface, *, model: str | None = None, stream: bool | None = None) -> Route:
        """Return the route of a client API; `model` and `stream` are what the path says of them."""
        return Route("POST", partial(self._generate, surface, model, stream), surface.render_error)

    def _does(self, way: operations.Way) -> Route:
        return Route("POST", partial(self._perform, way), takes_forms=way.takes_forms)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection's message, as ASGI wants it."""
        if scope["type"] == "http":
            await self._answer(Request(scope, receive, send))
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1003})

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    await self._begin()
                except WyeError as error:
                    await send({"type": "lifespan.startup.failed", "message": error.message})
                    return
                await send({"type": "lifespan.startup.complete"})
            else:
                if self.reloader is not None:
                    await self.reloader.stop()
                if self.metrics is not None:
                    await self.metrics.aclose()
                if self._mounted is not None:
                    await self._mounted.aclose()
                await self.engine.aclose()
                await self.responses.aclose()
                await self._window.aclose()
                self.log.flush()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _begin(self) -> None:
        """Begin what runs beside the requests. Raises `WyeError` where that cannot be."""
        self.engine.state.noticed = self._log_state
        if self.engine.store is not None:
            self._listen_to(self.engine.store)
            if (runner := self.application.runner) is not None:
                runner.noticed = lambda what: self.log.event("batches", message=what)
        self._listen_to_limits()
        await self.engine.start()
        if self.metrics is not None:
            await self.metrics.start()
        if self.reloader is not None:
            self.reloader.start()
        if self.engine.store is not None or self.engine.snapshot.settings.mcp.servers:
            self.application.start()

    async def _answer(self, request: Request) -> None:
        error: WyeError | None = None
        status = 500
        route = self._routes.get(request.path) or self._find(request.path)
        try:
            status = await self._admitted(route, request)
        except WyeError as raised:
            error = raised
            error.request_id = request.id
            status = raised.status_code
            body = error_form(route, request)(raised)
            await respond(request.send, status, body, error_headers(route, request, raised))
        except ClientLeftError:
            status = 499
        except asyncio.CancelledError:
            error = WyeError("the server stopped before the answer was complete", code="server_stopped")
            status = 503
            raise
        except Exception as raised:  # noqa: BLE001 - the last place before the server's own error page
            # The message of a bug may hold anything; only its type is told.
            error = WyeError("an internal error occurred; the request id finds it in the log")
            error.request_id = request.id
            status = 500
            self.log.event("bug", request_id=request.id, error=type(raised).__name__, where=where(raised))
            body = error_form(route, request)(error)
            await respond(request.send, status, body, error_headers(route, request, error))
        finally:
            self._log(request, status, error)

    def _admitted(self, route: Route | None, request: Request) -> Awaitable[int]:
        """Look who asks and for what; return what answers, or raise."""
        if request.path not in self._open and route is not self._console:
            if request.query:
                google.take_key(request.path, request.query, request.headers)
            came_from = request.scope.get("client")
            address = came_from[0] if came_from else ""
            if self._proxies is not None:
                address = self._proxies.origin(request.scope)
            asks = self._gate.check(
                request.method,
                request.headers,
                address=address,
                forms=route is not None and route.takes_forms,
                files=route is not None and route.takes_files,
                bare=request.path.startswith(_API),
            )
            if not isinstance(asks, Caller):
                return self._once_known(asks, route, request)
            request.caller = asks
            if route is not None:
                check_scope(route.needs, asks)
        return self._routed(route, request)

    async def _once_known(self, asks: Awaitable[Caller], route: Route | None, request: Request) -> int:
        """Wait until it is known who asks, which it is from then on, and answer."""
        request.caller = await asks
        if route is not None:
            check_scope(route.needs, request.caller)
        return await self._routed(route, request)

    def _routed(self, route: Route | None, request: Request) -> Awaitable[int]:
        if route is None:
            raise RouteNotFoundError(f"there is no {request.path}")
        if route.method is None:
            if self.config.max_concurrency is not None and _APPLICATIONS_ANSWERS.fullmatch(request.path):
                return self._within_limit(self.config.max_concurrency, route.endpoint, request)
            return route.endpoint(request)
        if request.method not in route.taken:
            raise MethodNotAllowedError(f"{request.path} takes {route.method}, not {request.method}")
        if self.config.max_concurrency is not None and request.method == "POST":
            return self._within_limit(self.config.max_concurrency, route.endpoint, request)
        return route.endpoint(request)

    async def _within_limit(self, most: int, endpoint: Endpoint, request: Request) -> int:
        """Answer where fewer than `most` requests for answers are under way; refuse at once where there are more."""
        if self._under_way >= most:
            raise OverloadedError(
                f"this gateway has {most} requests under way, all that [server] max_concurrency allows; "
                "try again in a moment",
                retry_after=1.0,
            )
        self._under_way += 1
        try:
            return await endpoint(request)
        finally:
            self._under_way -= 1

    def _find(self, path: str) -> Route | None:
        route = self._routes.get(path)
        if route is None and (called := google.parse(path)) is not None:
            return self._google_route(called)
        if route is None and path.startswith(_API):
            return Route(None, self._applied, needs=(), takes_files=path in _UPLOADS, takes_forms=path in _FORMS)
        if route is None and (path == "/console" or path.startswith(console.PREFIX)):
            return self._console
        if route is None and path.startswith("/v1/models/"):
            return Route("GET", self._show_model, needs=_LOOKING)
        if route is None and path.startswith("/v1/responses/"):
            return Route("GET", self._kept_response, openai_responses.render_error, also=("DELETE",))
        return route

    async def _generate(self, surface: Surface, model: str | None, stream: bool | None, request: Request) -> int:  # noqa: FBT001 - bound by `_answers`
        limit = self.config.max_body_bytes
        body = request.arrived(limit)
        if body is None:
            body = await request.read(limit)
        exchange = chat.open_exchange(
            self.engine,
            surface,
            body,
            request.headers,
            request_id=request.id,
            caller=request.caller,
            model=model,
            stream=stream,
        )
        request.exchange = exchange
        departure = self._departures.watch(request.receive)
        if not exchange.call.stream:
            return await chat.answer_whole(self.engine, surface, exchange, departure, request.outlet)
        return await chat.answer_stream(
            self.engine, surface, exchange, departure, request.outlet, keep_alive=self.config.keep_alive
        )

    async def _respond(self, action: str, request: Request) -> int:
        """Answer a request for a response, going on from what is kept of the ones before."""
        body = await request.read(self.config.max_body_bytes)
        turn = await responses.read_turn(self.engine, self.responses, body, request.caller)
        exchange = chat.open_exchange(
            self.engine, turn, turn.body, request.headers, request_id=request.id, caller=request.caller, action=action
        )
        exchange.provider = turn.provider
        request.exchange = exchange
        departure = self._departures.watch(request.receive)
        outlet = request.outlet
        if not action:
            outlet = responses.KeepingOutlet(request.outlet, self.engine, self.responses, turn, exchange)
        if not exchange.call.stream:
            return await chat.answer_whole(self.engine, turn, exchange, departure, outlet)
        keep_alive = self.config.keep_alive
        return await chat.answer_stream(self.engine, turn, exchange, departure, outlet, keep_alive=keep_alive)

    @property
    def application(self) -> "Mounted":
        """The application API under `/api`; the first use takes a third of a second, to import what it is made with."""
        if self._mounted is None:
            from wye.gateway.api.mount import Mounted

            store = self.engine.store
            books = store.database if store is not None else self._window
            self._mounted = Mounted(self.engine, books, self.reloader, self._gate, self.directory)
        return self._mounted

    async def _applied(self, request: Request) -> int:
        config = self.config
        return await self.application.answer(
            request, self._departures, max_body=config.max_body_bytes, keep_alive=config.keep_alive
        )

    async def _kept_response(self, request: Request) -> int:
        name, _, part = request.path.removeprefix("/v1/responses/").partition("/")
        if request.method == "DELETE" and not part:
            body = await responses.delete(self.responses, request.caller.user, name)
        elif part == "input_items" and request.method != "DELETE":
            body = await responses.input_items(self.responses, request.caller.user, name)
        elif not part:
            body = await responses.look_up(self.engine, self.responses, request.caller, name)
        else:
            raise RouteNotFoundError(f"there is no {request.path}")
        await respond(request.send, 200, body, [JSON, (b"x-request-id", request.id.encode())])
        return 200

    async def _perform(self, way: operations.Way, request: Request) -> int:
        body = await request.read(self.config.max_body_bytes)
        exchange = operations.open_exchange(
            self.engine, way, body, request.headers, request_id=request.id, caller=request.caller
        )
        request.exchange = exchange
        departure = self._departures.watch(request.receive)
        return await operations.answer(self.engine, way, exchange, departure, request.send)

    def _google_route(self, called: google.Called) -> Route:
        """Return the route of a path of Google's API."""
        match called.method:
            case "generateContent":
                return self._answers(gemini, model=called.model, stream=False)
            case "streamGenerateContent":
                return Route("POST", partial(self._stream_google, called.model), gemini.render_error)
            case "countTokens":
                return Route("POST", partial(self._count_google, called.model), gemini.render_error)
            case _:
                looks = partial(self._google_models, called.model)
                return Route("GET", looks, gemini.render_error, needs=_LOOKING)

    async def _stream_google(self, model: str, request: Request) -> int:
        surface: Surface = gemini if google.asks_for_events(request.query) else gemini_array
        return await self._generate(surface, model, True, request)

    async def _count_google(self, model: str, request: Request) -> int:
        body = await request.read(self.config.max_body_bytes)
        self.engine.explain(model, request.caller)  # a name that fits nothing is an error here as well
        counted = _encode(google.count_tokens(model, body))
        estimated = (b"x-wye-estimated", b"totalTokens")
        await respond(request.send, 200, counted, [JSON, (b"x-request-id", request.id.encode()), estimated])
        return 200

    async def _google_models(self, model: str, request: Request) -> int:
        if model:
            return await self._json(request, google.show_model(self.engine, model, request.caller))
        return await self._json(request, google.list_models(self.engine, request.query, request.caller))

    async def _count_messages(self, request: Request) -> int:
        body = await request.read(self.config.max_body_bytes)
        request.exchange, call = anthropic.open_count(
            self.engine, body, request.headers, request_id=request.id, caller=request.caller
        )
        departure = self._departures.watch(request.receive)
        return await anthropic.count_tokens(self.engine, request.exchange, call, departure, request.send)

    async def _list_models(self, request: Request) -> int:
        if anthropic.is_client(request.headers):
            return await self._json(request, anthropic.list_models(self.engine, request.query, request.caller))
        if google.is_client(request.headers):
            return await self._google_models("", request)
        return await self._json(request, models.list_models(self.engine, request.caller))

    async def _show_model(self, request: Request) -> int:
        name = request.path.removeprefix("/v1/models/")
        if anthropic.is_client(request.headers):
            return await self._json(request, anthropic.show_model(self.engine, name, request.caller))
        if google.is_client(request.headers):
            return await self._google_models(name, request)
        return await self._json(request, models.show_model(self.engine, name, request.caller))

    async def _healthz(self, request: Request) -> int:
        return await self._json(request, {"status": "ok"})

    async def _readyz(self, request: Request) -> int:
        ready = self.ready
        said = {"status": "ready" if ready else "stopping", "state": self.engine.state.condition}
        if self.engine.store is not None:
            said["store"] = self.engine.store.database.condition
        allowances = self.engine.books.allowances
        if isinstance(allowances, Limiter) and (condition := allowances.condition) is not None:
            said["limits"] = condition
        return await self._json(request, said, 200 if ready else 503)

    def _log_state(self, condition: Condition, why: str) -> None:
        self.log.event("state", condition=condition, message=why, dropped=self.engine.state.dropped)

    def _listen_to(self, store: "Store") -> None:
        event = self.log.event
        if self.reloader is not None:
            store.changes.on("settings", self.reloader.hear_runtime_settings)
        store.database.noticed = lambda condition, why: event("store", condition=condition, message=why)
        store.housekeeper.noticed = lambda what: event("housekeeping", message=what)
        store.changes.failed = lambda topic, error: event(
            "bug", topic=topic, error=type(error).__name__, where=where(error)
        )

    def _listen_to_limits(self) -> None:
        allowances = self.engine.books.allowances
        if not isinstance(allowances, Limiter):
            return
        event = self.log.event
        allowances.tell(lambda name, condition, why: event(name, condition=condition, message=why))
        allowances.noticed = lambda line: event(
            "budget",
            budget=line.subject,
            message=f"{usd(line.allowance.used)} of {usd(line.amount)} of the {described(line)} used",
        )

    async def _root(self, request: Request) -> int:
        if console.wants_page(request):
            return await console.redirect(request)
        return await self._json(request, {"name": "wye", "api": "/v1", "models": "/v1/models", "health": "/healthz"})

    async def _json(self, request: Request, value: object, status: int = 200) -> int:
        await respond(request.send, status, _encode(value), [JSON, (b"x-request-id", request.id.encode())])
        return status

    def _log(self, request: Request, status: int, error: WyeError | None) -> None:
        line = RequestLine(
            time=time.time(),
            event="request",
            request_id=request.id,
            method=request.method,
            path=request.path,
            status=status,
            duration_ms=round((time.perf_counter() - request.began) * 1000, 3),
            error=error.code if error else None,
        )
        if (answered := request.answered) is not None:
            line.stream, line.asked, line.attempts = answered.stream, answered.asked, answered.attempts
            line.provider, line.model = answered.provider, answered.model
            if answered.usage is not None:
                line.input_tokens, line.output_tokens = answered.usage.input_tokens, answered.usage.output_tokens
            line.cost_usd = None if answered.cost is None else f"{answered.cost:f}"
        if (exchange := request.exchange) is not None:
            line.stream = exchange.call.stream
            line.asked = exchange.call.model
            line.strategy = exchange.plan.strategy if exchange.plan is not None else None
            line.attempts = len(exchange.outcomes)
            if (attempt := exchange.attempt) is not None:
                line.provider, line.model = attempt.provider, attempt.model
            if (usage := exchange.usage) is not None:
                line.input_tokens, line.output_tokens = usage.input_tokens, usage.output_tokens
            line.cost_usd = exchange.cost_text
            line.cache = exchange.cache
            line.trace = exchange.trace.id if exchange.trace is not None else None
            if line.error is None and exchange.outcomes and (failed := exchange.outcomes[-1].error) is not None:
                line.error = failed.code
        self.log.request(line)

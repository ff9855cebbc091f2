"""`/metrics`: what this process counted and how it is now, for Prometheus."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from wye import __version__
from wye.core.errors import PermissionDeniedError, WyeError
from wye.core.record import PICO_PER_USD
from wye.engine import Engine
from wye.gateway.http import respond
from wye.gateway.request import Request
from wye.ledger.limiter import Limiter
from wye.ledger.stored import StoredPages
from wye.telemetry.config import MetricsConfig
from wye.telemetry.meters import OTHER, Meters
from wye.telemetry.prometheus import Gauge, render
from wye.telemetry.shelf import Shelf, Sums, together

_BREAKERS: Final = ("CLOSED", "HALF_OPEN", "OPEN")
_LAID_DOWN_SECONDS: Final = 1.0
_MOST_BUDGETS: Final = 200
_HEAD_AT_MOST: Final = 16 * 1024
_HEAD_SECONDS: Final = 5.0


class Metrics:
    """Counts what an engine's books say, and shows it."""

    def __init__(self, engine: Engine, config: MetricsConfig, shelf: Shelf | None = None) -> None:
        """Watch `engine`; `shelf` is where its like in other workers lay down what they count."""
        self._engine = engine
        self._config = config
        self.meters = Meters(self._labels, max_models=config.max_models)
        self._shelf = shelf
        self._laying: asyncio.Task[None] | None = None
        self._server: asyncio.Server | None = None
        engine.books.meters = (*engine.books.meters, self.meters)
        engine.books.refusals = (*engine.books.refusals, self.meters)

    def _labels(self, provider: str, model: str) -> tuple[str, str]:
        """Return names that somebody configured: what callers make up is `other`."""
        known = self._engine.snapshot.catalog
        if f"{provider}/{model}" in known.models:
            return provider, model
        return (provider if provider in known.providers else OTHER), OTHER

    def page(self, accept: str = "") -> tuple[bytes, str]:
        """Return what Prometheus reads, and its media type."""
        sums = self._sums()
        if self._shelf is not None:
            sums = together([sums, *self._shelf.others()])
        return render(sums.models, _gauges(self._engine, sums), accept)

    def _sums(self) -> Sums:
        cache = self._engine.cache
        counts: dict[str, int] = {**cache.counts} if cache is not None else {}
        return Sums(models=list(self.meters.models.values()), cache=counts, refusals={**self.meters.refusals})

    async def _lay_down(self, shelf: Shelf) -> None:
        while True:
            await asyncio.sleep(_LAID_DOWN_SECONDS)
            shelf.lay(self._sums())

    async def answer(self, request: Request) -> int:
        """Show it to who may see everything."""
        if not request.caller.may("admin"):
            raise PermissionDeniedError("/metrics is shown to the admin key, or at [metrics] port")
        body, kind = self.page(request.headers.get(b"accept", b"").decode("latin-1"))
        await respond(request.send, 200, body, [(b"content-type", kind.encode())])
        return 200

    async def start(self) -> None:
        """Listen on a port of its own, where there is one. Raises `WyeError` where it cannot be had."""
        if self._shelf is not None:
            self._laying = asyncio.create_task(self._lay_down(self._shelf), name="metrics")
        if self._config.port is None:
            return
        host, port = self._config.host, self._config.port
        try:
            # Workers share the port: whichever is asked tells of all.
            self._server = await asyncio.start_server(self._serve, host, port, reuse_port=True, limit=_HEAD_AT_MOST)
        except OSError as error:
            reason = error.strerror or str(error)
            raise WyeError(f"cannot listen on {host}, port {port} ([metrics] port): {reason}") from None

    @property
    def port(self) -> int | None:
        """Where it listens."""
        return self._server.sockets[0].getsockname()[1] if self._server is not None else None

    async def aclose(self) -> None:
        """Listen no more; what was counted stays for the others."""
        if self._laying is not None and self._shelf is not None:
            self._laying.cancel()
            self._shelf.lay(self._sums())
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request of one connection: Prometheus needs no more."""
        try:
            async with asyncio.timeout(_HEAD_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
            writer.write(self._reply(head))
            await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def _reply(self, head: bytes) -> bytes:
        first, *lines = head.decode("latin-1").split("\r\n")
        accept = next((line[7:].strip() for line in lines if line.lower().startswith("accept:")), "")
        method, _, rest = first.partition(" ")
        status, kind, body = "404 Not Found", "text/plain", b"there is only GET /metrics\n"
        if method in {"GET", "HEAD"} and rest.partition(" ")[0].partition("?")[0] == "/metrics":
            try:
                body, kind = self.page(accept)
                status = "200 OK"
            except WyeError as error:
                status, body = "503 Service Unavailable", f"{error.message}\n".encode()
        said = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        return said.encode("latin-1") + (b"" if method == "HEAD" else body)


def _gauges(engine: Engine, sums: Sums) -> Iterable[Gauge]:
    """Return how this process is now; `sums` is what all workers counted."""
    yield Gauge("wye_build_info", "Which release this is.", ("version",), {(__version__,): 1.0})
    degraded = float(engine.state.condition != "ok")
    yield Gauge("wye_state_degraded", "Whether what processes share is away.", (), {(): degraded})
    reports = engine.health.describe()
    used = {name: report for name, report in reports.items() if name in engine.snapshot.upstreams}
    yield Gauge(
        "wye_breaker_state",
        "The state a provider's breaker is in: 1 for that one.",
        ("provider", "state"),
        {(name, state): float(report.breaker.state == state) for name, report in used.items() for state in _BREAKERS},
    )
    yield Gauge(
        "wye_open_models",
        "Models of a provider whose own breaker is open.",
        ("provider",),
        {(name,): float(sum(m.breaker.state == "OPEN" for m in one.models.values())) for name, one in used.items()},
    )
    keys: dict[tuple[str, ...], float] = {}
    for name, report in used.items():
        for key in report.keys:
            keys[name, key.status] = keys.get((name, key.status), 0.0) + 1
    yield Gauge("wye_keys", "A provider's keys, by how they are.", ("provider", "status"), keys)
    limits = engine.rules.limits
    yield Gauge(
        "wye_calls_under_way",
        "Calls to a provider that has a limit, and those that wait for one.",
        ("provider", "part"),
        {
            **{(name, "busy"): float(slots.busy) for name, slots in limits.items()},
            **{(name, "waiting"): float(slots.waiting) for name, slots in limits.items()},
        },
    )
    if engine.cache is not None:
        counts: dict[tuple[str, ...], float] = {(verdict,): float(count) for verdict, count in sums.cache.items()}
        yield Gauge("wye_cache_lookups_total", "Requests by what the cache said.", ("result",), counts)
    yield Gauge(
        "wye_refused_requests_total",
        "Requests that a limit or a budget did not let in, by whose that is.",
        ("by", "scope", "measure"),
        {tuple(name.split(":")): float(count) for name, count in sums.refusals.items()},
    )
    if isinstance(allowances := engine.books.allowances, Limiter):
        yield _left(allowances)
    if isinstance(pages := engine.books.pages, StoredPages):
        journal = pages.journal
        yield Gauge("wye_journal_bytes", "Bytes of usage that wait on disk.", (), {(): float(journal.size)})
        waiting: dict[tuple[str, ...], float] = {
            ("settled",): float(journal.settled_waiting),
            ("open",): float(journal.open_requests),
        }
        yield Gauge("wye_journal_records", "Requests in the journal, by whether they are over.", ("part",), waiting)


def _left(limiter: Limiter) -> Gauge:
    """Return what is left of budgets; two may have one name, so each has its id as well."""
    left: dict[tuple[str, ...], float] = {
        (line.name or line.subject, line.place[0], line.subject): line.allowance.left / PICO_PER_USD
        for line in limiter.budgets_in_use[:_MOST_BUDGETS]
    }
    what = "What is left of a budget's period, as far as is known here."
    return Gauge("wye_budget_left_usd", what, ("budget", "scope", "id"), left)

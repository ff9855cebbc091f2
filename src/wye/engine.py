"""The whole data flow: a call comes in, is planned, sent, and accounted for. Everything else is a shell over this."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from msgspec import structs

from wye import cache, snapshot
from wye.cache import Cache
from wye.catalog import Catalog
from wye.catalog.schema import ModelInfo
from wye.config import Settings
from wye.core.caller import LIBRARY, Caller
from wye.core.errors import ConfigurationError, InvalidRequestError, ModelNotFoundError, WyeError
from wye.core.exchange import Exchange
from wye.core.ids import new_request_id
from wye.core.operations import OperationAnswer
from wye.core.plan import Plan, Wanted, Wishes
from wye.core.refresh import Refreshed
from wye.core.request import Call, Operation
from wye.core.response import ModelResponse, StreamChunk
from wye.core.sink import Sink
from wye.dispatch import walk
from wye.dispatch.checks import Checks
from wye.dispatch.factory import ModelProviderFactory
from wye.dispatch.in_process import BaseModelProvider
from wye.dispatch.rules import Rules
from wye.dispatch.sink import pieces
from wye.dispatch.slots import Slots
from wye.dispatch.turnover import Turnover
from wye.dispatch.upstream import Upstream, WireUpstream
from wye.health import Health, ProviderReport
from wye.health.sharing import Sharing
from wye.ledger.allowances import NO_ALLOWANCES
from wye.ledger.books import Books
from wye.ledger.limiter import Limiter
from wye.overlay import Overlays
from wye.routing.reading import Reader
from wye.state import connect

if TYPE_CHECKING:
    from wye.store.opened import Store  # a library that keeps nothing need not load it
    from wye.telemetry.spans import Tracing

_Answer = TypeVar("_Answer")
_Whole = TypeVar("_Whole", ModelResponse, OperationAnswer)
_Way: TypeAlias = Callable[[Exchange, snapshot.Snapshot], Coroutine[Any, Any, _Answer]]


class Engine:
    """One request's way through the house."""

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        factory: ModelProviderFactory | None = None,
        *,
        books: Books | None = None,
        store: "Store | None" = None,
        tracing: "Tracing | None" = None,
    ) -> None:
        """Build the first snapshot; connections are made when they are needed.

        `books` keep account of what is asked; without them requests are priced, and that is all. `store` is what
        outlives this process; without it nothing does. `tracing` follows every exchange.
        """
        self.store = store
        self.tracing = tracing
        self.books = books or Books(allowances=Limiter() if settings.limits or settings.budgets else NO_ALLOWANCES)
        self._catalog = catalog
        self._factory = factory or ModelProviderFactory()
        self._registered: dict[str, tuple[BaseModelProvider, Sequence[ModelInfo]]] = {}
        self._lists: dict[str, Sequence[ModelInfo]] = {}
        self._first: str | None = None
        self._turnover = Turnover()
        self.state = connect(settings.state)
        self._shared = settings.state
        self.cache = cache.connect(settings.cache, self._shared)
        self._reader = Reader(count=None if self.state.alone else self.state.turn)
        self.health = Health()
        self._sharing = Sharing(self.health, self.state)
        self.overlays = Overlays(catalog, self._factory, self.health)
        self.overlays.dropped = self._turnover.swap
        self._checks = Checks(self.health, self._asked)
        self._started = False
        self.under_way = 0
        """How many exchanges are under way now."""
        self._slots: dict[str, Slots] = {}
        self.snapshot = snapshot.build(settings, catalog, self._factory)
        self.rules = self._rules_now()
        self._tell_health()

    async def start(self) -> None:
        """Begin to hear what other processes find out; without this, nothing is shared."""
        self.books.allowances.follow(self.snapshot.settings.limits, self.snapshot.settings.budgets)
        await self.state.start()
        if self.store is not None:
            await self.store.start()
        await self.books.start()
        self._sharing.start()
        self._started = True
        self._checks.follow(self.snapshot.settings.health)

    @property
    def records_content(self) -> bool:
        """Whether traces hold what was asked and answered."""
        return self.tracing is not None and self.tracing.content

    @property
    def drops_unsupported(self) -> bool:
        """Whether parameters a wire cannot express are left out and reported, by configuration."""
        return self.snapshot.settings.routing.unsupported_parameters == "drop"

    def begin(
        self, call: Call, *, timeout: float | None = None, request_id: str | None = None, caller: Caller = LIBRARY
    ) -> Exchange:
        """Open an exchange for `caller`; `timeout` (seconds, for the whole chain) replaces the configured deadline."""
        seconds = timeout or self.snapshot.settings.routing.deadline
        deadline = asyncio.get_running_loop().time() + seconds
        return Exchange(call, id=request_id or new_request_id(), deadline=deadline, caller=caller)

    def complete(self, exchange: Exchange) -> Coroutine[Any, Any, ModelResponse]:
        """Answer an exchange as a whole."""
        return self._through(exchange, self._cached(self._complete), self.cache)

    def perform(self, exchange: Exchange) -> Coroutine[Any, Any, OperationAnswer]:
        """Answer an exchange that asks for something other than chat."""
        return self._through(exchange, self._cached(self._perform), self.cache)

    def stream(self, exchange: Exchange, sink: Sink) -> Coroutine[Any, Any, None]:
        """Answer an exchange in pieces, into `sink`; cancelling ends the call at the provider."""
        way = self._stream if self.cache is None else partial(self._poured, self.cache)
        if self.records_content:
            sink = _Heard(exchange, sink)
        return self._through(exchange, partial(way, sink), self.cache)

    def _complete(self, exchange: Exchange, now: snapshot.Snapshot) -> Coroutine[Any, Any, ModelResponse]:
        return walk.complete(exchange, now.upstreams, now.health or self.health, self.rules)

    def _perform(self, exchange: Exchange, now: snapshot.Snapshot) -> Coroutine[Any, Any, OperationAnswer]:
        return walk.perform(exchange, now.upstreams, now.health or self.health, self.rules)

    def _stream(self, sink: Sink, exchange: Exchange, now: snapshot.Snapshot) -> Coroutine[Any, Any, None]:
        return walk.stream(sink, exchange, now.upstreams, now.health or self.health, self.rules)

    def _cached(self, way: _Way[_Whole]) -> _Way[_Whole]:
        """Return the way of whole answers: past the cache, where there is one."""
        return way if self.cache is None else partial(self._answered, self.cache, way)

    async def _answered(self, cache: Cache, way: _Way[_Whole], exchange: Exchange, now: snapshot.Snapshot) -> _Whole:
        """Answer an exchange from the cache, or else by `way`."""
        hold = partial(self.books.hold, exchange, now.catalog)
        own = now is not self.snapshot
        return await cache.answer(exchange, hold, lambda one: self._counted(way(one, now)), own=own)

    async def _poured(self, cache: Cache, sink: Sink, exchange: Exchange, now: snapshot.Snapshot) -> None:
        """Do the same in pieces."""
        hold = partial(self.books.hold, exchange, now.catalog)
        own = now is not self.snapshot
        await cache.stream(exchange, sink, hold, lambda one, into: self._counted(self._stream(into, one, now)), own=own)

    async def _counted(self, call: Coroutine[Any, Any, _Answer]) -> _Answer:
        """Make a call that may outlive its exchange: what it uses is not closed before it ends."""
        generation = self._turnover.enter()
        try:
            return await call
        finally:
            self._turnover.leave(generation)

    async def _through(self, exchange: Exchange, way: _Way[_Answer], kept: cache.Cache | None) -> _Answer:
        """Take an exchange through the house; it is in the books once when it comes out, whatever happened.

        `kept` is the cache that `way` goes past.
        """
        now, generation = self.seen_by(exchange.caller), self._turnover.enter()
        self.under_way += 1
        if self.tracing is not None:
            exchange.trace = self.tracing.begin(exchange)
        try:
            if (wait := self.books.admit(exchange)) is not None:
                await wait
            exchange.plan = self._planned(exchange, now)
            # The cache holds by itself: it knows what costs nothing.
            if kept is None and (wait := self.books.hold(exchange, now.catalog)) is not None:
                await wait
            answer = await way(exchange, now)
            if exchange.trace is not None and isinstance(answer, ModelResponse):
                exchange.trace.answered(answer)
        except BaseException as failure:
            self._account(exchange, now, failure)
            raise
        else:
            self._account(exchange, now)
            return answer
        finally:
            self.under_way -= 1
            self._turnover.leave(generation)

    def pieces(self, exchange: Exchange) -> aclosing[AsyncGenerator[Sequence[StreamChunk]]]:
        """Answer an exchange in pieces to be read within the block; leaving it early ends the call at the provider."""
        return aclosing(pieces(partial(self.stream, exchange)))

    def seen_by(self, caller: Caller) -> snapshot.Snapshot:
        """Return the snapshot that holds for a caller: with what its user brought along, where that is anything."""
        return self.overlays.seen(caller.user, self.snapshot)

    @property
    def plain_catalog(self) -> Catalog:
        """The catalog as it was before the operator's settings."""
        return self._catalog

    def models_for(self, caller: Caller) -> list[ModelInfo]:
        """Return the models of the providers in use that a caller may ask."""
        now = self.seen_by(caller)
        rows = [row for row in now.catalog.models.values() if row.provider in now.availability.configured]
        if caller.models is None and caller.providers is None:
            return rows
        wanted = Wanted(model="", providers=caller.providers, models=caller.models)
        return [row for row in rows if now.planner.permits(row, wanted)]

    def model_for(self, caller: Caller, name: str, operation: Operation | None = None) -> ModelInfo:
        """Return the model that a caller's request for `name` would reach first; raise as planning it does."""
        now = self.seen_by(caller)
        wanted = Wanted(model=name, operation=operation, providers=caller.providers, models=caller.models)
        attempt = now.planner.plan(wanted).attempts[0]
        row = now.catalog.models.get(attempt.full_id)
        if row is None:
            message = f"{attempt.full_id!r} is not in the catalog, though {attempt.provider} may serve it"
            raise ModelNotFoundError(message)
        return row

    def explain(self, name: str, caller: Caller = LIBRARY) -> Plan:
        """Return the plan a request for `name` would get, whatever it asks for, with everything that was dropped."""
        wanted = Wanted(model=name, operation=None, providers=caller.providers, models=caller.models)
        now = self.seen_by(caller)
        return now.planner.explain(wanted, (now.health or self.health).view())

    def explain_call(self, call: Call, wishes: Wishes | None = None, caller: Caller = LIBRARY) -> Plan:
        """Return the plan a call would get, with everything that was judged and dropped; nothing is sent."""
        now = self.seen_by(caller)
        wanted, _ = self._reader.read(call, wishes, now.planner, caller=caller)
        return now.planner.explain(wanted, (now.health or self.health).view())

    def plan_call(self, call: Call, wishes: Wishes | None = None, caller: Caller = LIBRARY) -> Plan:
        """Return the plan a call would get; raise as sending it would where there is none. Nothing is sent."""
        now = self.seen_by(caller)
        wanted, _ = self._reader.read(call, wishes, now.planner, caller=caller)
        return now.planner.plan(wanted, (now.health or self.health).view())

    def _planned(self, exchange: Exchange, now: snapshot.Snapshot) -> Plan:
        wanted, health = self._reader.wanted(exchange, now.planner), (now.health or self.health).view()
        plan = now.planner.plan(wanted, health)
        if now.own:
            exchange.own = now.own
            pays = not now.settings.identity.charge_own_keys
            exchange.uncharged = pays and all(one.provider in now.own for one in plan.attempts)
        if exchange.wishes is not None and exchange.wishes.explain:
            plan = now.planner.explain(wanted, health)
        return plan

    def _account(self, exchange: Exchange, now: snapshot.Snapshot, failure: BaseException | None = None) -> None:
        self.books.settle(exchange, now.catalog, failure)
        if self.tracing is not None:
            self.tracing.follow(exchange, failure)
        if exchange.prefixes:
            self._reader.learn(exchange)

    async def fetch(
        self, provider: str, wire: str, path: str, *, seconds: float = 30.0, caller: Caller = LIBRARY
    ) -> bytes:
        """Return what a provider has at `path` of a wire format: an answer it works on in the background, say."""
        upstream = self.seen_by(caller).upstreams.get(provider)
        if not isinstance(upstream, WireUpstream):
            raise ConfigurationError(f"the provider {provider!r} is not in use any more", param="provider")
        generation = self._turnover.enter()
        try:
            return await upstream.fetch(wire, path, seconds)
        finally:
            self._turnover.leave(generation)

    def register(self, provider_id: str, provider: BaseModelProvider, models: Sequence[ModelInfo] = ()) -> None:
        """Put a provider of the caller's own to use under `provider_id`."""
        if not provider.validate_config():
            raise ConfigurationError(f"the provider {provider_id!r} says its configuration is not complete")
        self._adopt(snapshot.with_provider(self.snapshot, provider_id, provider, models))
        self._registered[provider_id] = (provider, models)

    def reload(self, settings: Settings) -> None:
        """Let new requests find these settings; what is under way keeps the ones it began with.

        Providers whose settings are the same keep their connections, those that are gone or changed lose theirs after
        their last request. What programs registered and what providers listed stays. Raises `ConfigurationError` where
        the settings cannot work, and then nothing has changed. Where this process listens, and with whom it shares its
        state, is not changed.
        """
        new = self.check(settings)
        kept = self.cache
        if settings.cache != self.snapshot.settings.cache:
            kept = cache.connect(settings.cache, self._shared)
        for provider_id, (provider, models) in self._registered.items():
            new = snapshot.with_provider(new, provider_id, provider, models)
        same = {name: rows for name, rows in self._lists.items() if new.recipes.get(name) == self._recipe(name)}
        if same:
            new, _ = snapshot.with_lists(new, same)
        self._lists = same
        for name, recipe in self.snapshot.recipes.items():
            if name not in new.recipes or not new.recipes[name].is_another_key_of(recipe):
                self.health.forget(name)
        self._adopt(new)
        self._keep_answers_in(kept)
        if self.tracing is not None:
            self.tracing.content = settings.telemetry.content
        self.books.allowances.follow(settings.limits, settings.budgets)

    def _keep_answers_in(self, kept: cache.Cache | None) -> None:
        """Let new requests find another cache, or none; who waits in the one from before is still answered there."""
        before, self.cache = self.cache, kept
        if before is None or before is kept:
            return
        if kept is not None:
            kept.counts.update(before.counts)
        self._turnover.swap([before])

    def check(self, settings: Settings) -> snapshot.Snapshot:
        """Return what `reload` would make of these settings, and change nothing; raise as it does."""
        if self._first is not None:
            settings = structs.replace(settings, routing=structs.replace(settings.routing, first=self._first))
        new = snapshot.build(settings, self._catalog, self._factory, self.snapshot)
        known = self.snapshot.availability.bad_keys
        for provider_id, problem in new.availability.bad_keys.items():
            if provider_id not in known:
                raise ConfigurationError(problem, provider=provider_id)
        return new

    def providers(self) -> dict[str, ProviderReport]:
        """Return how every provider of the catalog is, by its id, in this process; no keys are shown in full."""
        now = self.snapshot
        known = self.health.describe()
        can = now.availability
        found: dict[str, ProviderReport] = {}
        for name in now.catalog.providers:
            report = known.get(name)
            if name in can.bad_keys:
                report = ProviderReport(provider=name, status="unavailable", reason=can.bad_keys[name])
            elif report is None or name not in now.upstreams:
                reason = can.missing.get(name, "add it to the configuration")
                report = ProviderReport(provider=name, status="unconfigured", reason=reason)
            elif name not in can.configured and report.last_answer_at is None:
                report = structs.replace(report, status="unconfigured", reason="asked only where it is named")
            found[name] = report
        return found

    def _asked(self) -> dict[str, Upstream]:
        """Return the providers in use that somebody may ask how they are."""
        now = self.snapshot
        return {
            name: upstream
            for name, upstream in now.upstreams.items()
            if name in now.availability.configured and not now.catalog.providers[name].stand_in
        }

    def _tell_health(self) -> None:
        """Say which providers and keys there are; what is known of those that stay is kept."""
        now = self.snapshot
        self.health.configure(snapshot.keys_in_use(now), now.catalog.models, now.settings.breaker)
        if self._started:
            self._checks.follow(now.settings.health)

    def switch(self, name: str | None) -> None:
        """Let `provider/model` go first where a request names none, until this process stops.

        Requests under way keep what they began with, and a reload of the settings keeps this. `None` lets the next
        settings say it again.
        """
        self._first = name
        if name is not None:
            self.reload(self.snapshot.settings)

    def _rules_now(self) -> Rules:
        """Return how far requests go by the settings in force; calls under way keep the slots they have."""
        settings = self.snapshot.settings
        limits: dict[str, Slots] = {}
        for name, said in settings.providers.items():
            if said.max_concurrency is not None:
                slots = limits[name] = self._slots.get(name) or Slots(said.max_concurrency, said.max_queue)
                slots.resize(said.max_concurrency, said.max_queue)
        self._slots = limits
        patience = {
            name: said.answer_timeout for name, said in settings.providers.items() if said.answer_timeout is not None
        }
        return Rules(retry=settings.retry, limits=limits, patience=patience)

    def _recipe(self, provider: str) -> snapshot.Recipe | None:
        return self.snapshot.recipes.get(provider)

    def _adopt(self, new: snapshot.Snapshot) -> None:
        """Let new requests see this snapshot: the one way in which it is swapped."""
        before, self.snapshot = self.snapshot, new
        if self.store is not None:
            self.store.housekeeper.retention = new.settings.retention
        self.rules = self._rules_now()
        self._tell_health()
        self._turnover.swap(snapshot.left_behind(before, new))

    async def refresh(self, providers: Sequence[str] = (), *, seconds: float = 30.0) -> list[Refreshed]:
        """Ask these providers, or all that are configured, which models they have, and remember it.

        Providers are ids or aliases. Each has `seconds`, all are asked at once, and one that fails changes nothing of
        what is known of it. Raises `InvalidRequestError` for a name that is no provider's.
        """
        now = self.snapshot
        chosen = [self._provider_id(name) for name in providers] or [
            name for name in sorted(now.availability.configured) if not now.catalog.providers[name].stand_in
        ]
        asked = [_list_models(provider, now, seconds) for provider in dict.fromkeys(chosen)]
        generation = self._turnover.enter()
        try:
            answers = await asyncio.gather(*asked)
        finally:
            self._turnover.leave(generation)
        lists = {
            report.provider: models
            for report, models in answers
            if report.error is None and now.recipes.get(report.provider) == self._recipe(report.provider)
        }
        new, learnt = snapshot.with_lists(self.snapshot, lists)
        self._lists.update(lists)
        self._adopt(new)
        return [structs.replace(learnt.get(report.provider, report), seconds=report.seconds) for report, _ in answers]

    def _provider_id(self, name: str) -> str:
        row = self.snapshot.catalog.provider(name)
        if row is None:
            raise InvalidRequestError(
                f"there is no provider {name!r}; 'wye providers --all' lists them", param="provider"
            )
        return row.id

    async def aclose(self) -> None:
        """Close all connections."""
        await self._sharing.aclose()
        await self._checks.aclose()
        if self.cache is not None:
            await self.cache.aclose()
        await self.state.aclose()
        await self._turnover.aclose()
        for upstream in self.snapshot.upstreams.values():
            await upstream.aclose()
        await self.overlays.aclose()
        await self.books.aclose()
        if self.store is not None:
            await self.store.aclose()
        if self.tracing is not None:
            await self.tracing.aclose()


class _Heard:
    """A sink that lets an exchange's trace hear what is said."""

    def __init__(self, exchange: Exchange, sink: Sink) -> None:
        self._exchange = exchange
        self._sink = sink

    def put(self, chunks: Sequence[StreamChunk]) -> Awaitable[None] | None:
        if (trace := self._exchange.trace) is not None:
            trace.said(chunks)
        return self._sink.put(chunks)


async def _list_models(
    provider: str, now: snapshot.Snapshot, seconds: float
) -> tuple[Refreshed, tuple[ModelInfo, ...]]:
    began = time.perf_counter()
    models: tuple[ModelInfo, ...] = ()
    error: WyeError | None = None
    try:
        upstream = now.upstreams.get(provider)
        if upstream is None:
            reason = now.availability.missing.get(provider, "it is not configured")
            raise ConfigurationError(reason, param="provider")
        models = await upstream.list_models(seconds)
    except WyeError as failure:
        error = failure.at(provider)
    return Refreshed(provider=provider, seconds=time.perf_counter() - began, error=error), models

"""The whole data flow: a call comes in, is planned, sent, and accounted for. Everything else is a shell over this."""

import asyncio
import itertools
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from decimal import Decimal

from msgspec import structs

from wye import snapshot
from wye.catalog import Catalog
from wye.catalog.schema import ModelInfo
from wye.config import Settings
from wye.core.errors import ConfigurationError
from wye.core.exchange import Exchange
from wye.core.operations import OperationAnswer
from wye.core.plan import Plan
from wye.core.request import Call
from wye.core.response import ModelResponse, StreamChunk
from wye.dispatch import walk
from wye.dispatch.factory import ModelProviderFactory
from wye.dispatch.in_process import BaseModelProvider
from wye.ledger.price import Rater


class Engine:
    """One request's way through the house."""

    def __init__(self, settings: Settings, catalog: Catalog, factory: ModelProviderFactory | None = None) -> None:
        """Build the first snapshot; connections are made when they are needed."""
        self.snapshot = snapshot.build(settings, catalog, factory or ModelProviderFactory())

    @property
    def drops_unsupported(self) -> bool:
        """Whether parameters a wire cannot express are left out and reported, by configuration."""
        return self.snapshot.settings.routing.unsupported_parameters == "drop"

    def begin(self, call: Call, *, timeout: float | None = None, request_id: str | None = None) -> Exchange:
        """Open an exchange; `timeout` (seconds, for the whole chain) replaces the configured deadline."""
        seconds = timeout or self.snapshot.settings.routing.deadline
        deadline = asyncio.get_running_loop().time() + seconds
        return Exchange(call, id=request_id or new_request_id(), deadline=deadline)

    async def complete(self, exchange: Exchange) -> ModelResponse:
        """Answer an exchange as a whole."""
        now = self.snapshot
        try:
            exchange.plan = now.planner.plan(exchange.call.model, exchange.call.operation)
            return await walk.complete(exchange, now.upstreams)
        finally:
            settle(exchange, now.catalog)

    async def perform(self, exchange: Exchange) -> OperationAnswer:
        """Answer an exchange that asks for something other than chat."""
        now = self.snapshot
        try:
            exchange.plan = now.planner.plan(exchange.call.model, exchange.call.operation)
            return await walk.perform(exchange, now.upstreams)
        finally:
            settle(exchange, now.catalog)

    @asynccontextmanager
    async def stream(self, exchange: Exchange) -> AsyncIterator[AsyncGenerator[Sequence[StreamChunk]]]:
        """Answer an exchange in pieces, within the block; leaving it early ends the call at the provider."""
        now = self.snapshot
        try:
            exchange.plan = now.planner.plan(exchange.call.model, exchange.call.operation)
            async with aclosing(walk.stream(exchange, now.upstreams)) as batches:
                yield batches
        finally:
            settle(exchange, now.catalog)

    def explain(self, name: str) -> Plan:
        """Return the plan a request for `name` would get, whatever it asks for, with everything that was dropped."""
        return self.snapshot.planner.explain(name, None)

    def register(self, provider_id: str, provider: BaseModelProvider, models: Sequence[ModelInfo] = ()) -> None:
        """Put a provider of the caller's own to use under `provider_id`."""
        if not provider.validate_config():
            raise ConfigurationError(f"the provider {provider_id!r} says its configuration is not complete")
        self.snapshot = snapshot.with_provider(self.snapshot, provider_id, provider, models)

    async def aclose(self) -> None:
        """Close all connections."""
        for upstream in self.snapshot.upstreams.values():
            await upstream.aclose()


_rater = Rater()


def settle(exchange: Exchange, catalog: Catalog) -> None:
    """Account for an exchange, once, whatever happened to it: price every attempt and add them up."""
    if exchange.settled:
        return
    exchange.settled = True
    known = bool(exchange.outcomes)
    total: Decimal | None = None
    for at, outcome in enumerate(exchange.outcomes):
        if outcome.usage is None:
            # A refusal costs nothing; what broke off in its midst costs something that nobody told.
            known = known and outcome.error is not None and outcome.first_token is None
            continue
        row = catalog.models.get(outcome.attempt.full_id)
        cost = _rater.cost(row.price, outcome.usage) if row else None
        if cost is None:
            known = False
            continue
        exchange.outcomes[at] = structs.replace(outcome, cost=cost)
        total = cost if total is None else total + cost
    if known:
        exchange.cost = total or Decimal(0)
        exchange.cost_text = f"{exchange.cost:f}"


_PROCESS = secrets.token_hex(6)
_COUNTER = itertools.count(1)


def new_request_id() -> str:
    """Return a fresh id for a request: unique over processes by chance, within one by counting."""
    return f"req_{_PROCESS}{next(_COUNTER):08x}"

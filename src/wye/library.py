"""Wye in a program: the router, whole and streamed, asynchronous and not."""

import asyncio
import functools
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import msgspec
from msgspec import Struct, structs

from wye import catalog
from wye.catalog.schema import ModelInfo, QualityTier
from wye.config import Settings, load_settings
from wye.core.errors import InvalidRequestError
from wye.core.exchange import Exchange
from wye.core.operations import EmbeddingsAnswer
from wye.core.plan import NO_WISHES, Plan, Wishes
from wye.core.refresh import Refreshed
from wye.core.request import Asked, Call
from wye.core.response import ModelResponse, StreamChunk
from wye.dispatch.in_process import BaseModelProvider
from wye.dispatch.retry import RetryConfig
from wye.engine import Engine
from wye.insights.program import Telemetry
from wye.registry import ModelRegistry
from wye.routing.filters import capability_named, quality_named
from wye.routing.strategies import strategy_named
from wye.surfaces import openai_chat, openai_embeddings
from wye.toolloop import Ask

if TYPE_CHECKING:
    from wye.insights.export import Format
    from wye.insights.findings import Findings
    from wye.insights.metrics import Metrics
    from wye.store.reports import Line

_T = TypeVar("_T")
Messages = Sequence[Mapping[str, Any]]


class RoutingStrategy(StrEnum):
    """How a model is chosen.

    `AUTO` takes what is configured, among the providers' default models, `MANUAL` exactly the model that is named,
    `ROUND_ROBIN` the default models in turn. The others choose among all models of the providers in use, or among
    those of an alias: the four last are kinds of task.
    """

    AUTO = "auto"
    COST_OPTIMIZED = "cost"
    PERFORMANCE_OPTIMIZED = "performance"
    QUALITY_OPTIMIZED = "quality"
    BALANCED = "balanced"
    ROUND_ROBIN = "round-robin"
    MANUAL = "manual"
    SIMPLE = "simple"
    COMPLEX = "complex"
    CODING = "coding"
    CREATIVE = "creative"


class RoutingContext(Struct, frozen=True, kw_only=True):
    """What the caller wants of the way a request takes. `timeout` is seconds for the whole chain of attempts.

    `required_capabilities` are those of the catalog (`function-calling`, underscores allowed) beside what the request
    needs of itself. `max_cost` is USD for the request, `min_quality` the lowest tier that will do, `providers` those
    that may be used, by id or alias, `tags` what a model's row must have. For the books, `request_id` is the id of this
    request, and `parent` that of the request it is a part of; each is paid once.
    """

    strategy: RoutingStrategy | str = RoutingStrategy.AUTO
    manual_model: str | None = None
    required_capabilities: Sequence[str] = ()
    max_cost: Decimal | float | None = None
    min_quality: QualityTier | None = None
    providers: Sequence[str] | None = None
    tags: Sequence[str] = ()
    timeout: float | None = None
    drop_unsupported: bool | None = None
    request_id: str | None = None
    parent: str | None = None


class ModelRouter:
    """Sends chat requests to the model that is named, or to the first in order that answers.

    Use it as an asynchronous context manager, or call `aclose` at the end.
    """

    def __init__(self, engine: Engine) -> None:
        """Stand before `engine`; `from_env` and `from_config` make one."""
        self.engine = engine

    @classmethod
    def from_env(cls, *, retry: RetryConfig | None = None) -> Self:
        """Configure from the environment, `.env` and, where there is one, `wye.toml` or `WYE_CONFIG`.

        `retry` takes the place of its `[retry]`.
        """
        rows = catalog.load()
        return cls(Engine(_with_retry(load_settings(rows), retry), rows))

    @classmethod
    def from_config(
        cls, path: str | Path, *, environ: Mapping[str, str] | None = None, retry: RetryConfig | None = None
    ) -> Self:
        """Configure from a file, with the process's environment unless `environ` is given, as `from_env` does."""
        rows = catalog.load()
        return cls(Engine(_with_retry(load_settings(rows, path=path, environ=environ), retry), rows))

    async def route(
        self,
        messages: Messages,
        context: RoutingContext | None = None,
        *,
        model: str | None = None,
        **parameters: Any,
    ) -> ModelResponse:
        """Answer `messages` (OpenAI's shape) as a whole; further members of the request are keywords.

        Raises a `WyeError`: the caller's mistakes are `RequestError`, the providers' failures `ProviderError`.
        """
        exchange = self._begin(messages, context, model, {**parameters, "stream": False})
        response = await self.engine.complete(exchange)
        return _signed(response, exchange)

    async def route_stream(
        self,
        messages: Messages,
        context: RoutingContext | None = None,
        *,
        model: str | None = None,
        **parameters: Any,
    ) -> AsyncIterator[StreamChunk]:
        """Answer `messages` in pieces; the last chunk carries usage, where it is known, and cost."""
        exchange = self._begin(messages, context, model, {**parameters, "stream": True})
        async with self.engine.pieces(exchange) as batches:
            async for batch in batches:
                attempt = exchange.attempt
                for chunk in batch:
                    if chunk.choices and attempt is not None:
                        yield structs.replace(chunk, provider=attempt.provider, model=attempt.model, usage=None)
        attempt = exchange.attempt
        if attempt is not None:
            yield StreamChunk(usage=exchange.usage, cost=exchange.cost, provider=attempt.provider, model=attempt.model)

    async def send_message(
        self, text: str, *, provider: str | None = None, model: str | None = None, **parameters: Any
    ) -> ModelResponse:
        """Answer one message of a user."""
        name = f"{provider}/{model}" if provider and model else model
        if provider and not model:
            row = self.engine.snapshot.catalog.provider(provider)
            if row is None or row.default_model is None:
                raise InvalidRequestError(f"the provider {provider!r} has no default model; name one", param="model")
            name = f"{row.id}/{row.default_model}"
        return await self.route([{"role": "user", "content": text}], model=name, **parameters)

    async def embed(
        self,
        model: str,
        input: str | Sequence[str],  # noqa: A002 - OpenAI's name for it
        *,
        dimensions: int | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - for the whole chain of attempts, which the engine sees to
        **parameters: Any,
    ) -> EmbeddingsAnswer:
        """Return a vector for each text; `timeout` is in seconds, further members of the request are keywords.

        Raises a `WyeError`; `UnsupportedOperationError` where the model cannot embed.
        """
        members = {"model": model, "input": input, **parameters}
        if dimensions is not None:
            members["dimensions"] = dimensions
        try:
            body = msgspec.json.encode(members)
        except (TypeError, ValueError) as error:
            raise InvalidRequestError(f"the request cannot be written as JSON: {error}") from None
        asked = Asked(drop_unsupported=self.engine.drops_unsupported)
        exchange = self.engine.begin(openai_embeddings.parse_request(body, asked), timeout=timeout)
        answer = await self.engine.perform(exchange)
        if not isinstance(answer, EmbeddingsAnswer):
            raise TypeError("embeddings were asked for")
        attempt = exchange.attempt
        who = {"provider": attempt.provider, "model": attempt.model} if attempt else {}
        return structs.replace(answer, cost=exchange.cost, **who)

    def explain(
        self,
        model: str | None = None,
        *,
        messages: Messages | None = None,
        context: RoutingContext | None = None,
        **parameters: Any,
    ) -> Plan:
        """Return the plan a request would get, with what was judged and what was left out and why.

        Without `messages` nothing is known of the request but its `model`, `auto` by default.
        """
        if messages is None and context is None:
            return self.engine.explain(model or "auto")
        call, wishes = self._read(messages or [], context or RoutingContext(), model, parameters)
        return self.engine.explain_call(call, wishes)

    def ask(
        self,
        messages: Messages,
        context: RoutingContext | None = None,
        *,
        model: str | None = None,
        max_rounds: int = 3,
        **parameters: Any,
    ) -> Ask:
        """Return a request as the tool loop takes it; what `context` bounds (cost, time) holds for all its rounds."""
        context = context or RoutingContext()
        call, wishes = self._read(messages, context, model, parameters)
        return Ask(
            call=call,
            wishes=wishes,
            parent=context.parent,
            request_id=context.request_id,
            timeout=context.timeout,
            max_rounds=max_rounds,
            max_cost=None if wishes is None else wishes.max_cost,
        )

    def register_provider(
        self, provider_id: str, provider: BaseModelProvider, models: Sequence[ModelInfo] = ()
    ) -> None:
        """Let a provider of your own answer for `provider_id/…`."""
        self.engine.register(provider_id, provider, models)

    @property
    def registry(self) -> ModelRegistry:
        """The models there are."""
        return ModelRegistry(self.engine)

    @functools.cached_property
    def telemetry(self) -> Telemetry:
        """How providers do; without a store it sees what is asked after it was first looked at."""
        return Telemetry(self.engine)

    async def aclose(self) -> None:
        """Close all connections."""
        if "telemetry" in vars(self):
            await self.telemetry.aclose()
        await self.engine.aclose()

    async def __aenter__(self) -> Self:
        """Use the router until the block ends."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        await self.aclose()

    def _begin(
        self, messages: Messages, context: RoutingContext | None, model: str | None, parameters: dict[str, Any]
    ) -> Exchange:
        context = context or RoutingContext()
        call, wishes = self._read(messages, context, model, parameters)
        exchange = self.engine.begin(call, timeout=context.timeout, request_id=context.request_id)
        exchange.wishes = wishes
        exchange.parent = context.parent
        return exchange

    def _read(
        self, messages: Messages, context: RoutingContext, model: str | None, parameters: dict[str, Any]
    ) -> tuple[Call, Wishes | None]:
        strategy = context.strategy if context.strategy != RoutingStrategy.AUTO else None
        if strategy is not None:
            strategy = strategy_named(strategy, "strategy")
        name = model or context.manual_model
        if name is None and strategy == RoutingStrategy.MANUAL:
            raise InvalidRequestError("the manual strategy needs 'manual_model'", param="manual_model")
        name = name or "auto"
        try:
            body = msgspec.json.encode({"model": name, "messages": messages, **parameters})
        except (TypeError, ValueError) as error:
            raise InvalidRequestError(f"the request cannot be written as JSON: {error}") from None
        drop = self.engine.drops_unsupported if context.drop_unsupported is None else context.drop_unsupported
        return openai_chat.parse_request(body, Asked(drop_unsupported=drop)), self._wishes(context, strategy)

    def _wishes(self, context: RoutingContext, strategy: str | None) -> Wishes | None:
        known = self.engine.snapshot.catalog
        providers = context.providers
        wishes = Wishes(
            strategy=strategy,
            needs=frozenset(capability_named(name) for name in context.required_capabilities),
            max_cost=None if context.max_cost is None else Decimal(str(context.max_cost)),
            min_quality=None if context.min_quality is None else quality_named(context.min_quality, "min_quality"),
            providers=None
            if providers is None
            else frozenset(row.id if (row := known.provider(name)) else name for name in providers),
            tags=frozenset(context.tags),
        )
        return None if wishes == NO_WISHES else wishes


def _with_retry(settings: Settings, retry: RetryConfig | None) -> Settings:
    return settings if retry is None else structs.replace(settings, retry=retry)


def _signed(response: ModelResponse, exchange: Exchange) -> ModelResponse:
    attempt = exchange.attempt
    return structs.replace(
        response,
        provider=attempt.provider if attempt else "",
        model=attempt.model if attempt else "",
        cost=exchange.cost,
    )


class SyncTelemetry:
    """The same for programs without an event loop."""

    def __init__(self, telemetry: Telemetry, run: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
        """Ask `telemetry` by `run`."""
        self._telemetry = telemetry
        self._run = run

    def current_metrics(self, hours: int = 24, *, provider: str | None = None) -> "Metrics":
        """Return how providers and models did in the last `hours`."""
        found: Metrics = self._run(self._telemetry.current_metrics(hours, provider=provider))
        return found

    def performance_insights(self) -> "Findings":
        """Return alerts and recommendations."""
        found: Findings = self._run(self._telemetry.performance_insights())
        return found

    def metrics_history(self, hours: int = 24, *, provider: str | None = None) -> "list[Line]":
        """Return sums by the hour and provider."""
        found: list[Line] = self._run(self._telemetry.metrics_history(hours, provider=provider))
        return found

    def export_metrics(self, format: "Format" = "json", *, hours: int = 24) -> str:  # noqa: A002 - the documents' name
        """Return rows by the hour, provider and model, as text."""
        return str(self._run(self._telemetry.export_metrics(format, hours=hours)))


class SyncModelRouter:
    """The router for programs without an event loop: the same one, run on a thread of its own."""

    def __init__(self, router: ModelRouter) -> None:
        """Run `router`; `close` ends the thread."""
        self._router = router
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wye", daemon=True)
        self._thread.start()

    @classmethod
    def from_env(cls, *, retry: RetryConfig | None = None) -> Self:
        """Configure as `ModelRouter.from_env` does."""
        return cls(ModelRouter.from_env(retry=retry))

    @classmethod
    def from_config(
        cls, path: str | Path, *, environ: Mapping[str, str] | None = None, retry: RetryConfig | None = None
    ) -> Self:
        """Configure as `ModelRouter.from_config` does."""
        return cls(ModelRouter.from_config(path, environ=environ, retry=retry))

    def route(
        self,
        messages: Messages,
        context: RoutingContext | None = None,
        *,
        model: str | None = None,
        **parameters: Any,
    ) -> ModelResponse:
        """Answer `messages` as a whole."""
        return self._run(self._router.route(messages, context, model=model, **parameters))

    def route_stream(
        self,
        messages: Messages,
        context: RoutingContext | None = None,
        *,
        model: str | None = None,
        **parameters: Any,
    ) -> Iterator[StreamChunk]:
        """Answer `messages` in pieces; leaving the loop early ends the call at the provider."""
        chunks = self._router.route_stream(messages, context, model=model, **parameters)
        try:
            while (chunk := self._run(_next(chunks))) is not None:
                yield chunk
        finally:
            if not self._loop.is_closed():
                self._run(_close(chunks))

    def send_message(
        self, text: str, *, provider: str | None = None, model: str | None = None, **parameters: Any
    ) -> ModelResponse:
        """Answer one message of a user."""
        return self._run(self._router.send_message(text, provider=provider, model=model, **parameters))

    def embed(
        self,
        model: str,
        input: str | Sequence[str],  # noqa: A002 - OpenAI's name for it
        *,
        dimensions: int | None = None,
        timeout: float | None = None,
        **parameters: Any,
    ) -> EmbeddingsAnswer:
        """Return a vector for each text."""
        return self._run(self._router.embed(model, input, dimensions=dimensions, timeout=timeout, **parameters))

    def explain(
        self,
        model: str | None = None,
        *,
        messages: Messages | None = None,
        context: RoutingContext | None = None,
        **parameters: Any,
    ) -> Plan:
        """Return the plan a request would get."""
        return self._router.explain(model, messages=messages, context=context, **parameters)

    def refresh(self, providers: Sequence[str] = ()) -> list[Refreshed]:
        """Ask these providers, or all that are configured, which models they have."""
        return self._run(self._router.registry.refresh(providers))

    @functools.cached_property
    def telemetry(self) -> SyncTelemetry:
        """How providers do."""
        return SyncTelemetry(self._router.telemetry, self._run)

    def close(self) -> None:
        """End what is under way, close all connections and end the thread."""
        if not self._loop.is_closed():
            self._run(self._loop.shutdown_asyncgens())
            self._run(self._router.aclose())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def __enter__(self) -> Self:
        """Use the router until the block ends."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        self.close()

    def _run(self, work: Coroutine[Any, Any, _T]) -> _T:
        if self._loop.is_closed():
            work.close()
            raise RuntimeError("the router is closed")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise


async def _next(chunks: AsyncIterator[StreamChunk]) -> StreamChunk | None:
    return await anext(chunks, None)


async def _close(chunks: AsyncIterator[StreamChunk]) -> None:
    if close := getattr(chunks, "aclose", None):
        await close()


def get_router() -> ModelRouter:
    """Return a router configured from the environment."""
    return ModelRouter.from_env()

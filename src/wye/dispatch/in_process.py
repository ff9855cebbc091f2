"""Providers that are Python objects in this process: the base class for a user's own, and how a plan reaches them."""

import asyncio
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, nullcontext
from typing import Any

from msgspec import Struct, field, structs

from wye.catalog.schema import ModelInfo
from wye.core.errors import ConfigurationError, UpstreamError, UpstreamTimeoutError, WyeError
from wye.core.exchange import Exchange
from wye.core.operations import EmbeddingsAnswer, EmbeddingsRequest, OperationAnswer, OperationCall, unsupported
from wye.core.plan import Attempt
from wye.core.request import ChatRequest
from wye.core.response import ChoiceDelta, ModelResponse, StreamChunk, pieces_of
from wye.core.secret import Secret
from wye.core.sink import Sink


class ModelCapabilities(Struct, frozen=True, kw_only=True):
    """What a provider of a user's own can do. `max_tokens` bounds an answer, in tokens."""

    streaming: bool = True
    function_calling: bool = False
    vision: bool = False
    max_tokens: int | None = None
    context_window: int | None = None
    supported_models: tuple[str, ...] = ()


class ModelConfig(Struct, frozen=True, kw_only=True):
    """What a provider object is made with; `options` holds settings of its own."""

    provider: str = ""
    api_key: str | None = None
    base_url: str | None = None
    timeout: float = 30.0
    options: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Leave the key out."""
        return f"ModelConfig(provider={self.provider!r}, base_url={self.base_url!r}, timeout={self.timeout!r})"


class BaseModelProvider(ABC):
    """Subclass this to answer requests in Python; only `generate` must be there.

    Raise a `WyeError` to say what went wrong; any other exception counts as the provider's failure.
    """

    def __init__(self, config: ModelConfig | None = None) -> None:
        """Keep the configuration."""
        self.config = config or ModelConfig()

    @abstractmethod
    async def generate(self, request: ChatRequest) -> ModelResponse:
        """Answer a request."""

    async def generate_stream(self, request: ChatRequest) -> AsyncIterator[StreamChunk]:
        """Answer a request in pieces; by default the whole answer comes at once."""
        for chunk in as_chunks(await self.generate(request)):
            yield chunk

    async def embed(self, request: EmbeddingsRequest, model: str) -> EmbeddingsAnswer:
        """Embed texts with `model`; raise `UnsupportedOperationError`, as this one does, where there is no such way."""
        del request
        raise unsupported("embeddings", model)

    def validate_config(self) -> bool:
        """Tell whether the configuration is complete; a provider that is not is never called."""
        return True

    def capabilities(self) -> ModelCapabilities:
        """Say what this provider can do and which models it has."""
        return ModelCapabilities()

    async def aclose(self) -> None:  # noqa: B027 - most providers hold nothing
        """Give back what the provider holds."""


def as_chunks(response: ModelResponse) -> list[StreamChunk]:
    """Return a whole answer as a stream: the thoughts that come before the last one, and all the rest as one chunk."""
    chunks: list[StreamChunk] = []
    rest: list[ChoiceDelta] = []
    for choice in response.choices:
        *earlier, last = pieces_of(choice)
        chunks += [StreamChunk(choices=(piece,), id=response.id) for piece in earlier]
        rest.append(structs.replace(last, finish_reason=last.finish_reason or "stop"))
    whole = StreamChunk(
        choices=tuple(rest),
        usage=response.usage,
        id=response.id,
        created=response.created,
        extra=response.extra,
        upstream_model=response.upstream_model,
    )
    return [*chunks, whole]


class InProcessUpstream:
    """Sends attempts to a provider object, with the deadline every provider has."""

    def __init__(self, provider: BaseModelProvider) -> None:
        """Stand before `provider`."""
        self._provider = provider

    async def complete(
        self,
        exchange: Exchange,
        attempt: Attempt,
        seconds: float,
        key: Secret | None = None,  # noqa: ARG002 - the object has its own
    ) -> ModelResponse:
        """Return the provider's answer."""
        request = structs.replace(exchange.call.chat, model=attempt.model)
        try:
            async with asyncio.timeout(seconds):
                response = await self._provider.generate(request)
            return structs.replace(response, id=response.id or _new_id(), created=response.created or int(time.time()))
        except WyeError:
            raise
        except Exception as error:
            raise _as_ours(error) from error

    async def perform(
        self,
        exchange: Exchange,
        attempt: Attempt,
        seconds: float,
        key: Secret | None = None,  # noqa: ARG002 - the object has its own
    ) -> OperationAnswer:
        """Return the provider's embeddings; there is nothing else it could be asked for."""
        call = exchange.call
        if not isinstance(call, OperationCall) or not isinstance(call.request, EmbeddingsRequest):
            raise unsupported(call.operation, attempt.full_id)
        try:
            async with asyncio.timeout(seconds):
                return await self._provider.embed(call.request, attempt.model)
        except WyeError:
            raise
        except Exception as error:
            raise _as_ours(error) from error

    async def stream(
        self,
        exchange: Exchange,
        attempt: Attempt,
        sink: Sink,
        key: Secret | None = None,  # noqa: ARG002 - the object has its own
    ) -> None:
        """Put the provider's chunks into `sink`."""
        request = structs.replace(exchange.call.chat, model=attempt.model)
        pieces = self._provider.generate_stream(request)
        async with aclosing(pieces) if isinstance(pieces, AsyncGenerator) else nullcontext():
            while True:
                try:
                    chunk = await anext(pieces)
                except StopAsyncIteration:
                    return
                except WyeError:
                    raise
                except Exception as error:
                    raise _as_ours(error) from error
                if (wait := sink.put((chunk,))) is not None:
                    await wait

    async def list_models(
        self,
        seconds: float,  # noqa: ARG002 - nobody is asked
        key: Secret | None = None,  # noqa: ARG002 - nor with anything
    ) -> tuple[ModelInfo, ...]:
        """Return a row for each model the provider says it has."""
        names = self._provider.capabilities().supported_models
        if not names:
            raise ConfigurationError("it lives in this process and names no models", param="listing")
        return tuple(ModelInfo(id=name) for name in names)

    def knowing(self, models: Mapping[str, ModelInfo]) -> "InProcessUpstream":  # noqa: ARG002 - it needs no catalog
        """Return itself."""
        return self

    async def aclose(self) -> None:
        """Let the provider give back what it holds."""
        await self._provider.aclose()


def _new_id() -> str:
    return f"chatcmpl-{uuid.uuid4().hex}"


def _as_ours(error: Exception) -> WyeError:
    if isinstance(error, TimeoutError):
        return UpstreamTimeoutError("the provider did not answer in time")
    return UpstreamError(f"the provider failed with {type(error).__name__}")

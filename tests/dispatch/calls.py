"""What dispatch's tests share: a request with a plan, upstreams behind local servers, and what became of it."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any

from tests.support.upstream import Upstream as Server

from wye.catalog.schema import ModelInfo, Provider, WireTraits
from wye.core.exchange import Exchange
from wye.core.plan import Attempt, Plan
from wye.core.response import StreamChunk
from wye.core.secret import Secret
from wye.dispatch import walk
from wye.dispatch.defaults import NO_DEFAULTS, Defaults
from wye.dispatch.factory import ModelProviderFactory
from wye.dispatch.sink import pieces
from wye.dispatch.upstream import Upstream
from wye.health import Health
from wye.surfaces.openai_chat import parse_request
from wye.transport import Timeouts

KEY = "sk-canary-0123456789abcdef"
ASKED = "asked-for"


def exchange_to(*providers: str, seconds: float = 10.0, **body: Any) -> Exchange:
    """Return a request that is to be tried at these providers, one after another."""
    whole = {"model": ASKED, "messages": [{"role": "user", "content": "hi"}], **body}
    call = parse_request(json.dumps(whole).encode())
    exchange = Exchange(call, id="req_1", deadline=asyncio.get_running_loop().time() + seconds)
    exchange.plan = Plan(requested=ASKED, attempts=tuple(Attempt(provider=name, model="model") for name in providers))
    return exchange


def behind(
    server: Server,
    name: str = "one",
    *,
    wire: str = "openai_chat",
    read: float = 5.0,
    traits: WireTraits | None = None,
    models: Mapping[str, ModelInfo] | None = None,
    defaults: Defaults = NO_DEFAULTS,
    **provider: Any,
) -> Upstream:
    """Return the upstream of a provider that this server imitates."""
    row = Provider(
        id=name,
        name=name,
        adapter=wire,
        base_url=server.url,
        wire=traits or WireTraits(),
        key_optional=True,
        **provider,
    )
    return ModelProviderFactory().build(
        row, models=models or {}, keys=(Secret(KEY),), timeouts=Timeouts(connect=5.0, read=read), defaults=defaults
    )


class Upstreams(dict[str, Upstream]):
    """Upstreams by name, closed at the end of the block."""

    async def __aenter__(self) -> "Upstreams":
        return self

    async def __aexit__(self, *_: object) -> None:
        for upstream in self.values():
            await upstream.aclose()


async def streamed(
    exchange: Exchange, upstreams: Mapping[str, Upstream], health: Health | None = None
) -> list[StreamChunk]:
    """Return every chunk of a streamed answer."""
    return [chunk async for batch in batches(exchange, upstreams, health) for chunk in batch]


async def batches(
    exchange: Exchange, upstreams: Mapping[str, Upstream], health: Health | None = None
) -> AsyncGenerator[Sequence[StreamChunk]]:
    """Yield a streamed answer and close it, as the engine does."""
    async with aclosing(pieces(partial(walk.stream, exchange=exchange, upstreams=upstreams, health=health))) as stream:
        async for batch in stream:
            yield batch


def said(chunks: Sequence[StreamChunk]) -> str:
    """Return the text of a stream."""
    return "".join(chunk.content for chunk in chunks)


def became_of(exchange: Exchange) -> list[tuple[str, str]]:
    """Return every attempt's provider and how it ended: `ok`, `left` or its error's code."""
    return [
        (outcome.attempt.provider, outcome.error.code if outcome.error else "left" if outcome.cancelled else "ok")
        for outcome in exchange.outcomes
    ]

"""Asks a provider for the list of its models, page by page."""

import asyncio
import datetime
from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import structs

from wye import listings
from wye.catalog.addressing import with_query
from wye.catalog.schema import ModelInfo, Price, Provider
from wye.core.errors import ConfigurationError, UpstreamTimeoutError, WyeError
from wye.transport import HttpReply, Transport

_PAGES: Final = 50
_ASKED_AT_ONCE: Final = 4


async def list_models(
    provider: Provider,
    transport: Transport,
    headers: Mapping[str, str],
    refused: Callable[[HttpReply], WyeError],
    seconds: float,
) -> tuple[ModelInfo, ...]:
    """Return every model the provider lists, as rows of its own.

    `refused` reads an answer that is no list. Raises `ConfigurationError` where the provider has no list that is read
    here, else the provider's error.
    """
    lister = listings.load(provider.listing or provider.adapter)
    path = provider.list_path if provider.list_path is not None else lister.PATH if lister else ""
    if lister is None or not path or provider.flow == "jobs":
        raise ConfigurationError(f"{provider.name} has no list of models that could be read", param="listing")
    found: dict[str, ModelInfo] = {}
    try:
        async with asyncio.timeout(seconds):
            for _ in range(_PAGES):
                reply = await transport.get(with_query(provider, path), headers, seconds)
                if not 200 <= reply.status < 300:
                    raise refused(reply)
                page = lister.parse_models(reply.body)
                found |= {model.id: _owned(model, provider, path) for model in page.models if model.id not in found}
                if page.next is None or not page.models:
                    break
                path = page.next
            if hasattr(lister, "ask_about"):
                return await _asked(lister, tuple(found.values()), transport, headers, seconds)
    except TimeoutError:
        raise UpstreamTimeoutError(f"the list of models was not there within {seconds:g} s") from None
    return tuple(found.values())


def _owned(model: ModelInfo, provider: Provider, path: str) -> ModelInfo:
    price = model.price
    if price != Price():
        today = datetime.datetime.now(datetime.UTC).date()
        price = structs.replace(price, source=f"{provider.base_url}{path}", date=today)
    return structs.replace(model, provider=provider.id, price=price)


async def _asked(
    lister: Any, models: tuple[ModelInfo, ...], transport: Transport, headers: Mapping[str, str], seconds: float
) -> tuple[ModelInfo, ...]:
    """Ask about each model; one of which nothing is told stays as it was listed."""
    free = asyncio.Semaphore(_ASKED_AT_ONCE)

    async def ask(model: ModelInfo) -> ModelInfo:
        inquiry = lister.ask_about(model)
        try:
            async with free:
                reply = await transport.send(inquiry.path, headers, inquiry.body, seconds)
        except WyeError:
            return model
        told: ModelInfo = lister.parse_details(model, reply.body) if reply.status == 200 else model
        return told

    return tuple(await asyncio.gather(*(ask(model) for model in models)))

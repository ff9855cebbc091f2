"""The gateway with every provider of the catalog, each answered for by the imitation of its wire."""

import datetime
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

from tests.support.gateway import Running, catalog_rows, serving
from tests.support.gateway import provider as section
from tests.support.imitation import KEY, Imitation, wires

import wye.surfaces
from wye import adapters
from wye.catalog.schema import ModelInfo, Provider

DAY = datetime.date(2026, 11, 21)


@dataclass(frozen=True)
class House:
    """The gateway and what stands for every provider behind it."""

    imitation: Imitation
    gateway: Running


def chat_surfaces() -> dict[str, ModuleType]:
    """Return every client API that asks models for answers, by name."""
    names = [module.name for module in pkgutil.iter_modules(wye.surfaces.__path__)]
    modules = {name: import_module(f"wye.surfaces.{name}") for name in names}
    return {name: module for name, module in modules.items() if hasattr(module, "open_stream")}


def wires_of(provider: Provider) -> tuple[str, ...]:
    """Return the wire formats that a provider's models are reached by, its own first."""
    models = catalog_rows().models.values()
    others = {model.adapter for model in models if model.provider == provider.id and model.adapter}
    others |= {*provider.also_speaks}
    if "{method}" in provider.wire.messages_path:
        others = others - {"anthropic_messages"} | {"vertex_anthropic"}
    return (provider.adapter, *sorted(others - {provider.adapter}))


def imitated() -> list[Provider]:
    """Return the providers of the catalog whose own wire format can be spoken and imitated."""
    spoken = adapters.built_in() & wires()
    return [row for row in catalog_rows().providers.values() if row.adapter in spoken]


def key_for(provider: Provider) -> str:
    """Return a key of the form that a provider's keys have."""
    return KEY if not provider.key_prefix else provider.key_prefix[0] + KEY.removeprefix("sk-")


@contextmanager
def catalog_house(*more: str) -> Iterator[House]:
    """Serve every provider of the catalog; `more` are further sections of the settings."""
    with Imitation() as imitation:
        sections = []
        for row in imitated():
            url = imitation.mount(row.id, *wires_of(row))
            if "/../" in row.wire.messages_path:
                url += "/publishers/google"  # one publisher's models are beside the other's
            keys = [] if row.auth == "none" else [f'api_keys = ["{key_for(row)}"]']
            sections.append(section(row.id, url, *keys))
        with serving("\n".join([*sections, *more])) as gateway:
            yield House(imitation, gateway)


def model_for(wire: str, *capabilities: str, beside: bool = False) -> ModelInfo | None:
    """Return the first model of the catalog that is reached by a wire format alone and can do all of these.

    A model whose provider speaks others beside it would be asked in its caller's own, and prove nothing. With `beside`,
    one whose provider speaks the wire format beside the one it is usually reached by.
    """
    rows = catalog_rows()
    for model in rows.models.values():
        provider = rows.providers[model.provider]
        alone = (model.adapter or provider.adapter,) if model.adapter or not provider.also_speaks else ()
        spoken = provider.also_speaks if beside else alone
        if wire in spoken and model.capabilities.issuperset(capabilities) and not model.is_retired(DAY):
            return model
    return None

"""The settings in force, one by one, as people and programs may see them."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct, structs

from wye.config.sections import Settings
from wye.core.secret import Secret


def in_force(settings: Settings) -> Iterator[tuple[str, Any, str]]:
    """Yield each setting's dotted path, its value with secrets masked, and where it is from."""
    names = (
        "server", "routing", "retry", "breaker", "health", "state", "store", "retention", "cache", "metrics",
        "telemetry", "tools", "chat",
    )  # fmt: skip
    sections: list[tuple[str, Struct]] = [(name, getattr(settings, name)) for name in names]
    urls = {"state.url": settings.state.shown, "store.url": settings.store.shown}
    if settings.cache.url is not None:
        urls["cache.url"] = settings.cache.where(settings.state).shown
    sections += [(f"providers.{name}", said) for name, said in settings.providers.items()]
    sections += [(f"models.{name}", said) for name, said in settings.models.items()]
    sections += [(f"agents.{name}", said) for name, said in settings.agents.items()]
    tools = structs.asdict(settings.tools)
    sections += [(f"tools.{name}", said) for name, said in tools.items() if isinstance(said, Struct)]
    sections += [(f"mcp.servers.{name}", said) for name, said in settings.mcp.servers.items()]
    for where, section in sections:
        plain = where in names
        for name, value in structs.asdict(section).items():
            if isinstance(value, Struct):
                continue  # a section of its own
            path = f"{where}.{name}"
            origin = settings.origins.get(path)
            if plain or origin is not None:
                shown = urls.get(path) or _masked(value)
                yield path, shown, origin or "default"
    for name, targets in settings.aliases.items():
        yield f"aliases.{name}", list(targets), settings.origins.get(f"aliases.{name}", "default")


def _masked(value: Any) -> Any:
    """Leave out keys, and the headers of a provider, which may hold one."""
    match value:
        case Secret():
            return value.masked()
        case tuple() | list() | frozenset():
            return [_masked(item) for item in value]
        case dict():
            return {name: _masked(item) for name, item in value.items()}
    return value

"""`wye config check` and `wye config show`."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct, structs
from rich.markup import escape
from rich.text import Text

from wye import catalog
from wye.cli.models import AsJson
from wye.cli.output import Column, console, fail, print_json, print_table
from wye.cli.serve import Config
from wye.config import Settings, load_settings
from wye.core.errors import ConfigurationError, WyeError
from wye.core.secret import Secret
from wye.engine import Engine
from wye.gateway.serve import check as check_serving


def check(*, config: Config = None) -> None:
    """Check all settings; exit status 2 where one is wrong.

    Example: wye config check --config wye.toml
    """
    try:
        rows = catalog.load()
        settings = load_settings(rows, path=config)
        check_serving(settings)
        engine = Engine(settings, rows)
    except WyeError as error:
        fail(error)
    led = [(f"aliases.{name}", targets) for name, targets in settings.aliases.items()]
    led += [(f"routing.fallbacks.{name}", targets) for name, targets in settings.routing.fallbacks.items()]
    unknown = [
        f"{where}: {target!r} reaches no provider in use"
        for where, targets in led
        for target in targets
        if not engine.explain(target).attempts
    ]
    for warning in (*settings.warnings, *engine.snapshot.problems, *unknown):
        console.print(f"[yellow]warning[/] {escape(warning)}", highlight=False, soft_wrap=True)
    for provider, problem in engine.snapshot.availability.bad_keys.items():
        fail(ConfigurationError(problem, provider=provider))
    used = ", ".join(sorted(engine.snapshot.availability.configured))
    where = escape(settings.path or "no file")
    console.print(f"[green]ok[/] {where}; providers: {used}", highlight=False, soft_wrap=True)


def show(*, config: Config = None, as_json: AsJson = False) -> None:
    """Show the settings in force and where each came from; keys are masked.

    Example: wye config show
    """
    try:
        settings = load_settings(catalog.load(), path=config)
    except WyeError as error:
        fail(error)
    lines = list(_lines(settings))
    if as_json:
        print_json([{"setting": path, "value": value, "from": origin} for path, value, origin in lines])
        return
    print_table(
        (Column("setting"), Column("value", text="wrapped"), Column("from", 1, text="wrapped")),
        [(path, _written(value), Text(origin, style="dim")) for path, value, origin in lines],
    )


def _lines(settings: Settings) -> Iterator[tuple[str, Any, str]]:
    names = ("server", "routing", "state", "store", "retention", "cache", "metrics", "telemetry")
    sections: list[tuple[str, Struct]] = [(name, getattr(settings, name)) for name in names]
    urls = {"state.url": settings.state.shown, "store.url": settings.store.shown}
    if settings.cache.url is not None:
        urls["cache.url"] = settings.cache.where(settings.state).shown
    sections += [(f"providers.{name}", said) for name, said in settings.providers.items()]
    sections += [(f"models.{name}", said) for name, said in settings.models.items()]
    for where, section in sections:
        plain = where in names
        for name, value in structs.asdict(section).items():
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


def _written(value: Any) -> str:
    """Write a value for a person to read: an absent one as a dash, a list by its items."""
    match value:
        case bool():
            return str(value).lower()
        case dict():
            return ", ".join(f"{name} = {_written(item)}" for name, item in value.items()) or "–"
        case list():
            return ", ".join(_written(item) for item in value) or "–"
    return "–" if value is None else str(value)

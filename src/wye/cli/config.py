"""`wye config check` and `wye config show`."""

from typing import Any

from rich.markup import escape
from rich.text import Text

from wye import catalog
from wye.cli.models import AsJson
from wye.cli.output import Column, console, fail, print_json, print_table
from wye.cli.serve import Config
from wye.config import load_settings
from wye.config.shown import in_force
from wye.core.errors import ConfigurationError, WyeError
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
    lines = list(in_force(settings))
    if as_json:
        print_json([{"setting": path, "value": value, "from": origin} for path, value, origin in lines])
        return
    print_table(
        (Column("setting"), Column("value", text="wrapped"), Column("from", 1, text="wrapped")),
        [(path, _written(value), Text(origin, style="dim")) for path, value, origin in lines],
    )


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

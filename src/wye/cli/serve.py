"""`wye serve`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from wye import catalog
from wye.cli.output import errors, fail
from wye.config import Loaded, load_settings
from wye.core.errors import WyeError

Config = Annotated[Path | None, typer.Option("--config", "-c", help="The settings file; default: wye.toml, if any.")]


def serve(
    *,
    config: Config = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes.")] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Log what is sent and received, without secrets.")] = False,
) -> None:
    """Serve the API.

    Example: wye serve --port 8080
    """
    from wye.gateway import serve as server

    overrides: dict[str, Any] = {"server.host": host, "server.port": port, "server.workers": workers}
    try:
        rows = catalog.load()
        settings = load_settings(rows, path=config, overrides=overrides)
        server.check_binding(settings)
        _announce(settings, rows)
        server.serve(settings, path=settings.path, overrides=overrides, debug=debug)
    except WyeError as error:
        fail(error)


def _announce(settings: Loaded, rows: catalog.Catalog) -> None:
    where = f"http://{settings.server.host}:{settings.server.port}"
    stand_ins = {row.id for row in rows.providers.values() if row.stand_in}
    real = settings.providers.keys() - stand_ins
    errors.print(f"[bold]Wye[/] on [link={where}]{where}[/link]  API {where}/v1", highlight=False)
    if real:
        errors.print(f"providers: {', '.join(sorted(real))}", highlight=False)
    else:
        errors.print("no provider key found: the mock provider answers; set OPENAI_API_KEY, say", highlight=False)
    if settings.server.admin_key is None:
        errors.print("open to programs on this machine: no admin key is set", highlight=False)
    for warning in settings.warnings:
        errors.print(f"[yellow]warning[/] {warning}", highlight=False)

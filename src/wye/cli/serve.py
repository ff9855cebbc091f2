"""`wye serve`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from wye import catalog
from wye.cli.output import console, fail
from wye.cli.running import run
from wye.config import Settings
from wye.core.errors import WyeError
from wye.engine import Engine

Config = Annotated[Path | None, typer.Option("--config", "-c", help="The settings file; default: wye.toml, if any.")]


def serve(
    *,
    config: Config = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes.")] = None,
    no_reload: Annotated[bool, typer.Option("--no-reload", help="Do not look after changes of the files.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Log what is sent and received, without secrets.")] = False,
) -> None:
    """Serve the API.

    Changed settings are taken over within seconds, or at once on SIGHUP, and no request notices.

    Example: wye serve --port 8080
    """
    from wye.gateway import serve as server
    from wye.gateway.reload import Source, hold_hangups
    from wye.store.opened import prepare

    overrides: dict[str, Any] = {"server.host": host, "server.port": port, "server.workers": workers}
    if no_reload:
        overrides["server.reload"] = False
    try:
        rows = catalog.load()
        source = Source(rows, config, overrides, server.check)
        settings = source.load()
        problems = Engine(settings, rows).snapshot.problems  # what cannot work is said before an address is
        if not settings.store.is_memory and (said := run(prepare(settings.store))) is not None:
            problems = (*problems, said)
        gateway = server.make_gateway(source, settings, debug=debug)
        listener = server.listen(settings)
        hold_hangups()
        _announce(settings, rows, listener.getsockname()[1], problems)
        server.serve(gateway, listener, path=settings.path, overrides=overrides, debug=debug)
    except WyeError as error:
        fail(error)


def _announce(settings: Settings, rows: catalog.Catalog, port: int, problems: Sequence[str]) -> None:
    """Say where to find us, on standard output: standard error is the log's."""
    from wye.gateway.console import PREFIX, Console

    host = settings.server.host
    where = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    stand_ins = {row.id for row in rows.providers.values() if row.stand_in}
    real = settings.providers.keys() - stand_ins
    lines = [f"[bold]Wye[/] on [link={where}]{where}[/link]  API {where}/v1"]
    page = f"{where}{PREFIX}"
    lines.append(f"console [link={page}]{page}[/link]" if Console().is_built else "console: not built; make console")
    if real:
        lines.append(f"providers: {', '.join(sorted(real))}")
    else:
        lines.append("no provider key found: the mock provider answers; set OPENAI_API_KEY, say")
    if settings.server.admin_key is None:
        lines.append("open to programs on this machine: no admin key is set")
    lines += [f"[yellow]warning[/] {escape(warning)}" for warning in (*settings.warnings, *problems)]
    console.print("\n".join(lines), highlight=False, soft_wrap=True)

"""`wye providers`."""

from typing import Annotated, Any, Final

import typer
from rich.text import Text

from wye import catalog
from wye.catalog.schema import Provider
from wye.cli.models import AsJson
from wye.cli.output import Column, Row, console, fail, print_json, print_table
from wye.cli.serve import Config
from wye.config import ProviderSettings, load_settings
from wye.core.errors import WyeError
from wye.engine import Engine
from wye.routing.names import Availability


def providers(
    context: typer.Context,
    *,
    config: Config = None,
    all_of_them: Annotated[bool, typer.Option("--all", help="Also those that are not configured.")] = False,
    as_json: AsJson = False,
) -> None:
    """List providers: which are configured, where they are, and what the others need.

    Example: wye providers --all
    """
    if context.invoked_subcommand is not None:
        return
    try:
        rows = catalog.load()
        settings = load_settings(rows, path=config)
        now = Engine(settings, rows).snapshot
    except WyeError as error:
        fail(error)
    can = now.availability
    listed: list[dict[str, Any]] = [
        {
            "id": row.id,
            "name": row.name,
            "status": _status(row, can),
            "base_url": row.base_url,
            "adapter": row.adapter,
            "keys": [key.masked() for key in settings.providers.get(row.id, ProviderSettings()).api_keys],
            "default_model": row.default_model,
            "needs": can.missing.get(row.id),
        }
        for row in now.catalog.providers.values()
        if all_of_them or as_json or _status(row, can) not in {"missing", "local"}
    ]
    if as_json:
        print_json(listed)
        return
    print_table(_COLUMNS, [_row(item) for item in listed])
    if not all_of_them:
        more = len(now.catalog.providers) - len(listed)
        console.print(f"{more} more with --all", style="dim", highlight=False)


def _status(row: Provider, can: Availability) -> str:
    if row.id in can.configured:
        return "configured"
    if row.id in can.bad_keys:
        return "bad key"
    if row.id in can.on_request:
        return "local"
    way = row.served_by
    return f"through {way.provider}" if way is not None and way.provider in can.configured else "missing"


_COLUMNS: Final = (
    Column("provider"),
    Column("status"),
    Column("keys", 1, text="wrapped"),
    Column("wire", 3),
    Column("default model", 2),
    Column("where", text="cut", least=40),
)
_COLOURS: Final = {"configured": "green", "local": "cyan", "missing": "dim", "bad key": "red"}


def _row(item: dict[str, Any]) -> Row:
    return (
        item["id"],
        Text(item["status"], style=_COLOURS.get(item["status"], "cyan")),
        ", ".join(item["keys"]) or "–",
        item["adapter"],
        item["default_model"] or "–",
        item["needs"] or item["base_url"] or "in this process",
    )

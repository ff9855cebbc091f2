"""`wye providers`."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from wye import catalog
from wye.catalog import Catalog
from wye.catalog.schema import Provider
from wye.cli import gateway
from wye.cli.models import AsJson
from wye.cli.output import Column, Row, console, fail, print_json, print_table
from wye.cli.serve import Config
from wye.config import ProviderSettings, Settings, load_settings
from wye.core.errors import WyeError
from wye.engine import Engine
from wye.routing.names import Availability

Local = Annotated[bool, typer.Option("--local", help="Ask no gateway, even if one runs: judge by the settings.")]


def providers(
    context: typer.Context,
    *,
    config: Config = None,
    all_of_them: Annotated[bool, typer.Option("--all", help="Also those that are not configured.")] = False,
    local: Local = False,
    as_json: AsJson = False,
) -> None:
    """List providers: how they are, where they are, and what the others need.

    A running gateway is asked, for its memory knows which are failing; without one the settings say which are there.

    Example: wye providers --all
    """
    if context.invoked_subcommand is not None:
        return
    try:
        rows = catalog.load()
        settings = load_settings(rows, path=config)
        told = None if local else gateway.ask(settings, "GET", "/api/llm-providers/status")
        known = _from_settings(settings, rows) if told is None else _from_gateway(told)
    except WyeError as error:
        fail(error)
    listed = [item for item in known if all_of_them or as_json or item["status"] not in _HIDDEN]
    if as_json:
        print_json(listed)
        return
    print_table(_COLUMNS, [_row(item) for item in listed])
    more = "" if all_of_them else f"{len(known) - len(listed)} more with --all; "
    whose = "by the settings: no gateway was asked" if told is None else f"by the gateway at {gateway.where(settings)}"
    console.print(f"{more}{whose}", style="dim", highlight=False)


def _from_settings(settings: Settings, rows: Catalog) -> list[dict[str, Any]]:
    now = Engine(settings, rows).snapshot
    can = now.availability
    return [
        {
            "id": row.id,
            "name": row.name,
            "status": _status(row, can),
            "breaker": None,
            "base_url": row.base_url,
            "adapter": row.adapter,
            "keys": [key.masked() for key in settings.providers.get(row.id, ProviderSettings()).api_keys],
            "default_model": row.default_model,
            "needs": can.missing.get(row.id),
        }
        for row in now.catalog.providers.values()
    ]


def _from_gateway(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "id": name,
            "name": one["name"],
            "status": one["status"],
            "breaker": one["circuitBreaker"]["state"],
            "base_url": one["baseUrl"],
            "adapter": one["adapter"],
            "keys": [_key(key) for key in one["keys"]],
            "default_model": one["defaultModel"],
            "needs": one["reason"] or one["needs"],
        }
        for name, one in told["providers"].items()
    ]


def _key(told: Mapping[str, Any]) -> str:
    return told["key"] if told["status"] in {"unknown", "healthy"} else f"{told['key']} ({told['status']})"


_HIDDEN: Final = {"missing", "local", "unconfigured"}


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
    Column("breaker", 2),
    Column("keys", 1, text="wrapped"),
    Column("wire", 3),
    Column("default model", 2),
    Column("where", text="cut", least=40),
)
_COLOURS: Final = {
    "configured": "green",
    "connected": "green",
    "local": "cyan",
    "degraded": "yellow",
    "missing": "dim",
    "unconfigured": "dim",
    "bad key": "red",
    "unavailable": "red",
}


def _row(item: dict[str, Any]) -> Row:
    return (
        item["id"],
        Text(item["status"], style=_COLOURS.get(item["status"], "cyan")),
        (item["breaker"] or "–").lower(),
        ", ".join(item["keys"]) or "–",
        item["adapter"],
        item["default_model"] or "–",
        item["needs"] or item["base_url"] or "in this process",
    )

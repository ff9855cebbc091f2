"""`wye providers`."""

from typing import Annotated

import typer

from wye import catalog
from wye.cli.models import AsJson
from wye.cli.output import console, fail, print_json, table
from wye.cli.serve import Config
from wye.config import ProviderSettings, load_settings
from wye.core.errors import WyeError
from wye.engine import Engine


def providers(
    *,
    config: Config = None,
    all_of_them: Annotated[bool, typer.Option("--all", help="Also those that are not configured.")] = False,
    as_json: AsJson = False,
) -> None:
    """List providers: which are configured, where they are, and what the others need.

    Example: wye providers --all
    """
    try:
        rows = catalog.load()
        settings = load_settings(rows, path=config)
        now = Engine(settings, rows).snapshot
    except WyeError as error:
        fail(error)
    can = now.availability
    listed = [
        {
            "id": row.id,
            "name": row.name,
            "status": "configured" if row.id in can.configured else "local" if row.id in can.on_request else "missing",
            "base_url": row.base_url,
            "adapter": row.adapter,
            "keys": [key.masked() for key in settings.providers.get(row.id, ProviderSettings()).api_keys],
            "default_model": row.default_model,
            "needs": can.missing.get(row.id),
        }
        for row in now.catalog.providers.values()
        if all_of_them or as_json or row.id in can.configured
    ]
    if as_json:
        print_json(listed)
        return
    shown = table("provider", "status", "keys", "wire", "default model", "where")
    for item in listed:
        colour = {"configured": "green", "local": "cyan"}.get(str(item["status"]), "dim")
        shown.add_row(
            str(item["id"]),
            f"[{colour}]{item['status']}[/]",
            ", ".join(item["keys"]) or "–",  # type: ignore[arg-type]  # a list, by construction
            str(item["adapter"]),
            str(item["default_model"] or "–"),
            str(item["needs"] or item["base_url"] or "in this process"),
        )
    console.print(shown)
    if not all_of_them:
        console.print(f"[dim]{len(now.catalog.providers) - len(listed)} more with --all[/]")

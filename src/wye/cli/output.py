"""How commands talk: tables for people, JSON for programs, one line for an error."""

import sys
from decimal import Decimal
from typing import Any, NoReturn

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from wye.core.errors import ConfigurationError, ModelNotFoundError, WyeError

console = Console()
errors = Console(stderr=True)


def print_json(value: Any) -> None:
    """Write a value as JSON, money as numbers."""
    encoded = msgspec.json.Encoder(enc_hook=str, decimal_format="number").encode(value)
    sys.stdout.write(msgspec.json.format(encoded, indent=2).decode() + "\n")


def table(*columns: str, title: str | None = None, right: tuple[str, ...] = ()) -> Table:
    """Make a table; `right` names the columns of figures."""
    made = Table(title=title, title_justify="left", box=None, header_style="bold", pad_edge=False)
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return made


def money(value: Decimal | None) -> str:
    """Write an amount in USD, or that it is unknown."""
    if value is None:
        return "unknown"
    return f"${value:f}" if value == 0 or value >= Decimal("0.01") else f"${value.normalize():f}"


def figure(value: int | None) -> str:
    """Write a count with thousands apart."""
    return "–" if value is None else f"{value:,}"


def fail(error: WyeError) -> NoReturn:
    """Say what went wrong and leave with the right status."""
    where = f"[bold]{error.provider}[/]: " if error.provider else ""
    errors.print(f"[red]error[/] {where}", end="")
    errors.print(error.message, markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(2 if isinstance(error, ConfigurationError | ModelNotFoundError) else 1)

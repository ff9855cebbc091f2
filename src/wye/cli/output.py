"""How commands talk: tables for people, JSON for programs, one line for an error."""

import os
import shutil
import sys
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, Literal, NoReturn

import msgspec
import typer
from msgspec import Struct
from rich.console import Console
from rich.text import Text

from wye.core.errors import ConfigurationError, RequestError, WyeError

console = Console()
errors = Console(stderr=True)

Row = Sequence[str | Text]
_GAP: Final = 2
_UNBOUNDED: Final = 100_000


class Column(Struct, frozen=True):
    """One column of a table.

    `rank` 0 is always shown; where the terminal is narrow, columns of the highest rank are left out first. A name or a
    figure keeps its width; a text is wrapped between words, or cut with an ellipsis, to what the others leave, but not
    below `least` characters.
    """

    title: str
    rank: int = 0
    right: bool = False
    text: Literal["whole", "wrapped", "cut"] = "whole"
    least: int = 16


def print_json(value: Any) -> None:
    """Write a value as JSON, money as numbers."""
    encoded = msgspec.json.Encoder(enc_hook=str, decimal_format="number").encode(value)
    sys.stdout.write(msgspec.json.format(encoded, indent=2).decode() + "\n")


def print_table(columns: Sequence[Column], rows: Sequence[Row], *, titled: bool = True) -> None:
    """Write rows as wide as the terminal allows; a file or another program gets every column in full."""
    titles: list[Row] = [[Text(column.title, "bold") for column in columns]] if titled else []
    lines = [*titles, *rows]
    cells = [[Text(cell) if isinstance(cell, str) else cell for cell in line] for line in lines]
    widths = _widths(columns, cells, _width())
    for line in cells:
        _print_row([(columns[at], line[at], width) for at, width in widths.items()])


def _width() -> int:
    bounded = console.is_terminal or "COLUMNS" in os.environ
    return shutil.get_terminal_size().columns if bounded else _UNBOUNDED


def _widths(columns: Sequence[Column], cells: Sequence[Sequence[Text]], room: int) -> dict[int, int]:
    """Choose the columns to show, most needed first, and give each its width."""
    full = [max((line[at].cell_len for line in cells), default=0) for at in range(len(columns))]
    least = [
        width
        if column.text == "whole"
        else max([min(width, column.least), *(_longest_word(line[at]) for line in cells if column.text == "wrapped")])
        for at, (column, width) in enumerate(zip(columns, full, strict=True))
    ]
    chosen: list[int] = []
    for at in sorted(range(len(columns)), key=lambda at: columns[at].rank):
        if columns[at].rank == 0 or sum(least[i] + _GAP for i in chosen) + least[at] <= room:
            chosen.append(at)
    chosen.sort()
    spare = max(0, room - sum(least[at] for at in chosen) - _GAP * (len(chosen) - 1))
    widths = {at: least[at] for at in chosen}
    for at in sorted(chosen, key=lambda at: full[at] - least[at]):
        widths[at] = min(full[at], least[at] + spare)
        spare -= widths[at] - least[at]
    return widths


def _longest_word(text: Text) -> int:
    return max((len(word) for word in text.plain.split()), default=0)


def _print_row(cells: Sequence[tuple[Column, Text, int]]) -> None:
    parts = [_fitted(cell, column, width) for column, cell, width in cells]
    for at in range(max(len(part) for part in parts)):
        line = Text()
        for (column, _, width), part in zip(cells, parts, strict=True):
            piece = part[at].copy() if at < len(part) else Text()
            piece.align("right" if column.right else "left", width)
            line.append_text(piece).append(" " * _GAP)
        line.rstrip()
        console.print(line, soft_wrap=True, highlight=False)


def _fitted(cell: Text, column: Column, width: int) -> Sequence[Text]:
    if cell.cell_len <= width:
        return [cell]
    if column.text == "wrapped":
        return list(cell.wrap(console, width))
    if column.text == "cut":
        kept = cell.plain[:width].rpartition(" ")[0]
        return [Text(f"{kept} …" if kept else f"{cell.plain[: width - 1]}…", cell.style)]
    return [cell]


def money(value: Decimal | None) -> str:
    """Write an amount in USD with no digit lost, or that it is unknown."""
    return "unknown" if value is None else f"${rate(value)}"


def figure(value: int | None) -> str:
    """Write a count with thousands apart."""
    return "–" if value is None else f"{value:,}"


def short_figure(value: int | None) -> str:
    """Write a count by its first three digits: 128k, 1.05M."""
    if value is None:
        return "–"
    if value < 1000:
        return str(value)
    return f"{value / 1000:.3g}k" if value < 999_500 else f"{value / 1_000_000:.3g}M"


def rate(value: Decimal | None) -> str:
    """Write a price per million tokens for a column that says so: at least two places, so that the points align."""
    if value is None:
        return "–"
    return f"{value:.2f}" if value == round(value, 2) else f"{value.normalize():f}"


def is_misuse(error: WyeError) -> bool:
    """Tell what the user can mend by asking differently from what failed."""
    return isinstance(error, ConfigurationError) or (isinstance(error, RequestError) and error.provider is None)


def fail(error: WyeError) -> NoReturn:
    """Say what went wrong and leave with the right status."""
    where = f"{error.provider}: " if error.provider else ""
    said = Text.assemble(("error", "red"), " ", (where, "bold"), error.message)
    errors.print(said, highlight=False, soft_wrap=True)
    raise typer.Exit(2 if is_misuse(error) else 1)

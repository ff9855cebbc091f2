"""A table as data, and its two renderings: rich for a terminal, Markdown for the documentation."""

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table as RichTable


class Table(msgspec.Struct, frozen=True):
    """Rows of ready-made text; `left` columns are left-aligned, `bold` ones emphasised; an empty row ends a group."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    left: tuple[str, ...]
    bold: tuple[str, ...] = ()


def print_table(console: Console, table: Table) -> None:
    """Print to the terminal; within a group a repeated first cell is left blank."""
    console.print(table.title, style="bold")
    rich = RichTable(box=box.SIMPLE_HEAD, header_style="dim", pad_edge=False, collapse_padding=True)
    for column in table.columns:
        rich.add_column(
            column,
            justify="left" if column in table.left else "right",
            style="bold cyan" if column in table.bold else None,
            no_wrap=True,
        )
    above = ""
    for row in table.rows:
        if row:
            rich.add_row("" if row[0] == above else row[0], *row[1:])
        else:
            rich.add_section()
        above = row[0] if row else ""
    console.print(rich)


def markdown(table: Table) -> str:
    """Write a heading and a pipe table."""
    rules = [":--" if column in table.left else "--:" for column in table.columns]
    lines = [table.columns, rules, *(row for row in table.rows if row)]
    return f"### {table.title}\n\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def figure(value: float | None) -> str:
    """Write three digits or more: `0.43`, `17.3`, `862`, `10,400`; a dash where there is none."""
    if value is None:
        return "–"
    return f"{value:,.{2 if value < 10 else 1 if value < 100 else 0}f}"


def percent(share: float) -> str:
    """Write a share of 0 to 1."""
    return f"{share:.0%}"


def ratio(value: float | None, base: float | None) -> str:
    """Write how many times `base` it is."""
    if value is None or not base:
        return "–"
    return f"{value / base:,.{1 if value / base < 100 else 0}f}×"


def sparkline(values: list[float], width: int = 24) -> str:
    """Draw the course of a figure in `width` characters, each the largest of its stretch, scaled from zero."""
    top = max(values, default=0.0) or 1.0
    stretches = [values[i * len(values) // width : (i + 1) * len(values) // width] for i in range(width)]
    return "".join("▁▂▃▄▅▆▇█"[min(7, int(8 * max(stretch) / top))] for stretch in stretches if stretch)

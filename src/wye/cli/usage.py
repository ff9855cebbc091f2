"""`wye usage` and `wye telemetry export`: what the books say, read from the store itself."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeVar

import typer
from rich.text import Text

from wye import catalog
from wye.cli.models import AsJson
from wye.cli.output import Column, Row, console, fail, figure, print_json, print_table, short_figure
from wye.cli.running import run
from wye.cli.serve import Config
from wye.config import load_settings
from wye.core.errors import ConfigurationError, InvalidRequestError, WyeError
from wye.core.record import PICO_PER_USD
from wye.core.sums import Sums

if TYPE_CHECKING:
    from wye.insights.usage import Report
    from wye.store.database import Database

_T = TypeVar("_T")
By = Literal["model", "provider", "user", "key", "team", "conversation", "tag"]
Step = Literal["hour", "day", "week", "month"]
Format = Literal["json", "csv"]
_BAR: Final = 20
_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"

Since = Annotated[str, typer.Option("--since", help="A day, a time (UTC), or so long ago: 36h, 30d, 2w.")]


def usage(
    *,
    config: Config = None,
    by: Annotated[By, typer.Option("--by", help="What to group by.")] = "model",
    since: Since = "30d",
    until: Annotated[str | None, typer.Option("--until", help="The same; default: now.")] = None,
    step: Annotated[Step | None, typer.Option("--step", help="Also by steps of time, as JSON or CSV.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many groups to show, the dearest first.")] = 25,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """Show usage and cost, with what they were in the same time before.

    Example: wye usage --by user --since 7d
    """

    async def read(database: "Database") -> "Report":
        from wye.insights import spans
        from wye.insights import usage as reporting
        from wye.store.database import now_us
        from wye.store.reports import Filters, Reach

        span = spans.span_of(now_us(), since, until)
        async with database.read() as connection:
            return await reporting.report(
                connection, Reach(), span, Filters(), by=by, step=step, compare=True, limit=limit
            )

    found = with_store(config, read)
    if as_json or as_csv:
        _print_rows(found, by, step, as_csv=as_csv)
    else:
        _print_report(found, by)


def export(
    *,
    config: Config = None,
    form: Annotated[Format, typer.Option("--format", "-f", help="json or csv.")] = "json",
    since: Since = "24h",
    provider: Annotated[str | None, typer.Option(help="Only this provider, by its id.")] = None,
) -> None:
    """Write metrics by the hour, provider and model to standard output, however many there are.

    Example: wye telemetry export --format csv --since 30d > telemetry.csv
    """

    async def read(database: "Database") -> None:
        from wye.insights import export as exporting
        from wye.insights import spans
        from wye.store.database import now_us
        from wye.store.reports import Reach

        rows = exporting.metric_rows(database, Reach(), spans.span_of(now_us(), since), provider=provider)
        await _write(exporting.encoded(rows, form))

    with_store(config, read)


async def _write(pieces: AsyncIterator[bytes]) -> None:
    async for piece in pieces:
        sys.stdout.write(piece.decode())


def with_store(config: Config, work: "Callable[[Database], Awaitable[_T]]") -> _T:
    """Do something with the database that the settings name; leave with an error where that fails."""
    try:
        settings = load_settings(catalog.load(), path=config, reads_database_url=True).store
        if settings.is_memory:
            raise ConfigurationError("nothing is kept here: set [store] url to a database", param="store.url")
        return run(_opened(settings, work))
    except WyeError as error:
        if isinstance(error, InvalidRequestError):
            error.message = error.message.replace("'since'", "--since").replace("'until'", "--until")
        fail(error)


async def _opened(settings: object, work: "Callable[[Database], Awaitable[_T]]") -> _T:
    from wye.store.config import StoreConfig
    from wye.store.database import Database
    from wye.store.upgrade import check

    assert isinstance(settings, StoreConfig)  # noqa: S101 - said to the type checker
    database = Database(settings)
    try:
        found = await check(database)
        if found.condition not in {"current", "ahead"}:
            message = f"the database {found.database} is {found.condition}: 'wye db check' says more"
            raise ConfigurationError(message, param="store.url")
        return await work(database)
    finally:
        await database.aclose()


def _print_rows(found: "Report", by: By, step: Step | None, *, as_csv: bool) -> None:
    from wye.insights import export as exporting
    from wye.insights.usage import rows_of

    rows = rows_of(found, by, step)
    if not as_csv:
        print_json(rows)
    elif rows:
        sys.stdout.write(exporting.csv_lines([list(rows[0]), *(row.values() for row in rows)]).decode())


def _print_report(found: "Report", by: By) -> None:
    most = max((group.sums.cost for group in found.groups), default=0)
    rows = [_row("/".join(group.name) or "–", group.sums, group.before, most) for group in found.groups]
    if found.others is not None:
        rows.append(_row("all others", found.others.sums, found.others.before, most))
    total = found.all.sums
    rows.append(_row(Text("in all", "bold"), total, found.all.before, 0))
    print_table((Column(by), *_COLUMNS), rows)
    notes = [
        f"{figure(count)} {said}"
        for count, said in (
            (total.unknown_costs, "of unknown cost"),
            (total.estimated_costs, "estimated"),
            (total.cached, f"from the cache, which saved {usd(total.saved)}"),
            (total.lost, "lost"),
        )
        if count
    ]
    if notes:
        console.print("of these " + ", ".join(notes), style="dim", highlight=False)


_COLUMNS: Final = (
    Column("requests", right=True),
    Column("failed", 2, right=True),
    Column("tokens in", 3, right=True),
    Column("tokens out", 3, right=True),
    Column("cost", right=True),
    Column("before", 2, right=True),
    Column("", 1),
)


def _row(name: str | Text, sums: Sums, before: Sums | None, most: int) -> Row:
    return (
        name,
        figure(sums.requests),
        figure(sums.errors) if sums.errors else "–",
        short_figure(sums.input_tokens),
        short_figure(sums.output_tokens),
        usd(sums.cost),
        "–" if before is None or not before.requests else usd(before.cost),
        Text(bar(sums.cost, most), "cyan"),
    )


def bar(value: int, most: int) -> str:
    """Return a bar as long as `value` is of `most`, in eighths of a character."""
    if most <= 0 or value <= 0:
        return ""
    eighths = max(1, min(value, most) * _BAR * 8 // most)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def usd(pico: int) -> str:
    """Return picodollars as people read them."""
    value = Decimal(pico) / PICO_PER_USD
    return f"${value:,.2f}" if value >= 1 or value == 0 else f"${value:.6f}"

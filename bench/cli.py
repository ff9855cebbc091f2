"""The command line of the benchmarks."""

import signal
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from bench import compiled, hotpath, memory, plans, report, suite
from bench.machine import INSTALL, install_tools, missing_tools
from bench.measure import Window
from bench.targets import TARGETS, TargetOptions

app = typer.Typer(add_completion=False, no_args_is_help=False, rich_markup_mode=None)

EVERY_TARGET = ",".join(TARGETS)

Targets = Annotated[str, typer.Option(help=f"Comma-separated, of {EVERY_TARGET}.")]
Wye = Annotated[Path | None, typer.Option(help="Another wye program than the compiled wheel's.")]
Install = Annotated[bool, typer.Option("--install", help="Install missing tools with apt-get first.")]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write every figure to this file.")]
Sources = Annotated[bool, typer.Option("--sources", help="Measure the Wye of this process, not the compiled wheel.")]
MarkdownFile = Annotated[Path | None, typer.Option("--markdown", help="Write the tables for the documentation.")]


@app.callback(invoke_without_command=True)
def compare(  # noqa: PLR0913 - every argument is an option
    context: typer.Context,
    *,
    targets: Targets = EVERY_TARGET,
    quick: Annotated[bool, typer.Option("--quick", help="About a minute: one cell per scenario.")] = False,
    rounds: Annotated[int, typer.Option(min=1, help="Windows per cell and gateway.")] = 3,
    seconds: Annotated[float | None, typer.Option(help="Length of a window; 3, quick 1.2.")] = None,
    wye: Wye = None,
    json_file: JsonFile = None,
    markdown_file: MarkdownFile = None,
    install: Install = False,
) -> None:
    """Compare Wye with a bare nginx (the physical limit) and LiteLLM: CPU per request, latency, memory."""
    if context.invoked_subcommand is not None:
        return
    console = Console()
    _provide_tools(console, install=install)
    window = Window(lead=0.4, seconds=seconds or 1.2) if quick else Window(lead=0.7, seconds=seconds or 3.0)
    settings = suite.Settings(_names(targets), quick, rounds, window, TargetOptions(wye))
    with console.status("starting") as status:
        results = suite.run(settings, say=status.update)
    report.print_report(console, results)
    if json_file:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(results)))
    if markdown_file:
        markdown_file.write_text(report.markdown_report(results))
    if results.broken:
        raise typer.Exit(1)


@app.command("memory")
def measure_memory(
    *,
    targets: Targets = "wye",
    requests: Annotated[int, typer.Option(min=1, help="Small requests in the first part.")] = 100_000,
    streams: Annotated[int, typer.Option(min=1, help="Concurrent slow streams, twice.")] = 1_000,
    seconds: Annotated[float, typer.Option(help="Length of one stream.")] = 10.0,
    wye: Wye = None,
    json_file: JsonFile = None,
    markdown_file: MarkdownFile = None,
) -> None:
    """Watch a gateway's memory during many small requests and two waves of concurrent slow streams."""
    console = Console()
    settings = memory.Settings(_names(targets), requests, streams, seconds, TargetOptions(wye))
    with console.status("starting") as status:
        results = memory.run(settings, say=status.update)
    memory.print_report(console, results)
    if json_file:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(results)))
    if markdown_file:
        markdown_file.write_text(memory.markdown_report(results))
    if results.broken:
        raise typer.Exit(1)


def main() -> None:
    """Run; SIGTERM ends it in order, as Ctrl-C does, with everything it started."""
    signal.signal(signal.SIGTERM, _terminate)
    with suppress(KeyboardInterrupt):
        app(prog_name="python -m bench")
    sys.exit(130)


def _terminate(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt


def _names(targets: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in targets.split(","))
    for name in names:
        if name not in TARGETS:
            raise typer.BadParameter(f"no target {name!r}; there are {', '.join(TARGETS)}", param_hint="--targets")
    return names


@app.command("plan")
def plan() -> None:
    """Time one plan over 2,000 models; the limit is 200 µs."""
    if not plans.print_figures(Console(), plans.measure()):
        raise typer.Exit(1)


def _provide_tools(console: Console, *, install: bool) -> None:
    missing = missing_tools()
    if missing and install:
        install_tools()
    elif missing:
        console.print(f"{' and '.join(missing)} not found; to have it: {' '.join(INSTALL)}", style="yellow")


@app.command("hotpath")
def hot_path(*, sources: Sources = False) -> None:
    """Time what choosing and surviving add to a request; the limit is 30 µs of CPU."""
    if not sources:
        raise typer.Exit(compiled.again("hotpath", "--sources"))
    if not hotpath.print_figures(Console(), hotpath.measure()):
        raise typer.Exit(1)


@app.command("books")
def exact_books(
    *,
    requests: Annotated[int, typer.Option(min=1000, help="Requests of a round.")] = 10_000,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of each kind of store, in turns.")] = 5,
    sources: Sources = False,
) -> None:
    """Time what sign-in, limits, budgets and the books add to a request; the limit is 45 µs of CPU."""
    if not sources:
        raise typer.Exit(compiled.again("books", "--sources", f"--requests={requests}", f"--rounds={rounds}"))
    from bench import books

    if not books.print_figures(Console(), books.measure(requests, rounds)):
        raise typer.Exit(1)


@app.command("away")
def database_away(
    *,
    wye: Wye = None,
    spool_mb: Annotated[int, typer.Option(min=1, help="Size of the journal that is to be filled.")] = 128,
    step: Annotated[int, typer.Option(min=1000, help="Requests between two readings.")] = 20_000,
) -> None:
    """Watch a gateway's memory while its database is away, until its journal is full."""
    from bench import away
    from bench.targets import compiled_wye

    if not away.print_readings(Console(), away.measure(wye or compiled_wye(), spool_mb=spool_mb, step=step)):
        raise typer.Exit(1)


@app.command("reports")
def measure_reports(
    rows: Annotated[int, typer.Option(min=1000, help="Requests to seed, over 30 days.")] = 10_000_000,
    url: Annotated[
        str | None, typer.Option(help="A PostgreSQL database, empty or seeded before, instead of a server of our own.")
    ] = None,
) -> None:
    """Time every report of a month on PostgreSQL, over so many requests."""
    from bench import reports

    if not reports.run(rows, url):
        raise typer.Exit(1)

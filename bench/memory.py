"""Does memory stay flat? Watch a gateway through many small requests, then two waves of concurrent slow streams."""

import asyncio
import tempfile
from collections.abc import Awaitable
from contextlib import ExitStack
from pathlib import Path

import msgspec
import uvloop
from rich.console import Console

from bench.load import Load
from bench.machine import choose_cores, pinned
from bench.measure import Subject
from bench.processes import Child, EndedError
from bench.scenarios import SMALL, STREAM
from bench.suite import Say, start, upstream
from bench.tables import Table, figure, markdown, print_table, sparkline
from bench.targets import TargetOptions, UnavailableError
from bench.verify import WrongAnswerError

CHUNK_MS = 250
"""Milliseconds between two chunks of a slow stream."""

WARM_UP = 2_000
"""Small requests before the first figure: pools, caches and the interpreter settle."""

CONNECTIONS = 32
"""Connections that share the small requests."""

REST = 3.0
"""Seconds without load after each part, before memory is read as `after`."""

SAMPLE_EVERY = 0.2
"""Seconds between two readings."""


class Settings(msgspec.Struct, frozen=True):
    """How many small requests, how many streams at once, and how many seconds one stream takes."""

    targets: tuple[str, ...]
    requests: int
    streams: int
    seconds: float
    options: TargetOptions


class Phase(msgspec.Struct, frozen=True):
    """One part of the run: resident memory in MB (10^6 bytes) before, at its peak, and after a rest."""

    target: str
    title: str
    answered: int
    errors: int
    before_mb: float
    peak_mb: float
    after_mb: float
    course_mb: list[float]


class Results(msgspec.Struct, frozen=True):
    """The parts of every target, and what went wrong."""

    phases: list[Phase]
    skipped: dict[str, str]
    broken: dict[str, str]


def run(settings: Settings, say: Say) -> Results:
    """Watch one target after another, each with an upstream of its own."""
    phases: list[Phase] = []
    skipped, broken = {}, {}
    for name in settings.targets:
        try:
            phases += _watch(name, settings, say)
        except UnavailableError as error:
            skipped[name] = str(error)
        except (EndedError, WrongAnswerError, OSError) as error:
            broken[name] = str(error)
    return Results(phases, skipped, broken)


def print_report(console: Console, results: Results) -> None:
    """Print to the terminal."""
    console.print()
    for table in _tables(results):
        print_table(console, table)
    for line in _remarks(results):
        console.print(line, style="yellow")


def markdown_report(results: Results) -> str:
    """Write for a page of the documentation."""
    return "\n".join([*map(markdown, _tables(results)), *(f"- {line}\n" for line in _remarks(results))])


def _watch(name: str, settings: Settings, say: Say) -> list[Phase]:
    cores = choose_cores()
    chunks = max(2, round(settings.seconds * 1000 / CHUNK_MS))
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wye-bench-")))
        say(f"starting {name}")
        port = stack.enter_context(upstream(cores, directory, chunk_ms=CHUNK_MS, chunks=chunks))
        subject, _ = start(stack, name, directory, port, cores, settings.options, chunks=chunks)
        stack.enter_context(pinned(cores.load))
        say(f"{name}: warming up")
        uvloop.run(_send(Load(subject.port, SMALL.body, limit=WARM_UP), CONNECTIONS))
        phases = []
        say(f"{name}: {settings.requests:,} small requests")
        small = Load(subject.port, SMALL.body, limit=settings.requests)
        phases.append(uvloop.run(_phase(subject, f"{settings.requests:,} small requests", small, CONNECTIONS)))
        for wave in ("first", "second"):
            title = f"{settings.streams:,} streams, {wave} wave"
            say(f"{name}: {title}")
            slow = Load(subject.port, STREAM.body, events=subject.events, limit=settings.streams)
            phases.append(uvloop.run(_phase(subject, title, slow, settings.streams)))
    return phases


async def _phase(subject: Subject, title: str, load: Load, connections: int) -> Phase:
    before = subject.child.rss_mb()
    course = await _sampled(subject.child, _send(load, connections))
    course += await _sampled(subject.child, asyncio.sleep(REST))
    return Phase(
        target=subject.name,
        title=title,
        answered=load.tally.responses,
        errors=load.tally.errors,
        before_mb=before,
        peak_mb=max(course),
        after_mb=course[-1],
        course_mb=course,
    )


async def _send(load: Load, connections: int) -> None:
    await load.open(connections)
    await load.finished.wait()


async def _sampled(child: Child, work: Awaitable[None]) -> list[float]:
    """Read memory in MB every `SAMPLE_EVERY` seconds until the work is done, and once after."""
    task = asyncio.ensure_future(work)
    course = []
    while not task.done():
        course.append(child.rss_mb())
        await asyncio.wait([task], timeout=SAMPLE_EVERY)
    await task
    return [*course, child.rss_mb()]


def _tables(results: Results) -> list[Table]:
    rows = [_row(phase) for phase in results.phases]
    columns = ["gateway", "part", "before", "peak", "after", "growth", "course"]
    table = Table("Resident memory in MB", columns, rows, left=("gateway", "part", "course"), bold=("growth",))
    return [table] if rows else []


def _row(phase: Phase) -> list[str]:
    return [
        phase.target,
        phase.title,
        figure(phase.before_mb),
        figure(phase.peak_mb),
        figure(phase.after_mb),
        f"{phase.after_mb - phase.before_mb:+.1f}",
        sparkline(phase.course_mb, width=12),
    ]


def _remarks(results: Results) -> list[str]:
    remarks = [f"{name} skipped: {reason}" for name, reason in results.skipped.items()]
    remarks += [f"{name} BROKEN: {reason}" for name, reason in results.broken.items()]
    remarks += [
        f"{phase.target}: {phase.errors:,} errors in {phase.title}, {phase.answered:,} answered"
        for phase in results.phases
        if phase.errors
    ]
    return remarks

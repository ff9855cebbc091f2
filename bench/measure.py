"""Take one sample: load one gateway for a while and read, over the same window, its CPU time and its answers."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import msgspec
import uvloop

from bench import wrk
from bench.load import Load, percentile
from bench.machine import Cores
from bench.processes import Child
from bench.scenarios import Cell
from bench.verify import upstream_stats

LONGEST = 20.0
"""Seconds after which a window ends even when a slow gateway has not answered every connection."""


class Window(msgspec.Struct, frozen=True):
    """Seconds of load before the figures count, and seconds for which they do; longer for a slow gateway."""

    lead: float
    seconds: float


class Sample(msgspec.Struct, frozen=True):
    """The figures of one window.

    `cpu_us` is CPU time of the whole process tree per response in microseconds, `busy` the share of one core it used
    (0 to 1), times are in milliseconds (`first_*`: to the first event of a stream), memory in MB (10^6 bytes).
    """

    target: str
    scenario: str
    connections: int
    cpu_us: float | None
    per_second: float
    busy: float
    p50_ms: float | None
    p99_ms: float | None
    first_p50_ms: float | None
    first_p99_ms: float | None
    rss_mb: float
    errors: int


class Subject(msgspec.Struct, frozen=True):
    """A gateway that runs and answers rightly; `events` are those of one of its streams."""

    name: str
    child: Child
    port: int
    events: int
    slow: bool


class Bench(msgspec.Struct, frozen=True):
    """What every sample needs besides its subject: cores, a directory for files, the upstream's port, wrk's path."""

    cores: Cores
    directory: Path
    upstream: int
    wrk: str | None


def sample(bench: Bench, subject: Subject, cell: Cell, window: Window) -> Sample:
    """Measure one cell once; streams with our own client, everything else with wrk where it is installed."""
    subject.child.wait_until_idle(LONGEST)
    if bench.wrk is None or cell.scenario.stream:
        return uvloop.run(_with_client(subject, cell, window))
    return uvloop.run(_with_wrk(bench, bench.wrk, subject, cell, window))


def medians(samples: list[Sample]) -> Sample:
    """Field by field over the rounds of one cell; errors are added up."""
    measured = ("cpu_us", "per_second", "busy", "p50_ms", "p99_ms", "first_p50_ms", "first_p99_ms", "rss_mb")
    return msgspec.structs.replace(
        samples[0],
        **{name: _median([getattr(one, name) for one in samples]) for name in measured},
        errors=sum(one.errors for one in samples),
    )


class _Reading(msgspec.Struct, frozen=True):
    """What happened within a window: answers, CPU time in nanoseconds, length in seconds."""

    answers: float
    cpu_ns: int
    seconds: float


async def _with_wrk(bench: Bench, program: str, subject: Subject, cell: Cell, window: Window) -> Sample:
    """Count the window's answers at the upstream, as wrk says nothing before its end."""
    scenario = cell.scenario
    command = wrk.command(program, bench.directory, scenario.name, scenario.body, subject.port, cell.connections)
    before = upstream_stats(bench.upstream).completions

    def answers() -> float:
        return upstream_stats(bench.upstream).completions - before

    with Child("wrk", command, core=bench.cores.load, directory=bench.directory) as tool:
        reading = await _read(subject.child, window, cell.connections, answers)
        rss = subject.child.rss_mb()
        tool.interrupt(60)
        report = wrk.parse(tool.output())
    times = [report.p50_us / 1000, report.p99_us / 1000] if report.requests else [None, None]
    return _sample(subject, cell, reading, [*times, None, None], rss, report.errors)


async def _with_client(subject: Subject, cell: Cell, window: Window) -> Sample:
    """Count streams by events received, so that those under way at either end of the window count in part."""
    stream = cell.scenario.stream
    load = Load(subject.port, cell.scenario.body, events=subject.events if stream else 0)
    tally = load.tally

    def answers() -> float:
        return tally.events / subject.events if stream else tally.responses

    await load.open(cell.connections)
    try:
        reading = await _read(subject.child, window, cell.connections, answers, begin=tally.forget_times)
        rss = subject.child.rss_mb()
    finally:
        load.close()
    times = [percentile(values, share) for values in (tally.latencies, tally.first_events) for share in (0.5, 0.99)]
    return _sample(subject, cell, reading, times, rss, tally.errors)


async def _read(
    child: Child,
    window: Window,
    connections: int,
    answers: Callable[[], float],
    *,
    begin: Callable[[], object] = lambda: None,
) -> _Reading:
    """Lead in, call `begin`, and read over the window; `answers` tells how many there were so far.

    Both phases also wait until there was an answer per connection, so that what a slow gateway has in flight at either
    end of the window weighs little.
    """
    await _elapse(window.lead, lambda: answers() >= connections)
    begin()
    began, cpu_ns, answered = time.perf_counter(), child.cpu_ns(), answers()
    await _elapse(window.seconds, lambda: answers() - answered >= connections)
    child.check()
    return _Reading(cpu_ns=child.cpu_ns() - cpu_ns, answers=answers() - answered, seconds=time.perf_counter() - began)


async def _elapse(seconds: float, enough: Callable[[], bool]) -> None:
    began = time.perf_counter()
    await asyncio.sleep(seconds)
    while not enough() and time.perf_counter() - began < LONGEST:  # noqa: ASYNC110 - another process tells
        await asyncio.sleep(0.25)


def _sample(
    subject: Subject, cell: Cell, reading: _Reading, times: list[float | None], rss_mb: float, errors: int
) -> Sample:
    p50, p99, first_p50, first_p99 = times
    return Sample(
        target=subject.name,
        scenario=cell.scenario.name,
        connections=cell.connections,
        cpu_us=reading.cpu_ns / 1000 / reading.answers if reading.answers else None,
        per_second=reading.answers / reading.seconds,
        busy=reading.cpu_ns / 1e9 / reading.seconds,
        p50_ms=p50,
        p99_ms=p99,
        first_p50_ms=first_p50,
        first_p99_ms=first_p99,
        rss_mb=rss_mb,
        errors=errors,
    )


def _median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None

"""Run the comparison: start the upstream and the gateways, verify them, and measure every cell in turns."""

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from bench import payloads
from bench.machine import Cores, Machine, choose_cores, describe, find_tool, pinned
from bench.measure import Bench, Sample, Subject, Window, medians, sample
from bench.processes import Child, EndedError, free_port
from bench.scenarios import Cell, cells
from bench.targets import TARGETS, Site, TargetOptions, UnavailableError
from bench.verify import WrongAnswerError, verify

Say = Callable[[str], None]
"""Where a line of progress goes."""


class Settings(msgspec.Struct, frozen=True):
    """What a run measures; `rounds` is how often each target takes its turn in a cell, slow ones only once."""

    targets: tuple[str, ...]
    quick: bool
    rounds: int
    window: Window
    options: TargetOptions


class Results(msgspec.Struct, frozen=True):
    """Everything a report is made of: medians per cell and target, the samples behind them, and what went wrong."""

    machine: Machine
    cores: Cores
    tool: str
    versions: dict[str, str]
    rounds: int
    window: Window
    medians: list[Sample]
    samples: list[Sample]
    skipped: dict[str, str]
    broken: dict[str, str]


@contextmanager
def upstream(cores: Cores, directory: Path, *, chunk_ms: float = 5, chunks: int = payloads.CHUNKS) -> Iterator[int]:
    """Run the local provider on its core; yields its port."""
    port = free_port()
    argv = [sys.executable, "-m", "bench.upstream"]
    argv += ["--port", str(port), "--chunk-ms", str(chunk_ms), "--chunks", str(chunks)]
    root = {"PYTHONPATH": str(Path(__file__).parent.parent)}
    with Child("upstream", argv, core=cores.upstream, directory=directory, environment=root) as child:
        child.wait_for_port(port, 10)
        yield port


def start(
    stack: ExitStack,
    name: str,
    directory: Path,
    upstream_port: int,
    cores: Cores,
    options: TargetOptions,
    *,
    chunks: int = payloads.CHUNKS,
) -> tuple[Subject, str]:
    """Set up, start and verify one target, which `stack` ends; returns it with its version.

    Raises UnavailableError, EndedError or WrongAnswerError.
    """
    site = Site(directory / name, free_port(), upstream_port)
    site.directory.mkdir()
    launch = TARGETS[name](site, options)
    child = Child(name, launch.argv, core=cores.target, directory=site.directory, environment=launch.environment)
    stack.enter_context(child)
    child.wait_for_port(site.port, 120)
    events = verify(site.port, upstream_port, chunks)
    return Subject(name, child, site.port, events, launch.slow), launch.version


def run(settings: Settings, say: Say) -> Results:
    """Make the whole comparison; takes about a minute when quick, else several."""
    cores = choose_cores()
    versions, skipped, broken = {}, {}, {}
    samples: list[Sample] = []
    subjects: list[Subject] = []
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wye-bench-")))
        port = stack.enter_context(upstream(cores, directory))
        for name in settings.targets:
            say(f"starting {name}")
            try:
                subject, versions[name] = start(stack, name, directory, port, cores, settings.options)
                subjects.append(subject)
            except UnavailableError as error:
                skipped[name] = str(error)
            except (EndedError, WrongAnswerError, OSError) as error:
                broken[name] = str(error)
        bench = Bench(cores, directory, port, find_tool("wrk"))
        plan = cells(quick=settings.quick)
        with pinned(cores.load):
            for number, cell in enumerate(plan, 1):
                for turn, subject in _turns(subjects, settings.rounds):
                    if subject.name in broken:
                        continue
                    say(f"{cell.title} ({number} of {len(plan)}): {subject.name}, round {turn}")
                    try:
                        samples.append(sample(bench, subject, cell, settings.window))
                    except (OSError, EndedError, msgspec.DecodeError) as error:
                        broken[subject.name] = f"{cell.title}: {error}"
    return Results(
        machine=describe(),
        cores=cores,
        tool="wrk" if bench.wrk else "bench.load",
        versions=versions,
        rounds=settings.rounds,
        window=settings.window,
        medians=[one for cell in plan for one in _medians_of(cell, samples)],
        samples=samples,
        skipped=skipped,
        broken=broken,
    )


def _turns(subjects: list[Subject], rounds: int) -> Iterator[tuple[int, Subject]]:
    """Round by round, each subject once, so that a slow minute of the machine meets them all."""
    for turn in range(1, rounds + 1):
        for subject in subjects:
            if turn == 1 or not subject.slow:
                yield turn, subject


def _medians_of(cell: Cell, samples: list[Sample]) -> Iterator[Sample]:
    own = [one for one in samples if (one.scenario, one.connections) == (cell.scenario.name, cell.connections)]
    for target in dict.fromkeys(one.target for one in own):
        yield medians([one for one in own if one.target == target])

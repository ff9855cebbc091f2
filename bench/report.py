"""Tell the results of a run: tables for a terminal, a section for the documentation."""

from datetime import UTC, datetime

from rich.console import Console

from bench.measure import Sample
from bench.payloads import CHUNKS
from bench.scenarios import SCENARIOS, STREAM
from bench.suite import Results
from bench.tables import Table, figure, markdown, percent, print_table, ratio

COMPARISONS = (("wye", "nginx"), ("wye-python", "wye"), ("wye-translated", "wye"), ("litellm", "wye"))
"""Which target is told as a multiple of which; translated, a small chat may cost 1.5 times, a chunk twice as much."""


def print_report(console: Console, results: Results) -> None:
    """Print everything to the terminal."""
    console.print()
    for line in _setup(results):
        console.print(line, style="dim", highlight=False)
    console.print()
    for table in _tables(results):
        print_table(console, table)
    for line in _remarks(results):
        console.print(line, style="yellow")


def markdown_report(results: Results) -> str:
    """Write the same for a page of the documentation."""
    parts = ["".join(f"- {line}\n" for line in [*_setup(results), f"{datetime.now(UTC):%Y-%m-%d}", *_remarks(results)])]
    parts += [markdown(table) for table in _tables(results)]
    return "\n".join(parts)


def _tables(results: Results) -> list[Table]:
    if not results.medians:
        return []
    return [_cpu_table(results), _first_event_table(results), _detail_table(results)]


def _cpu_table(results: Results) -> Table:
    """Lay out the headline: CPU per request side by side, and the ratios."""
    present = list(results.versions)
    pairs = [pair for pair in COMPARISONS if set(pair) <= set(present)]
    rows: list[list[str]] = []
    for scenario in SCENARIOS:
        for connections, samples in _by_cell(results, scenario.name).items():
            cost = {name: sample.cpu_us for name, sample in samples.items()}
            figures = [figure(cost.get(name)) for name in present]
            ratios = [ratio(cost.get(one), cost.get(base)) for one, base in pairs]
            rows.append([scenario.title, str(connections), *figures, *ratios])
        if scenario is STREAM:
            rows.append([])
            rows += _chunk_rows(results, present, pairs)
        rows.append([])
    return Table(
        title="CPU per request in µs, the whole process tree",
        columns=["request", "conns", *present, *(f"{one}/{base}" for one, base in pairs)],
        rows=rows,
        left=("request",),
        bold=("wye", "wye/nginx"),
    )


def _chunk_rows(results: Results, present: list[str], pairs: list[tuple[str, str]]) -> list[list[str]]:
    """Share a stream's cost among its chunks; the ratios stay those of the stream."""
    return [
        [
            "the same, per chunk",
            str(connections),
            *(figure(_per_chunk(samples.get(name))) for name in present),
            *("" for _ in pairs),
        ]
        for connections, samples in _by_cell(results, STREAM.name).items()
    ]


def _per_chunk(sample: Sample | None) -> float | None:
    return None if sample is None or sample.cpu_us is None else sample.cpu_us / CHUNKS


def _first_event_table(results: Results) -> Table:
    rows: list[list[str]] = []
    for connections, samples in _by_cell(results, STREAM.name).items():
        for name, sample in samples.items():
            rows.append([str(connections), name, figure(sample.first_p50_ms), figure(sample.first_p99_ms)])
        rows.append([])
    return Table(
        title="Time to the first event of a stream in ms; the upstream sends it at once",
        columns=["conns", "gateway", "p50", "p99"],
        rows=rows,
        left=("gateway",),
        bold=("p50",),
    )


def _detail_table(results: Results) -> Table:
    rows: list[list[str]] = []
    for scenario in SCENARIOS:
        for connections, samples in _by_cell(results, scenario.name).items():
            rows += [_detail_row(scenario.title, connections, sample) for sample in samples.values()]
            rows.append([])
    return Table(
        title="Throughput, share of its core in use, latency in ms, memory in MB",
        columns=["request", "conns", "gateway", "per s", "core", "p50", "p99", "RSS"],
        rows=rows,
        left=("request", "gateway"),
        bold=("per s",),
    )


def _detail_row(title: str, connections: int, sample: Sample) -> list[str]:
    return [
        title,
        str(connections),
        sample.target,
        figure(sample.per_second),
        percent(sample.busy),
        figure(sample.p50_ms),
        figure(sample.p99_ms),
        figure(sample.rss_mb),
    ]


def _by_cell(results: Results, scenario: str) -> dict[int, dict[str, Sample]]:
    """Group medians: connections -> target -> sample."""
    cells: dict[int, dict[str, Sample]] = {}
    for sample in results.medians:
        if sample.scenario == scenario:
            cells.setdefault(sample.connections, {})[sample.target] = sample
    return cells


def _setup(results: Results) -> list[str]:
    machine = results.machine
    versions = ", ".join(f"{name} {version}" for name, version in results.versions.items())
    once = "; LiteLLM has one" if "litellm" in results.versions else ""
    return [
        f"{versions or 'nothing'}; one worker each",
        f"{machine.cpu}, {machine.cores} cores, {machine.memory_gb:.0f} GB, {machine.system}, Python {machine.python}",
        "the gateway has a core of its own, upstream and load run on another",
        f"medians of {results.rounds} windows of {results.window.seconds:g} s, taken in turns{once}",
        f"load from {results.tool}; streams from a client of ours that counts every event",
    ]


def _remarks(results: Results) -> list[str]:
    remarks = [f"{name} skipped: {reason}" for name, reason in results.skipped.items()]
    remarks += [f"{name} BROKEN: {reason}" for name, reason in results.broken.items()]
    if results.cores.shared:
        remarks.append("only one core: the gateways shared it with upstream and load, so rates and times mean little")
    remarks += [
        f"{sample.target}: {sample.errors} errors in {sample.scenario} at {sample.connections} connections"
        for sample in results.medians
        if sample.errors
    ]
    return remarks

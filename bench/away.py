"""Does memory stay flat while the database is away? Ask until the journal is full, and read memory on the way.

The pages of the journal belong to the system, which keeps them in memory while there is room. So what the process holds
by itself (`RssAnon`) is told apart from the files that it has mapped.
"""

import tempfile
from contextlib import ExitStack
from pathlib import Path

import uvloop
from msgspec import Struct
from rich.console import Console
from rich.table import Table
from tests.support.postgres import postgres_server

from bench.load import Load
from bench.machine import choose_cores, pinned
from bench.payloads import MODEL
from bench.processes import Child, free_port
from bench.scenarios import SMALL
from bench.suite import upstream
from bench.targets import NOISE_FREE, WYE_TOML

_CONNECTIONS = 32
_MOST = 2_000_000
"""Requests after which a journal that is not full yet is given up on."""
GROWTH_MB = 8.0
"""How much more a process may hold by itself at the end than after the first step, caches and all."""


class Reading(Struct, frozen=True):
    """After so many requests: memory of the process by itself and of files, the journal's size, in MB; refusals."""

    requests: int
    own: float
    mapped: float
    journal: float
    refused: int


def measure(program: Path, *, spool_mb: int, step: int) -> list[Reading]:
    """Stop the database of a running gateway, and ask `step` times between readings until it lets nothing more in."""
    cores = choose_cores()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wye-bench-")))
        server = stack.enter_context(postgres_server())
        behind = stack.enter_context(upstream(cores, folder, chunk_ms=1, chunks=1))
        port = free_port()
        words = {"model": MODEL, "adapter": "openai_chat", "store": server.url(), "metrics": "true"}
        text = WYE_TOML.format(port=port, upstream=behind, **words)
        kept = f'spool = "{folder}/journal"\nspool_limit = {spool_mb * 1_000_000}\n\n[metrics]'
        (config := folder / "wye.toml").write_text(text.replace("\n[metrics]", f"{kept}", 1))
        argv = [str(program), "serve", "--config", str(config)]
        gateway = stack.enter_context(
            Child("wye", argv, core=cores.target, directory=folder, environment=NOISE_FREE | {"HOME": str(folder)})
        )
        gateway.wait_for_port(port, 60.0)
        stack.enter_context(pinned(cores.load))
        uvloop.run(_send(Load(port, SMALL.body, limit=2_000)))
        server.stop()
        readings: list[Reading] = []
        while not readings or (not readings[-1].refused and readings[-1].requests < _MOST):
            load = Load(port, SMALL.body, limit=step)
            uvloop.run(_send(load))
            asked = (readings[-1].requests if readings else 0) + step
            own, mapped = _memory(gateway)
            size = sum(path.stat().st_size for path in folder.rglob("*.journal")) / 1e6
            readings.append(Reading(asked, own, mapped, size, load.tally.errors))
        return readings


async def _send(load: Load) -> None:
    await load.open(_CONNECTIONS)
    await load.finished.wait()


def _memory(child: Child) -> tuple[float, float]:
    own = mapped = 0
    for pid in child.tree():
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
            name, _, value = line.partition(":")
            if name == "RssAnon":
                own += int(value.split()[0])
            elif name in {"RssFile", "RssShmem"}:
                mapped += int(value.split()[0])
    return own * 1024 / 1e6, mapped * 1024 / 1e6


def print_readings(console: Console, readings: list[Reading]) -> bool:
    """Print them; tell whether memory was flat, and the journal was filled."""
    table = Table(title="memory in MB while the database is away")
    for title in ("requests", "its own", "mapped files", "journal on disk", "refused"):
        table.add_column(title, justify="right")
    for one in readings:
        table.add_row(
            f"{one.requests:,}", f"{one.own:.1f}", f"{one.mapped:.1f}", f"{one.journal:.0f}", f"{one.refused:,}"
        )
    console.print(table)
    good = bool(readings[-1].refused) and readings[-1].own - readings[0].own <= GROWTH_MB
    console.print("flat" if good else f"NOT flat: more than {GROWTH_MB:g} MB, or the journal never filled")
    return good

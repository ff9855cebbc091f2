"""What the benchmarks run on: cores to pin to, outside tools, and a description for the reader of a table."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

INSTALL = ("apt-get", "install", "--yes", "nginx-light", "wrk")


class Cores(msgspec.Struct, frozen=True):
    """One core for what is measured, others for what measures it, by the kernel's core numbers."""

    target: int
    upstream: int
    load: int

    @property
    def shared(self) -> bool:
        """True where there is one core only, so that figures include everything."""
        return self.target == self.load


class Machine(msgspec.Struct, frozen=True):
    """Facts that decide how a figure compares with another machine's."""

    cpu: str
    cores: int
    memory_gb: float
    system: str
    python: str


def choose_cores() -> Cores:
    """Give targets the first core; upstream and load share the second, or have one each where there are three."""
    usable = sorted(os.sched_getaffinity(0))
    target, *others = usable
    others = others or [target]
    return Cores(target=target, upstream=others[0], load=others[min(1, len(others) - 1)])


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Run the block, and whatever it starts, on one core; a child keeps the core for good."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def find_tool(name: str) -> str | None:
    """Find an installed program; Debian keeps servers in /usr/sbin, which is not on everyone's PATH."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


def missing_tools() -> list[str]:
    """Which of the Debian programs the benchmarks like to have are not here."""
    return [name for name in ("nginx", "wrk") if find_tool(name) is None]


def install_tools() -> None:
    """Install them with apt-get, as root or through sudo; raises CalledProcessError when that fails."""
    command = INSTALL if os.geteuid() == 0 else ("sudo", *INSTALL)
    subprocess.run(command, check=True)


def describe() -> Machine:
    """Read the facts from /proc."""
    cpu = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return Machine(
        cpu=cpu.group(1) if cpu else platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        memory_gb=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9,
        system=f"Linux {'.'.join(platform.release().split('.')[:2])}",
        python=platform.python_version(),
    )

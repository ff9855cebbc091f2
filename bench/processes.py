"""Start a program on a core, account for its whole process tree, and end it by its ids."""

import http.client
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.machine import pinned

GRACE = 5.0
"""Seconds a process has between SIGTERM and SIGKILL."""


class EndedError(RuntimeError):
    """A program ended, or did not listen, though it should; the message has the end of its log."""


class Child:
    """A running program and its descendants; a context manager that ends them all."""

    def __init__(
        self, name: str, argv: list[str], *, core: int, directory: Path, environment: dict[str, str] | None = None
    ) -> None:
        """Start it on `core` in `directory`; its output goes to `<name>.log` there."""
        self.name = name
        self._log = directory / f"{name}.log"
        with self._log.open("wb") as log, pinned(core):
            # A session of its own: Ctrl-C reaches only the benchmark, which then ends what it started in order.
            self._process = subprocess.Popen(
                argv,
                cwd=directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def tree(self) -> list[int]:
        """List the ids of the process and of all its living descendants."""
        found = [self._process.pid]
        for pid in found:
            found.extend(_children(pid))
        return found

    def cpu_ns(self) -> int:
        """Add up the CPU time of the tree so far, user and system, in nanoseconds."""
        return sum(_cpu_ns(pid) for pid in self.tree())

    def rss_mb(self) -> float:
        """Add up the resident memory of the tree in MB (10^6 bytes); pages that processes share count once for each."""
        return sum(_rss_bytes(pid) for pid in self.tree()) / 1e6

    def wait_for_port(self, port: int, seconds: float) -> None:
        """Return once 127.0.0.1:port accepts a connection; EndedError when it ends first or takes too long."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.check()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        raise EndedError(f"{self.name} did not listen within {seconds:.0f} s: {self.last_words()}")

    def check(self) -> None:
        """Return while the program runs; EndedError when it has ended by itself."""
        if self._process.poll() is not None:
            raise EndedError(f"{self.name} exited with {self._process.returncode}: {self.last_words()}")

    def wait_until_idle(self, seconds: float) -> None:
        """Return once the tree uses under a twentieth of a core, or after `seconds`."""
        deadline = time.monotonic() + seconds
        before = self.cpu_ns()
        while time.monotonic() < deadline:
            time.sleep(0.1)
            now = self.cpu_ns()
            if now - before < 5_000_000:
                return
            before = now

    def interrupt(self, seconds: float) -> None:
        """Do what Ctrl-C does; returns once the program has ended, subprocess.TimeoutExpired when it does not."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(seconds)

    def output(self) -> str:
        """Return everything it has printed."""
        return self._log.read_text(errors="replace")

    def last_words(self) -> str:
        """Return the last lines of its output."""
        return "\n".join(self.output().splitlines()[-12:]) or "(it printed nothing)"

    def stop(self) -> None:
        """SIGTERM to the program, SIGKILL to whatever of its tree is left after `GRACE` seconds."""
        tree = self.tree()
        self._process.terminate()
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pid in tree[1:]:
            # Still in our child's session, so the id was not given to a stranger in the meantime.
            if _session(pid) == self._process.pid:
                os.kill(pid, signal.SIGKILL)


def free_port() -> int:
    """Find a TCP port of 127.0.0.1 that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def fetch(port: int, method: str, path: str, body: bytes | None = None, *, seconds: float = 60.0) -> tuple[int, bytes]:
    """Make one request over a connection of its own; returns status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        headers = {"content-type": "application/json"} if body is not None else {}
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def _children(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def _cpu_ns(pid: int) -> int:
    # The process clock of another process, ended threads included, exact to the nanosecond where /proc/PID/stat has
    # ticks of 10 ms. The clock id is what clock_getcpuclockid(3) returns: (~pid << 3) | CPUCLOCK_SCHED.
    try:
        return time.clock_gettime_ns((~pid << 3) | 2)
    except OSError:
        return 0


def _rss_bytes(pid: int) -> int:
    try:
        resident = Path(f"/proc/{pid}/statm").read_text().split()[1]
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(resident) * os.sysconf("SC_PAGE_SIZE")


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None

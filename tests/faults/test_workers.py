"""A worker is killed: what it was doing ends, others go on, and another one takes its place."""

import http.client
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from tests.faults.house import settings
from tests.faults.rows import END
from tests.support.gateway import PATIENCE, Address, Process, process
from tests.support.openai_wire import answer, event, words
from tests.support.redis import redis_server
from tests.support.upstream import Hang, Hold, Received, Reply, Upstream


@pytest.fixture
def up() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


@pytest.fixture
def shared() -> Iterator[str]:
    with redis_server() as server:
        yield f'url = "{server.url}"'


def workers(served: Process) -> set[int]:
    """Return the ids of the processes that serve: those children that have the listener's code, not its helpers."""
    pid = served.program.pid
    tasks = Path(f"/proc/{pid}/task").iterdir()
    children = {int(child) for task in tasks for child in (task / "children").read_text().split()}
    return {child for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()}


def holder(port: int, candidates: set[int], peer_port: int) -> int:
    """Return which process has the connection from `peer_port` to `port`."""
    local, remote = f":{port:04X}", f":{peer_port:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inodes = {f"socket:[{row[9]}]" for row in rows if row[1].endswith(local) and row[2].endswith(remote)}
    for pid in candidates:
        for fd in Path(f"/proc/{pid}/fd").iterdir():
            if fd.is_symlink() and str(fd.readlink()) in inodes:
                return pid
    raise AssertionError("no worker has the connection")


@contextmanager
def connection(port: int) -> Iterator[Address]:
    """Ask on a connection of its own."""
    address = Address(port)
    try:
        yield address
    finally:
        address.hang_up()


class Talk:
    """A stream under way on a connection of its own."""

    def __init__(self, address: Address, model: str) -> None:
        self.address = address
        self.response = address.begin(model, stream=True)
        self.seen = b""
        while b"Hello" not in self.seen:
            self.seen += self.response.read1()

    def worker(self, served: Process) -> int:
        own: int = self.address._connection.sock.getsockname()[1]
        return holder(served.port, workers(served), own)


def chat(served: Process) -> int:
    """Ask something and return the status."""
    with connection(served.port) as address:
        return address.chat("up/m").status


def test_only_what_a_killed_worker_was_doing_ends(up: Upstream, shared: str) -> None:
    let_go = threading.Event()

    def reply(request: Received) -> Reply:
        if not request.json.get("stream"):
            return answer()
        rest = Hang() if "doomed" in request.json["model"] else Hold(let_go)
        return Reply.stream([*words("Hello"), rest, event(content=" again"), *END])

    up.handler = reply
    with process(settings({"up": up.url}, state=shared), "--workers", "2") as served, ExitStack() as open_:
        doomed = Talk(open_.enter_context(connection(served.port)), "up/doomed")
        victim = doomed.worker(served)
        other = Talk(open_.enter_context(connection(served.port)), "up/m")
        while other.worker(served) == victim:  # the system deals connections out as it likes
            other = Talk(open_.enter_context(connection(served.port)), "up/m")
        before = workers(served)
        os.kill(victim, signal.SIGKILL)
        # Its stream ends without an end marker, and the provider is let go.
        assert b"[DONE]" not in _rest(doomed)
        assert up.wait_disconnect(5)
        # The others do not notice.
        let_go.set()
        assert other.response.read().endswith(b"data: [DONE]\n\n")
        # Everybody is served all the while, and there are two again.
        until = time.monotonic() + PATIENCE
        while len(workers(served) - before) < 1:
            assert chat(served) == 200
            assert time.monotonic() < until, "nobody took the place of the killed worker"
        assert {chat(served) for _ in range(10)} == {200}


def _rest(talk: Talk) -> bytes:
    """Read what still comes of a stream that breaks off."""
    try:
        return talk.seen + talk.response.read()
    except (OSError, http.client.IncompleteRead):
        return talk.seen

"""The wall clock jumps, by a day and back: what is waited for is waited for as long as it was."""

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.faults.house import settings
from tests.faults.rows import END
from tests.support.gateway import PATIENCE, Process, environment
from tests.support.openai_wire import answer, event, refusal, words
from tests.support.upstream import Hold, Reply, Upstream

DAY = 24 * 3600.0
OPEN_SECONDS = 1.0


@contextmanager
def served(text: str, folder: Path) -> Iterator[Process]:
    """Serve from a process whose wall clock is ahead by what the file `offset` says."""
    (folder / "wye.toml").write_text(text)
    root = str(Path(__file__).parents[2])
    argv = [sys.executable, "-m", "tests.faults.jumping", str(folder / "offset"), "serve", "--port", "0"]
    with (folder / "stderr").open("w") as log:
        program = subprocess.Popen(
            argv,
            cwd=folder,
            env=environment(PYTHONPATH=root),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    with program:
        try:
            assert program.stdout is not None
            said = program.stdout.readline()
            found = re.search(r"http://[0-9.]+:(\d+)", said)
            assert found, said or (folder / "stderr").read_text()
            running = Process(int(found[1]), program, folder, said)
            yield running
            running.hang_up()
            program.send_signal(signal.SIGTERM)
            assert program.wait(PATIENCE) == 0
        finally:
            program.kill()


def jump(folder: Path, seconds: float) -> None:
    """Set the wall clock ahead by so much of the real one."""
    (folder / "fresh").write_text(str(seconds))
    (folder / "fresh").replace(folder / "offset")


@pytest.fixture
def up() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


JUMPS = pytest.mark.parametrize("seconds", [DAY, -DAY], ids=["forward", "back"])


@JUMPS
def test_an_open_breaker_stays_open_and_opens_no_longer(up: Upstream, tmp_path: Path, seconds: float) -> None:
    up.reply_with(refusal(500))
    breaker = f"failure_threshold = 1\nopen_seconds = {OPEN_SECONDS}"
    with served(settings({"up": up.url}, breaker=breaker, retry="max_retries = 0"), tmp_path) as gateway:
        assert gateway.chat("up/m").status == 502
        opened = time.monotonic()
        jump(tmp_path, seconds)
        up.reply_with(answer())
        refused = gateway.chat("up/m", headers={"x-wye-timeout": "0.3"})
        if time.monotonic() - opened < OPEN_SECONDS:
            assert refused.status == 503
            assert len(up.received) == 1
        time.sleep(max(0.0, opened + OPEN_SECONDS + 0.05 - time.monotonic()))
        assert gateway.chat("up/m").status == 200


@JUMPS
def test_a_deadline_is_as_long_as_it_was(up: Upstream, tmp_path: Path, seconds: float) -> None:
    up.reply_with(Reply.silence())
    with served(settings({"up": up.url}, routing="deadline = 0.6"), tmp_path) as gateway:
        began = time.monotonic()
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(gateway.chat, "up/m")
            assert up.wait_received(5)
            jump(tmp_path, seconds)
            late = asked.result()
        lasted = time.monotonic() - began
        assert (late.status, late.error["code"]) == (504, "deadline_exceeded")
    assert 0.55 <= lasted < 3


@JUMPS
def test_a_stream_goes_on(up: Upstream, tmp_path: Path, seconds: float) -> None:
    let_go = threading.Event()
    up.reply_with(Reply.stream([*words("Hello"), Hold(let_go), event(content=" again"), *END]))
    with served(settings({"up": up.url}), tmp_path) as gateway:
        response = gateway.begin("up/m", stream=True)
        seen = b""
        while b"Hello" not in seen:
            seen += response.read1()
        jump(tmp_path, seconds)
        let_go.set()
        seen += response.read()
    assert b" again" in seen
    assert seen.endswith(b"data: [DONE]\n\n")

"""`wye serve` as a program: where it listens, how it stops, how several processes share the work."""

import http.client
import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.support.gateway import PATIENCE, Json, Process, command, environment, process, provider, read
from tests.support.openai_wire import DONE, answer, event, words
from tests.support.redis import Server as Redis
from tests.support.redis import redis_server
from tests.support.upstream import Hold, Reply, Upstream

from wye.gateway.console import Console


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    with redis_server() as server:
        yield server


def run(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `wye serve` to its end, which must come by itself."""
    return run_command(folder, "serve", *arguments, **variables)


def run_check(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `wye config check`."""
    return run_command(folder, "config", "check")


def run_command(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # our own program
        command(*words),
        cwd=folder,
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


# --- Where it listens ---


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com", "127.0.0.1.nip.io"])
def test_beyond_this_machine_it_refuses_to_listen_without_an_admin_key(tmp_path: Path, host: str) -> None:
    refused = run(tmp_path, "--host", host, "--port", "0")
    assert refused.returncode == 2
    assert "admin key" in refused.stderr
    assert "WYE_ADMIN_KEY" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert refused.stdout == ""


def test_with_an_admin_key_it_listens_everywhere() -> None:
    with process("", "--host", "0.0.0.0", WYE_ADMIN_KEY="wye-admin-key") as served:
        assert served.get("/healthz").status == 200
        assert served.get("/v1/models").status == 401
        assert served.get("/v1/models", {"authorization": "Bearer wye-admin-key"}).status == 200


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_in_use_is_said_plainly(tmp_path: Path, workers: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = run(tmp_path, "--port", port, "--workers", workers, REDIS_URL="redis://127.0.0.1:1")
    assert refused.returncode == 1
    assert f"port {port}" in refused.stderr
    assert "in use" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert refused.stdout == ""  # it did not say that it serves


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", "99999"), ("127.0.0.1", "-1"), ("127.0.0.300", "0")])
def test_an_address_that_is_none_is_said_plainly(tmp_path: Path, host: str, port: str) -> None:
    refused = run(tmp_path, "--host", host, "--port", port)
    assert refused.returncode in {1, 2}
    assert "Traceback" not in refused.stderr
    assert refused.stderr


def test_settings_that_cannot_work_end_it_before_any_worker_begins(tmp_path: Path) -> None:
    settings = '[providers.mine]\nbase_url = "http://127.0.0.1:1"\nadapter = "no_such_wire"\n'
    (tmp_path / "wye.toml").write_text(settings)
    refused = run(tmp_path, "--port", "0", "--workers", "2", REDIS_URL="redis://127.0.0.1:1")
    assert refused.returncode == 2
    assert "no_such_wire" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_it_says_where_it_is_and_what_it_serves() -> None:
    with process("", OPENAI_API_KEY="sk-CANARY") as served:
        assert served.said == f"Wye on {served.url}  API {served.url}/v1\n"
        served.program.terminate()
        assert served.program.stdout is not None
        rest = served.program.stdout.read()
        console = f"console {served.url}/console/" if Console().is_built else "console: not built; make console"
        assert rest.startswith(f"{console}\n")
        assert "providers: openai\n" in rest
        assert "no admin key" in rest
        assert "CANARY" not in rest


@pytest.mark.parametrize("command", ["serve", "check"])
def test_several_workers_without_anything_to_share_are_refused_with_what_to_set(tmp_path: Path, command: str) -> None:
    (tmp_path / "wye.toml").write_text("[server]\nworkers = 2\nport = 0\n")
    refused = run(tmp_path) if command == "serve" else run_check(tmp_path)
    assert refused.returncode == 2
    assert "2 workers" in refused.stderr
    assert "REDIS_URL" in refused.stderr
    assert "Traceback" not in refused.stderr


# --- How it stops ---


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture
def let_go(upstream: Upstream) -> threading.Event:
    """Let the provider say one word, and the rest when the event is set."""
    event_ = threading.Event()
    upstream.reply_with(
        Reply.stream([*words("Hello"), Hold(event_), event(content=" again"), event(finish_reason="stop"), DONE])
    )
    return event_


def begin_a_stream(served: Process) -> http.client.HTTPResponse:
    """Ask for a stream and read its first word."""
    response = served.begin("up/m", stream=True)
    seen = b""
    while b"Hello" not in seen:
        seen += response.read1()
    return response


def wait_until_nobody_is_let_in(served: Process) -> None:
    """Connect until that is refused; what was taken before is closed again."""
    while True:
        try:
            socket.create_connection(("127.0.0.1", served.port), timeout=5).close()
        except ConnectionRefusedError:
            return
        except ConnectionResetError:
            continue  # it was waiting to be taken when the listener closed


def lines(served: Process) -> list[Json]:
    return [json.loads(line) for line in served.log.splitlines()]


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_lets_a_stream_finish_and_nobody_else_in(
    upstream: Upstream, let_go: threading.Event, number: signal.Signals, workers: str, redis: Redis
) -> None:
    with process(provider("up", upstream.url), "--workers", workers, REDIS_URL=redis.url) as served:
        response = begin_a_stream(served)
        served.tell(number)
        wait_until_nobody_is_let_in(served)
        let_go.set()
        rest = read(response).body
        assert b" again" in rest
        assert rest.endswith(DONE)
        assert served.wait() == 0
        (line,) = (line for line in lines(served) if "path" in line)
        assert (line["status"], line["stream"], line.get("error")) == (200, True, None)


def test_told_to_stop_it_finishes_a_whole_answer_too(upstream: Upstream) -> None:
    let_go = threading.Event()
    reply = answer()
    reply.before = Hold(let_go)
    upstream.reply_with(reply)
    with process(provider("up", upstream.url)) as served, ThreadPoolExecutor() as pool:
        told = pool.submit(served.chat, "up/m")
        assert upstream.wait_received(PATIENCE)
        served.tell(signal.SIGTERM)
        wait_until_nobody_is_let_in(served)
        let_go.set()
        assert told.result().status == 200
        assert served.wait() == 0


def test_connections_that_only_wait_do_not_hold_it_up() -> None:
    with process() as served:
        assert served.get("/healthz").status == 200  # and the connection stays open
        served.tell(signal.SIGTERM)
        assert served.wait() == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_when_its_grace_is_over_it_stops_and_the_log_says_what_was_cut(
    upstream: Upstream, let_go: threading.Event, workers: str, redis: Redis
) -> None:
    settings = provider("up", upstream.url) + "[server]\nshutdown_grace = 0.2\n"
    with process(settings, "--workers", workers, REDIS_URL=redis.url) as served:
        response = begin_a_stream(served)
        served.tell(signal.SIGTERM)
        with pytest.raises(http.client.IncompleteRead):
            response.read()
        assert served.wait() == 0
        assert upstream.wait_disconnect(PATIENCE)
        (line,) = (line for line in lines(served) if "path" in line)
        assert (line["status"], line["error"]) == (503, "server_stopped")


def test_told_twice_it_stops_at_once(upstream: Upstream, let_go: threading.Event) -> None:
    settings = provider("up", upstream.url) + "[server]\nshutdown_grace = 3600\n"
    with process(settings) as served:
        begin_a_stream(served)
        served.tell(signal.SIGTERM)
        wait_until_nobody_is_let_in(served)
        served.tell(signal.SIGTERM)
        assert served.wait() == 0
        assert upstream.wait_disconnect(PATIENCE)
        (line,) = (line for line in lines(served) if "path" in line)
        assert line["error"] == "server_stopped"


# --- Several processes ---


def test_two_workers_share_the_work(redis: Redis) -> None:
    with process("", "--workers", "2", REDIS_URL=redis.url) as served:
        seen: set[str] = set()
        while len(seen) < 2:
            told = served.chat("mock-fast")
            assert told.status == 200
            seen.add(told.headers["x-request-id"][:16])  # the part that is the process's own
            served.hang_up()
        served.tell(signal.SIGTERM)
        assert served.wait() == 0
        assert {line["request_id"][:16] for line in lines(served) if "path" in line} == seen


def test_a_worker_that_dies_is_replaced(redis: Redis) -> None:
    with process("", "--workers", "2", REDIS_URL=redis.url) as served:
        assert served.chat("mock-fast").status == 200
        served.hang_up()
        children = Path(f"/proc/{served.program.pid}/task/{served.program.pid}/children").read_text().split()
        workers = [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]
        assert len(workers) == 2
        os.kill(workers[0], signal.SIGKILL)
        for _ in range(50):
            assert served.chat("mock-fast").status == 200
            served.hang_up()

"""Settings change under a running gateway: requests that began keep theirs, those that come find the new ones."""

import http.client
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.gateway import PATIENCE, Address, Json, Process, process, provider, read
from tests.support.openai_wire import DONE, answer, event, words
from tests.support.redis import redis_server
from tests.support.upstream import Hold, Reply, Upstream


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture
def other() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


def change(served: Process, settings: str) -> None:
    """Put another file in the place of the settings, as a careful editor does."""
    fresh = served.folder / "wye.toml.new"
    fresh.write_text(settings)
    fresh.replace(served.folder / "wye.toml")


def until(holds: Callable[[], object], what: str = "it") -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, f"{what} did not happen"
        time.sleep(0.02)


def reloads(served: Process) -> list[Json]:
    return [line for line in map(json.loads, served.log.splitlines()) if line["event"] == "reload"]


def begin_a_stream(served: Process, model: str) -> http.client.HTTPResponse:
    response = served.begin(model, stream=True)
    seen = b""
    while b"Hello" not in seen:
        seen += response.read1()
    return response


def held(let_go: threading.Event) -> Reply:
    return Reply.stream([*words("Hello"), Hold(let_go), event(content=" again"), event(finish_reason="stop"), DONE])


def workers_of(served: Process) -> list[int]:
    children = Path(f"/proc/{served.program.pid}/task/{served.program.pid}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def test_a_changed_file_is_taken_over_without_being_told(upstream: Upstream, other: Upstream) -> None:
    upstream.reply_with(answer("from the first"))
    other.reply_with(answer("from the other"))
    with process(provider("up", upstream.url)) as served:
        assert "from the first" in served.chat("up/m").body.decode()
        assert served.chat("two/m").status == 404
        change(served, provider("up", other.url) + provider("two", upstream.url) + '[aliases]\nfast = ["two/m"]\n')
        until(lambda: served.chat("two/m").status == 200, "the change")
        assert "from the other" in served.chat("up/m").body.decode()
        assert "from the first" in served.chat("fast").body.decode()
        assert reloads(served)[-1]["changed"] == ["two", "up"]


def test_sighup_ends_no_stream_and_no_process_whatever_it_changes(upstream: Upstream, other: Upstream) -> None:
    let_go = threading.Event()
    upstream.reply_with(held(let_go))
    other.reply_with(answer("from the other"))
    with process(provider("up", upstream.url), "--no-reload") as served:
        response = begin_a_stream(served, "up/m")
        beside = Address(served.port)
        for settings in ("", provider("up", other.url), provider("two", other.url)):
            change(served, settings)
            before = len(reloads(served))
            served.tell(signal.SIGHUP)
            until(lambda: len(reloads(served)) > before, "the reload")  # noqa: B023 - called at once
        assert beside.chat("up/m").status == 404
        assert beside.chat("two/m").status == 200
        beside.hang_up()
        assert not upstream.wait_disconnect(0.2)
        let_go.set()
        rest = read(response).body
        assert b" again" in rest
        assert rest.endswith(DONE)
        assert upstream.wait_closed(PATIENCE)  # after its last request, what is not used any more is closed
        assert served.program.poll() is None


def test_a_provider_that_did_not_change_keeps_its_connection(upstream: Upstream) -> None:
    upstream.reply_with(answer())
    with process(provider("up", upstream.url), "--no-reload") as served:
        assert served.chat("up/m").status == 200
        change(served, provider("up", upstream.url) + '[aliases]\nfast = ["up/m"]\n')
        served.tell(signal.SIGHUP)
        until(lambda: reloads(served), "the reload")
        assert "changed" not in reloads(served)[-1]
        assert served.chat("fast").status == 200
        assert upstream.connections == 1


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("[providers.up\n", "not valid TOML"),
        ('[providers.up]\nbase_url = "http://127.0.0.1:1"\nadapter = "no_such_wire"\n', "no_such_wire"),
        ("[rooting]\ndeadline = 3\n", "routing"),
        ('[providers.openai]\napi_keys = ["sk-ant-CANARY-0123456789012345678901234567890"]\n', "openai"),
        ('[server]\nhost = "0.0.0.0"\n', "admin key"),
        ('[server]\nadmin_key = "env:NOT_SET"\n', "NOT_SET"),
    ],
)
def test_a_file_that_cannot_work_changes_nothing_and_the_log_says_why_as_check_does(
    upstream: Upstream, wrong: str, says: str
) -> None:
    upstream.reply_with(answer("still here"))
    with process(provider("up", upstream.url)) as served:
        change(served, wrong)
        until(lambda: reloads(served), "the reload")
        (line,) = reloads(served)
        assert says in line["error"]
        assert "CANARY" not in served.log
        assert "still here" in served.chat("up/m").body.decode()
        checked = served.command("config", "check")
        assert checked.returncode != 0
        assert line["error"] in " ".join(checked.stderr.split())
        change(served, provider("up", upstream.url) + provider("two", upstream.url))
        until(lambda: served.chat("two/m").status == 200, "the mended file")


def test_what_only_a_restart_can_change_is_named() -> None:
    with process("") as served:
        change(served, "[server]\nport = 1\nkeep_alive = 7\n")
        until(lambda: reloads(served), "the reload")
        assert reloads(served)[-1]["restart"] == ["server.keep_alive"]  # the port was said on the command line
        assert served.get("/healthz").status == 200


def test_without_reload_only_the_signal_counts(upstream: Upstream) -> None:
    with process("", "--no-reload") as served:
        change(served, provider("up", upstream.url))
        time.sleep(2)
        assert reloads(served) == []


def test_sighup_reaches_every_worker_and_replaces_none(upstream: Upstream) -> None:
    let_go = threading.Event()
    upstream.reply_with(held(let_go))
    with (
        redis_server() as redis,
        process(provider("up", upstream.url), "--workers", "2", "--no-reload", REDIS_URL=redis.url) as served,
    ):
        served.tell(signal.SIGHUP)  # while they begin
        response = begin_a_stream(served, "up/m")
        before = workers_of(served)
        assert len(before) == 2
        until(lambda: len(reloads(served)) == 2, "the first reload of both")
        served.tell(signal.SIGHUP)
        until(lambda: len(reloads(served)) == 4, "the second reload of both")
        assert workers_of(served) == before
        let_go.set()
        assert read(response).body.endswith(DONE)


def test_a_signal_in_the_first_moments_ends_nothing() -> None:
    with process("", "--no-reload") as served:
        for _ in range(20):
            os.kill(served.program.pid, signal.SIGHUP)
        assert served.chat("mock-fast").status == 200

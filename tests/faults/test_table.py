"""Every fault of the table against the running gateway, asked for whole and streamed.

Whatever the fault: no more calls than the retry budget, no hang past the deadline, no second answer after the first
byte, and one line of log. `WYE_FAULTS=long` (`make test-faults`) asks through every client API, more than once.
"""

import json
import os
import ssl
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.faults.rows import DEADLINE, MAX_RETRIES, PAUSE, SILENCE, Row, Sees, Told, said
from tests.faults.table import ROWS
from tests.support.callers import callers
from tests.support.callers.talk import Ask
from tests.support.gateway import Answer, provider, serving
from tests.support.upstream import Received, Reply, Upstream, nobody_there
from tests.transport.tls import Authority

LONG = os.environ.get("WYE_FAULTS") == "long"
CALLERS = callers() if LONG else {"openai_chat": callers()["openai_chat"]}
ROUNDS = 2 if LONG else 1
AT_A_TIME = 6
THIS = sys.modules[__name__]
GRACE = 2.0
"""Seconds by which a busy machine may be late; no fault here lasts as long by itself."""


class Scene:
    """Two providers and a gateway before them, for one row."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.journal: list[tuple[float, str]] = []
        tls = _unknown_certificate() if row.place == "tls" else None
        self.up, self.spare = Upstream(tls=tls), Upstream()
        self.up.refusing = row.place == "resets"
        self._play("up", self.up, row.up)
        self._play("spare", self.spare, row.spare or [said("Other")])

    def _play(self, name: str, upstream: Upstream, told: Any) -> None:
        left = list(told)

        def reply(request: Received) -> Reply:
            self.journal.append((time.monotonic(), name))
            next_: Told = left.pop(0) if len(left) > 1 else left[0]
            return next_.streamed if request.json.get("stream") else next_.whole

        upstream.handler = reply

    def settings(self, address: str) -> str:
        quick = f"timeout = {SILENCE}", "connect_timeout = 2.0"
        keys = ", ".join(f'"sk-test-{number}"' for number in range(self.row.keys))
        return "\n".join([
            provider("up", address, *quick, f"api_keys = [{keys}]"),
            provider("spare", self.spare.url, *quick, 'api_keys = ["sk-spare"]'),
            '[aliases]\neither = ["up/m", "spare/m"]\n',
            f"[routing]\ndeadline = {self.row.deadline}\n",
            f"[retry]\nmax_retries = {MAX_RETRIES}\nbase_delay = {PAUSE}\n",
            f"[server]\n{self.row.server}\n",
        ])  # fmt: skip

    @property
    def order(self) -> list[str]:
        return [name for _, name in self.journal]


def _unknown_certificate() -> ssl.SSLContext:
    with tempfile.TemporaryDirectory() as folder:
        return Authority(Path(folder)).context()


def play(row: Row, surface: str, streamed: bool) -> None:  # noqa: FBT001 - a row's mode
    """Ask once and hold what happened against the row."""
    scene = Scene(row)
    caller = CALLERS[surface]
    sees = row.streamed if streamed else row.whole
    with ExitStack() as stack:
        up, spare = stack.enter_context(scene.up), stack.enter_context(scene.spare)
        address = {
            "nobody": stack.enter_context(nobody_there()),
            "no_name": "http://no-such-provider.invalid",
        }.get(row.place, up.url)
        gateway = stack.enter_context(serving(scene.settings(address)))
        request = caller.request(Ask(row.model, caller.user("hi"), stream=streamed))
        began = time.monotonic()
        answer = gateway.request("POST", request.path, request.encoded, request.headers)
        lasted = time.monotonic() - began
        for name, upstream in (("up", up), ("spare", spare)):
            if left := sees.cancelled.split().count(name):
                assert upstream.wait_disconnect(5, left), f"{name} was not let go {left} times"
    # What always holds, after everything has ended.
    (line,) = (line for line in map(json.loads, gateway.log.splitlines()) if line["event"] == "request")
    assert len(scene.order) <= 1 + MAX_RETRIES
    assert line["attempts"] <= 1 + MAX_RETRIES
    assert lasted <= row.deadline + GRACE
    assert (b"Hello" in answer.body) + (b"Other" in answer.body) <= 1
    # What this row says.
    _look(answer, caller, sees, streamed=streamed)
    assert scene.order == sees.order
    assert line["attempts"] == (sees.tries or len(sees.order))
    assert (up.disconnects, spare.disconnects) == (sees.cancelled.split().count("up"), sees.cancelled.count("spare"))
    if sees.gap:
        assert scene.journal[1][0] - scene.journal[0][0] >= sees.gap


def _look(answer: Answer, caller: Any, sees: Sees, *, streamed: bool) -> None:
    """Hold what the caller got against what the row says of it."""
    assert answer.status == sees.status, answer.body
    if sees.status != 200:
        assert caller.failure(answer.body).code == sees.code
        assert caller.failure(answer.body).message
    elif sees.code:
        assert caller.broken(answer.body).code == sees.code
        assert sees.text.encode() in answer.body
    else:
        assert (caller.stream if streamed else caller.whole)(answer.body).text == sees.text
    if sees.retry_after is not None:
        earliest, latest = sees.retry_after
        assert earliest <= int(answer.headers["retry-after"]) <= latest


def cases() -> Iterator[Any]:
    for row in ROWS:
        for surface in CALLERS:
            for streamed in (False, True):
                mode = "streamed" if streamed else "whole"
                yield pytest.param(row, surface, streamed, id=f"{row.id}-{surface}-{mode}")


@pytest.fixture(scope="module")
def played(request: pytest.FixtureRequest) -> dict[str, Future[None]]:
    """Play what was chosen, several at a time: faults are mostly waiting.

    All have ended before the first is judged: pytest changes the environment between tests, and gateways that begin
    meanwhile read it.
    """
    chosen = [item for item in request.session.items if isinstance(item, pytest.Function) and item.module is THIS]
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return {
            item.nodeid: pool.submit(play, *_chosen(item.callspec.params))
            for item in chosen
            if hasattr(item, "callspec")
        }


def _chosen(params: Mapping[str, Any]) -> tuple[Row, str, bool]:
    return params["row"], params["surface"], params["streamed"]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("turn", range(ROUNDS))
@pytest.mark.parametrize(("row", "surface", "streamed"), list(cases()))
def test_a_fault_is_survived_or_told(
    row: Row,
    surface: str,
    streamed: bool,  # noqa: FBT001 - a parameter
    turn: int,
    played: dict[str, Future[None]],
    request: pytest.FixtureRequest,
) -> None:
    played[request.node.nodeid].result()


def test_no_row_may_take_longer_than_its_deadline_says() -> None:
    assert all(row.deadline <= DEADLINE * 2 for row in ROWS)
    assert len({row.id for row in ROWS}) == len(ROWS)

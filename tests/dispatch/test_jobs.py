"""A serverless endpoint is a queue of jobs: cold starts are waited for, failures told, abandoned jobs cancelled."""

import asyncio
import json
import threading
import time
from contextlib import aclosing
from typing import Any

import pytest
from tests.dispatch.calls import KEY, Upstreams, batches, behind, exchange_to, said, streamed
from tests.support.upstream import Pause, Received, Reply
from tests.support.upstream import Upstream as Server

from wye.core.errors import (
    DeadlineExceededError,
    MalformedResponseError,
    ProviderAuthenticationError,
    UpstreamError,
    UpstreamTimeoutError,
    WyeError,
)
from wye.dispatch import walk
from wye.dispatch.upstream import Upstream

WHOLE = {
    "id": "chatcmpl-1", "object": "chat.completion", "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}  # fmt: skip


def event(text: str, finish: str | None = None) -> str:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return f"data: {json.dumps({'id': 'c', 'object': 'chat.completion.chunk', 'choices': [choice]})}\n\n"


class Endpoint:
    """Imitates the queue: each poll gets the next of `states`, the last again and again."""

    def __init__(self, server: Server, *states: dict[str, Any] | Reply) -> None:
        self.states = list(states)
        self.cancelled = threading.Event()
        self.inputs: list[Any] = []
        self.paths: list[str] = []
        self.hand_in: Reply = Reply.json({"id": "job-1", "status": "IN_QUEUE"})
        server.handler = self.reply

    def reply(self, request: Received) -> Reply:
        self.paths.append(f"{request.method} {request.path}")
        assert request.headers["authorization"] == f"Bearer {KEY}"
        if request.path == "/run":
            self.inputs.append(request.json["input"])
            return self.hand_in
        if request.path == "/cancel/job-1":
            self.cancelled.set()
            return Reply.json({"id": "job-1", "status": "CANCELLED"})
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return state if isinstance(state, Reply) else Reply.json({"id": "job-1", **state})

    @property
    def polls(self) -> list[str]:
        return [path for path in self.paths if path.startswith("GET")]


def jobs(server: Server, read: float = 5.0) -> Upstream:
    return behind(server, flow="jobs", read=read)


async def complete(server: Server, seconds: float = 10.0) -> Any:
    async with Upstreams(one=jobs(server)) as upstreams:
        return await walk.complete(exchange_to("one", seconds=seconds), upstreams)


async def test_a_request_is_handed_in_as_openai_would_get_it_and_its_output_fetched(server: Server) -> None:
    endpoint = Endpoint(
        server, {"status": "IN_QUEUE"}, {"status": "IN_PROGRESS"}, {"status": "COMPLETED", "output": [WHOLE]}
    )
    response = await complete(server)
    assert (response.content, response.usage.output_tokens) == ("hello", 2)
    (handed,) = endpoint.inputs
    assert handed["openai_route"] == "/v1/chat/completions"
    assert (handed["openai_input"]["model"], handed["openai_input"]["messages"][0]["content"]) == ("model", "hi")
    assert endpoint.paths == ["POST /run", *["GET /status/job-1"] * 3]


@pytest.mark.parametrize("output", [WHOLE, [WHOLE], json.dumps(WHOLE), [json.dumps(WHOLE)]])
async def test_an_output_is_read_however_the_worker_wraps_it(server: Server, output: Any) -> None:
    Endpoint(server, {"status": "COMPLETED", "output": output})
    assert (await complete(server)).content == "hello"


async def test_a_cold_start_longer_than_the_timeout_for_silence_is_waited_for(server: Server) -> None:
    endpoint = Endpoint(server, *[{"status": "IN_QUEUE"}] * 8, {"status": "COMPLETED", "output": WHOLE})
    async with Upstreams(one=jobs(server, read=0.2)) as upstreams:
        began = time.monotonic()
        response = await walk.complete(exchange_to("one"), upstreams)
    assert response.content == "hello"
    assert time.monotonic() - began > 0.2
    assert not endpoint.cancelled.is_set()


@pytest.mark.parametrize("stream", [False, True])
async def test_a_cold_start_that_outlasts_the_deadline_is_told_from_a_failure_and_cancelled(
    server: Server, *, stream: bool
) -> None:
    endpoint = Endpoint(server, {"status": "IN_QUEUE"})
    async with Upstreams(one=jobs(server)) as upstreams:
        exchange = exchange_to("one", seconds=0.5, stream=stream)
        with pytest.raises(DeadlineExceededError) as caught:
            await (streamed(exchange, upstreams) if stream else walk.complete(exchange, upstreams))
    assert caught.value.code == "cold_start"
    assert "cold start" in caught.value.message
    assert endpoint.cancelled.is_set()


async def test_a_job_that_runs_over_the_deadline_is_no_cold_start(server: Server) -> None:
    endpoint = Endpoint(server, {"status": "IN_PROGRESS"})
    with pytest.raises(DeadlineExceededError) as caught:
        await complete(server, seconds=0.4)
    assert caught.value.code == "deadline_exceeded"
    assert endpoint.cancelled.is_set()


@pytest.mark.parametrize(
    ("state", "kind", "words"),
    [
        ({"status": "FAILED", "error": "CUDA out of memory"}, UpstreamError, "CUDA out of memory"),
        ({"status": "FAILED", "error": {"why": "x"}}, UpstreamError, "why"),
        ({"status": "CANCELLED"}, UpstreamError, "cancelled"),
        ({"status": "TIMED_OUT"}, UpstreamTimeoutError, "execution timeout"),
        ({"status": "COMPLETED"}, MalformedResponseError, "without an output"),
        ({"status": "COMPLETED", "output": {"error": {"message": "too long", "code": 400}}}, WyeError, "too long"),
        (Reply.json({"error": "job not found"}, status=404), WyeError, "job not found"),
        (Reply.raw(b"<html>", "text/html"), MalformedResponseError, "describe a job"),
    ],
)
async def test_what_ends_a_job_is_told(server: Server, state: Any, kind: type[WyeError], words: str) -> None:
    Endpoint(server, state)
    with pytest.raises(kind, match=words):
        await complete(server)


async def test_a_refused_request_is_the_endpoints_own_error(server: Server) -> None:
    endpoint = Endpoint(server, {"status": "IN_QUEUE"})
    endpoint.hand_in = Reply.json({"error": f"bad key {KEY}"}, status=401)
    with pytest.raises(ProviderAuthenticationError) as caught:
        await complete(server)
    assert KEY not in caught.value.message
    assert endpoint.polls == []


async def test_polls_that_fail_now_and_then_do_not_lose_the_job(server: Server) -> None:
    busy = Reply.json({"error": "busy"}, status=429)
    down = Reply.json({}, status=502)
    Endpoint(server, busy, down, {"status": "IN_PROGRESS"}, down, {"status": "COMPLETED", "output": WHOLE})
    assert (await complete(server)).content == "hello"


async def test_polls_that_only_fail_end_it(server: Server) -> None:
    endpoint = Endpoint(server, Reply.json({"error": {"message": "down"}}, status=502))
    with pytest.raises(UpstreamError, match="down"):
        await complete(server)
    assert len(endpoint.polls) == 4


async def test_a_caller_who_leaves_cancels_the_job(server: Server) -> None:
    endpoint = Endpoint(server, {"status": "IN_PROGRESS"})
    async with Upstreams(one=jobs(server)) as upstreams:
        task = asyncio.create_task(walk.complete(exchange_to("one"), upstreams))
        assert await asyncio.to_thread(server.wait_received, 5.0, 2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(endpoint.cancelled.wait, 5.0)


async def test_a_caller_who_leaves_while_the_job_is_handed_in_cancels_it_too(server: Server) -> None:
    endpoint = Endpoint(server, {"status": "IN_PROGRESS"})
    slow = Reply.json({"id": "job-1", "status": "IN_QUEUE"})
    endpoint.hand_in = Reply(slow.status, slow.headers, slow.pieces, slow.framing, before=Pause(0.3))
    async with Upstreams(one=jobs(server)) as upstreams:
        task = asyncio.create_task(walk.complete(exchange_to("one"), upstreams))
        assert await asyncio.to_thread(server.wait_received, 5.0, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert endpoint.cancelled.is_set(), "closing waits for what is to be cancelled"


@pytest.fixture
def pieces() -> list[dict[str, Any]]:
    return [
        {"status": "IN_QUEUE", "stream": []},
        {"status": "IN_PROGRESS", "stream": [{"output": event("hel")}]},
        {"status": "IN_PROGRESS", "stream": []},
        {"status": "IN_PROGRESS", "stream": [{"output": event("lo")}, {"output": event("", "stop")}]},
        {"status": "COMPLETED", "stream": [{"output": "data: [DONE]\n\n"}]},
        {"status": "COMPLETED", "stream": []},
    ]


async def test_a_stream_is_fetched_piece_by_piece(server: Server, pieces: list[dict[str, Any]]) -> None:
    endpoint = Endpoint(server, *pieces)
    async with Upstreams(one=jobs(server)) as upstreams:
        chunks = await streamed(exchange_to("one", stream=True), upstreams)
    assert said(chunks) == "hello"
    assert endpoint.inputs[0]["openai_input"]["stream"] is True
    assert set(endpoint.polls) == {"GET /stream/job-1"}
    assert not endpoint.cancelled.is_set(), "what has ended need not be cancelled"


async def test_a_stream_of_objects_is_read_like_one_of_text(server: Server, pieces: list[dict[str, Any]]) -> None:
    for state in pieces[:4]:
        for item in state["stream"]:
            item["output"] = [json.loads(item["output"].removeprefix("data: "))]
    del pieces[4]
    Endpoint(server, *pieces)
    async with Upstreams(one=jobs(server)) as upstreams:
        assert said(await streamed(exchange_to("one", stream=True), upstreams)) == "hello"


async def test_leaving_a_stream_cancels_its_job(server: Server, pieces: list[dict[str, Any]]) -> None:
    endpoint = Endpoint(server, *pieces[:2], {"status": "IN_PROGRESS", "stream": []})
    async with Upstreams(one=jobs(server)) as upstreams:
        exchange = exchange_to("one", stream=True)
        async with aclosing(batches(exchange, upstreams)) as pieces_of:
            assert said(list(await anext(pieces_of))) == "hel"
    assert endpoint.cancelled.is_set()


async def test_a_stream_may_take_longer_than_the_deadline_once_it_speaks(
    server: Server, pieces: list[dict[str, Any]]
) -> None:
    states = [*pieces[:2], *[pieces[2]] * 6, *pieces[3:]]
    Endpoint(server, *states)
    async with Upstreams(one=jobs(server)) as upstreams:
        assert said(await streamed(exchange_to("one", seconds=0.7, stream=True), upstreams)) == "hello"


async def test_a_worker_that_falls_silent_is_timed_out(server: Server, pieces: list[dict[str, Any]]) -> None:
    endpoint = Endpoint(server, *pieces[:2], pieces[2])
    async with Upstreams(one=jobs(server, read=0.3)) as upstreams:
        with pytest.raises(UpstreamTimeoutError):
            await streamed(exchange_to("one", stream=True), upstreams)
    assert endpoint.cancelled.is_set()


async def test_a_job_that_goes_back_into_the_queue_in_its_midst_is_timed_out_too(
    server: Server, pieces: list[dict[str, Any]]
) -> None:
    endpoint = Endpoint(server, *pieces[:2], {"status": "IN_QUEUE", "stream": []})
    async with Upstreams(one=jobs(server, read=0.3)) as upstreams, asyncio.timeout(10):
        with pytest.raises(UpstreamTimeoutError, match="said nothing for"):
            await streamed(exchange_to("one", stream=True), upstreams)
    assert endpoint.cancelled.is_set()


async def test_a_job_that_fails_in_its_midst_breaks_the_stream(server: Server, pieces: list[dict[str, Any]]) -> None:
    Endpoint(server, *pieces[:2], {"status": "FAILED", "error": "worker died"})
    async with Upstreams(one=jobs(server)) as upstreams:
        with pytest.raises(UpstreamError, match="worker died"):
            await streamed(exchange_to("one", stream=True), upstreams)

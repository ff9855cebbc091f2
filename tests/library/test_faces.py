"""The two faces of the router under strain: many at once, abandoned, cancelled, closed."""

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.support.openai_wire import answer, event, refusal, stream
from tests.support.upstream import Hang, Pause, Received, Reply, Upstream

import wye
from wye import (
    DeadlineExceededError,
    InvalidRequestError,
    ModelRouter,
    OverloadedError,
    RetryConfig,
    RoutingContext,
    StreamInterruptedError,
    SyncModelRouter,
    get_router,
)

HELLO = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture
def settings(upstream: Upstream, tmp_path: Path) -> Path:
    path = tmp_path / "wye.toml"
    path.write_text(f'[providers.here]\nbase_url = "{upstream.url}/v1"\nallow_private_network = true\n')
    return path


@pytest.fixture
async def router(settings: Path) -> AsyncIterator[ModelRouter]:
    async with ModelRouter.from_config(settings, environ={}) as made:
        yield made


@pytest.fixture
def sync(settings: Path) -> Iterator[SyncModelRouter]:
    with SyncModelRouter.from_config(settings, environ={}) as made:
        yield made


def echo(received: Received) -> Reply:
    text = received.json["messages"][0]["content"]
    return stream(text) if received.json.get("stream") else answer(text)


def saying(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


async def test_many_requests_at_once_each_get_their_own_answer(router: ModelRouter, upstream: Upstream) -> None:
    upstream.handler = echo

    async def told(number: int) -> str:
        if number % 2:
            return (await router.route(saying(str(number)), model="here/m")).content
        return "".join([chunk.content async for chunk in router.route_stream(saying(str(number)), model="here/m")])

    assert await asyncio.gather(*(told(number) for number in range(30))) == [str(number) for number in range(30)]


async def test_a_stream_that_is_broken_out_of_ends_the_call_at_the_provider(
    router: ModelRouter, upstream: Upstream
) -> None:
    upstream.reply_with(Reply.stream([event(content="Hi"), Hang()]))
    async for chunk in router.route_stream(HELLO, model="here/m"):
        assert chunk.content == "Hi"
        break
    gc.collect()
    assert await asyncio.to_thread(upstream.wait_disconnect, 5)


async def test_cancelling_a_request_ends_the_call_at_the_provider(router: ModelRouter, upstream: Upstream) -> None:
    upstream.reply_with(Reply.silence())
    waiting = asyncio.create_task(router.route(HELLO, model="here/m"))
    assert await asyncio.to_thread(upstream.wait_received, 5)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await asyncio.to_thread(upstream.wait_disconnect, 5)


async def test_a_caller_s_own_time_holds_for_the_whole_request(router: ModelRouter, upstream: Upstream) -> None:
    upstream.reply_with(Reply.silence())
    context = RoutingContext(timeout=0.1)
    with pytest.raises(DeadlineExceededError):
        await router.route(HELLO, context, model="here/m")
    with pytest.raises(DeadlineExceededError):
        await anext(aiter(router.route_stream(HELLO, context, model="here/m")))


async def test_parameters_cannot_turn_a_whole_answer_into_a_stream_or_back(
    router: ModelRouter, upstream: Upstream
) -> None:
    upstream.handler = echo
    assert (await router.route(HELLO, model="here/m", stream=True)).content == "Hello"
    chunks = [chunk async for chunk in router.route_stream(HELLO, model="here/m", stream=False)]
    assert "".join(chunk.content for chunk in chunks) == "Hello"


async def test_no_model_is_auto_and_the_mock_answers_where_nobody_else_is_there(tmp_path: Path) -> None:
    file = tmp_path / "empty.toml"
    file.write_text("")
    async with ModelRouter.from_config(file, environ={}) as router:
        response = await router.route(HELLO)
    assert (response.provider, response.content) == ("mock", "Mock response")


async def test_the_first_in_order_that_answers_is_named(router: ModelRouter, upstream: Upstream) -> None:
    upstream.reply_with(refusal(503))
    with pytest.raises(OverloadedError) as raised:
        await router.route(HELLO, model="here/m")
    assert raised.value.provider == "here"
    assert isinstance(raised.value, wye.ProviderError)


async def test_a_router_of_the_environment_reads_the_environment(
    monkeypatch: pytest.MonkeyPatch, upstream: Upstream, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WYE_CONFIG", raising=False)
    monkeypatch.setenv("VLLM_BASE_URL", f"{upstream.url}/v1")
    upstream.reply_with(answer("Hi"))
    for made in (get_router(), ModelRouter.from_env()):
        assert (await made.route(HELLO, model="vllm/m")).content == "Hi"
        await made.aclose()


async def test_a_router_can_be_closed_twice(settings: Path) -> None:
    router = ModelRouter.from_config(settings, environ={})
    await router.aclose()
    await router.aclose()


# The synchronous face.


def test_many_threads_may_share_the_synchronous_face(sync: SyncModelRouter, upstream: Upstream) -> None:
    upstream.handler = echo

    def told(number: int) -> str:
        return sync.route(saying(str(number)), model="here/m").content

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(told, range(40))) == [str(number) for number in range(40)]


def test_errors_come_out_of_the_synchronous_face_as_they_are(settings: Path, upstream: Upstream) -> None:
    upstream.reply_with(refusal(503), Reply.stream([event(content="Hi")]))
    with SyncModelRouter.from_config(settings, environ={}, retry=RetryConfig(max_retries=0)) as sync:
        with pytest.raises(OverloadedError):
            sync.route(HELLO, model="here/m")
        heard = []
        with pytest.raises(StreamInterruptedError):  # noqa: PT012 - what was heard before the error counts
            for chunk in sync.route_stream(HELLO, model="here/m"):
                heard.append(chunk.content)  # noqa: PERF401
        assert heard == ["Hi"]
        with pytest.raises(InvalidRequestError):
            sync.send_message("Hello", provider="nobody")


def test_breaking_out_of_a_synchronous_stream_ends_the_call(sync: SyncModelRouter, upstream: Upstream) -> None:
    upstream.reply_with(Reply.stream([event(content="Hi"), Hang()]))
    for chunk in sync.route_stream(HELLO, model="here/m"):
        assert chunk.content == "Hi"
        break
    gc.collect()
    assert upstream.wait_disconnect(5)


def test_closing_the_synchronous_face_ends_its_streams_and_its_thread(settings: Path, upstream: Upstream) -> None:
    upstream.reply_with(Reply.stream([event(content="Hi"), Pause(0.01), Hang()]))
    router = SyncModelRouter.from_config(settings, environ={})
    chunks = router.route_stream(HELLO, model="here/m")
    assert next(iter(chunks)).content == "Hi"
    router.close()
    assert upstream.wait_disconnect(5)
    assert not [thread for thread in threading.enumerate() if thread.name == "wye"]
    del chunks
    gc.collect()  # complains of nothing
    router.close()


def test_a_closed_synchronous_face_says_so(settings: Path) -> None:
    router = SyncModelRouter.from_config(settings, environ={})
    router.close()
    with pytest.raises(RuntimeError, match="router is closed"):
        router.route(HELLO, model="here/m")
    with pytest.raises(RuntimeError, match="router is closed"):
        list(router.route_stream(HELLO, model="here/m"))
    gc.collect()

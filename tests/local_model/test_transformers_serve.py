r"""Wye before a real inference server that nobody here wrote: `transformers serve` 5.23.0, with a random Llama.

`make test-local-model` runs this; anywhere else it is skipped. What the server says, taken from its bytes:

- A stream ends with the end of its body, without `data: [DONE]`.
- Usage comes in the last chunk that has a choice, beside its finish reason, whether asked for or not; there is no chunk
  of its own for it. `stream_options`, `n`, `user` and some more members are ignored; one it does not know is refused.
- No member is ever `null`: a chunk's choice without finish reason has no such member, the last delta is `{}`.
- The first chunk holds a role only; it comes before anything was computed, and before anything could fail.
- Answers call the model `wye-tiny@main`, a name that requests are refused for.
- A refusal is `{"detail": "…"}`, with 400 for another model and 422 for a member it does not know:
  `{"detail":"Server is pinned to 'wye-tiny'; requested 'nope'."}`
- What fails later is `500 Internal Server Error` in plain text, or in a stream, after `200 OK` and the role, the event
  `data: {"error": "…"}`, whose text is put between the quotes as it is, and then the end of the body. A float written
  as an integer in `logit_bias` is enough for both.
- After that 500, which is whole and does not say `connection: close`, the server closes the connection some 5 ms later.
- A stop sequence is part of the answer.
- One request is computed at a time; another's stream says its role and waits. A stream's work ends when its connection
  does, a whole answer is computed to its end for nobody.
- `GET /v1/models` lists a cache of downloads, not the model that is served, and fails with 500 where there is none.
"""

import asyncio
import json
import os
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any, Final, cast

import openai
import pytest
from tests.local_model.server import SWITCH, Conversation, Relay, inference_server
from tests.support.gateway import Process, process

import wye

pytestmark = [
    pytest.mark.skipif(not os.environ.get(SWITCH), reason="needs PyTorch and a model: make test-local-model"),
    pytest.mark.timeout(180),
]

PROVIDER: Final = "local-llama"
MODEL: Final = f"{PROVIDER}/wye-tiny"
WITHOUT_END: Final[Any] = {"1": -100.0}
"""A bias against the token that ends an answer: only `max_tokens` does, then."""
AT_ONCE: Final[Any] = {"1": 1000.0}
"""A bias for it: the answer ends before it has begun."""
SOON: Final = 15.0

Messages = list[Any]


def said(text: str = "Which way, please? 川") -> Messages:
    return [{"role": "user", "content": text}]


def settings(port: int) -> str:
    return (
        f"[providers.{PROVIDER}]\n"
        f'adapter = "openai_chat"\nbase_url = "http://127.0.0.1:{port}/v1"\nallow_private_network = true\n'
        "timeout = 100\n"
    )


def until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SOON
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    with inference_server() as port:
        yield port


@pytest.fixture(scope="module")
def wire(server: int) -> Iterator[Relay]:
    with Relay(server) as relay:
        yield relay


@pytest.fixture
def relay(wire: Relay) -> Relay:
    """Between Wye and the server, with nothing in its memory."""
    wire.forget()
    return wire


@pytest.fixture(scope="module")
def gateway(wire: Relay) -> Iterator[Process]:
    with process(settings(wire.port)) as running:
        yield running


@pytest.fixture(scope="module")
def client(gateway: Process) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="none", max_retries=0) as made:
        yield made


@pytest.fixture
async def router(relay: Relay, tmp_path: Path) -> AsyncGenerator[wye.ModelRouter]:
    file = tmp_path / "wye.toml"
    file.write_text(settings(relay.port))
    async with wye.ModelRouter.from_config(file, environ={}) as made:
        yield made


def ended_by_gateway(relay: Relay) -> list[Conversation]:
    return [conversation for conversation in relay.conversations() if conversation.ended_by == "gateway"]


class TestWhole:
    def test_answer_has_text_and_usage_and_our_name_for_the_model(self, client: openai.OpenAI, relay: Relay) -> None:
        answer = client.chat.completions.create(model=MODEL, messages=said(), max_tokens=12, logit_bias=WITHOUT_END)
        choice = answer.choices[0]
        assert choice.message.role == "assistant"
        assert choice.message.content
        assert answer.usage is not None
        assert answer.usage.prompt_tokens > 0
        assert answer.usage.completion_tokens == 12
        assert answer.usage.total_tokens == answer.usage.prompt_tokens + 12
        assert answer.model == MODEL
        assert b'"model":"wye-tiny@main"' in relay.answered()

    def test_limit_reached_is_length(self, client: openai.OpenAI) -> None:
        answer = client.chat.completions.create(model=MODEL, messages=said(), max_tokens=3, logit_bias=WITHOUT_END)
        assert answer.choices[0].finish_reason == "length"

    def test_end_of_its_own_is_stop_even_with_nothing_said(self, client: openai.OpenAI) -> None:
        answer = client.chat.completions.create(model=MODEL, messages=said(), max_tokens=9, logit_bias=AT_ONCE)
        assert answer.choices[0].finish_reason == "stop"
        assert answer.choices[0].message.content == ""


class TestStream:
    def test_chunks_then_finish_then_usage(self, client: openai.OpenAI) -> None:
        whole = client.chat.completions.create(model=MODEL, messages=said(), max_tokens=20, logit_bias=WITHOUT_END)
        with client.chat.completions.create(
            model=MODEL,
            messages=said(),
            max_tokens=20,
            logit_bias=WITHOUT_END,
            stream=True,
            stream_options={"include_usage": True},
        ) as stream:
            chunks = list(stream)
        text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
        assert text == whole.choices[0].message.content
        assert [c.finish_reason for chunk in chunks for c in chunk.choices if c.finish_reason] == ["length"]
        assert [chunk.usage.completion_tokens for chunk in chunks if chunk.usage] == [20]
        assert {chunk.model for chunk in chunks} == {MODEL}

    @pytest.mark.parametrize("asked", [{}, {"stream_options": {"include_usage": True}}], ids=["unasked", "asked"])
    def test_end_marker_is_ours(self, gateway: Process, relay: Relay, asked: dict[str, Any]) -> None:
        answer = gateway.chat(MODEL, max_tokens=5, logit_bias=WITHOUT_END, stream=True, **asked)
        assert answer.status == 200
        assert b"[DONE]" not in relay.answered()
        assert answer.events[-1] == b"[DONE]"
        assert answer.body.count(b"[DONE]") == 1
        last = json.loads(answer.events[-2])
        assert last["choices"][0]["finish_reason"] == "length"
        assert last["usage"]["completion_tokens"] == 5
        assert not ended_by_gateway(relay), "the connection was good for another request"

    def test_stream_that_says_nothing_ends_well(self, gateway: Process) -> None:
        answer = gateway.chat(MODEL, stream=True, logit_bias=AT_ONCE)
        assert answer.status == 200
        assert answer.events[-1] == b"[DONE]"
        assert json.loads(answer.events[-2])["choices"][0]["finish_reason"] == "stop"

    def test_two_at_once_keep_their_own(self, client: openai.OpenAI, gateway: Process, relay: Relay) -> None:
        texts = ["The first of two.", "Das zweite, 二."]
        alone = [
            client.chat.completions.create(model=MODEL, messages=said(text), max_tokens=40, logit_bias=WITHOUT_END)
            for text in texts
        ]
        relay.forget()

        async def ask(other: openai.AsyncOpenAI, text: str) -> str:
            stream = await other.chat.completions.create(
                model=MODEL, messages=said(text), max_tokens=40, logit_bias=WITHOUT_END, stream=True
            )
            async with stream:
                return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

        async def both() -> list[str]:
            async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="none", max_retries=0) as other:
                return await asyncio.gather(*(ask(other, text) for text in texts))

        together = asyncio.run(both())
        assert together == [answer.choices[0].message.content for answer in alone]
        assert together[0] != together[1]
        assert sum(1 for conversation in relay.conversations() if conversation.answered) == 2


class TestRefusals:
    def test_other_model(self, client: openai.OpenAI, relay: Relay) -> None:
        with pytest.raises(openai.NotFoundError) as caught:
            client.chat.completions.create(model=f"{PROVIDER}/nope", messages=said())
        assert b'{"detail":"Server is pinned to' in relay.answered()
        assert caught.value.code == "model_not_found"
        assert caught.value.type == "invalid_request_error"
        assert "requested 'nope'" in caught.value.message

    @pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
    def test_member_it_does_not_know(self, gateway: Process, relay: Relay, *, stream: bool) -> None:
        answer = gateway.chat(MODEL, top_k=3, stream=stream)
        assert b'{"detail":"Unexpected fields' in relay.answered()
        assert answer.status == 400
        assert set(answer.error) == {"message", "type", "param", "code", "provider"}
        assert answer.error["code"] == "invalid_request"
        assert answer.error["type"] == "invalid_request_error"
        assert answer.error["provider"] == PROVIDER
        assert "top_k" in answer.error["message"]

    def test_failure_in_plain_text(self, gateway: Process, relay: Relay) -> None:
        answer = gateway.chat(MODEL, logit_bias={"1": 1})
        assert relay.answered().endswith(b"\r\n\r\nInternal Server Error")
        assert answer.status == 502
        assert answer.error["code"] == "upstream_error"
        until(lambda: any(one.ended_by == "server" for one in relay.conversations()), "the server kept its connection")

    def test_request_right_after_such_a_failure(self, gateway: Process) -> None:
        answers = []
        for _ in range(10):
            gateway.chat(MODEL, logit_bias={"1": 1})
            answers.append(gateway.chat(MODEL, max_tokens=1))
        assert [answer.status for answer in answers] == [200] * 10

    def test_failure_in_a_stream_that_had_only_said_its_role(self, gateway: Process, relay: Relay) -> None:
        answer = gateway.chat(MODEL, logit_bias={"1": 1}, stream=True)
        assert b"HTTP/1.1 200 OK" in relay.answered()
        assert b'data: {"error": "' in relay.answered()
        assert answer.status == 502, "nothing was said yet, so the status still can tell"
        assert answer.error["code"] == "upstream_error"
        assert "sequence_bias" in answer.error["message"]


class TestDepartures:
    def test_stream_left_is_ended_at_the_server(self, client: openai.OpenAI, relay: Relay) -> None:
        with client.chat.completions.create(
            model=MODEL, messages=said(), max_tokens=1_000_000, logit_bias=WITHOUT_END, stream=True
        ) as stream:
            for _ in range(5):
                next(stream)
        until(lambda: len(ended_by_gateway(relay)) == 1, "Wye kept its connection to the server")
        assert b"finish_reason" not in relay.answered()
        # It computes one answer at a time, and that one would have taken hours.
        answer = client.chat.completions.create(model=MODEL, messages=said(), max_tokens=3, timeout=SOON)
        assert answer.usage is not None

    def test_whole_answer_left(self, client: openai.OpenAI, relay: Relay) -> None:
        with pytest.raises(openai.APITimeoutError):
            client.chat.completions.create(
                model=MODEL, messages=said(), max_tokens=2000, logit_bias=WITHOUT_END, timeout=0.3
            )
        until(lambda: len(ended_by_gateway(relay)) == 1, "Wye kept its connection to the server")
        assert relay.answered() == b""
        answer = client.chat.completions.create(model=MODEL, messages=said(), max_tokens=3)
        assert answer.usage is not None


class TestLibrary:
    async def test_whole(self, router: wye.ModelRouter) -> None:
        answer = await router.route(said(), model=MODEL, max_tokens=12, logit_bias=WITHOUT_END)
        assert answer.content
        assert answer.finish_reason == "length"
        assert (answer.provider, answer.model) == (PROVIDER, "wye-tiny")
        assert answer.usage is not None
        assert answer.usage.output_tokens == 12
        assert answer.cost is None, "nobody said what it costs"

    async def test_stream(self, router: wye.ModelRouter) -> None:
        whole = await router.route(said(), model=MODEL, max_tokens=12, logit_bias=WITHOUT_END)
        stream = router.route_stream(said(), model=MODEL, max_tokens=12, logit_bias=WITHOUT_END)
        chunks = [chunk async for chunk in stream]
        assert "".join(choice.content for chunk in chunks for choice in chunk.choices) == whole.content
        assert chunks[-1].usage is not None
        assert chunks[-1].usage.output_tokens == 12

    async def test_other_model(self, router: wye.ModelRouter) -> None:
        with pytest.raises(wye.WyeError) as caught:
            await router.route(said(), model=f"{PROVIDER}/nope")
        assert (caught.value.code, caught.value.upstream_status) == ("model_not_found", 400)

    async def test_stream_left(self, router: wye.ModelRouter, relay: Relay) -> None:
        stream = router.route_stream(said(), model=MODEL, max_tokens=1_000_000, logit_bias=WITHOUT_END)
        async with aclosing(cast("AsyncGenerator[wye.StreamChunk]", stream)) as chunks:
            async for _ in chunks:
                break
        await asyncio.to_thread(until, lambda: len(ended_by_gateway(relay)) == 1, "Wye kept its connection")
        answer = await asyncio.wait_for(router.route(said(), model=MODEL, max_tokens=3), SOON)
        assert answer.usage is not None

"""How a provider behind a wire is called: connections, silence, and what its row in the catalog changes."""

import asyncio
import json

import pytest
from tests.dispatch.calls import Upstreams, batches, became_of, behind, exchange_to, said, streamed
from tests.dispatch.wires import OLLAMA, OPENAI, sse
from tests.support.upstream import Hang, Pause, Reply
from tests.support.upstream import Upstream as Server

from wye.catalog.schema import ModelInfo, WireTraits
from wye.core.errors import ConfigurationError, RateLimitError, UpstreamTimeoutError
from wye.dispatch import upstream, walk

ROLE, HELLO, YOU, FINISH, USAGE, DONE = OPENAI.pieces


async def test_a_stream_that_was_read_to_its_end_marker_leaves_its_connection(server: Server) -> None:
    server.reply_with(Reply.stream([*OPENAI.pieces, Pause(0.02), b": the end\n\n"]))
    async with Upstreams(one=behind(server)) as upstreams:
        for _ in range(3):
            assert said(await streamed(exchange_to("one", stream=True), upstreams)) == "hello you"
    assert (len(server.received), server.connections) == (3, 1)


async def test_a_stream_of_comments_alone_is_silence(server: Server) -> None:
    server.reply_with(Reply.stream([b": keep-alive\n\n", Pause(0.02)] * 300))
    async with Upstreams(one=behind(server, read=0.2)) as upstreams:
        async with asyncio.timeout(4):
            with pytest.raises(UpstreamTimeoutError, match=r"no content for 0\.2 s"):
                await streamed(exchange_to("one", stream=True), upstreams)
    assert await asyncio.to_thread(server.wait_disconnect, 5)


async def test_comments_between_content_are_no_silence(server: Server) -> None:
    pieces = [piece for _ in range(10) for piece in (b": keep-alive\n\n", Pause(0.1), HELLO)]
    server.reply_with(Reply.stream([*pieces, FINISH, DONE]))
    async with Upstreams(one=behind(server, read=0.8)) as upstreams:
        assert said(await streamed(exchange_to("one", stream=True), upstreams)) == "hello" * 10


async def test_chunks_that_came_together_are_given_out_together(server: Server) -> None:
    server.reply_with(Reply.stream([ROLE + HELLO + YOU, Pause(0.02), FINISH + USAGE + DONE]))
    async with Upstreams(one=behind(server)) as upstreams:
        sizes = [len(batch) async for batch in batches(exchange_to("one", stream=True), upstreams)]
    assert sizes == [3, 2]


async def test_an_event_cut_in_pieces_is_one_chunk(server: Server) -> None:
    server.reply_with(Reply.stream([b"".join(OPENAI.pieces)[at : at + 7] for at in range(0, 900, 7)]))
    async with Upstreams(one=behind(server)) as upstreams:
        assert said(await streamed(exchange_to("one", stream=True), upstreams)) == "hello you"


async def test_a_refusal_of_any_length_is_read_as_far_as_anybody_looks(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upstream, "_MAX_ERROR_BYTES", 100_000)
    server.reply_with(Reply(429, {}, [b" " * 50_000] * 10 + [Hang()]))
    async with Upstreams(one=behind(server)) as upstreams:
        with pytest.raises(RateLimitError):
            await streamed(exchange_to("one", stream=True), upstreams)


async def test_a_model_s_own_wire_format_and_name_are_used(server: Server) -> None:
    server.reply_with(Reply.json(OLLAMA.whole))
    row = ModelInfo(id="model", provider="one", adapter="ollama_chat", upstream_id="its-own-name")
    async with Upstreams(one=behind(server, models={row.full_id: row})) as upstreams:
        response = await walk.complete(exchange_to("one"), upstreams)
    assert (response.content, response.wire) == ("hello you", "ollama_chat")
    assert server.received[0].json["model"] == "its-own-name"
    assert server.received[0].path == "/api/chat"


@pytest.mark.parametrize(
    ("traits", "asked"),
    [
        (WireTraits(stream_usage="ask"), True),
        (WireTraits(stream_usage="always"), False),
        (WireTraits(stream_usage="never"), False),
    ],
)
async def test_usage_is_asked_for_where_the_provider_wants_to_be_asked(
    server: Server, traits: WireTraits, *, asked: bool
) -> None:
    server.reply_with(OPENAI.stream())
    async with Upstreams(one=behind(server, traits=traits)) as upstreams:
        await streamed(exchange_to("one", stream=True), upstreams)
    assert server.received[0].json.get("stream_options") == ({"include_usage": True} if asked else None)


async def test_what_was_left_out_of_a_request_is_told(server: Server) -> None:
    server.reply_with(Reply.json(OLLAMA.whole))
    async with Upstreams(one=behind(server, wire="ollama_chat")) as upstreams:
        exchange = exchange_to("one", user="somebody", metadata={"a": "b"})
        await walk.complete(exchange, upstreams)
    assert set(exchange.dropped) == {"user", "metadata"}


async def test_a_key_that_cannot_be_a_header_is_refused_without_being_shown(server: Server) -> None:
    one = behind(server, headers={"x-extra": "sk-secret\nvalue"})
    async with Upstreams(one=one) as upstreams:
        exchange = exchange_to("one")
        with pytest.raises(ConfigurationError) as raised:
            await walk.complete(exchange, upstreams)
    assert "sk-secret" not in repr(raised.value)
    assert became_of(exchange) == [("one", "configuration_error")]


async def test_an_error_within_a_batch_comes_after_the_chunks_before_it(server: Server) -> None:
    broken = sse({"error": {"message": "slow down", "code": "rate_limit_exceeded"}})
    server.reply_with(Reply.stream([ROLE + HELLO + YOU + broken]))
    async with Upstreams(one=behind(server)) as upstreams:
        exchange = exchange_to("one", stream=True)
        heard = ""
        with pytest.raises(RateLimitError):  # noqa: PT012 - what was heard before the error counts
            async for batch in batches(exchange, upstreams):
                heard += said(batch)
    assert heard == "hello you"


async def test_a_whole_answer_where_a_stream_was_asked_for_is_passed_on(server: Server) -> None:
    body = {
        "id": "c1",
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello you"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2},
    }
    encoded = json.dumps(body).encode()
    server.reply_with(Reply(200, {"content-type": "application/json"}, [encoded[:20], Pause(0.02), encoded[20:]]))
    async with Upstreams(one=behind(server)) as upstreams:
        exchange = exchange_to("one", stream=True)
        assert said(await streamed(exchange, upstreams)) == "hello you"
    usage = exchange.outcomes[-1].usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (3, 2)

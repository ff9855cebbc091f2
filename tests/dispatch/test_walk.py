"""A plan is walked to the first attempt that answers; once one has said something, its failure is the answer's."""

import asyncio
import json

import pytest
from tests.dispatch.calls import (
    Upstreams,
    batches,
    became_of,
    behind,
    exchange_to,
    said,
    streamed,
)
from tests.dispatch.wires import OPENAI, sse
from tests.support.upstream import Cut, Hang, Pause, Piece, Reply
from tests.support.upstream import Upstream as Server

from wye.core.errors import (
    ContentFilteredError,
    ContextLengthError,
    DeadlineExceededError,
    InvalidRequestError,
    ProviderAuthenticationError,
    ProviderError,
    RateLimitError,
    RequestTooLargeError,
    StreamInterruptedError,
    UpstreamError,
    UpstreamTimeoutError,
    WyeError,
)
from wye.dispatch import walk
from wye.dispatch.rules import Rules

ROLE, HELLO, YOU, FINISH, USAGE, DONE = OPENAI.pieces
BROKEN = sse({"error": {"message": "broken inside", "type": "server_error"}})


def refusal(status: int, code: str = "") -> Reply:
    return Reply.json({"error": {"message": "no", "type": "", "code": code}}, status)


def answer() -> Reply:
    return Reply.json(OPENAI.whole)


FAILING_WHOLE = {
    "a server error": (refusal(500), "upstream_error"),
    "overload": (refusal(503), "overloaded"),
    "overload by another name": (refusal(529), "overloaded"),
    "a rate limit": (refusal(429), "rate_limit_exceeded"),
    "no quota": (refusal(429, "insufficient_quota"), "insufficient_quota"),
    "a key that is refused": (refusal(401), "provider_authentication_failed"),
    "a model not permitted": (refusal(403), "provider_permission_denied"),
    "a model it does not have": (refusal(404), "model_not_found"),
    "a prompt too long for it": (refusal(400, "context_length_exceeded"), "context_length_exceeded"),
    "a parameter it does not have": (refusal(400, "unsupported_parameter"), "unsupported_parameter"),
    "a redirect": (refusal(302), "upstream_error"),
    "nonsense": (Reply.raw(b"<html>", "text/html"), "malformed_response"),
    "a connection that closes": (Reply(before=Cut()), "connection_failed"),
    "a connection that is reset": (Reply.reset(), "connection_failed"),
    "silence": (Reply.silence(), "timeout"),
}
FAILING_STREAM = {
    **FAILING_WHOLE,
    "an event stream cut in its first event": (Reply.stream([b'data: {"choi', Cut()]), "stream_interrupted"),
    "an end before anything": (Reply.stream([]), "stream_interrupted"),
    "an end before any content": (Reply.stream([ROLE]), "stream_interrupted"),
    "a break before any content": (Reply.stream([ROLE, Cut()]), "stream_interrupted"),
    "an error event before any content": (Reply.stream([ROLE, BROKEN]), "upstream_error"),
    "silence after the headers": (Reply.stream([Hang()]), "timeout"),
    "silence before any content": (Reply.stream([ROLE, Hang()]), "timeout"),
    "comments and nothing else": (Reply.stream([b": busy\n\n", Pause(0.02)] * 200), "timeout"),
    "nonsense before any content": (Reply.stream([ROLE, b"data: {nonsense\n\n"]), "malformed_response"),
}


@pytest.mark.parametrize("failing", FAILING_WHOLE)
async def test_a_whole_answer_comes_from_the_next_provider(server: Server, spare: Server, failing: str) -> None:
    reply, code = FAILING_WHOLE[failing]
    server.reply_with(reply)
    spare.reply_with(answer())
    async with Upstreams(one=behind(server, read=0.2), two=behind(spare)) as upstreams:
        exchange = exchange_to("one", "two")
        response = await walk.complete(exchange, upstreams, rules=Rules(patience={"one": 0.2}))
    assert response.content == "hello you"
    assert became_of(exchange) == [("one", code), ("two", "ok")]
    assert exchange.attempt is not None
    assert exchange.attempt.provider == "two"
    error = exchange.outcomes[0].error
    assert error is not None
    assert error.provider == "one"


@pytest.mark.parametrize("failing", FAILING_STREAM)
async def test_a_stream_comes_from_the_next_provider_before_anything_was_said(
    server: Server, spare: Server, failing: str
) -> None:
    reply, code = FAILING_STREAM[failing]
    server.reply_with(reply)
    spare.reply_with(OPENAI.stream())
    async with Upstreams(one=behind(server, read=0.2), two=behind(spare)) as upstreams:
        exchange = exchange_to("one", "two", stream=True)
        chunks = await streamed(exchange, upstreams)
    assert said(chunks) == "hello you"
    assert len([chunk for chunk in chunks if chunk.raw and b'"role"' in chunk.raw]) == 1, "nothing of the first is left"
    assert became_of(exchange) == [("one", code), ("two", "ok")]


FAILING_LATE = {
    "an end": (Reply.stream([ROLE, HELLO]), StreamInterruptedError),
    "a break": (Reply.stream([ROLE, HELLO, Cut()]), StreamInterruptedError),
    "a break with bytes lost": (Reply.stream([ROLE, HELLO, Pause(0.05), Cut(reset=True)]), StreamInterruptedError),
    "an error event": (Reply.stream([ROLE, HELLO, BROKEN]), UpstreamError),
    "an error event in the same piece": (Reply.stream([ROLE + HELLO + BROKEN]), UpstreamError),
    "silence": (Reply.stream([ROLE, HELLO, Hang()]), UpstreamTimeoutError),
}


@pytest.mark.parametrize("failing", FAILING_LATE)
async def test_a_stream_never_moves_on_after_its_first_content(server: Server, spare: Server, failing: str) -> None:
    reply, kind = FAILING_LATE[failing]
    server.reply_with(reply)
    spare.reply_with(OPENAI.stream())
    heard = ""
    async with Upstreams(one=behind(server, read=0.2), two=behind(spare)) as upstreams:
        exchange = exchange_to("one", "two", stream=True)
        with pytest.raises(kind) as raised:  # noqa: PT012 - what was heard before the error counts
            async for batch in batches(exchange, upstreams):
                heard += said(batch)
    assert heard == "hello"
    assert spare.received == []
    assert len(exchange.outcomes) == 1
    assert exchange.outcomes[0].error is raised.value
    assert exchange.outcomes[0].first_token is not None


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "", InvalidRequestError),
        (422, "", InvalidRequestError),
        (413, "", RequestTooLargeError),
        (400, "content_filter", ContentFilteredError),
    ],
)
async def test_a_mistake_of_the_caller_is_not_tried_elsewhere(
    server: Server, spare: Server, status: int, code: str, kind: type[WyeError], *, stream: bool
) -> None:
    server.reply_with(refusal(status, code))
    async with Upstreams(one=behind(server), two=behind(spare)) as upstreams:
        exchange = exchange_to("one", "two", stream=stream)
        with pytest.raises(kind) as raised:
            await (streamed(exchange, upstreams) if stream else walk.complete(exchange, upstreams))
    assert not isinstance(raised.value, ProviderError)
    assert spare.received == []
    assert len(exchange.outcomes) == 1


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_the_last_error_is_the_answer_where_every_attempt_failed(
    server: Server, spare: Server, *, stream: bool
) -> None:
    server.reply_with(refusal(500))
    spare.reply_with(refusal(429))
    async with Upstreams(one=behind(server), two=behind(spare)) as upstreams:
        exchange = exchange_to("one", "two", stream=stream)
        with pytest.raises(RateLimitError) as raised:
            await (streamed(exchange, upstreams) if stream else walk.complete(exchange, upstreams))
    assert raised.value.provider == "two"
    assert became_of(exchange) == [("one", "upstream_error"), ("two", "rate_limit_exceeded")]


async def test_a_model_named_by_its_attempt_reaches_each_provider(server: Server, spare: Server) -> None:
    server.reply_with(refusal(503))
    spare.reply_with(answer())
    async with Upstreams(one=behind(server), two=behind(spare)) as upstreams:
        await walk.complete(exchange_to("one", "two", temperature=0.5), upstreams)
    for received in (*server.received, *spare.received):
        assert received.json == {"model": "model", "messages": [{"role": "user", "content": "hi"}], "temperature": 0.5}


async def test_a_plan_without_attempts_is_an_error(server: Server) -> None:
    with pytest.raises(ProviderError, match="no attempt"):
        await walk.complete(exchange_to(), {})


# The commit point.


async def test_chunks_without_content_wait_for_the_first_that_has_some(server: Server) -> None:
    server.reply_with(Reply.stream([ROLE, Pause(0.02), HELLO, Hang()]))
    async with Upstreams(one=behind(server)) as upstreams:
        pieces = batches(exchange_to("one", stream=True), upstreams)
        first = await anext(pieces)
        assert [bool(chunk.content) for chunk in first] == [False, True]
        await pieces.aclose()


async def test_a_stream_that_says_nothing_is_given_out_at_its_end(server: Server) -> None:
    empty = sse({"id": "c1", "choices": []})
    server.reply_with(Reply.stream([ROLE, empty, DONE]))
    async with Upstreams(one=behind(server)) as upstreams:
        exchange = exchange_to("one", stream=True)
        assert len(await streamed(exchange, upstreams)) == 2
    assert became_of(exchange) == [("one", "ok")]
    assert exchange.outcomes[0].first_token is None


async def test_not_many_chunks_without_content_wait(server: Server) -> None:
    server.reply_with(Reply.stream([ROLE * 63, Pause(0.01), ROLE, Pause(0.01), ROLE, Hang()]))
    async with Upstreams(one=behind(server)) as upstreams:
        pieces = batches(exchange_to("one", stream=True), upstreams)
        assert len(await anext(pieces)) == 65
        await pieces.aclose()


@pytest.mark.parametrize(
    "delta",
    [
        {"reasoning_content": "hm"},
        {"refusal": "no"},
        {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "look", "arguments": ""}}]},
    ],
)
async def test_whatever_a_caller_can_see_commits_a_stream(server: Server, spare: Server, delta: object) -> None:
    seen = sse({"id": "c1", "choices": [{"index": 0, "delta": delta}]})
    server.reply_with(Reply.stream([ROLE, seen, Cut()]))
    async with Upstreams(one=behind(server), two=behind(spare)) as upstreams:
        with pytest.raises(StreamInterruptedError):
            await streamed(exchange_to("one", "two", stream=True), upstreams)
    assert spare.received == []


# Time.


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_one_deadline_holds_for_all_attempts(server: Server, spare: Server, *, stream: bool) -> None:
    server.reply_with(Reply.silence())
    spare.reply_with(Reply.silence())
    async with Upstreams(one=behind(server, read=0.1), two=behind(spare, read=30.0)) as upstreams:
        exchange = exchange_to("one", "two", seconds=0.3, stream=stream)
        async with asyncio.timeout(5):
            with pytest.raises(DeadlineExceededError):
                await (streamed(exchange, upstreams) if stream else walk.complete(exchange, upstreams))
    assert [name for name, _ in became_of(exchange)] == ["one", "two"]
    assert len(spare.received) == 1


async def test_nothing_is_tried_after_the_deadline(server: Server, spare: Server) -> None:
    server.reply_with(Reply.silence())
    async with Upstreams(one=behind(server, read=30.0), two=behind(spare)) as upstreams:
        exchange = exchange_to("one", "two", seconds=0.1, stream=True)
        async with asyncio.timeout(5):
            with pytest.raises(DeadlineExceededError, match="x-wye-timeout"):
                await streamed(exchange, upstreams)
    assert spare.connections == 0
    assert became_of(exchange) == [("one", "deadline_exceeded")]


async def test_a_whole_answer_that_does_not_come_leaves_time_for_the_next_provider(
    server: Server, spare: Server
) -> None:
    server.reply_with(Reply.silence())
    spare.reply_with(answer())
    async with Upstreams(one=behind(server), two=behind(spare)) as upstreams:
        exchange = exchange_to("one", "two", seconds=0.6)
        assert (await walk.complete(exchange, upstreams)).content == "hello you"
    assert became_of(exchange) == [("one", "timeout"), ("two", "ok")]


async def test_a_whole_answer_that_nobody_else_can_give_may_take_all_the_time(server: Server) -> None:
    late = answer()
    late.before = Pause(0.3)
    server.reply_with(late)
    async with Upstreams(one=behind(server, read=0.05)) as upstreams:
        exchange = exchange_to("one", seconds=5.0)
        assert (await walk.complete(exchange, upstreams)).content == "hello you"


async def test_a_provider_may_have_a_time_of_its_own_for_whole_answers(server: Server) -> None:
    server.reply_with(Reply.silence())
    async with Upstreams(one=behind(server)) as upstreams, asyncio.timeout(5):
        with pytest.raises(UpstreamTimeoutError):
            await walk.complete(exchange_to("one"), upstreams, rules=Rules(patience={"one": 0.1}))


async def test_a_request_that_is_late_already_is_sent_nowhere(server: Server) -> None:
    async with Upstreams(one=behind(server)) as upstreams:
        with pytest.raises(DeadlineExceededError):
            await walk.complete(exchange_to("one", seconds=-1.0), upstreams)
        with pytest.raises(DeadlineExceededError):
            await streamed(exchange_to("one", seconds=-1.0, stream=True), upstreams)
    assert server.connections == 0


async def test_a_stream_that_goes_on_speaking_outlasts_its_deadline(server: Server) -> None:
    speech: list[Piece] = [HELLO, Pause(0.01)] * 20
    server.reply_with(Reply.stream([*speech, FINISH, DONE]))
    async with Upstreams(one=behind(server)) as upstreams, asyncio.timeout(5):
        await streamed(exchange_to("one", seconds=0.1, stream=True), upstreams)


async def test_a_stream_that_says_nothing_of_content_meets_its_deadline(server: Server) -> None:
    murmur: list[Piece] = [b": busy\n\n", Pause(0.01)] * 500
    server.reply_with(Reply.stream([ROLE, *murmur]))
    async with Upstreams(one=behind(server)) as upstreams, asyncio.timeout(5):
        exchange = exchange_to("one", seconds=0.1, stream=True)
        with pytest.raises(DeadlineExceededError):
            await streamed(exchange, upstreams)
    assert await asyncio.to_thread(server.wait_disconnect, 5)
    assert len(exchange.outcomes) == 1


async def test_what_an_attempt_took_is_measured(server: Server) -> None:
    server.reply_with(Reply.stream([ROLE, Pause(0.05), HELLO, Pause(0.05), FINISH, USAGE, DONE]))
    async with Upstreams(one=behind(server)) as upstreams:
        exchange = exchange_to("one", stream=True)
        await streamed(exchange, upstreams)
    (outcome,) = exchange.outcomes
    assert outcome.first_token is not None
    assert 0.04 < outcome.first_token < outcome.duration
    assert outcome.duration >= 0.09
    assert outcome.started > 1_700_000_000


# Leaving.


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_caller_who_is_cancelled_leaves_one_outcome_and_no_connection(
    server: Server, spare: Server, *, stream: bool
) -> None:
    server.reply_with(Reply.silence())
    async with Upstreams(one=behind(server), two=behind(spare)) as upstreams:
        exchange = exchange_to("one", "two", stream=stream)
        call = asyncio.ensure_future(streamed(exchange, upstreams) if stream else walk.complete(exchange, upstreams))
        assert await asyncio.to_thread(server.wait_received, 5)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await asyncio.to_thread(server.wait_disconnect, 5)
    assert became_of(exchange) == [("one", "left")]
    assert spare.connections == 0


@pytest.mark.parametrize("after", [1, 2])
async def test_a_caller_who_leaves_a_stream_leaves_one_outcome_and_no_connection(server: Server, after: int) -> None:
    server.reply_with(Reply.stream([ROLE, HELLO, Pause(0.02), YOU, Hang()]))
    async with Upstreams(one=behind(server)) as upstreams:
        exchange = exchange_to("one", stream=True)
        pieces = batches(exchange, upstreams)
        for _ in range(after):
            await anext(pieces)
        await pieces.aclose()
        assert await asyncio.to_thread(server.wait_disconnect, 5)
    assert became_of(exchange) == [("one", "left")]


async def test_a_caller_who_leaves_after_the_last_chunk_has_had_an_answer(server: Server) -> None:
    server.reply_with(Reply.stream([ROLE, DONE]))
    async with Upstreams(one=behind(server)) as upstreams:
        exchange = exchange_to("one", stream=True)
        pieces = batches(exchange, upstreams)
        await anext(pieces)
        await pieces.aclose()
    assert became_of(exchange) == [("one", "ok")]


async def test_a_stream_that_is_closed_before_it_began_did_nothing(server: Server) -> None:
    async with Upstreams(one=behind(server)) as upstreams:
        exchange = exchange_to("one", stream=True)
        await batches(exchange, upstreams).aclose()
    assert exchange.outcomes == []
    assert server.connections == 0


# Books.


async def test_usage_is_kept_of_an_attempt_that_failed_after_telling_it(server: Server, spare: Server) -> None:
    failed = sse(
        {"error": {"message": "broke", "type": "server_error"}, "usage": {"prompt_tokens": 9, "completion_tokens": 1}}
    )
    server.reply_with(Reply.stream([ROLE, failed]))
    spare.reply_with(OPENAI.stream())
    async with Upstreams(one=behind(server), two=behind(spare)) as upstreams:
        exchange = exchange_to("one", "two", stream=True)
        await streamed(exchange, upstreams)
    first, second = exchange.outcomes
    assert first.usage is not None
    assert (first.usage.input_tokens, first.usage.output_tokens) == (9, 1)
    assert second.usage is exchange.usage is not None


async def test_a_refusal_of_the_planned_wire_is_raised_before_anything_is_sent(server: Server, spare: Server) -> None:
    # Ollama's wire has no words for `logit_bias`; the next provider's has.
    spare.reply_with(answer())
    async with Upstreams(one=behind(server, wire="ollama_chat"), two=behind(spare)) as upstreams:
        exchange = exchange_to("one", "two", logit_bias={"1": 1})
        assert (await walk.complete(exchange, upstreams)).content == "hello you"
    assert server.connections == 0
    assert became_of(exchange) == [("one", "unsupported_parameter"), ("two", "ok")]
    assert json.loads(spare.received[0].body)["logit_bias"] == {"1": 1}


async def test_errors_name_their_kind_to_a_program(server: Server) -> None:
    server.reply_with(refusal(401), refusal(400, "context_length_exceeded"))
    async with Upstreams(one=behind(server)) as upstreams:
        with pytest.raises(ProviderAuthenticationError):
            await walk.complete(exchange_to("one"), upstreams)
        with pytest.raises(ContextLengthError):
            await walk.complete(exchange_to("one"), upstreams)

"""Over every wire an answer comes through whole and streamed, and a cut stream is never taken for a whole one."""

import asyncio
import json

import pytest
from tests.dispatch.calls import KEY, Upstreams, became_of, behind, exchange_to, said, streamed
from tests.dispatch.wires import GEMINI, OPENAI, WIRES, Wire
from tests.support.upstream import Cut, Hang, Reply
from tests.support.upstream import Upstream as Server

from wye.catalog.schema import WireTraits
from wye.core.errors import MalformedResponseError, RateLimitError, StreamInterruptedError, UpstreamError, WyeError
from wye.dispatch import upstream, walk

every_wire = pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.name)


@every_wire
async def test_an_answer_comes_through_whole_and_streamed(server: Server, wire: Wire) -> None:
    async with Upstreams(one=behind(server, wire=wire.name)) as upstreams:
        server.reply_with(Reply.json(wire.whole), wire.stream())
        whole = exchange_to("one")
        response = await walk.complete(whole, upstreams)
        assert (response.content, response.finish_reason) == ("hello you", "stop")
        stream = exchange_to("one", stream=True)
        assert said(await streamed(stream, upstreams)) == "hello you"
    for exchange in (whole, stream):
        (outcome,) = exchange.outcomes
        assert outcome.error is None
        assert outcome.usage is not None
        assert (outcome.usage.input_tokens, outcome.usage.output_tokens) == (3, 2)
        assert outcome.finish_reason == "stop"
    assert server.connections == 1


def ends(wire: Wire, before: int) -> bool:
    """Whether a stream of the wire's first `before` events is a whole answer to a lenient reader."""
    return before == len(wire.pieces) or (wire is OPENAI and before >= 4)  # its finish reason, for the default traits


EVERY_CUT = [
    pytest.param(wire, before, id=f"{wire.name}-{before}")
    for wire in WIRES
    for before in range(len(wire.pieces))
    if not ends(wire, before)
]


@pytest.mark.parametrize(("wire", "before"), EVERY_CUT)
@pytest.mark.parametrize("how", ["ended", "closed"])
async def test_a_stream_cut_between_any_two_events_is_an_error(
    server: Server, wire: Wire, before: int, how: str
) -> None:
    server.reply_with(
        wire.stream(until=before) if how == "ended" else Reply.stream([*wire.pieces[:before], Cut()], wire.content_type)
    )
    async with Upstreams(one=behind(server, wire=wire.name)) as upstreams:
        exchange = exchange_to("one", stream=True)
        with pytest.raises(StreamInterruptedError):
            await streamed(exchange, upstreams)
    assert became_of(exchange) == [("one", "stream_interrupted")]


@every_wire
async def test_a_stream_cut_within_an_event_is_an_error(server: Server, wire: Wire) -> None:
    *first, last = wire.pieces[:3]
    server.reply_with(Reply.stream([*first, last[:-5]], wire.content_type))
    async with Upstreams(one=behind(server, wire=wire.name)) as upstreams:
        with pytest.raises((StreamInterruptedError, MalformedResponseError)):
            await streamed(exchange_to("one", stream=True), upstreams)


@pytest.mark.parametrize(
    ("before", "stream_end", "whole"),
    [(3, "finish", False), (4, "finish", True), (5, "finish", True), (4, "done", False), (5, "done", False)],
)
async def test_a_provider_s_traits_say_whether_a_finish_reason_ends_a_stream(
    server: Server, before: int, stream_end: str, *, whole: bool
) -> None:
    server.reply_with(OPENAI.stream(until=before))
    traits = WireTraits(stream_end="done" if stream_end == "done" else "finish")
    async with Upstreams(one=behind(server, traits=traits)) as upstreams:
        exchange = exchange_to("one", stream=True)
        if whole:
            assert said(await streamed(exchange, upstreams)) == "hello you"
        else:
            with pytest.raises(StreamInterruptedError):
                await streamed(exchange, upstreams)


async def test_a_finish_reason_does_not_excuse_a_connection_that_breaks(server: Server) -> None:
    server.reply_with(Reply.stream([*OPENAI.pieces[:4], Cut()]))
    async with Upstreams(one=behind(server)) as upstreams:
        with pytest.raises(StreamInterruptedError):
            await streamed(exchange_to("one", stream=True), upstreams)


@pytest.mark.parametrize("wire", [wire for wire in WIRES if wire is not GEMINI], ids=lambda wire: wire.name)
async def test_a_provider_that_goes_on_after_its_end_marker_is_not_waited_for(
    server: Server, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upstream, "_MORE_AFTER_DONE_SECONDS", 0.05)
    server.reply_with(Reply.stream([*wire.pieces, Hang()], wire.content_type))
    async with Upstreams(one=behind(server, wire=wire.name, read=30.0)) as upstreams:
        exchange = exchange_to("one", stream=True)
        assert said(await streamed(exchange, upstreams)) == "hello you"
    assert became_of(exchange) == [("one", "ok")]
    assert await asyncio.to_thread(server.wait_disconnect, 5)


@every_wire
async def test_a_refusal_is_the_same_error_whole_and_streamed(server: Server, wire: Wire) -> None:
    server.reply_with(Reply.json(wire.refusal, 429, {"retry-after": "7"}))
    async with Upstreams(one=behind(server, wire=wire.name)) as upstreams:
        errors: list[WyeError] = []
        for stream in (False, True):
            exchange = exchange_to("one", stream=stream)
            with pytest.raises(RateLimitError, match="slow down") as raised:
                await (streamed(exchange, upstreams) if stream else walk.complete(exchange, upstreams))
            errors.append(raised.value)
    assert [(error.provider, error.retry_after, error.upstream_status) for error in errors] == [("one", 7.0, 429)] * 2
    assert server.connections == 1, "a refusal that was read to its end leaves the connection for the next request"


@every_wire
@pytest.mark.parametrize("status", [301, 404, 500, 503])
async def test_an_answer_that_is_not_of_the_wire_is_still_an_error_of_its_status(
    server: Server, wire: Wire, status: int
) -> None:
    server.reply_with(Reply.raw(b"<html>no such thing</html>", "text/html", status=status))
    async with Upstreams(one=behind(server, wire=wire.name)) as upstreams:
        for stream in (False, True):
            exchange = exchange_to("one", stream=stream)
            with pytest.raises(WyeError) as raised:
                await (streamed(exchange, upstreams) if stream else walk.complete(exchange, upstreams))
            assert raised.value.upstream_status == status


@every_wire
@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'"text"', b"{", b"<html>", b"\xff\xfe", b"[" * 100_000])
async def test_nonsense_with_status_200_is_a_malformed_response(server: Server, wire: Wire, body: bytes) -> None:
    framed = body + b"\n" if wire.content_type.endswith("ndjson") else b"data: " + body + b"\n\n"
    server.reply_with(Reply.raw(body, "application/json"), Reply.stream([framed], wire.content_type))
    async with Upstreams(one=behind(server, wire=wire.name)) as upstreams:
        with pytest.raises((MalformedResponseError, UpstreamError)):
            await walk.complete(exchange_to("one"), upstreams)
        with pytest.raises((MalformedResponseError, UpstreamError, StreamInterruptedError)):
            await streamed(exchange_to("one", stream=True), upstreams)


def with_key_in(value: object) -> bytes:
    return json.dumps(value).replace("slow down", f"the key {KEY} of {KEY} is bad").encode()


@every_wire
async def test_our_own_key_is_taken_out_of_what_a_provider_says(server: Server, wire: Wire) -> None:
    refusal = with_key_in(wire.refusal)
    framed = refusal + b"\n" if wire.content_type.endswith("ndjson") else b"event: error\ndata: " + refusal + b"\n\n"
    server.reply_with(
        Reply.raw(refusal, "application/json", status=401),
        Reply.raw(refusal, "application/json", status=401),
        Reply.raw(refusal, "application/json"),
        Reply.stream([wire.pieces[0], framed], wire.content_type),
    )
    async with Upstreams(one=behind(server, wire=wire.name)) as upstreams:
        for stream in (False, True, False, True):
            exchange = exchange_to("one", stream=stream)
            with pytest.raises(WyeError) as raised:
                await (streamed(exchange, upstreams) if stream else walk.complete(exchange, upstreams))
            error = raised.value
            assert KEY not in repr((str(error), error.message, error.args, error.__dict__, exchange.outcomes))
            assert "the key … of … is bad" in error.message


@every_wire
@pytest.mark.parametrize(
    ("auth", "header", "expected"),
    [
        ("bearer", None, ("authorization", f"Bearer {KEY}")),
        ("header", "x-goog-api-key", ("x-goog-api-key", KEY)),
        ("header", None, ("x-api-key", KEY)),
        ("none", None, None),
    ],
)
async def test_the_key_goes_where_the_provider_wants_it_and_nowhere_else(
    server: Server, wire: Wire, auth: str, header: str | None, expected: tuple[str, str] | None
) -> None:
    server.reply_with(Reply.json(wire.whole))
    one = behind(server, wire=wire.name, auth=auth, auth_header=header, headers={"x-fixed": "yes"})
    async with Upstreams(one=one) as upstreams:
        await walk.complete(exchange_to("one"), upstreams)
    (received,) = server.received
    holding = [(name, value) for name, value in received.headers.items() if KEY in value]
    assert holding == ([expected] if expected else [])
    assert KEY.encode() not in received.body
    assert KEY not in received.path
    assert received.headers["x-fixed"] == "yes"
    assert received.headers["content-type"] == "application/json"

"""A stream reaches its caller event by event, and always says how it ended."""

import json
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, overload

import pytest
from tests.support.gateway import Address, Answer, Json, Running, provider, read, serving
from tests.support.openai_wire import DONE, USAGE, event, refusal, stream, words
from tests.support.upstream import Cut, Hang, Pause, Piece, Received, Reply, Upstream


def text_of(events: Sequence[bytes]) -> str:
    documents = [json.loads(item) for item in events if item != b"[DONE]"]
    choices = [choice for document in documents for choice in document.get("choices", [])]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


def usages_of(events: Sequence[bytes]) -> list[Json]:
    return [usage for item in events if item != b"[DONE]" and (usage := json.loads(item).get("usage"))]


# --- What it holds ---


def test_a_stream_says_who_answers_and_is_not_to_be_kept_back(gateway: Running, upstream: Upstream) -> None:
    upstream.reply_with(stream("Hel", "lo"))
    told = gateway.chat("up/priced", stream=True)
    assert told.status == 200
    assert told.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert told.headers["cache-control"] == "no-cache"
    assert told.headers["x-accel-buffering"] == "no"
    assert told.headers["x-request-id"].startswith("req_")
    assert (told.headers["x-wye-provider"], told.headers["x-wye-model"]) == ("up", "priced")
    assert text_of(told.events) == "Hello"
    assert {json.loads(item)["model"] for item in told.events[:-1]} == {"up/priced"}
    assert told.body.endswith(b"\n\n: x-wye-cost-usd 0.000023\n\ndata: [DONE]\n\n")


def test_usage_is_asked_of_the_provider_and_kept_from_a_caller_who_did_not_ask(
    gateway: Running, upstream: Upstream
) -> None:
    upstream.reply_with(stream("Hello"))
    told = gateway.chat("up/m", stream=True)
    assert upstream.received[-1].json["stream_options"] == {"include_usage": True}
    assert usages_of(told.events) == []
    line = gateway.wait_line(request_id=told.headers["x-request-id"])
    assert (line["input_tokens"], line["output_tokens"]) == (3, 2)


def test_usage_is_shown_to_a_caller_who_asked(gateway: Running, upstream: Upstream) -> None:
    upstream.reply_with(stream("Hello"))
    told = gateway.chat("up/m", stream=True, stream_options={"include_usage": True})
    assert usages_of(told.events) == [USAGE]
    assert json.loads(told.events[-2])["choices"] == []


def test_a_callers_other_stream_options_are_kept(gateway: Running, upstream: Upstream) -> None:
    upstream.reply_with(stream("Hello"))
    gateway.chat("up/m", stream=True, stream_options={"include_usage": False})
    assert upstream.received[-1].json["stream_options"] == {"include_usage": True}


def test_usage_that_comes_with_words_is_kept_whoever_asked(gateway: Running, upstream: Upstream) -> None:
    upstream.reply_with(Reply.stream([event(content="Hello", finish_reason="stop", usage=USAGE), DONE]))
    assert usages_of(gateway.chat("up/m", stream=True).events) == [USAGE]


def test_usage_is_made_where_the_providers_wire_has_another_form_of_it(gateway: Running) -> None:
    asked = gateway.chat("mock-fast", "one two three", stream=True, stream_options={"include_usage": True})
    (usage,) = usages_of(asked.events)
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (3, 2, 5)
    assert json.loads(asked.events[-2])["choices"] == []
    assert asked.events[-1] == b"[DONE]"
    assert usages_of(gateway.chat("mock-fast", stream=True).events) == []


def test_comments_of_a_provider_are_not_passed_on(gateway: Running, upstream: Upstream) -> None:
    pieces = [b": PROCESSING\n\n", *words("Hello"), b": ping\n\n", event(finish_reason="stop"), DONE]
    upstream.reply_with(Reply.stream(pieces))
    told = gateway.chat("up/m", stream=True)
    assert told.comments == []
    assert text_of(told.events) == "Hello"


def test_an_event_of_several_lines_stays_one_event(gateway: Running, upstream: Upstream) -> None:
    document = {"model": "m", "choices": [{"index": 0, "delta": {"content": "Hel\nlo"}, "finish_reason": "stop"}]}
    lines = json.dumps(document, indent=1).encode().split(b"\n")
    upstream.reply_with(Reply.stream([b"".join(b"data: %b\n" % line for line in lines) + b"\n", DONE]))
    told = gateway.chat("up/m", stream=True)
    assert read_as_the_standard_says(told.body) == [document | {"model": "up/m"}]


def read_as_the_standard_says(body: bytes) -> list[Json]:
    blocks = [block.split(b"\n") for block in body.split(b"\n\n") if block.startswith(b"data:")]
    payloads = [b"\n".join(line.removeprefix(b"data:").strip() for line in block) for block in blocks]
    assert all(line.startswith(b"data:") for block in blocks for line in block)
    return [json.loads(payload) for payload in payloads if payload != b"[DONE]"]


def test_every_event_leaves_when_it_comes(gateway: Running, upstream: Upstream) -> None:
    upstream.reply_with(Reply.stream([*words("Hello"), Hang()]))
    response = gateway.begin("up/m", stream=True)
    begun = b""
    while b"Hello" not in begun:  # and the provider says nothing more
        begun += response.read1()
    gateway.hang_up()
    assert upstream.wait_disconnect(5)


def test_an_empty_stream_is_an_empty_answer(gateway: Running, upstream: Upstream) -> None:
    upstream.reply_with(Reply.stream([DONE]))
    told = gateway.chat("up/m", stream=True)
    assert (told.status, told.events) == (200, [b"[DONE]"])


# --- How it ends ---


@pytest.mark.parametrize(
    ("pieces", "code"),
    [
        ([Cut()], "stream_interrupted"),
        ([Cut(reset=True)], "stream_interrupted"),
        ([], "stream_interrupted"),
        ([b'data: {"error": {"message": "overheated", "code": 503}}\n\n'], "overloaded"),
        ([b'event: error\ndata: {"message": "overheated"}\n\n'], "upstream_error"),
        ([b"data: not json\n\n"], "malformed_response"),
    ],
)
def test_a_stream_that_fails_ends_in_an_error_and_has_no_end_marker(
    gateway: Running, upstream: Upstream, spare: Upstream, pieces: list[Piece], code: str
) -> None:
    upstream.reply_with(Reply.stream([*words("Hel", "lo"), *pieces]))
    told = gateway.chat("either", stream=True)
    assert told.status == 200
    assert text_of(told.events[:-1]) == "Hello"
    error = json.loads(told.events[-1])["error"]
    assert (error["code"], error["provider"]) == (code, "up")
    assert {"message", "type", "param"} <= error.keys()
    assert b"[DONE]" not in told.body
    assert spare.received == []  # nothing moves on once a word was said
    line = gateway.wait_line(request_id=told.headers["x-request-id"])
    assert (line["status"], line["error"]) == (200, code)


def test_what_broke_off_is_estimated_and_a_refusal_costs_nothing(gateway: Running, upstream: Upstream) -> None:
    upstream.reply_with(Reply.stream([*words("Hello", " there"), Cut()]))
    broken = gateway.chat("up/priced", "four and more", stream=True)
    # 13 bytes asked and a message around them are 8 tokens, 11 bytes answered are 3.
    assert broken.comments == [b"x-wye-cost-usd 0.000038"]
    upstream.reply_with(refusal(500))
    refused = gateway.chat("up/priced", stream=True)
    assert refused.headers["x-wye-cost-usd"] == "0"


def test_many_streams_at_once_do_not_mix(gateway: Running, upstream: Upstream) -> None:
    def reply(request: Received) -> Reply:
        said = request.json["messages"][0]["content"]
        return Reply.stream([*words(*[said] * 50), event(finish_reason="stop"), DONE])

    def ask(number: int) -> Answer:
        address = Address(gateway.port)
        told = address.chat("up/m", f"<{number}>", stream=True)
        address.hang_up()
        return told

    upstream.handler = reply
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(ask, range(200)))
    assert [text_of(told.events) for told in answers] == [f"<{number}>" * 50 for number in range(200)]


def test_what_says_nothing_is_held_until_a_word_comes(gateway: Running, upstream: Upstream, spare: Upstream) -> None:
    upstream.reply_with(Reply.stream([event(role="assistant", content=""), Cut()]))
    spare.reply_with(stream("from the spare"))
    told = gateway.chat("either", stream=True)
    assert text_of(told.events) == "from the spare"
    assert {json.loads(item)["model"] for item in told.events[:-1]} == {"spare/model"}
    assert told.events[-1] == b"[DONE]"


def test_an_error_before_any_word_is_an_ordinary_error(gateway: Running, upstream: Upstream) -> None:
    upstream.reply_with(Reply.stream([b'data: {"error": {"message": "overheated", "code": 503}}\n\n']))
    refused = gateway.chat("up/m", stream=True)
    assert (refused.status, refused.error["code"]) == (503, "overloaded")
    assert refused.headers["content-type"] == "application/json"


def test_the_deadline_ends_a_stream_that_does_not_begin(gateway: Running, upstream: Upstream) -> None:
    upstream.reply_with(Reply.stream([b": busy\n\n", Hang()]))
    refused = gateway.chat("up/m", stream=True, headers={"x-wye-timeout": "0.3"})
    assert (refused.status, refused.error["code"]) == (504, "deadline_exceeded")
    assert upstream.wait_disconnect(5)


def test_a_stream_of_nothing_but_comments_does_not_last_for_ever(upstream: Upstream) -> None:
    pings: list[Piece] = [piece for _ in range(200) for piece in (b": ping\n\n", Pause(0.05))]
    upstream.reply_with(Reply.stream(pings))
    with serving(provider("up", upstream.url, "timeout = 0.2")) as gateway:
        refused = gateway.chat("up/m", stream=True)
    assert (refused.status, refused.error["code"]) == (504, "timeout")


# --- While it waits ---

PATIENT = "[server]\nkeep_alive = 0.05\n"


def test_a_waiting_caller_hears_that_somebody_is_there(upstream: Upstream) -> None:
    upstream.handler = lambda _: Reply(
        200, {"content-type": "text/event-stream"}, [*words("Hello"), DONE], before=Pause(0.4)
    )
    with serving(provider("up", upstream.url) + PATIENT) as gateway:
        told = gateway.chat("up/m", stream=True)
    assert told.status == 200
    assert told.headers["x-wye-provider"] == "up"
    assert told.body.startswith(b": keep-alive\n\n")
    assert text_of(told.events) == "Hello"
    assert told.events[-1] == b"[DONE]"


def test_silence_between_words_is_filled_too(upstream: Upstream) -> None:
    upstream.reply_with(Reply.stream([*words("Hel"), Pause(0.4), event(content="lo"), DONE]))
    with serving(provider("up", upstream.url) + PATIENT) as gateway:
        told = gateway.chat("up/m", stream=True)
    hel, alive, lo = told.body.index(b"Hel"), told.body.index(b": keep-alive"), told.body.index(b'"lo"')
    assert hel < alive < lo


def test_after_a_comment_a_failure_is_an_event(upstream: Upstream) -> None:
    reply = refusal(429, "slow down")
    reply.before = Pause(0.4)
    upstream.reply_with(reply)
    with serving(provider("up", upstream.url) + PATIENT) as gateway:
        told = gateway.chat("up/m", stream=True)
    assert told.status == 200
    assert told.comments[0] == b"keep-alive"
    (error,) = told.events
    assert json.loads(error)["error"]["code"] == "rate_limit_exceeded"


def test_after_a_comment_another_provider_may_still_answer(upstream: Upstream, spare: Upstream) -> None:
    reply = refusal(500)
    reply.before = Pause(0.4)
    upstream.reply_with(reply)
    spare.reply_with(stream("from the spare"))
    settings = [provider("up", upstream.url), provider("spare", spare.url), PATIENT]
    with serving("\n".join([*settings, '[aliases]\neither = ["up/model", "spare/model"]\n'])) as gateway:
        told = gateway.chat("either", stream=True)
    assert text_of(told.events) == "from the spare"
    assert {json.loads(item)["model"] for item in told.events[:-1]} == {"spare/model"}
    assert told.events[-1] == b"[DONE]"


# --- A caller who does not read ---

EVENT = event(content="x" * 16_000)
EVENTS = 8_000  # 128 MB in all
HELD_AT_MOST = 32 << 20


class Counted(Sequence[bytes]):
    """The pieces of a long stream, which count how many of them were sent."""

    def __init__(self) -> None:
        self.sent = 0

    def __len__(self) -> int:
        return EVENTS + 1

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[bytes]: ...
    def __getitem__(self, place: Any) -> Any:
        raise NotImplementedError

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(EVENTS):
            self.sent += 1
            yield EVENT
        yield DONE


def test_a_caller_who_does_not_read_holds_the_provider_up(gateway: Running, upstream: Upstream) -> None:
    pieces = Counted()
    upstream.reply_with(Reply.stream(pieces))
    response = gateway.begin("up/m", stream=True)
    assert wait_until_it_stands_still(pieces) * len(EVENT) < HELD_AT_MOST
    told = read(response)
    assert told.body.count(b"\n\n") == EVENTS + 1
    assert told.body.endswith(DONE)


def wait_until_it_stands_still(pieces: Counted) -> int:
    """Return how many pieces were sent when no more were; too early a look can only find fewer."""
    still = threading.Event()
    seen = -1
    while seen < pieces.sent:
        seen = pieces.sent
        still.wait(0.3)
    return seen

"""Every recorded chat answer, replayed by a provider behind the running gateway, reaches an OpenAI client whole.

The gateway is the real one, between two real connections. A caller who speaks the provider's own wire format gets the
provider's own bytes; every other one gets what an independent reading of the recording says, in OpenAI's form.
"""

import datetime
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from tests.support.gateway import Answer, Json, Running, catalog_rows, chat_body, serving
from tests.support.oracle import Expected, ExpectedUsage, expect, stream_documents
from tests.support.pricing import expected_cost, searches_told, tiers_told, tokens_of_sound
from tests.support.recordings import (
    RECHUNKINGS,
    WIRES,
    Rechunking,
    Recording,
    Wire,
    available,
    load,
    needs_recordings,
    rechunk,
    recordings_for,
)
from tests.support.replaying import content_type, every_provider, provider_of, replay, stream_body
from tests.support.upstream import Cut, Hang, Piece, Reply, Upstream

from wye.core.record import PICO_PER_USD, UsageRecord

KEY = "sk-test-0123456789abcdefghijklmnop"
SILENCE_SECONDS = 0.25
"""How long the hasty gateway waits for a provider; only streams that say nothing more ever wait for it."""


@dataclass(frozen=True)
class House:
    """The gateway and the one server that stands for every provider behind it."""

    upstream: Upstream
    gateway: Running
    booked: dict[str, UsageRecord]

    def observe(self, record: UsageRecord) -> None:
        """Keep what the books say of a request, by its id."""
        self.booked[record.id] = record


def house(**lines: object) -> Iterator[House]:
    """Serve with every provider of the recordings; `lines` are further settings of each."""
    more = [f"{name} = {value}" for name, value in lines.items()]
    with Upstream() as upstream, serving(every_provider(upstream.url, f'api_keys = ["{KEY}"]', *more)) as gateway:
        running = House(upstream, gateway, {})
        gateway.gateway.engine.books.meters += (running,)
        yield running


@pytest.fixture(scope="module")
def served() -> Iterator[House]:
    yield from house()


@pytest.fixture(scope="module")
def hasty() -> Iterator[House]:
    yield from house(timeout=SILENCE_SECONDS)


def asks_for_an_answer(recording: Recording | None) -> bool:
    """Tell requests that a chat client could mean from those for an answer made in the background, and its looking up.

    `None` stands for all that are skipped.
    """
    return recording is None or (recording.method == "POST" and b'"background": true' not in recording.request_body)


EVERY_ANSWER = [
    pytest.param(wire, *parameter.values, id=f"{wire}-{parameter.id}", marks=parameter.marks)
    for wire in WIRES
    for parameter in recordings_for(wire)
    if asks_for_an_answer(parameter.values[0])  # type: ignore[arg-type]
]
EVERY_ERROR = [
    pytest.param(wire, *parameter.values, id=f"{wire}-{parameter.id}", marks=parameter.marks)
    for wire in WIRES
    for parameter in recordings_for(wire, errors=True)
]


def sample(wire: Wire, count: int, *, at_most: int = 1 << 20) -> list[Recording]:
    """Choose streams that went well, of all lengths up to `at_most` bytes: the same ones in every run."""
    streams = [
        recording
        for recording in load(wire)
        if recording.streamed
        and len(recording.response_body) <= at_most
        and expect(wire, recording.response_body, streamed=True).error is None
    ]
    streams.sort(key=lambda recording: (len(recording.response_body), recording.id))
    step = (len(streams) - 1) / (count - 1)
    return [streams[round(place * step)] for place in range(count)]


def streams(count: int, *, at_most: int = 1 << 20) -> list[pytest.ParameterSet]:
    """Return a sample of each wire as parameters."""
    if not available():
        return [pytest.param(None, None, marks=pytest.mark.skip(reason="sampled streams left out: no recordings"))]
    return [
        pytest.param(wire, recording, id=f"{wire}-{recording.id.rpartition('/')[2]}")
        for wire in WIRES
        for recording in sample(wire, count, at_most=at_most)
    ]


# --- Asking, and answering as recorded ---


def ask(house: House, wire: Wire, recording: Recording, *pieces: Piece) -> tuple[Json, Answer]:
    """Ask as a client would; the provider answers as recorded, or with these pieces of a stream."""
    house.upstream.reply_with(Reply.stream(pieces, content_type(wire)) if pieces else replay(wire, recording))
    request = request_of(wire, recording)
    return request, house.gateway.post(request)


def request_of(wire: Wire, recording: Recording) -> Json:
    """Return the request as it was recorded where it is in OpenAI's form, else a plain one for the same model."""
    model = f"{provider_of(wire, recording)}/{recording.model}"
    if wire == "openai_chat":
        return json.loads(recording.request_body) | {"model": model}
    options: Json = {"stream": True, "stream_options": {"include_usage": True}} if recording.streamed else {}
    return chat_body(model, **options)


def told(answer: Answer, *, streamed: bool) -> Expected:
    """Read what the gateway answered as OpenAI's own wire."""
    return expect("openai_chat", answer.body, streamed)


# --- Whole answers ---


@pytest.mark.parametrize(("wire", "recording"), EVERY_ANSWER)
def test_a_recorded_answer_reaches_an_openai_client(served: House, wire: Wire, recording: Recording) -> None:
    expected = expect(wire, recording.response_body, recording.streamed)
    request, answer = ask(served, wire, recording)
    if expected.error is not None:
        check_failure(answer, expected, wire, recording)
        return
    check_headers(answer, wire, recording)
    if wire == "openai_chat":
        check_request(served.upstream.received[-1].json, request, recording)
        check_bytes(answer, request, recording)
    else:
        check_answer(answer, expected, streamed=recording.streamed)
    if recording.streamed:
        assert answer.events[-1] == b"[DONE]"
    if expected.usage is not None and not recording.id.endswith(PARTS_OVERLAP):  # without a report it is an estimate
        said = said_cost(answer, streamed=recording.streamed)
        assert said in costs(answer, wire, recording, expected.usage)
        record = served.booked[answer.headers["x-request-id"]]
        assert record.cost == (None if said is None else round(said * PICO_PER_USD))
        assert (record.input_tokens, record.output_tokens) == (
            expected.usage.input_tokens,
            expected.usage.output_tokens,
        )
        assert (record.status, record.estimated) == ("ok", False)


def check_headers(answer: Answer, wire: Wire, recording: Recording) -> None:
    headers = answer.headers
    assert answer.status == 200
    assert headers["content-type"].startswith("text/event-stream" if recording.streamed else "application/json")
    assert headers["x-request-id"].startswith("req_")
    assert headers["x-wye-provider"] == provider_of(wire, recording)
    assert headers["x-wye-attempts"] == "1"
    row = catalog_rows().find(headers["x-wye-provider"], str(recording.model))
    assert headers["x-wye-model"] == (row.id if row else recording.model)


def check_answer(answer: Answer, expected: Expected, *, streamed: bool) -> None:
    """Compare what was told with what had to be; ids that the provider's wire has not are of our making."""
    observed = told(answer, streamed=streamed)
    made = []
    for theirs, ours in zip(expected.choices, observed.choices, strict=True):
        for call, seen in zip(theirs.tool_calls, ours.tool_calls, strict=True):
            if call.id is None:
                made.append(seen.id)
                seen.id = None
    assert all(made)
    assert len(set(made)) == len(made)
    assert observed == expected
    check_usage(answer, expected.usage, streamed=streamed)


def check_usage(answer: Answer, expected: ExpectedUsage | None, *, streamed: bool) -> None:
    """Check the very members that OpenAI's clients read."""
    documents = stream_documents(answer.body) if streamed else [answer.json]
    counts = [document["usage"] for document in documents if document.get("usage")]
    if expected is None:
        assert counts == []
        return
    (usage,) = counts
    assert usage["prompt_tokens"] == expected.input_tokens
    assert usage["completion_tokens"] == expected.output_tokens
    assert usage["total_tokens"] == expected.input_tokens + expected.output_tokens
    assert usage["prompt_tokens_details"]["cached_tokens"] == expected.cache_read_tokens
    assert usage["completion_tokens_details"]["reasoning_tokens"] == expected.reasoning_tokens


def check_failure(answer: Answer, expected: Expected, wire: Wire, recording: Recording) -> None:
    """An error inside a stream is an event at its end, where anything was said; else it is the answer."""
    assert expected.error is not None
    if recording.streamed and answer.status == 200:
        error = json.loads(answer.events[-1])["error"]
        assert any(choice.text or choice.reasoning or choice.tool_calls for choice in expected.choices)
    else:
        error = answer.error
        assert answer.status >= 400
    assert b"[DONE]" not in answer.body
    assert error["message"].startswith(expected.error)
    assert error["provider"] == provider_of(wire, recording)
    assert {"type", "code", "param"} <= error.keys()


# --- The same wire on both sides ---


def check_request(received: Json, sent: Json, recording: Recording) -> None:
    """Compare requests: nothing may change but the model's name, and the wish for usage on a stream."""
    traits = catalog_rows().provider(provider_of("openai_chat", recording))
    changed: dict[str, Any] = {"model": recording.model}
    if sent.get("stream") and not asks_usage(sent) and (traits is None or traits.wire.stream_usage == "ask"):
        changed["stream_options"] = {"include_usage": True}
    if traits is not None and traits.wire.tool_call_ids != "free":
        sent, received = without_call_ids(sent), without_call_ids(received)  # the recordings' own were taken out
    assert received == sent | changed


def without_call_ids(request: Json) -> Json:
    messages = []
    for message in request["messages"]:
        calls = {"tool_calls": [call | {"id": ""} for call in message.get("tool_calls") or ()]}
        messages.append({name: value for name, value in message.items() if name != "tool_call_id"} | calls)
    return request | {"messages": messages}


def asks_usage(request: Json) -> bool:
    return bool((request.get("stream_options") or {}).get("include_usage"))


def check_bytes(answer: Answer, request: Json, recording: Recording) -> None:
    """Compare answers byte for byte but for the model's name, and a usage event that nobody asked for."""
    model = f"{answer.headers['x-wye-provider']}/{answer.headers['x-wye-model']}"
    if not recording.streamed:
        same_but_model(answer.body, recording.response_body, model)
        return
    sent = [payload for payload in payloads(recording.response_body) if payload != b"[DONE]"]
    if not asks_usage(request):
        sent = [payload for payload in sent if not is_usage_alone(json.loads(payload))]
    seen = [payload for payload in answer.events if payload != b"[DONE]"]
    assert len(seen) == len(sent)
    for ours, theirs in zip(seen, sent, strict=True):
        same_but_model(ours, theirs, model)


def payloads(body: bytes) -> list[bytes]:
    """Return the data of each event: in all recordings of this wire it is one line."""
    return [line.removeprefix(b"data:").strip() for line in body.splitlines() if line.startswith(b"data:")]


def is_usage_alone(event: Json) -> bool:
    counts = event.get("usage") or (event.get("x_groq") or {}).get("usage")
    return bool(counts) and not event.get("choices")


def same_but_model(ours: bytes, theirs: bytes, model: str) -> None:
    theirs_read = json.loads(theirs)
    if has_parts(theirs_read):  # Mistral's thoughts are parts of a list, which no OpenAI client reads: said anew
        assert expect("openai_chat", ours, streamed=False).choices == expect("openai_chat", theirs, False).choices
        return
    assert json.loads(ours) == theirs_read | {"model": model}
    if theirs.count(b'"model"') == 1:
        name = json.dumps(model).encode()
        assert ours == re.sub(rb'("model"\s*:\s*)"(?:[^"\\]|\\.)*"', lambda found: found[1] + name, theirs)


def has_parts(document: Json) -> bool:
    messages = [choice.get("delta") or choice.get("message") or {} for choice in document.get("choices") or ()]
    return any(isinstance(message.get("content"), list) for message in messages)


# --- Money ---

PARTS_OVERLAP = (
    # 2,161 of 2,168 tokens are told as written to a cache and as read from it; OpenRouter's own figure is 0.000497 USD.
    "test_openrouter_cache_instructions_gemini_real_api.yaml#0",
)
"""Where a token belongs to two of the parts that usage is told in, so that its price is no plain sum."""


def said_cost(answer: Answer, *, streamed: bool) -> Decimal | None:
    """Return the cost that was told: in a header, or in a comment before the end of a stream."""
    if not streamed:
        text = answer.headers.get("x-wye-cost-usd")
    else:
        text = next((line.split()[1].decode() for line in answer.comments if line.startswith(b"x-wye-cost-usd")), None)
    assert text is None or "e" not in text.lower()
    return Decimal(text) if text is not None else None


def costs(answer: Answer, wire: Wire, recording: Recording, usage: ExpectedUsage | None) -> set[Decimal | None]:
    """Return what the answer may cost: a price that changes with the hour may have done so since."""
    row = catalog_rows().find(answer.headers["x-wye-provider"], answer.headers["x-wye-model"])
    told = reported_cost(recording) if wire in {"openai_chat", "openai_responses"} else None
    if row is None or usage is None:
        return {None if usage is None else told}
    sound, searches = tokens_of_sound(wire, recording), searches_told(wire, recording)
    now, tiers = datetime.datetime.now(datetime.UTC), tiers_told(wire, recording)
    return {
        told
        if told is not None and (row.price.input is None or (SEARCHED in recording.response_body and not searches))
        else _or_told(
            expected_cost(row.price.at(now - datetime.timedelta(seconds=ago)), usage, sound, searches, tiers), told
        )
        for ago in (0, 60)
    }


def _or_told(cost: Decimal | None, told: Decimal | None) -> Decimal | None:
    return told if cost is None else cost


@needs_recordings
def test_answers_in_other_tiers_of_service_are_among_those_whose_cost_is_checked() -> None:
    told = [tier for wire in WIRES for recording in load(wire) for tier in tiers_told(wire, recording)]
    counts = Counter(told)
    assert counts["priority"] >= 5
    assert counts["flex"] >= 3
    assert set(counts) == {"priority", "flex", "provisioned"}


SEARCHED = b'"web_search_requests"'
"""Tells that a router ran searches, for which the catalog has no price."""


def reported_cost(recording: Recording) -> Decimal | None:
    """Return what the provider itself says an answer cost: the books believe it where no price is known."""
    documents = payloads(recording.response_body) if recording.streamed else [recording.response_body]
    told = None
    for document in documents:
        body = json.loads(document) if document.startswith(b"{") else {}
        usage = (body.get("response") or body).get("usage") or {}
        cost = usage.get("cost")
        if (ticks := usage.get("cost_in_usd_ticks")) is not None and recording.api == "responses":
            cost = Decimal(ticks) / 10**10
        cost = cost.get("total_cost") if isinstance(cost, dict) else cost
        told = Decimal(str(cost)) if cost is not None else told
    return told


# --- Errors ---


MODELS_OWN_FAULT = ("test_tool_use_failed_error.yaml#0", "test_tool_use_failed_error_with_text.yaml#0")
"""Groq answers with 400 where the model wrote a call that fits no tool: not the caller's fault, so ours is 502."""


@pytest.mark.parametrize(("wire", "recording"), EVERY_ERROR)
def test_a_recorded_error_reaches_an_openai_client(served: House, wire: Wire, recording: Recording) -> None:
    served.upstream.reply_with(Reply.raw(recording.response_body, "application/json", status=recording.status))
    answer = served.gateway.post(request_of(wire, recording))
    if answer.headers.get("x-wye-attempts") is None:
        # Two recordings are of requests that are wrong in themselves: no provider needs to say so.
        assert recording.id.endswith(("malformed_request_field.yaml#0", "malformed_data_uri.yaml#0"))
        return
    assert 400 <= answer.status < 600
    at_fault = recording.status < 500 and not recording.id.endswith(MODELS_OWN_FAULT)
    assert (answer.status < 500) == at_fault
    error = answer.error
    assert set(error) == {"message", "type", "param", "code", "provider"}
    assert error["message"]
    assert error["provider"] == provider_of(wire, recording)
    assert KEY.encode() not in answer.body


# --- Streams, as the network may cut them ---


@pytest.mark.parametrize("how", RECHUNKINGS)
@pytest.mark.parametrize(("wire", "recording"), streams(6, at_most=40_000))
def test_a_stream_says_the_same_wherever_the_network_cuts_it(
    served: House, wire: Wire, recording: Recording, how: Rechunking
) -> None:
    _, whole = ask(served, wire, recording)
    _, answer = ask(served, wire, recording, *rechunk(stream_body(recording), how))
    assert said(answer) == said(whole)
    assert answer.events[-1] == b"[DONE]"


def said(answer: Answer) -> list[Json]:
    """Return the events; `created` is the moment of asking where the wire has none, an id the request's own."""
    events = [json.loads(event) for event in answer.events if event != b"[DONE]"]
    return [event | {"created": 0, "id": "" if event["id"].startswith("req_") else event["id"]} for event in events]


@pytest.mark.parametrize("framing", ["chunked", "close", "reset"])
@pytest.mark.parametrize("place", [0.0, 0.1, 0.5, 0.9])
@pytest.mark.parametrize(("wire", "recording"), streams(4))
def test_a_stream_that_breaks_off_ends_in_an_error(
    served: House, wire: Wire, recording: Recording, place: float, framing: str
) -> None:
    _, whole = ask(served, wire, recording)
    start = beginning(wire, recording, place)
    reply = Reply.stream([start, Cut(reset=framing == "reset")], content_type(wire))
    if framing == "close":
        reply = Reply(200, reply.headers, [start], framing="close")
    served.upstream.reply_with(reply)
    answer = served.gateway.post(request_of(wire, recording))
    check_broken_off(answer, whole, {"stream_interrupted", "malformed_response"}, {502})


@pytest.mark.parametrize("place", [0.0, 0.6])
@pytest.mark.parametrize(("wire", "recording"), streams(3))
def test_a_stream_that_falls_silent_ends_in_an_error(
    hasty: House, wire: Wire, recording: Recording, place: float
) -> None:
    _, whole = ask(hasty, wire, recording)
    start = beginning(wire, recording, place)
    _, answer = ask(hasty, wire, recording, start, Hang())
    check_broken_off(answer, whole, {"timeout"}, {504})


END_MARKS: dict[Wire, bytes] = {
    "openai_chat": b"data: [DONE]",
    "openai_responses": b"response.completed",
    "anthropic_messages": b"message_stop",
    "gemini": b"finishReason",
    "ollama_chat": b'"done":true',
    "bedrock_converse": b"messageStop",
    "cohere_chat": b"message-end",
}


def beginning(wire: Wire, recording: Recording, place: float) -> bytes:
    """Return a part of what comes before the mark that a stream's end is told by."""
    body = stream_body(recording)
    return body[: int(body.index(END_MARKS[wire]) * place)]


def check_broken_off(answer: Answer, whole: Answer, codes: set[str], statuses: set[int]) -> None:
    """What came before the end is what always comes; then there is an error and no end marker."""
    assert b"[DONE]" not in answer.body
    if answer.status != 200:
        assert answer.status in statuses
        assert answer.error["code"] in codes
        return
    *events, last = answer.events
    error = json.loads(last)["error"]
    assert error["code"] in codes
    assert error["provider"]
    begun = Answer(answer.status, answer.headers, b"".join(b"data: " + event + b"\n\n" for event in events))
    assert said(begun) == said(whole)[: len(events)]

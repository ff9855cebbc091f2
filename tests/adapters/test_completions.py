"""OpenAI's old completions: read as they are, said as a chat where there is nothing else, and never half."""

import json
from typing import Any

import msgspec
import pytest
from tests.support.recordings import Recording, _absence, _lines, available, needs_recordings

from wye.adapters import Target, load, openai_completions
from wye.catalog.schema import ModelInfo, WireTraits
from wye.core.errors import UnsupportedParameterError, WyeError
from wye.core.request import Asked, Call
from wye.core.response import Choice, ChoiceDelta, ModelResponse, StreamChunk
from wye.core.usage import Usage
from wye.core.wire import ServerEvent, StreamState
from wye.surfaces import openai_chat as chat
from wye.surfaces import openai_completions as surface
from wye.transport.framing import decoder

TARGET = Target(ModelInfo(id="m-1"))


def call_of(**members: Any) -> Call:
    return surface.parse_request(
        json.dumps({"model": "asked", "prompt": "Once", **members}).encode(), Asked(raw_events=True)
    )


def recordings() -> list[Any]:
    if not available():
        return [pytest.param(None, id="none", marks=pytest.mark.skip(reason=f"42 completions left out: {_absence()}"))]
    found = [line.recording() for line in _lines() if line.api == "completions"]
    return [pytest.param(one, id=f"{at}-{one.id.rpartition('/')[2]}") for at, one in enumerate(found)]


def expected(recording: Recording) -> tuple[dict[int, str], dict[int, str], tuple[int, int] | None]:
    """Read texts, finish reasons and tokens from the bytes alone."""
    body = recording.response_body
    lines = [line[6:] for line in body.splitlines() if line.startswith(b"data: ")]
    documents = [json.loads(line) for line in lines or [body] if line != b"[DONE]"]
    texts: dict[int, str] = {}
    reasons: dict[int, str] = {}
    usage = None
    for document in documents:
        for choice in document["choices"]:
            at = choice.get("index", 0)
            texts[at] = texts.get(at, "") + choice.get("text", "")  # one of them ends as a chat does
            if choice["finish_reason"]:
                reasons[at] = choice["finish_reason"]
        if document.get("usage"):
            usage = (document["usage"]["prompt_tokens"], document["usage"]["completion_tokens"])
    return texts, reasons, usage


def seen(recording: Recording) -> tuple[dict[int, str], dict[int, str], tuple[int, int] | None]:
    choices: list[Choice | ChoiceDelta] = []
    usage = None
    if recording.streamed:
        framing, state = decoder("sse"), StreamState(raw_events=True)
        for event in [*framing.feed(recording.response_body), *framing.close()]:
            for chunk in openai_completions.parse_event(event, state):
                choices += chunk.choices
                usage = chunk.usage or usage
        assert state.done
    else:
        response = openai_completions.parse_response(recording.response_body)
        choices += response.choices
        usage = response.usage
    texts: dict[int, str] = {}
    for choice in choices:
        texts[choice.index] = texts.get(choice.index, "") + (choice.content or "")
    reasons = {choice.index: choice.finish_reason for choice in choices if choice.finish_reason}
    return texts, reasons, (usage.input_tokens, usage.output_tokens) if usage else None


@pytest.mark.parametrize("recording", recordings())
def test_a_recorded_completion_is_read_as_it_is(recording: Recording) -> None:
    assert seen(recording) == expected(recording)


@pytest.mark.parametrize("recording", recordings())
def test_a_recorded_request_goes_out_as_it_came(recording: Recording) -> None:
    body = json.loads(recording.request_body)
    call = surface.parse_request(recording.request_body)
    sent = openai_completions.build_request(call, Target(ModelInfo(id=body["model"])))
    asked = {"stream_options": {"include_usage": True}} if body.get("stream") else {}
    assert (sent.path, json.loads(sent.body)) == ("/completions", {**body, **asked})


@needs_recordings
def test_there_are_recordings_of_both_kinds() -> None:
    streamed = [case.values[0].streamed for case in recordings()]
    assert (streamed.count(False), streamed.count(True)) == (42, 19)


def test_usage_is_asked_for_beside_what_the_caller_says_of_the_stream() -> None:
    call = call_of(stream=True, stream_options={"continuous_usage_stats": False})
    sent = openai_completions.build_request(call, Target(ModelInfo(id="m")))
    assert json.loads(sent.body)["stream_options"] == {"continuous_usage_stats": False, "include_usage": True}


# --- As a chat ---


def test_a_prompt_is_said_as_a_user_s_words() -> None:
    call = call_of(max_tokens=5, stop="x", logprobs=2, seed=1, best_of=1, n=1, min_p=0.1)
    asked = call.chat
    assert [(message.role, message.parts[0].text) for message in asked.messages] == [("user", "Once")]  # type: ignore[union-attr]
    assert (asked.max_output_tokens, asked.stop, asked.seed, asked.n) == (5, ("x",), 1, None)
    assert {name: bytes(value) for name, value in asked.options.items()} == {"logprobs": b"true", "top_logprobs": b"2"}
    assert {name: bytes(value) for name, value in asked.extra.items()} == {"min_p": b"0.1"}
    assert call_of(prompt=["Once"]).chat.messages == asked.messages


@pytest.mark.parametrize(
    ("param", "members"),
    [
        ("suffix", {"suffix": "end"}),
        ("best_of", {"best_of": 3}),
        ("prompt", {"prompt": ["a", "b"]}),
        ("prompt", {"prompt": [1, 2]}),
        ("prompt", {"prompt": [[1], [2]]}),
        ("prompt", {"prompt": None}),
        ("logprobs", {"logprobs": 1, "echo": True}),
    ],
)
def test_what_only_a_completion_can_do_is_named(param: str, members: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedParameterError, match=f"'{param}' as it is needs a model with completions") as caught:
        _ = call_of(**members).chat
    assert caught.value.param == param


def test_a_chat_is_no_completion() -> None:
    call = chat.parse_request(b'{"model":"m","messages":[{"role":"user","content":"hi"}]}')
    with pytest.raises(UnsupportedParameterError, match="'messages' cannot be expressed"):
        openai_completions.build_request(call, TARGET)


TOKENS = [
    {"token": "a", "logprob": -1.0, "top_logprobs": [{"token": "b", "logprob": -2.0}]},
    {"token": "cd", "logprob": -3.0},
]


def test_a_chat_s_answer_is_written_as_a_completion_with_its_logprobs_and_the_echo() -> None:
    extra = {"logprobs": msgspec.Raw(json.dumps({"content": TOKENS}).encode())}
    answer = ModelResponse(
        id="c1", created=7, choices=(Choice(content="acd", finish_reason="length", extra=extra),),
        usage=Usage(input_tokens=3, output_tokens=2),
    )  # fmt: skip
    written = json.loads(surface.render_response(answer, call_of(echo=True), model="p/m", request_id="r"))
    assert written["usage"]["total_tokens"] == 5
    assert written["choices"] == [
        {
            "index": 0,
            "text": "Onceacd",
            "finish_reason": "length",
            "logprobs": {
                "tokens": ["a", "cd"],
                "token_logprobs": [-1.0, -3.0],
                "top_logprobs": [{"b": -2.0}, {}],
                "text_offset": [4, 5],
            },
        }
    ]


def test_a_chat_s_stream_is_written_as_a_completion_s() -> None:
    call = call_of(stream=True, echo=True, stream_options={"include_usage": True})
    stream = surface.open_stream(call, request_id="r")
    stream.model = "p/m"
    written = stream.render([StreamChunk(choices=(ChoiceDelta(content="a"),), id="c1", created=7)])
    written += stream.render([StreamChunk(choices=(ChoiceDelta(finish_reason="stop"),), usage=Usage(output_tokens=1))])
    written += stream.end()
    blocks = [block.removeprefix(b"data: ") for block in written.split(b"\n\n") if block]
    assert blocks[-1] == b"[DONE]"
    documents = [json.loads(block) for block in blocks[:-1]]
    assert [[c["text"] for c in d["choices"]] for d in documents] == [["Oncea"], [""], []]
    assert documents[1]["choices"][0]["finish_reason"] == "stop"
    assert documents[-1]["usage"]["completion_tokens"] == 1
    assert {(d["id"], d["model"], d["object"]) for d in documents} == {("c1", "p/m", "text_completion")}


def test_a_usage_event_nobody_asked_for_is_kept_back_and_other_events_keep_their_bytes() -> None:
    state = StreamState(raw_events=True)
    text = b'{"id":"x", "choices":[{"text":"a","index":0,"odd":1}],"model":"m-1"}'
    counts = b'{"id":"x","choices":[],"model":"m-1","usage":{"prompt_tokens":1,"completion_tokens":1}}'
    chunks = [chunk for data in (text, counts) for chunk in openai_completions.parse_event(ServerEvent(data), state)]
    stream = surface.open_stream(call_of(stream=True), request_id="r")
    stream.model = "p/m"
    assert stream.render(chunks) == b'data: {"id":"x", "choices":[{"text":"a","index":0,"odd":1}],"model":"p/m"}\n\n'
    assert stream.end() == b"data: [DONE]\n\n"


def test_errors_are_those_of_a_chat() -> None:
    body = b'{"error":{"message":"no","code":"context_length_exceeded"}}'
    ours, theirs = (load(wire).parse_error(400, {}, body) for wire in ("openai_completions", "openai_chat"))
    assert type(ours) is type(theirs)
    with pytest.raises(WyeError, match="no"):
        list(openai_completions.parse_event(ServerEvent(body), StreamState()))
    assert WireTraits().paths == {}

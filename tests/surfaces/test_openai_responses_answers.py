"""What any wire answers is a response with every event the format has, and keeps its bytes where it came as one."""

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter
from tests.adapters.observed import events_of
from tests.adapters.test_parity import PAIRS, chunks_of, response_of
from tests.support.oracle import arguments_of, expect
from tests.support.recordings import Recording, recordings_for

from wye.adapters import load
from wye.core.content import Citation, FunctionCall, Opaque, Reasoning, ToolCall
from wye.core.errors import RateLimitError
from wye.core.response import Choice, ChoiceDelta, ModelResponse, StreamChunk, ToolCallDelta
from wye.core.sealed import unseal
from wye.core.usage import Usage
from wye.core.wire import StreamState
from wye.surfaces.openai_responses import open_stream, parse_request, render_error, render_response

ASKED: dict[str, Any] = {
    "model": "m",
    "input": "hi",
    "instructions": "be brief",
    "tools": [
        {"type": "custom", "name": "patch"},
        {"type": "function", "name": "f", "parameters": {}, "strict": False},
    ],
    "metadata": {"a": "b"},
}
CALL = parse_request(json.dumps(ASKED).encode())
EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
OTHERS = [wire for wire in PAIRS if wire != "openai_responses"]


def whole(response: ModelResponse) -> Any:
    body = json.loads(render_response(response, CALL, model="p/m", request_id="req_1"))
    Response.model_validate(body)
    return body


def streamed(chunks: Iterable[StreamChunk], *, fail: bool = False) -> list[Any]:
    """Write a stream chunk by chunk; every event must fit the SDK's types and be numbered without a gap."""
    writer = open_stream(CALL, request_id="req_1")
    writer.model = "p/m"
    written = b"".join(writer.render([chunk]) for chunk in chunks)
    written += writer.fail(RateLimitError("slow down")) if fail else writer.end()
    events = []
    for at, block in enumerate(written.removesuffix(b"\n\n").split(b"\n\n")):
        name, data = block.split(b"\n")
        event = json.loads(data.removeprefix(b"data: "))
        assert name == b"event: " + event["type"].encode()
        assert event["sequence_number"] == at
        EVENT.validate_python(event)
        events.append(event)
    return events


def essence(output: list[Any]) -> Any:
    """Reduce items to what they say, whatever their ids and order."""
    texts = [part.get("text") for item in output if item["type"] == "message" for part in item["content"]]
    thoughts = [part["text"] for item in output if item["type"] == "reasoning" for part in item["summary"]]
    calls = [(i["call_id"], i["name"], arguments_of(i["arguments"])) for i in output if i["type"] == "function_call"]
    kept = sorted(i["encrypted_content"] for i in output if i.get("encrypted_content"))
    return "".join(texts), "".join(thoughts), calls, kept


@pytest.mark.parametrize("wire", OTHERS)
def test_a_stream_of_another_wire_ends_in_what_its_whole_answer_is(wire: str) -> None:
    told, events = whole(response_of(wire)), streamed(chunks_of(wire))
    last = events[-1]["response"]
    assert (last["status"], last["model"], last["usage"]) == (told["status"], "p/m", told["usage"])
    text, thoughts, calls, kept = essence(last["output"])
    assert (text, thoughts) == essence(told["output"])[:2] == ("Hé there", "hm so")
    assert len(kept) == len(essence(told["output"])[3])
    assert [call[1:] for call in calls] == [("f", {"a": 1}), ("g", {})]
    assert last["metadata"] == {"a": "b"}
    assert last["instructions"] == "be brief"


@pytest.mark.parametrize("wire", OTHERS)
def test_every_item_has_its_life_in_events(wire: str) -> None:
    events = streamed(chunks_of(wire))
    kinds = [event["type"] for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] == "response.completed"
    begun = [event["output_index"] for event in events if event["type"] == "response.output_item.added"]
    done = {event["output_index"]: event["item"] for event in events if event["type"] == "response.output_item.done"}
    assert begun == sorted(done)
    assert [done[at] for at in begun] == events[-1]["response"]["output"]
    for kind in ("output_text", "function_call_arguments", "reasoning_summary_text"):
        pieces = "".join(event["delta"] for event in events if event["type"] == f"response.{kind}.delta")
        wholes = [event for event in events if event["type"] == f"response.{kind}.done"]
        assert pieces == "".join(event.get("text", event.get("arguments")) for event in wholes)


def chunk(**delta: Any) -> StreamChunk:
    return StreamChunk(choices=(ChoiceDelta(**delta),), wire="other")


def test_a_refusal_and_sources_have_their_events() -> None:
    cited = Citation(url="https://example.org", title="t", start=0, end=2)
    events = streamed(
        [chunk(content="ab"), chunk(citations=(cited,)), chunk(refusal="no"), chunk(finish_reason="stop")]
    )
    kinds = [event["type"] for event in events]
    assert "response.output_text.annotation.added" in kinds
    assert kinds.index("response.refusal.delta") < kinds.index("response.refusal.done")
    (message,) = events[-1]["response"]["output"]
    assert [part["type"] for part in message["content"]] == ["output_text", "refusal"]
    assert message["content"][0]["annotations"][0] == {
        "type": "url_citation",
        "url": "https://example.org",
        "title": "t",
        "start_index": 0,
        "end_index": 2,
    }


@pytest.mark.parametrize(("reason", "why"), [("length", "max_output_tokens"), ("content_filter", "content_filter")])
def test_an_answer_that_broke_off_is_incomplete(reason: str, why: str) -> None:
    told = whole(ModelResponse(choices=(Choice(content="a", finish_reason=reason),)))
    assert (told["status"], told["incomplete_details"]) == ("incomplete", {"reason": why})
    last = streamed([chunk(content="a"), chunk(finish_reason=reason)])[-1]
    assert last["type"] == "response.incomplete"
    assert last["response"]["incomplete_details"] == {"reason": why}


def test_a_custom_tool_gets_the_text_it_was_asked_for() -> None:
    call = ToolCall("c1", FunctionCall("patch", '{"input":"a \\"b\\""}'))
    (item,) = whole(ModelResponse(choices=(Choice(tool_calls=(call,)),)))["output"]
    assert (item["type"], item["input"]) == ("custom_tool_call", 'a "b"')
    begun = ToolCallDelta(index=0, id="c1", name="patch", arguments='{"input":')
    events = streamed([chunk(tool_calls=(begun,)), chunk(tool_calls=(ToolCallDelta(index=0, arguments='"x"}'),))])
    assert [e["input"] for e in events if e["type"] == "response.custom_tool_call_input.done"] == ["x"]


def test_what_another_wire_wants_back_is_sealed() -> None:
    pieces = {
        "reasoning": (Reasoning(text="hm", signature="c2ln"), Reasoning(encrypted="ZW5j")),
        "opaque": (Opaque(wire="anthropic_messages", raw=json_raw({"type": "server_tool_use"})),),
        "tool_calls": (ToolCall("c1", FunctionCall("f", "{}"), signature="Y2FsbA==", origin="gemini"),),
    }
    told = whole(ModelResponse(choices=(Choice(**pieces),), wire="bedrock_converse"))  # type: ignore[arg-type]
    sealed = [found for item in told["output"] if (found := unseal(item.get("encrypted_content"))) is not None]
    assert [(one.origin, one.signature, one.encrypted, one.call_id) for one in sealed] == [
        ("bedrock_converse", "c2ln", None, None),
        ("bedrock_converse", None, "ZW5j", None),
        ("anthropic_messages", None, None, None),
        ("gemini", "Y2FsbA==", None, "c1"),
    ]


def json_raw(value: Any) -> Any:
    import msgspec

    return msgspec.Raw(json.dumps(value).encode())


def test_a_failure_is_the_last_event_and_keeps_what_was_said() -> None:
    events = streamed([StreamChunk(usage=Usage(input_tokens=3), wire="other"), chunk(content="a")], fail=True)
    last = events[-1]
    assert last["type"] == "response.failed"
    assert last["response"]["status"] == "failed"
    assert last["response"]["error"] == {"code": "rate_limit_exceeded", "message": "slow down"}
    assert not any(event["type"] == "response.completed" for event in events)


def test_an_error_has_openais_envelope() -> None:
    error = json.loads(render_error(RateLimitError("slow down", provider="p")))["error"]
    assert error["code"] == "rate_limit_exceeded"
    assert error["provider"] == "p"


# --- The same wire on both sides ---


@pytest.mark.parametrize("recording", recordings_for("openai_responses"))
def test_a_recorded_answer_keeps_its_bytes_but_for_the_models_name(recording: Recording) -> None:
    adapter = load("openai_responses")
    if not recording.streamed:
        response = adapter.parse_response(recording.response_body)
        told = render_response(response, CALL, model="p/m", request_id="r")
        before = json.loads(recording.response_body)
        assert json.loads(told) == before | ({"model": "p/m"} if "model" in before else {})
        return
    state, writer = StreamState(raw_events=True), open_stream(CALL, request_id="r")
    writer.model = "p/m"
    events = [event for event in events_of(adapter, recording) if event.data != b"[DONE]"]
    written = b"".join(writer.render(adapter.parse_event(event, state)) for event in events) + writer.end()
    seen = [block.rpartition(b"data: ")[2] for block in written.removesuffix(b"\n\n").split(b"\n\n")]
    assert len(seen) == len(events)
    for ours, theirs in zip(seen, events, strict=True):
        before = json.loads(theirs.data)
        if "response" in before:
            before["response"]["model"] = "p/m"
            assert json.loads(ours) == before
        else:
            assert ours == theirs.data
    kept = json.loads(writer.finished or b"null")
    assert kept["output"] == json.loads(events[-1].data)["response"]["output"]
    assert expect("openai_responses", written, streamed=True) == expect(
        "openai_responses", recording.response_body, streamed=True
    )


# --- Whatever comes ---

texts = st.text(max_size=5)
reasonings = st.builds(
    Reasoning, text=texts, signature=st.none() | texts, encrypted=st.none() | texts, id=st.none() | texts
)
deltas = st.builds(
    ChoiceDelta,
    content=texts,
    reasoning=st.none() | reasonings,
    refusal=st.none() | texts,
    tool_calls=st.lists(
        st.builds(
            ToolCallDelta,
            index=st.integers(0, 3),
            id=st.none() | texts,
            name=st.none() | st.sampled_from(["f", "patch"]),
            arguments=texts,
            signature=st.none() | texts,
        ),
        max_size=2,
    ).map(tuple),
    citations=st.lists(st.builds(Citation, url=texts, start=st.none() | st.integers(0, 9)), max_size=2).map(tuple),
    finish_reason=st.none() | st.sampled_from(["stop", "length", "tool_calls", "odd"]),
)


@settings(deadline=None, max_examples=300)
@given(st.lists(deltas.map(lambda delta: StreamChunk(choices=(delta,), wire="other")), max_size=6), st.booleans())
def test_any_chunks_are_a_stream_the_sdk_understands(chunks: list[StreamChunk], fail: bool) -> None:  # noqa: FBT001
    events = streamed(chunks, fail=fail)
    if fail:
        return
    added = [event for event in events if event["type"] == "response.output_item.added"]
    assert len(added) == len(events[-1]["response"]["output"])
    said = "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")
    assert said == "".join(chunk.content for chunk in chunks)

"""What came of an answer is measured alike whether its events were decoded or only passed."""

import json

import pytest

from wye.core.content import FunctionCall, Reasoning, ToolCall
from wye.core.response import Choice, ChoiceDelta, ModelResponse, StreamChunk, ToolCallDelta
from wye.dispatch.produced import Produced

TEXTS = ["Hello", " there", ", wie geht's?", " Grüße", "!"]
SIZE = sum(len(text.encode()) for text in TEXTS)


def chat(text: str) -> StreamChunk:
    delta = {"id": "1", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}
    return StreamChunk(raw=json.dumps(delta, ensure_ascii=False).encode())


def responses(text: str) -> StreamChunk:
    said = {"type": "response.output_text.delta", "item_id": "m", "delta": text}
    return StreamChunk(raw=json.dumps(said, ensure_ascii=False).encode(), event="response.output_text.delta")


@pytest.mark.parametrize("write", [chat, responses])
def test_events_that_only_pass_count_by_their_text(write: object) -> None:
    assert callable(write)
    produced = Produced()
    for text in TEXTS:
        produced.unread(write(text))
    assert produced.bytes == SIZE


def test_events_that_say_it_all_again_do_not_count() -> None:
    produced = Produced()
    produced.unread(StreamChunk(raw=b'{"type":"ping"}', event="ping"))
    produced.unread(responses("Hello"))
    produced.unread(StreamChunk(raw=b'{"text":"Hello"}', event="response.output_text.done"))
    assert produced.bytes == 5


def test_pieces_that_were_decoded_count_with_thoughts_and_arguments() -> None:
    produced = Produced()
    for text in TEXTS:
        produced.read(StreamChunk(choices=(ChoiceDelta(content=text),)))
    produced.read(StreamChunk(choices=(ChoiceDelta(reasoning=Reasoning(text="hmm")),)))
    produced.read(StreamChunk(choices=(ChoiceDelta(tool_calls=(ToolCallDelta(index=0, arguments='{"a":1}'),)),)))
    assert produced.bytes == SIZE + 3 + 7


def test_a_whole_answer_counts_likewise() -> None:
    produced = Produced()
    call = ToolCall(id="1", function=FunctionCall(name="f", arguments='{"a":1}'))
    produced.whole(
        ModelResponse(choices=(Choice(content="Grüße", reasoning=(Reasoning(text="hm"),), tool_calls=(call,)),))
    )
    assert produced.bytes == 7 + 2 + 7


def test_nothing_is_nothing() -> None:
    assert Produced().bytes == 0

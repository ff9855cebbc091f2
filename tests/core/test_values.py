"""The values that travel between stages: what they add up to, and what of them a caller can see."""

from msgspec import Raw

from wye.core.content import FunctionCall, Image, Message, Reasoning, Text, ToolCall
from wye.core.request import Call, ChatRequest
from wye.core.response import Choice, ChoiceDelta, ModelResponse, StreamChunk, ToolCallDelta
from wye.core.usage import Usage


def test_a_chunk_speaks_for_the_first_choice_and_not_for_whichever_comes_first() -> None:
    other = ChoiceDelta(index=1, content="b", reasoning=Reasoning(text="c"), finish_reason="stop")
    called = ToolCallDelta(index=0, id="x")
    alone, both = StreamChunk(choices=(other,)), StreamChunk(choices=(other, ChoiceDelta(tool_calls=(called,))))
    assert (alone.content, alone.reasoning, alone.tool_calls, alone.finish_reason) == ("", "", (), None)
    assert (both.content, both.tool_calls) == ("", (called,))
    assert alone.is_content


def test_a_chunk_says_all_its_pieces_of_the_first_choice() -> None:
    pieces = (ChoiceDelta(reasoning=Reasoning(text="a")), ChoiceDelta(reasoning=Reasoning(text="b"), content="c"))
    chunk = StreamChunk(choices=(*pieces, ChoiceDelta(index=1, content="d"), ChoiceDelta(finish_reason="stop")))
    assert (chunk.reasoning, chunk.content, chunk.finish_reason) == ("ab", "c", "stop")
    assert len(chunk.first) == 3


def test_a_request_is_decoded_when_first_asked_for_and_only_once() -> None:
    decoded: list[bytes] = []

    def decode(body: bytes) -> ChatRequest:
        decoded.append(body)
        return ChatRequest(model="m", messages=())

    call = Call(wire="any", body=b"{}", model="m", decode=decode)
    assert decoded == []
    assert call.chat is call.chat
    assert decoded == [b"{}"]


def test_the_first_choice_speaks_for_an_answer() -> None:
    tool = ToolCall("id", FunctionCall("look", "{}"))
    first = Choice(
        content="text", reasoning=(Reasoning(text="a"), Reasoning(text="b")), tool_calls=(tool,), finish_reason="stop"
    )
    answer = ModelResponse(choices=(first, Choice(index=1, content="other")))
    assert (answer.content, answer.reasoning, answer.tool_calls) == ("text", "ab", (tool,))
    assert answer.finish_reason == "stop"
    assert (tool.name, tool.arguments) == ("look", "{}")


def test_an_answer_without_choices_is_empty_and_no_error() -> None:
    for empty in (ModelResponse(), StreamChunk()):
        assert (empty.content, empty.reasoning, empty.tool_calls, empty.finish_reason) == ("", "", (), None)


def test_a_chunk_is_content_where_a_caller_can_see_something_of_it() -> None:
    visible = [
        ChoiceDelta(content="x"),
        ChoiceDelta(reasoning=Reasoning(text="x")),
        ChoiceDelta(refusal="x"),
        ChoiceDelta(tool_calls=(ToolCallDelta(index=0, id="a"),)),
        ChoiceDelta(finish_reason="stop"),
    ]
    for delta in visible:
        assert StreamChunk(choices=(ChoiceDelta(), delta)).is_content, delta
    unseen = [
        StreamChunk(),
        StreamChunk(id="a", usage=Usage(input_tokens=1)),
        StreamChunk(choices=(ChoiceDelta(),)),
        StreamChunk(choices=(ChoiceDelta(index=3, extra={"a": Raw(b"1")}),)),
    ]
    for chunk in unseen:
        assert not chunk.is_content, chunk


def test_a_message_s_text_is_its_text_parts_joined() -> None:
    message = Message(role="user", parts=(Text("a"), Image(url="https://x"), Text("b")))
    assert message.text == "ab"


def test_total_tokens_are_input_and_output_and_nothing_twice() -> None:
    usage = Usage(input_tokens=10, output_tokens=5, cache_read_tokens=8, reasoning_tokens=4, audio_input_tokens=2)
    assert usage.total_tokens == 15

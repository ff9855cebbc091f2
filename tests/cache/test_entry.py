"""What is kept comes back as it was, whatever a provider said: every recorded answer."""

from array import array

import pytest
from tests.adapters.observed import events_of
from tests.support.recordings import Recording as Recorded
from tests.support.recordings import Wire, recordings_for

from wye.adapters import load
from wye.cache.entry import Entry, encode, form_of, unpack, unpack_chunks
from wye.cache.recording import Recording
from wye.core.errors import WyeError
from wye.core.operations import EmbeddingsAnswer, ForwardedAnswer, OperationAnswer, RankedDocument, RerankAnswer
from wye.core.response import Choice, ChoiceDelta, ModelResponse, StreamChunk
from wye.core.usage import Usage
from wye.core.wire import StreamState

WIRES: tuple[Wire, ...] = ("openai_chat", "openai_responses", "anthropic_messages", "gemini", "bedrock_converse")
EVERY_FOURTH = [
    pytest.param(wire, *parameter.values, id=f"{wire}-{parameter.id}", marks=parameter.marks)
    for wire in WIRES
    for parameter in recordings_for(wire)[::4]
]


def kept(answer: ModelResponse | OperationAnswer) -> Entry:
    form = form_of(answer)
    assert form is not None
    return Entry(
        tenant="user:a", form=form, provider="p", model="m", alias=None, at=0.0, usage=None, dropped=(), emulated=(),
        payload=encode(answer),
    )  # fmt: skip


@pytest.mark.parametrize(("wire", "recording"), EVERY_FOURTH)
def test_a_recorded_answer_comes_back_as_it_was(wire: Wire, recording: Recorded) -> None:
    adapter = load(wire)
    if recording.streamed:
        for raw in (False, True):
            state, recorded, chunks = StreamState(raw_events=raw), Recording(1 << 24), []
            try:
                for event in events_of(adapter, recording):
                    batch = list(adapter.parse_event(event, state))
                    chunks += batch
                    assert recorded.take(batch)
            except WyeError:
                pass
            assert list(recorded.since(0)) == chunks
        return
    try:
        answer = adapter.parse_response(recording.response_body)
    except WyeError:
        return
    if form_of(answer) is not None:
        assert unpack(kept(answer)) == answer


def test_embeddings_and_rankings_come_back_as_they_were() -> None:
    vectors = EmbeddingsAnswer(id="e", vectors=(array("f", [0.1, 1e-30, -3.5]), [1.0]), usage=Usage(input_tokens=3))
    back = unpack(kept(vectors))
    assert [list(vector) for vector in back.vectors] == [list(vector) for vector in vectors.vectors]
    assert back.usage == vectors.usage
    ranking = RerankAnswer(id="r", results=(RankedDocument(index=1, relevance_score=0.25),))
    assert unpack(kept(ranking)) == ranking


@pytest.mark.parametrize("end", ["length", "content_filter", None, "something new"])
def test_an_answer_that_was_cut_off_or_refused_is_not_worth_keeping(end: str | None) -> None:
    good, bad = (Choice(content="x", finish_reason=reason) for reason in ("stop", end))
    assert form_of(ModelResponse(choices=(good,))) == "response"
    assert form_of(ModelResponse(choices=(good, bad))) is None
    recording = Recording(1000)
    recording.take([StreamChunk(choices=(ChoiceDelta(content="x", finish_reason=end),))])
    assert not recording.good


def test_what_is_only_passed_on_and_what_says_nothing_is_not_kept() -> None:
    assert form_of(ForwardedAnswer(body=b"sound")) is None
    assert form_of(ModelResponse()) is None


def word(text: str, finish_reason: str | None = None) -> StreamChunk:
    return StreamChunk(choices=(ChoiceDelta(content=text, finish_reason=finish_reason),))


def test_a_recording_that_gets_too_large_takes_no_more() -> None:
    recording = Recording(200)
    assert recording.take([word("short")])
    assert not recording.take([word("x" * 300)])
    held = bytes(recording.data)
    assert not recording.take([word("y", "stop")])
    assert recording.full
    assert not recording.good
    assert bytes(recording.data) == held
    assert list(unpack_chunks(held)) == [word("short")]


def test_an_answer_with_something_of_the_programs_own_is_not_recorded() -> None:
    recording = Recording(1000)
    assert not recording.take([StreamChunk(extra={"x": object()})])  # type: ignore[dict-item]
    assert recording.full

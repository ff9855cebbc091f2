"""Every recorded answer, read by its adapter, says what an independent reading of the same bytes says."""

import pytest
from tests.adapters.observed import events_of, observe
from tests.support.oracle import Expected, expect
from tests.support.recordings import WIRES, Recording, Wire, recordings_for

from wye.adapters import load, openai_chat
from wye.core.errors import WyeError
from wye.core.response import ModelResponse
from wye.core.wire import StreamState

EVERY_RECORDING = [
    pytest.param(wire, *parameter.values, id=f"{wire}-{parameter.id}", marks=parameter.marks)
    for wire in WIRES
    for parameter in recordings_for(wire)
]


@pytest.mark.parametrize(("wire", "recording"), EVERY_RECORDING)
def test_a_recorded_answer_is_read_like_the_oracle_reads_it(wire: Wire, recording: Recording) -> None:
    expected = expect(wire, recording.response_body, recording.streamed)
    observed = observe(load(wire), recording)
    forget_made_ids(expected, observed)
    assert observed == expected


@pytest.mark.parametrize("recording", recordings_for("openai_chat"))
def test_skimming_a_whole_answer_tells_the_books_the_same(recording: Recording) -> None:
    if recording.streamed:
        return
    read, skimmed = (attempt(name, recording.response_body) for name in ("parse_response", "skim_response"))
    assert skimmed == read
    assert skimmed[-1] in {recording.response_body, None} or isinstance(skimmed[-1], str)


def attempt(name: str, body: bytes) -> tuple[object, ...]:
    """Read an answer and return what the books need, and its bytes, or the error's type and message."""
    try:
        answer: ModelResponse = getattr(openai_chat, name)(body)
    except WyeError as error:
        return type(error), error.message
    reasons = [choice.finish_reason for choice in answer.choices]
    return answer.id, answer.upstream_model, answer.usage, reasons, answer.raw


def forget_made_ids(expected: Expected, observed: Expected) -> None:
    """Where the wire gave a call no id, check that the adapter made one of its own, and compare the rest."""
    made = []
    for theirs, ours in zip(expected.choices, observed.choices, strict=False):
        for call, seen in zip(theirs.tool_calls, ours.tool_calls, strict=False):
            if call.id is None:
                made.append(seen.id)
                seen.id = None
    assert all(made)
    assert len(set(made)) == len(made)


BROKEN_OFF = (
    "groq/test_tool_use_failed_error_streaming#0",
    "openrouter/test_openrouter_stream_error#0",
    "cohere/test_sql_agent#0",
    "cohere/test_sql_agent#1",
)
"""Streams that end in an error, as the oracle says as well."""

EVERY_STREAM = [
    parameter
    for parameter in EVERY_RECORDING
    if parameter.marks or (parameter.values[1].streamed and not str(parameter.id).endswith(BROKEN_OFF))  # type: ignore[union-attr]
]


@pytest.mark.parametrize(("wire", "recording"), EVERY_STREAM)
def test_the_end_of_a_recorded_stream_is_seen_and_nothing_is_said_after_it(wire: Wire, recording: Recording) -> None:
    adapter, state, late = load(wire), StreamState(), []
    for event in events_of(adapter, recording):
        was_done = state.done
        chunks = list(adapter.parse_event(event, state))
        late += chunks if was_done else []
    # Gemini has no end marker, OpenAI's is left out by some.
    assert state.done or (state.finish_seen and wire in {"openai_chat", "gemini"})
    assert late == []

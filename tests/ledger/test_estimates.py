"""What was cut counts by the published rule, and what a provider reported counts as it said."""

import json

import pytest
from msgspec import structs

from wye.core.errors import StreamInterruptedError, UpstreamTimeoutError
from wye.core.operations import ForwardedRequest, OperationCall
from wye.core.plan import Attempt, Outcome
from wye.core.request import Operation
from wye.core.usage import Usage
from wye.ledger.estimates import consumed
from wye.surfaces.openai_chat import parse_request

ASKED = {"model": "m", "messages": [{"role": "user", "content": "x" * 40}]}
CALL = parse_request(json.dumps(ASKED).encode())
REPORTED = Usage(input_tokens=100, output_tokens=7)


def outcome(**more: object) -> Outcome:
    return Outcome(attempt=Attempt(provider="p", model="m"), started=0, duration=1, **more)  # type: ignore[arg-type]


def test_what_was_reported_of_a_whole_answer_is_what_it_took() -> None:
    assert consumed(CALL, outcome(usage=REPORTED, finish_reason="stop", first_token=0.1)) is REPORTED


def test_a_caller_who_left_after_the_end_pays_what_was_reported() -> None:
    over = outcome(usage=REPORTED, finish_reason="stop", cancelled=True, produced=4000)
    assert consumed(CALL, over) is REPORTED


def test_a_caller_who_left_in_its_midst_pays_what_had_come() -> None:
    left = outcome(cancelled=True, first_token=0.1, produced=9)
    assert consumed(CALL, left) == Usage(input_tokens=14, output_tokens=3, estimated=True)


def test_a_caller_who_left_before_anything_came_pays_for_the_question() -> None:
    assert consumed(CALL, outcome(cancelled=True)) == Usage(input_tokens=14, output_tokens=0, estimated=True)


@pytest.mark.parametrize(("produced", "output"), [(9, 7), (400, 100)])
def test_what_a_provider_reported_by_then_is_the_least(produced: int, output: int) -> None:
    broken = outcome(usage=REPORTED, error=StreamInterruptedError("broke"), first_token=0.1, produced=produced)
    assert consumed(CALL, broken) == Usage(input_tokens=100, output_tokens=output, estimated=True)


def test_a_call_that_failed_before_anything_came_counts_nothing() -> None:
    assert consumed(CALL, outcome(error=UpstreamTimeoutError("late"))) is None


BEGUN = Usage(input_tokens=100, cache_read_tokens=90, output_tokens=1, estimated=True)
"""What is told at a stream's beginning."""


def test_what_was_reported_of_the_input_counts_where_the_answer_was_cut() -> None:
    left = outcome(usage=BEGUN, cancelled=True, first_token=0.1, produced=40)
    assert consumed(CALL, left) == structs.replace(BEGUN, output_tokens=10)


def test_a_call_that_failed_before_anything_came_counts_nothing_whatever_was_told_of_its_input() -> None:
    assert consumed(CALL, outcome(usage=BEGUN, error=UpstreamTimeoutError("late"))) is None


def test_a_stream_that_never_told_how_it_ended_is_estimated() -> None:
    silent = outcome(usage=BEGUN, finish_reason="stop", first_token=0.1, produced=40)
    assert consumed(CALL, silent) == structs.replace(BEGUN, output_tokens=10)


def test_an_answer_without_a_report_is_estimated() -> None:
    silent = outcome(finish_reason="stop", first_token=0.1, produced=8)
    assert consumed(CALL, silent) == Usage(input_tokens=14, output_tokens=2, estimated=True)


@pytest.mark.parametrize(("operation", "found"), [("count_tokens", Usage()), ("image_generation", None)])
def test_what_is_not_measured_in_text_is_not_made_up(operation: Operation, found: Usage | None) -> None:
    call = OperationCall(operation=operation, wire="openai", body=b"{}", model="m", request=ForwardedRequest())
    assert consumed(call, outcome()) == found

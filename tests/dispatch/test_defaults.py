"""What a user wants goes before what the operator wants, and what the user says of a model of its own before both."""

import json
from typing import Any

import pytest
from msgspec import structs

from wye.catalog.schema import ModelInfo, WireTraits
from wye.core.caller import LOCAL
from wye.core.request import Asked
from wye.dispatch.defaults import NO_DEFAULTS, Defaults, for_caller, with_defaults
from wye.surfaces import gemini

ANN = structs.replace(LOCAL, temperature=0.0, max_tokens=50)
CONTENTS = [{"role": "user", "parts": [{"text": "hi"}]}]
OPERATOR = Defaults(temperature=0.7, max_tokens=900, stream=False)


def test_who_wants_nothing_gets_the_same_defaults() -> None:
    assert for_caller(NO_DEFAULTS, LOCAL) is NO_DEFAULTS
    assert for_caller(OPERATOR, LOCAL) is OPERATOR


def test_a_users_wishes_go_first_and_leave_the_rest() -> None:
    assert for_caller(OPERATOR, ANN) == Defaults(temperature=0.0, max_tokens=50, stream=False)
    half = structs.replace(ANN, max_tokens=None)
    assert for_caller(OPERATOR, half) == Defaults(temperature=0.0, max_tokens=900, stream=False)
    assert for_caller(NO_DEFAULTS, ANN) == Defaults(temperature=0.0, max_tokens=50)


def test_what_is_said_of_ones_own_goes_before_ones_wishes() -> None:
    own = Defaults(temperature=1.0)
    assert for_caller(own, ANN, own=True) == Defaults(temperature=1.0, max_tokens=50)


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        (
            {"generation_config": {"top_p": 0.5, "max_output_tokens": 5}},
            {"generation_config": {"top_p": 0.5, "max_output_tokens": 5, "temperature": 0.7}},
        ),
        (
            {"generationConfig": {"topP": 0.5, "temperature": 0}},
            {"generationConfig": {"topP": 0.5, "temperature": 0, "maxOutputTokens": 900}},
        ),
        (
            {"generationConfig": None, "generation_config": {"temperature": 1}},
            {"generationConfig": None, "generation_config": {"temperature": 1, "maxOutputTokens": 900}},
        ),
        ({"generationConfig": None}, {"generationConfig": {"temperature": 0.7, "maxOutputTokens": 900}}),
        ({}, {"generationConfig": {"temperature": 0.7, "maxOutputTokens": 900}}),
    ],
)
def test_a_default_is_written_beside_what_a_gemini_request_says_in_either_spelling(
    said: dict[str, Any], sent: dict[str, Any]
) -> None:
    body = json.dumps({"contents": CONTENTS, **said}).encode()
    call = gemini.parse_request(body, Asked(model="m"))
    other = with_defaults(call, OPERATOR, ModelInfo(id="m", provider="p"), WireTraits())
    assert json.loads(other.body) == {"contents": CONTENTS, **sent}

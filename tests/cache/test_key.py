"""What is the same request and what is not; whose it is is never left out."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wye.cache.key import Key, Question, question_of
from wye.core.caller import Caller
from wye.core.plan import Attempt
from wye.core.request import Asked, Call
from wye.surfaces import anthropic_messages, gemini, openai_chat, openai_embeddings, openai_responses

ANNA = Caller(user="anna", team="red", key="key_1")
BODY: dict[str, Any] = {"model": "fast", "messages": [{"role": "user", "content": "Hi"}], "temperature": 0}
HERE = Attempt(provider="up", model="model")


def call(body: Any = None, **asked: Any) -> Call:
    encoded = body if isinstance(body, bytes) else json.dumps(BODY if body is None else body).encode()
    return openai_chat.parse_request(encoded, Asked(**asked))


def question(body: Any = None, caller: Caller = ANNA, **asked: Any) -> Question:
    found = question_of(caller, call(body, **asked))
    assert found is not None
    return found


def test_the_order_of_members_does_not_matter() -> None:
    assert question() == question(dict(reversed(BODY.items())))


@pytest.mark.parametrize(
    "more",
    [
        {"user": "someone"},
        {"metadata": {"trace": "7"}},
        {"safety_identifier": "x"},
        {"prompt_cache_key": "x"},
        {"model": "another name for the same"},
    ],
)
def test_what_does_not_change_the_answer_is_left_aside(more: Any) -> None:
    assert question(BODY | more) == question()


@pytest.mark.parametrize(
    "more",
    [
        {"temperature": 1},
        {"messages": [{"role": "user", "content": "Hi "}]},
        {"n": 2},
        {"stream": True},
        {"a_new_parameter": 1},
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"max_tokens": 5},
        {"stream_options": {"include_usage": True}},
    ],
)
def test_everything_else_is_another_question(more: Any) -> None:
    assert question(BODY | more) != question()


@pytest.mark.parametrize("asked", [{"drop_unsupported": True}, {"raw_events": True}, {"headers": {"beta": "1"}}])
def test_what_is_said_beside_the_body_is_another_question(asked: Any) -> None:
    assert question(**asked) != question()


def test_who_answers_is_part_of_the_key() -> None:
    others = [
        Attempt(provider="spare", model="model"),
        Attempt(provider="up", model="other"),
        Attempt(provider="up", model="model", alias="model-2026"),
    ]
    assert len({question().key(attempt) for attempt in [HERE, *others]}) == 4


names = st.text(max_size=8) | st.sampled_from(["anna", "team:red", "user:anna", "red", ":", ""])
callers = st.builds(Caller, user=names, team=st.none() | names, key=st.none() | names)


def of_each(caller: Caller, share: Any) -> Key:
    found = question_of(caller, call(), share)
    assert found is not None
    return found.key(HERE)


@given(callers, callers)
def test_no_two_users_have_a_key_in_common(one: Caller, other: Caller) -> None:
    assert (of_each(one, "user") == of_each(other, "user")) == (one.user == other.user)


@given(callers, callers)
def test_only_a_common_team_shares_and_only_where_that_is_configured(one: Caller, other: Caller) -> None:
    together = one.team == other.team if one.team is not None or other.team is not None else one.user == other.user
    assert (of_each(one, "team") == of_each(other, "team")) == together


@given(callers, callers)
def test_a_users_answers_are_never_a_teams(one: Caller, other: Caller) -> None:
    if one.team is not None:
        assert of_each(one, "team") != of_each(other, "user")


@pytest.mark.parametrize(
    "body",
    [
        BODY | {"web_search_options": {"search_context_size": "low"}},
        BODY | {"plugins": [{"id": "web"}]},
        BODY | {"search_parameters": {"mode": "auto"}},
        BODY | {"tools": [{"type": "web_search"}]},
        BODY | {"tools": [{"type": "unheard_of"}]},
    ],
)
def test_what_a_provider_looks_up_is_asked_anew(body: Any) -> None:
    assert question_of(ANNA, call(body)) is None


RESPONSE = {"model": "m", "input": "Hi"}


@pytest.mark.parametrize(
    "more",
    [
        {"previous_response_id": "resp_1"},
        {"conversation": "conv_1"},
        {"background": True},
        {"tools": [{"type": "mcp", "server_label": "x", "server_url": "https://example.com"}]},
        {"tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]},
    ],
)
def test_a_response_with_state_is_asked_anew(more: Any) -> None:
    body = json.dumps(RESPONSE | more).encode()
    assert question_of(ANNA, openai_responses.parse_request(body)) is None


def test_a_response_that_says_it_has_no_state_is_kept() -> None:
    body = json.dumps(RESPONSE | {"previous_response_id": None, "background": False}).encode()
    assert question_of(ANNA, openai_responses.parse_request(body)) is not None


def test_another_action_than_answering_is_not_kept() -> None:
    body = json.dumps(RESPONSE).encode()
    assert question_of(ANNA, openai_responses.parse_request(body, Asked(action="/input_tokens"))) is None


def test_the_same_words_over_two_apis_are_two_questions() -> None:
    said = json.dumps(BODY | {"max_tokens": 5}).encode()
    over_chat, over_messages = openai_chat.parse_request(said), anthropic_messages.parse_request(said)
    assert question_of(ANNA, over_chat) != question_of(ANNA, over_messages)


def test_a_path_that_asks_for_a_stream_is_another_question() -> None:
    said = b'{"contents": [{"parts": [{"text": "Hi"}]}]}'
    calls = [gemini.parse_request(said, Asked(model="m", stream=stream)) for stream in (False, True)]
    assert question_of(ANNA, calls[0]) != question_of(ANNA, calls[1])


def test_embeddings_are_kept() -> None:
    assert question_of(ANNA, openai_embeddings.parse_request(b'{"model": "m", "input": "Hi"}')) is not None

"""What a provider says went wrong becomes the right error, with the right advice about coming back."""

import datetime
import json
from email.utils import format_datetime
from typing import Any

import pytest
from tests.support.recordings import WIRES, Recording, recordings_for

from wye.adapters import load
from wye.core.errors import (
    ContentFilteredError,
    ContextLengthError,
    InvalidRequestError,
    MalformedResponseError,
    OverloadedError,
    ProviderAuthenticationError,
    ProviderModelMissingError,
    ProviderPermissionError,
    QuotaExceededError,
    RateLimitError,
    RequestTooLargeError,
    UnsupportedParameterError,
    UpstreamError,
    UpstreamTimeoutError,
    WyeError,
)
from wye.core.usage import Usage
from wye.core.wire import ServerEvent, StreamState

EVERY_RECORDED_ERROR = [
    pytest.param(wire, *parameter.values, id=f"{wire}-{parameter.id}", marks=parameter.marks)
    for wire in WIRES
    for parameter in recordings_for(wire, errors=True)
]

RECORDED: dict[str, type[WyeError]] = {
    # Cohere: a model that does not exist.
    "completion_error_preserves_status_and_body.yaml": ProviderModelMissingError,
    # Azure: a deployment that does not exist.
    "test_chat_reasoning.yaml": ProviderModelMissingError,
    # DeepSeek: content it does not read, keys, models, choices.
    "blocking_audio_part_reaches_the_wire.yaml": InvalidRequestError,
    "blocking_image_base64_part_reaches_the_wire.yaml": InvalidRequestError,
    "blocking_image_only_message_reaches_the_wire.yaml": InvalidRequestError,
    "blocking_image_url_part_reaches_the_wire.yaml": InvalidRequestError,
    "blocking_pdf_document_part_reaches_the_wire.yaml": InvalidRequestError,
    "blocking_video_part_reaches_the_wire.yaml": InvalidRequestError,
    "streaming_image_part_reaches_the_wire.yaml": InvalidRequestError,
    "chat_completion_rejects_a_bogus_key_with_the_provider_body.yaml": ProviderAuthenticationError,
    "chat_completion_rejects_an_unknown_model_with_the_provider_body.yaml": ProviderModelMissingError,
    "forced_tool_choice_under_thinking_is_rejected_upstream.yaml": InvalidRequestError,
    # Groq; when the model, not the caller, wrote a call that does not fit, another attempt may do better.
    "auth_rejection_classifies_with_contract.yaml": ProviderAuthenticationError,
    "provider_error_response_carries_request_id.yaml": ProviderModelMissingError,
    "test_tool_regular_error.yaml": ProviderModelMissingError,
    "test_tool_use_failed_error.yaml": UpstreamError,
    "test_tool_use_failed_error_with_text.yaml": UpstreamError,
    # llama.cpp; it answers 500 to what it was not started for, and that may be different next door.
    "context_overflow_blocking.yaml": ContextLengthError,
    "context_overflow_streaming.yaml": ContextLengthError,
    "malformed_request_field.yaml": InvalidRequestError,
    "missing_api_key_is_401.yaml": ProviderAuthenticationError,
    "tools_without_jinja.yaml": UpstreamError,
    "image_without_mmproj.yaml": UpstreamError,
    "malformed_data_uri.yaml": InvalidRequestError,
    "unfetchable_image_url.yaml": UpstreamError,
    "video_part_is_refused.yaml": InvalidRequestError,
    "schema_and_grammar_conflict.yaml": UpstreamError,
    # Mistral.
    "blocking_ministral_3b.yaml": InvalidRequestError,
    "blocking_mistral_small.yaml": InvalidRequestError,
    "streaming_ministral_3b.yaml": InvalidRequestError,
    "streaming_mistral_small.yaml": InvalidRequestError,
    "blocking_error_carries_the_correlation_id.yaml": ProviderModelMissingError,
    "blocking_unauthorized_carries_the_correlation_id.yaml": ProviderAuthenticationError,
    "streaming_error_carries_the_correlation_id.yaml": ProviderModelMissingError,
    # OpenAI.
    "test_async_chat_completion_404.yaml": ProviderModelMissingError,
    "test_chat_completion_404.yaml": ProviderModelMissingError,
    "test_openai_o1_mini_system_role[developer].yaml": UnsupportedParameterError,
    "test_openai_o1_mini_system_role[system].yaml": UnsupportedParameterError,
    "test_openai_web_search_tool_model_not_supported.yaml": InvalidRequestError,
    "test_vision.yaml": InvalidRequestError,
    "test_vision_base64.yaml": InvalidRequestError,
    "test_vision_base64_with_events_with_content.yaml": InvalidRequestError,
    "test_vision_base64_with_events_with_no_content.yaml": InvalidRequestError,
    "test_vision_with_events_with_content.yaml": InvalidRequestError,
    "test_vision_with_events_with_no_content.yaml": InvalidRequestError,
    # OpenRouter.
    "test_openrouter_errors_raised.yaml": RateLimitError,
    # Responses: OpenAI, DeepSeek, xAI.
    "test_responses_create_api_error[content_mode0].yaml": ProviderModelMissingError,
    "test_openai_responses_model_http_error.yaml": InvalidRequestError,
    "test_openai_responses_thinking_with_modified_history.yaml": InvalidRequestError,
    "test_deepseek_responses_rejects_interleaved_function_calls.yaml": InvalidRequestError,
    "provider_error_classifies_with_contract_but_reports_no_id.yaml": ProviderModelMissingError,
    # Anthropic.
    "test_anthropic_explicit_effort_xhigh_unsupported_model_errors.yaml": UnsupportedParameterError,
    # Vertex AI.
    "test_generate_content_invalid_role.yaml": InvalidRequestError,
    "test_generate_content_invalid_temperature.yaml": InvalidRequestError,
    "test_generate_content_missing_model.yaml": ProviderModelMissingError,
    # Bedrock: a model that does not exist is a 400 that says so in words.
    "test_converse_stream_with_invalid_model.yaml": ProviderModelMissingError,
    "test_converse_with_invalid_model.yaml": ProviderModelMissingError,
    "test_bedrock_error.yaml": ProviderModelMissingError,
    "test_bedrock_streaming_error.yaml": ProviderModelMissingError,
}
"""By the recording's file; no Ollama error was recorded."""


@pytest.mark.parametrize(("wire", "recording"), EVERY_RECORDED_ERROR)
def test_a_recorded_error_has_the_class_a_person_gave_it(wire: str, recording: Recording) -> None:
    error = load(wire).parse_error(recording.status, recording.response_headers, recording.response_body)
    name = recording.id.rpartition("/")[2].partition("#")[0]
    assert type(error) is RECORDED[name]
    assert error.upstream_status == recording.status
    assert len(error.message) > 10
    assert "{" not in error.message[:1]  # a sentence, not the body


def error_of(wire: str, status: int, body: Any, headers: dict[str, str] | None = None) -> WyeError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return load(wire).parse_error(status, headers or {}, raw)


def openai(message: str, code: object = None, kind: str = "invalid_request_error", **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code, **more}}


def anthropic(kind: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}


def google(code: int, status: str, message: str, *details: dict[str, Any]) -> dict[str, Any]:
    return {"error": {"code": code, "status": status, "message": message, "details": list(details)}}


KEY_INVALID = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
DOCUMENTED: list[tuple[str, int, Any, type[WyeError]]] = [
    ("openai_responses", 429, openai("Rate limit reached", "rate_limit_exceeded", "tokens"), RateLimitError),
    ("openai_responses", 429, openai("You exceeded your quota", "insufficient_quota"), QuotaExceededError),
    ("openai_responses", 401, openai("Incorrect API key provided", "invalid_api_key"), ProviderAuthenticationError),
    ("openai_responses", 404, openai("The model does not exist", "model_not_found"), ProviderModelMissingError),
    ("openai_responses", 400, openai("Your input exceeds the context window of this model"), ContextLengthError),
    (
        "openai_responses",
        400,
        openai("Unsupported parameter: 'top_k'", "unsupported_parameter"),
        UnsupportedParameterError,
    ),
    ("openai_responses", 400, openai("Invalid value", "invalid_value"), InvalidRequestError),
    ("openai_responses", 503, openai("The engine is overloaded", None, "server_error"), OverloadedError),
    ("openai_responses", 500, openai("The server had an error", None, "server_error"), UpstreamError),
    (
        "openai_responses",
        400,
        {"code": "invalid-argument", "error": "Incorrect API key provided."},
        ProviderAuthenticationError,
    ),
    (
        "openai_responses",
        200,
        {"type": "response.failed", "response": {"error": {"code": "rate_limit_exceeded", "message": "slow"}}},
        RateLimitError,
    ),
    ("openai_responses", 200, {"type": "error", "code": "server_error", "message": "broke"}, UpstreamError),
    ("openai_chat", 429, openai("Rate limit reached", "rate_limit_exceeded", "requests"), RateLimitError),
    ("openai_chat", 429, openai("You exceeded", "insufficient_quota", "insufficient_quota"), QuotaExceededError),
    ("openai_chat", 402, openai("Insufficient Balance", "invalid_request_error", "unknown_error"), QuotaExceededError),
    ("openai_chat", 400, openai("too long", "context_length_exceeded"), ContextLengthError),
    ("openai_chat", 400, openai("This model's maximum context length is 8192 tokens."), ContextLengthError),
    ("openai_chat", 429, openai("Please reduce the length of the messages", None, "tokens"), ContextLengthError),
    ("openai_chat", 400, openai("filtered", "content_filter", "", param="prompt"), ContentFilteredError),
    ("openai_chat", 400, openai("'temperature' is not supported", "unsupported_parameter"), UnsupportedParameterError),
    ("openai_chat", 400, {"code": "invalid-argument", "error": "Incorrect API key."}, ProviderAuthenticationError),
    ("openai_chat", 400, {"code": "invalid-argument", "error": "Model not found: x"}, ProviderModelMissingError),
    ("openai_chat", 403, openai("no access", None, "permission_error"), ProviderPermissionError),
    ("openai_chat", 413, b"<html>Request Entity Too Large</html>", RequestTooLargeError),
    ("openai_chat", 422, {"detail": [{"loc": ["body"], "msg": "field required"}]}, InvalidRequestError),
    ("openai_chat", 500, b"", UpstreamError),
    ("openai_chat", 502, {"error": "bad gateway"}, UpstreamError),
    ("openai_chat", 503, openai("busy", None, "server_error"), OverloadedError),
    ("openai_chat", 504, b"upstream request timeout", UpstreamTimeoutError),
    ("anthropic_messages", 400, anthropic("invalid_request_error", "messages: required"), InvalidRequestError),
    ("anthropic_messages", 400, anthropic("invalid_request_error", "prompt is too long: 9 > 8"), ContextLengthError),
    (
        "anthropic_messages",
        400,
        anthropic("invalid_request_error", "Your credit balance is too low to access the API."),
        QuotaExceededError,
    ),
    ("anthropic_messages", 401, anthropic("authentication_error", "invalid x-api-key"), ProviderAuthenticationError),
    ("anthropic_messages", 403, anthropic("permission_error", "no"), ProviderPermissionError),
    ("anthropic_messages", 404, anthropic("not_found_error", "model: x"), ProviderModelMissingError),
    ("anthropic_messages", 413, anthropic("request_too_large", "too large"), RequestTooLargeError),
    ("anthropic_messages", 429, anthropic("rate_limit_error", "slow down"), RateLimitError),
    ("anthropic_messages", 500, anthropic("api_error", "oops"), UpstreamError),
    ("anthropic_messages", 529, anthropic("overloaded_error", "Overloaded"), OverloadedError),
    ("anthropic_messages", 529, b"<html>", OverloadedError),
    ("gemini", 400, google(400, "INVALID_ARGUMENT", "Invalid JSON payload received."), InvalidRequestError),
    ("gemini", 400, google(400, "INVALID_ARGUMENT", "Bad key.", KEY_INVALID), ProviderAuthenticationError),
    ("gemini", 400, google(400, "INVALID_ARGUMENT", "API key expired."), ProviderAuthenticationError),
    (
        "gemini",
        400,
        google(400, "INVALID_ARGUMENT", "The input token count (9) exceeds the maximum number of tokens allowed (8)."),
        ContextLengthError,
    ),
    ("gemini", 400, google(400, "FAILED_PRECONDITION", "User location is not supported."), ProviderPermissionError),
    ("gemini", 401, google(401, "UNAUTHENTICATED", "no"), ProviderAuthenticationError),
    ("gemini", 403, google(403, "PERMISSION_DENIED", "no"), ProviderPermissionError),
    ("gemini", 404, google(404, "NOT_FOUND", "models/x is not found"), ProviderModelMissingError),
    ("gemini", 429, [google(429, "RESOURCE_EXHAUSTED", "Resource exhausted.")], RateLimitError),
    ("gemini", 500, google(500, "INTERNAL", "An internal error"), UpstreamError),
    ("gemini", 503, google(503, "UNAVAILABLE", "The model is overloaded."), OverloadedError),
    ("gemini", 504, google(504, "DEADLINE_EXCEEDED", "slow"), UpstreamTimeoutError),
    ("ollama_chat", 404, {"error": "model 'x' not found"}, ProviderModelMissingError),
    ("ollama_chat", 400, {"error": '"x" does not support thinking'}, UnsupportedParameterError),
    ("ollama_chat", 400, {"error": "the input length exceeds the context length"}, ContextLengthError),
    ("ollama_chat", 400, {"error": "invalid character 'x'"}, InvalidRequestError),
    ("ollama_chat", 401, {"error": "unauthorized"}, ProviderAuthenticationError),
    ("ollama_chat", 429, {"error": "you have reached your usage limit"}, RateLimitError),
    ("ollama_chat", 500, {"error": "model runner has unexpectedly stopped"}, UpstreamError),
    (
        "ollama_chat",
        503,
        {"error": "server busy, please try again"},
        OverloadedError,
    ),
]


@pytest.mark.parametrize(("wire", "status", "body", "expected"), DOCUMENTED)
def test_a_documented_error_has_its_class(wire: str, status: int, body: Any, expected: type[WyeError]) -> None:
    assert type(error_of(wire, status, body)) is expected


def test_the_message_is_the_providers_own() -> None:
    assert error_of("openai_chat", 400, openai("Say less.")).message == "Say less."
    assert error_of("openai_chat", 500, b"<html>").message == "the provider answered with status 500"
    metadata = {"provider_name": "G", "raw": "try later"}
    assert error_of("openai_chat", 429, openai("Provider error", 429, metadata=metadata)).message == (
        "Provider error: try later"
    )
    assert error_of("openai_chat", 422, {"detail": [{"msg": "é"}]}).message == '[{"msg": "é"}]'
    assert error_of("anthropic_messages", 400, anthropic("invalid_request_error", "Say less.")).message == "Say less."


def test_the_parameter_at_fault_is_named() -> None:
    body = openai("Unsupported value", "unsupported_value", param="messages[0].role")
    assert error_of("openai_chat", 400, body).param == "messages[0].role"


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_a_header_says_when_to_come_back(wire: str, headers: dict[str, str], seconds: float | None) -> None:
    assert error_of(wire, 429, {}, headers).retry_after == seconds


@pytest.mark.parametrize("wire", WIRES)
def test_a_header_may_name_the_moment_to_come_back(wire: str) -> None:
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=2)
    seconds = error_of(wire, 429, {}, {"retry-after": format_datetime(moment, usegmt=True)}).retry_after
    assert seconds is not None
    assert 60 < seconds < 180


def test_google_says_in_the_body_when_to_come_back() -> None:
    wait = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.074824224s"}
    body = google(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.", wait)
    assert error_of("gemini", 429, body).retry_after == pytest.approx(34.074824224)
    assert error_of("gemini", 429, body, {"retry-after": "7"}).retry_after == pytest.approx(34.074824224)


def test_a_days_quota_at_google_is_no_limit_of_the_minute() -> None:
    def quota(name: str) -> dict[str, Any]:
        return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": name}]}

    minute = google(429, "RESOURCE_EXHAUSTED", "quota", quota("GenerateRequestsPerMinutePerProjectPerModel"))
    day = google(429, "RESOURCE_EXHAUSTED", "quota", quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier"))
    assert type(error_of("gemini", 429, minute)) is RateLimitError
    assert type(error_of("gemini", 429, day)) is QuotaExceededError


# --- Errors inside an answer with status 200 ---

INSIDE: list[tuple[str, Any, type[WyeError]]] = [
    ("openai_chat", openai("No instances available", 502, ""), UpstreamError),
    ("openai_chat", openai("filtered", "content_filter", ""), ContentFilteredError),
    ("openai_chat", openai("slow down", 429, ""), RateLimitError),
    (
        "openai_chat",
        {"object": "error", "message": "x", "type": "invalid_model"},
        ProviderModelMissingError,
    ),
    ("anthropic_messages", anthropic("overloaded_error", "Overloaded"), OverloadedError),
    ("anthropic_messages", anthropic("api_error", "oops"), UpstreamError),
    ("gemini", google(503, "UNAVAILABLE", "overloaded"), OverloadedError),
    ("ollama_chat", {"error": "an error was encountered while running the model"}, UpstreamError),
]


@pytest.mark.parametrize(("wire", "body", "expected"), INSIDE)
def test_an_error_inside_an_answer_is_raised(wire: str, body: Any, expected: type[WyeError]) -> None:
    raw = json.dumps(body).encode()
    with pytest.raises(expected) as whole:
        load(wire).parse_response(raw)
    with pytest.raises(expected) as streamed:
        list(load(wire).parse_event(ServerEvent(raw), StreamState()))
    assert type(whole.value) is type(streamed.value) is expected
    assert whole.value.message == streamed.value.message


def test_an_event_named_error_is_raised() -> None:
    event = ServerEvent(json.dumps(openai("call does not fit", "tool_use_failed", status_code=400)).encode(), "error")
    with pytest.raises(UpstreamError, match="call does not fit"):
        load("openai_chat").parse_event(event, StreamState())


def test_what_was_used_up_before_an_error_is_told_first() -> None:
    body = openai("Token limit reached", 400, "") | {"id": "g1", "usage": {"prompt_tokens": 3, "completion_tokens": 2}}
    chunks = iter(load("openai_chat").parse_event(ServerEvent(json.dumps(body).encode()), StreamState()))
    assert next(chunks).usage == Usage(input_tokens=3, output_tokens=2)
    with pytest.raises(InvalidRequestError, match="Token limit reached"):
        next(chunks)


@pytest.mark.parametrize(
    "empty", [b'{"error": null, "choices": []}', b'{"error": {}, "choices": []}', b'{"error": "", "choices": []}']
)
def test_an_error_that_says_nothing_is_none(empty: bytes) -> None:
    assert load("openai_chat").parse_response(empty).choices == ()


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b"<html>", b'{"choices"'])
def test_an_answer_that_is_none_is_malformed(wire: str, body: bytes) -> None:
    with pytest.raises(MalformedResponseError):
        load(wire).parse_response(body)


def test_a_response_that_fails_in_its_stream_tells_its_usage_first() -> None:
    counts = {"input_tokens": 5, "output_tokens": 2}
    failed = {"status": "failed", "error": {"code": "server_error", "message": "broke"}, "usage": counts, "output": []}
    event = ServerEvent(json.dumps({"type": "response.failed", "response": failed}).encode(), "response.failed")
    chunks = iter(load("openai_responses").parse_event(event, StreamState()))
    assert next(chunks).usage == Usage(input_tokens=5, output_tokens=2)
    with pytest.raises(UpstreamError, match="broke"):
        next(chunks)


def test_a_whole_response_that_failed_is_an_error() -> None:
    failed = {"status": "failed", "error": {"code": "server_error", "message": "broke"}, "output": []}
    with pytest.raises(UpstreamError, match="broke"):
        load("openai_responses").parse_response(json.dumps(failed).encode())

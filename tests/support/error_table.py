"""What each provider answers when something goes wrong, and the one error it becomes: a table to be read.

The forms are those of the providers' documentation and of recorded traffic; the texts are ours. A row is of a provider
of the catalog, whose wire format reads it; rows of a wire format hold for all of its providers.
"""

import datetime
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from email.utils import format_datetime
from typing import Any, TypeAlias

from tests.support.imitation.frames import exception_frame

from wye.core.errors import (
    ContextLengthError,
    InvalidRequestError,
    MalformedResponseError,
    OverloadedError,
    ProviderAuthenticationError,
    ProviderModelMissingError,
    ProviderPermissionError,
    QuotaExceededError,
    RateLimitError,
    StreamInterruptedError,
    UpstreamError,
    UpstreamTimeoutError,
    WyeError,
)

Kind: TypeAlias = str
KINDS: dict[Kind, type[WyeError]] = {
    "bad key": ProviderAuthenticationError,
    "unknown model": ProviderModelMissingError,
    "bad request": InvalidRequestError,
    "too long": ContextLengthError,
    "rate limit": RateLimitError,
    "no credit": QuotaExceededError,
    "no permission": ProviderPermissionError,
    "overload": OverloadedError,
    "server error": UpstreamError,
    "timeout": UpstreamTimeoutError,
}
"""Each kind of refusal and the one class it becomes on every provider; class, code and flags go together."""

ADVICE: dict[type[WyeError], tuple[str, int, bool, bool]] = {
    # class: code, status for the caller, retryable, fails over
    ProviderAuthenticationError: ("provider_authentication_failed", 401, False, True),
    ProviderModelMissingError: ("model_not_found", 404, False, True),
    InvalidRequestError: ("invalid_request", 400, False, False),
    ContextLengthError: ("context_length_exceeded", 400, False, True),
    RateLimitError: ("rate_limit_exceeded", 429, True, True),
    QuotaExceededError: ("insufficient_quota", 429, False, True),
    ProviderPermissionError: ("provider_permission_denied", 403, False, True),
    OverloadedError: ("overloaded", 503, True, True),
    UpstreamError: ("upstream_error", 502, True, True),
    UpstreamTimeoutError: ("timeout", 504, True, True),
    StreamInterruptedError: ("stream_interrupted", 502, True, True),
    MalformedResponseError: ("malformed_response", 502, True, True),
}

NEEDED: frozenset[Kind] = frozenset({
    "bad key", "unknown model", "bad request", "too long", "rate limit", "overload", "server error",
})  # fmt: skip
"""What the table must hold for every provider, from its own rows or from those of its wire."""


@dataclass(frozen=True)
class Row:
    """One refusal: `whom` is a provider's id or a wire format."""

    whom: str
    kind: Kind
    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)
    retry_after: float | None = None

    @property
    def encoded(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()

    @property
    def id(self) -> str:
        hint = f"-{'+'.join(self.headers)}" if self.headers else ""
        return f"{self.whom}-{self.kind}-{self.status}{hint}".replace(" ", "_")


def _openai(message: str, code: object = None, kind: str | None = "invalid_request_error", **more: Any) -> Any:
    return {"error": {"message": message, "type": kind, "param": None, "code": code, **more}}


def _anthropic(kind: str, message: str) -> Any:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}


def _google(code: int, status: str, message: str, *details: Any) -> Any:
    return {"error": {"code": code, "message": message, "status": status, "details": list(details)}}


def _amazon(kind: str) -> dict[str, str]:
    return {"x-amzn-errortype": f"{kind}:http://internal.amazon.com/coral/com.amazon.bedrock/"}


def _in(seconds: int, form: Callable[[datetime.datetime], str]) -> str:
    return form(datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds))


def _http_date(moment: datetime.datetime) -> str:
    return format_datetime(moment, usegmt=True)


def _rfc3339(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _epoch_ms(moment: datetime.datetime) -> str:
    return str(int(moment.timestamp() * 1000))


_LIMIT = _openai("Rate limit reached for requests", "rate_limit_exceeded", "requests")
_SLOW_DOWN = _anthropic("rate_limit_error", "This request would exceed your organization's rate limit.")
_KEY_INVALID = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
_RETRY_INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.07s"}
_EXHAUSTED = _google(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.")

HINTS: tuple[tuple[dict[str, str], float], ...] = (
    ({"retry-after": "7"}, 7),
    ({"retry-after": "0.5"}, 0.5),
    ({"retry-after": _in(7200, _http_date)}, 7200),
    ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
    ({"x-ratelimit-reset-requests": "6m0s"}, 360),
    ({"x-ratelimit-reset-tokens": "20ms"}, 0.02),
    ({"x-ratelimit-reset": _in(7200, _epoch_ms)}, 7200),
    ({"anthropic-ratelimit-requests-reset": _in(7200, _rfc3339)}, 7200),
    ({"anthropic-ratelimit-input-tokens-reset": _in(7200, _rfc3339)}, 7200),
)
"""What any provider's headers may say beside a rate limit, and the seconds it means (those of dates: about)."""

ROWS: tuple[Row, ...] = (
    # --- Chat Completions, as OpenAI documents its errors and most imitate them ---
    Row("openai_chat", "bad key", 401, _openai("Incorrect API key provided.", "invalid_api_key")),
    Row("openai_chat", "unknown model", 404, _openai("The model `x` does not exist.", "model_not_found")),
    Row("openai_chat", "bad request", 400, _openai("Invalid 'temperature'.", "decimal_above_max_value")),
    Row("openai_chat", "too long", 400, _openai("Maximum context length is 8192 tokens", "context_length_exceeded")),
    Row("openai_chat", "rate limit", 429, _LIMIT),
    Row("openai_chat", "rate limit", 429, _openai("Limit reached. Please try again in 1.2s.", "x", "tokens"), {}, 1.2),
    Row(
        "openai_chat", "no credit", 429, _openai("You exceeded your quota.", "insufficient_quota", "insufficient_quota")
    ),
    Row("openai_chat", "no permission", 403, _openai("You have no access.", None, "permission_error")),
    Row("openai_chat", "overload", 503, _openai("The engine is currently overloaded.", None, "server_error")),
    Row("openai_chat", "overload", 503, b"<html>no capacity</html>"),
    Row("openai_chat", "server error", 500, _openai("The server had an error.", None, "server_error")),
    Row("openai_chat", "server error", 502, b"<html>Bad Gateway</html>"),
    Row("openai_chat", "timeout", 504, b"upstream request timeout"),
    # --- Responses: the same envelope, other words ---
    Row("openai_responses", "bad key", 401, _openai("Incorrect API key provided.", "invalid_api_key")),
    Row(
        "openai_responses", "unknown model", 400, _openai("The requested model 'x' does not exist.", "model_not_found")
    ),
    Row("openai_responses", "bad request", 400, _openai("Invalid 'temperature'.", "decimal_below_min_value")),
    Row("openai_responses", "too long", 400, _openai("Your input exceeds the window.", "context_length_exceeded")),
    Row("openai_responses", "rate limit", 429, _openai("Please try again in 20ms.", "rate_limit_exceeded"), {}, 0.02),
    Row("openai_responses", "no credit", 429, _openai("Quota.", "insufficient_quota", "insufficient_quota")),
    Row(
        "openai_responses", "overload", 503, _openai("Slow down.", "server_is_overloaded", "service_unavailable_error")
    ),
    Row("openai_responses", "server error", 500, _openai("The server had an error.", "server_error", "server_error")),
    # --- Messages ---
    Row("anthropic_messages", "bad key", 401, _anthropic("authentication_error", "invalid x-api-key")),
    Row("anthropic_messages", "unknown model", 404, _anthropic("not_found_error", "model: claude-x")),
    Row("anthropic_messages", "bad request", 400, _anthropic("invalid_request_error", "messages: Field required")),
    Row(
        "anthropic_messages", "too long", 400, _anthropic("invalid_request_error", "prompt is too long: 9 > 8 maximum")
    ),
    Row(
        "anthropic_messages",
        "too long",
        400,
        _anthropic("invalid_request_error", "input length and `max_tokens` exceed context limit: 9 + 8 > 10"),
    ),
    Row("anthropic_messages", "rate limit", 429, _SLOW_DOWN),
    Row("anthropic_messages", "no credit", 400, _anthropic("invalid_request_error", "Your credit balance is too low")),
    Row("anthropic_messages", "no credit", 402, _anthropic("billing_error", "Check your billing.")),
    Row("anthropic_messages", "no permission", 403, _anthropic("permission_error", "Not allowed.")),
    Row("anthropic_messages", "overload", 529, _anthropic("overloaded_error", "Overloaded")),
    Row("anthropic_messages", "overload", 503, b"<html>503</html>"),
    Row("anthropic_messages", "server error", 500, _anthropic("api_error", "Internal server error")),
    Row("anthropic_messages", "timeout", 504, _anthropic("timeout_error", "Request timed out.")),
    # --- generateContent ---
    Row("gemini", "bad key", 400, _google(400, "INVALID_ARGUMENT", "API key not valid.", _KEY_INVALID)),
    Row("gemini", "bad key", 401, _google(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")),
    Row("gemini", "unknown model", 404, _google(404, "NOT_FOUND", "models/x is not found for API version v1beta")),
    Row("gemini", "bad request", 400, _google(400, "INVALID_ARGUMENT", "Please use a valid role: user, model.")),
    Row(
        "gemini",
        "too long",
        400,
        _google(400, "INVALID_ARGUMENT", "The input token count (9) exceeds the maximum number of tokens allowed (8)."),
    ),
    Row("gemini", "rate limit", 429, _EXHAUSTED),
    Row("gemini", "rate limit", 429, _google(429, "RESOURCE_EXHAUSTED", "Quota.", _RETRY_INFO), {}, 34.07),
    Row("gemini", "rate limit", 429, _google(429, "RESOURCE_EXHAUSTED", "Please retry in 34.07s."), {}, 34.07),
    Row("gemini", "no permission", 403, _google(403, "PERMISSION_DENIED", "Permission denied.")),
    Row("gemini", "overload", 503, _google(503, "UNAVAILABLE", "The model is overloaded.")),
    Row("gemini", "server error", 500, _google(500, "INTERNAL", "An internal error has occurred.")),
    Row("gemini", "timeout", 504, _google(504, "DEADLINE_EXCEEDED", "Deadline expired.")),
    # --- Converse; the kind is in a header, or in the body's __type ---
    Row(
        "bedrock_converse",
        "bad key",
        403,
        {"message": "The security token included in the request is invalid."},
        _amazon("UnrecognizedClientException"),
    ),
    Row(
        "bedrock_converse",
        "bad key",
        403,
        {"message": "The request signature we calculated does not match the signature you provided."},
        _amazon("InvalidSignatureException"),
    ),
    Row(
        "bedrock_converse",
        "unknown model",
        400,
        {"message": "The provided model identifier is invalid."},
        _amazon("ValidationException"),
    ),
    Row(
        "bedrock_converse",
        "unknown model",
        404,
        {"message": "Could not resolve the foundation model."},
        _amazon("ResourceNotFoundException"),
    ),
    Row(
        "bedrock_converse",
        "bad request",
        400,
        {"message": "A conversation must start with a user message."},
        _amazon("ValidationException"),
    ),
    Row(
        "bedrock_converse",
        "too long",
        400,
        {"message": "Input is too long for requested model."},
        _amazon("ValidationException"),
    ),
    Row("bedrock_converse", "rate limit", 429, {"message": "Too many tokens"}, _amazon("ThrottlingException")),
    Row("bedrock_converse", "rate limit", 429, {"__type": "ThrottlingException", "message": "Too many requests"}),
    Row(
        "bedrock_converse",
        "no permission",
        403,
        {"message": "You don't have access to the model with the specified model ID."},
        _amazon("AccessDeniedException"),
    ),
    Row(
        "bedrock_converse",
        "overload",
        503,
        {"message": "Bedrock is unable to process your request."},
        _amazon("ServiceUnavailableException"),
    ),
    Row(
        "bedrock_converse",
        "server error",
        500,
        {"message": "The system encountered an unexpected error."},
        _amazon("InternalServerException"),
    ),
    Row("bedrock_converse", "timeout", 408, {"message": "Model timed out"}, _amazon("ModelTimeoutException")),
    # --- Cohere ---
    Row("cohere_chat", "bad key", 401, {"id": "1", "message": "invalid api token"}),
    Row("cohere_chat", "unknown model", 404, {"id": "1", "message": "model 'x' not found, make sure the ID was used"}),
    Row("cohere_chat", "bad request", 400, {"id": "1", "message": "invalid request: message must be at least 1 token"}),
    Row(
        "cohere_chat",
        "bad request",
        422,
        {"id": "1", "message": "invalid type: parameter temperature is of type string"},
    ),
    Row(
        "cohere_chat",
        "too long",
        400,
        {"message": "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 4292."},
    ),
    Row(
        "cohere_chat",
        "rate limit",
        429,
        {"message": "You are using a Trial key, which is limited to 40 calls / minute"},
    ),
    Row("cohere_chat", "no credit", 402, {"message": "You have reached your billing limit"}),
    Row("cohere_chat", "overload", 503, {"message": "service unavailable"}),
    Row("cohere_chat", "server error", 500, {"message": "internal server error"}),
    # --- Ollama ---
    Row("ollama_chat", "bad key", 401, {"error": "unauthorized"}),
    Row("ollama_chat", "unknown model", 404, {"error": "model 'x' not found"}),
    Row("ollama_chat", "bad request", 400, {"error": "invalid message content type: <nil>"}),
    Row("ollama_chat", "too long", 400, {"error": "the input length exceeds the context length"}),
    Row("ollama_chat", "rate limit", 429, {"error": "you have reached your hourly usage limit"}),
    Row("ollama_chat", "overload", 503, {"error": "server busy, please try again. maximum pending requests exceeded"}),
    Row("ollama_chat", "server error", 500, {"error": "llama runner process has terminated"}),
    # --- Providers with forms of their own ---
    Row(
        "azure", "bad key", 401, {"error": {"code": "401", "message": "Access denied due to invalid subscription key."}}
    ),
    Row("azure", "unknown model", 404, _openai("The API deployment does not exist.", "DeploymentNotFound")),
    Row(
        "azure",
        "rate limit",
        429,
        {"error": {"code": "429", "message": "Requests have exceeded the rate limit. Please retry after 6 seconds."}},
        {},
        6,
    ),
    Row(
        "azure",
        "rate limit",
        429,
        {"error": {"code": "RateLimitReached", "message": "x"}},
        {"retry-after-ms": "250"},
        0.25,
    ),
    Row("deepseek", "bad key", 401, _openai("Authentication Fails", "invalid_request_error", "authentication_error")),
    Row("deepseek", "unknown model", 400, _openai("The supported API model names are a or b, but you passed c.")),
    Row("deepseek", "no credit", 402, _openai("Insufficient Balance", "invalid_request_error", "unknown_error")),
    Row("deepseek", "overload", 503, _openai("Service is too busy.", "service_unavailable_error")),
    Row("groq", "bad key", 401, _openai("Invalid API Key", "invalid_api_key")),
    Row("groq", "too long", 413, _openai("Request too large for model `x`", "rate_limit_exceeded", "tokens")),
    Row(
        "groq", "rate limit", 429, _openai("Please try again in 7m12.48s.", "rate_limit_exceeded", "tokens"), {}, 432.48
    ),
    Row("groq", "overload", 498, _openai("Flex tier capacity exceeded", "capacity_exceeded")),
    Row("mistral", "bad key", 401, {"detail": "Invalid API Key"}),
    Row(
        "mistral",
        "unknown model",
        400,
        {"object": "error", "message": "Invalid model: x", "type": "invalid_model", "param": None, "code": "1500"},
    ),
    Row(
        "mistral",
        "bad request",
        422,
        {"object": "error", "message": {"detail": [{"msg": "field required"}]}, "type": "invalid_request_error"},
    ),
    Row(
        "mistral",
        "too long",
        400,
        {"object": "error", "message": "Prompt contains 9 tokens, too large for model with 8 maximum context length."},
    ),
    Row("mistral", "rate limit", 429, {"object": "error", "message": "Service tier capacity exceeded", "code": "3505"}),
    Row(
        "grok4",
        "bad key",
        400,
        {"code": "invalid-argument", "error": "Incorrect API key provided. You can obtain one."},
    ),
    Row("grok4", "unknown model", 400, {"code": "invalid-argument", "error": "Model not found: grok-x"}),
    Row("grok4", "unknown model", 404, {"code": "not-found", "error": "The model grok-x does not exist."}),
    Row("grok4", "no permission", 403, {"code": "permission-denied", "error": "The team has no access."}),
    Row(
        "grok4",
        "too long",
        400,
        {"code": "invalid-argument", "error": "This model's maximum prompt length is 8 tokens."},
    ),
    Row("grok4", "rate limit", 429, {"code": "resource-exhausted", "error": "Too many requests for team x."}),
    Row("perplexity", "bad key", 401, b"<html><head><title>401 Authorization Required</title></head></html>"),
    Row(
        "perplexity",
        "unknown model",
        400,
        _openai("Invalid model 'x'. Permitted models can be found …", 400, "invalid_model"),
    ),
    Row("openrouter", "bad key", 401, {"error": {"message": "No auth credentials found", "code": 401}}),
    Row("openrouter", "unknown model", 400, {"error": {"message": "x/y is not a valid model ID", "code": 400}}),
    Row("openrouter", "unknown model", 404, {"error": {"message": "No endpoints found for x/y.", "code": 404}}),
    Row("openrouter", "no credit", 402, {"error": {"message": "Insufficient credits", "code": 402}}),
    Row(
        "openrouter",
        "rate limit",
        429,
        {"error": {"message": "Provider returned error", "code": 429, "metadata": {"raw": "retry shortly"}}},
    ),
    Row(
        "openrouter",
        "rate limit",
        429,
        {"error": {"message": "Rate limit exceeded: free-models-per-min.", "code": 429}},
        {"x-ratelimit-limit": "20", "x-ratelimit-remaining": "0", "x-ratelimit-reset": _in(7200, _epoch_ms)},
        7200,
    ),
    Row("openrouter", "server error", 502, {"error": {"message": "Provider returned error", "code": 502}}),
    Row("huggingface", "bad key", 401, {"error": "Invalid username or password."}),
    Row("huggingface", "unknown model", 400, _openai("The requested model 'x' does not exist.", "model_not_found")),
    Row("huggingface", "no credit", 402, {"error": "You have exceeded your monthly included credits."}),
    Row(
        "huggingface",
        "too long",
        422,
        {
            "error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8.",
            "error_type": "validation",
        },
    ),
    Row("huggingface", "overload", 503, {"error": "Model x is currently loading", "estimated_time": 20.0}),
    Row(
        "cerebras",
        "bad key",
        401,
        {"message": "Wrong API Key", "type": "invalid_request_error", "code": "wrong_api_key"},
    ),
    Row("cerebras", "unknown model", 404, {"message": "Model x does not exist", "code": "model_not_found"}),
    Row(
        "cerebras",
        "too long",
        400,
        {"message": "Please reduce the length of the messages.", "code": "context_length_exceeded"},
    ),
    Row(
        "cerebras",
        "rate limit",
        429,
        {
            "message": "Tokens per minute limit exceeded",
            "code": "token_quota_exceeded",
            "type": "too_many_tokens_error",
        },
        {
            "x-ratelimit-limit-requests-day": "14400",
            "x-ratelimit-remaining-requests-day": "14000",
            "x-ratelimit-reset-requests-day": "33011.38",
            "x-ratelimit-limit-tokens-minute": "60000",
            "x-ratelimit-remaining-tokens-minute": "12",
            "x-ratelimit-reset-tokens-minute": "11.38",
        },
        11.38,
    ),
    Row("cerebras", "overload", 503, {"message": "We're experiencing high traffic", "code": "queue_exceeded"}),
    Row("together", "unknown model", 404, _openai("Unable to access model x.", "model_not_available")),
    Row("together", "too long", 422, _openai("`inputs` tokens + `max_new_tokens` must be <= 8. Given: 9")),
    Row("together", "rate limit", 429, _openai("Rate limit", None, "model_rate_limit"), {"x-ratelimit-reset": "1"}, 1),
    Row(
        "fireworks",
        "bad key",
        401,
        {"error": {"message": "The API key you provided is invalid.", "code": "UNAUTHORIZED"}},
    ),
    Row(
        "fireworks", "unknown model", 404, {"error": {"message": "Model not found, inaccessible", "code": "NOT_FOUND"}}
    ),
    Row("fireworks", "too long", 400, _openai("The prompt is too long: 9, model maximum context length: 8")),
    Row("vllm", "bad key", 401, {"error": "Unauthorized"}),
    Row("vllm", "unknown model", 404, _openai("The model `x` does not exist.", 404, "NotFoundError")),
    Row("vllm", "bad request", 400, _openai("'temperature' must be non-negative", 400, "BadRequestError")),
    Row("vllm", "too long", 400, _openai("This model's maximum context length is 8 tokens.", 400, "BadRequestError")),
    Row("vllm", "server error", 500, {"object": "error", "message": "x", "type": "InternalServerError", "code": 500}),
    Row(
        "llamacpp",
        "bad key",
        401,
        {"error": {"code": 401, "message": "Invalid API Key", "type": "authentication_error"}},
    ),
    Row(
        "llamacpp",
        "too long",
        400,
        {"error": {"code": 400, "message": "exceeds the available context size", "type": "exceed_context_size_error"}},
    ),
    Row("llamacpp", "overload", 503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}),
    Row("lmstudio", "unknown model", 404, _openai("Model not found", "model_not_found")),
    Row("lmstudio", "too long", 400, {"error": "The number of tokens to keep is greater than the context length."}),
    Row("vertex", "unknown model", 404, _google(404, "NOT_FOUND", "Publisher Model `x` not found.")),
    Row("vertex", "rate limit", 429, _google(429, "RESOURCE_EXHAUSTED", "Resource exhausted. Please try again later.")),
    Row("vertex", "bad request", 400, _google(400, "INVALID_ARGUMENT", "Unable to submit request because of a value.")),
)
"""By wire format, then by provider. A provider has the rows of its wire, and its own."""

ROWS += tuple(replace(row, whom="openai_completions") for row in ROWS if row.whom == "openai_chat")


def _sse(value: Any, name: str | None = None) -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(value)}\n\n".encode()


def _failed_response(code: str) -> Any:
    response = {"id": "r", "object": "response", "status": "failed", "error": {"code": code, "message": "Failed."}}
    return {"type": "response.failed", "sequence_number": 9, "response": {**response, "output": [], "model": "m"}}


IN_STREAM: tuple[tuple[str, bytes, type[WyeError]], ...] = (
    ("openai_chat", _sse(_openai("Overloaded.", "overloaded_error", "server_error")), OverloadedError),
    ("openai_chat", _sse(_openai("Slow down.", 429, None)), RateLimitError),
    ("openai_chat", _sse(_openai("It failed.", None, "server_error"), "error"), UpstreamError),
    ("openai_completions", _sse(_openai("It failed.", None, "server_error")), UpstreamError),
    ("openai_responses", _sse({"type": "error", "code": "server_error", "message": "x"}, "error"), UpstreamError),
    ("openai_responses", _sse(_failed_response("rate_limit_exceeded"), "response.failed"), RateLimitError),
    ("anthropic_messages", _sse(_anthropic("overloaded_error", "Overloaded"), "error"), OverloadedError),
    ("anthropic_messages", _sse(_anthropic("api_error", "Internal server error"), "error"), UpstreamError),
    ("gemini", _sse(_google(503, "UNAVAILABLE", "The model is overloaded.")), OverloadedError),
    ("gemini", _sse(_google(429, "RESOURCE_EXHAUSTED", "Quota.")), RateLimitError),
    ("bedrock_converse", exception_frame("throttlingException", b'{"message":"Too many tokens"}'), RateLimitError),
    ("bedrock_converse", exception_frame("modelStreamErrorException", b'{"message":"Failed"}'), UpstreamError),
    ("bedrock_converse", exception_frame("serviceUnavailableException", b'{"message":"x"}'), OverloadedError),
    (
        "cohere_chat",
        _sse({"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "It failed."}}, "message-end"),
        UpstreamError,
    ),
    ("ollama_chat", b'{"error":"an error was encountered while running the model"}\n', UpstreamError),
)
"""What a wire says in a stream whose status was 200, after its first words."""

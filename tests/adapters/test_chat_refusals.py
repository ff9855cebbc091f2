"""A context that is too long is one error, whatever the provider's words and status; a server without tools says so."""

import json

import pytest

from wye.adapters import load
from wye.core.errors import ContextLengthError, RateLimitError, UnsupportedParameterError, UpstreamError

TOO_LONG = {
    "openai": "This model's maximum context length is 128000 tokens. However, your messages resulted in 130011 tokens.",
    "azure": "This model's maximum context length is 8192 tokens, however you requested 9000 tokens.",
    "deepseek": "This model's maximum context length is 131072 tokens. However, you requested 140000 tokens",
    "groq": "Please reduce the length of the messages or completion.",
    "mistral": "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
    "grok4": "This model's maximum prompt length is 131072 but the request contains 200000 tokens.",
    "together": "`inputs` tokens + `max_new_tokens` must be <= 8193. Given: 9000 `inputs` tokens",
    "fireworks": "The prompt is too long: 140000, model maximum context length: 131072",
    "openrouter": "This endpoint's maximum context length is 200000 tokens. However, you requested about 300000 tokens",
    "vllm": "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens",
    "llamacpp": "the request exceeds the available context size, try increasing it",
    "lmstudio": "The number of tokens to keep from the initial prompt is greater than the context length",
    "huggingface": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096",
    "cerebras": "Please reduce the length of the messages or completion. Current length is 9000 while limit is 8192",
}


@pytest.mark.parametrize("status", [400, 413, 422, 429, 500])
@pytest.mark.parametrize("provider", TOO_LONG)
def test_a_context_that_is_too_long_is_one_error_whatever_its_status(provider: str, status: int) -> None:
    body = json.dumps({"error": {"message": TOO_LONG[provider], "type": "error", "code": None}}).encode()
    error = load("openai_chat").parse_error(status, {}, body)
    assert type(error) is ContextLengthError
    assert (error.code, error.upstream_status) == ("context_length_exceeded", status)


def test_a_limit_of_tokens_in_a_minute_is_no_limit_of_context() -> None:
    words = "The number of input tokens would exceed your organization's rate limit of 30,000 tokens per minute."
    body = json.dumps({"error": {"message": words}}).encode()
    assert type(load("openai_chat").parse_error(429, {}, body)) is RateLimitError


def test_a_server_without_tools_is_told_with_which_flags_to_start() -> None:
    words = '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'
    body = json.dumps({"object": "error", "message": words, "type": "BadRequestError", "code": 400}).encode()
    error = load("openai_chat").parse_error(400, {}, body)
    assert type(error) is UnsupportedParameterError
    assert error.param == "tools"
    assert "start the server with '--enable-auto-tool-choice --tool-call-parser" in error.message
    body = json.dumps({"error": {"message": "tools param requires --jinja flag", "code": 500}}).encode()
    error = load("openai_chat").parse_error(500, {}, body)
    assert type(error) is UpstreamError
    assert "start the server with '--jinja'" in error.message

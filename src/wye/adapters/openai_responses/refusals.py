"""Reads errors: OpenAI's envelope, xAI's, an error event's, and that of a response that failed."""

import json
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from wye.adapters import says_too_long
from wye.core.errors import (
    ContentFilteredError,
    ContextLengthError,
    InvalidRequestError,
    OverloadedError,
    ProviderAuthenticationError,
    ProviderModelMissingError,
    ProviderPermissionError,
    QuotaExceededError,
    RateLimitError,
    UnsupportedParameterError,
    UpstreamError,
    WyeError,
    error_class,
)
from wye.core.hints import retry_after


class _Error(Struct):
    """The shapes of an error, laid over one another."""

    error: Any = None
    message: Any = None
    detail: Any = None
    code: Any = None
    type: Any = None
    param: Any = None
    response: Any = None


_decode = msgspec.json.Decoder(_Error | list[_Error] | str | None).decode

_BY_CODE: Final[Mapping[str, type[WyeError]]] = {
    "context_length_exceeded": ContextLengthError,
    "string_above_max_length": ContextLengthError,
    "exceed_context_size_error": ContextLengthError,
    "insufficient_quota": QuotaExceededError,
    "billing_hard_limit_reached": QuotaExceededError,
    "invalid_api_key": ProviderAuthenticationError,
    "authentication_error": ProviderAuthenticationError,
    "permission_error": ProviderPermissionError,
    "model_not_found": ProviderModelMissingError,
    "DeploymentNotFound": ProviderModelMissingError,
    "not_found_error": ProviderModelMissingError,
    "content_filter": ContentFilteredError,
    "content_policy_violation": ContentFilteredError,
    "image_content_policy_violation": ContentFilteredError,
    "cyber_policy_violation": ContentFilteredError,
    "rate_limit_exceeded": RateLimitError,
    "rate_limit_error": RateLimitError,
    "too_many_requests": RateLimitError,
    "overloaded_error": OverloadedError,
    "server_is_overloaded": OverloadedError,
    "slow_down": OverloadedError,
    "unsupported_parameter": UnsupportedParameterError,
    "unsupported_value": UnsupportedParameterError,
    "server_error": UpstreamError,
    "vector_store_timeout": UpstreamError,
    "invalid_prompt": InvalidRequestError,
    "invalid-argument": InvalidRequestError,
    "invalid_request_error": InvalidRequestError,
}
"""Documented codes and types, the most exact first.

Source: https://platform.openai.com/docs/api-reference/responses/object (error) and
https://platform.openai.com/docs/guides/error-codes.
"""

_BY_PHRASE: Final[tuple[tuple[str, type[WyeError]], ...]] = (
    ("maximum context length", ContextLengthError),
    ("exceeds the context window", ContextLengthError),
    ("maximum prompt length", ContextLengthError),
    ("exceeds the available context size", ContextLengthError),
    ("prompt is too long", ContextLengthError),
    ("reduce the length of", ContextLengthError),
    ("incorrect api key", ProviderAuthenticationError),
    ("api key not valid", ProviderAuthenticationError),
    ("model not found", ProviderModelMissingError),
    ("does not exist or your team", ProviderModelMissingError),
    ("supported api model names", ProviderModelMissingError),
)
"""What a refusal says in words where its code does not tell (lower case)."""


def read(status: int, headers: Mapping[str, str], body: bytes) -> WyeError:
    """Read an error of any of the shapes; `status` is 500 where it came inside an answer."""
    message, codes, param = _facts(body)
    kind = next((_BY_CODE[code] for code in codes if code in _BY_CODE), None)
    if kind in {None, InvalidRequestError}:
        lowered = message.lower()
        phrase = next((found for text, found in _BY_PHRASE if text in lowered), None)
        if phrase is None and says_too_long(message):
            phrase = ContextLengthError
        kind = phrase or (kind if kind and status in {200, 400, 422, 500} else error_class(status))
    if kind is UpstreamError and status not in {200, 500}:
        kind = error_class(status)
    if status == 429 and issubclass(kind, InvalidRequestError) and kind is not ContextLengthError:
        kind = RateLimitError
    return kind(
        message or f"the provider answered with status {status}",
        param=param if issubclass(kind, InvalidRequestError) else None,
        retry_after=retry_after(headers, kind, message),
        upstream_status=status,
    )


def _facts(body: bytes) -> tuple[str, list[str], str | None]:
    """Return message, codes (most exact first) and param."""
    try:
        data = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "", [], None
    if isinstance(data, list):
        data = data[0] if data else None
    if data is None or isinstance(data, str):
        return data or "", [], None
    inner = data.error
    if isinstance(data.response, dict):
        inner = data.response.get("error")
    if isinstance(inner, str):
        return inner, [str(code) for code in (data.code, data.type) if code], None
    if isinstance(inner, dict):
        data = _Error(**{name: inner.get(name) for name in ("message", "detail", "code", "type", "param")})
    message = data.message if data.message is not None else data.detail
    text = message if isinstance(message, str) else json.dumps(message, ensure_ascii=False) if message else ""
    codes = [str(code) for code in (data.code, data.type) if code is not None]
    return text, codes, data.param if isinstance(data.param, str) else None

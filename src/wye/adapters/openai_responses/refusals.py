"""Reads errors: OpenAI's envelope, xAI's, an error event's, and that of a response that failed."""

from collections.abc import Mapping
from typing import Final

from wye.adapters import says_too_long
from wye.core.envelope import BY_CODE, facts_of
from wye.core.errors import (
    ContentFilteredError,
    ContextLengthError,
    InvalidRequestError,
    OverloadedError,
    ProviderAuthenticationError,
    ProviderModelMissingError,
    ProviderPermissionError,
    RateLimitError,
    UpstreamError,
    WyeError,
    error_class,
)
from wye.core.hints import retry_after

_BY_CODE: Final[Mapping[str, type[WyeError]]] = {
    **BY_CODE,
    "permission_error": ProviderPermissionError,
    "image_content_policy_violation": ContentFilteredError,
    "cyber_policy_violation": ContentFilteredError,
    "too_many_requests": RateLimitError,
    "server_is_overloaded": OverloadedError,
    "slow_down": OverloadedError,
    "server_error": UpstreamError,
    "vector_store_timeout": UpstreamError,
    "invalid_prompt": InvalidRequestError,
    "invalid-argument": InvalidRequestError,
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
    said = facts_of(body)
    message, param = said.message, said.param
    kind = next((_BY_CODE[code] for code in said.codes if code in _BY_CODE), None)
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

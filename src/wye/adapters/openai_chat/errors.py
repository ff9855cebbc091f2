"""Reads what providers that speak this wire say when they refuse."""

from collections.abc import Mapping
from typing import Final

from wye.adapters import says_too_long
from wye.core.envelope import BY_CODE, facts_of
from wye.core.errors import (
    ContextLengthError,
    InvalidRequestError,
    OverloadedError,
    ProviderAuthenticationError,
    ProviderModelMissingError,
    RateLimitError,
    UnsupportedParameterError,
    UpstreamError,
    WyeError,
    error_class,
)
from wye.core.hints import retry_after

_BY_CODE: Final[Mapping[str, type[WyeError]]] = {
    **BY_CODE,
    "model_not_exist": ProviderModelMissingError,
    "invalid_model": ProviderModelMissingError,
    "capacity_exceeded": OverloadedError,
    "queue_exceeded": OverloadedError,
    "server_overloaded": OverloadedError,
    "tool_use_failed": UpstreamError,
}
"""Documented error codes and types; looked up in that order, before the status."""

_BY_PHRASE: Final[tuple[tuple[str, type[WyeError]], ...]] = (
    ("api key not valid", ProviderAuthenticationError),
    ("incorrect api key", ProviderAuthenticationError),
    ("invalid model", ProviderModelMissingError),
    ("model not found", ProviderModelMissingError),
    ("not a valid model id", ProviderModelMissingError),
    ("supported api model names", ProviderModelMissingError),
    ("server is pinned to", ProviderModelMissingError),
)
"""What a 400 says in words where its code does not tell (lower case)."""

_NEVER_FITS: Final = "request too large for"
"""A limit of tokens in a minute that this one request exceeds alone: waiting does not help."""


_FLAGS: Final[tuple[tuple[str, str], ...]] = (
    ("requires --enable-auto-tool-choice", "'--enable-auto-tool-choice --tool-call-parser <the model's parser>'"),
    ("requires --tool-call-parser", "'--enable-auto-tool-choice --tool-call-parser <the model's parser>'"),
    ("tools param requires --jinja", "'--jinja'"),
)
"""What self-hosted servers say where they were started without tools, and what they want to be started with.

https://docs.vllm.ai/en/latest/features/tool_calling.html
"""


def parse_error(status: int, headers: Mapping[str, str], body: bytes) -> WyeError:
    """Read a refused request."""
    said = facts_of(body)
    message, param = said.message, said.param
    inner = next((int(code) for code in said.codes if code.isdecimal() and len(code) == 3), 0)
    status_here = inner if inner >= 400 and status in {200, 500} else status
    kind = next((_BY_CODE[code] for code in said.codes if code in _BY_CODE), None)
    lowered = message.lower()
    if kind is None or kind is InvalidRequestError:
        phrase = _by_words(lowered, status_here)
        kind = phrase or (kind if status_here in {200, 400, 422} and kind else error_class(status_here))
    if kind is RateLimitError and _NEVER_FITS in lowered:
        kind = ContextLengthError
    if status_here == 429 and issubclass(kind, InvalidRequestError):
        kind = ContextLengthError if kind is ContextLengthError else RateLimitError
    if flags := next((flags for words, flags in _FLAGS if words in lowered), None):
        if status_here < 500:
            kind, param = UnsupportedParameterError, "tools"
        message = f"{message}; to use tools, start the server with {flags}, or send the request without them"
    return kind(
        message or f"the provider answered with status {status}",
        param=param if issubclass(kind, InvalidRequestError) else None,
        retry_after=retry_after(headers, kind, message),
        upstream_status=status,
    )


def _by_words(lowered: str, status: int) -> type[WyeError] | None:
    """Return what a message says in words: that a prompt is too long counts whatever the status."""
    if says_too_long(lowered):
        return ContextLengthError
    if status >= 500:
        return None
    return next((found for text, found in _BY_PHRASE if text in lowered), None)

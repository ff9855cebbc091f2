"""The envelope that most providers put an error into, in every shape it has been seen in, and the codes they share."""

import json
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from wye.core.errors import (
    ContentFilteredError,
    ContextLengthError,
    InvalidRequestError,
    OverloadedError,
    ProviderAuthenticationError,
    ProviderModelMissingError,
    QuotaExceededError,
    RateLimitError,
    UnsupportedParameterError,
    WyeError,
)


class _Envelope(Struct):
    """Every shape, laid over one another. `response` is that of a response which failed."""

    error: Any = None
    message: Any = None
    detail: Any = None
    code: Any = None
    type: Any = None
    param: Any = None
    metadata: Any = None
    response: Any = None


class Facts(Struct, frozen=True):
    """What an error says: its words, its codes (most exact first), and the parameter at fault."""

    message: str = ""
    codes: tuple[str, ...] = ()
    param: str | None = None


BY_CODE: Final[Mapping[str, type[WyeError]]] = {
    "context_length_exceeded": ContextLengthError,
    "string_above_max_length": ContextLengthError,
    "exceed_context_size_error": ContextLengthError,
    "insufficient_quota": QuotaExceededError,
    "billing_hard_limit_reached": QuotaExceededError,
    "invalid_api_key": ProviderAuthenticationError,
    "authentication_error": ProviderAuthenticationError,
    "model_not_found": ProviderModelMissingError,
    "DeploymentNotFound": ProviderModelMissingError,
    "not_found_error": ProviderModelMissingError,
    "content_filter": ContentFilteredError,
    "content_policy_violation": ContentFilteredError,
    "rate_limit_exceeded": RateLimitError,
    "rate_limit_error": RateLimitError,
    "overloaded_error": OverloadedError,
    "unsupported_parameter": UnsupportedParameterError,
    "unsupported_value": UnsupportedParameterError,
    "invalid_request_error": InvalidRequestError,
}
"""Documented codes and types that mean the same wherever this envelope is used."""

_decode: Final = msgspec.json.Decoder(_Envelope | list[_Envelope] | str | None).decode


def facts_of(body: bytes) -> Facts:
    """Read an error; what is none of the shapes says nothing."""
    try:
        data = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Facts()
    if isinstance(data, list):
        data = data[0] if data else None
    if data is None or isinstance(data, str):
        return Facts(data or "")
    inner = data.response.get("error") if isinstance(data.response, dict) else data.error
    if isinstance(inner, str):
        return Facts(inner, tuple(str(code) for code in (data.code, data.type) if code))
    if isinstance(inner, dict):
        data = _Envelope(**{name: inner.get(name) for name in _Envelope.__struct_fields__})
    message = data.message if data.message is not None else data.detail
    text = message if isinstance(message, str) else json.dumps(message, ensure_ascii=False) if message else ""
    raw = data.metadata.get("raw") if isinstance(data.metadata, dict) else None
    return Facts(
        f"{text}: {raw}" if text and isinstance(raw, str) else text,
        tuple(str(code) for code in (data.code, data.type) if code is not None),
        data.param if isinstance(data.param, str) else None,
    )

"""Reads what Bedrock says went wrong: a refused request, an exception frame inside a stream."""

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Struct, field

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
    RequestTooLargeError,
    UnsupportedParameterError,
    UpstreamError,
    UpstreamTimeoutError,
    WyeError,
    error_class,
)
from wye.core.hints import retry_after

_BY_TYPE: Final[Mapping[str, type[WyeError]]] = {
    "validationexception": InvalidRequestError,
    "serializationexception": InvalidRequestError,
    "accessdeniedexception": ProviderPermissionError,
    "optinrequired": ProviderPermissionError,
    "notauthorized": ProviderPermissionError,
    "unrecognizedclientexception": ProviderAuthenticationError,
    "invalidsignatureexception": ProviderAuthenticationError,
    "signaturedoesnotmatch": ProviderAuthenticationError,
    "incompletesignature": ProviderAuthenticationError,
    "incompletesignatureexception": ProviderAuthenticationError,
    "invalidclienttokenid": ProviderAuthenticationError,
    "expiredtoken": ProviderAuthenticationError,
    "expiredtokenexception": ProviderAuthenticationError,
    "missingauthenticationtoken": ProviderAuthenticationError,
    "missingauthenticationtokenexception": ProviderAuthenticationError,
    "resourcenotfoundexception": ProviderModelMissingError,
    "throttlingexception": RateLimitError,
    "throttling": RateLimitError,
    "toomanyrequestsexception": RateLimitError,
    "servicequotaexceededexception": QuotaExceededError,
    "modelnotreadyexception": OverloadedError,
    "serviceunavailableexception": OverloadedError,
    "serviceunavailable": OverloadedError,
    "internalserverexception": UpstreamError,
    "internalfailure": UpstreamError,
    "modelerrorexception": UpstreamError,
    "modelstreamerrorexception": UpstreamError,
    "modeltimeoutexception": UpstreamTimeoutError,
    "requestentitytoolargeexception": RequestTooLargeError,
}
"""Sources: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_Errors
and /CommonErrors.html."""

_BY_PHRASE: Final[tuple[tuple[str, type[WyeError]], ...]] = (
    ("input is too long", ContextLengthError),
    ("prompt is too long", ContextLengthError),
    ("too long for requested model", ContextLengthError),
    ("exceed context limit", ContextLengthError),
    ("maximum context length", ContextLengthError),
    ("context window", ContextLengthError),
    ("context length", ContextLengthError),
    ("too many input tokens", ContextLengthError),
    ("input tokens exceed", ContextLengthError),
    ("exceeds the maximum number of tokens", ContextLengthError),
    ("exceeds the maximum allowed input", ContextLengthError),
    ("model identifier is invalid", ProviderModelMissingError),
    ("on-demand throughput isn", ProviderModelMissingError),
    ("reached the end of its life", ProviderModelMissingError),
    ("content filtering policy", ContentFilteredError),
    ("blocked by content filter", ContentFilteredError),
    ("doesn't support", UnsupportedParameterError),
    ("does not support", UnsupportedParameterError),
    ("is not supported", UnsupportedParameterError),
)
"""What an invalid request says in words (lower case, with straight apostrophes)."""

_KEY_PHRASES: Final = ("api key", "security token", "authentication failed", "signature")
"""What a refusal of access says in words where it is the key that is refused."""


class _Body(Struct):
    """Whatever stands there: a gateway in between has its own ideas of a code."""

    message: object = None
    title_message: object = field(default=None, name="Message")
    kind: object = field(default=None, name="__type")
    code: object = None
    original_status: object = field(default=None, name="originalStatusCode")
    original_message: object = field(default=None, name="originalMessage")


_decode = msgspec.json.Decoder(_Body).decode


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> WyeError:
    """Read a refused request; its kind stands in a header, or in the body."""
    facts = _facts(body)
    kind = _plain_name(headers.get("x-amzn-errortype") or facts.kind or facts.code)
    return _error(status, kind, facts, headers)


def raised_in_stream(name: str | None, data: bytes) -> WyeError:
    """Read an exception frame: `name` is its `:exception-type`."""
    facts = _facts(data)
    status = facts.original_status if isinstance(facts.original_status, int) else 200
    return _error(status, _plain_name(name), facts, {})


def _facts(body: bytes) -> _Body:
    try:
        return _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Body()


def _plain_name(kind: object) -> str:
    """Take away what stands around a name: `com.amazon.coral#` before it, `:http://…` behind it."""
    return kind.partition(":")[0].rpartition("#")[2].strip().lower() if isinstance(kind, str) else ""


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _error(status: int, name: str, facts: _Body, headers: Mapping[str, str]) -> WyeError:
    said = _text(facts.message) or _text(facts.title_message)
    if (cause := _text(facts.original_message)) and cause not in said:
        said = f"{said}: {cause}" if said else cause
    kind = _BY_TYPE.get(name) or error_class(status)
    lowered = said.lower().replace("’", "'")
    if kind is InvalidRequestError and says_too_long(said):
        kind = ContextLengthError
    elif kind is InvalidRequestError:
        kind = next((found for phrase, found in _BY_PHRASE if phrase in lowered), kind)
    elif kind is ProviderPermissionError and any(phrase in lowered for phrase in _KEY_PHRASES):
        kind = ProviderAuthenticationError
    if kind is ProviderAuthenticationError:
        said = said.partition("\n")[0]  # what follows repeats the request's headers, a session's token among them
    message = said or f"the provider answered with status {status}" + (f" ({name})" if name else "")
    return kind(message, retry_after=retry_after(headers, kind, said), upstream_status=status)

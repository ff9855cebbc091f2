"""Every error Wye raises on purpose, with what a caller and a retry loop need to know about it.

::

    WyeError
    ├── ConfigurationError                500  configuration_error           settings that cannot work
    ├── SignInUnavailableError            503  sign_in_unavailable           nobody can say now whether the key is right
    ├── StateUnavailableError             503  state_unavailable             what processes share is away
    ├── BooksUnavailableError             503  books_unavailable             usage cannot be written down
    ├── StoreUnavailableError             503  store_unavailable             the database is away
    ├── RequestError                      the caller's request is the reason; another provider would say the same
    │   ├── InvalidRequestError           400  invalid_request
    │   │   ├── UnsupportedParameterError 400  unsupported_parameter         this wire or model cannot express it
    │   │   ├── UnsupportedOperationError 400  unsupported_operation         this model or wire cannot do it at all
    │   │   └── ContextLengthError        400  context_length_exceeded       (another model may take it)
    │   ├── ContentFilteredError          400  content_filter
    │   ├── AuthenticationError           401  invalid_api_key               the caller's key
    │   ├── PermissionDeniedError         403  permission_denied
    │   ├── TooManyAttemptsError          429  too_many_attempts             too many wrong keys from one address
    │   ├── ModelNotFoundError            404  model_not_found
    │   ├── RouteNotFoundError            404  not_found
    │   ├── MethodNotAllowedError         405  method_not_allowed
    │   ├── RequestTooLargeError          413  request_too_large
    │   ├── LimitExceededError            429  rate_limit_exceeded           the caller's own limit, set here
    │   └── BudgetExceededError           402  budget_exceeded               what the caller may spend, set here
    └── ProviderError                     the provider is the reason; another one may answer
        ├── ProviderAuthenticationError   401  provider_authentication_failed
        ├── ProviderPermissionError       403  provider_permission_denied
        ├── ProviderModelMissingError     404  model_not_found
        ├── QuotaExceededError            429  insufficient_quota
        ├── RateLimitError                429  rate_limit_exceeded           retryable
        ├── OverloadedError               503  overloaded                    retryable
        ├── UpstreamError                 502  upstream_error                retryable
        ├── MalformedResponseError        502  malformed_response            retryable
        ├── AnswerTooLargeError           502  answer_too_large              longer than 'max_answer_bytes'
        ├── ConnectionFailedError         502  connection_failed             retryable
        ├── StreamInterruptedError        502  stream_interrupted            retryable
        ├── AddressRefusedError           502  address_refused               a private address, not allowed
        ├── UpstreamTimeoutError          504  timeout                       retryable
        │   └── ConnectionTimeoutError    504  timeout                       retryable, not even connected
        └── DeadlineExceededError         504  deadline_exceeded

`type` is OpenAI's error type, `code` is stable and may be matched on, `param` names the field at fault.
"""

from typing import ClassVar, Literal, Self

from msgspec import Struct

from wye.core.usage import Usage


class WyeError(Exception):
    """The root of the tree. `message` is safe to show to a caller: it holds no secret and no prompt text."""

    status_code: ClassVar[int] = 500
    type: ClassVar[str] = "api_error"
    default_code: ClassVar[str] = "internal_error"
    retryable: ClassVar[bool] = False
    fails_over: ClassVar[bool] = False
    """Whether the next attempt of a plan may do better."""

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        provider: str | None = None,
        retry_after: float | None = None,
        upstream_status: int | None = None,
    ) -> None:
        """Make an error; `retry_after` is in seconds, `upstream_status` the provider's HTTP status.

        `usage` may be set to what had been used up before it, where that is known.
        """
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.param = param
        self.provider = provider
        self.retry_after = retry_after
        self.upstream_status = upstream_status
        self.request_id: str | None = None
        """The id of the request that failed, where whoever answers it knows one."""
        self.details: bytes | None = None
        """What the provider said beside the message, as JSON; only clients of its own wire format understand it."""
        self.usage: Usage | None = None

    def at(self, provider: str) -> Self:
        """Name the provider this error came from, once it is known."""
        if self.provider is None:
            self.provider = provider
        return self


class ConfigurationError(WyeError):
    """Settings that cannot work; the message names the setting and what to write instead."""

    default_code = "configuration_error"


class StateUnavailableError(WyeError):
    """What the processes of this deployment keep together cannot be reached, and the request cannot do without it."""

    status_code = 503
    default_code = "state_unavailable"


class BooksUnavailableError(WyeError):
    """What requests use cannot be written down any more, so none is let in."""

    status_code = 503
    default_code = "books_unavailable"


class StoreUnavailableError(WyeError):
    """The database cannot be reached or is too slow, and the request cannot do without it."""

    status_code = 503
    default_code = "store_unavailable"


class SignInUnavailableError(WyeError):
    """Nobody can say now whether the caller's key is right."""

    status_code = 503
    default_code = "sign_in_unavailable"


class RequestError(WyeError):
    """The caller's request is the reason."""

    status_code = 400
    type = "invalid_request_error"


class InvalidRequestError(RequestError):
    """The request is malformed or holds a value that is not allowed."""

    default_code = "invalid_request"


class UnsupportedParameterError(InvalidRequestError):
    """A parameter that the wire format or the model cannot express; `param` names it."""

    default_code = "unsupported_parameter"
    fails_over = True


class UnsupportedOperationError(InvalidRequestError):
    """Something a model or its provider's wire format cannot do at all: embeddings from a chat model, say."""

    default_code = "unsupported_operation"
    fails_over = True


class ContextLengthError(InvalidRequestError):
    """Input and requested output do not fit the model's context window."""

    default_code = "context_length_exceeded"
    fails_over = True


class ContentFilteredError(RequestError):
    """The provider's policy refused the prompt."""

    default_code = "content_filter"


class AuthenticationError(RequestError):
    """The caller's own key is missing or wrong."""

    status_code = 401
    type = "authentication_error"
    default_code = "invalid_api_key"


class PermissionDeniedError(RequestError):
    """The caller may not do this."""

    status_code = 403
    type = "permission_error"
    default_code = "permission_denied"


class TooManyAttemptsError(RequestError):
    """Too many wrong keys came from this address; `retry_after` says when to try again."""

    status_code = 429
    type = "rate_limit_error"
    default_code = "too_many_attempts"


class ModelNotFoundError(RequestError):
    """The name fits no model; the message lists near names."""

    status_code = 404
    default_code = "model_not_found"


class RouteNotFoundError(RequestError):
    """No such path."""

    status_code = 404
    default_code = "not_found"


class MethodNotAllowedError(RequestError):
    """The path exists, the method does not."""

    status_code = 405
    default_code = "method_not_allowed"


class RequestTooLargeError(RequestError):
    """The body is longer than the server takes."""

    status_code = 413
    default_code = "request_too_large"


class RefusedBy(Struct, frozen=True):
    """What refused a request: `by` a limit or a budget, whose it is, and the limit's name or the budget's period."""

    by: Literal["limit", "budget"]
    scope: str
    target: str
    measure: str


class LimitExceededError(RequestError):
    """The caller has asked as often, or as much, as its limits let it; `retry_after` says when that is over."""

    status_code = 429
    type = "rate_limit_error"
    default_code = "rate_limit_exceeded"
    refused_by: "RefusedBy | None" = None


class BudgetExceededError(RequestError):
    """A budget holds less than the request would likely cost; `retry_after` says when its next period begins.

    It is a 402 on every wire: clients try a 429 again by themselves, which would not help.
    """

    refused_by: "RefusedBy | None" = None

    status_code = 402
    type = "insufficient_quota"
    default_code = "budget_exceeded"


class ProviderError(WyeError):
    """The provider is the reason."""

    status_code = 502
    default_code = "upstream_error"
    fails_over = True


class ProviderAuthenticationError(ProviderError):
    """The provider refused the key Wye holds for it."""

    status_code = 401
    type = "authentication_error"
    default_code = "provider_authentication_failed"


class ProviderPermissionError(ProviderError):
    """The provider's key may not use this model or feature."""

    status_code = 403
    type = "permission_error"
    default_code = "provider_permission_denied"


class ProviderModelMissingError(ProviderError):
    """The provider does not know the model."""

    status_code = 404
    type = "invalid_request_error"
    default_code = "model_not_found"


class QuotaExceededError(ProviderError):
    """The account at the provider has no credit or quota left; waiting does not help."""

    status_code = 429
    type = "insufficient_quota"
    default_code = "insufficient_quota"


class RateLimitError(ProviderError):
    """Too many requests or tokens for now; `retry_after` says how long to wait where the provider said it."""

    status_code = 429
    type = "rate_limit_error"
    default_code = "rate_limit_exceeded"
    retryable = True


class OverloadedError(ProviderError):
    """The provider has no capacity at the moment."""

    status_code = 503
    type = "overloaded_error"
    default_code = "overloaded"
    retryable = True


class UpstreamError(ProviderError):
    """The provider failed inside."""

    retryable = True


class MalformedResponseError(ProviderError):
    """The provider's answer is not in its own format."""

    default_code = "malformed_response"
    retryable = True


class AnswerTooLargeError(ProviderError):
    """The provider's answer is longer than anybody wants to keep in memory."""

    default_code = "answer_too_large"


class ConnectionFailedError(ProviderError):
    """No connection: refused, reset, TLS or name resolution."""

    default_code = "connection_failed"
    retryable = True


class StreamInterruptedError(ProviderError):
    """A stream ended before its end marker."""

    default_code = "stream_interrupted"
    retryable = True


class AddressRefusedError(ProviderError):
    """A custom endpoint resolves to a private address and is not allowed to."""

    default_code = "address_refused"


class UpstreamTimeoutError(ProviderError):
    """The provider stayed silent for longer than its timeout."""

    status_code = 504
    type = "timeout_error"
    default_code = "timeout"
    retryable = True


class ConnectionTimeoutError(UpstreamTimeoutError):
    """The provider let no connection come about within the time for that."""


class DeadlineExceededError(ProviderError):
    """The time for the whole chain of attempts is over."""

    status_code = 504
    type = "timeout_error"
    default_code = "deadline_exceeded"
    fails_over = False


_BY_STATUS: dict[int, type[WyeError]] = {
    400: InvalidRequestError,
    401: ProviderAuthenticationError,
    402: QuotaExceededError,
    403: ProviderPermissionError,
    404: ProviderModelMissingError,
    408: UpstreamTimeoutError,
    413: RequestTooLargeError,
    422: InvalidRequestError,
    429: RateLimitError,
    503: OverloadedError,
    504: UpstreamTimeoutError,
    529: OverloadedError,
}


def error_class(status: int) -> type[WyeError]:
    """Return the class of a provider's HTTP status where its body says nothing more exact."""
    if known := _BY_STATUS.get(status):
        return known
    return InvalidRequestError if 400 <= status < 500 else UpstreamError

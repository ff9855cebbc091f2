"""Wye: a self-hosted junction for every language model.

Importing this does no I/O and opens nothing; a router is made by `ModelRouter.from_env()`.
"""

from wye.catalog.schema import ModelInfo
from wye.client import ClientResponse, LLMClient, ToolUse
from wye.core.content import FunctionCall, ToolCall
from wye.core.errors import (
    AddressRefusedError,
    AnswerTooLargeError,
    AuthenticationError,
    BooksUnavailableError,
    BudgetExceededError,
    ConfigurationError,
    ConnectionFailedError,
    ConnectionTimeoutError,
    ContentFilteredError,
    ContextLengthError,
    DeadlineExceededError,
    InvalidRequestError,
    LimitExceededError,
    MalformedResponseError,
    MethodNotAllowedError,
    ModelNotFoundError,
    OverloadedError,
    PermissionDeniedError,
    ProviderAuthenticationError,
    ProviderError,
    ProviderModelMissingError,
    ProviderPermissionError,
    QuotaExceededError,
    RateLimitError,
    RequestError,
    RequestTooLargeError,
    RouteNotFoundError,
    SignInUnavailableError,
    StateUnavailableError,
    StoreUnavailableError,
    StreamInterruptedError,
    TooManyAttemptsError,
    UnsupportedOperationError,
    UnsupportedParameterError,
    UpstreamError,
    UpstreamTimeoutError,
    WyeError,
)
from wye.core.request import ChatRequest
from wye.core.response import Choice, ChoiceDelta, ModelResponse, StreamChunk
from wye.core.usage import Usage
from wye.dispatch.factory import ModelProviderFactory
from wye.dispatch.in_process import BaseModelProvider, ModelCapabilities, ModelConfig
from wye.dispatch.retry import RetryConfig
from wye.insights.program import Telemetry
from wye.library import ModelRouter, RoutingContext, RoutingStrategy, SyncModelRouter, get_router
from wye.registry import ModelRegistry, Statistics
from wye.routing.recommend import Recommended

__version__ = "0.1.0"

__all__ = [
    "AddressRefusedError",
    "AnswerTooLargeError",
    "AuthenticationError",
    "BaseModelProvider",
    "BooksUnavailableError",
    "BudgetExceededError",
    "ChatRequest",
    "Choice",
    "ChoiceDelta",
    "ClientResponse",
    "ConfigurationError",
    "ConnectionFailedError",
    "ConnectionTimeoutError",
    "ContentFilteredError",
    "ContextLengthError",
    "DeadlineExceededError",
    "FunctionCall",
    "InvalidRequestError",
    "LLMClient",
    "LimitExceededError",
    "MalformedResponseError",
    "MethodNotAllowedError",
    "ModelCapabilities",
    "ModelConfig",
    "ModelInfo",
    "ModelNotFoundError",
    "ModelProviderFactory",
    "ModelRegistry",
    "ModelResponse",
    "ModelRouter",
    "OverloadedError",
    "PermissionDeniedError",
    "ProviderAuthenticationError",
    "ProviderError",
    "ProviderModelMissingError",
    "ProviderPermissionError",
    "QuotaExceededError",
    "RateLimitError",
    "Recommended",
    "RequestError",
    "RequestTooLargeError",
    "RetryConfig",
    "RouteNotFoundError",
    "RoutingContext",
    "RoutingStrategy",
    "SignInUnavailableError",
    "StateUnavailableError",
    "Statistics",
    "StoreUnavailableError",
    "StreamChunk",
    "StreamInterruptedError",
    "SyncModelRouter",
    "Telemetry",
    "TooManyAttemptsError",
    "ToolCall",
    "ToolUse",
    "UnsupportedOperationError",
    "UnsupportedParameterError",
    "UpstreamError",
    "UpstreamTimeoutError",
    "Usage",
    "WyeError",
    "get_router",
]

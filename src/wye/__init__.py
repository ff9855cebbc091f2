"""Wye: a self-hosted junction for every language model.

Importing this does no I/O and opens nothing; a router is made by `ModelRouter.from_env()`.
"""

from wye.catalog.schema import ModelInfo
from wye.core.content import FunctionCall, ToolCall
from wye.core.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    ContentFilteredError,
    ContextLengthError,
    DeadlineExceededError,
    InvalidRequestError,
    MalformedResponseError,
    ModelNotFoundError,
    OverloadedError,
    PermissionDeniedError,
    ProviderAuthenticationError,
    ProviderError,
    QuotaExceededError,
    RateLimitError,
    RequestError,
    StreamInterruptedError,
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
from wye.library import ModelRegistry, ModelRouter, RoutingContext, RoutingStrategy, SyncModelRouter, get_router

__version__ = "0.1.0"

__all__ = [
    "AuthenticationError",
    "BaseModelProvider",
    "ChatRequest",
    "Choice",
    "ChoiceDelta",
    "ConfigurationError",
    "ConnectionFailedError",
    "ContentFilteredError",
    "ContextLengthError",
    "DeadlineExceededError",
    "FunctionCall",
    "InvalidRequestError",
    "MalformedResponseError",
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
    "QuotaExceededError",
    "RateLimitError",
    "RequestError",
    "RetryConfig",
    "RoutingContext",
    "RoutingStrategy",
    "StreamChunk",
    "StreamInterruptedError",
    "SyncModelRouter",
    "ToolCall",
    "UnsupportedParameterError",
    "UpstreamError",
    "UpstreamTimeoutError",
    "Usage",
    "WyeError",
    "get_router",
]

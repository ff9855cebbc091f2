"""Every name of OpenTelemetry's conventions that is used here, once.

Those of generative AI: https://opentelemetry.io/docs/specs/semconv/gen-ai/. Names that begin with `wye.` are our own:
there is none for what they say.
"""

from collections.abc import Mapping
from typing import Final

from wye.core.request import Operation

OPERATION_NAME: Final = "gen_ai.operation.name"
PROVIDER_NAME: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
REQUEST_STREAM: Final = "gen_ai.request.stream"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
RESPONSE_TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
CONVERSATION_ID: Final = "gen_ai.conversation.id"
USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
USAGE_CACHE_READ: Final = "gen_ai.usage.cache_read.input_tokens"
USAGE_CACHE_CREATION: Final = "gen_ai.usage.cache_creation.input_tokens"
USAGE_REASONING: Final = "gen_ai.usage.reasoning.output_tokens"
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
TOKEN_TYPE: Final = "gen_ai.token.type"
ERROR_TYPE: Final = "error.type"
TOKEN_USAGE: Final = "gen_ai.client.token.usage"
OPERATION_DURATION: Final = "gen_ai.client.operation.duration"
TIME_TO_FIRST_CHUNK: Final = "gen_ai.client.operation.time_to_first_chunk"

REQUEST_ID: Final = "wye.request.id"
SURFACE: Final = "wye.surface"
USER: Final = "wye.user"
KEY: Final = "wye.key"
TEAM: Final = "wye.team"
CACHE: Final = "wye.cache"
COST_USD: Final = "wye.cost_usd"
CALLS: Final = "wye.calls"
STRATEGY: Final = "wye.strategy"
REASON: Final = "wye.reason"
REFUSED_REQUESTS: Final = "wye.refused_requests"
REFUSED_BY: Final = "wye.refused_by"
SCOPE: Final = "wye.scope"
MEASURE: Final = "wye.measure"

OPERATIONS: Final[Mapping[Operation, str]] = {
    "chat": "chat",
    "completions": "text_completion",
    "embeddings": "embeddings",
    "rerank": "rerank",
}
"""What the conventions call an operation; others keep the name they have here."""

TOKEN_BUCKETS: Final = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)
DURATION_BUCKETS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
FIRST_CHUNK_BUCKETS: Final = (
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
)  # fmt: skip
"""The bounds that https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/ wants."""

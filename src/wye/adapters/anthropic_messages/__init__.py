"""Anthropic's Messages API.

Shapes: https://docs.anthropic.com/en/api/messages and /en/docs/build-with-claude/streaming.
"""

from typing import Final

from wye.adapters.anthropic_messages.answer import parse_error, parse_event, parse_response
from wye.adapters.anthropic_messages.counting import build_count_tokens, parse_count_tokens
from wye.adapters.anthropic_messages.request import build_request
from wye.adapters.anthropic_messages.same import WIRE
from wye.core.wire import Framing

FRAMING: Final[Framing] = "sse"

__all__ = [
    "FRAMING",
    "WIRE",
    "build_count_tokens",
    "build_request",
    "parse_count_tokens",
    "parse_error",
    "parse_event",
    "parse_response",
]

"""OpenAI's Responses API as providers speak it.

Shapes: https://platform.openai.com/docs/api-reference/responses, and what xAI, DeepSeek, OpenRouter and llama.cpp make
of them in recorded traffic. Read leniently.
"""

from typing import Final

from wye.adapters.openai_responses.answer import parse_error, parse_event, parse_response
from wye.adapters.openai_responses.request import WIRE, build_request
from wye.core.wire import Framing

FRAMING: Final[Framing] = "sse"

__all__ = ["FRAMING", "WIRE", "build_request", "parse_error", "parse_event", "parse_response"]

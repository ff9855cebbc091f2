"""OpenAI's Chat Completions as providers speak it, with the deviations seen in recorded traffic of fifteen of them.

Shapes: https://platform.openai.com/docs/api-reference/chat. What a provider does otherwise is data (`WireTraits`). Read
leniently: a provider that sends `null` for a list, a list of parts for a text, or a float for a count is understood.
"""

from typing import Final

from wye.adapters.openai_chat.answer import parse_event, parse_response, skim_response
from wye.adapters.openai_chat.errors import parse_error
from wye.adapters.openai_chat.request import WIRE, build_request
from wye.core.wire import Framing

FRAMING: Final[Framing] = "sse"
NEEDS_BYTES: Final = frozenset({"file"})

__all__ = [
    "FRAMING", "NEEDS_BYTES", "WIRE", "build_request", "parse_error", "parse_event", "parse_response", "skim_response",
]  # fmt: skip

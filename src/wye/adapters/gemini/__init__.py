"""Gemini's generateContent, as the Gemini API and Vertex AI speak it.

Shapes: https://ai.google.dev/api/generate-content, /gemini-api/docs/thought-signatures and
https://cloud.google.com/apis/design/errors. Enumerations may come as numbers, as Google's gRPC clients ask for them.
"""

from typing import Final

from wye.adapters.gemini.answer import parse_error, parse_event, parse_response
from wye.adapters.gemini.request import build_request
from wye.adapters.gemini.thoughts import WIRE
from wye.core.wire import Framing

FRAMING: Final[Framing] = "sse"

__all__ = ["FRAMING", "WIRE", "build_request", "parse_error", "parse_event", "parse_response"]

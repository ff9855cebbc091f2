"""Cohere's chat, version 2.

Shapes: https://docs.cohere.com/reference/chat, /reference/chat-stream and /reference/errors.
"""

from typing import Final

from wye.adapters.cohere_chat.answer import parse_error, parse_event, parse_response
from wye.adapters.cohere_chat.request import WIRE, build_request
from wye.core.wire import Framing

FRAMING: Final[Framing] = "sse"

__all__ = ["FRAMING", "WIRE", "build_request", "parse_error", "parse_event", "parse_response"]

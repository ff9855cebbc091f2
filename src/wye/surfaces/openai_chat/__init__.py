"""OpenAI's Chat Completions as clients speak it.

Shapes: https://platform.openai.com/docs/api-reference/chat, and the fields other vendors added to them that clients
have come to expect (`reasoning_content`, `reasoning_details`).
"""

from wye.surfaces.openai_chat.answer import open_stream, render_error, render_response, render_turn, render_usage
from wye.surfaces.openai_chat.request import FORWARDED, WIRE, parse_request

__all__ = [
    "FORWARDED",
    "WIRE",
    "open_stream",
    "parse_request",
    "render_error",
    "render_response",
    "render_turn",
    "render_usage",
]

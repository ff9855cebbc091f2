"""OpenAI's old completions of a prompt as clients speak them.

Shapes: https://platform.openai.com/docs/api-reference/completions. A model that only chats is asked in a user's words.
"""

from wye.surfaces.openai_completions.answer import open_stream, render_error, render_response
from wye.surfaces.openai_completions.request import FORWARDED, WIRE, parse_request

__all__ = ["FORWARDED", "WIRE", "open_stream", "parse_request", "render_error", "render_response"]

"""OpenAI's Responses API as clients speak it.

Shapes: https://platform.openai.com/docs/api-reference/responses and /responses-streaming.
"""

from wye.surfaces.openai_responses.answer import render_error, render_response
from wye.surfaces.openai_responses.request import FORWARDED, parse_request
from wye.surfaces.openai_responses.stream import open_stream
from wye.surfaces.openai_responses.wire import WIRE

__all__ = ["FORWARDED", "WIRE", "open_stream", "parse_request", "render_error", "render_response"]

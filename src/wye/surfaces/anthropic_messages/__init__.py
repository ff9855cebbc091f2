"""Anthropic's Messages API as clients speak it.

Shapes: https://docs.anthropic.com/en/api/messages, /en/docs/build-with-claude/streaming and /en/api/errors.
"""

from wye.surfaces.anthropic_messages.answer import render_error, render_response
from wye.surfaces.anthropic_messages.blocks import WIRE
from wye.surfaces.anthropic_messages.request import FORWARDED, parse_request
from wye.surfaces.anthropic_messages.stream import open_stream

__all__ = ["FORWARDED", "WIRE", "open_stream", "parse_request", "render_error", "render_response"]

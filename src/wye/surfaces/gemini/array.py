"""The same API for callers that do not ask for events (`alt=sse`): their stream is one growing JSON array."""

from wye.surfaces.gemini.answer import render_error, render_response
from wye.surfaces.gemini.request import FORWARDED, WIRE, parse_request
from wye.surfaces.gemini.stream import open_array as open_stream

__all__ = ["FORWARDED", "WIRE", "open_stream", "parse_request", "render_error", "render_response"]

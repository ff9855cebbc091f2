"""Gemini's generateContent as clients speak it, to the Gemini API and to Vertex AI.

Shapes: https://ai.google.dev/api/generate-content and https://ai.google.dev/api/caching#Content. Member names may be
camelCase or snake_case, as in all of Google's JSON. The model and whether to stream stand in the request's path.
"""

from wye.surfaces.gemini.answer import render_error, render_response
from wye.surfaces.gemini.request import FORWARDED, WIRE, parse_request
from wye.surfaces.gemini.stream import open_stream

__all__ = ["FORWARDED", "WIRE", "open_stream", "parse_request", "render_error", "render_response"]

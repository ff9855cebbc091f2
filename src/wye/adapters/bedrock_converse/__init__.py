"""Amazon Bedrock's Converse and ConverseStream, one form for the models of every maker.

Shapes: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html and
/API_runtime_ConverseStream.html.
"""

from typing import Final

from wye.adapters.bedrock_converse.answer import parse_error, parse_event, parse_response
from wye.adapters.bedrock_converse.content import WIRE
from wye.adapters.bedrock_converse.request import build_request
from wye.core.wire import Framing

FRAMING: Final[Framing] = "eventstream"
NEEDS_BYTES: Final = frozenset({"image", "file"})

__all__ = ["FRAMING", "NEEDS_BYTES", "WIRE", "build_request", "parse_error", "parse_event", "parse_response"]

"""Estimates how many tokens a request is, for models whose provider does not count before it answers."""

from typing import Final

from wye.core.content import Audio, File, Image, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from wye.core.request import ChatRequest

_BYTES_PER_TOKEN: Final = 4
"""Of English text in the vocabularies of today; other scripts have more bytes a character, and more tokens."""
_MESSAGE_TOKENS: Final = 4
_IMAGE_TOKENS: Final = 1000
_BASE64_BYTES_PER_TOKEN: Final = 100
"""Of documents and sound: a page of some 60 kB of PDF is read as several hundred tokens."""


def estimate_input_tokens(chat: ChatRequest) -> int:
    """Return about how many tokens the messages, tools and schema of a request are; good to a quarter or so."""
    size = 0
    total = _MESSAGE_TOKENS * len(chat.messages)
    for message in chat.messages:
        for part in message.parts:
            if isinstance(part, Text) and part.text.isascii():  # most are; nothing needs to be encoded to be measured
                size += len(part.text)
                continue
            text, tokens = _measure(part)
            size += text
            total += tokens
    for tool in chat.tools:
        size += len(tool.name) + len(tool.description or "") + len(bytes(tool.parameters or b""))
        total += _MESSAGE_TOKENS
    size += sum(len(bytes(tool.raw)) for tool in chat.hosted_tools)
    if chat.response_format is not None:
        size += len(bytes(chat.response_format.schema or b""))
    return total + -(-size // _BYTES_PER_TOKEN)


def _measure(part: Part) -> tuple[int, int]:
    """Return a part's bytes of text and its tokens beside those."""
    match part:
        case Text(text=text) | Refusal(text=text) | Reasoning(text=text):
            return len(text.encode(errors="replace")), 0
        case ToolCall():
            return len(part.name) + len(part.arguments.encode(errors="replace")), _MESSAGE_TOKENS
        case ToolResult():
            measured = [_measure(inner) for inner in part.parts]
            return sum(size for size, _ in measured), sum(tokens for _, tokens in measured) + _MESSAGE_TOKENS
        case Image():
            return 0, _IMAGE_TOKENS
        case Audio(data=data) | File(data=data):
            return 0, max(len(data or "") // _BASE64_BYTES_PER_TOKEN, _IMAGE_TOKENS)
    return 0, 0

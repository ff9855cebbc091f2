"""A provider that needs no key and no network: deterministic answers, tool calls and failures on request.

The request member `mock` steers it, all fields optional:
`{"reply": "…", "reasoning": "…", "tool": "name", "arguments": {…}, "delay": seconds, "pace": seconds per piece,
"status": 429, "retry_after": seconds, "cut_after": pieces}`.
"""

import asyncio
import hashlib
import math
import re
import zlib
from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec
from msgspec import Struct

from wye.core.content import FunctionCall, Image, Reasoning, Text, ToolCall, ToolResult
from wye.core.errors import InvalidRequestError, ProviderModelMissingError, StreamInterruptedError, error_class
from wye.core.operations import EmbeddingsAnswer, EmbeddingsRequest, unsupported
from wye.core.request import ChatRequest, Tool
from wye.core.response import Choice, ChoiceDelta, ModelResponse, StreamChunk, pieces_of
from wye.core.usage import Usage
from wye.dispatch.in_process import BaseModelProvider, ModelCapabilities

_PIECES: Final = re.compile(r"\s*\S+|\s+$")
_TOKENS: Final = re.compile(r"\w+|[^\w\s]")
_IMAGE_TOKENS: Final = 85
_EMBEDDING_MODEL: Final = "mock-embed"
_DIMENSIONS: Final = 256
_MOST_DIMENSIONS: Final = 4096
_PACES: Final = {"mock-fast": (0.0, 0.0), "mock-slow": (1.0, 0.1)}
"""Seconds before the first piece and between pieces, by model."""


class Directions(Struct, frozen=True, forbid_unknown_fields=True):
    """How the mock is told to behave; times are seconds."""

    reply: str | None = None
    reasoning: str | None = None
    tool: str | None = None
    arguments: dict[str, Any] | None = None
    delay: float | None = None
    pace: float | None = None
    status: int | None = None
    retry_after: float | None = None
    cut_after: int | None = None


class MockProvider(BaseModelProvider):
    """Answers `Mock response`, or as told."""

    async def generate(self, request: ChatRequest) -> ModelResponse:
        """Answer after the delay."""
        directions = _directions(request)
        delay, _ = _pace(request, directions)
        await asyncio.sleep(delay)
        if directions.cut_after is not None:
            raise StreamInterruptedError("the mock's answer was cut off, as told")
        return _answer(request, directions)

    async def generate_stream(self, request: ChatRequest) -> AsyncIterator[StreamChunk]:
        """Answer word by word, at the pace."""
        directions = _directions(request)
        delay, pace = _pace(request, directions)
        await asyncio.sleep(delay)
        answer = _answer(request, directions)
        pieces = _pieces(answer)
        for at, piece in enumerate(pieces):
            if directions.cut_after is not None and at >= directions.cut_after:
                break
            if at:
                await asyncio.sleep(pace)
            yield StreamChunk(choices=(piece,), id=answer.id)
        if directions.cut_after is not None:
            raise StreamInterruptedError("the mock's stream was cut off, as told")
        yield StreamChunk(choices=(ChoiceDelta(finish_reason=answer.finish_reason),), usage=answer.usage, id=answer.id)

    async def embed(self, request: EmbeddingsRequest, model: str) -> EmbeddingsAnswer:
        """Make a vector of length 1 of every text's digest: the same text, the same vector."""
        if model != _EMBEDDING_MODEL:
            raise unsupported("embeddings", f"mock/{model}")
        length = request.dimensions or _DIMENSIONS
        if not 0 < length <= _MOST_DIMENSIONS:
            raise InvalidRequestError(
                f"'dimensions' must be 1 to {_MOST_DIMENSIONS}", code="invalid_value", param="dimensions"
            )
        texts = request.texts or tuple(" ".join(map(str, tokens)) for tokens in request.tokens)
        tokens = sum(map(len, request.tokens)) or sum(map(count_tokens, request.texts))
        return EmbeddingsAnswer(
            vectors=tuple(_vector(text, length) for text in texts), usage=Usage(input_tokens=tokens)
        )

    def capabilities(self) -> ModelCapabilities:
        """Say what the mock can do."""
        return ModelCapabilities(function_calling=True, vision=True, supported_models=tuple(_PACES))


def _directions(request: ChatRequest) -> Directions:
    if request.model not in _PACES:
        raise ProviderModelMissingError(f"the mock has no model {request.model!r}; it has {', '.join(_PACES)}")
    raw = request.extra.get("mock")
    try:
        directions = msgspec.json.decode(raw, type=Directions) if raw is not None else Directions()
    except msgspec.ValidationError as error:
        raise InvalidRequestError(f"'mock': {error}", code="invalid_value", param="mock") from None
    if directions.status is not None and directions.status >= 400:
        raise error_class(directions.status)(
            f"the mock answered with status {directions.status}, as told",
            retry_after=directions.retry_after,
            upstream_status=directions.status,
        )
    return directions


def _pace(request: ChatRequest, directions: Directions) -> tuple[float, float]:
    delay, pace = _PACES[request.model]
    return (
        delay if directions.delay is None else directions.delay,
        pace if directions.pace is None else directions.pace,
    )


def _answer(request: ChatRequest, directions: Directions) -> ModelResponse:
    calls = _calls(request, directions)
    text = "" if calls else _reply(request, directions)
    reasoning = (Reasoning(text=directions.reasoning),) if directions.reasoning else ()
    written = sum(count_tokens(call.name + call.arguments) for call in calls) + count_tokens(text)
    thought = count_tokens(directions.reasoning or "")
    usage = Usage(input_tokens=_input_tokens(request), output_tokens=written + thought, reasoning_tokens=thought)
    limit = request.max_output_tokens
    finish = "tool_calls" if calls else "stop"
    if limit is not None and not calls and written > limit:
        text, finish = _first_tokens(text, limit), "length"
        usage = msgspec.structs.replace(usage, output_tokens=limit + thought)
    fingerprint = zlib.crc32(repr(request.messages).encode())
    choice = Choice(content=text or None, reasoning=reasoning, tool_calls=calls, finish_reason=finish)
    return ModelResponse(id=f"chatcmpl-mock-{fingerprint:08x}", choices=(choice,), usage=usage)


def _reply(request: ChatRequest, directions: Directions) -> str:
    if directions.reply is not None:
        return directions.reply
    last = request.messages[-1]
    results = [part for part in last.parts if isinstance(part, ToolResult)]
    if results:
        said = "".join(part.text for result in results for part in result.parts if isinstance(part, Text))
        return f"The tool answered: {said}"
    if request.response_format is not None:
        schema = request.response_format.schema
        return msgspec.json.encode(example(msgspec.json.decode(schema) if schema else {"type": "object"})).decode()
    return "Mock response"


def _calls(request: ChatRequest, directions: Directions) -> tuple[ToolCall, ...]:
    tool = _chosen_tool(request, directions)
    if tool is None:
        return ()
    schema = msgspec.json.decode(tool.parameters) if tool.parameters else {"type": "object"}
    arguments = directions.arguments if directions.arguments is not None else example(schema)
    text = msgspec.json.encode(arguments).decode()
    return (ToolCall(f"call_mock{zlib.crc32((tool.name + text).encode()):08x}", FunctionCall(tool.name, text)),)


def _chosen_tool(request: ChatRequest, directions: Directions) -> Tool | None:
    """Find the tool that the directions, the tool choice, or the user's last words (by its name) ask for."""
    tools = {tool.name: tool for tool in request.tools}
    choice = request.tool_choice
    if not tools or (choice is not None and choice.mode == "none"):
        return None
    if directions.tool:
        return tools.get(directions.tool)
    if choice is not None and choice.mode == "named":
        return tools.get(choice.name or "")
    if choice is not None and choice.mode == "required":
        return request.tools[0]
    last = request.messages[-1]
    said = last.text if last.role == "user" else ""
    return next((tool for name, tool in tools.items() if name in said), None)


def example(schema: Any) -> Any:
    """Make the smallest value that fits an ordinary JSON schema: required members only, first choices."""
    if not isinstance(schema, dict):
        return {}
    if "default" in schema or "const" in schema:
        return schema.get("const", schema.get("default"))
    if schema.get("enum"):
        return schema["enum"][0]
    for choice in ("anyOf", "oneOf", "allOf"):
        if schema.get(choice):
            return example(schema[choice][0])
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    if kind == "object":
        members = schema.get("properties") or {}
        return {name: example(members.get(name, {"type": "string"})) for name in schema.get("required") or members}
    if kind == "array":
        return [example(schema.get("items", {"type": "string"}))]
    return {"string": "example", "integer": 1, "number": 1.5, "boolean": True}.get(str(kind))


def _vector(text: str, length: int) -> tuple[float, ...]:
    digest = hashlib.shake_128(text.encode(errors="replace")).digest(2 * length)
    values = [int.from_bytes(digest[at : at + 2]) - 0x7FFF for at in range(0, 2 * length, 2)]
    norm = math.hypot(*values) or 1.0
    return tuple(value / norm for value in values)


def _pieces(answer: ModelResponse) -> list[ChoiceDelta]:
    *_, whole = pieces_of(answer.choices[0])
    pieces = [ChoiceDelta(reasoning=Reasoning(text=word)) for word in _PIECES.findall(answer.reasoning)]
    pieces += [ChoiceDelta(content=word) for word in _PIECES.findall(answer.content)]
    if whole.tool_calls:
        pieces.append(ChoiceDelta(tool_calls=whole.tool_calls))
    return pieces


def count_tokens(text: str) -> int:
    """Count words and punctuation marks: the mock's own, exact idea of a token."""
    return len(_TOKENS.findall(text))


def _first_tokens(text: str, count: int) -> str:
    ends = [match.end() for match in _TOKENS.finditer(text)]
    return text[: ends[count - 1]] if count else ""


def _input_tokens(request: ChatRequest) -> int:
    total = 0
    for message in request.messages:
        for part in message.parts:
            inner = part.parts if isinstance(part, ToolResult) else (part,)
            total += sum(count_tokens(piece.text) for piece in inner if isinstance(piece, Text))
            total += sum(_IMAGE_TOKENS for piece in inner if isinstance(piece, Image))
    return total

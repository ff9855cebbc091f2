"""Writes a chat completion, its stream and its errors."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Raw

from wye.core.content import Citation, Reasoning, ToolCall
from wye.core.errors import WyeError
from wye.core.request import Call
from wye.core.response import Choice, ChoiceDelta, ModelResponse, StreamChunk, ToolCallDelta
from wye.core.usage import Usage
from wye.core.wire import replace_model
from wye.surfaces.openai_chat.request import WIRE

_encode = msgspec.json.Encoder().encode
_decode_names = msgspec.json.Decoder(dict[str, Raw]).decode
DONE = b"data: [DONE]\n\n"


def render_response(response: ModelResponse, call: Call, *, model: str, request_id: str) -> bytes:
    """Return the body of a chat completion answered by `model`; bytes of the same wire format are kept.

    `request_id` stands in for an answer's id where the provider gave none.
    """
    if response.raw is not None and response.wire == WIRE:
        return replace_model(response.raw, response.upstream_model, model)
    body: dict[str, Any] = {
        "id": response.id or request_id,
        "object": "chat.completion",
        "created": response.created or int(time.time()),
        "model": model,
        "choices": [_choice(choice, functions=_wants_functions(call)) for choice in response.choices],
        **response.extra,
    }
    if response.usage is not None:
        body["usage"] = render_usage(response.usage)
    return _encode(body)


def render_turn(response: ModelResponse) -> dict[str, Any]:
    """Return the first choice as the message that a caller sends back in the next turn."""
    message: dict[str, Any] = _choice(response.choices[0], functions=False)["message"]
    return {name: value for name, value in message.items() if value is not None or name == "content"}


def render_usage(usage: Usage) -> dict[str, Any]:
    """Return usage in OpenAI's form; `prompt_tokens` includes cached tokens, `completion_tokens` reasoning."""
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {
            "cached_tokens": usage.cache_read_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
            "audio_tokens": usage.audio_input_tokens,
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning_tokens,
            "audio_tokens": usage.audio_output_tokens,
        },
    }


def render_error(error: WyeError) -> bytes:
    """Return OpenAI's error envelope."""
    return _encode({"error": _error(error)})


def _error(error: WyeError) -> dict[str, Any]:
    body: dict[str, Any] = {
        "message": error.message,
        "type": error.type,
        "param": error.param,
        "code": error.code,
    }
    if error.provider is not None:
        body["provider"] = error.provider
    return body


def _wants_functions(call: Call) -> bool:
    """Tell whether the caller uses OpenAI's first form of tools, in which an answer holds one call without an id."""
    return b'"functions"' in call.body and b'"tools"' not in call.body and "functions" in _decode_names(call.body)


def _choice(choice: Choice, *, functions: bool) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": choice.content, "refusal": choice.refusal}
    if choice.tool_calls and functions:
        message["function_call"] = _call(choice.tool_calls[0])["function"]
    elif choice.tool_calls:
        message["tool_calls"] = [_call(call) for call in choice.tool_calls]
    if text := "".join(piece.text for piece in choice.reasoning):
        message["reasoning_content"] = text
    if details := _details(choice.reasoning, choice.tool_calls):
        message["reasoning_details"] = details
    if choice.citations:
        message["annotations"] = [_annotation(citation) for citation in choice.citations]
    logprobs, rest = _split_logprobs(choice.extra)
    return {
        "index": choice.index,
        "message": {**message, **rest},
        "logprobs": logprobs,
        "finish_reason": _finish(choice.finish_reason or "stop", functions=functions),
    }


def _finish(reason: str | None, *, functions: bool) -> str | None:
    return "function_call" if functions and reason == "tool_calls" else reason


def _annotation(citation: Citation) -> dict[str, Any]:
    """Return a source as OpenAI lists it: https://platform.openai.com/docs/guides/tools-web-search."""
    place = {"start_index": citation.start or 0, "end_index": citation.end or 0}
    said = {"content": citation.cited_text} if citation.cited_text else {}
    title = citation.title or citation.url or ""
    if citation.url is not None:
        return {"type": "url_citation", "url_citation": {"url": citation.url, "title": title, **place, **said}}
    known = {"file_id": citation.file_id, "filename": citation.title, "page": citation.page}
    named = {name: value for name, value in known.items() if value is not None}
    return {"type": "file_citation", "file_citation": {**named, **place, **said}}


def _split_logprobs(extra: Mapping[str, Raw]) -> tuple[Raw | None, dict[str, Raw]]:
    rest = dict(extra)
    return rest.pop("logprobs", None), rest


def _call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _details(reasoning: Iterable[Reasoning], calls: Iterable[ToolCall]) -> list[dict[str, Any]]:
    """List what a later turn must send back: signed and encrypted reasoning, and signatures of tool calls."""
    details = [detail for piece in reasoning if piece.signature or piece.encrypted for detail in _detail(piece)]
    return [*details, *(_signed(call) for call in calls if call.signature)]


def _detail(piece: Reasoning) -> Iterable[dict[str, Any]]:
    """Write a piece of reasoning, as OpenRouter does; `format` is the wire format that its signature belongs to.

    https://openrouter.ai/docs/use-cases/reasoning-tokens#preserving-reasoning-blocks
    """
    known = {name: value for name, value in (("id", piece.id), ("format", piece.origin)) if value is not None}
    if piece.signature:
        known["signature"] = piece.signature
    if piece.text or not piece.encrypted:
        kind = "summary" if piece.summary else "text"
        yield {"type": f"reasoning.{kind}", kind: piece.text, **known}
    if piece.encrypted:
        yield {"type": "reasoning.encrypted", "data": piece.encrypted, **known}


def open_stream(call: Call, *, request_id: str) -> "ChatStream":
    """Begin a stream."""
    return ChatStream(
        model=call.model, request_id=request_id, usage_wanted=call.stream_usage, functions=_wants_functions(call)
    )


class ChatStream:
    """Writes one stream as server-sent events.

    Events of the same wire format keep their bytes except for the model's name; a usage event is kept from a caller
    who did not ask for one, and made for one who did where the provider sent none of its own.
    """

    __slots__ = ("_created", "_functions", "_id", "_named", "_roles", "_usage", "_usage_sent", "_usage_wanted", "model")

    def __init__(self, *, model: str, request_id: str, usage_wanted: bool, functions: bool = False) -> None:
        """Begin a stream; `model` is what answers, and may be set when that is known.

        `functions` is for callers who use OpenAI's first form of tools.
        """
        self.model = model
        self._functions = functions
        self._id = request_id
        self._created = 0
        self._usage_wanted = usage_wanted
        self._usage_sent = False
        self._usage: Usage | None = None
        self._roles: set[int] = set()
        self._named: tuple[bytes, int, int, bytes] = (b"", 0, 0, b"")

    @property
    def content_type(self) -> str:
        """Server-sent events."""
        return "text/event-stream; charset=utf-8"

    def render(self, chunks: Iterable[StreamChunk]) -> bytes:
        """Return the bytes to send for `chunks`; empty where there is nothing to say yet."""
        out: list[bytes] = []
        for chunk in chunks:
            if chunk.usage is not None:
                self._usage = chunk.usage
            if chunk.raw is not None and chunk.wire == WIRE:
                if chunk.usage is not None:
                    if not chunk.choices and not self._usage_wanted:
                        continue
                    self._usage_sent = True
                self._pass_on(chunk.raw, chunk.upstream_model, out)
            elif chunk.choices:
                out += (b"data: ", self._event([self._delta(choice) for choice in chunk.choices], chunk), b"\n\n")
        return b"".join(out)

    def _pass_on(self, raw: bytes, name: str, out: list[bytes]) -> None:
        """Add an event with its model renamed: where the last one had the name, if it stands there again."""
        member, start, end, ours = self._named
        if start and raw.startswith(member, start) and b"\n" not in raw:
            out += (b"data: ", raw[:start], ours, raw[end:], b"\n\n")
            return
        member = b'"model":' + _encode(name)
        start = raw.find(member)
        if start > 0 and raw.count(b'"model"') == 1:
            self._named = (member, start, start + len(member), b'"model":' + _encode(self.model))
        data = replace_model(raw, name, self.model)
        if b"\n" in data:
            data = data.replace(b"\n", b"\ndata: ")  # it came in several lines, and goes so
        out += (b"data: ", data, b"\n\n")

    def end(self) -> bytes:
        """Return the end of a stream that went well."""
        if self._usage_wanted and not self._usage_sent and self._usage is not None:
            usage = self._event([], StreamChunk(), usage=render_usage(self._usage))
            return b"".join((b"data: ", usage, b"\n\n", DONE))
        return DONE

    def fail(self, error: WyeError) -> bytes:
        """Return an error event; a stream that ends so has no end marker."""
        return b"data: " + render_error(error) + b"\n\n"

    def comment(self, text: str) -> bytes:
        """Return a comment."""
        return b": %b\n\n" % text.encode()

    def _event(self, choices: list[dict[str, Any]], chunk: StreamChunk, **more: object) -> bytes:
        self._id = chunk.id or self._id
        self._created = chunk.created or self._created or int(time.time())
        return _encode(
            {
                "id": self._id,
                "object": "chat.completion.chunk",
                "created": self._created,
                "model": self.model,
                "choices": choices,
                **chunk.extra,
                **more,
            }
        )

    def _delta(self, choice: ChoiceDelta) -> dict[str, Any]:
        delta: dict[str, Any] = {}
        if choice.index not in self._roles:
            self._roles.add(choice.index)
            delta["role"] = "assistant"
        if choice.content:
            delta["content"] = choice.content
        if choice.refusal:
            delta["refusal"] = choice.refusal
        if piece := choice.reasoning:
            if piece.text:
                delta["reasoning_content"] = piece.text
            delta["reasoning_details"] = list(_detail(piece))
        if choice.citations:
            delta["annotations"] = [_annotation(citation) for citation in choice.citations]
        self._add_calls(delta, choice.tool_calls)
        logprobs, rest = _split_logprobs(choice.extra)
        return {
            "index": choice.index,
            "delta": {**delta, **rest},
            "logprobs": logprobs,
            "finish_reason": _finish(choice.finish_reason, functions=self._functions),
        }

    def _add_calls(self, delta: dict[str, Any], calls: Sequence[ToolCallDelta]) -> None:
        if self._functions:
            for call in calls[:1]:
                delta["function_call"] = _call_delta(call)["function"]
        elif written := [_call_delta(call) for call in calls]:
            delta["tool_calls"] = written
        if signed := [_signed(call) for call in calls if call.signature]:
            delta.setdefault("reasoning_details", []).extend(signed)


def _call_delta(call: ToolCallDelta) -> dict[str, Any]:
    function: dict[str, Any] = {"arguments": call.arguments}
    body: dict[str, Any] = {"index": call.index, "function": function}
    if call.id is not None:
        body["id"] = call.id
        body["type"] = "function"
    if call.name is not None:
        function["name"] = call.name
    return body


def _signed(call: ToolCall | ToolCallDelta) -> dict[str, Any]:
    origin = {"format": call.origin} if call.origin is not None else {}
    return {"type": "reasoning.encrypted", "id": call.id, "data": call.signature, **origin}

"""Writes completions, whole and streamed."""

import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from wye.core.errors import WyeError
from wye.core.request import Call
from wye.core.response import ModelResponse, StreamChunk
from wye.core.usage import Usage
from wye.core.wire import replace_model
from wye.surfaces.openai_completions.request import WIRE, echoed

_encode = msgspec.json.Encoder(decimal_format="number").encode
_DONE: Final = b"data: [DONE]\n\n"
_FINISH: Final = {"tool_calls": "stop"}


class _Top(Struct):
    token: str
    logprob: float | None = None


class _Token(_Top):
    top_logprobs: list[_Top] | None = None


class _Logprobs(Struct):
    content: list[_Token] | None = None


_decode_logprobs = msgspec.json.Decoder(_Logprobs).decode


def render_response(response: ModelResponse, call: Call, *, model: str, request_id: str) -> bytes:
    """Write a completion; one of this wire keeps its bytes except for the model's name."""
    if response.wire == WIRE and response.raw is not None:
        return replace_model(response.raw, response.upstream_model, model)
    before = echoed(call.body)
    choices = [
        _choice(
            choice.index, before + (choice.content or ""), choice.finish_reason or "stop", choice.extra, len(before)
        )
        for choice in response.choices
    ]
    body = _completion(response.id or request_id, response.created, model, choices)
    return _encode({**body, "usage": _usage(response.usage)})


def open_stream(call: Call, *, request_id: str) -> "CompletionStream":
    """Begin a stream."""
    return CompletionStream(call, request_id)


def render_error(error: WyeError) -> bytes:
    """Return OpenAI's error envelope."""
    body = {"message": error.message, "type": error.type, "param": error.param, "code": error.code}
    return _encode({"error": body if error.provider is None else {**body, "provider": error.provider}})


class CompletionStream:
    """Writes one stream as server-sent events; events of the same wire keep their bytes but for the model's name."""

    __slots__ = ("_call", "_created", "_id", "_lengths", "_usage", "_usage_sent", "model")

    def __init__(self, call: Call, request_id: str) -> None:
        """Begin a stream."""
        self.model = call.model
        self._call = call
        self._id = request_id
        self._created = 0
        self._lengths: dict[int, int] = {}
        self._usage: Usage | None = None
        self._usage_sent = False

    @property
    def content_type(self) -> str:
        """Server-sent events."""
        return "text/event-stream; charset=utf-8"

    def render(self, chunks: Iterable[StreamChunk]) -> bytes:
        """Return the bytes to send for `chunks`; empty where there is nothing to say yet."""
        out: list[bytes] = []
        for chunk in chunks:
            self._usage = chunk.usage or self._usage
            if chunk.raw is not None and chunk.wire == WIRE:
                if chunk.usage is not None and not chunk.choices and not self._call.stream_usage:
                    continue
                self._usage_sent = self._usage_sent or chunk.usage is not None
                out.append(replace_model(chunk.raw, chunk.upstream_model, self.model).replace(b"\n", b"\ndata: "))
            elif choices := self._choices(chunk):
                self._id = chunk.id or self._id
                self._created = chunk.created or self._created or int(time.time())
                out.append(_encode(_completion(self._id, self._created, self.model, choices)))
        return b"".join(b"data: %b\n\n" % data for data in out)

    def _choices(self, chunk: StreamChunk) -> list[dict[str, Any]]:
        written = []
        for choice in chunk.choices:
            text = choice.content
            if choice.index not in self._lengths:
                self._lengths[choice.index] = 0
                text = echoed(self._call.body) + text
            if text or choice.finish_reason:
                at = self._lengths[choice.index]
                written.append(_choice(choice.index, text, choice.finish_reason, choice.extra, at))
                self._lengths[choice.index] += len(text)
        return written

    def end(self) -> bytes:
        """Return the end of a stream that went well."""
        if not self._call.stream_usage or self._usage_sent or self._usage is None:
            return _DONE
        body = _completion(self._id, self._created, self.model, [])
        return b"data: %b\n\n" % _encode({**body, "usage": _usage(self._usage)}) + _DONE

    def fail(self, error: WyeError) -> bytes:
        """Return an error event; a stream that ends so has no end marker."""
        return b"data: " + render_error(error) + b"\n\n"

    def comment(self, text: str) -> bytes:
        """Return a comment."""
        return b": %b\n\n" % text.encode()


def _completion(id_: str, created: int, model: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": id_,
        "object": "text_completion",
        "created": created or int(time.time()),
        "model": model,
        "choices": choices,
    }


def _choice(index: int, text: str, finish: str | None, extra: Mapping[str, Raw], offset: int) -> dict[str, Any]:
    return {
        "index": index,
        "text": text,
        "logprobs": _logprobs(extra.get("logprobs"), offset),
        "finish_reason": _FINISH.get(finish or "", finish),
    }


def _logprobs(raw: Raw | None, offset: int) -> dict[str, Any] | None:
    """Say a chat's logprobs in the form of completions, which has four lists instead of one."""
    try:
        tokens = _decode_logprobs(raw).content if raw is not None else None
    except msgspec.DecodeError:
        return None
    if not tokens:
        return None
    offsets = []
    for token in tokens:
        offsets.append(offset)
        offset += len(token.token)
    return {
        "tokens": [token.token for token in tokens],
        "token_logprobs": [token.logprob for token in tokens],
        "top_logprobs": [{top.token: top.logprob for top in token.top_logprobs or ()} for token in tokens],
        "text_offset": offsets,
    }


def _usage(usage: Usage | None) -> dict[str, Any] | None:
    if usage is None:
        return None
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }

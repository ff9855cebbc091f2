"""One short answer in every wire format: whole, streamed, and as the formats refuse."""

import json
from typing import Any, NamedTuple

from tests.support.upstream import Reply


class Wire(NamedTuple):
    """What a provider of one wire format says. `pieces` are the events of a stream, the end marker last."""

    name: str
    content_type: str
    whole: Any
    pieces: tuple[bytes, ...]
    refusal: Any

    def stream(self, *, until: int | None = None) -> Reply:
        """Answer with the events up to `until`, and end the body properly there."""
        return Reply.stream(self.pieces[:until], self.content_type)


def sse(value: Any, name: str | None = None) -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(value)}\n\n".encode()


def _openai(delta: Any, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return sse({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]})


_OPENAI_USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
OPENAI = Wire(
    "openai_chat",
    "text/event-stream",
    {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello you"}, "finish_reason": "stop"}],
        "usage": _OPENAI_USAGE,
    },
    (
        _openai({"role": "assistant", "content": ""}),
        _openai({"content": "hello"}),
        _openai({"content": " you"}),
        _openai({}, "stop"),
        sse({"id": "c1", "object": "chat.completion.chunk", "created": 1, "choices": [], "usage": _OPENAI_USAGE}),
        b"data: [DONE]\n\n",
    ),
    {"error": {"message": "slow down", "type": "rate_limit_error", "code": "rate_limit_exceeded"}},
)


def _anthropic(kind: str, **members: Any) -> bytes:
    return sse({"type": kind, **members}, kind)


_MESSAGE = {"id": "m1", "type": "message", "role": "assistant", "model": "m", "stop_sequence": None}
ANTHROPIC = Wire(
    "anthropic_messages",
    "text/event-stream",
    {
        **_MESSAGE,
        "content": [{"type": "text", "text": "hello you"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 3, "output_tokens": 2},
    },
    (
        _anthropic(
            "message_start",
            message={
                **_MESSAGE,
                "content": [],
                "stop_reason": None,
                "usage": {"input_tokens": 3, "output_tokens": 1},
            },
        ),
        _anthropic("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        _anthropic("content_block_delta", index=0, delta={"type": "text_delta", "text": "hello"}),
        _anthropic("content_block_delta", index=0, delta={"type": "text_delta", "text": " you"}),
        _anthropic("content_block_stop", index=0),
        _anthropic(
            "message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 2}
        ),
        _anthropic("message_stop"),
    ),
    {"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}},
)


def _gemini(text: str, **candidate: Any) -> Any:
    content = {"parts": [{"text": text}], "role": "model"}
    return {
        "candidates": [{"content": content, "index": 0, **candidate}],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5},
        "modelVersion": "m",
        "responseId": "r1",
    }


GEMINI = Wire(
    "gemini",
    "text/event-stream",
    _gemini("hello you", finishReason="STOP"),
    (sse(_gemini("hello")), sse(_gemini(" you")), sse(_gemini("", finishReason="STOP"))),
    {"error": {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED"}},
)


def _ollama(content: str, **members: Any) -> Any:
    message = {"role": "assistant", "content": content}
    return {"model": "m", "created_at": "2026-01-01T00:00:00Z", "message": message, "done": False, **members}


_OLLAMA_END = {"done": True, "done_reason": "stop", "prompt_eval_count": 3, "eval_count": 2}
OLLAMA = Wire(
    "ollama_chat",
    "application/x-ndjson",
    _ollama("hello you", **_OLLAMA_END),
    tuple(
        json.dumps(value).encode() + b"\n" for value in (_ollama("hello"), _ollama(" you"), _ollama("", **_OLLAMA_END))
    ),
    {"error": "slow down"},
)

_SAID = {
    "id": "msg1",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "hello you", "annotations": []}],
}


def _response(status: str, *output: Any, usage: Any = None) -> Any:
    head = {"id": "r1", "object": "response", "created_at": 1, "model": "m", "status": status}
    return {**head, "output": list(output), "usage": usage}


def _responses(kind: str, **members: Any) -> bytes:
    return sse({"type": f"response.{kind}", **members}, f"response.{kind}")


_RESPONSE = _response("completed", _SAID, usage={"input_tokens": 3, "output_tokens": 2, "total_tokens": 5})
RESPONSES = Wire(
    "openai_responses",
    "text/event-stream",
    _RESPONSE,
    (
        _responses("created", response=_response("in_progress")),
        _responses("output_item.added", output_index=0, item={**_SAID, "content": []}),
        _responses("output_text.delta", output_index=0, content_index=0, item_id="msg1", delta="hello"),
        _responses("output_text.delta", output_index=0, content_index=0, item_id="msg1", delta=" you"),
        _responses("output_item.done", output_index=0, item=_SAID),
        _responses("completed", response=_RESPONSE),
    ),
    {"error": {"message": "slow down", "type": "rate_limit_error", "code": "rate_limit_exceeded"}},
)

WIRES = (OPENAI, RESPONSES, ANTHROPIC, GEMINI, OLLAMA)

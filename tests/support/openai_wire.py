"""Answers in OpenAI's form, for an imitation provider to give."""

import json
from typing import Any

from tests.support.upstream import Reply

DONE = b"data: [DONE]\n\n"
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def completion(text: str | None = "Hello", *, finish_reason: str = "stop", **message: Any) -> Any:
    """Return a whole chat completion; `message` are further members of its message."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text, **message},
        "finish_reason": finish_reason,
    }
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "their-model",
        "choices": [choice],
        "usage": USAGE,
    }


def answer(text: str = "Hello") -> Reply:
    """Answer with a whole chat completion."""
    return Reply.json(completion(text))


def event(*, index: int = 0, finish_reason: str | None = None, usage: Any = None, **delta: Any) -> bytes:
    """Return one event of a stream; without a delta or finish reason it is one of usage alone."""
    choices = [{"index": index, "delta": delta, "finish_reason": finish_reason}] if delta or finish_reason else []
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1700000000,
        "model": "their-model",
        "choices": choices,
        **({"usage": usage} if usage else {}),
    }
    return b"data: " + json.dumps(body, separators=(",", ":")).encode() + b"\n\n"


def words(*texts: str) -> list[bytes]:
    """Return the events of a stream that says these words and goes on."""
    return [event(role="assistant", content=""), *(event(content=text) for text in texts)]


def stream(*texts: str) -> Reply:
    """Answer with a stream that says these words, tells its usage and ends."""
    return Reply.stream([*words(*texts), event(finish_reason="stop"), event(usage=USAGE), DONE])


def two_at_once() -> Reply:
    """Answer with a stream of two choices, whose pieces come by turns."""
    said = [event(content="It ", index=0), event(content="They ", index=1), event(content="is.", index=0)]
    ends = [event(finish_reason="length", index=1), event(finish_reason="stop", index=0), event(usage=USAGE), DONE]
    return Reply.stream([*said, *ends])


def refusal(status: int, message: str = "no", code: str | None = None, **headers: str) -> Reply:
    """Answer with an error."""
    body = {"error": {"message": message, "type": "server_error", "param": None, "code": code}}
    return Reply.json(body, status, {name.replace("_", "-"): value for name, value in headers.items()})

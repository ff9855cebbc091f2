"""The upstream's answers once more as Anthropic's Messages, for a gateway that has to translate them.

The shapes follow https://docs.claude.com/en/api/messages and its page on streaming; texts, pieces and counts are those
of `bench.payloads`.
"""

import msgspec

from bench import payloads

_HEAD: dict[str, object] = {
    "id": "msg_01Bx7KqTz2mW5nVd8LhRcY3p",
    "type": "message",
    "role": "assistant",
    "model": "bench-model",
}
_SPENT: dict[str, object] = {
    "input_tokens": payloads.USAGE["prompt_tokens"],
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
    "output_tokens": payloads.USAGE["completion_tokens"],
    "service_tier": "standard",
}


def message() -> bytes:
    """Render a whole message with headers."""
    content = [{"type": "text", "text": payloads.ANSWER}]
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    return payloads.json_response(msgspec.json.encode({**_HEAD, "content": content, **end, "usage": _SPENT}))


def stream_writes(chunks: int) -> tuple[bytes, ...]:
    """Render what follows the head of a stream, one item per write; the first and the last hold several events."""
    start = {
        **_HEAD,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {**_SPENT, "output_tokens": 1},
    }
    begin = _event("message_start", message=start)
    begin += _event("content_block_start", index=0, content_block={"type": "text", "text": ""}) + _event("ping")
    deltas = [{"type": "text_delta", "text": payloads.word(number)} for number in range(chunks)]
    pieces = [_event("content_block_delta", index=0, delta=delta) for delta in deltas]
    end = _event("content_block_stop", index=0)
    stop = {"stop_reason": "end_turn", "stop_sequence": None}
    end += _event("message_delta", delta=stop, usage={"output_tokens": payloads.USAGE["completion_tokens"]})
    end += _event("message_stop")
    writes = [payloads.framed(piece) for piece in (begin + pieces[0], *pieces[1:])]
    return (*writes, payloads.framed(end) + b"0\r\n\r\n")


def _event(kind: str, **members: object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), msgspec.json.encode({"type": kind, **members}))

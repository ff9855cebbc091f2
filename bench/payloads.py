"""The bytes both ends agree on: what clients ask, and what the upstream answers.

The shapes follow OpenAI's chat completions API reference (`chat.completion` and `chat.completion.chunk` objects,
`stream_options.include_usage`); everything is rendered once, so serving costs next to nothing.
"""

import msgspec

CHUNKS = 100
"""Content chunks in one stream of the benchmark."""

MODEL = "bench/bench-model"
"""The model clients name; `bench` is the provider, `bench-model` what the upstream is asked for."""

COMPLETION_ID = "chatcmpl-Bx7KqTz2mW5nVd8LhRcY3pJfA0sGe"
CREATED = 1_760_000_000
PROMPT = (
    "Summarise in three sentences why the river delta near the old harbour floods each spring, "
    "and name two measures that the town could take before the next one."
)
ANSWER = (
    "Meltwater arrives while the tide is high, and the silted channels cannot carry both. "
    "The town could dredge the eastern arm and restore the reed beds above the bridge."
)
USAGE = {
    "prompt_tokens": 38,
    "completion_tokens": 34,
    "total_tokens": 72,
    "prompt_tokens_details": {"cached_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0},
}


def chat_request(prompt: str, *, stream: bool = False) -> bytes:
    """Render the JSON body of one chat completion request."""
    body: dict[str, object] = {
        "model": MODEL,
        "messages": [{"role": "user", "content": prompt}],
        "temperature": 0.2,
    }
    if stream:
        body["stream"] = True
    return msgspec.json.encode(body)


def long_prompt(size: int) -> str:
    """About `size` bytes of prose with escapes and non-ASCII letters, as long prompts have."""
    paragraph = f'{PROMPT}\n"Où est la crue ?" asked the mayor; nobody knew.\n\n'
    return paragraph * (size // len(paragraph.encode()) + 1)


def completion() -> bytes:
    """Render a whole `chat.completion` response with headers; the body has about 600 bytes."""
    body = msgspec.json.encode(
        {
            "id": COMPLETION_ID,
            "object": "chat.completion",
            "created": CREATED,
            "model": "bench-model",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": ANSWER, "refusal": None},
                    "logprobs": None,
                    "finish_reason": "stop",
                }
            ],
            "usage": USAGE,
            "service_tier": "default",
            "system_fingerprint": "fp_4c2851f862",
        }
    )
    return json_response(body)


def json_response(body: bytes, status: str = "200 OK") -> bytes:
    """Render an HTTP/1.1 response with a JSON body and the headers a provider usually sends."""
    head = (
        f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        "openai-version: 2020-10-01\r\nopenai-processing-ms: 12\r\nx-request-id: req_5d1c0f3a9b7e\r\n\r\n"
    )
    return head.encode() + body


def stream_head() -> bytes:
    """Render the head of a streamed response, whose body is chunked."""
    return (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n"
        b"transfer-encoding: chunked\r\nopenai-version: 2020-10-01\r\nx-request-id: req_5d1c0f3a9b7e\r\n\r\n"
    )


def stream_writes(chunks: int, *, usage: bool) -> tuple[bytes, ...]:
    """Render what follows the head, one item per write: `chunks` content events, then the end in one write.

    With `usage` every event carries `"usage": null` and a usage event precedes `[DONE]`.
    """
    writes = [framed(_content_event(number, usage=usage)) for number in range(chunks)]
    end = _event(choices=[{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}], usage=usage)
    if usage:
        end += _event(choices=[], usage=True, spent=USAGE)
    end += b"data: [DONE]\n\n"
    writes.append(framed(end) + b"0\r\n\r\n")
    return tuple(writes)


def stream_text(chunks: int) -> str:
    """Join every content delta of a stream, as a client does."""
    return "".join(word(number) for number in range(chunks))


def word(number: int) -> str:
    """Return one piece of a stream's text."""
    return f"word{number} "


def _content_event(number: int, *, usage: bool) -> bytes:
    delta: dict[str, object] = {"content": word(number)}
    if number == 0:
        delta = {"role": "assistant", "refusal": None, **delta}
    return _event(choices=[{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}], usage=usage)


def _event(*, choices: list[dict[str, object]], usage: bool, spent: object = None) -> bytes:
    event: dict[str, object] = {
        "id": COMPLETION_ID,
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": "bench-model",
        "system_fingerprint": "fp_4c2851f862",
        "choices": choices,
    }
    if usage:
        event["usage"] = spent
    return b"data: " + msgspec.json.encode(event) + b"\n\n"


def framed(data: bytes) -> bytes:
    """Frame one chunk of HTTP/1.1 chunked transfer coding (RFC 9112, section 7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)

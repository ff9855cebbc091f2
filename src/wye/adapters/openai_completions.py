"""OpenAI's old completions of a prompt as providers speak them: a text goes in and goes on.

Shapes: https://platform.openai.com/docs/api-reference/completions. Servers refuse a prompt as they refuse a chat, so
errors are read by that wire format.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from wye.adapters import Index, Target, cannot_express, count, decoded, load
from wye.core.errors import InvalidRequestError, MalformedResponseError, WyeError
from wye.core.request import Call
from wye.core.response import Choice, ChoiceDelta, ModelResponse, StreamChunk
from wye.core.usage import Usage
from wye.core.wire import Framing, ServerEvent, StreamState, WireRequest, replace_model, splice_into

WIRE: Final = "openai_completions"
FRAMING: Final[Framing] = "sse"

_FINISH: Final[Mapping[str, str]] = {"eos": "stop", "eos_token": "stop", "max_tokens": "length", "abort": "stop"}
_NULL: Final = Raw(b"null")


class _Details(Struct):
    cached_tokens: int | float | None = None
    reasoning_tokens: int | float | None = None


class _Usage(Struct):
    prompt_tokens: int | float | None = None
    completion_tokens: int | float | None = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None


class _Choice(Struct):
    text: str | None = None
    index: Index | None = None
    finish_reason: str | None = None
    logprobs: Raw = _NULL


class _Body(Struct):
    choices: list[_Choice] | None = None
    id: str | None = None
    model: str | None = None
    created: int | float | None = None
    usage: _Usage | None = None
    error: Any = None
    object: str | None = None


_decode = msgspec.json.Decoder(_Body).decode


def build_request(call: Call, target: Target) -> WireRequest:
    """Send the caller's bytes on; a chat cannot be said here."""
    if call.wire != WIRE:
        raise cannot_express("messages", WIRE)
    try:
        body = call.body
        if call.stream and not call.stream_usage and target.traits.stream_usage == "ask":
            body = splice_into(body, "stream_options", {"include_usage": b"true"})
        body = replace_model(body, call.model, target.name)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f"the request body is not valid JSON: {error}"
        raise InvalidRequestError(message, code="invalid_json") from None
    return WireRequest(path=target.path("completions", "/completions"), body=body)


def parse_response(body: bytes) -> ModelResponse:
    """Read a completion."""
    data = _read(body)
    if data.choices is None:
        raise MalformedResponseError("the provider's answer holds no choices")
    return ModelResponse(
        id=data.id or "",
        created=count(data.created),
        choices=tuple(
            Choice(
                index=at if item.index is None else item.index,
                content=item.text,
                finish_reason=_finish(item.finish_reason),
                extra=_logprobs(item),
            )
            for at, item in enumerate(data.choices)
        ),
        usage=_usage(data.usage),
        wire=WIRE,
        raw=body,
        upstream_model=data.model or "",
    )


def parse_event(event: ServerEvent, state: StreamState) -> Iterable[StreamChunk]:
    """Read one event of a streamed completion."""
    if event.data == b"[DONE]":
        state.done = True
        return ()
    if not event.data.strip():
        return ()
    data = _read(event.data, failed=event.name == "error")
    choices = []
    for at, item in enumerate(data.choices or ()):
        finish = _finish(item.finish_reason)
        state.finish_seen = state.finish_seen or finish is not None
        index = at if item.index is None else item.index
        choices.append(ChoiceDelta(index=index, content=item.text or "", finish_reason=finish, extra=_logprobs(item)))
    state.model = data.model or state.model
    return (
        StreamChunk(
            choices=tuple(choices),
            usage=_usage(data.usage),
            id=data.id or "",
            created=count(data.created),
            wire=WIRE,
            raw=event.data,
            upstream_model=data.model or "",
        ),
    )


def parse_error(status: int, headers: Mapping[str, str], body: bytes) -> WyeError:
    """Read a refused request."""
    return load("openai_chat").parse_error(status, headers, body)


def _read(body: bytes, *, failed: bool = False) -> _Body:
    data = decoded(_decode, body, "a completion")
    if failed or data.error or data.object == "error":
        raise parse_error(500, {}, body)
    return data


def _finish(reason: str | None) -> str | None:
    return _FINISH.get(reason, reason) if reason else None


def _logprobs(choice: _Choice) -> dict[str, Raw]:
    return {} if bytes(choice.logprobs) == b"null" else {"logprobs": choice.logprobs}


def _usage(source: _Usage | None) -> Usage | None:
    if source is None or (source.prompt_tokens is None and source.completion_tokens is None):
        return None
    prompt, completion = source.prompt_tokens_details or _Details(), source.completion_tokens_details or _Details()
    return Usage(
        input_tokens=count(source.prompt_tokens),
        output_tokens=count(source.completion_tokens),
        cache_read_tokens=count(prompt.cached_tokens),
        reasoning_tokens=count(completion.reasoning_tokens),
    )

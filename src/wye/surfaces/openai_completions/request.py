"""Reads a completion's request, and says it as a chat where somebody asks."""

from typing import Final

import msgspec
from msgspec import Raw, Struct

from wye.core.content import Message, Text
from wye.core.errors import InvalidRequestError, UnsupportedParameterError
from wye.core.request import NOTHING_ASKED, Asked, Call, ChatRequest
from wye.surfaces import decode_request

WIRE: Final = "openai_completions"
FORWARDED: Final[frozenset[bytes]] = frozenset()


class _StreamOptions(Struct):
    include_usage: bool | None = None


class Body(Struct):
    """The members OpenAI defines."""

    model: str
    prompt: str | list[str | int | list[int]] | None = None
    suffix: str | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    n: int | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    logprobs: int | None = None
    echo: bool | None = None
    stop: str | list[str] | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    best_of: int | None = None
    logit_bias: dict[str, float] | None = None
    seed: int | None = None
    user: str | None = None


_TYPED: Final = frozenset(Body.__struct_fields__)
_decode = msgspec.json.Decoder(Body).decode
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode


def parse_request(body: bytes, asked: Asked = NOTHING_ASKED) -> Call:
    """Read a request; raise `InvalidRequestError` whose `param` is the member at fault."""
    data = decode_request(_decode, body)
    if isinstance(data.prompt, list) and not data.prompt:
        raise InvalidRequestError("'prompt' must not be empty", code="invalid_value", param="prompt")
    return Call(
        wire=WIRE,
        body=body,
        model=data.model,
        decode=_chat,
        stream=bool(data.stream),
        stream_usage=bool(data.stream_options and data.stream_options.include_usage),
        operation="completions",
        asked=asked,
    )


def echoed(body: bytes) -> str:
    """Return the prompt where the caller wants to see it before the answer, else nothing."""
    data = decode_request(_decode, body)
    return _prompt(data) if data.echo else ""


def _chat(body: bytes) -> ChatRequest:
    """Say a prompt as the words of a user. Raises `UnsupportedParameterError` for what only a completion can do."""
    data = decode_request(_decode, body)
    members = decode_request(_decode_members, body)
    if data.suffix:
        raise _only_there("suffix")
    if data.best_of not in {None, 1, data.n}:
        raise _only_there("best_of")
    if data.echo and data.logprobs is not None:
        raise _only_there("logprobs")  # those of the prompt
    options: dict[str, Raw] = {}
    if data.logprobs is not None:
        options["logprobs"] = Raw(b"true")
        options["top_logprobs"] = Raw(b"%d" % data.logprobs)
    if data.logit_bias:
        options["logit_bias"] = members["logit_bias"]
    return ChatRequest(
        model=data.model,
        messages=(Message(role="user", parts=(Text(_prompt(data)),)),),
        temperature=data.temperature,
        top_p=data.top_p,
        max_output_tokens=data.max_tokens,
        stop=(data.stop,) if isinstance(data.stop, str) else tuple(data.stop or ()),
        seed=data.seed,
        presence_penalty=data.presence_penalty or None,
        frequency_penalty=data.frequency_penalty or None,
        n=None if data.n == 1 else data.n,
        user=data.user,
        stream=bool(data.stream),
        options=options,
        extra={name: value for name, value in members.items() if name not in _TYPED},
    )


def _prompt(data: Body) -> str:
    """Return the one text there is."""
    match data.prompt:
        case str(text) | [str(text)]:
            return text
    raise _only_there("prompt")


def _only_there(param: str) -> UnsupportedParameterError:
    what = f"'{param}' as it is"
    message = f"{what} needs a model with completions of its own; this one is asked in a chat, which takes one text"
    return UnsupportedParameterError(message, param=param)

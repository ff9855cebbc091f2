"""Imitates OpenAI's old completions: https://platform.openai.com/docs/api-reference/completions."""

import re
from typing import Any

import msgspec
from msgspec import Struct
from tests.support.imitation.mind import Heard, RefusedError, Said, Turn
from tests.support.imitation.openai_chat import NO_DATA, authorised, no_key, refuse
from tests.support.imitation.says import event, sse
from tests.support.upstream import Received, Reply

__all__ = ["PATH", "WIRE", "authorised", "hear", "no_key", "refuse", "stream", "whole"]

WIRE = "openai_completions"
PATH = re.compile(r"(?<!chat)/completions$")


class _StreamOptions(Struct, forbid_unknown_fields=True):
    include_usage: bool = False


class _Request(Struct, forbid_unknown_fields=True):
    model: str
    prompt: str | list[str]
    best_of: int | None = None
    echo: bool | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: int | None = None
    max_tokens: int | None = 16
    n: int | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    suffix: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    user: str | None = None


_decode = msgspec.json.Decoder(_Request).decode


def hear(received: Received) -> Heard:
    """Read a request, refusing what OpenAI refuses."""
    try:
        data = _decode(received.body)
    except msgspec.ValidationError as error:
        raise RefusedError(str(error)) from None
    if data.stream_options is not None and not data.stream:
        raise RefusedError("The 'stream_options' parameter is only allowed when 'stream' is enabled.")
    prompt = data.prompt if isinstance(data.prompt, str) else "".join(data.prompt)
    return Heard(
        model=data.model,
        turns=(Turn("user", (prompt,)),),
        stream=bool(data.stream),
        limit=data.max_tokens,
        stop=(data.stop,) if isinstance(data.stop, str) else tuple(data.stop or ()),
        wants_usage=bool(data.stream_options and data.stream_options.include_usage),
    )


def _usage(said: Said) -> dict[str, Any]:
    total = said.input_tokens + said.output_tokens
    return {"prompt_tokens": said.input_tokens, "completion_tokens": said.output_tokens, "total_tokens": total}


def _body(heard: Heard, text: str | None, finish: str | None, **more: Any) -> dict[str, Any]:
    choices = [] if text is None else [{"text": text, "index": 0, "logprobs": None, "finish_reason": finish}]
    head = {"id": "cmpl-imitated", "object": "text_completion", "created": 1760000000, "model": heard.model}
    return {**head, "choices": choices, **more}


def whole(heard: Heard, said: Said) -> Reply:
    return Reply.json(_body(heard, said.text, said.finish, usage=_usage(said)))


def stream(heard: Heard, said: Said) -> Reply:
    pieces = [event(_body(heard, piece, None)) for piece in said.pieces()]
    pieces.append(event(_body(heard, "", said.finish)))
    if heard.wants_usage:
        pieces.append(event(_body(heard, None, None, usage=_usage(said))))
    return sse([*pieces, NO_DATA])

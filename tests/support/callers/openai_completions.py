"""Calls OpenAI's old completions, which know a prompt and nothing else."""

import json
from typing import Any

from openai.types import Completion
from tests.support.callers.openai_chat import broken, failure
from tests.support.callers.talk import Ask, Items, Json, Request, Seen, events

__all__ = ["SURFACE", "broken", "failure", "request", "stream", "user", "whole"]

SURFACE = "openai_completions"


def user(text: str, *, picture: bool = False) -> Items:
    assert not picture, "a prompt holds no pictures"
    return [text]


def request(ask: Ask) -> Request:
    body: dict[str, Any] = {"model": ask.model, "prompt": "\n".join(ask.items), "max_tokens": ask.limit or 100}
    if ask.stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return Request("/v1/completions", body)


def whole(body: bytes) -> Seen:
    answer = json.loads(body)
    Completion.model_validate(answer)
    (choice,) = answer["choices"]
    return _seen(choice["text"], choice["finish_reason"], answer["usage"])


def _seen(text: str, finish: str, usage: Json) -> Seen:
    return Seen(text=text, finish=finish, input_tokens=usage["prompt_tokens"], output_tokens=usage["completion_tokens"])


def stream(body: bytes) -> Seen:
    *chunks, end = [data for _, data in events(body)]
    assert end == "[DONE]"
    answers = [json.loads(chunk) for chunk in chunks]
    for answer in answers:
        assert answer["object"] == "text_completion"
    choices = [choice for answer in answers for choice in answer["choices"]]
    (finish,) = [choice["finish_reason"] for choice in choices if choice.get("finish_reason")]
    (usage,) = [answer["usage"] for answer in answers if answer.get("usage")]
    return _seen("".join(choice["text"] for choice in choices), finish, usage)

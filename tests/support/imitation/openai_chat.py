"""Imitates Chat Completions: https://platform.openai.com/docs/api-reference/chat."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct
from tests.support.imitation import mind
from tests.support.imitation.mind import Called, Heard, RefusedError, Result, Said, Turn
from tests.support.imitation.says import event, key_of, member, sse
from tests.support.upstream import Received, Reply

WIRE = "openai_chat"
PATH = "/chat/completions"
NO_DATA = b"data: [DONE]\n\n"


class _Strict(Struct, forbid_unknown_fields=True):
    """OpenAI refuses members it does not know."""


class _Url(_Strict):
    url: str
    detail: str | None = None


class _File(_Strict):
    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class _Part(_Strict):
    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: _Url | None = None
    file: _File | None = None
    input_audio: dict[str, str] | None = None


class _Function(_Strict):
    name: str
    arguments: str


class _Call(_Strict):
    id: str
    function: _Function
    type: str = "function"


class _Message(_Strict):
    role: str
    content: str | list[_Part] | None = None
    name: str | None = None
    refusal: str | None = None
    tool_calls: list[_Call] | None = None
    tool_call_id: str | None = None
    audio: Any = None
    annotations: Any = None
    # Not OpenAI's own, but every provider that reasons on this wire gives and takes them.
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: Any = None


class _Declared(_Strict):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class _Tool(_Strict):
    type: str
    function: _Declared


class _Named(_Strict):
    type: str
    function: dict[str, str]


class _JsonSchema(_Strict):
    name: str
    schema: dict[str, Any] | None = None
    strict: bool | None = None
    description: str | None = None


class _Format(_Strict):
    type: str
    json_schema: _JsonSchema | None = None


class _StreamOptions(_Strict):
    include_usage: bool = False
    include_obfuscation: bool = False


class _Request(_Strict):
    model: str
    messages: list[_Message]
    audio: Any = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    max_completion_tokens: int | None = None
    max_tokens: int | None = None
    metadata: dict[str, str] | None = None
    modalities: list[str] | None = None
    n: int | None = None
    parallel_tool_calls: bool | None = None
    prediction: Any = None
    presence_penalty: float | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    reasoning_effort: str | None = None
    response_format: _Format | None = None
    safety_identifier: str | None = None
    seed: int | None = None
    service_tier: str | None = None
    stop: str | list[str] | None = None
    store: bool | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    temperature: float | None = None
    tool_choice: str | _Named | None = None
    tools: list[_Tool] | None = None
    top_logprobs: int | None = None
    top_p: float | None = None
    user: str | None = None
    verbosity: str | None = None
    web_search_options: Raw | None = None


_decode = msgspec.json.Decoder(_Request).decode


def authorised(headers: Mapping[str, str]) -> bool:
    return key_of(headers, "authorization").startswith("Bearer ") or bool(headers.get("api-key"))


def hear(received: Received) -> Heard:
    """Read a request, refusing what OpenAI refuses."""
    try:
        data = _decode(received.body)
    except msgspec.ValidationError as error:
        raise RefusedError(str(error)) from None
    if data.stream_options is not None and not data.stream:
        raise RefusedError("The 'stream_options' parameter is only allowed when 'stream' is enabled.")
    tools = {tool.function.name: tool.function.parameters or {"type": "object"} for tool in data.tools or ()}
    if data.tool_choice and not tools:
        raise RefusedError("'tool_choice' is only allowed when 'tools' are specified.")
    if data.parallel_tool_calls is not None and not tools:
        raise RefusedError("'parallel_tool_calls' is only allowed when 'tools' are specified.")
    form = data.response_format
    if form is not None and form.type == "json_schema" and (form.json_schema is None or not form.json_schema.schema):
        raise RefusedError("Missing required parameter: 'response_format.json_schema'.")
    choice = data.tool_choice
    return Heard(
        model=data.model,
        turns=tuple(_turns(data.messages)),
        system="".join(_text(message) for message in data.messages if message.role in {"system", "developer"}),
        tools=tools,
        choice=choice.function["name"] if isinstance(choice, _Named) else choice or "auto",
        parallel=data.parallel_tool_calls is not False,
        schema=form.json_schema.schema if form and form.json_schema else None,
        json_mode=bool(form and form.type == "json_object"),
        thinking=data.reasoning_effort not in {None, "none"},
        stream=bool(data.stream),
        limit=data.max_completion_tokens or data.max_tokens,
        stop=(data.stop,) if isinstance(data.stop, str) else tuple(data.stop or ()),
        wants_usage=bool(data.stream_options and data.stream_options.include_usage),
    )


def _text(message: _Message) -> str:
    if not isinstance(message.content, list):
        return message.content or ""
    return "".join(part.text or "" for part in message.content if part.type == "text")


def _turns(messages: list[_Message]) -> list[Turn]:  # noqa: C901, PLR0912 - one kind of thing after another
    """Check that every call is answered by the messages right after it, and every result answers one."""
    turns: list[Turn] = []
    open_calls: dict[str, str] = {}
    for at, message in enumerate(messages):
        if message.role not in {"system", "developer", "user", "assistant", "tool"}:
            raise RefusedError(f"Invalid value: '{message.role}'. Supported values are: 'system', 'assistant', …")
        if message.role == "tool":
            if message.tool_call_id not in open_calls:
                raise RefusedError("messages with role 'tool' must be a response to a preceeding message with calls")
            name = open_calls.pop(message.tool_call_id)
            result = Result(message.tool_call_id, name, _text(message))
            if turns[-1].role == "tool":
                result_turn = turns.pop()
                turns.append(Turn("tool", results=(*result_turn.results, result), media=result_turn.media))
            else:
                turns.append(Turn("tool", results=(result,)))
            continue
        if open_calls:
            raise RefusedError(f"tool_call_ids did not have response messages: {', '.join(open_calls)}")
        if message.role in {"system", "developer"}:
            continue
        calls = tuple(_call(call) for call in message.tool_calls or ())
        open_calls = {call.id: call.name for call in calls}
        if message.content is None and not calls and not message.refusal:
            raise RefusedError(f"Invalid value for 'content': expected a string, got null. (messages[{at}])")
        thought = message.reasoning_content or message.reasoning
        thoughts = ((thought, ""),) if thought else ()
        role: mind.Speaker = "assistant" if message.role == "assistant" else "user"
        media = (
            tuple(_media(part) for part in message.content if part.type in {"image_url", "file"})
            if isinstance(message.content, list)
            else ()
        )
        turns.append(Turn(role, texts=(_text(message),), media=media, calls=calls, thoughts=thoughts))
    if open_calls:
        raise RefusedError(f"tool_call_ids did not have response messages: {', '.join(open_calls)}")
    if not turns:
        raise RefusedError("'messages' must hold a message of a user")
    return turns


def _call(call: _Call) -> Called:
    if not call.id or call.type != "function":
        raise RefusedError("Missing required parameter: 'tool_calls[0].id'")
    return Called(call.id, call.function.name, member(call.function.arguments))


def _media(part: _Part) -> mind.Seen:
    url = part.image_url.url if part.image_url else part.file.file_data if part.file else None
    if url is None:
        raise RefusedError("Missing required parameter: 'image_url'")
    if not url.startswith("data:"):
        if part.file or not url.startswith("https://"):
            raise RefusedError(f"Invalid image URL: {url[:40]}")
        return mind.Seen(url=url)
    head, _, data = url[5:].partition(";base64,")
    return mind.seen(head, data)


def _usage(said: Said) -> dict[str, Any]:
    return {
        "prompt_tokens": said.input_tokens,
        "completion_tokens": said.output_tokens,
        "total_tokens": said.input_tokens + said.output_tokens,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": said.reasoning_tokens, "audio_tokens": 0},
    }


def _function(call: Called) -> dict[str, Any]:
    return {"name": call.name, "arguments": json.dumps(call.arguments)}


def whole(heard: Heard, said: Said) -> Reply:
    message: dict[str, Any] = {"role": "assistant", "content": said.text or None, "refusal": None}
    if said.thoughts:
        message["reasoning_content"] = said.thoughts
    if said.calls:
        calls = [{"id": call.id, "type": "function", "function": _function(call)} for call in said.calls]
        message["tool_calls"] = calls
    return Reply.json(
        {
            "id": "chatcmpl-imitated",
            "object": "chat.completion",
            "created": 1760000000,
            "model": heard.model,
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": said.finish}],
            "usage": _usage(said),
            "service_tier": "default",
        }
    )


def stream(heard: Heard, said: Said) -> Reply:
    def chunk(delta: Any, finish: str | None = None, **more: Any) -> bytes:
        choices = [] if delta is None else [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
        usage = {"usage": None} if heard.wants_usage and "usage" not in more else {}
        head = {"id": "chatcmpl-imitated", "object": "chat.completion.chunk", "created": 1760000000}
        return event({**head, "model": heard.model, "choices": choices, **usage, **more})

    pieces = [chunk({"role": "assistant", "content": "", "refusal": None})]
    pieces += [chunk({"reasoning_content": piece}) for piece in mind.cut(said.thoughts)]
    pieces += [chunk({"content": piece}) for piece in said.pieces()]
    for at, call in enumerate(said.calls):
        function = _function(call)
        head = {"index": at, "id": call.id, "type": "function", "function": {"name": call.name, "arguments": ""}}
        pieces.append(chunk({"tool_calls": [head]}))
        for piece in mind.cut(function["arguments"]):
            pieces.append(chunk({"tool_calls": [{"index": at, "function": {"arguments": piece}}]}))
    pieces.append(chunk({}, said.finish))
    if heard.wants_usage:
        pieces.append(chunk(None, usage=_usage(said)))
    return sse([*pieces, NO_DATA])


def refuse(error: RefusedError) -> Reply:
    body = {"message": error.message, "type": "invalid_request_error", "param": None, "code": error.kind or None}
    return Reply.json({"error": body}, error.status)


def no_key() -> Reply:
    return refuse(RefusedError("Incorrect API key provided.", status=401, kind="invalid_api_key"))

"""Imitates OpenAI's Responses: https://platform.openai.com/docs/api-reference/responses and its streaming events."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct
from tests.support.imitation import mind
from tests.support.imitation.mind import Called, Heard, RefusedError, Result, Said, Seen, Turn
from tests.support.imitation.openai_chat import authorised, no_key, refuse
from tests.support.imitation.says import event, member, sse
from tests.support.upstream import Received, Reply

__all__ = ["PATH", "WIRE", "authorised", "hear", "no_key", "refuse", "stream", "whole"]

WIRE = "openai_responses"
PATH = "/responses"


class _Strict(Struct, forbid_unknown_fields=True):
    """OpenAI refuses members it does not know."""


class _Part(_Strict):
    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: str | None = None
    file_id: str | None = None
    file_url: str | None = None
    file_data: str | None = None
    filename: str | None = None
    detail: str | None = None
    annotations: Any = None
    logprobs: Any = None


class _Item(_Strict):
    type: str = "message"
    role: str | None = None
    content: str | list[_Part] | None = None
    phase: str | None = None
    id: str | None = None
    status: str | None = None
    call_id: str | None = None
    name: str | None = None
    namespace: str | None = None
    arguments: str | None = None
    output: str | list[_Part] | None = None
    summary: list[_Part] | None = None
    encrypted_content: str | None = None


class _Tool(_Strict):
    type: str
    name: str | None = None
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class _Format(_Strict):
    type: str
    name: str | None = None
    schema: dict[str, Any] | None = None
    strict: bool | None = None
    description: str | None = None


class _TextConfig(_Strict):
    format: _Format | None = None
    verbosity: str | None = None


class _Reasoning(_Strict):
    effort: str | None = None
    summary: str | None = None
    generate_summary: str | None = None


class _Named(_Strict):
    type: str
    name: str | None = None


class _Request(_Strict):
    model: str
    input: str | list[_Item]
    background: bool | None = None
    conversation: Any = None
    include: list[str] | None = None
    instructions: str | None = None
    max_output_tokens: int | None = None
    max_tool_calls: int | None = None
    metadata: dict[str, str] | None = None
    parallel_tool_calls: bool | None = None
    previous_response_id: str | None = None
    prompt: Any = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    reasoning: _Reasoning | None = None
    safety_identifier: str | None = None
    service_tier: str | None = None
    store: bool | None = None
    stream: bool | None = None
    stream_options: dict[str, bool] | None = None
    temperature: float | None = None
    text: _TextConfig | None = None
    tool_choice: str | _Named | None = None
    tools: list[_Tool] | None = None
    top_logprobs: int | None = None
    top_p: float | None = None
    truncation: str | None = None
    user: str | None = None


_decode = msgspec.json.Decoder(_Request).decode


def hear(received: Received) -> Heard:
    """Read a request, refusing what OpenAI refuses."""
    try:
        data = _decode(received.body)
    except msgspec.ValidationError as error:
        raise RefusedError(str(error)) from None
    if data.max_output_tokens is not None and data.max_output_tokens < 16:
        raise RefusedError("Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16")
    items = [_Item(role="user", content=data.input)] if isinstance(data.input, str) else data.input
    system = [_text(item.content) for item in items if item.role in {"system", "developer"}]
    form = data.text.format if data.text else None
    if form is not None and form.type == "json_schema" and not (form.name and form.schema):
        raise RefusedError("Missing required parameter: 'text.format.name'.")
    tools = {tool.name or "": tool.parameters or {} for tool in data.tools or () if tool.type == "function"}
    choice = data.tool_choice
    return Heard(
        model=data.model,
        turns=tuple(_turns(items)),
        system="".join([data.instructions or "", *system]),
        tools=tools,
        choice=(choice.name or "") if isinstance(choice, _Named) else choice or "auto",
        parallel=data.parallel_tool_calls is not False,
        schema=form.schema if form else None,
        json_mode=bool(form and form.type == "json_object"),
        thinking=bool(data.reasoning and data.reasoning.effort not in {None, "none"}),
        stream=bool(data.stream),
        limit=data.max_output_tokens,
    )


def _text(content: str | list[_Part] | None) -> str:
    if not isinstance(content, list):
        return content or ""
    return "".join(part.text or "" for part in content if part.type in {"input_text", "output_text"})


def _turns(items: list[_Item]) -> list[Turn]:
    """Put items of one side together, checking that every output answers a call and every call has one."""
    turns: list[Turn] = []
    waiting: dict[str, str] = {}
    for at, item in enumerate(items):
        turn = _turn(item, at, waiting)
        if turn is None:
            continue
        if turn.calls:
            waiting |= {call.id: call.name for call in turn.calls}
        for result in turn.results:
            waiting.pop(result.id)
        if turns and turns[-1].role == turn.role and turn.role != "user":
            last = turns.pop()
            turn = Turn(
                turn.role,
                (*last.texts, *turn.texts),
                (*last.media, *turn.media),
                (*last.calls, *turn.calls),
                (*last.results, *turn.results),
                (*last.thoughts, *turn.thoughts),
            )
        turns.append(turn)
    if waiting:
        raise RefusedError(f"No tool output found for function call {', '.join(waiting)}.")
    if not turns:
        raise RefusedError("Missing required parameter: 'input'.")
    return turns


def _turn(item: _Item, at: int, waiting: Mapping[str, str]) -> Turn | None:
    match item.type:
        case "message" if item.role in {"system", "developer"}:
            return None
        case "message" if item.role == "user":
            return Turn("user", (_text(_typed(item, {"input_text", "input_image", "input_file"})),), _media(item))
        case "message" if item.role == "assistant":
            return Turn("assistant", (_text(_typed(item, {"output_text", "refusal"})),))
        case "function_call":
            if not (item.call_id and item.name) or item.arguments is None:
                raise RefusedError(f"Missing required parameter: 'input[{at}].call_id'.")
            return Turn("assistant", calls=(Called(item.call_id, item.name, member(item.arguments)),))
        case "function_call_output":
            if item.call_id is None or item.call_id not in waiting:
                raise RefusedError(f"No tool call found for function call output with call_id {item.call_id}.")
            output = "".join(part.text or "" for part in item.output) if isinstance(item.output, list) else item.output
            result = Result(item.call_id, waiting[item.call_id], output or "")
            media = _media(_Item(content=item.output)) if isinstance(item.output, list) else ()
            return Turn("tool", results=(result,), media=media)
        case "reasoning":
            thoughts = "".join(part.text or "" for part in item.summary or ())
            if item.encrypted_content and item.encrypted_content != mind.sign(thoughts, WIRE):
                raise RefusedError("The encrypted content could not be verified.", kind="invalid_encrypted_content")
            return Turn("assistant", thoughts=((thoughts, item.encrypted_content or ""),))
    raise RefusedError(f"Invalid value: '{item.role or item.type}' (input[{at}]).")


def _typed(item: _Item, allowed: set[str]) -> str | list[_Part]:
    if isinstance(item.content, list):
        for part in item.content:
            if part.type not in allowed:
                raise RefusedError(f"Invalid value: '{part.type}'. Supported values are: {', '.join(allowed)}")
    if item.content is None:
        raise RefusedError("Missing required parameter: 'input[0].content'.")
    return item.content


def _media(item: _Item) -> tuple[Seen, ...]:
    parts = item.content if isinstance(item.content, list) else []
    return tuple(_seen(part) for part in parts if part.type in {"input_image", "input_file"})


def _seen(part: _Part) -> Seen:
    url = part.image_url or part.file_data or part.file_url or ""
    if not url.startswith("data:"):
        return Seen(url=url or f"file {part.file_id}")
    head, _, data = url[5:].partition(";base64,")
    return mind.seen(head, data)


def _usage(said: Said) -> dict[str, Any]:
    return {
        "input_tokens": said.input_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": said.output_tokens,
        "output_tokens_details": {"reasoning_tokens": said.reasoning_tokens},
        "total_tokens": said.input_tokens + said.output_tokens,
    }


def _items(said: Said) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if said.thoughts:
        summary = [{"type": "summary_text", "text": said.thoughts}]
        items.append(
            {"id": "rs_imitated", "type": "reasoning", "summary": summary, "encrypted_content": said.signature}
        )
    if said.text:
        content = [{"type": "output_text", "text": said.text, "annotations": [], "logprobs": []}]
        status = "incomplete" if said.finish == "length" else "completed"
        head = {"id": "msg_imitated", "type": "message", "role": "assistant"}
        items.append({**head, "status": status, "content": content})
    for at, call in enumerate(said.calls):
        head = {"id": f"fc_imitated{at}", "type": "function_call", "status": "completed"}
        items.append({**head, "call_id": call.id, "name": call.name, "arguments": json.dumps(call.arguments)})
    return items


def _response(heard: Heard, said: Said, status: str) -> dict[str, Any]:
    done = status != "in_progress"
    return {
        "id": "resp_imitated",
        "object": "response",
        "created_at": 1760000000,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "instructions": heard.system or None,
        "max_output_tokens": heard.limit,
        "model": heard.model,
        "output": _items(said) if done else [],
        "parallel_tool_calls": heard.parallel,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "store": False,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": _usage(said) if done else None,
        "metadata": {},
    }


def _status(said: Said) -> str:
    return "incomplete" if said.finish == "length" else "completed"


def whole(heard: Heard, said: Said) -> Reply:
    return Reply.json(_response(heard, said, _status(said)))


def stream(heard: Heard, said: Said) -> Reply:
    events = [{**value, "sequence_number": number} for number, value in enumerate(_events(heard, said))]
    return sse([event(value, value["type"]) for value in events])


def _events(heard: Heard, said: Said) -> Iterator[dict[str, Any]]:
    begun = _response(heard, said, "in_progress")
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for at, item in enumerate(_items(said)):
        place = {"item_id": item["id"], "output_index": at}
        yield {"type": "response.output_item.added", "output_index": at, "item": _empty(item)}
        match item["type"]:
            case "reasoning":
                yield from _summary(item["summary"][0], place)
            case "message":
                yield from _content(item["content"][0], place)
            case _:
                for piece in mind.cut(item["arguments"]):
                    yield {"type": "response.function_call_arguments.delta", **place, "delta": piece}
                end = {"name": item["name"], "arguments": item["arguments"]}
                yield {"type": "response.function_call_arguments.done", **place, **end}
        yield {"type": "response.output_item.done", "output_index": at, "item": item}
    status = _status(said)
    yield {"type": f"response.{status}", "response": _response(heard, said, status)}


def _empty(item: dict[str, Any]) -> dict[str, Any]:
    match item["type"]:
        case "reasoning":
            return {**item, "summary": [], "encrypted_content": ""}
        case "message":
            return {**item, "content": [], "status": "in_progress"}
    return {**item, "arguments": "", "status": "in_progress"}


def _summary(part: dict[str, Any], place: dict[str, Any]) -> Iterator[dict[str, Any]]:
    where = {**place, "summary_index": 0}
    yield {"type": "response.reasoning_summary_part.added", **where, "part": {**part, "text": ""}}
    for piece in mind.cut(part["text"]):
        yield {"type": "response.reasoning_summary_text.delta", **where, "delta": piece}
    yield {"type": "response.reasoning_summary_text.done", **where, "text": part["text"]}
    yield {"type": "response.reasoning_summary_part.done", **where, "part": part}


def _content(part: dict[str, Any], place: dict[str, Any]) -> Iterator[dict[str, Any]]:
    where = {**place, "content_index": 0}
    yield {"type": "response.content_part.added", **where, "part": {**part, "text": ""}}
    for piece in mind.cut(part["text"]):
        yield {"type": "response.output_text.delta", **where, "delta": piece, "logprobs": []}
    yield {"type": "response.output_text.done", **where, "text": part["text"], "logprobs": []}
    yield {"type": "response.content_part.done", **where, "part": part}

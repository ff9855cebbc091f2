"""Imitates Converse and ConverseStream: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
from msgspec import Struct
from tests.support.imitation import mind
from tests.support.imitation.frames import frame
from tests.support.imitation.mind import Called, Heard, RefusedError, Result, Said, Seen, Turn
from tests.support.imitation.says import key_of
from tests.support.upstream import Received, Reply

WIRE = "bedrock_converse"
PATH = re.compile(r"/model/(.+)/(converse|converse-stream)$")
FINISH = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
TOOL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
FORMATS = frozenset({"png", "jpeg", "gif", "webp"})


class _Strict(Struct, forbid_unknown_fields=True, rename="camel"):
    """Unknown members of a block make an empty union, which is refused."""


class _Source(_Strict):
    bytes: str | None = None
    s3_location: Any = None
    text: str | None = None


class _Media(_Strict):
    format: str
    source: _Source
    name: str | None = None
    citations: Any = None
    context: str | None = None


class _ToolUse(_Strict):
    tool_use_id: str
    name: str
    input: dict[str, Any]
    type: str | None = None


class _ResultPart(_Strict):
    text: str | None = None
    json: Any = None
    image: _Media | None = None
    document: _Media | None = None


class _ToolResult(_Strict):
    tool_use_id: str
    content: list[_ResultPart]
    status: str | None = None
    type: str | None = None


class _ReasoningText(_Strict):
    text: str
    signature: str | None = None


class _Reasoning(_Strict):
    reasoning_text: _ReasoningText | None = None
    redacted_content: str | None = None


class _Block(_Strict):
    text: str | None = None
    image: _Media | None = None
    document: _Media | None = None
    tool_use: _ToolUse | None = None
    tool_result: _ToolResult | None = None
    reasoning_content: _Reasoning | None = None
    cache_point: Any = None
    citations_content: Any = None


class _Message(_Strict):
    role: str
    content: list[_Block]


class _System(_Strict):
    text: str | None = None
    cache_point: Any = None


class _Spec(_Strict):
    name: str
    input_schema: dict[str, Any]
    description: str | None = None
    strict: bool | None = None


class _Tool(_Strict):
    tool_spec: _Spec | None = None
    cache_point: Any = None
    system_tool: Any = None


class _ToolConfig(_Strict):
    tools: list[_Tool]
    tool_choice: dict[str, dict[str, str]] | None = None


class _Inference(_Strict):
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop_sequences: list[str] | None = None


class _Request(_Strict):
    messages: list[_Message]
    system: list[_System] | None = None
    inference_config: _Inference | None = None
    tool_config: _ToolConfig | None = None
    additional_model_request_fields: dict[str, Any] | None = None
    additional_model_response_field_paths: list[str] | None = None
    guardrail_config: Any = None
    prompt_variables: Any = None
    request_metadata: dict[str, str] | None = None
    performance_config: Any = None
    service_tier: Any = None
    output_config: dict[str, Any] | None = None


_decode = msgspec.json.Decoder(_Request).decode


def authorised(headers: Mapping[str, str]) -> bool:
    return key_of(headers, "authorization").startswith(("Bearer ", "AWS4-HMAC-SHA256 Credential="))


def hear(received: Received) -> Heard:
    """Read a request, refusing what AWS refuses."""
    found = PATH.search(urlsplit(received.path).path)
    if found is None:
        raise RefusedError("Unable to determine service/operation name", status=404, kind="UnknownOperationException")
    try:
        data = _decode(received.body)
    except msgspec.ValidationError as error:
        raise RefusedError(f"Malformed input request: {error}, please reformat your input and try again.") from None
    config = data.tool_config
    specs = [tool.tool_spec for tool in config.tools if tool.tool_spec] if config else []
    tools = {spec.name: spec.input_schema["json"] for spec in specs}
    inference = data.inference_config or _Inference()
    fields = data.additional_model_request_fields or {}
    return Heard(
        model=unquote(found[1]),
        turns=tuple(_turns(data.messages, tools)),
        system="".join(part.text or "" for part in data.system or ()),
        tools=tools,
        choice=_choice((config.tool_choice if config else None) or {}),
        schema=_schema(data.output_config or {}),
        thinking=_thinks(fields),
        stream=found[2] == "converse-stream",
        limit=inference.max_tokens,
        stop=tuple(inference.stop_sequences or ()),
    )


def _choice(choice: Mapping[str, Mapping[str, str]]) -> str:
    match choice:
        case {"tool": {"name": name}}:
            return name
        case {"any": _}:
            return "required"
    return "auto"


def _schema(output: Mapping[str, Any]) -> Any:
    """Find a schema, which this wire carries as JSON text."""
    match output:
        case {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": str(text)}}}}:
            return json.loads(text)
    return None


def _thinks(fields: Mapping[str, Any]) -> bool:
    """Tell by the words of each family of models that can think."""
    thinking = fields.get("thinking") or fields.get("reasoning_config") or fields.get("reasoningConfig") or {}
    return thinking.get("type") in {"enabled", "adaptive"} or "reasoning_effort" in fields


def _turns(messages: list[_Message], tools: Mapping[str, Any]) -> list[Turn]:
    turns: list[Turn] = []
    waiting: dict[str, str] = {}
    role = "user"
    for at, message in enumerate(messages):
        if message.role != role:
            raise RefusedError("A conversation must alternate between user and assistant roles, beginning with user.")
        role = "assistant" if role == "user" else "user"
        if not message.content:
            raise RefusedError(f"The content field in the Message object at messages.{at} is empty.")
        turn = _turn(message, waiting)
        if (turn.calls or turn.results) and not tools:
            raise RefusedError("The toolConfig field must be defined when using toolUse and toolResult content blocks.")
        if set(waiting) != {result.id for result in turn.results}:
            raise RefusedError("The number of toolResult blocks exceeds or lacks that of the toolUse blocks before.")
        waiting = {call.id: call.name for call in turn.calls}
        turns.append(turn)
    if not turns or waiting or role == "user":
        raise RefusedError("A conversation must end with a user message that answers all toolUse blocks.")
    return turns


def _turn(message: _Message, waiting: Mapping[str, str]) -> Turn:  # noqa: C901, PLR0912 - one kind of thing after another
    texts, media, calls, results, thoughts = [], [], [], [], []
    for block in message.content:
        if sum(value is not None for value in msgspec.structs.astuple(block)) != 1:
            raise RefusedError("ContentBlock object must set exactly one member.")
        if block.text is not None:
            if not block.text.strip():
                raise RefusedError("The text field in the ContentBlock object is blank. Add text and try again.")
            texts.append(block.text)
        if block.image:
            media.append(_picture(block.image))
        if block.document:
            media.append(_seen(f"application/{block.document.format}", block.document.source))
        if use := block.tool_use:
            if not TOOL_ID.fullmatch(use.tool_use_id):
                raise RefusedError("Value at 'toolUseId' failed to satisfy constraint: [a-zA-Z0-9_-]+")
            calls.append(Called(use.tool_use_id, use.name, use.input))
        if answer := block.tool_result:
            text, pictures = _result(answer)
            media += pictures
            results.append(
                Result(answer.tool_use_id, waiting.get(answer.tool_use_id, ""), text, answer.status == "error")
            )
        if block.reasoning_content and (thought := block.reasoning_content.reasoning_text):
            if thought.signature != mind.sign(thought.text, WIRE):
                raise RefusedError("Invalid `signature` in `thinking` block")
            thoughts.append((thought.text, thought.signature))
    role: mind.Speaker = "assistant" if message.role == "assistant" else "user"
    return Turn(role, tuple(texts), tuple(media), tuple(calls), tuple(results), tuple(thoughts))


def _picture(media: _Media) -> Seen:
    if media.format not in FORMATS:
        raise RefusedError(f"Value '{media.format}' at 'image.format' failed to satisfy enum value set")
    return _seen(f"image/{media.format}", media.source)


def _seen(media_type: str, source: _Source) -> Seen:
    if source.bytes is None:
        raise RefusedError("The source of the media must hold bytes.")
    return mind.seen(media_type, source.bytes)


def _result(answer: _ToolResult) -> tuple[str, list[Seen]]:
    texts = [part.text if part.text is not None else json.dumps(part.json) for part in answer.content if not part.image]
    return "".join(texts), [_picture(part.image) for part in answer.content if part.image]


def _usage(said: Said) -> dict[str, Any]:
    total = said.input_tokens + said.output_tokens
    cached = {"cacheReadInputTokens": 0, "cacheWriteInputTokens": 0}
    return {"inputTokens": said.input_tokens, "outputTokens": said.output_tokens, "totalTokens": total, **cached}


def _call_id(call: Called) -> str:
    return call.id.replace("call_", "tooluse_")


def whole(heard: Heard, said: Said) -> Reply:
    content: list[dict[str, Any]] = []
    if said.thoughts:
        thought = {"text": said.thoughts, "signature": said.signature}
        content.append({"reasoningContent": {"reasoningText": thought}})
    if said.text:
        content.append({"text": said.text})
    content += [{"toolUse": {"toolUseId": _call_id(c), "name": c.name, "input": c.arguments}} for c in said.calls]
    message = {"role": "assistant", "content": content}
    stop = FINISH[said.finish]
    body = {"output": {"message": message}, "stopReason": stop, "usage": _usage(said), "metrics": {"latencyMs": 5}}
    return Reply.json(body)


def stream(heard: Heard, said: Said) -> Reply:
    """Stream binary frames; text and reasoning have no start of their own, as recorded."""
    out: list[tuple[str, dict[str, Any]]] = [("messageStart", {"role": "assistant"})]
    at = 0
    if said.thoughts:
        deltas = [{"reasoningContent": {"text": piece}} for piece in mind.cut(said.thoughts)]
        deltas.append({"reasoningContent": {"signature": said.signature}})
        out += _block(at, deltas)
        at += 1
    if said.text:
        out += _block(at, [{"text": piece} for piece in said.pieces()])
        at += 1
    for call in said.calls:
        start = {"toolUse": {"toolUseId": _call_id(call), "name": call.name}}
        out.append(("contentBlockStart", {"contentBlockIndex": at, "start": start}))
        out += _block(at, [{"toolUse": {"input": piece}} for piece in mind.cut(json.dumps(call.arguments))])
        at += 1
    out.append(("messageStop", {"stopReason": FINISH[said.finish]}))
    out.append(("metadata", {"usage": _usage(said), "metrics": {"latencyMs": 5}}))
    frames = [frame(name, json.dumps({**value, "p": "abcdefgh"}).encode()) for name, value in out]
    return Reply.stream(frames, "application/vnd.amazon.eventstream")


def _block(at: int, deltas: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    pieces = [("contentBlockDelta", {"contentBlockIndex": at, "delta": delta}) for delta in deltas]
    return [*pieces, ("contentBlockStop", {"contentBlockIndex": at})]


def refuse(error: RefusedError) -> Reply:
    headers = {"x-amzn-errortype": error.kind or "ValidationException"}
    return Reply.json({"message": error.message}, error.status, headers)


def no_key() -> Reply:
    error = "The security token included in the request is invalid."
    return refuse(RefusedError(error, status=403, kind="UnrecognizedClientException"))
